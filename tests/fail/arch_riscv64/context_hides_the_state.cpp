// SPDX-License-Identifier: BSL-1.0
// A context that does not show the host's sstatus cannot tell the first use of an FP register from an illegal
// instruction: it is no context, and the message says which part it lacks.
// EXPECT: TrapContext
// EXPECT: sstatus
#include <axhal/arch/riscv64/exit_scause.hpp>

#include "support/riscv64_guest.hpp"

struct context : axhal::test::rv::fast_context {
#if !defined(AXHAL_CORRECT)
  std::uint64_t sstatus() const = delete;
#endif
};
struct handler {
  template <typename Guest, typename Exit>
  axhal::resume operator()(Guest&, Exit const&) {
    return axhal::resume::stop;
  }
};
axhal::resume run(context c, handler& h) { return axhal::riscv64::decode(c, h); }

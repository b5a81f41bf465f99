// SPDX-License-Identifier: BSL-1.0
// `decode` refuses a handler that forgets a kind, by the concept's name and the exit's.
// EXPECT: ExitHandler
// EXPECT: register_write
#include <axhal/arch/riscv64/exit_scause.hpp>

#include "support/riscv64_guest.hpp"

struct handler {
  template <typename Guest, typename Exit>
#if !defined(AXHAL_CORRECT)
    requires(!std::same_as<Exit, axhal::exit::register_write>)
#endif
  axhal::resume operator()(Guest&, Exit const&) {
    return axhal::resume::stop;
  }
};
axhal::resume run(axhal::test::rv::fast_context c, handler& h) { return axhal::riscv64::decode(c, h); }

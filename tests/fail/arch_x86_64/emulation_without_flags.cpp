// SPDX-License-Identifier: BSL-1.0
// A context that cannot write RFLAGS cannot emulate arithmetic: it is none, and the message says which part it lacks.
// EXPECT: EmulatedRegisters
// EXPECT: set_rflags
#include <axhal/arch/x86_64/mmio_emulation.hpp>

#include "support/exit_recorder.hpp"
#include "support/x86_64_emulated.hpp"

struct context : axhal::test::x86::sim_cpu {
#if !defined(AXHAL_CORRECT)
  void set_rflags(std::uint64_t) = delete;
#endif
};
axhal::resume run(context c, axhal::test::recorder& h, axhal::x86_64::instruction const& i) {
  axhal::test::x86::sim_view view{c};
  axhal::test::x86::sim_memory<64> memory{};
  return axhal::x86_64::emulate(c, view, memory, h, i, {});
}

// SPDX-License-Identifier: BSL-1.0
// One barrier of the five is missing.
// EXPECT: CpuPolicy: needs `order<barrier>\(\)` for each barrier
#include <axhal/arch/host/cpu.hpp>

struct cpu_type : axhal::host::cpu {
#if !defined(AXHAL_CORRECT)
  template <axhal::barrier B>
    requires(B != axhal::barrier::device)
  static void order() {}
#endif
};
static_assert(axhal::explain_cpu_policy<cpu_type>());

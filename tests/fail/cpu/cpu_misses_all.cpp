// SPDX-License-Identifier: BSL-1.0
// EXPECT: CpuPolicy: needs `order<barrier>\(\)` for each barrier
// EXPECT: CpuPolicy: needs a nested type `irq_state`
// EXPECT: CpuPolicy: needs `mask_interrupts\(\) -> irq_state`, `restore_interrupts\(irq_state\)`
// EXPECT: CpuPolicy: needs `wait_for_interrupt\(\)` and `relax\(\)`
// EXPECT: CpuPolicy: needs `hardware_id\(\) -> uint64_t`, `per_cpu_base\(\) -> void\*`
#include <axhal/arch/host/cpu.hpp>

#if defined(AXHAL_CORRECT)
using cpu_type = axhal::host::cpu;
#else
struct cpu_type {};
#endif
static_assert(axhal::explain_cpu_policy<cpu_type>());

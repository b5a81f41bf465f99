// SPDX-License-Identifier: BSL-1.0
// EXPECT: CpuPolicy
#include <axhal/arch/host/cpu.hpp>
#include <axhal/cpu/spin_lock.hpp>

#if defined(AXHAL_CORRECT)
using cpu_type = axhal::host::cpu;
#else
struct cpu_type {};
#endif
[[maybe_unused]] axhal::spin_lock<cpu_type> l;

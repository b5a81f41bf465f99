// SPDX-License-Identifier: BSL-1.0
// A clock that may be either kind is told which: nothing is guessed.
// EXPECT: timer_choice
#include <axhal/arch/x86_64/tsc_clock.hpp>

#include "support/simulated_pc_power.hpp"

struct here {};
using pc = axhal::test::simulated_pc_power<here>;
using clock_type = axhal::x86_64::tsc_clock<pc::bus::cpu, pc::access, axhal::x86_64::timer_by::either>;

#if defined(AXHAL_CORRECT)
clock_type make(axhal::x86_64::local_apic<pc::access>& apic) { return clock_type{apic, {}, true}; }
#else
clock_type make(axhal::x86_64::local_apic<pc::access>& apic) { return clock_type{apic, {}}; }
#endif

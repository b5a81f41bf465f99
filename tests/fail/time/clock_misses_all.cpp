// SPDX-License-Identifier: BSL-1.0
// EXPECT: ClockPolicy: needs `now\(\) -> ticks` and `frequency\(\) -> hertz`
// EXPECT: ClockPolicy: needs `arm\(ticks\)`, `cancel\(\)` and `is_due\(\) -> bool`
// EXPECT: ClockPolicy: needs `set_guest_offset\(ticks\)` and `guest_now\(\) -> ticks`
// EXPECT: ClockPolicy: needs the constants `runs_in_idle` and `width`
#include <axhal/arch/host/clock.hpp>

#if defined(AXHAL_CORRECT)
using clock_type = axhal::host::clock;
#else
struct clock_type {};
#endif
static_assert(axhal::explain_clock_policy<clock_type>());

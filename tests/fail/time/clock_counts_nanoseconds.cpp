// SPDX-License-Identifier: BSL-1.0
// A clock whose `now` is in nanoseconds is no clock: the unit is part of the contract.
// EXPECT: ClockPolicy: needs `now\(\) -> ticks`
#include <axhal/arch/host/clock.hpp>

struct clock_type : axhal::host::clock {
#if !defined(AXHAL_CORRECT)
  static constexpr axhal::nanoseconds now() { return {0}; }
#endif
};
static_assert(axhal::explain_clock_policy<clock_type>());

// SPDX-License-Identifier: BSL-1.0
// EXPECT: no match for|invalid operands
// EXPECT: ticks
// EXPECT: nanoseconds
#include <axhal/time/clock_scale.hpp>

constexpr auto scale = axhal::clock_scale::of(axhal::hertz{1000}).value();
#if defined(AXHAL_CORRECT)
constexpr axhal::ticks deadline = axhal::ticks{5} + scale.to_ticks_at_least(axhal::nanoseconds{7});
#else
constexpr axhal::ticks deadline = axhal::ticks{5} + axhal::nanoseconds{7};
#endif
static_assert(deadline.value == 6);

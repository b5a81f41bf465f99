// SPDX-License-Identifier: BSL-1.0
// EXPECT: timer_queue: the capacity is 1
#include <axhal/time/timer_queue.hpp>

#if defined(AXHAL_CORRECT)
constexpr unsigned capacity = 1;
#else
constexpr unsigned capacity = 0;
#endif
[[maybe_unused]] axhal::timer_queue<capacity, int> queue;

// SPDX-License-Identifier: BSL-1.0
// EXPECT: timer_queue: the payload must be trivially copyable
#include <axhal/time/timer_queue.hpp>

struct owner {
#if !defined(AXHAL_CORRECT)
  constexpr ~owner() {}
#endif
};
[[maybe_unused]] axhal::timer_queue<4, owner> queue;

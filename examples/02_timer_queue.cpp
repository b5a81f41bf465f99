// SPDX-License-Identifier: BSL-1.0
// Timers without a heap: one-shot, periodic and cancelled, served in order of their deadlines.
#include <axhal/core/bytes.hpp>
#include <axhal/time/timer_queue.hpp>

#include <cstdio>

using namespace axhal;

int main() {
  timer_queue<4, char> timers;
  (void)timers.add(ticks{300}, 'c');
  (void)timers.add_periodic(ticks{100}, ticks{150}, 'p');
  auto const never = timers.add(ticks{120}, 'x');
  timers.cancel(*never);

  char order[8]{};
  int served = 0;
  for (ticks now{0}; now <= ticks{400}; now = now + ticks{50}) {
    for (auto due = timers.expire(now); due; due = timers.expire(now)) order[served++] = due->payload;
  }
  std::printf("served: %s, next deadline: %d\n", order, static_cast<int>(timers.next_deadline()->value));
  return text{"ppcp"} == text{order, 4} && served == 4 ? 0 : 1;
}

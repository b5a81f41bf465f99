// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/clock.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::laws {

/// The number of the first law of `ClockPolicy` that `clock` breaks, or 0.
///
/// `pass(ticks n)` returns when at least `n` ticks have gone by: it turns a simulated clock, or waits for a real one.
/// On a machine with interrupts, mask the clock's. Leaves the clock cancelled and the guest offset 0.
template <ClockPolicy C, std::invocable<ticks> Pass>
constexpr int first_broken_clock_law(C& clock, Pass&& pass) {
  constexpr ticks far{std::uint64_t{1} << 40};
  constexpr ticks near{1000};

  clock.cancel();
  clock.set_guest_offset(ticks{0});

  ticks last = clock.now();
  for (int i = 0; i < 8; ++i) {
    pass(ticks{static_cast<std::uint64_t>(i)});
    ticks const next = clock.now();
    if (next < last) return 1;
    last = next;
  }

  hertz const frequency = clock.frequency();
  if (frequency.value == 0) return 2;
  pass(near);
  if (clock.frequency() != frequency) return 2;

  pass(near);
  clock.arm(ticks{0});
  if (!clock.is_due()) return 3;
  clock.arm(clock.now());
  if (!clock.is_due()) return 3;

  clock.arm(clock.now() + far);
  if (clock.is_due()) return 4;
  clock.cancel();  // replacing is law 6
  clock.arm(clock.now() + near);
  pass(near);
  if (!clock.is_due()) return 4;

  clock.cancel();
  if (clock.is_due()) return 5;
  clock.arm(clock.now() + near);
  clock.cancel();
  pass(near);
  if (clock.is_due()) return 5;

  clock.arm(clock.now() + far);
  clock.arm(ticks{0});
  if (!clock.is_due()) return 6;
  clock.arm(clock.now() + far);
  if (clock.is_due()) return 6;
  clock.cancel();

  std::uint64_t const offsets[] = {
      0, 1, 12345, clock.now().value, clock.now().value + 1, std::uint64_t{1} << 63, UINT64_MAX};
  for (std::uint64_t const offset : offsets) {
    clock.set_guest_offset(ticks{offset});
    ticks const before = clock.now();
    ticks const guest = clock.guest_now();
    ticks const after = clock.now();
    // The host's time at which the guest read, which lies between the two readings.
    ticks const read = guest + ticks{offset};
    if (read < before || read > after) return 7;
  }
  clock.set_guest_offset(ticks{0});
  return 0;
}

}  // namespace axhal::laws

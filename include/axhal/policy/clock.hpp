// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

#include <concepts>

namespace axhal {

namespace clock_req {

template <typename C>
concept Counts = requires(C& c) {
  { c.now() } -> std::same_as<ticks>;
  { c.frequency() } -> std::same_as<hertz>;
};

template <typename C>
concept Alarms = requires(C& c, ticks deadline) {
  { c.arm(deadline) } -> std::same_as<void>;
  { c.cancel() } -> std::same_as<void>;
  { c.is_due() } -> std::same_as<bool>;
};

template <typename C>
concept ServesGuests = requires(C& c, ticks offset) {
  { c.set_guest_offset(offset) } -> std::same_as<void>;
  { c.guest_now() } -> std::same_as<ticks>;
};

template <typename C>
concept StatesProperties = requires {
  { C::runs_in_idle } -> std::convertible_to<bool>;
  { C::width } -> std::convertible_to<unsigned>;
};

}  // namespace clock_req

/// A monotonic counter with one one-shot deadline per CPU, and what a guest sees of it.
///
/// `now()` never goes back on one CPU. `arm(t)` asks for the clock's interrupt at the first moment that `now() >= t`;
/// a deadline in the past is due at once; arming again replaces the deadline. `is_due()` is true when armed and the
/// deadline has passed. `set_guest_offset(o)`: from now on a guest on this CPU reads `now() - o` (modulo 2^64).
/// `runs_in_idle`: the counter does not stop when the CPU waits. `width`: number of counter bits (>= 56).
///
/// Laws (conformance/clock_laws.hpp):
///   1. two readings in a row never decrease
///   2. `frequency()` is above 0 and never changes
///   3. a deadline in the past is due at once
///   4. a deadline in the future is not due now; it is due when `now()` has reached it
///   5. after `cancel()` nothing is due
///   6. arming again replaces the deadline, later or earlier
///   7. `guest_now()` is `now() - offset`, for any offset
///
/// Models: aarch64::generic_timer, riscv64::hart_clock, x86_64::tsc_clock, x86_64::hpet_clock,
/// host::clock.
template <typename C>
concept ClockPolicy =
    clock_req::Counts<C> && clock_req::Alarms<C> && clock_req::ServesGuests<C> && clock_req::StatesProperties<C>;

/// Names every requirement `C` misses, one error each.
template <typename C>
consteval bool explain_clock_policy() {
  static_assert(clock_req::Counts<C>, "ClockPolicy: needs `now() -> ticks` and `frequency() -> hertz`");
  static_assert(clock_req::Alarms<C>, "ClockPolicy: needs `arm(ticks)`, `cancel()` and `is_due() -> bool`");
  static_assert(clock_req::ServesGuests<C>, "ClockPolicy: needs `set_guest_offset(ticks)` and `guest_now() -> ticks`");
  static_assert(clock_req::StatesProperties<C>, "ClockPolicy: needs the constants `runs_in_idle` and `width`");
  return ClockPolicy<C>;
}

}  // namespace axhal

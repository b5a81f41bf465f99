// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/clock.hpp>

#include <cstdint>

namespace axhal::host {

/// A clock that a test turns by hand: `now()` changes only by `advance` and `set`.
class clock {
 public:
  static constexpr bool runs_in_idle = true;
  static constexpr unsigned width = 64;

  /// Precondition: `frequency` is above 0.
  constexpr explicit clock(hertz frequency = {62'500'000}, ticks start = {}) : frequency_{frequency}, now_{start} {}

  constexpr void advance(ticks by) { now_ = now_ + by; }
  /// Precondition: `to` is not before `now()`.
  constexpr void set(ticks to) { now_ = to; }

  // --- ClockPolicy ---

  [[nodiscard]] constexpr ticks now() const { return now_; }
  [[nodiscard]] constexpr hertz frequency() const { return frequency_; }
  constexpr void arm(ticks deadline) {
    deadline_ = deadline;
    armed_ = true;
  }
  constexpr void cancel() { armed_ = false; }
  [[nodiscard]] constexpr bool is_due() const { return armed_ && now_ >= deadline_; }
  constexpr void set_guest_offset(ticks offset) { offset_ = offset; }
  [[nodiscard]] constexpr ticks guest_now() const { return now_ - offset_; }

 private:
  hertz frequency_;
  ticks now_;
  ticks deadline_{};
  ticks offset_{};
  bool armed_{};
};
static_assert(ClockPolicy<clock>);

}  // namespace axhal::host

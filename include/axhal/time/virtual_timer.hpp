// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/timer_queue.hpp>

#include <cstdint>

namespace axhal {

/// One deadline of one vCPU, which its guest sets as a time of its own counter: a compare register.
///
/// Pure: knows no clock. The interrupt is a level: up as long as the guest's counter is at or past the deadline, both
/// taken as unsigned 64-bit numbers. 2^64 - 1 is no deadline and never comes.
class virtual_timer {
 public:
  static constexpr ticks never{~std::uint64_t{0}};

  /// A timer without a deadline.
  constexpr virtual_timer() = default;
  constexpr explicit virtual_timer(ticks deadline) : deadline_{deadline} {}

  /// Replaces the deadline; a time in the past is due at once.
  constexpr void set(ticks deadline) { deadline_ = deadline; }
  constexpr void cancel() { deadline_ = never; }
  /// The deadline as the guest set it, `never` when there is none: what a compare register holds.
  [[nodiscard]] constexpr ticks value() const { return deadline_; }

  /// The level of the timer's interrupt at guest time `now`.
  [[nodiscard]] constexpr bool level(ticks now) const { return deadline_ != never && now >= deadline_; }
  /// The guest time at which the interrupt comes; `none` without a deadline. May be in the past: then it is up.
  [[nodiscard]] constexpr result<ticks, timer_error> deadline() const {
    if (deadline_ == never) return failure{timer_error::none};
    return deadline_;
  }
  /// The host time at which the interrupt comes up by itself, for the host's own alarm. `now` is the host's time,
  /// `offset` what is subtracted from it for the guest (`guest_time::offset`). `none` when nothing is to be waited for:
  /// there is no deadline, it has come, or the host's counter ends before it.
  [[nodiscard]] constexpr result<ticks, timer_error> host_deadline(ticks now, ticks offset) const {
    ticks const guest = now - offset;
    if (deadline_ == never || guest >= deadline_) return failure{timer_error::none};
    ticks const rest = deadline_ - guest;
    if (rest >= never - now) return failure{timer_error::none};
    return now + rest;
  }

  friend constexpr bool operator==(virtual_timer, virtual_timer) = default;

 private:
  ticks deadline_{never};
};

}  // namespace axhal

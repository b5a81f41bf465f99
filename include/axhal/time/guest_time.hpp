// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

namespace axhal {

/// The time of one virtual machine: the machine's counter minus an offset that all its vCPUs share.
///
/// While the machine runs, guest time grows with the host's. While it is paused, guest time stands still, and
/// `resume` moves the offset so that it goes on where it stood: no guest timer expires because of a pause. All
/// arithmetic is modulo 2^64, so any guest time can be shown at any host time.
///
/// `now` parameters are readings of the host's clock. One object belongs to one virtual machine; `pause`, `resume` and
/// `set` are called while none of its vCPUs runs, and each vCPU loads `offset()` before it runs again
/// (`ClockPolicy::set_guest_offset`).
class guest_time {
 public:
  /// A paused machine whose time is 0.
  constexpr guest_time() = default;

  /// Starts or continues. Without effect when running.
  constexpr void resume(ticks now) {
    if (running_) return;
    state_ = now - state_;
    running_ = true;
  }
  /// Stops guest time at what it is now. Without effect when paused.
  constexpr void pause(ticks now) {
    if (!running_) return;
    state_ = now - state_;
    running_ = false;
  }
  /// Makes guest time `value` at host time `now`, running or not: for a machine restored from elsewhere.
  constexpr void set(ticks value, ticks now) { state_ = running_ ? now - value : value; }

  [[nodiscard]] constexpr bool is_running() const { return running_; }
  /// What a guest would read at host time `now`.
  [[nodiscard]] constexpr ticks at(ticks now) const { return running_ ? now - state_ : state_; }
  /// What is subtracted from the host's counter. Precondition: running.
  [[nodiscard]] constexpr ticks offset() const { return state_; }
  /// The host time at which guest time is `guest`, modulo 2^64: a guest time that is more than 2^64 - `offset()` away
  /// comes out in the host's past. Precondition: running.
  [[nodiscard]] constexpr ticks to_host(ticks guest) const { return guest + state_; }

 private:
  ticks state_{};  ///< running: the offset; paused: the guest time that stands still
  bool running_{};
};

}  // namespace axhal

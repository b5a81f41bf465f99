// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace axhal {

/// Why a timer queue refused.
enum class timer_error : std::uint8_t {
  full,         ///< as many timers as the queue's type has room for are waiting
  zero_period,  ///< a periodic timer needs a period above 0
  none,         ///< no timer waits, or none is due yet
};

/// Names one timer of one queue, for ever: a handle whose timer has ended never matches a later one.
struct timer_handle {
  std::uint32_t slot{UINT32_MAX};
  std::uint64_t id{};
  friend constexpr bool operator==(timer_handle, timer_handle) = default;
};

/// Timers that wait for their deadlines, in a binary heap inside the object. No memory is allocated.
///
/// `add`, `cancel`, `rearm` and `expire` take O(log `Capacity`) steps, `next_deadline` one. Timers with equal deadlines
/// expire in the order in which they were armed. `Payload` says what a timer means and is trivially copyable; the queue
/// never looks at it. Not synchronised: one queue belongs to one CPU, or stands behind a lock.
template <std::size_t Capacity, typename Payload>
class timer_queue {
  static_assert(Capacity > 0 && Capacity < UINT32_MAX, "timer_queue: the capacity is 1 .. 2^32 - 2");
  static_assert(std::is_trivially_copyable_v<Payload>, "timer_queue: the payload must be trivially copyable");

 public:
  /// A timer whose deadline has come.
  struct expired {
    Payload payload;
    timer_handle handle;   ///< still valid when the timer is periodic
    ticks deadline;        ///< when it should have come
    std::uint64_t missed;  ///< periods that passed unnoticed after `deadline`; 0 for a one-shot timer
  };

  constexpr timer_queue() {
    for (std::uint32_t i = 0; i < Capacity; ++i) heap_[i] = i;
  }

  /// A timer that expires once, at `deadline`.
  constexpr result<timer_handle, timer_error> add(ticks deadline, Payload payload) {
    return insert(deadline, 0, payload);
  }

  /// A timer that expires at `first`, `first + period`, `first + 2 * period` and so on: computed from `first`, not from
  /// when it was served, so it never drifts. Periods that passed unserved are counted, not repeated. Ends when its next
  /// deadline is past 2^64 - 1.
  constexpr result<timer_handle, timer_error> add_periodic(ticks first, ticks period, Payload payload) {
    if (period.value == 0) return failure{timer_error::zero_period};
    return insert(first, period.value, payload);
  }

  /// Ends a timer. False when it has ended already.
  constexpr bool cancel(timer_handle h) {
    if (!is_waiting(h)) return false;
    remove(slots_[h.slot].position);
    return true;
  }

  /// Gives a waiting timer a new deadline; it queues behind timers that already have this deadline. A periodic timer
  /// goes on from there. False when the timer has ended.
  constexpr bool rearm(timer_handle h, ticks deadline) {
    if (!is_waiting(h)) return false;
    slot& s = slots_[h.slot];
    s.deadline = deadline.value;
    s.order = next_order_++;
    settle(s.position);
    return true;
  }

  /// True until the timer has expired for the last time or was cancelled.
  [[nodiscard]] constexpr bool is_waiting(timer_handle h) const {
    return h.slot < Capacity && slots_[h.slot].id == h.id && slots_[h.slot].position < size_;
  }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

  /// The earliest deadline, to arm the clock with; `none` when nothing waits.
  [[nodiscard]] constexpr result<ticks, timer_error> next_deadline() const {
    if (size_ == 0) return failure{timer_error::none};
    return ticks{slots_[heap_[0]].deadline};
  }

  /// Takes the first timer whose deadline is at or before `now`; `none` when there is none. Call until `none`. The
  /// queue is consistent when it returns, so whoever serves the timer may add, cancel and re-arm.
  constexpr result<expired, timer_error> expire(ticks now) {
    if (size_ == 0 || slots_[heap_[0]].deadline > now.value) return failure{timer_error::none};
    std::uint32_t const index = heap_[0];
    slot& s = slots_[index];
    expired out{s.payload, {index, s.id}, {s.deadline}, 0};
    if (s.period == 0) {
      remove(0);
      return out;
    }
    out.missed = (now.value - s.deadline) / s.period;
    // The last deadline at or before `now` cannot overflow; the one after it can.
    std::uint64_t const last = s.deadline + out.missed * s.period;
    if (last > UINT64_MAX - s.period) {
      remove(0);
      return out;
    }
    s.deadline = last + s.period;
    s.order = next_order_++;
    sink(0);
    return out;
  }

 private:
  struct slot {
    std::uint64_t deadline{};
    std::uint64_t order{};   ///< grows with every arming: first in, first out
    std::uint64_t period{};  ///< 0: once
    std::uint64_t id{};      ///< of the timer that has, or had last, this slot; 0: none ever
    std::uint32_t position{UINT32_MAX};
    Payload payload{};
  };

  constexpr result<timer_handle, timer_error> insert(ticks deadline, std::uint64_t period, Payload payload) {
    if (size_ == Capacity) return failure{timer_error::full};
    std::uint32_t const index = heap_[size_];
    std::uint64_t const order = next_order_++;
    slots_[index] = {deadline.value, order, period, order, size_, payload};
    ++size_;
    rise(size_ - 1);
    return timer_handle{index, order};
  }

  [[nodiscard]] constexpr bool before(std::uint32_t a, std::uint32_t b) const {
    slot const& x = slots_[heap_[a]];
    slot const& y = slots_[heap_[b]];
    return x.deadline != y.deadline ? x.deadline < y.deadline : x.order < y.order;
  }
  constexpr void exchange(std::uint32_t a, std::uint32_t b) {
    std::uint32_t const index = heap_[a];
    heap_[a] = heap_[b];
    heap_[b] = index;
    slots_[heap_[a]].position = a;
    slots_[heap_[b]].position = b;
  }
  // A heap of one has no order to keep; saying so spares the compiler from imagining a second place.
  constexpr void rise(std::uint32_t at) {
    if constexpr (Capacity > 1) {
      while (at > 0 && before(at, (at - 1) / 2)) {
        exchange(at, (at - 1) / 2);
        at = (at - 1) / 2;
      }
    }
  }
  constexpr void sink(std::uint32_t at) {
    if constexpr (Capacity > 1) {
      for (;;) {
        std::uint32_t first = at;
        for (std::uint32_t child = 2 * at + 1; child <= 2 * at + 2; ++child) {
          if (child < size_ && before(child, first)) first = child;
        }
        if (first == at) return;
        exchange(at, first);
        at = first;
      }
    }
  }
  constexpr void settle(std::uint32_t at) {
    rise(at);
    sink(at);  // no effect on what has risen: it is before everything below it
  }
  constexpr void remove(std::uint32_t at) {
    --size_;
    if constexpr (Capacity > 1) {
      if (at != size_) {
        exchange(at, size_);
        settle(at);
      }
    }
  }

  slot slots_[Capacity]{};
  std::uint32_t heap_[Capacity]{};  ///< [0, size_): the heap; [size_, Capacity): the free slots
  std::uint32_t size_{};
  std::uint64_t next_order_{1};
};

}  // namespace axhal

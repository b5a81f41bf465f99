// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/hpet.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/clock.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// The HPET's counter made 64 bits wide, one for all CPUs. A counter of 32 bits has to be read once in half of its way
/// round, which is 21 seconds at 100 MHz and 2 minutes at 14.318 MHz; time stands still until then for whom it does
/// not.
template <MmioWindow Window>
class hpet_counter {
 public:
  /// Precondition: `hpet::init` succeeded.
  constexpr explicit hpet_counter(hpet<Window>& device) : device_{&device} {}

  [[nodiscard]] ticks now() {
    if (device_->width() == 64) return {device_->now()};
    std::uint64_t last = last_.load(std::memory_order_relaxed);
    auto const ahead = static_cast<std::uint32_t>(device_->now() - last);
    // Another CPU has read it since: what it saw is later, and no time before that may be told.
    constexpr std::uint32_t half = 0x8000'0000;
    if (ahead >= half) return {last};
    std::uint64_t const time = last + ahead;
    while (last < time && !last_.compare_exchange_weak(last, time, std::memory_order_relaxed)) {
    }
    return {last > time ? last : time};
  }
  [[nodiscard]] hpet<Window>& device() { return *device_; }

 private:
  hpet<Window>* device_;
  std::atomic<std::uint64_t> last_{};
};

/// The HPET as a clock, with one of its timers for deadlines, on machines whose time-stamp counter is not to be trusted
/// (IA-PC HPET Specification 1.0a). One object belongs to one CPU, and so does its timer, which has been given its
/// route (`hpet::route`, edge-triggered, or `hpet::route_message`) before.
///
/// A deadline so near that the comparison may be missed is moved on a little: its interrupt is late, and never early;
/// it may come twice. A timer that compares 32 bits interrupts early for what is farther than half of them; `is_due()`
/// is false then, and the caller arms again. As no guest reads this counter by itself, its offset is a number that is
/// kept.
template <MmioWindow Window>
class hpet_clock {
 public:
  static constexpr bool runs_in_idle = true;  // the counter is the machine's
  static constexpr unsigned width = 64;

  /// Precondition: the device has timer `timer`.
  constexpr hpet_clock(hpet_counter<Window>& counter, unsigned timer) : counter_{&counter}, timer_{timer} {}

  [[nodiscard]] ticks now() const { return counter_->now(); }
  [[nodiscard]] hertz frequency() const { return counter_->device().frequency(); }

  /// 2^64 - 1 is no deadline, as `cancel`.
  void arm(ticks deadline) {
    deadline_ = deadline;
    if (deadline.value == no_deadline) {
      counter_->device().stop(timer_);
      return;
    }
    constexpr std::uint64_t first_margin = 16;
    constexpr unsigned attempts = 24;
    std::uint64_t const most = counter_->device().timer(timer_).wide ? std::uint64_t{1} << 62 : 0x4000'0000;
    for (unsigned i = 0; i < attempts; ++i) {
      std::uint64_t const time = now().value;
      std::uint64_t distance = deadline.value > time ? deadline.value - time : 0;
      std::uint64_t const margin = first_margin << i;
      if (distance < margin) distance = margin;
      if (distance > most) distance = most;
      if (counter_->device().start_once(timer_, time + distance)) return;
    }
  }
  void cancel() { arm({no_deadline}); }
  [[nodiscard]] bool is_due() const { return deadline_.value != no_deadline && now() >= deadline_; }

  void set_guest_offset(ticks offset) { offset_ = offset; }
  [[nodiscard]] ticks guest_now() const { return now() - offset_; }

 private:
  static constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

  hpet_counter<Window>* counter_;
  unsigned timer_;
  ticks deadline_{no_deadline};  ///< what was armed last
  ticks offset_{};
};

}  // namespace axhal::x86_64

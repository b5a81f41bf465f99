// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>
#include <axhal/time/timer_queue.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// How many ticks of a guest's TSC a cycle of its APIC timer's clock lasts, and the inverse.
struct vlapic_clock {
  ratio ticks;   ///< ticks for cycles
  ratio cycles;  ///< cycles for ticks

  /// From both frequencies; one of 0 Hz is taken for 1 Hz.
  constexpr vlapic_clock(hertz tsc, hertz bus)
      : ticks{at_least_one(tsc), at_least_one(bus)}, cycles{at_least_one(bus), at_least_one(tsc)} {}

 private:
  [[nodiscard]] static constexpr std::uint64_t at_least_one(hertz f) { return f.value == 0 ? 1 : f.value; }
};

/// The timer of one virtual local APIC (Intel SDM vol. 3, "APIC Timer"): one-shot, periodic, TSC-deadline.
///
/// Pure: knows no clock. `now` is the guest's TSC; functions that take it look at nothing older. Periods are counted
/// from when the initial count was written, in the timer's own cycles, so they never drift; any number of missed ones
/// is caught up with in one step. A `now` before the start of a count is as good as the start.
class vlapic_timer {
 public:
  using mode_type = apic_lvt::timer_mode;

  constexpr explicit vlapic_timer(vlapic_clock clock) : clock_{clock} {}

  /// The state after power-up, and after INIT.
  constexpr void reset() {
    stop();
    initial_ = 0;
    shift_ = 1;
    mode_ = mode_type::one_shot;
  }

  [[nodiscard]] constexpr mode_type mode() const { return mode_; }
  /// Going to TSC-deadline mode, or from there, disarms; between the others the count goes on. The reserved mode counts
  /// nothing.
  constexpr void set_mode(mode_type mode) {
    if (mode == mode_) return;
    if (!counts(mode) || !counts(mode_)) {
      stop();
      initial_ = 0;
    }
    mode_ = mode;
  }

  [[nodiscard]] constexpr std::uint32_t initial_count() const { return initial_; }
  /// Starts to count down from `count`; 0 stops. Ignored where nothing counts.
  constexpr void set_initial_count(std::uint32_t count, ticks now) {
    if (!counts(mode_)) return;
    initial_ = count;
    start(count, now);
  }
  /// What is left of the count.
  [[nodiscard]] constexpr std::uint32_t current_count(ticks now) const {
    if (!running_ || !counts(mode_)) return 0;
    std::uint64_t const done = elapsed(now) - passed_;
    std::uint64_t const period = cycles();
    if (done >= period) {
      if (mode_ == mode_type::one_shot) return 0;
      return count_of(period - done % period);
    }
    return count_of(period - done);
  }
  /// The divide configuration as a power of two, 0 to 7. A count that runs goes on at the new pace.
  constexpr void set_shift(unsigned shift, ticks now) {
    std::uint32_t const left = current_count(now);
    bool const runs = running_ && counts(mode_) && left != 0;
    shift_ = shift & 7;
    if (runs) start(left, now);
  }

  [[nodiscard]] constexpr unsigned shift() const { return shift_; }

  /// IA32_TSC_DEADLINE: 0 when nothing is to come, and in all other modes.
  [[nodiscard]] constexpr std::uint64_t tsc_deadline() const {
    return running_ && mode_ == mode_type::tsc_deadline ? expiry_.value : 0;
  }
  /// 0 disarms, a time in the past is due at once. Ignored in all other modes.
  constexpr void set_tsc_deadline(std::uint64_t value) {
    if (mode_ != mode_type::tsc_deadline) return;
    running_ = value != 0;
    expiry_ = {value};
  }

  /// When the timer fires next, as a time of the guest's TSC; `none` when it does not.
  [[nodiscard]] constexpr result<ticks, timer_error> deadline() const {
    // What lies half of all time ahead does not come, and would look like the past to those who subtract.
    bool const never = mode_ != mode_type::tsc_deadline && (expiry_ - start_).value >> 63 != 0;
    if (!running_ || never) return failure{timer_error::none};
    return expiry_;
  }
  /// True when the timer has fired since the last call: once, however many periods have passed.
  [[nodiscard]] constexpr bool advance(ticks now) {
    if (!running_ || !is_due(now)) return false;
    if (mode_ != mode_type::periodic) {
      stop();
      return true;
    }
    std::uint64_t const done = elapsed(now) - passed_;
    std::uint64_t const period = cycles();
    passed_ += done < period ? period : done - done % period;
    set_expiry();
    return true;
  }

  /// The guest's TSC has been set: what was `before` is `after` from now on. Counts go on as if nothing had happened;
  /// a TSC deadline stays what it is.
  constexpr void rebase(ticks before, ticks after) {
    if (!counts(mode_)) return;
    start_ = start_ + (after - before);
    expiry_ = expiry_ + (after - before);
  }

 private:
  [[nodiscard]] static constexpr bool counts(mode_type mode) {
    return mode == mode_type::one_shot || mode == mode_type::periodic;
  }
  constexpr void stop() {
    running_ = false;
    lead_ = 0;
    passed_ = 0;
    expiry_ = {};
  }
  /// Counts down from `left` now, and from the initial count in later periods.
  constexpr void start(std::uint32_t left, ticks now) {
    stop();
    running_ = left != 0;
    if (!running_) return;
    start_ = now;
    // Where `left` is past the initial count (it is not) the difference would wrap, and wrap back.
    lead_ = cycles() - (std::uint64_t{left} << shift_);
    set_expiry();
  }
  [[nodiscard]] constexpr std::uint64_t cycles() const { return std::uint64_t{initial_} << shift_; }
  /// Cycles from the beginning of the period in which the count was started.
  [[nodiscard]] constexpr std::uint64_t elapsed(ticks now) const {
    std::uint64_t const past = now.value - start_.value;
    return lead_ + (past >> 63 != 0 ? 0 : clock_.cycles.floor(past));
  }
  /// Counts rounded up: the first one takes as long as all others.
  [[nodiscard]] constexpr std::uint32_t count_of(std::uint64_t cycles) const {
    return static_cast<std::uint32_t>((cycles + (std::uint64_t{1} << shift_) - 1) >> shift_);
  }
  constexpr void set_expiry() { expiry_ = start_ + ticks{clock_.ticks.ceil(passed_ + cycles() - lead_)}; }
  [[nodiscard]] constexpr bool is_due(ticks now) const {
    if (mode_ == mode_type::tsc_deadline) return now >= expiry_;
    std::uint64_t const past = now.value - start_.value;
    return past >> 63 == 0 && past >= (expiry_ - start_).value;
  }

  vlapic_clock clock_;
  bool running_{};
  mode_type mode_{};
  unsigned shift_{1};
  std::uint32_t initial_{};
  ticks start_{};           ///< when the count was started
  ticks expiry_{};          ///< when it comes to its end, or the TSC deadline
  std::uint64_t lead_{};    ///< cycles of the first period that had passed before `start_`
  std::uint64_t passed_{};  ///< cycles of the periods that are over
};

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/tsc_frequency.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/clock.hpp>
#include <axhal/time/calibration.hpp>
#include <axhal/time/clock_scale.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// The time-stamp counter and the MSR that a deadline is written to. `rdtsc()` is not read before earlier loads.
/// Models: x86_64::cpu, registers in tests.
template <typename I>
concept TscAccess = requires(std::uint32_t number, std::uint64_t value) {
  { I::rdtsc() } -> std::same_as<std::uint64_t>;
  { I::write_msr(number, value) } -> std::same_as<void>;
};

/// What compares the counter with a deadline.
enum class timer_by : std::uint8_t {
  tsc_deadline,  ///< the local APIC, by IA32_TSC_DEADLINE (CPUID.1:ECX[24])
  apic_timer,    ///< the local APIC counts down in one shot
  either,        ///< decided when the program has looked at its CPU
};

/// Whether the deadline MSR is used: a constant, or looked up once (`time_features::tsc_deadline`).
template <timer_by By>
struct timer_choice {
  [[nodiscard]] static constexpr bool tsc_deadline() { return By == timer_by::tsc_deadline; }
};
template <>
struct timer_choice<timer_by::either> {
  // NOLINTNEXTLINE(google-explicit-constructor): a yes or no is all that there is to choose
  constexpr timer_choice(bool has_tsc_deadline) : tsc_deadline_{has_tsc_deadline} {}
  [[nodiscard]] constexpr bool tsc_deadline() const { return tsc_deadline_; }

 private:
  bool tsc_deadline_;
};

/// How fast a processor's counters run.
struct tsc_rates {
  hertz tsc{};
  hertz apic_timer{};  ///< before its divider; not used, and may be 0, where deadlines go by the MSR
  friend constexpr bool operator==(tsc_rates const&, tsc_rates const&) = default;
};

/// The time-stamp counter as the hypervisor's clock, with the local APIC's timer for deadlines (Intel SDM vol. 3,
/// "Time-Stamp Counter", "APIC Timer", "TSC-Deadline Mode").
///
/// One object belongs to one CPU, as neither way lets a deadline be read back. `init_cpu` before anything else, on that
/// CPU, after `local_apic::enable`. The interrupt is the local APIC's timer entry, whose vector and mask are the
/// caller's business. Other than a level, what fires while the entry is masked is lost: unmask, then arm.
///
/// Preconditions: the counter is invariant (`time_features`), and so is the timer while this CPU waits (always on with
/// ARAT). A deadline so far away that the counting timer cannot reach it, at least 2^39 of its cycles, interrupts
/// early; `is_due()` is false then, and the caller arms again.
///
/// A guest reads the counter by itself, plus an offset that its control block holds: `tsc_offset()` is what goes into
/// the VMCS's "TSC offset" or the VMCB's TSC_OFFSET before the guest is entered.
template <TscAccess I, LocalApicAccess Access, timer_by By>
class tsc_clock {
 public:
  static constexpr bool runs_in_idle = true;  // an invariant counter runs in every C-state
  static constexpr unsigned width = 64;

  /// `choice` is given for `timer_by::either` alone: true when the CPU has the deadline MSR. Preconditions: `rates.tsc`
  /// is above 0, and so is `rates.apic_timer` where the timer counts.
  constexpr tsc_clock(local_apic<Access>& apic, tsc_rates rates, timer_choice<By> choice = {})
      : apic_{&apic},
        frequency_{rates.tsc},
        to_timer_{rates.apic_timer.value, rates.tsc.value != 0 ? rates.tsc.value : 1},
        by_{choice} {}

  /// Brings this CPU's timer into its mode, with nothing armed.
  void init_cpu() {
    apic_->set_timer_mode(uses_tsc_deadline() ? apic_lvt::timer_mode::tsc_deadline : apic_lvt::timer_mode::one_shot);
    apic_->set_timer_divider(0);
    shift_ = 0;
    cancel();
  }
  /// True when deadlines go by IA32_TSC_DEADLINE.
  [[nodiscard]] constexpr bool uses_tsc_deadline() const { return by_.tsc_deadline(); }

  // --- ClockPolicy ---

  [[nodiscard]] static ticks now() { return {I::rdtsc()}; }
  [[nodiscard]] constexpr hertz frequency() const { return frequency_; }

  /// 2^64 - 1 is no deadline, as `cancel`.
  void arm(ticks deadline) {
    deadline_ = deadline;
    if (uses_tsc_deadline()) {
      // 0 would disarm; 1 is just as long ago.
      std::uint64_t const value = deadline.value == no_deadline ? 0 : (deadline.value == 0 ? 1 : deadline.value);
      I::write_msr(msr::tsc_deadline, value);
    } else if (deadline.value == no_deadline) {
      apic_->stop_timer();
    } else {
      ticks const time = now();
      count_down(deadline > time ? deadline - time : ticks{0});
    }
  }
  void cancel() { arm({no_deadline}); }
  [[nodiscard]] bool is_due() const { return deadline_.value != no_deadline && now() >= deadline_; }

  void set_guest_offset(ticks offset) { offset_ = offset; }
  [[nodiscard]] ticks guest_now() const { return now() - offset_; }

  // --- beyond it ---

  /// What is added to the counter when a guest reads it, modulo 2^64: the offset's negative.
  [[nodiscard]] constexpr std::uint64_t tsc_offset() const { return 0 - offset_.value; }

 private:
  static constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

  /// Starts the timer with the smallest divider that reaches so far, rounded so that it is never early.
  void count_down(ticks left) {
    constexpr unsigned most_shift = 7;
    constexpr std::uint64_t most = 0xffff'ffff;
    std::uint64_t cycles = to_timer_.ceil(left.value);
    // The timer's own clock has not ticked for a while when it is started.
    if (cycles != UINT64_MAX) ++cycles;
    unsigned shift = 0;
    while (shift < most_shift && ((cycles - 1) >> shift) >= most) ++shift;
    std::uint64_t const count = ((cycles - 1) >> shift) + 1;
    if (shift != shift_) {
      // A timer that runs while its divider changes may end at any time.
      apic_->stop_timer();
      apic_->set_timer_divider(shift);
      shift_ = shift;
    }
    apic_->start_timer(static_cast<std::uint32_t>(count < most ? count : most));
  }

  local_apic<Access>* apic_;
  hertz frequency_;
  ratio to_timer_;
  [[no_unique_address]] timer_choice<By> by_;
  unsigned shift_{};
  ticks deadline_{no_deadline};  ///< what was armed last
  ticks offset_{};
};

/// The counter as a reference for others, once its own rate is known.
template <typename I>
struct tsc_reference {
  hertz frequency{1};  ///< above 0

  [[nodiscard]] static std::uint64_t now() { return I::rdtsc(); }
  [[nodiscard]] static constexpr unsigned width() { return 64; }
  [[nodiscard]] constexpr tick_rate rate() const { return {frequency.value, 1}; }
};

/// Measures the counter's frequency by `reference`, with this CPU's interrupts in whatever state they are in.
template <typename I, ReferenceCounter R>
[[nodiscard]] result<hertz, calibration_error> measure_tsc(R& reference, calibration_plan plan = {}) {
  return calibrate([] { return I::rdtsc(); }, reference, plan);
}

/// Measures the frequency of the local APIC's timer before its divider. Precondition: the timer is this code's to use,
/// and its entry masked. It is left stopped, in one-shot mode, divided by 1. `unsteady` as well when all rounds
/// together take longer than its 32 bits reach.
template <LocalApicAccess Access, ReferenceCounter R>
[[nodiscard]] result<hertz, calibration_error> measure_apic_timer(local_apic<Access>& apic, R& reference,
                                                                  calibration_plan plan = {}) {
  constexpr std::uint32_t all = 0xffff'ffff;
  apic.set_timer_mode(apic_lvt::timer_mode::one_shot);
  apic.set_timer_divider(0);
  apic.start_timer(all);
  auto const found = calibrate([&apic] { return std::uint64_t{all - apic.timer_count()}; }, reference, plan);
  apic.stop_timer();
  return found;
}

/// The rates of this machine's counters: what CPUID promises, and what it does not, measured by `reference`. A
/// frequency in whole megahertz is no promise. The local APIC's timer is measured, as `measure_apic_timer` does it,
/// only when `uses_apic_timer`; else its rate is 0 where CPUID does not tell.
template <typename I, LocalApicAccess Access, ReferenceCounter R>
[[nodiscard]] result<tsc_rates, calibration_error> find_tsc_rates(local_apic<Access>& apic, bool uses_apic_timer,
                                                                  R& reference, calibration_plan plan = {}) {
  cpuid_frequencies const told = find_frequencies<I>();
  bool const promised = told.tsc_from == frequency_source::crystal || told.tsc_from == frequency_source::hypervisor;
  tsc_rates found{};
  if (promised) {
    found = {told.tsc, told.apic_timer};
  } else {
    auto const measured = measure_tsc<I>(reference, plan);
    if (!measured) return failure{measured.error()};
    found.tsc = *measured;
  }
  if (uses_apic_timer && found.apic_timer.value == 0) {
    // By the counter itself: what matters is how the two go together.
    tsc_reference<I> by_tsc{found.tsc};
    auto const measured = measure_apic_timer(apic, by_tsc, plan);
    if (!measured) return failure{measured.error()};
    found.apic_timer = *measured;
  }
  return found;
}

}  // namespace axhal::x86_64

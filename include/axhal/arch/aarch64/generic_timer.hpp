// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/timer_registers.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/clock.hpp>
#include <axhal/time/timer_queue.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::aarch64 {

/// System registers, and the barrier that orders counter reads. Models: aarch64::cpu, recorders in tests.
template <typename S>
concept TimerAccess = SysregAccess<S> && requires {
  { S::isb() } -> std::same_as<void>;
};

/// A guest's own timer while it is not on a CPU: its virtual timer, and what it lets its EL0 use (CNTKCTL_EL1).
/// A zeroed state is the reset state: timer off, nothing for EL0.
struct guest_timer_state {
  std::uint64_t cval{};     ///< CNTV_CVAL_EL0, in guest ticks
  std::uint64_t ctl{};      ///< CNTV_CTL_EL0, the writable bits
  std::uint64_t cntkctl{};  ///< CNTKCTL_EL1

  friend constexpr bool operator==(guest_timer_state const&, guest_timer_state const&) = default;

  /// True when the timer would raise its interrupt at guest time `now`.
  [[nodiscard]] constexpr bool is_pending(ticks now) const {
    return (ctl & cnt_ctl::writable) == cnt_ctl::f_enable::mask && now.value >= cval;
  }
  /// The guest time at which the timer will raise its interrupt; `none` when it is off or masked. May be in the past.
  /// What a hypervisor arms its own deadline with when the vCPU waits off the CPU.
  [[nodiscard]] constexpr result<ticks, timer_error> deadline() const {
    if ((ctl & cnt_ctl::writable) != cnt_ctl::f_enable::mask) return failure{timer_error::none};
    return ticks{cval};
  }
};

/// The Arm generic timer as EL2 uses it (ARM DDI 0487, "The Generic Timer in AArch64 state", D12): the physical counter
/// as the host's clock, the EL2 physical timer (CNTHP) for its deadline, CNTVOFF_EL2 for the guest's offset, and the
/// EL1 virtual timer as the guest's own, whose interrupt the hardware hands through.
///
/// Stateless: every value is in the CPU's registers, so one object serves all CPUs. CNTHP is reached by its own name,
/// which works for both settings of E2H. Counter reads are preceded by an ISB: without one the counter may be read
/// early, ahead of instructions before it. Firmware that forgot
/// CNTFRQ_EL0 gives frequency 0, which `clock_scale::of` refuses.
template <TimerAccess S, el2_mode Mode>
struct generic_timer {
  static constexpr bool runs_in_idle = true;  // the system counter is always on
  static constexpr unsigned width = 56;       // at least; 64 with FEAT_ECV

  // --- ClockPolicy ---

  [[nodiscard]] static ticks now() {
    S::isb();
    return {S::template read<sysreg::cntpct_el0>()};
  }
  [[nodiscard]] static hertz frequency() { return {S::template read<sysreg::cntfrq_el0>()}; }

  static void arm(ticks deadline) {
    S::template write<sysreg::cnthp_cval_el2>(deadline.value);
    S::template write<sysreg::cnthp_ctl_el2>(cnt_ctl::f_enable::mask);
    S::isb();
  }
  /// When it returns the timer's interrupt line is on its way down.
  static void cancel() {
    S::template write<sysreg::cnthp_ctl_el2>(0);
    S::isb();
  }
  [[nodiscard]] static bool is_due() {
    S::isb();
    constexpr std::uint64_t due = cnt_ctl::f_enable::mask | cnt_ctl::f_istatus::mask;
    return (S::template read<sysreg::cnthp_ctl_el2>() & due) == due;
  }

  static void set_guest_offset(ticks offset) { S::template write<sysreg::cntvoff_el2>(offset.value); }
  /// Computed, not read from CNTVCT_EL0: with E2H 1 that register shows EL2 no offset.
  [[nodiscard]] static ticks guest_now() { return now() - ticks{S::template read<sysreg::cntvoff_el2>()}; }

  // --- this CPU's set-up ---

  /// Once per CPU, before the first guest: deadline off, guests' physical time as given, guest timer off.
  static void enable(physical_time allowed = physical_time::trapped) {
    S::template write<sysreg::cnthp_ctl_el2>(0);
    in_el2_mode<Mode, S>([allowed]<el2_mode M>() {
      S::template write<sysreg::cnthctl_el2>(cnthctl_for_guests<M>(allowed));
      S::template write<timer_names<M>::cntv_ctl>(0);
    });
    S::template write<sysreg::cntvoff_el2>(0);
    S::isb();
  }

  // --- a guest's timer, when its vCPU is put on or taken off a CPU; not per exit ---

  /// Puts a vCPU's timer on this CPU. `offset` is its machine's (`guest_time::offset`).
  static void load_guest(guest_timer_state const& s, ticks offset) {
    S::template write<sysreg::cntvoff_el2>(offset.value);
    in_el2_mode<Mode, S>([&s]<el2_mode M>() {
      using names = timer_names<M>;
      S::template write<names::cntkctl>(s.cntkctl);
      S::template write<names::cntv_cval>(s.cval);
      // Last, so that the timer never compares with another guest's value.
      S::template write<names::cntv_ctl>(s.ctl & cnt_ctl::writable);
    });
  }
  /// Takes the timer off this CPU: kept in `s`, and off, so that it interrupts nobody.
  static void save_guest(guest_timer_state& s) {
    in_el2_mode<Mode, S>([&s]<el2_mode M>() {
      using names = timer_names<M>;
      s.ctl = S::template read<names::cntv_ctl>() & cnt_ctl::writable;
      S::template write<names::cntv_ctl>(0);
      s.cval = S::template read<names::cntv_cval>();
      s.cntkctl = S::template read<names::cntkctl>();
    });
    S::isb();
  }
  /// True when the loaded guest's timer has raised its interrupt and the guest has not masked it.
  [[nodiscard]] static bool guest_is_due() {
    std::uint64_t const ctl =
        in_el2_mode<Mode, S>([]<el2_mode M>() { return S::template read<timer_names<M>::cntv_ctl>(); });
    return (ctl & (cnt_ctl::writable | cnt_ctl::f_istatus::mask)) ==
           (cnt_ctl::f_enable::mask | cnt_ctl::f_istatus::mask);
  }
  /// The loaded guest's timer, read without stopping it.
  [[nodiscard]] static guest_timer_state peek_guest() {
    return in_el2_mode<Mode, S>([]<el2_mode M>() {
      using names = timer_names<M>;
      return guest_timer_state{S::template read<names::cntv_cval>(),
                               S::template read<names::cntv_ctl>() & cnt_ctl::writable,
                               S::template read<names::cntkctl>()};
    });
  }
};

}  // namespace axhal::aarch64

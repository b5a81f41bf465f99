// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/timer_registers.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/time/timer_queue.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// The EL1 physical timer and counter of one vCPU, for guests whose accesses are trapped (`physical_time::trapped`).
///
/// Pure: knows no clock. `now` is the guest's time (`guest_time::at`), so the guest's physical counter agrees with its
/// virtual one and stands still while its machine is paused. Comparisons are of unsigned 64-bit numbers, as the
/// manual's "Operation of the CompareValue views of the timers" (ARM DDI 0487, D12) has them; TimerValue views
/// are signed 32-bit distances.
///
/// The interrupt is `timer_irq::el1_physical`, level: after a write, and whenever `deadline()` has come, the hypervisor
/// puts the line to `level(now)`.
class virtual_physical_timer {
 public:
  /// True for the registers this class answers: CNTPCT_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0, CNTP_TVAL_EL0.
  [[nodiscard]] static constexpr bool owns(sysreg id) {
    return id == sysreg::cntpct_el0 || id == sysreg::cntp_ctl_el0 || id == sysreg::cntp_cval_el0 ||
           id == sysreg::cntp_tval_el0;
  }

  /// What the guest reads at guest time `now`. Registers that are not owned read zero.
  [[nodiscard]] constexpr std::uint64_t read(sysreg id, ticks now) const {
    if (id == sysreg::cntpct_el0) return now.value;
    if (id == sysreg::cntp_cval_el0) return cval_;
    if (id == sysreg::cntp_tval_el0) return (cval_ - now.value) & 0xffff'ffff;
    if (id == sysreg::cntp_ctl_el0) return ctl_ | cnt_ctl::f_istatus::make(condition(now));
    return 0;
  }
  /// The guest's write at guest time `now`. False when the register is not owned or is read only: the guest's
  /// instruction is undefined.
  constexpr bool write(sysreg id, std::uint64_t value, ticks now) {
    if (id == sysreg::cntp_cval_el0) {
      cval_ = value;
    } else if (id == sysreg::cntp_tval_el0) {
      cval_ = now.value + sign_extend(value, 32);
    } else if (id == sysreg::cntp_ctl_el0) {
      ctl_ = value & cnt_ctl::writable;
    } else {
      return false;
    }
    return true;
  }

  /// The level of the timer's interrupt line at guest time `now`.
  [[nodiscard]] constexpr bool level(ticks now) const { return !cnt_ctl::f_imask::get(ctl_) && condition(now); }
  /// The guest time at which the line goes up by itself; `none` when the timer is off or masked. May be in the past:
  /// then the line is up.
  [[nodiscard]] constexpr result<ticks, timer_error> deadline() const {
    if (ctl_ != cnt_ctl::f_enable::mask) return failure{timer_error::none};
    return ticks{cval_};
  }
  /// The CPU's reset: the timer is off.
  constexpr void reset() { *this = {}; }

 private:
  [[nodiscard]] constexpr bool condition(ticks now) const { return cnt_ctl::f_enable::get(ctl_) && now.value >= cval_; }

  std::uint64_t cval_{};
  std::uint64_t ctl_{};
};

}  // namespace axhal::aarch64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/timer_queue.hpp>
#include <axhal/time/virtual_timer.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// The timer interrupt of the guest that is loaded on this hart, and its view of the counter (RISC-V Privileged
/// Architecture, "Hypervisor Time Delta (htimedelta) Register", "Sstc Extension"; SBI Specification 2.0, "Timer
/// Extension").
///
/// With Sstc a deadline is in vstimecmp: the guest sets it without an exit (henvcfg.STCE is the caller's to set) or by
/// an SBI call, and the CPU raises the interrupt. Without Sstc the deadline is in the `virtual_timer` alone, hvip.VSTIP
/// shows it, and the hypervisor's own deadline has to ring for it: `wake_at`.
///
/// Stateless but for the choice: what is a vCPU's is in its `virtual_timer`.
template <CsrAccess S, deadline_by By>
class guest_timer {
 public:
  /// `choice` is given for `deadline_by::either` alone: true when guests use vstimecmp.
  constexpr explicit guest_timer(deadline_choice<By> choice = {}) : by_{choice} {}

  /// True when guests' deadlines are in vstimecmp.
  [[nodiscard]] constexpr bool uses_sstc() const { return by_.sstc(); }

  /// Puts a vCPU's timer on this hart. `offset` is its machine's (`guest_time::offset`), `now` the host's time.
  void load(virtual_timer const& timer, ticks offset, ticks now) const {
    S::template write<csr::htimedelta>(0 - offset.value);
    if (by_.sstc()) {
      S::template write<csr::vstimecmp>(timer.value().value);
      show(false);
    } else {
      show(timer.level(now - offset));
    }
  }
  /// Takes the timer off this hart: kept in `timer`, and it raises nothing here.
  void save(virtual_timer& timer) const {
    if (by_.sstc()) {
      timer.set({S::template read<csr::vstimecmp>()});
      S::template write<csr::vstimecmp>(no_deadline);
    } else {
      show(false);
    }
  }

  /// The loaded guest asks for `deadline`, a time of its own, by a call (`sbi_action::kind::set_timer`). Arm what
  /// `wake_at` says afterwards.
  void set(virtual_timer& timer, ticks deadline, ticks offset, ticks now) const {
    timer.set(deadline);
    if (by_.sstc()) {
      S::template write<csr::vstimecmp>(deadline.value);
    } else {
      show(timer.level(now - offset));
    }
  }
  /// Shows the loaded guest what its timer says at host time `now`: after the hypervisor's own deadline has rung.
  /// Nothing to do with Sstc.
  void update(virtual_timer const& timer, ticks offset, ticks now) const {
    if (!by_.sstc()) show(timer.level(now - offset));
  }
  /// When the hypervisor's own deadline has to ring for the loaded guest, in host time; `none` when it need not: there
  /// is nothing to wait for, or the CPU itself does.
  [[nodiscard]] constexpr result<ticks, timer_error> wake_at(virtual_timer const& timer, ticks offset,
                                                             ticks now) const {
    if (by_.sstc()) return failure{timer_error::none};
    return timer.host_deadline(now, offset);
  }
  /// The loaded guest's timer as it stands, without taking it off: what to wait for when its vCPU rests.
  [[nodiscard]] virtual_timer peek(virtual_timer const& timer) const {
    return by_.sstc() ? virtual_timer{ticks{S::template read<csr::vstimecmp>()}} : timer;
  }

 private:
  /// hip.VSTIP is hvip's bit or the compare register's result.
  static void show(bool level) {
    if (level) {
      S::template set<csr::hvip>(interrupt::bit(interrupt::vsti));
    } else {
      S::template clear<csr::hvip>(interrupt::bit(interrupt::vsti));
    }
  }

  [[no_unique_address]] deadline_choice<By> by_;
};

}  // namespace axhal::riscv64

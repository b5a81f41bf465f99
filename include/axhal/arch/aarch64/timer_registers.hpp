// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Interrupt numbers of the timers as Arm recommends them to systems, all private to a CPU
/// (Arm DEN0094, "Base System Architecture", private peripheral interrupt assignments).
namespace timer_irq {
inline constexpr irq_number el2_physical{26};  ///< CNTHP: the hypervisor's deadline
inline constexpr irq_number el1_virtual{27};   ///< CNTV: a guest's virtual timer
inline constexpr irq_number el2_virtual{28};   ///< CNTHV: EL2's virtual timer, with FEAT_VHE
inline constexpr irq_number el1_physical{30};  ///< CNTP: a guest's physical timer
}  // namespace timer_irq

/// A timer's control register: CNTV_CTL_EL0, CNTP_CTL_EL0, CNTHP_CTL_EL2
/// (ARM DDI 0487, "CNTV_CTL_EL0"; the three have one layout).
namespace cnt_ctl {
using f_enable = bit_field<bool, 0>;   ///< the timer compares
using f_imask = bit_field<bool, 1>;    ///< its interrupt is masked
using f_istatus = bit_field<bool, 2>;  ///< read only: the condition is met
static_assert(disjoint_fields<f_enable, f_imask, f_istatus>);

/// The bits that software writes.
inline constexpr std::uint64_t writable = f_enable::mask | f_imask::mask;
}  // namespace cnt_ctl

/// What EL1 and EL0 may reach of the physical counter and timer (ARM DDI 0487, "CNTHCTL_EL2").
enum class physical_time : std::uint8_t {
  trapped,       ///< counter and timer exit to EL2
  counter_only,  ///< the counter is read directly and shows the host's time; the timer exits
  direct,        ///< both are the guest's own: one guest per CPU
};

/// CNTHCTL_EL2 with HCR_EL2.E2H 0.
namespace cnthctl_nvhe {
using f_el1pcten = bit_field<bool, 0>;      ///< EL1 and EL0 read CNTPCT_EL0 without a trap
using f_el1pcen = bit_field<bool, 1>;       ///< EL1 and EL0 use the CNTP registers without a trap
using f_evnten = bit_field<bool, 2>;        ///< event stream on
using f_evntdir = bit_field<bool, 3>;       ///< event on the falling edge
using f_evnti = bit_field<unsigned, 7, 4>;  ///< counter bit of the event stream
static_assert(disjoint_fields<f_el1pcten, f_el1pcen, f_evnten, f_evntdir, f_evnti>);
}  // namespace cnthctl_nvhe

/// CNTHCTL_EL2 with HCR_EL2.E2H 1. The EL0 fields rule a host's own EL0 (TGE 1) and are without effect on guests.
namespace cnthctl_vhe {
using f_el0pcten = bit_field<bool, 0>;      ///< host EL0 reads CNTPCT_EL0
using f_el0vcten = bit_field<bool, 1>;      ///< host EL0 reads CNTVCT_EL0
using f_evnten = bit_field<bool, 2>;        ///< event stream on
using f_evntdir = bit_field<bool, 3>;       ///< event on the falling edge
using f_evnti = bit_field<unsigned, 7, 4>;  ///< counter bit of the event stream
using f_el0vten = bit_field<bool, 8>;       ///< host EL0 uses the CNTV registers
using f_el0pten = bit_field<bool, 9>;       ///< host EL0 uses the CNTP registers
using f_el1pcten = bit_field<bool, 10>;     ///< EL1 and EL0 of guests read CNTPCT_EL0 without a trap
using f_el1pten = bit_field<bool, 11>;      ///< EL1 and EL0 of guests use the CNTP registers without a trap
static_assert(
    disjoint_fields<f_el0pcten, f_el0vcten, f_evnten, f_evntdir, f_evnti, f_el0vten, f_el0pten, f_el1pcten, f_el1pten>);
}  // namespace cnthctl_vhe

/// CNTHCTL_EL2 for running guests: every bit that is not about guests' physical time is zero (no event stream at EL2,
/// no host EL0, none of FEAT_ECV's traps).
template <el2_mode Mode>
[[nodiscard]] constexpr std::uint64_t cnthctl_for_guests(physical_time allowed) {
  bool const counter = allowed != physical_time::trapped;
  bool const timer = allowed == physical_time::direct;
  if constexpr (Mode == el2_mode::vhe) {
    return cnthctl_vhe::f_el1pcten::make(counter) | cnthctl_vhe::f_el1pten::make(timer);
  } else {
    return cnthctl_nvhe::f_el1pcten::make(counter) | cnthctl_nvhe::f_el1pcen::make(timer);
  }
}

/// By which names EL2 reaches a guest's timer: with E2H 1 the plain names mean EL2's own
/// (ARM DDI 0487, "Redirected registers when FEAT_VHE is implemented").
template <el2_mode Mode>
struct timer_names {
  static_assert(Mode != el2_mode::either, "timer_names: names belong to one use of EL2; see in_el2_mode");
  static constexpr bool vhe = Mode == el2_mode::vhe;
  static constexpr sysreg cntv_ctl = vhe ? sysreg::cntv_ctl_el02 : sysreg::cntv_ctl_el0;
  static constexpr sysreg cntv_cval = vhe ? sysreg::cntv_cval_el02 : sysreg::cntv_cval_el0;
  static constexpr sysreg cntkctl = vhe ? sysreg::cntkctl_el12 : sysreg::cntkctl_el1;
};

}  // namespace axhal::aarch64

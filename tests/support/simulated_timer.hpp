// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/generic_timer.hpp>

#include <cstdint>
#include <vector>

namespace axhal::test {

/// One thing a driver did to the registers, in order.
struct register_event {
  enum class kind { read, write, isb } what;
  aarch64::sysreg id{};
  std::uint64_t value{};
  friend bool operator==(register_event const&, register_event const&) = default;
};

/// The timer registers of one CPU at EL2, as the manual describes them and not as the driver uses them: with E2H 1 the
/// plain EL0 and EL1 names mean EL2's own registers, and only then the _EL02 and _EL12 names exist.
///
/// Static, as the instructions are; `Tag` keeps the CPUs of different tests apart.
template <aarch64::el2_mode Mode, typename Tag = void>
struct simulated_timer {
  struct timer {
    std::uint64_t cval{0xdead'dead};  // registers have no defined reset value
    std::uint64_t ctl{3};
  };
  struct machine {
    std::uint64_t counter{};
    std::uint64_t frequency{62'500'000};
    std::uint64_t cntvoff{0xbad};
    std::uint64_t cnthctl{0xffff'ffff};
    std::uint64_t cntkctl{0xbad};
    timer cnthp{}, cnthv{}, cntp{}, cntv{};
    bool undefined{};  ///< an access that traps or does not exist was made
    std::vector<register_event> events{};
  };
  static inline machine m{};

  static void isb() { m.events.push_back({register_event::kind::isb}); }

  template <aarch64::sysreg Id>
  static std::uint64_t read() {
    std::uint64_t const v = value_of(Id);
    m.events.push_back({register_event::kind::read, Id, v});
    return v;
  }
  template <aarch64::sysreg Id>
  static void write(std::uint64_t v) {
    m.events.push_back({register_event::kind::write, Id, v});
    using aarch64::sysreg;
    switch (Id) {
      case sysreg::cntvoff_el2: m.cntvoff = v; return;
      case sysreg::cnthctl_el2: m.cnthctl = v; return;
      case sysreg::cntkctl_el1: (vhe ? m.cnthctl : m.cntkctl) = v; return;
      case sysreg::cntkctl_el12: vhe ? void(m.cntkctl = v) : void(m.undefined = true); return;
      default: break;
    }
    timer* const t = timer_of(Id);
    if (t == nullptr) {
      m.undefined = true;
    } else if (is_control(Id)) {
      t->ctl = v & 3;  // ISTATUS is read only
    } else {
      t->cval = v;
    }
  }
  /// What the loaded guest reads from its virtual counter.
  static std::uint64_t guest_counter() { return m.counter - m.cntvoff; }
  /// The level of the guest's virtual timer interrupt.
  static bool guest_line() { return (m.cntv.ctl & 3) == 1 && guest_counter() >= m.cntv.cval; }
  /// The level of the hypervisor's timer interrupt.
  static bool host_line() { return (m.cnthp.ctl & 3) == 1 && m.counter >= m.cnthp.cval; }

 private:
  static constexpr bool vhe = Mode == aarch64::el2_mode::vhe;

  static bool is_control(aarch64::sysreg id) {
    using enum aarch64::sysreg;
    return id == cnthp_ctl_el2 || id == cntp_ctl_el0 || id == cntv_ctl_el0 || id == cntv_ctl_el02;
  }
  static timer* timer_of(aarch64::sysreg id) {
    using enum aarch64::sysreg;
    switch (id) {
      case cnthp_ctl_el2:
      case cnthp_cval_el2: return &m.cnthp;
      case cntp_ctl_el0:
      case cntp_cval_el0: return vhe ? &m.cnthp : &m.cntp;
      case cntv_ctl_el0:
      case cntv_cval_el0: return vhe ? &m.cnthv : &m.cntv;
      case cntv_ctl_el02:
      case cntv_cval_el02: return vhe ? &m.cntv : nullptr;
      default: return nullptr;
    }
  }
  static std::uint64_t value_of(aarch64::sysreg id) {
    using aarch64::sysreg;
    switch (id) {
      case sysreg::cntfrq_el0: return m.frequency;
      case sysreg::cntpct_el0: return m.counter;
      case sysreg::cntvct_el0: return vhe ? m.counter : m.counter - m.cntvoff;
      case sysreg::cntvoff_el2: return m.cntvoff;
      case sysreg::cnthctl_el2: return m.cnthctl;
      case sysreg::cntkctl_el1: return vhe ? m.cnthctl : m.cntkctl;
      case sysreg::cntkctl_el12: m.undefined = m.undefined || !vhe; return m.cntkctl;
      default: break;
    }
    timer const* const t = timer_of(id);
    if (t == nullptr) {
      m.undefined = true;
      return 0;
    }
    if (!is_control(id)) return t->cval;
    bool const virtual_timer = t == &m.cntv;
    std::uint64_t const now = virtual_timer ? m.counter - m.cntvoff : m.counter;
    return t->ctl | ((t->ctl & 1) != 0 && now >= t->cval ? 4U : 0U);
  }
};

}  // namespace axhal::test

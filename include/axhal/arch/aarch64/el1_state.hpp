// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/sysreg.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// How EL2 is used: `nvhe` with HCR_EL2.E2H 0 (every ARMv8 CPU), `vhe` with E2H 1 (FEAT_VHE, ARMv8.1). `either` is for
/// a program that serves both: what differs is looked up in E2H when it runs, which no exit does that a handler answers
/// without injecting a fault.
enum class el2_mode : std::uint8_t { nvhe, vhe, either };

/// Calls `f.template operator()<M>()` with the one use of EL2 that is meant: `Mode`, or what E2H says for `either`.
template <el2_mode Mode, SysregAccess S, typename F>
decltype(auto) in_el2_mode(F&& f) {
  if constexpr (Mode != el2_mode::either) {
    return f.template operator()<Mode>();
  } else if ((S::template read<sysreg::hcr_el2>() >> 34 & 1) != 0) {
    return f.template operator()<el2_mode::vhe>();
  } else {
    return f.template operator()<el2_mode::nvhe>();
  }
}

/// By which names EL2 reaches a guest's EL1 registers: with E2H 1 the plain names mean EL2's own registers
/// (ARM DDI 0487, "Redirected registers when FEAT_VHE is implemented", D1.3.5).
// clang-format off
template <el2_mode Mode>
struct el1_names {
  static_assert(Mode != el2_mode::either, "el1_names: names belong to one use of EL2; see in_el2_mode");
  static constexpr bool vhe = Mode == el2_mode::vhe;
  static constexpr sysreg sctlr      = vhe ? sysreg::sctlr_el12      : sysreg::sctlr_el1;
  static constexpr sysreg cpacr      = vhe ? sysreg::cpacr_el12      : sysreg::cpacr_el1;
  static constexpr sysreg ttbr0      = vhe ? sysreg::ttbr0_el12      : sysreg::ttbr0_el1;
  static constexpr sysreg ttbr1      = vhe ? sysreg::ttbr1_el12      : sysreg::ttbr1_el1;
  static constexpr sysreg tcr        = vhe ? sysreg::tcr_el12        : sysreg::tcr_el1;
  static constexpr sysreg spsr       = vhe ? sysreg::spsr_el12       : sysreg::spsr_el1;
  static constexpr sysreg elr        = vhe ? sysreg::elr_el12        : sysreg::elr_el1;
  static constexpr sysreg afsr0      = vhe ? sysreg::afsr0_el12      : sysreg::afsr0_el1;
  static constexpr sysreg afsr1      = vhe ? sysreg::afsr1_el12      : sysreg::afsr1_el1;
  static constexpr sysreg esr        = vhe ? sysreg::esr_el12        : sysreg::esr_el1;
  static constexpr sysreg far        = vhe ? sysreg::far_el12        : sysreg::far_el1;
  static constexpr sysreg mair       = vhe ? sysreg::mair_el12       : sysreg::mair_el1;
  static constexpr sysreg amair      = vhe ? sysreg::amair_el12      : sysreg::amair_el1;
  static constexpr sysreg vbar       = vhe ? sysreg::vbar_el12       : sysreg::vbar_el1;
  static constexpr sysreg contextidr = vhe ? sysreg::contextidr_el12 : sysreg::contextidr_el1;
};
// clang-format on

/// The EL1 and EL0 system registers that a guest owns while it is loaded. Read and written only when a vCPU is put on
/// or taken off a CPU, never per exit.
///
/// A zeroed state with SCTLR_EL1's reserved ones is the reset state that PSCI and the Linux boot protocol ask for: MMU
/// and caches off, little endian.
struct el1_state {
  /// SCTLR_EL1 bits that are one on a CPU without the features behind them: SPAN 23, EIS 22, TSCXT 20, EOS 11, and
  /// LSMAOE 29, nTLSMD 28 (ARM DDI 0487, "SCTLR_EL1", D24.2.175).
  static constexpr std::uint64_t sctlr_reset = 0x30d0'0800;

  std::uint64_t sctlr{sctlr_reset}, cpacr{}, ttbr0{}, ttbr1{}, tcr{}, spsr{}, elr{}, afsr0{}, afsr1{}, esr{}, far{},
      mair{}, amair{}, vbar{}, contextidr{}, csselr{}, par{}, sp_el0{}, sp_el1{}, tpidr_el0{}, tpidrro_el0{},
      tpidr_el1{};

  template <el2_mode Mode, SysregAccess S>
  void save() {
    visit<Mode>(*this, [](auto id, std::uint64_t& value) { value = S::template read<decltype(id)::value>(); });
  }
  template <el2_mode Mode, SysregAccess S>
  void load() const {
    visit<Mode>(*this, [](auto id, std::uint64_t value) { S::template write<decltype(id)::value>(value); });
  }

 private:
  template <sysreg Id>
  struct named {
    static constexpr sysreg value = Id;
  };
  template <el2_mode Mode, typename State, typename F>
  static void visit(State& s, F f) {
    using n = el1_names<Mode>;
    f(named<n::sctlr>{}, s.sctlr);
    f(named<n::cpacr>{}, s.cpacr);
    f(named<n::ttbr0>{}, s.ttbr0);
    f(named<n::ttbr1>{}, s.ttbr1);
    f(named<n::tcr>{}, s.tcr);
    f(named<n::spsr>{}, s.spsr);
    f(named<n::elr>{}, s.elr);
    f(named<n::afsr0>{}, s.afsr0);
    f(named<n::afsr1>{}, s.afsr1);
    f(named<n::esr>{}, s.esr);
    f(named<n::far>{}, s.far);
    f(named<n::mair>{}, s.mair);
    f(named<n::amair>{}, s.amair);
    f(named<n::vbar>{}, s.vbar);
    f(named<n::contextidr>{}, s.contextidr);
    f(named<sysreg::csselr_el1>{}, s.csselr);
    f(named<sysreg::par_el1>{}, s.par);
    f(named<sysreg::sp_el0>{}, s.sp_el0);
    f(named<sysreg::sp_el1>{}, s.sp_el1);
    f(named<sysreg::tpidr_el0>{}, s.tpidr_el0);
    f(named<sysreg::tpidrro_el0>{}, s.tpidrro_el0);
    f(named<sysreg::tpidr_el1>{}, s.tpidr_el1);
  }
};

}  // namespace axhal::aarch64

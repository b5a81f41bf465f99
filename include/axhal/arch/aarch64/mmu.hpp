// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// SCTLR_EL2 of a hypervisor that runs with MMU and caches (ARM DDI 0487, "SCTLR_EL2, System Control Register (EL2)",
/// D24.2).
struct sctlr_el2 {
  // clang-format off
  using f_m   = bit_field<bool,  0>;    // MMU
  using f_a   = bit_field<bool,  1>;    // alignment checks
  using f_c   = bit_field<bool,  2>;    // data cache
  using f_sa  = bit_field<bool,  3>;    // SP alignment check
  using f_i   = bit_field<bool, 12>;    // instruction cache
  using f_wxn = bit_field<bool, 19>;    // what is writable is never executed
  // clang-format on

  /// Bits that are one in a regime without EL0 (E2H 0).
  static constexpr std::uint64_t res1_nvhe = 0x30c5'0830;
  /// Bits that are one in the layout of SCTLR_EL1 (E2H 1): EOS 11, TSCXT 20, EIS 22, SPAN 23, nTLSMD 28, LSMAOE 29.
  static constexpr std::uint64_t res1_vhe = 0x30d0'0800;

  /// Little endian, everything on, unaligned accesses to normal memory allowed.
  [[nodiscard]] static constexpr std::uint64_t running(el2_mode mode) {
    return (mode == el2_mode::vhe ? res1_vhe : res1_nvhe) | f_m::make(true) | f_c::make(true) | f_sa::make(true) |
           f_i::make(true) | f_wxn::make(true);
  }
};

/// Turns the MMU and the caches of this CPU on at EL2, with the tables at `root`.
///
/// Preconditions: the tables map the running code, its stack and its data where they are; HCR_EL2.E2H agrees with the
/// format; and no cache line holds an older copy of what was written while the caches were off.
template <typename Stage1, SysregAccess S, TlbInstructions I>
void enable_mmu(host_phys root, unsigned physical_bits) {
  S::template write<sysreg::mair_el2>(memory_attributes::mair_el2);
  S::template write<sysreg::tcr_el2>(Stage1::tcr_el2(physical_bits));
  S::template write<sysreg::ttbr0_el2>(root.value);
  I::dsb_ishst();
  I::isb();
  // What firmware or a loader translated at EL2 must not outlive its tables.
  I::tlbi_alle2is();
  I::dsb_ish();
  I::isb();
  S::template write<sysreg::sctlr_el2>(sctlr_el2::running(Stage1::mode));
  I::isb();
}

}  // namespace axhal::aarch64

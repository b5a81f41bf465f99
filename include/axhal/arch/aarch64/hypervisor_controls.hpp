// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The control registers that decide what a guest has, what it asks for and what it never sees.
/// docs/aarch64-registers.md lists the same decisions by what a guest could use.
namespace axhal::aarch64 {

/// HCR_EL2 (ARM DDI 0487, "HCR_EL2, Hypervisor Configuration Register", D24.2.57). Bits of absent features are reserved
/// zero and ignored.
namespace hcr {
using f_vm = bit_field<bool, 0>;            ///< stage 2 translates
using f_swio = bit_field<bool, 1>;          ///< invalidate by set/way cleans too: it cannot drop anyone's data
using f_ptw = bit_field<bool, 2>;           ///< a stage-1 walk into device memory faults
using f_fmo = bit_field<bool, 3>;           ///< FIQs come to EL2; the guest gets virtual ones
using f_imo = bit_field<bool, 4>;           ///< IRQs likewise
using f_amo = bit_field<bool, 5>;           ///< SErrors likewise
using f_vf = bit_field<bool, 6>;            ///< a virtual FIQ is pending
using f_vi = bit_field<bool, 7>;            ///< a virtual IRQ is pending
using f_vse = bit_field<bool, 8>;           ///< a virtual SError is pending
using f_fb = bit_field<bool, 9>;            ///< the guest's local TLB and instruction-cache maintenance is broadcast
using f_bsu = bit_field<unsigned, 11, 10>;  ///< least shareability of the guest's barriers: 1 inner
using f_twi = bit_field<bool, 13>;          ///< WFI exits
using f_twe = bit_field<bool, 14>;          ///< WFE exits
using f_tid3 = bit_field<bool, 18>;         ///< reads of ID group 3 exit
using f_tsc = bit_field<bool, 19>;          ///< SMC exits: no call reaches the firmware
using f_tidcp = bit_field<bool, 20>;        ///< implementation-defined registers and instructions exit
using f_tacr = bit_field<bool, 21>;         ///< ACTLR_EL1 exits
using f_tge = bit_field<bool, 27>;          ///< EL0's exceptions come to EL2
using f_rw = bit_field<bool, 31>;           ///< EL1 is AArch64
using f_e2h = bit_field<bool, 34>;          ///< FEAT_VHE: EL2 hosts an operating system
using f_tlor = bit_field<bool, 35>;         ///< LOR registers exit
using f_terr = bit_field<bool, 36>;         ///< RAS error records exit
using f_apk = bit_field<bool, 40>;          ///< pointer-authentication keys do not exit
using f_api = bit_field<bool, 41>;          ///< pointer-authentication instructions do not exit
using f_fien = bit_field<bool, 47>;         ///< RAS fault injection does not exit
using f_enscxt = bit_field<bool, 53>;       ///< SCXTNUM does not exit
using f_ata = bit_field<bool, 56>;          ///< memory tags are accessible
using f_tid5 = bit_field<bool, 58>;         ///< GMID_EL1 exits
static_assert(disjoint_fields<f_vm, f_swio, f_ptw, f_fmo, f_imo, f_amo, f_vf, f_vi, f_vse, f_fb, f_bsu, f_twi, f_twe,
                              f_tid3, f_tsc, f_tidcp, f_tacr, f_tge, f_rw, f_e2h, f_tlor, f_terr, f_apk, f_api, f_fien,
                              f_enscxt, f_ata, f_tid5>);
}  // namespace hcr

/// MDCR_EL2 (ARM DDI 0487, "MDCR_EL2, Monitor Debug Configuration Register (EL2)", D24.3.18).
namespace mdcr {
using f_hpmn = bit_field<unsigned, 4, 0>;    ///< event counters that EL1 would have; keeps the hardware's reset value
using f_tpmcr = bit_field<bool, 5>;          ///< PMCR_EL0 exits
using f_tpm = bit_field<bool, 6>;            ///< all PMU registers exit
using f_tde = bit_field<bool, 8>;            ///< debug exceptions come to EL2
using f_tda = bit_field<bool, 9>;            ///< debug registers exit
using f_tdosa = bit_field<bool, 10>;         ///< OS lock and power-down registers exit
using f_tdra = bit_field<bool, 11>;          ///< debug ROM address registers exit
using f_e2pb = bit_field<unsigned, 13, 12>;  ///< who owns the profiling buffer: 0 EL2, and EL1's use exits
using f_tpms = bit_field<bool, 14>;          ///< statistical-profiling registers exit
using f_ttrf = bit_field<bool, 19>;          ///< trace-filter registers exit
using f_e2tb = bit_field<unsigned, 25, 24>;  ///< who owns the trace buffer: 0 EL2, and EL1's use exits
static_assert(disjoint_fields<f_hpmn, f_tpmcr, f_tpm, f_tde, f_tda, f_tdosa, f_tdra, f_e2pb, f_tpms, f_ttrf, f_e2tb>);
}  // namespace mdcr

/// CPTR_EL2 with HCR_EL2.E2H 0 (ARM DDI 0487, "CPTR_EL2, Architectural Feature Trap Register (EL2)", D24.2.32): a one
/// traps.
namespace cptr_nvhe {
inline constexpr std::uint64_t reserved_ones = 0x22ff;
using f_tz = bit_field<bool, 8>;    ///< SVE traps; reserved one without it
using f_tfp = bit_field<bool, 10>;  ///< FP and SIMD trap
using f_tsm = bit_field<bool, 12>;  ///< SME traps; reserved one without it
using f_tta = bit_field<bool, 20>;  ///< trace registers trap
using f_tam = bit_field<bool, 30>;  ///< activity-monitor registers trap
static_assert((reserved_ones & (f_tz::mask | f_tfp::mask | f_tsm::mask)) == 0);
}  // namespace cptr_nvhe

/// CPTR_EL2 with HCR_EL2.E2H 1: laid out as CPACR_EL1, zeros in the enables trap at every level.
namespace cptr_vhe {
using f_zen = bit_field<unsigned, 17, 16>;   ///< SVE: 3 runs free
using f_fpen = bit_field<unsigned, 21, 20>;  ///< FP and SIMD: 3 runs free
using f_smen = bit_field<unsigned, 25, 24>;  ///< SME: 3 runs free
using f_tta = bit_field<bool, 28>;           ///< trace registers trap
using f_e0poe = bit_field<bool, 29>;         ///< POR_EL0 does not trap
using f_tam = bit_field<bool, 30>;           ///< activity-monitor registers trap
static_assert(disjoint_fields<f_zen, f_fpen, f_smen, f_tta, f_e0poe, f_tam>);
}  // namespace cptr_vhe

/// The values that a CPU runs with, for one use of EL2.
template <el2_mode Mode>
struct hypervisor_controls {
  static_assert(Mode != el2_mode::either, "hypervisor_controls: values belong to one use of EL2; see in_el2_mode");
  static constexpr bool vhe = Mode == el2_mode::vhe;

  /// HCR_EL2 while no guest is loaded: interrupts come to EL2, no stage 2. TGE stays 0 with VHE too: with TGE 1 a TLBI
  /// by VMID would mean EL2's own translations instead of a guest's.
  static constexpr std::uint64_t hcr_host = hcr::f_rw::make(true) | hcr::f_fmo::make(true) | hcr::f_imo::make(true) |
                                            hcr::f_amo::make(true) | hcr::f_e2h::make(vhe);

  /// HCR_EL2 while a guest is loaded. Zeros that matter: API and APK (pointer authentication traps), ATA (no memory
  /// tags), FIEN and ENSCXT (trap), TWE (a vCPU that waits for another one keeps its CPU), TVM (the guest's MMU is its
  /// own).
  static constexpr std::uint64_t hcr_guest =
      hcr_host | hcr::f_vm::make(true) | hcr::f_swio::make(true) | hcr::f_ptw::make(true) | hcr::f_fb::make(true) |
      hcr::f_bsu::make(1) | hcr::f_twi::make(true) | hcr::f_tid3::make(true) | hcr::f_tsc::make(true) |
      hcr::f_tidcp::make(true) | hcr::f_tacr::make(true) | hcr::f_tlor::make(true) | hcr::f_terr::make(true) |
      hcr::f_tid5::make(true);

  /// MDCR_EL2 while a guest is loaded, from the value that is there: debug, profiling, trace and the PMU exit, debug
  /// exceptions stay the guest's own (BRK works inside it).
  [[nodiscard]] static constexpr std::uint64_t mdcr_guest(std::uint64_t now) {
    return (now & mdcr::f_hpmn::mask) | mdcr::f_tpmcr::make(true) | mdcr::f_tpm::make(true) | mdcr::f_tda::make(true) |
           mdcr::f_tdosa::make(true) | mdcr::f_tdra::make(true) | mdcr::f_tpms::make(true) | mdcr::f_ttrf::make(true);
  }

  /// CPTR_EL2 while the FP and SIMD registers are somebody else's: the first use exits as `exit::lazy_state`.
  static constexpr std::uint64_t cptr_fp_trapped =
      vhe ? cptr_vhe::f_tta::make(true) | cptr_vhe::f_tam::make(true)
          : cptr_nvhe::reserved_ones | cptr_nvhe::f_tz::make(true) | cptr_nvhe::f_tsm::make(true) |
                cptr_nvhe::f_tta::make(true) | cptr_nvhe::f_tam::make(true) | cptr_nvhe::f_tfp::make(true);
  /// CPTR_EL2 while they are the loaded guest's.
  static constexpr std::uint64_t cptr_fp_live =
      vhe ? cptr_fp_trapped | cptr_vhe::f_fpen::make(3) : cptr_nvhe::f_tfp::with(cptr_fp_trapped, false);
};

/// Switches off, once per CPU, what later architecture versions would let a guest reach unless EL2 says no. Registers
/// of absent features are not touched. Firmware leaves them UNKNOWN on a warm reset.
///
/// HCRX_EL2 zero: no MOPS, TCR2, SCTLR2, GCS, LS64 with status, 128-bit registers. Fine-grained traps zero: bits named
/// n* trap, others do not; HAFGRTR_EL2 only where there are activity monitors. VSESR_EL2 zero: a virtual SError has no
/// syndrome. MPAM2_EL2: partition registers trap.
template <SysregAccess S>
void hide_optional_features() {
  auto const field = [](std::uint64_t word, unsigned lsb) { return (word >> lsb) & 15; };
  std::uint64_t const pfr0 = S::template read<sysreg::id_aa64pfr0_el1>();
  if (field(S::template read<sysreg::id_aa64mmfr1_el1>(), 40) != 0) S::template write<sysreg::hcrx_el2>(0);
  std::uint64_t const fine_grained = field(S::template read<sysreg::id_aa64mmfr0_el1>(), 56);
  if (fine_grained >= 2) {
    S::template write<sysreg::hfgrtr2_el2>(0);
    S::template write<sysreg::hfgwtr2_el2>(0);
    S::template write<sysreg::hfgitr2_el2>(0);
    S::template write<sysreg::hdfgrtr2_el2>(0);
    S::template write<sysreg::hdfgwtr2_el2>(0);
  }
  if (fine_grained >= 1) {
    S::template write<sysreg::hfgrtr_el2>(0);
    S::template write<sysreg::hfgwtr_el2>(0);
    S::template write<sysreg::hfgitr_el2>(0);
    S::template write<sysreg::hdfgrtr_el2>(0);
    S::template write<sysreg::hdfgwtr_el2>(0);
    if (field(pfr0, 44) != 0) S::template write<sysreg::hafgrtr_el2>(0);
  }
  if (field(pfr0, 28) != 0) S::template write<sysreg::vsesr_el2>(0);
  constexpr std::uint64_t mpam_traps = std::uint64_t{3} << 48;  // TRAPMPAM1EL1, TRAPMPAM0EL1
  if (field(pfr0, 40) != 0) S::template write<sysreg::mpam2_el2>(mpam_traps);
}

}  // namespace axhal::aarch64

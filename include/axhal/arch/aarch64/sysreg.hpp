// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::aarch64 {

/// The number of a system register: op0, op1, CRn, CRm and op2 as MRS and MSR encode them, 16 bits
/// (ARM DDI 0487, "System register encoding", C5.1.2).
[[nodiscard]] constexpr std::uint16_t encode_sysreg(unsigned op0, unsigned op1, unsigned crn, unsigned crm,
                                                    unsigned op2) {
  return static_cast<std::uint16_t>(op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2);
}

/// System registers by the manual's names. `rw` read and write, `ro` read only, `wo` write only.
// clang-format off
enum class sysreg : std::uint16_t {
  // identification
  midr_el1         = encode_sysreg(3, 0, 0, 0, 0),    // ro
  mpidr_el1        = encode_sysreg(3, 0, 0, 0, 5),    // ro
  id_aa64pfr0_el1  = encode_sysreg(3, 0, 0, 4, 0),    // ro
  id_aa64pfr1_el1  = encode_sysreg(3, 0, 0, 4, 1),    // ro
  id_aa64dfr0_el1  = encode_sysreg(3, 0, 0, 5, 0),    // ro
  id_aa64isar0_el1 = encode_sysreg(3, 0, 0, 6, 0),    // ro
  id_aa64isar1_el1 = encode_sysreg(3, 0, 0, 6, 1),    // ro
  id_aa64mmfr0_el1 = encode_sysreg(3, 0, 0, 7, 0),    // ro
  id_aa64mmfr1_el1 = encode_sysreg(3, 0, 0, 7, 1),    // ro
  id_aa64mmfr2_el1 = encode_sysreg(3, 0, 0, 7, 2),    // ro
  id_aa64isar2_el1 = encode_sysreg(3, 0, 0, 6, 2),    // ro
  ctr_el0          = encode_sysreg(3, 3, 0, 0, 1),    // ro
  currentel        = encode_sysreg(3, 0, 4, 2, 2),    // ro
  daif             = encode_sysreg(3, 3, 4, 2, 1),    // rw
  // self-hosted debug
  mdscr_el1        = encode_sysreg(2, 0, 0, 2, 2),    // rw
  oslar_el1        = encode_sysreg(2, 0, 1, 0, 4),    // wo
  oslsr_el1        = encode_sysreg(2, 0, 1, 1, 4),    // ro
  osdlr_el1        = encode_sysreg(2, 0, 1, 3, 4),    // rw
  // EL1 state of a guest
  sctlr_el1        = encode_sysreg(3, 0, 1, 0, 0),    // rw
  actlr_el1        = encode_sysreg(3, 0, 1, 0, 1),    // rw
  cpacr_el1        = encode_sysreg(3, 0, 1, 0, 2),    // rw
  ttbr0_el1        = encode_sysreg(3, 0, 2, 0, 0),    // rw
  ttbr1_el1        = encode_sysreg(3, 0, 2, 0, 1),    // rw
  tcr_el1          = encode_sysreg(3, 0, 2, 0, 2),    // rw
  spsr_el1         = encode_sysreg(3, 0, 4, 0, 0),    // rw
  elr_el1          = encode_sysreg(3, 0, 4, 0, 1),    // rw
  sp_el0           = encode_sysreg(3, 0, 4, 1, 0),    // rw
  afsr0_el1        = encode_sysreg(3, 0, 5, 1, 0),    // rw
  afsr1_el1        = encode_sysreg(3, 0, 5, 1, 1),    // rw
  esr_el1          = encode_sysreg(3, 0, 5, 2, 0),    // rw
  far_el1          = encode_sysreg(3, 0, 6, 0, 0),    // rw
  par_el1          = encode_sysreg(3, 0, 7, 4, 0),    // rw
  mair_el1         = encode_sysreg(3, 0, 10, 2, 0),   // rw
  amair_el1        = encode_sysreg(3, 0, 10, 3, 0),   // rw
  vbar_el1         = encode_sysreg(3, 0, 12, 0, 0),   // rw
  contextidr_el1   = encode_sysreg(3, 0, 13, 0, 1),   // rw
  tpidr_el1        = encode_sysreg(3, 0, 13, 0, 4),   // rw
  cntkctl_el1      = encode_sysreg(3, 0, 14, 1, 0),   // rw
  csselr_el1       = encode_sysreg(3, 2, 0, 0, 0),    // rw
  tpidr_el0        = encode_sysreg(3, 3, 13, 0, 2),   // rw
  tpidrro_el0      = encode_sysreg(3, 3, 13, 0, 3),   // rw
  sp_el1           = encode_sysreg(3, 4, 4, 1, 0),    // rw
  // the same registers as EL2 reaches them when HCR_EL2.E2H is 1
  sctlr_el12       = encode_sysreg(3, 5, 1, 0, 0),    // rw
  cpacr_el12       = encode_sysreg(3, 5, 1, 0, 2),    // rw
  ttbr0_el12       = encode_sysreg(3, 5, 2, 0, 0),    // rw
  ttbr1_el12       = encode_sysreg(3, 5, 2, 0, 1),    // rw
  tcr_el12         = encode_sysreg(3, 5, 2, 0, 2),    // rw
  spsr_el12        = encode_sysreg(3, 5, 4, 0, 0),    // rw
  elr_el12         = encode_sysreg(3, 5, 4, 0, 1),    // rw
  afsr0_el12       = encode_sysreg(3, 5, 5, 1, 0),    // rw
  afsr1_el12       = encode_sysreg(3, 5, 5, 1, 1),    // rw
  esr_el12         = encode_sysreg(3, 5, 5, 2, 0),    // rw
  far_el12         = encode_sysreg(3, 5, 6, 0, 0),    // rw
  mair_el12        = encode_sysreg(3, 5, 10, 2, 0),   // rw
  amair_el12       = encode_sysreg(3, 5, 10, 3, 0),   // rw
  vbar_el12        = encode_sysreg(3, 5, 12, 0, 0),   // rw
  contextidr_el12  = encode_sysreg(3, 5, 13, 0, 1),   // rw
  cntkctl_el12     = encode_sysreg(3, 5, 14, 1, 0),   // rw
  cntv_ctl_el02    = encode_sysreg(3, 5, 14, 3, 1),   // rw
  cntv_cval_el02   = encode_sysreg(3, 5, 14, 3, 2),   // rw
  // EL2
  vpidr_el2        = encode_sysreg(3, 4, 0, 0, 0),    // rw
  vmpidr_el2       = encode_sysreg(3, 4, 0, 0, 5),    // rw
  sctlr_el2        = encode_sysreg(3, 4, 1, 0, 0),    // rw
  actlr_el2        = encode_sysreg(3, 4, 1, 0, 1),    // rw
  hcr_el2          = encode_sysreg(3, 4, 1, 1, 0),    // rw
  mdcr_el2         = encode_sysreg(3, 4, 1, 1, 1),    // rw
  cptr_el2         = encode_sysreg(3, 4, 1, 1, 2),    // rw
  hstr_el2         = encode_sysreg(3, 4, 1, 1, 3),    // rw
  ttbr0_el2        = encode_sysreg(3, 4, 2, 0, 0),    // rw
  tcr_el2          = encode_sysreg(3, 4, 2, 0, 2),    // rw
  hfgrtr_el2       = encode_sysreg(3, 4, 1, 1, 4),    // rw  FEAT_FGT
  hfgwtr_el2       = encode_sysreg(3, 4, 1, 1, 5),    // rw  FEAT_FGT
  hfgitr_el2       = encode_sysreg(3, 4, 1, 1, 6),    // rw  FEAT_FGT
  hcrx_el2         = encode_sysreg(3, 4, 1, 2, 2),    // rw  FEAT_HCX
  hdfgrtr2_el2     = encode_sysreg(3, 4, 3, 1, 0),    // rw  FEAT_FGT2
  hdfgwtr2_el2     = encode_sysreg(3, 4, 3, 1, 1),    // rw  FEAT_FGT2
  hfgrtr2_el2      = encode_sysreg(3, 4, 3, 1, 2),    // rw  FEAT_FGT2
  hfgwtr2_el2      = encode_sysreg(3, 4, 3, 1, 3),    // rw  FEAT_FGT2
  hdfgrtr_el2      = encode_sysreg(3, 4, 3, 1, 4),    // rw  FEAT_FGT
  hdfgwtr_el2      = encode_sysreg(3, 4, 3, 1, 5),    // rw  FEAT_FGT
  hafgrtr_el2      = encode_sysreg(3, 4, 3, 1, 6),    // rw  FEAT_FGT with FEAT_AMUv1
  hfgitr2_el2      = encode_sysreg(3, 4, 3, 1, 7),    // rw  FEAT_FGT2
  vsesr_el2        = encode_sysreg(3, 4, 5, 2, 3),    // rw  FEAT_RAS
  mpam2_el2        = encode_sysreg(3, 4, 10, 5, 0),   // rw  FEAT_MPAM
  vttbr_el2        = encode_sysreg(3, 4, 2, 1, 0),    // rw
  vtcr_el2         = encode_sysreg(3, 4, 2, 1, 2),    // rw
  spsr_el2         = encode_sysreg(3, 4, 4, 0, 0),    // rw
  elr_el2          = encode_sysreg(3, 4, 4, 0, 1),    // rw
  esr_el2          = encode_sysreg(3, 4, 5, 2, 0),    // rw
  far_el2          = encode_sysreg(3, 4, 6, 0, 0),    // rw
  hpfar_el2        = encode_sysreg(3, 4, 6, 0, 4),    // rw
  mair_el2         = encode_sysreg(3, 4, 10, 2, 0),   // rw
  vbar_el2         = encode_sysreg(3, 4, 12, 0, 0),   // rw
  tpidr_el2        = encode_sysreg(3, 4, 13, 0, 2),   // rw
  // generic timer
  cntfrq_el0       = encode_sysreg(3, 3, 14, 0, 0),   // rw
  cntpct_el0       = encode_sysreg(3, 3, 14, 0, 1),   // ro
  cntvct_el0       = encode_sysreg(3, 3, 14, 0, 2),   // ro
  cntp_tval_el0    = encode_sysreg(3, 3, 14, 2, 0),   // rw
  cntp_ctl_el0     = encode_sysreg(3, 3, 14, 2, 1),   // rw
  cntp_cval_el0    = encode_sysreg(3, 3, 14, 2, 2),   // rw
  cntv_tval_el0    = encode_sysreg(3, 3, 14, 3, 0),   // rw
  cntv_ctl_el0     = encode_sysreg(3, 3, 14, 3, 1),   // rw
  cntv_cval_el0    = encode_sysreg(3, 3, 14, 3, 2),   // rw
  cntvoff_el2      = encode_sysreg(3, 4, 14, 0, 3),   // rw
  cnthctl_el2      = encode_sysreg(3, 4, 14, 1, 0),   // rw
  cnthp_tval_el2   = encode_sysreg(3, 4, 14, 2, 0),   // rw
  cnthp_ctl_el2    = encode_sysreg(3, 4, 14, 2, 1),   // rw
  cnthp_cval_el2   = encode_sysreg(3, 4, 14, 2, 2),   // rw
};
// clang-format on

/// Reads and writes system registers of this CPU. Models: aarch64::cpu (the machine), recorders in tests.
template <typename S>
concept SysregAccess = requires(std::uint64_t v) {
  { S::template read<sysreg::hcr_el2>() } -> std::same_as<std::uint64_t>;
  { S::template write<sysreg::hcr_el2>(v) } -> std::same_as<void>;
};

/// Barriers and translation maintenance of this CPU, by the manual's mnemonics. Operands are the raw Xt values.
/// Models: aarch64::cpu (the machine), recorders in tests.
template <typename T>
concept TlbInstructions = requires(std::uint64_t xt) {
  { T::dsb_ishst() } -> std::same_as<void>;
  { T::dsb_ish() } -> std::same_as<void>;
  { T::isb() } -> std::same_as<void>;
  { T::tlbi_ipas2e1is(xt) } -> std::same_as<void>;
  { T::tlbi_ipas2le1is(xt) } -> std::same_as<void>;
  { T::tlbi_vmalle1is() } -> std::same_as<void>;
  { T::tlbi_vmalls12e1is() } -> std::same_as<void>;
  { T::tlbi_alle1is() } -> std::same_as<void>;
  { T::tlbi_vae2is(xt) } -> std::same_as<void>;
  { T::tlbi_vale2is(xt) } -> std::same_as<void>;
  { T::tlbi_alle2is() } -> std::same_as<void>;
  { T::tlbi_vae1is(xt) } -> std::same_as<void>;
};

}  // namespace axhal::aarch64

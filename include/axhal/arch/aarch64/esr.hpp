// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The syndrome of an exception taken to EL2 (ARM DDI 0487, "ESR_EL2, Exception Syndrome Register", D24.2.40), and of
/// one given to a guest: ESR_EL1 has the same layout.
namespace axhal::aarch64 {

/// ESR_ELx.EC: why the exception was taken.
// clang-format off
enum class exception_class : std::uint8_t {
  unknown             = 0x00,  ///< undefined instruction, or a reason without a class
  wfx                 = 0x01,  ///< WFI, WFE, WFIT, WFET
  cp15_mcr            = 0x03,  ///< AArch32 MCR, MRC to coprocessor 15
  cp15_mcrr           = 0x04,  ///< AArch32 MCRR, MRRC to coprocessor 15
  cp14_mcr            = 0x05,  ///< AArch32 MCR, MRC to coprocessor 14
  cp14_ldc            = 0x06,  ///< AArch32 LDC, STC to coprocessor 14
  fp_access           = 0x07,  ///< FP, SIMD, SVE or SME access trapped by FPEN or TFP
  cp10_vmrs           = 0x08,  ///< AArch32 VMRS
  pointer_auth        = 0x09,  ///< a pointer-authentication instruction
  ls64                = 0x0a,  ///< LD64B, ST64B and their kin (FEAT_LS64)
  cp14_mrrc           = 0x0c,  ///< AArch32 MRRC to coprocessor 14
  branch_target       = 0x0d,  ///< branch to a place that is no landing pad (FEAT_BTI)
  illegal_state       = 0x0e,  ///< PSTATE.IL was set
  svc32               = 0x11,
  hvc32               = 0x12,
  smc32               = 0x13,
  sysreg128           = 0x14,  ///< MSRR, MRRS, 128-bit SYS (FEAT_SYSREG128)
  svc64               = 0x15,
  hvc64               = 0x16,
  smc64               = 0x17,
  sysreg              = 0x18,  ///< MSR, MRS, SYS
  sve                 = 0x19,  ///< SVE, trapped by ZEN or TZ
  eret                = 0x1a,  ///< ERET of a nested hypervisor
  tstart              = 0x1b,  ///< TSTART (FEAT_TME)
  pointer_auth_failed = 0x1c,  ///< a pointer did not authenticate (FEAT_FPAC)
  sme                 = 0x1d,  ///< SME, trapped by SMEN or TSM
  granule_check       = 0x1e,  ///< granule protection check (FEAT_RME)
  instruction_abort   = 0x20,  ///< from a lower exception level
  instruction_abort_same = 0x21,
  pc_alignment        = 0x22,
  data_abort          = 0x24,  ///< from a lower exception level
  data_abort_same     = 0x25,
  sp_alignment        = 0x26,
  memory_copy         = 0x27,  ///< CPY*, SET* (FEAT_MOPS)
  fp32                = 0x28,  ///< floating-point exception, AArch32
  fp64                = 0x2c,  ///< floating-point exception, AArch64
  guarded_stack       = 0x2d,  ///< FEAT_GCS
  serror              = 0x2f,
  breakpoint          = 0x30,  ///< from a lower exception level
  breakpoint_same     = 0x31,
  software_step       = 0x32,  ///< from a lower exception level
  software_step_same  = 0x33,
  watchpoint          = 0x34,  ///< from a lower exception level
  watchpoint_same     = 0x35,
  bkpt32              = 0x38,
  vector_catch32      = 0x3a,
  brk64               = 0x3c,
  profiling           = 0x3d,  ///< PMU exception (FEAT_EBEP)
};
// clang-format on

/// Fields that all classes share.
namespace esr {
using f_ec = bit_field<exception_class, 31, 26>;
using f_il = bit_field<bool, 25>;  ///< the instruction has 32 bits, or the class has no instruction
using f_iss = bit_field<std::uint32_t, 24, 0>;
static_assert(disjoint_fields<f_ec, f_il, f_iss>);
}  // namespace esr

/// Bytes of the instruction that caused the exception: 4, or 2 for a short T32 one.
[[nodiscard]] constexpr std::uint64_t instruction_size(std::uint64_t syndrome) {
  return 2 * (1 + std::uint64_t{esr::f_il::get(syndrome)});
}

/// ISS of `exception_class::wfx`.
namespace wfx_iss {
enum class instruction : std::uint8_t { wfi, wfe, wfit, wfet };
using f_ti = bit_field<instruction, 1, 0>;
}  // namespace wfx_iss

/// ISS of HVC and SMC from AArch64.
namespace call_iss {
using f_imm16 = bit_field<std::uint16_t, 15, 0>;
}  // namespace call_iss

/// ISS of `exception_class::sysreg`.
namespace sysreg_iss {
using f_op0 = bit_field<unsigned, 21, 20>;
using f_op2 = bit_field<unsigned, 19, 17>;
using f_op1 = bit_field<unsigned, 16, 14>;
using f_crn = bit_field<unsigned, 13, 10>;
using f_rt = bit_field<std::uint8_t, 9, 5>;
using f_crm = bit_field<unsigned, 4, 1>;
using f_read = bit_field<bool, 0>;  ///< MRS; else MSR or SYS
static_assert(disjoint_fields<f_op0, f_op2, f_op1, f_crn, f_rt, f_crm, f_read>);
}  // namespace sysreg_iss

/// ISS of data aborts; instruction aborts have `f_fnv`, `f_ea`, `f_s1ptw` and `f_fsc` of it.
namespace abort_iss {
using f_isv = bit_field<bool, 24>;              ///< bits 23:14 describe the access
using f_sas = bit_field<std::uint8_t, 23, 22>;  ///< log2 of its bytes
using f_sse = bit_field<bool, 21>;              ///< the loaded value is sign-extended
using f_srt = bit_field<std::uint8_t, 20, 16>;  ///< the register
using f_sf = bit_field<bool, 15>;               ///< the register has 64 bits
using f_ar = bit_field<bool, 14>;               ///< acquire or release
using f_vncr = bit_field<bool, 13>;             ///< made by a nested hypervisor's VNCR_EL2 access
using f_fnv = bit_field<bool, 10>;              ///< FAR is not valid
using f_ea = bit_field<bool, 9>;                ///< implementation-defined word about an external abort
using f_cm = bit_field<bool, 8>;                ///< cache maintenance or address translation, no load or store
using f_s1ptw = bit_field<bool, 7>;             ///< the access was the stage-1 walk's own
using f_wnr = bit_field<bool, 6>;               ///< write
using f_fsc = bit_field<std::uint8_t, 5, 0>;    ///< fault status code
static_assert(
    disjoint_fields<f_isv, f_sas, f_sse, f_srt, f_sf, f_ar, f_vncr, f_fnv, f_ea, f_cm, f_s1ptw, f_wnr, f_fsc>);
}  // namespace abort_iss

/// What a fault status code means, without its level.
enum class fault_status : std::uint8_t {
  address_size,
  translation,
  access_flag,
  permission,
  external_abort,  ///< synchronous external abort or parity error, on the access or on a walk
  alignment,
  tlb_conflict,
  atomic,  ///< exclusive or atomic access to memory that does not support it
  other,
};

/// The meaning of DFSC and IFSC (ARM DDI 0487, "ESR_EL2", ISS encoding for an exception from a data abort).
[[nodiscard]] constexpr fault_status fault_status_of(std::uint8_t fsc) {
  switch (fsc >> 2) {
    case 0x00: return fault_status::address_size;
    case 0x01: return fault_status::translation;
    case 0x02: return fault_status::access_flag;
    case 0x03: return fault_status::permission;
    case 0x05:  // external abort on a walk, levels 0 to 3
    case 0x06:  // parity error (0x18)
    case 0x07:  // parity error on a walk, levels 0 to 3
      return fault_status::external_abort;
    default: break;
  }
  switch (fsc) {
    case 0x10:  // external abort
    case 0x13:  // external abort on a walk, level -1
    case 0x1b:  // parity error on a walk, level -1
      return fault_status::external_abort;
    case 0x21: return fault_status::alignment;
    case 0x29: return fault_status::address_size;  // level -1
    case 0x2b: return fault_status::translation;   // level -1
    case 0x30: return fault_status::tlb_conflict;
    case 0x35: return fault_status::atomic;
    default: return fault_status::other;
  }
}
/// FSC of a translation fault at level 0; the level is in the two low bits.
inline constexpr std::uint8_t fsc_translation = 0x04;
/// FSC of a synchronous external abort on the access itself.
inline constexpr std::uint8_t fsc_external_abort = 0x10;
/// FSC of an alignment fault.
inline constexpr std::uint8_t fsc_alignment = 0x21;

/// True when HPFAR_EL2 holds the guest-physical page of the fault (ARM DDI 0487, "HPFAR_EL2", D24.2.69): stage 2 had no
/// translation, no access flag or an address too wide, or refused the stage-1 walk. For other permission faults the
/// register is UNKNOWN.
[[nodiscard]] constexpr bool hpfar_is_valid(std::uint64_t syndrome) {
  switch (fault_status_of(abort_iss::f_fsc::get(syndrome))) {
    case fault_status::translation:
    case fault_status::access_flag:
    case fault_status::address_size: return true;
    case fault_status::permission: return abort_iss::f_s1ptw::get(syndrome);
    default: return false;
  }
}

/// The guest-physical page in HPFAR_EL2: its field FIPA holds the address from bit 12 on in the register from bit 4 on.
/// Bits 3:0 are reserved zero, and NS, bit 63, falls off at the top.
[[nodiscard]] constexpr std::uint64_t faulting_page(std::uint64_t hpfar) { return hpfar << 8; }

}  // namespace axhal::aarch64

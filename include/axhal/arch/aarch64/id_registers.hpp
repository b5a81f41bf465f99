// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/sysreg.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

/// What a guest sees of the machine's identification registers: those of ID group 3 (HCR_EL2.TID3), which exit.
namespace axhal::aarch64 {

/// True for the ID group 3 space: op0 3, op1 0, CRn 0, CRm 1 to 7 (ARM DDI 0487, "HCR_EL2", TID3). AArch32's registers
/// are CRm 1 to 3; what is not allocated yet reads zero.
[[nodiscard]] constexpr bool is_id_register(std::uint32_t id) {
  constexpr std::uint32_t first = encode_sysreg(3, 0, 0, 1, 0);
  constexpr std::uint32_t last = encode_sysreg(3, 0, 0, 7, 7);
  return id >= first && id <= last;
}

/// The highest value that a guest is shown in each 4-bit field of an ID register, digit for digit.
///
/// 0 hides the feature: what this backend neither switches nor traps is not there, and neither is a value of a later
/// architecture that nobody has looked at yet. f passes the field as it is, for fields where f says "absent" and for
/// CCIDX, which describes registers that do not exit.
struct id_ceiling {
  sysreg id;
  std::uint64_t digits;
};

// clang-format off
inline constexpr id_ceiling id_ceilings[] = {
  // CSV3 CSV2 RME DIT | AMU MPAM SEL2 SVE | RAS GIC AdvSIMD FP | EL3 EL2 EL1 EL0
  //   CSV2 2 and up has SCXTNUM registers; EL1 and EL0 2 would be AArch32.
  {sysreg::id_aa64pfr0_el1,  0x1101'0000'00ff'0011},
  // PFAR DF2 MTEX THE | GCS MTE_frac NMI CSV2_frac | RNDR_trap SME - MPAM_frac | RAS_frac MTE SSBS BT
  {sysreg::id_aa64pfr1_el1,  0x0000'0001'0000'0021},
  // HPMN0 ExtTrcBuff BRBE MTPMU | TraceBuffer TraceFilt DoubleLock PMSVer | CTX_CMPs SEBEP WRPs PMSS |
  // BRPs PMUVer TraceVer DebugVer
  //   Debug registers read zero: the smallest number of them there can be.
  {sysreg::id_aa64dfr0_el1,  0x0000'00f0'0010'1006},
  // RNDR TLB TS FHM | DP SM4 SM3 SHA3 | RDM TME Atomic CRC32 | SHA2 SHA1 AES -
  {sysreg::id_aa64isar0_el1, 0x1221'1111'1031'2120},
  // LS64 XS I8MM DGH | BF16 SPECRES SB FRINTTS | GPI GPA LRCPC FCMA | JSCVT API APA DPB
  {sysreg::id_aa64isar1_el1, 0x0011'2111'0031'1002},
  // ATS1A LUT CSSC RPRFM | PCDPHINT PRFMSLC SYSINSTR_128 SYSREG_128 | CLRBHB PAC_frac BC MOPS | APA3 GPA3 RPRES WFxT
  {sysreg::id_aa64isar2_el1, 0x0011'0000'1010'0010},
  // ECV FGT - - | ExS TGran4_2 TGran64_2 TGran16_2 | TGran4 TGran64 TGran16 BigEndEL0 | SNSMem BigEnd ASIDBits PARange
  //   Stage 2 ends at 48 bits; device accesses of big-endian guests are not swapped.
  {sysreg::id_aa64mmfr0_el1, 0x0000'1000'ff20'0025},
  // ECBHB CMOW TIDCP1 nTLBPA | AFP HCX ETS TWED | XNX SpecSEI PAN LO | HPDS VH VMIDBits HAFDBS
  {sysreg::id_aa64mmfr1_el1, 0x1001'1020'0130'2002},
  // E0PD EVT BBM TTL | - FWB IDS AT | ST NV CCIDX VARange | IESB LSM UAO CnP
  {sysreg::id_aa64mmfr2_el1, 0x1021'0011'10f2'0011},
};
// clang-format on

/// Each 4-bit field of `hardware`, but at most that of `digits`.
[[nodiscard]] constexpr std::uint64_t limited(std::uint64_t hardware, std::uint64_t digits) {
  std::uint64_t shown = 0;
  for (unsigned lsb = 0; lsb < 64; lsb += 4) {
    std::uint64_t const is = hardware >> lsb & 15;
    std::uint64_t const limit = digits >> lsb & 15;
    shown |= (is < limit ? is : limit) << lsb;
  }
  return shown;
}

/// What a guest reads from an ID register on this CPU. Zero for registers that are not in the table, among them all of
/// AArch32's, SVE's and SME's, and for numbers outside ID group 3.
template <SysregAccess S>
[[nodiscard]] std::uint64_t shown_id_register(std::uint32_t id) {
  std::uint64_t shown = 0;
  auto const offer = [&]<unsigned I>(std::integral_constant<unsigned, I>) {
    constexpr id_ceiling row = id_ceilings[I];
    if (id == static_cast<std::uint32_t>(row.id)) shown = limited(S::template read<row.id>(), row.digits);
  };
  [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) {
    (offer(std::integral_constant<unsigned, I>{}), ...);
  }(std::make_integer_sequence<unsigned, sizeof id_ceilings / sizeof id_ceilings[0]>{});
  return shown;
}

}  // namespace axhal::aarch64

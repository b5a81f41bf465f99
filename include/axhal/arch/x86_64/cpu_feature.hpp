// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>

/// What CPUID tells of features, by the manuals' names (Intel SDM vol. 2, "CPUID - CPU Identification"; AMD64 APM
/// vol. 3, "Obtaining Processor Information Via the CPUID Instruction").
namespace axhal::x86_64 {

/// The registers of an answer of CPUID.
enum class cpuid_register : std::uint8_t { eax, ebx, ecx, edx };

[[nodiscard]] constexpr std::uint32_t register_of(cpuid_result const& r, cpuid_register which) {
  switch (which) {
    case cpuid_register::eax: return r.eax;
    case cpuid_register::ebx: return r.ebx;
    case cpuid_register::ecx: return r.ecx;
    case cpuid_register::edx: break;
  }
  return r.edx;
}

/// A word of CPUID that is made of features.
enum class feature_word : std::uint8_t {
  leaf_1_ecx,
  leaf_1_edx,
  leaf_6_eax,
  leaf_6_ecx,
  leaf_7_ebx,
  leaf_7_ecx,
  leaf_7_edx,
  leaf_7_1_eax,
  leaf_d_1_eax,
  extended_1_ecx,
  extended_1_edx,
  extended_7_edx,
  extended_8_ebx,
  extended_a_edx,
};
inline constexpr unsigned feature_words = 14;

/// Where a word is found.
struct feature_source {
  std::uint32_t leaf{};
  std::uint8_t subleaf{};
  cpuid_register which{};
};

[[nodiscard]] constexpr feature_source source_of(feature_word w) {
  using enum cpuid_register;
  switch (w) {
    case feature_word::leaf_1_ecx: return {1, 0, ecx};
    case feature_word::leaf_1_edx: return {1, 0, edx};
    case feature_word::leaf_6_eax: return {6, 0, eax};
    case feature_word::leaf_6_ecx: return {6, 0, ecx};
    case feature_word::leaf_7_ebx: return {7, 0, ebx};
    case feature_word::leaf_7_ecx: return {7, 0, ecx};
    case feature_word::leaf_7_edx: return {7, 0, edx};
    case feature_word::leaf_7_1_eax: return {7, 1, eax};
    case feature_word::leaf_d_1_eax: return {0xd, 1, eax};
    case feature_word::extended_1_ecx: return {0x8000'0001, 0, ecx};
    case feature_word::extended_1_edx: return {0x8000'0001, 0, edx};
    case feature_word::extended_7_edx: return {0x8000'0007, 0, edx};
    case feature_word::extended_8_ebx: return {0x8000'0008, 0, ebx};
    case feature_word::extended_a_edx: break;
  }
  return {0x8000'000a, 0, edx};
}

/// One feature: a bit of a word.
struct cpu_feature {
  feature_word word{};
  std::uint8_t bit{};  ///< 0 to 31
  friend constexpr bool operator==(cpu_feature, cpu_feature) = default;

  [[nodiscard]] constexpr std::uint32_t mask() const { return std::uint32_t{1} << (bit & 31U); }
};

/// Features by name: the table that everything else takes leaf, register and bit from.
namespace feature {
using enum feature_word;

inline constexpr cpu_feature sse3{leaf_1_ecx, 0};
inline constexpr cpu_feature pclmulqdq{leaf_1_ecx, 1};
inline constexpr cpu_feature monitor{leaf_1_ecx, 3};
inline constexpr cpu_feature vmx{leaf_1_ecx, 5};
inline constexpr cpu_feature smx{leaf_1_ecx, 6};
inline constexpr cpu_feature ssse3{leaf_1_ecx, 9};
inline constexpr cpu_feature fma{leaf_1_ecx, 12};
inline constexpr cpu_feature cmpxchg16b{leaf_1_ecx, 13};
inline constexpr cpu_feature pcid{leaf_1_ecx, 17};
inline constexpr cpu_feature sse4_1{leaf_1_ecx, 19};
inline constexpr cpu_feature sse4_2{leaf_1_ecx, 20};
inline constexpr cpu_feature x2apic{leaf_1_ecx, 21};
inline constexpr cpu_feature movbe{leaf_1_ecx, 22};
inline constexpr cpu_feature popcnt{leaf_1_ecx, 23};
inline constexpr cpu_feature tsc_deadline{leaf_1_ecx, 24};
inline constexpr cpu_feature aesni{leaf_1_ecx, 25};
inline constexpr cpu_feature xsave{leaf_1_ecx, 26};
inline constexpr cpu_feature osxsave{leaf_1_ecx, 27};  ///< CR4.OSXSAVE, not the processor's to have
inline constexpr cpu_feature avx{leaf_1_ecx, 28};
inline constexpr cpu_feature f16c{leaf_1_ecx, 29};
inline constexpr cpu_feature rdrand{leaf_1_ecx, 30};
inline constexpr cpu_feature hypervisor{leaf_1_ecx, 31};  ///< there is one below

inline constexpr cpu_feature fpu{leaf_1_edx, 0};
inline constexpr cpu_feature vme{leaf_1_edx, 1};
inline constexpr cpu_feature de{leaf_1_edx, 2};
inline constexpr cpu_feature pse{leaf_1_edx, 3};
inline constexpr cpu_feature tsc{leaf_1_edx, 4};
inline constexpr cpu_feature msr{leaf_1_edx, 5};
inline constexpr cpu_feature pae{leaf_1_edx, 6};
inline constexpr cpu_feature mce{leaf_1_edx, 7};
inline constexpr cpu_feature cx8{leaf_1_edx, 8};
inline constexpr cpu_feature apic{leaf_1_edx, 9};  ///< switched on in IA32_APIC_BASE
inline constexpr cpu_feature sep{leaf_1_edx, 11};
inline constexpr cpu_feature mtrr{leaf_1_edx, 12};
inline constexpr cpu_feature pge{leaf_1_edx, 13};
inline constexpr cpu_feature mca{leaf_1_edx, 14};
inline constexpr cpu_feature cmov{leaf_1_edx, 15};
inline constexpr cpu_feature pat{leaf_1_edx, 16};
inline constexpr cpu_feature pse36{leaf_1_edx, 17};
inline constexpr cpu_feature clfsh{leaf_1_edx, 19};
inline constexpr cpu_feature mmx{leaf_1_edx, 23};
inline constexpr cpu_feature fxsr{leaf_1_edx, 24};
inline constexpr cpu_feature sse{leaf_1_edx, 25};
inline constexpr cpu_feature sse2{leaf_1_edx, 26};
inline constexpr cpu_feature ss{leaf_1_edx, 27};
inline constexpr cpu_feature htt{leaf_1_edx, 28};  ///< EBX[23:16] counts

inline constexpr cpu_feature arat{leaf_6_eax, 2};
inline constexpr cpu_feature aperf_mperf{leaf_6_ecx, 0};

inline constexpr cpu_feature fsgsbase{leaf_7_ebx, 0};
inline constexpr cpu_feature tsc_adjust{leaf_7_ebx, 1};
inline constexpr cpu_feature sgx{leaf_7_ebx, 2};
inline constexpr cpu_feature bmi1{leaf_7_ebx, 3};
inline constexpr cpu_feature hle{leaf_7_ebx, 4};
inline constexpr cpu_feature avx2{leaf_7_ebx, 5};
inline constexpr cpu_feature fdp_excptn_only{leaf_7_ebx, 6};  ///< x87 FDP changes on errors alone
inline constexpr cpu_feature smep{leaf_7_ebx, 7};
inline constexpr cpu_feature bmi2{leaf_7_ebx, 8};
inline constexpr cpu_feature erms{leaf_7_ebx, 9};
inline constexpr cpu_feature invpcid{leaf_7_ebx, 10};
inline constexpr cpu_feature rtm{leaf_7_ebx, 11};
inline constexpr cpu_feature zero_fcs_fds{leaf_7_ebx, 13};  ///< x87 FCS and FDS are not kept
inline constexpr cpu_feature mpx{leaf_7_ebx, 14};
inline constexpr cpu_feature avx512f{leaf_7_ebx, 16};
inline constexpr cpu_feature avx512dq{leaf_7_ebx, 17};
inline constexpr cpu_feature rdseed{leaf_7_ebx, 18};
inline constexpr cpu_feature adx{leaf_7_ebx, 19};
inline constexpr cpu_feature smap{leaf_7_ebx, 20};
inline constexpr cpu_feature avx512ifma{leaf_7_ebx, 21};
inline constexpr cpu_feature clflushopt{leaf_7_ebx, 23};
inline constexpr cpu_feature clwb{leaf_7_ebx, 24};
inline constexpr cpu_feature intel_pt{leaf_7_ebx, 25};
inline constexpr cpu_feature avx512pf{leaf_7_ebx, 26};
inline constexpr cpu_feature avx512er{leaf_7_ebx, 27};
inline constexpr cpu_feature avx512cd{leaf_7_ebx, 28};
inline constexpr cpu_feature sha{leaf_7_ebx, 29};
inline constexpr cpu_feature avx512bw{leaf_7_ebx, 30};
inline constexpr cpu_feature avx512vl{leaf_7_ebx, 31};

inline constexpr cpu_feature avx512vbmi{leaf_7_ecx, 1};
inline constexpr cpu_feature umip{leaf_7_ecx, 2};
inline constexpr cpu_feature pku{leaf_7_ecx, 3};
inline constexpr cpu_feature ospke{leaf_7_ecx, 4};  ///< CR4.PKE
inline constexpr cpu_feature avx512vbmi2{leaf_7_ecx, 6};
inline constexpr cpu_feature cet_ss{leaf_7_ecx, 7};
inline constexpr cpu_feature gfni{leaf_7_ecx, 8};
inline constexpr cpu_feature vaes{leaf_7_ecx, 9};
inline constexpr cpu_feature vpclmulqdq{leaf_7_ecx, 10};
inline constexpr cpu_feature avx512vnni{leaf_7_ecx, 11};
inline constexpr cpu_feature avx512bitalg{leaf_7_ecx, 12};
inline constexpr cpu_feature avx512vpopcntdq{leaf_7_ecx, 14};
inline constexpr cpu_feature la57{leaf_7_ecx, 16};
inline constexpr cpu_feature rdpid{leaf_7_ecx, 22};
inline constexpr cpu_feature cldemote{leaf_7_ecx, 25};
inline constexpr cpu_feature movdiri{leaf_7_ecx, 27};
inline constexpr cpu_feature movdir64b{leaf_7_ecx, 28};
inline constexpr cpu_feature pks{leaf_7_ecx, 31};

inline constexpr cpu_feature fsrm{leaf_7_edx, 4};
inline constexpr cpu_feature avx512vp2intersect{leaf_7_edx, 8};
inline constexpr cpu_feature md_clear{leaf_7_edx, 10};
inline constexpr cpu_feature serialize{leaf_7_edx, 14};
inline constexpr cpu_feature cet_ibt{leaf_7_edx, 20};
inline constexpr cpu_feature avx512fp16{leaf_7_edx, 23};
inline constexpr cpu_feature spec_ctrl{leaf_7_edx, 26};  ///< IBRS and IBPB
inline constexpr cpu_feature stibp{leaf_7_edx, 27};
inline constexpr cpu_feature arch_capabilities{leaf_7_edx, 29};
inline constexpr cpu_feature ssbd{leaf_7_edx, 31};

inline constexpr cpu_feature avx_vnni{leaf_7_1_eax, 4};
inline constexpr cpu_feature avx512bf16{leaf_7_1_eax, 5};
inline constexpr cpu_feature fzrm{leaf_7_1_eax, 10};
inline constexpr cpu_feature fsrs{leaf_7_1_eax, 11};
inline constexpr cpu_feature fsrc{leaf_7_1_eax, 12};
inline constexpr cpu_feature avx_ifma{leaf_7_1_eax, 23};

inline constexpr cpu_feature xsaveopt{leaf_d_1_eax, 0};
inline constexpr cpu_feature xsavec{leaf_d_1_eax, 1};
inline constexpr cpu_feature xgetbv_1{leaf_d_1_eax, 2};
inline constexpr cpu_feature xsaves{leaf_d_1_eax, 3};
inline constexpr cpu_feature xfd{leaf_d_1_eax, 4};

inline constexpr cpu_feature lahf_lm{extended_1_ecx, 0};
inline constexpr cpu_feature cmp_legacy{extended_1_ecx, 1};
inline constexpr cpu_feature svm{extended_1_ecx, 2};
inline constexpr cpu_feature alt_mov_cr8{extended_1_ecx, 4};
inline constexpr cpu_feature abm{extended_1_ecx, 5};  ///< LZCNT
inline constexpr cpu_feature sse4a{extended_1_ecx, 6};
inline constexpr cpu_feature misalign_sse{extended_1_ecx, 7};
inline constexpr cpu_feature prefetchw{extended_1_ecx, 8};
inline constexpr cpu_feature xop{extended_1_ecx, 11};
inline constexpr cpu_feature fma4{extended_1_ecx, 16};
inline constexpr cpu_feature tce{extended_1_ecx, 17};
inline constexpr cpu_feature tbm{extended_1_ecx, 21};
inline constexpr cpu_feature topology_extensions{extended_1_ecx, 22};

inline constexpr cpu_feature syscall{extended_1_edx, 11};
inline constexpr cpu_feature nx{extended_1_edx, 20};
inline constexpr cpu_feature mmx_ext{extended_1_edx, 22};
inline constexpr cpu_feature ffxsr{extended_1_edx, 25};
inline constexpr cpu_feature page_1g{extended_1_edx, 26};
inline constexpr cpu_feature rdtscp{extended_1_edx, 27};
inline constexpr cpu_feature lm{extended_1_edx, 29};
inline constexpr cpu_feature ext_3dnow{extended_1_edx, 30};
inline constexpr cpu_feature amd_3dnow{extended_1_edx, 31};

inline constexpr cpu_feature invariant_tsc{extended_7_edx, 8};

inline constexpr cpu_feature clzero{extended_8_ebx, 0};
inline constexpr cpu_feature rstr_fp_err_ptrs{extended_8_ebx, 2};
inline constexpr cpu_feature wbnoinvd{extended_8_ebx, 9};
inline constexpr cpu_feature amd_ibpb{extended_8_ebx, 12};
inline constexpr cpu_feature amd_ibrs{extended_8_ebx, 14};
inline constexpr cpu_feature amd_stibp{extended_8_ebx, 15};
inline constexpr cpu_feature amd_ssbd{extended_8_ebx, 24};

inline constexpr cpu_feature nested_paging{extended_a_edx, 0};
inline constexpr cpu_feature svm_lock{extended_a_edx, 2};
inline constexpr cpu_feature nrip_save{extended_a_edx, 3};
inline constexpr cpu_feature tsc_rate_msr{extended_a_edx, 4};
inline constexpr cpu_feature vmcb_clean{extended_a_edx, 5};
inline constexpr cpu_feature flush_by_asid{extended_a_edx, 6};
inline constexpr cpu_feature decode_assists{extended_a_edx, 7};
inline constexpr cpu_feature pause_filter{extended_a_edx, 10};
inline constexpr cpu_feature v_gif{extended_a_edx, 16};
}  // namespace feature

}  // namespace axhal::x86_64

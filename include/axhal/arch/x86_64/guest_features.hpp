// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/host_features.hpp>

#include <cstdint>

/// Which of the host's features a guest gets. What is not named here is hidden: a feature that this library has never
/// heard of may have registers of its own, and nobody who switches or checks them.
namespace axhal::x86_64 {

/// States that a vCPU's XSAVE area has room for.
inline constexpr std::uint64_t switched_states = xcr0::f_x87::mask | xcr0::f_sse::mask | xcr0::f_avx::mask |
                                                 xcr0::f_opmask::mask | xcr0::f_zmm_hi256::mask |
                                                 xcr0::f_hi16_zmm::mask | xcr0::f_pkru::mask;

/// What the owner of a virtual machine decides. Virtual devices are there or not whatever the host has; all else is
/// limited by the host.
struct guest_cpuid_policy {
  bool x2apic{true};                    ///< the virtual local APIC has the mode
  bool tsc_deadline{true};              ///< and its timer takes deadlines
  bool arat{true};                      ///< and its timer never stops
  bool tsc_adjust{};                    ///< IA32_TSC_ADJUST is answered
  bool mtrr{true};                      ///< the MTRRs are answered
  bool invariant_tsc{true};             ///< the guest stays on hosts with one rate
  bool speculation_control{};           ///< IA32_SPEC_CTRL and IA32_PRED_CMD are the guest's
  bool la57{true};                      ///< tables of five levels
  std::uint64_t xcr0{switched_states};  ///< states that XCR0 may have
  std::uint8_t physical_bits{};         ///< limit of physical addresses; 0 is the host's
  std::uint16_t vcpus{1};               ///< cores, of one thread each, in one package; APIC IDs are 0 and up
  std::uint32_t tsc_khz{};              ///< the guest's TSC; 0: not told
  std::uint32_t apic_khz{};             ///< what the APIC timer counts before it divides; 0: not told
};

namespace detail {

template <unsigned N>
[[nodiscard]] constexpr std::uint32_t mask_of(cpu_feature const (&features)[N], feature_word word) {
  std::uint32_t mask = 0;
  for (auto const f : features) {
    if (f.word == word) mask |= f.mask();
  }
  return mask;
}

namespace pass {
/// Instructions and modes that need nobody's help.
[[nodiscard]] constexpr std::uint32_t always(feature_word word) {
  using namespace feature;
  constexpr cpu_feature list[] = {sse3,         pclmulqdq, ssse3,        cmpxchg16b,
                                  pcid,         sse4_1,    sse4_2,       movbe,
                                  popcnt,       aesni,     rdrand,       fpu,
                                  vme,          de,        pse,          tsc,
                                  feature::msr, pae,       mce,          cx8,
                                  apic,         sep,       pge,          mca,
                                  cmov,         pat,       pse36,        clfsh,
                                  mmx,          fxsr,      sse,          sse2,
                                  ss,           fsgsbase,  bmi1,         fdp_excptn_only,
                                  smep,         bmi2,      erms,         invpcid,
                                  zero_fcs_fds, rdseed,    adx,          smap,
                                  clflushopt,   clwb,      sha,          umip,
                                  gfni,         rdpid,     cldemote,     movdiri,
                                  movdir64b,    fsrm,      md_clear,     serialize,
                                  fzrm,         fsrs,      fsrc,         lahf_lm,
                                  abm,          sse4a,     misalign_sse, prefetchw,
                                  tbm,          syscall,   nx,           mmx_ext,
                                  ffxsr,        page_1g,   rdtscp,       lm,
                                  ext_3dnow,    amd_3dnow, clzero,       rstr_fp_err_ptrs,
                                  wbnoinvd};
  return mask_of(list, word);
}
/// With XSAVE, AVX, AVX-512 and protection keys in XCR0.
[[nodiscard]] constexpr std::uint32_t with_xsave(feature_word word) {
  using namespace feature;
  constexpr cpu_feature list[] = {xsave, xsaveopt, xsavec, xgetbv_1};
  return mask_of(list, word);
}
[[nodiscard]] constexpr std::uint32_t with_avx(feature_word word) {
  using namespace feature;
  constexpr cpu_feature list[] = {fma, avx, f16c, avx2, vaes, vpclmulqdq, avx_vnni, avx_ifma, xop, fma4};
  return mask_of(list, word);
}
[[nodiscard]] constexpr std::uint32_t with_avx512(feature_word word) {
  using namespace feature;
  constexpr cpu_feature list[] = {
      avx512f,    avx512dq,    avx512ifma, avx512pf,     avx512er,        avx512cd,           avx512bw,   avx512vl,
      avx512vbmi, avx512vbmi2, avx512vnni, avx512bitalg, avx512vpopcntdq, avx512vp2intersect, avx512fp16, avx512bf16};
  return mask_of(list, word);
}
/// With the MSRs of speculation control.
[[nodiscard]] constexpr std::uint32_t with_speculation_control(feature_word word) {
  using namespace feature;
  constexpr cpu_feature list[] = {spec_ctrl, stibp, ssbd, amd_ibpb, amd_ibrs, amd_stibp, amd_ssbd};
  return mask_of(list, word);
}
}  // namespace pass

}  // namespace detail

/// The states that XCR0 of a guest can have: no more than the host's, and only such as go together.
[[nodiscard]] constexpr std::uint64_t guest_xcr0(host_features const& host, std::uint64_t wanted) {
  using namespace xcr0;
  constexpr std::uint64_t avx_512 = f_opmask::mask | f_zmm_hi256::mask | f_hi16_zmm::mask;
  std::uint64_t offered = host.xcr0() & wanted & switched_states;
  if (!f_x87::get(offered) || !f_sse::get(offered)) return 0;
  if (!f_avx::get(offered) || (offered & avx_512) != avx_512) offered &= ~avx_512;
  return offered;
}

/// A word of features as a guest sees it. OSXSAVE and OSPKE, which its own CR4 says, are clear.
[[nodiscard]] constexpr std::uint32_t guest_word(host_features const& host, guest_cpuid_policy const& policy,
                                                 feature_word word) {
  namespace pass = detail::pass;
  std::uint64_t const states = guest_xcr0(host, policy.xcr0);
  std::uint32_t allowed = pass::always(word);
  if (states != 0) allowed |= pass::with_xsave(word);
  if (xcr0::f_avx::get(states)) allowed |= pass::with_avx(word);
  if (xcr0::f_opmask::get(states)) allowed |= pass::with_avx512(word);
  if (policy.speculation_control) allowed |= pass::with_speculation_control(word);
  auto const allow = [&](cpu_feature f, bool on) {
    if (on && f.word == word) allowed |= f.mask();
  };
  allow(feature::pku, xcr0::f_pkru::get(states));
  allow(feature::la57, policy.la57);
  allow(feature::mtrr, policy.mtrr);
  allow(feature::invariant_tsc, policy.invariant_tsc);
  allow(feature::topology_extensions, host.vendor() == cpu_vendor::amd);

  std::uint32_t offered = host.word(word) & allowed;
  auto const give = [&](cpu_feature f, bool on) {
    if (on && f.word == word) offered |= f.mask();
  };
  give(feature::x2apic, policy.x2apic);
  give(feature::tsc_deadline, policy.tsc_deadline);
  give(feature::hypervisor, true);
  give(feature::arat, policy.arat);
  give(feature::tsc_adjust, policy.tsc_adjust);
  give(feature::htt, policy.vcpus > 1);
  give(feature::cmp_legacy, policy.vcpus > 1 && host.vendor() == cpu_vendor::amd);
  // AMD's processors repeat most of leaf 1 here (AMD64 APM vol. 3, "Fn8000_0001_EDX").
  if (word == feature_word::extended_1_edx && host.vendor() == cpu_vendor::amd) {
    constexpr std::uint32_t repeated = 0x0183'f3ff;
    offered |= host.word(word) & repeated & guest_word(host, policy, feature_word::leaf_1_edx);
  }
  return offered;
}

}  // namespace axhal::x86_64

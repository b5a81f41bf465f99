// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/virt_ext.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// What tells whether a CPU has SVM, and how much of it.
template <typename I>
concept SvmDetection = requires(std::uint32_t n) {
  { I::cpuid(n, n) } -> std::same_as<cpuid_result>;
  { I::read_msr(n) } -> std::same_as<std::uint64_t>;
};

/// CPUID Fn8000_000A_EDX: what SVM has beyond its beginnings (AMD64 APM vol. 3, "Function 8000_000Ah - SVM Features").
namespace svm_edx {
using f_np = bit_field<bool, 0, 0, std::uint32_t>;
using f_lbr_virt = bit_field<bool, 1, 1, std::uint32_t>;
using f_svml = bit_field<bool, 2, 2, std::uint32_t>;
using f_nrips = bit_field<bool, 3, 3, std::uint32_t>;
using f_tsc_rate_msr = bit_field<bool, 4, 4, std::uint32_t>;
using f_vmcb_clean = bit_field<bool, 5, 5, std::uint32_t>;
using f_flush_by_asid = bit_field<bool, 6, 6, std::uint32_t>;
using f_decode_assists = bit_field<bool, 7, 7, std::uint32_t>;
using f_pause_filter = bit_field<bool, 10, 10, std::uint32_t>;
using f_pause_filter_threshold = bit_field<bool, 12, 12, std::uint32_t>;
using f_avic = bit_field<bool, 13, 13, std::uint32_t>;
using f_vmsave_virt = bit_field<bool, 15, 15, std::uint32_t>;
using f_v_gif = bit_field<bool, 16, 16, std::uint32_t>;
}  // namespace svm_edx

/// What the SVM of a CPU has. Everything but nested paging is done without where it is missing.
struct svm_features {
  std::uint8_t revision{};
  std::uint32_t asids{};  ///< how many there are, ASID 0 of the host counted
  std::uint32_t edx{};    ///< `svm_edx`
  unsigned physical_address_bits{};
  bool has_rdtscp{};  ///< and with it TSC_AUX
  friend constexpr bool operator==(svm_features const&, svm_features const&) = default;

  [[nodiscard]] constexpr bool nested_paging() const { return svm_edx::f_np::get(edx); }
  [[nodiscard]] constexpr bool nrip_save() const { return svm_edx::f_nrips::get(edx); }
  [[nodiscard]] constexpr bool vmcb_clean() const { return svm_edx::f_vmcb_clean::get(edx); }
  [[nodiscard]] constexpr bool flush_by_asid() const { return svm_edx::f_flush_by_asid::get(edx); }
  [[nodiscard]] constexpr bool decode_assists() const { return svm_edx::f_decode_assists::get(edx); }
  [[nodiscard]] constexpr bool pause_filter() const { return svm_edx::f_pause_filter::get(edx); }
  [[nodiscard]] constexpr bool pause_filter_threshold() const { return svm_edx::f_pause_filter_threshold::get(edx); }

  /// How many bits of a tag there are for sure.
  [[nodiscard]] constexpr unsigned asid_bits() const {
    return asids < 2 ? 0 : static_cast<unsigned>(std::bit_width(asids)) - 1;
  }
};

/// Why a CPU cannot run guests with SVM: the reason, and its name in words for a report.
struct svm_missing {
  virt_error why{};
  text what{};
  friend constexpr bool operator==(svm_missing const&, svm_missing const&) = default;
};

/// What this CPU's SVM has, or what is missing. Changes nothing (AMD64 APM vol. 2, "Enabling SVM").
template <SvmDetection I>
[[nodiscard]] constexpr result<svm_features, svm_missing> find_svm() {
  constexpr std::uint32_t svm = 1U << 2;      // Fn8000_0001_ECX
  constexpr std::uint32_t rdtscp = 1U << 27;  // Fn8000_0001_EDX
  std::uint32_t const last = I::cpuid(0x8000'0000, 0).eax;
  bool const extended = last >= 0x8000'0001 && last < 0x8001'0000;
  if (!extended || (I::cpuid(0x8000'0001, 0).ecx & svm) == 0) return failure{svm_missing{virt_error::absent, "SVM"}};
  if (vm_cr::f_svmdis::get(I::read_msr(msr::vm_cr))) {
    return failure{svm_missing{virt_error::locked, "SVM is switched off by firmware (VM_CR.SVMDIS)"}};
  }
  svm_features f{};
  if (last >= 0x8000'000a) {
    cpuid_result const r = I::cpuid(0x8000'000a, 0);
    f.revision = static_cast<std::uint8_t>(r.eax & 0xff);
    f.asids = r.ebx;
    f.edx = r.edx;
  }
  f.physical_address_bits = last >= 0x8000'0008 ? I::cpuid(0x8000'0008, 0).eax & 0xff : 36;
  f.has_rdtscp = (I::cpuid(0x8000'0001, 0).edx & rdtscp) != 0;
  if (!f.nested_paging()) return failure{svm_missing{virt_error::missing_part, "nested paging (NPT)"}};
  if (f.asids < 2) return failure{svm_missing{virt_error::missing_part, "ASIDs for guests"}};
  return f;
}

}  // namespace axhal::x86_64

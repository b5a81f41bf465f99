// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/msr.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// The instruction CPUID: `cpuid(leaf, subleaf)`.
template <typename I>
concept CpuidInstruction = requires(std::uint32_t leaf, std::uint32_t subleaf) {
  { I::cpuid(leaf, subleaf) } -> std::same_as<cpuid_result>;
};

/// Who made the processor, as far as manuals differ. Those of Zhaoxin and VIA follow Intel's, those of Hygon AMD's.
enum class cpu_vendor : std::uint8_t { intel, amd };

/// The vendor that leaf 0 names.
[[nodiscard]] constexpr cpu_vendor vendor_of(cpuid_result const& leaf_0) {
  constexpr std::uint32_t auth = 0x6874'7541;  // "Auth", of "AuthenticAMD"
  constexpr std::uint32_t hygo = 0x6f67'7948;  // "Hygo", of "HygonGenuine"
  return leaf_0.ebx == auth || leaf_0.ebx == hygo ? cpu_vendor::amd : cpu_vendor::intel;
}

/// What this processor has, read once. Features whose leaf lies beyond the limits that the processor names are absent:
/// what Intel's processors answer there is another leaf's.
class host_features {
 public:
  template <CpuidInstruction I>
  [[nodiscard]] static constexpr host_features read() {
    constexpr std::uint32_t extended = 0x8000'0000;
    host_features f;
    cpuid_result const basic = I::cpuid(0, 0);
    cpuid_result const high = I::cpuid(extended, 0);
    f.vendor_ = vendor_of(basic);
    f.max_basic_ = basic.eax;
    f.max_extended_ = (high.eax & extended) != 0 ? high.eax : 0;
    for (unsigned n = 0; n < feature_words; ++n) {
      feature_source const from = source_of(static_cast<feature_word>(n));
      if (!f.has_leaf(from.leaf)) continue;
      // EAX of subleaf 0 is the last subleaf.
      if (from.leaf == 7 && from.subleaf != 0 && I::cpuid(7, 0).eax < from.subleaf) continue;
      f.words_[n] = register_of(I::cpuid(from.leaf, from.subleaf), from.which);
    }
    if (f.has_leaf(0x8000'0008)) {
      std::uint32_t const sizes = I::cpuid(0x8000'0008, 0).eax;
      f.physical_bits_ = static_cast<std::uint8_t>(sizes & 0xff);
      f.linear_bits_ = static_cast<std::uint8_t>(sizes >> 8 & 0xff);
    }
    if (f.has_leaf(0xd) && f.has(feature::xsave)) {
      cpuid_result const states = I::cpuid(0xd, 0);
      f.xcr0_ = std::uint64_t{states.edx} << 32 | states.eax;
    }
    return f;
  }

  [[nodiscard]] constexpr bool has(cpu_feature f) const { return (word(f.word) & f.mask()) != 0; }
  [[nodiscard]] constexpr std::uint32_t word(feature_word w) const {
    return words_[static_cast<unsigned>(w) % feature_words];
  }
  /// True for basic and extended leaves up to the last of each.
  [[nodiscard]] constexpr bool has_leaf(std::uint32_t leaf) const {
    return leaf >= 0x8000'0000 ? leaf <= max_extended_ : leaf <= max_basic_;
  }
  [[nodiscard]] constexpr cpu_vendor vendor() const { return vendor_; }
  [[nodiscard]] constexpr std::uint32_t max_basic() const { return max_basic_; }
  [[nodiscard]] constexpr std::uint32_t max_extended() const { return max_extended_; }  ///< 0: no extended leaves
  /// Width of physical addresses, 32 to 52; 36 when CPUID does not tell.
  [[nodiscard]] constexpr unsigned physical_bits() const { return sane(physical_bits_, 32, 52, 36); }
  /// Width of linear addresses: 32, 48 or 57; 32 or 48, as there is long mode, when CPUID does not tell.
  [[nodiscard]] constexpr unsigned linear_bits() const {
    return sane(linear_bits_, 32, 57, has(feature::lm) ? 48 : 32);
  }
  /// States that XCR0 can have; 0 without XSAVE.
  [[nodiscard]] constexpr std::uint64_t xcr0() const { return xcr0_; }

 private:
  [[nodiscard]] static constexpr unsigned sane(unsigned bits, unsigned least, unsigned most, unsigned otherwise) {
    return bits >= least && bits <= most ? bits : otherwise;
  }

  std::uint32_t words_[feature_words]{};
  std::uint32_t max_basic_{};
  std::uint32_t max_extended_{};
  std::uint64_t xcr0_{};
  cpu_vendor vendor_{};
  std::uint8_t physical_bits_{};
  std::uint8_t linear_bits_{};
};

}  // namespace axhal::x86_64

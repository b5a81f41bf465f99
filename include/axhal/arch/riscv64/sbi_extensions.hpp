// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// An extension's name as the SBI Specification writes it; `?` for one without a name here.
[[nodiscard]] constexpr text sbi_extension_name(sbi_extension e) {
  switch (e) {
    case sbi_extension::legacy_set_timer: return "legacy Set Timer";
    case sbi_extension::legacy_console_putchar: return "legacy Console Putchar";
    case sbi_extension::legacy_console_getchar: return "legacy Console Getchar";
    case sbi_extension::legacy_clear_ipi: return "legacy Clear IPI";
    case sbi_extension::legacy_send_ipi: return "legacy Send IPI";
    case sbi_extension::legacy_remote_fence_i: return "legacy Remote FENCE.I";
    case sbi_extension::legacy_remote_sfence_vma: return "legacy Remote SFENCE.VMA";
    case sbi_extension::legacy_remote_sfence_vma_asid: return "legacy Remote SFENCE.VMA with ASID";
    case sbi_extension::legacy_shutdown: return "legacy System Shutdown";
    case sbi_extension::base: return "BASE";
    case sbi_extension::ipi: return "IPI";
    case sbi_extension::hsm: return "HSM";
    case sbi_extension::dbcn: return "DBCN";
    case sbi_extension::rfence: return "RFENCE";
    case sbi_extension::srst: return "SRST";
    case sbi_extension::time: return "TIME";
    case sbi_extension::pmu: return "PMU";
    case sbi_extension::susp: return "SUSP";
    case sbi_extension::cppc: return "CPPC";
    case sbi_extension::nacl: return "NACL";
    case sbi_extension::sta: return "STA";
  }
  return "?";
}

/// A set of extensions: what firmware has, what an image needs, and what is missing.
///
/// Extensions without an enumerator of `sbi_extension` are in no set.
class sbi_extension_set {
 public:
  constexpr sbi_extension_set() = default;
  template <std::same_as<sbi_extension>... E>
    requires(sizeof...(E) > 0)
  constexpr explicit sbi_extension_set(E... e) {
    (insert(e), ...);
  }

  constexpr void insert(sbi_extension e) { bits_ |= bit(e); }
  [[nodiscard]] constexpr bool contains(sbi_extension e) const { return (bits_ & bit(e)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  /// What is in this set and not in `other`: `needed.without(found)` is what is missing.
  [[nodiscard]] constexpr sbi_extension_set without(sbi_extension_set other) const {
    sbi_extension_set rest;
    rest.bits_ = bits_ & ~other.bits_;
    return rest;
  }
  /// Calls `f(sbi_extension)` for each member, legacy ones first.
  template <std::invocable<sbi_extension> F>
  constexpr void for_each(F&& f) const {
    for (std::size_t i = 0; i < count; ++i) {
      if ((bits_ >> i & 1) != 0) f(known[i]);
    }
  }
  friend constexpr bool operator==(sbi_extension_set, sbi_extension_set) = default;

  /// Every extension that a set can hold.
  [[nodiscard]] static constexpr sbi_extension_set all() {
    sbi_extension_set s;
    s.bits_ = (std::uint32_t{1} << count) - 1;
    return s;
  }

 private:
  static constexpr sbi_extension known[] = {
      sbi_extension::legacy_set_timer,
      sbi_extension::legacy_console_putchar,
      sbi_extension::legacy_console_getchar,
      sbi_extension::legacy_clear_ipi,
      sbi_extension::legacy_send_ipi,
      sbi_extension::legacy_remote_fence_i,
      sbi_extension::legacy_remote_sfence_vma,
      sbi_extension::legacy_remote_sfence_vma_asid,
      sbi_extension::legacy_shutdown,
      sbi_extension::base,
      sbi_extension::time,
      sbi_extension::ipi,
      sbi_extension::rfence,
      sbi_extension::hsm,
      sbi_extension::srst,
      sbi_extension::dbcn,
      sbi_extension::pmu,
      sbi_extension::susp,
      sbi_extension::cppc,
      sbi_extension::nacl,
      sbi_extension::sta,
  };
  static constexpr std::size_t count = sizeof known / sizeof known[0];
  static_assert(count < 32);

  [[nodiscard]] static constexpr std::uint32_t bit(sbi_extension e) {
    for (std::size_t i = 0; i < count; ++i) {
      if (known[i] == e) return std::uint32_t{1} << i;
    }
    return 0;
  }

  std::uint32_t bits_{};
};

}  // namespace axhal::riscv64

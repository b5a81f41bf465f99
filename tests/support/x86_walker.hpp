// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace axhal::test {

/// Who may do what, and where an address goes: a walk through tables of long mode or of EPT, step by step as the
/// manuals say, written without the models under test. Numbers of bits are written here a second time.
struct x86_walker {
  enum class kind { load, store, fetch };
  /// The memory type of the last step: what the hardware would take from the entry alone.
  enum class type { uc, wc, wt, wp, wb, uc_minus };
  struct found {
    std::uint64_t address{};
    x86_walker::type type{};
    bool ignore_pat{};
    unsigned page_bits{};
  };

  std::function<std::uint64_t(std::uint64_t)> load;  ///< the quad word at a physical address
  unsigned levels{4};
  unsigned physical_bits{52};  ///< MAXPHYADDR: address bits from here on are reserved
  bool pages_2m{true};
  bool pages_1g{true};

  // Long mode
  bool nested{};  ///< AMD's nested tables: every access is one of user mode, addresses are not canonical but below a
                  ///< limit
  bool user{};    ///< not nested: ring 3
  bool nxe{true};
  bool smep{true};
  bool smap{true};
  bool wp{true};
  std::uint64_t pat{0x0007'0406'0007'0406};  ///< as after a reset

  // EPT
  bool execute_only{};
  bool accessed_dirty{};

  mutable unsigned updates{};    ///< how often hardware would have written an entry
  mutable bool misconfigured{};  ///< EPT: the last walk met an entry that is none

  /// "4-Level Paging and 5-Level Paging"; "Access Rights"; "Accessed and Dirty Flags"; "Page Attribute Table (PAT)".
  [[nodiscard]] std::optional<found> translate(std::uint64_t root, std::uint64_t va, kind access) const {
    unsigned const width = levels == 5 ? 57 : 48;
    if (nested) {
      if (va >> width != 0) return std::nullopt;
    } else {
      std::uint64_t const high = va >> (width - 1);
      if (high != 0 && high != (~std::uint64_t{0} >> (width - 1))) return std::nullopt;
    }
    bool writable = true;
    bool for_user = true;
    bool executable = true;
    std::uint64_t table = root & 0x000f'ffff'ffff'f000;
    for (unsigned depth = 0; depth < levels; ++depth) {
      unsigned const shift = 12 + 9 * (levels - 1 - depth);
      std::uint64_t const e = load(table + 8 * (va >> shift & 511));
      if ((e & 1) == 0) return std::nullopt;
      if ((e & 0x000f'ffff'ffff'f000) >> physical_bits != 0) return std::nullopt;
      if ((e >> 63) != 0 && !nxe) return std::nullopt;
      writable = writable && (e >> 1 & 1) != 0;
      for_user = for_user && (e >> 2 & 1) != 0;
      executable = executable && (e >> 63) == 0;
      bool const last = shift == 12 || (e >> 7 & 1) != 0;
      if ((e >> 5 & 1) == 0) ++updates;
      if (!last) {
        table = e & 0x000f'ffff'ffff'f000;
        continue;
      }
      if (shift > 30 || (shift == 30 && !pages_1g)) return std::nullopt;  // PS is reserved there
      std::uint64_t const offset = (std::uint64_t{1} << shift) - 1;
      // Bit 12 of a large page is PAT; between it and the address all is reserved.
      if (shift > 12 && (e & 0x000f'ffff'ffff'f000 & offset & ~std::uint64_t{0x1000}) != 0) return std::nullopt;
      if (!is_allowed(access, writable, for_user, executable)) return std::nullopt;
      if (access == kind::store && (e >> 6 & 1) == 0) ++updates;
      std::uint64_t const high_index = shift == 12 ? e >> 7 & 1 : e >> 12 & 1;
      std::uint64_t const index = high_index << 2 | (e >> 4 & 1) << 1 | (e >> 3 & 1);
      auto const t = type_of(pat >> (8 * index) & 0xff, true);
      if (!t) return std::nullopt;  // no IA32_PAT holds it
      return found{(e & 0x000f'ffff'ffff'f000 & ~offset) | (va & offset), *t, false, shift};
    }
    return std::nullopt;
  }

  /// "EPT Translation Mechanism", "EPT Misconfigurations", "EPT Violations".
  [[nodiscard]] std::optional<found> translate_ept(std::uint64_t eptp, std::uint64_t gpa, kind access) const {
    misconfigured = false;
    // VM entry refuses such an EPTP ("Checks on VMX Controls").
    if ((eptp & 7) != 6 || (eptp >> 3 & 7) != levels - 1 || (eptp & 0xf80) != 0) return std::nullopt;
    if ((eptp >> 6 & 1) != 0 && !accessed_dirty) return std::nullopt;
    if (gpa >> (levels == 5 ? 57 : 48) != 0) return std::nullopt;
    bool const notes = (eptp >> 6 & 1) != 0;
    unsigned rights = 7;
    std::uint64_t table = eptp & 0x000f'ffff'ffff'f000;
    for (unsigned depth = 0; depth < levels; ++depth) {
      unsigned const shift = 12 + 9 * (levels - 1 - depth);
      std::uint64_t const e = load(table + 8 * (gpa >> shift & 511));
      auto const here = static_cast<unsigned>(e & 7);
      if (here == 0) return std::nullopt;
      misconfigured = here == 2 || here == 6 || (here == 4 && !execute_only);
      bool const last = shift == 12 || (e >> 7 & 1) != 0;
      std::uint64_t const offset = (std::uint64_t{1} << shift) - 1;
      if ((e & 0x000f'ffff'ffff'f000) >> physical_bits != 0) misconfigured = true;
      if (!last && (e & 0x78) != 0) misconfigured = true;  // bits 6:3 are reserved
      if (last && shift > 30) misconfigured = true;
      if (last && shift == 30 && !pages_1g) misconfigured = true;
      if (last && shift == 21 && !pages_2m) misconfigured = true;
      if (last && (e & 0x000f'ffff'ffff'f000 & offset) != 0) misconfigured = true;
      auto const t = type_of(e >> 3 & 7, false);
      if (last && !t) misconfigured = true;
      if (misconfigured) return std::nullopt;
      rights &= here;
      if (!last) {
        if (notes && (e >> 8 & 1) == 0) ++updates;
        table = e & 0x000f'ffff'ffff'f000;
        continue;
      }
      unsigned const wanted = access == kind::load ? 1 : access == kind::store ? 2 : 4;
      if ((rights & wanted) == 0) return std::nullopt;
      if (notes && ((e >> 8 & 1) == 0 || (access == kind::store && (e >> 9 & 1) == 0))) ++updates;
      return found{(e & 0x000f'ffff'ffff'f000 & ~offset) | (gpa & offset), *t, (e >> 6 & 1) != 0, shift};
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool is_allowed(kind access, bool writable, bool for_user, bool executable) const {
    bool const as_user = nested || user;
    if (as_user && !for_user) return false;
    if (access == kind::fetch) return executable && !(!as_user && for_user && smep);
    if (!as_user && for_user && smap) return false;
    // The host's CR0.WP does not count for nested tables.
    return access == kind::load || writable || (!as_user && !wp);
  }
  [[nodiscard]] static std::optional<type> type_of(std::uint64_t number, bool from_pat) {
    switch (number) {
      case 0: return type::uc;
      case 1: return type::wc;
      case 4: return type::wt;
      case 5: return type::wp;
      case 6: return type::wb;
      default: break;
    }
    if (number == 7 && from_pat) return type::uc_minus;
    return std::nullopt;
  }
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace axhal::test {

/// The address translation of the RISC-V manual, step by step ("Virtual Address Translation Process"), written without
/// the models under test: numbers of bits are written here a second time.
struct riscv_walker {
  enum class kind { load, store, fetch };

  std::function<std::uint64_t(std::uint64_t)> load;  ///< the double word at a physical address
  unsigned levels{3};
  bool g_stage{};  ///< two more address bits, and every access is one of U-mode
  bool svpbmt{};   ///< bits 62:61 have a meaning
  bool svadu{};    ///< hardware sets A and D; else an access that finds them clear faults

  mutable unsigned updates{};  ///< how often hardware would have written an entry

  /// The physical address, or nothing for a page fault (G-stage: guest-page fault).
  [[nodiscard]] std::optional<std::uint64_t> translate(std::uint64_t root, std::uint64_t va, kind access) const {
    unsigned const width = 12 + 9 * levels + (g_stage ? 2 : 0);
    if (g_stage) {
      if ((va >> width) != 0) return std::nullopt;
      if ((root & 0x3fff) != 0) return std::nullopt;  // hgatp cannot hold it
    } else {
      std::uint64_t const high = va >> (width - 1);
      if (high != 0 && high != (~std::uint64_t{0} >> (width - 1))) return std::nullopt;
      if ((root & 0xfff) != 0) return std::nullopt;
    }
    std::uint64_t a = root;
    for (unsigned i = levels; i-- > 0;) {
      bool const is_root = i == levels - 1;
      std::uint64_t const vpn = (va >> (12 + 9 * i)) & (g_stage && is_root ? 0x7ffU : 0x1ffU);
      std::uint64_t const pte = load(a + 8 * vpn);
      bool const v = (pte & 0x01) != 0;
      bool const r = (pte & 0x02) != 0;
      bool const w = (pte & 0x04) != 0;
      bool const x = (pte & 0x08) != 0;
      std::uint64_t const ppn = (pte >> 10) & 0xfff'ffff'ffff;
      if (!v || (!r && w)) return std::nullopt;
      if ((pte >> 54 & 0x7f) != 0 || (pte >> 63) != 0) return std::nullopt;  // reserved, and Svnapot
      std::uint64_t const pbmt = pte >> 61 & 3;
      if (pbmt == 3 || (pbmt != 0 && !svpbmt)) return std::nullopt;
      if (!r && !x) {
        if ((pte & 0xd0) != 0 || pbmt != 0) return std::nullopt;  // U, A, D and PBMT of a pointer are reserved
        a = ppn << 12;
        continue;
      }
      bool const u = (pte & 0x10) != 0;
      if (u != g_stage) return std::nullopt;  // HS-mode with SUM 0, or the G-stage's U-mode
      bool const allowed = access == kind::load ? r : access == kind::store ? w : x;
      if (!allowed) return std::nullopt;
      if ((ppn & ((std::uint64_t{1} << (9 * i)) - 1)) != 0) return std::nullopt;  // misaligned superpage
      if ((pte & 0x40) == 0 || (access == kind::store && (pte & 0x80) == 0)) {
        if (!svadu) return std::nullopt;
        ++updates;
      }
      return (ppn << 12) + (va & ((std::uint64_t{1} << (12 + 9 * i)) - 1));
    }
    return std::nullopt;  // a pointer at the last level
  }
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace axhal::test {

/// A walk through a guest's tables of any kind, slowly: step by step as the manual's figures of entries say (Intel SDM
/// vol. 3, "32-Bit Paging", "PAE Paging", "4-Level Paging and 5-Level Paging", "Access Rights", "Page-Fault
/// Exceptions"), one function for each kind, without the models under test. Numbers of bits are written here a second
/// time.
struct x86_guest_walker {
  std::function<std::optional<std::uint64_t>(std::uint64_t, unsigned)> load;  ///< so many bytes of RAM at an address
  std::uint64_t cr0{}, cr3{}, cr4{}, efer{}, rflags{};
  unsigned physical_bits{52};
  bool pages_1g{true};

  bool user{};      ///< an access of CPL 3 by its own
  bool implicit{};  ///< the processor's own
  bool writes{};
  bool fetches{};

  enum class end { page, fault, outside };
  struct outcome {
    x86_guest_walker::end end{};
    std::uint64_t address{};  ///< of the byte; outside: of the entry
    std::uint32_t code{};
    std::map<std::uint64_t, std::uint64_t> marked;  ///< entries by address, as they are after it
  };

  [[nodiscard]] outcome walk(std::uint64_t linear) const {
    if ((cr0 >> 31) % 2 == 0) return {end::page, linear % 0x1'0000'0000, 0, {}};
    bool const pae = (cr4 & 0x20) != 0;
    bool const long_mode = (efer & 0x400) != 0;
    if (!pae) return two(linear);
    if (!long_mode) return three(linear);
    return more(linear, (cr4 & 0x1000) != 0 ? 5 : 4);
  }

 private:
  struct way {
    bool r_w{true}, u_s{true}, x{true};
    std::map<std::uint64_t, std::uint64_t> seen;
  };

  [[nodiscard]] static outcome outside(std::uint64_t at) { return {end::outside, at, 0, {}}; }
  [[nodiscard]] outcome fault(bool present, bool reserved) const {
    std::uint32_t code = 0;
    if (present) code += 1;
    if (writes) code += 2;
    if (user && !implicit) code += 4;
    if (reserved) code += 8;
    bool const nx_counts = (cr4 & 0x20) != 0 && (efer & 0x800) != 0;
    if (fetches && ((cr4 & 0x10'0000) != 0 || nx_counts)) code += 16;
    return {end::fault, 0, code, {}};
  }
  [[nodiscard]] bool passes(way const& w) const {
    bool const as_user = user && !implicit;
    bool const wp = (cr0 & 0x1'0000) != 0;
    bool const smep = (cr4 & 0x10'0000) != 0;
    bool const smap = (cr4 & 0x20'0000) != 0;
    bool const ac = (rflags & 0x4'0000) != 0;
    if (as_user) {
      if (!w.u_s) return false;
      if (fetches) return w.x;
      return !writes || w.r_w;
    }
    if (fetches) return w.x && !(smep && w.u_s);
    if (w.u_s && smap) {
      if (implicit || !ac) return false;
    }
    return !writes || w.r_w || !wp;
  }
  /// The page was found: rights, and then the flags of all entries on the way, the last of which is the page's.
  [[nodiscard]] outcome finish(way w, std::uint64_t address, std::uint64_t last) const {
    if (!passes(w)) return fault(true, false);
    outcome o{end::page, address, 0, {}};
    for (auto const& [at, value] : w.seen) {
      std::uint64_t after = value | 0x20;
      if (at == last && writes) after |= 0x40;
      o.marked[at] = after;
    }
    // One entry may be the page's and, where tables point at themselves, another level's too.
    return o;
  }

  [[nodiscard]] outcome two(std::uint64_t linear) const {
    std::uint64_t const pde_at = (cr3 & 0xffff'f000) + 4 * (linear >> 22 & 0x3ff);
    auto const pde = load(pde_at, 4);
    if (!pde) return outside(pde_at);
    if (*pde % 2 == 0) return fault(false, false);
    way w;
    w.seen[pde_at] = *pde;
    w.r_w = (*pde & 2) != 0;
    w.u_s = (*pde & 4) != 0;
    if ((*pde & 0x80) != 0 && (cr4 & 0x10) != 0) {
      unsigned const m = physical_bits < 40 ? physical_bits : 40;
      for (unsigned bit = m - 19; bit <= 21; ++bit) {
        if ((*pde >> bit) % 2 != 0) return fault(true, true);
      }
      std::uint64_t address = (*pde & 0xffc0'0000) + (linear & 0x3f'ffff);
      for (unsigned bit = 13; bit <= 20; ++bit) address += (*pde >> bit) % 2 << (bit + 19);
      return finish(w, address, pde_at);
    }
    std::uint64_t const pte_at = (*pde & 0xffff'f000) + 4 * (linear >> 12 & 0x3ff);
    auto const pte = load(pte_at, 4);
    if (!pte) return outside(pte_at);
    if (*pte % 2 == 0) return fault(false, false);
    w.seen[pte_at] = *pte;
    w.r_w = w.r_w && (*pte & 2) != 0;
    w.u_s = w.u_s && (*pte & 4) != 0;
    return finish(w, (*pte & 0xffff'f000) + (linear & 0xfff), pte_at);
  }

  [[nodiscard]] bool reserves_above(std::uint64_t e, unsigned last) const {
    for (unsigned bit = physical_bits; bit <= last; ++bit) {
      if ((e >> bit) % 2 != 0) return true;
    }
    return (e >> 63) != 0 && (efer & 0x800) == 0;
  }
  static void meet(way& w, std::uint64_t at, std::uint64_t e) {
    w.seen[at] = e;
    w.r_w = w.r_w && (e & 2) != 0;
    w.u_s = w.u_s && (e & 4) != 0;
    w.x = w.x && (e >> 63) == 0;
  }

  [[nodiscard]] outcome three(std::uint64_t linear) const {
    std::uint64_t const pdpte_at = (cr3 & 0xffff'ffe0) + 8 * (linear >> 30 & 3);
    auto const pdpte = load(pdpte_at, 8);
    if (!pdpte) return outside(pdpte_at);
    if (*pdpte % 2 == 0) return fault(false, false);
    bool bad = (*pdpte >> 63) != 0;
    for (unsigned bit : {1U, 2U, 5U, 6U, 7U, 8U}) bad = bad || (*pdpte >> bit) % 2 != 0;
    if (bad || reserves_above(*pdpte, 62)) return fault(true, true);
    return below(way{}, *pdpte, linear, 21, 62);
  }
  /// The last two levels of 64-bit entries.
  [[nodiscard]] outcome below(way w, std::uint64_t table, std::uint64_t linear, unsigned from, unsigned last) const {
    for (unsigned shift = from;; shift -= 9) {
      std::uint64_t const at = (table & 0x000f'ffff'ffff'f000) + 8 * (linear >> shift & 0x1ff);
      auto const e = load(at, 8);
      if (!e) return outside(at);
      if (*e % 2 == 0) return fault(false, false);
      bool const ps = shift != 12 && (*e & 0x80) != 0;
      if (reserves_above(*e, last)) return fault(true, true);
      if (ps && shift >= 39) return fault(true, true);
      if (ps && shift == 30 && !pages_1g) return fault(true, true);
      if (ps) {
        for (unsigned bit = 13; bit < shift; ++bit) {
          if ((*e >> bit) % 2 != 0) return fault(true, true);
        }
      }
      meet(w, at, *e);
      if (ps || shift == 12) {
        std::uint64_t const size = std::uint64_t{1} << shift;
        return finish(w, (*e & 0x000f'ffff'ffff'f000) / size * size + linear % size, at);
      }
      table = *e;
    }
  }
  [[nodiscard]] outcome more(std::uint64_t linear, unsigned levels) const {
    return below(way{}, cr3, linear, levels == 5 ? 48 : 39, 51);
  }
};

}  // namespace axhal::test

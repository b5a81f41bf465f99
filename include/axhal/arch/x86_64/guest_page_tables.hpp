// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// A guest's own page tables as numbers: which kind it uses, what its entries mean, who may pass. All of Intel SDM vol.
/// 3, chapter "Paging"; AMD64 APM vol. 2, "Page Translation and Protection". Pure.
namespace axhal::x86_64 {

/// The kinds of tables.
enum class paging_mode : std::uint8_t {
  none,         ///< linear addresses are physical ones
  two_levels,   ///< entries of 32 bits
  pae,          ///< three levels, entries of 64 bits, addresses of 32
  four_levels,  ///< IA-32e mode
  five_levels,  ///< IA-32e mode with CR4.LA57
};

/// The kind that these registers ask for ("Paging Modes and Control Bits").
[[nodiscard]] constexpr paging_mode paging_mode_of(std::uint64_t cr0, std::uint64_t cr4, std::uint64_t efer) {
  if (!cr0::f_pg::get(cr0)) return paging_mode::none;
  if (!cr4::f_pae::get(cr4)) return paging_mode::two_levels;
  if (!efer::f_lma::get(efer)) return paging_mode::pae;
  return cr4::f_la57::get(cr4) ? paging_mode::five_levels : paging_mode::four_levels;
}

/// True when `address` is its low `bits` bits with the highest of them repeated ("Canonical Addressing").
[[nodiscard, gnu::always_inline]] constexpr bool is_canonical(std::uint64_t address, unsigned bits) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(address << (64 - bits)) >> (64 - bits)) == address;
}
/// Bits of a canonical address in 64-bit mode: 48, or 57 with CR4.LA57.
[[nodiscard]] constexpr unsigned canonical_bits(std::uint64_t cr4) { return cr4::f_la57::get(cr4) ? 57 : 48; }

/// The error code of a page fault ("Page-Fault Exceptions").
namespace page_fault_code {
using f_p = bit_field<bool, 0, 0, std::uint32_t>;     ///< entries were there, and refused
using f_wr = bit_field<bool, 1, 1, std::uint32_t>;    ///< a write
using f_us = bit_field<bool, 2, 2, std::uint32_t>;    ///< in user mode
using f_rsvd = bit_field<bool, 3, 3, std::uint32_t>;  ///< a reserved bit was set
using f_id = bit_field<bool, 4, 4, std::uint32_t>;    ///< an instruction fetch, where those can be refused
}  // namespace page_fault_code

/// Whose access it is ("Determination of Access Rights by Modes"): user mode's, which is CPL 3; a supervisor's; or one
/// that the processor makes by itself (of a descriptor, a TSS), which is a supervisor's at any CPL, and which
/// RFLAGS.AC does not help.
enum class accessor : std::uint8_t { user, supervisor, processor };

/// What a walk needs of the guest's registers.
struct paging_state {
  paging_mode mode{};
  bool write_protect{};  ///< CR0.WP
  bool large_pages{};    ///< CR4.PSE, which counts with two levels alone
  bool no_execute{};     ///< EFER.NXE, which counts where entries have 64 bits
  bool smep{};
  bool smap{};
  bool alignment_check{};  ///< RFLAGS.AC, which lets supervisors pass SMAP
  std::uint64_t cr3{};

  /// Table levels; 0 without paging.
  [[nodiscard]] constexpr unsigned levels() const {
    return mode == paging_mode::none ? 0 : static_cast<unsigned>(mode) + 1;
  }
  /// Bytes of an entry.
  [[nodiscard]] constexpr unsigned entry_size() const { return mode == paging_mode::two_levels ? 4 : 8; }
  /// Bits of an address that each level looks at. The highest of PAE has two, since addresses end at bit 31.
  [[nodiscard]] constexpr unsigned index_bits() const { return mode == paging_mode::two_levels ? 10 : 9; }
  /// The first bit of an address that `level` (0 to 4) looks at, which is also the size of its pages.
  [[nodiscard]] constexpr unsigned shift(unsigned level) const { return 12 + index_bits() * level; }
  /// The bits of an address that are translated at all.
  [[nodiscard]] constexpr std::uint64_t linear_mask() const {
    switch (mode) {
      case paging_mode::four_levels: return low_bits(48);
      case paging_mode::five_levels: return low_bits(57);
      default: return low_bits(32);
    }
  }
  /// The physical address of the highest table, which PAE aligns to 32 bytes.
  [[nodiscard]] constexpr std::uint64_t root() const {
    switch (mode) {
      case paging_mode::two_levels: return cr3 & 0xffff'f000;
      case paging_mode::pae: return cr3 & 0xffff'ffe0;
      default: return cr3 & (low_bits(52) & ~low_bits(12));
    }
  }
  /// True for the four entries of PAE's highest table, which have neither rights nor an accessed flag.
  [[nodiscard]] constexpr bool is_pdpte(unsigned level) const { return mode == paging_mode::pae && level == 2; }
};

/// The registers of a stopped guest as a walk needs them.
template <typename C>
[[nodiscard]] constexpr paging_state paging_state_of(C const& c) {
  std::uint64_t const cr0 = c.cr0();
  std::uint64_t const cr4 = c.cr4();
  std::uint64_t const efer = c.efer();
  return {.mode = paging_mode_of(cr0, cr4, efer),
          .write_protect = cr0::f_wp::get(cr0),
          .large_pages = cr4::f_pse::get(cr4),
          .no_execute = efer::f_nxe::get(efer),
          .smep = cr4::f_smep::get(cr4),
          .smap = cr4::f_smap::get(cr4),
          .alignment_check = (c.rflags() >> 18 & 1) != 0,
          .cr3 = c.cr3()};
}

/// What the guest's processor has, as far as its tables show it.
struct paging_limits {
  std::uint8_t physical_bits{52};  ///< MAXPHYADDR, 32 to 52: CPUID Fn8000_0008_EAX[7:0]
  bool pages_1g{true};             ///< CPUID Fn8000_0001_EDX[26]
  friend constexpr bool operator==(paging_limits, paging_limits) = default;
};

/// Entries of a guest's tables. The bits are those of the host's (translation.hpp); here is what differs by mode.
namespace guest_pte {
inline constexpr std::uint64_t present = 1;
inline constexpr std::uint64_t writable = 2;
inline constexpr std::uint64_t user = 4;
inline constexpr std::uint64_t accessed = 0x20;
inline constexpr std::uint64_t dirty = 0x40;
inline constexpr std::uint64_t page_size = 0x80;
inline constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
inline constexpr std::uint64_t address = low_bits(52) & ~low_bits(12);

/// True when a present entry of `level` is a page, reserved bits not yet looked at.
[[nodiscard]] constexpr bool is_page(paging_state const& s, unsigned level, std::uint64_t e) {
  if (level == 0) return true;
  if (s.is_pdpte(level)) return false;
  return (e & page_size) != 0 && (s.mode != paging_mode::two_levels || s.large_pages);
}

/// The bits of a present entry that must be zero ("Reserved bits", in the tables of formats of each mode).
[[nodiscard]] constexpr std::uint64_t reserved(paging_state const& s, paging_limits limits, unsigned level,
                                               std::uint64_t e) {
  unsigned const bits = limits.physical_bits < 32 ? 32 : limits.physical_bits > 52 ? 52 : limits.physical_bits;
  bool const page = level != 0 && is_page(s, level, e);
  if (s.mode == paging_mode::two_levels) {
    // PSE-36: bits 39:32 of the address are at 20:13, as many as there are.
    return page ? low_bits(22) & ~low_bits((bits < 40 ? bits : 40) - 19) : 0;
  }
  if (s.mode == paging_mode::pae) {
    // Nothing above the address is ignored there.
    std::uint64_t const above = low_bits(63) & ~low_bits(bits);
    if (level == 2) return above | no_execute | 0x1e6;
    return above | (s.no_execute ? 0 : no_execute) | (page ? low_bits(21) & ~low_bits(13) : 0);
  }
  std::uint64_t must = (low_bits(52) & ~low_bits(bits)) | (s.no_execute ? 0 : no_execute);
  if (level > 2 || (level == 2 && !limits.pages_1g)) return must | page_size;
  if (page) must |= low_bits(s.shift(level)) & ~low_bits(13);  // bit 12 is PAT
  return must;
}

/// Where a present entry leads: the next table, or where the page has `linear`.
[[nodiscard]] constexpr std::uint64_t target(paging_state const& s, unsigned level, std::uint64_t e,
                                             std::uint64_t linear) {
  if (!is_page(s, level, e)) return e & address;
  std::uint64_t const offset = low_bits(s.shift(level));
  std::uint64_t page = e & address & ~offset;
  if (s.mode == paging_mode::two_levels && level != 0) page |= (e >> 13 & 0xff) << 32;
  return page | (linear & offset);
}
}  // namespace guest_pte

/// What all entries on the way to a page grant together.
struct page_rights {
  bool writable{true};
  bool user{true};
  bool executable{true};
};

/// True when `who` may do all of `wanted` to a page with these rights ("Determination of Access Rights").
[[nodiscard]] constexpr bool may_access(paging_state const& s, page_rights r, access wanted, accessor who) {
  if (has(wanted, access::execute)) {
    if (!r.executable) return false;
    if (who == accessor::user ? !r.user : r.user && s.smep) return false;
    if (wanted == access::execute) return true;
  }
  if (who == accessor::user) return r.user && (r.writable || !has(wanted, access::write));
  if (r.user && s.smap && (who == accessor::processor || !s.alignment_check)) return false;
  return r.writable || !s.write_protect || !has(wanted, access::write);
}

/// The error code of an access that the tables refuse: for an entry that is absent (`present` false), that has a
/// reserved bit set, or that denies it.
[[nodiscard]] constexpr std::uint32_t fault_code(paging_state const& s, access wanted, accessor who, bool present,
                                                 bool reserved_bit) {
  using namespace page_fault_code;
  bool const wide = s.mode != paging_mode::two_levels && s.mode != paging_mode::none;
  bool const tells_fetches = s.smep || (wide && s.no_execute);
  return f_p::make(present) | f_wr::make(has(wanted, access::write)) | f_us::make(who == accessor::user) |
         f_rsvd::make(reserved_bit) | f_id::make(tells_fetches && has(wanted, access::execute));
}

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/ept_capabilities.hpp>
#include <axhal/arch/x86_64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Whether a page may be for execution alone: only where IA32_VMX_EPT_VPID_CAP[0] says so. Elsewhere such an entry is a
/// misconfiguration.
enum class ept_execute_only : bool { no, yes };

/// What a guest's own PAT is worth.
enum class guest_pat : std::uint8_t {
  ignored,   ///< the leaf's type alone counts: the guest cannot go past the host's caches, but by CR0.CD, where it
             ///< owns that bit
  combined,  ///< as without EPT, the leaf's type in the place of the MTRR's: for guests with devices that do not snoop
};

/// Whether hardware notes what was used, in entries of its own accord. It then takes every walk of the guest's tables
/// for a write, so those must be writable here. Needs IA32_VMX_EPT_VPID_CAP[21].
enum class ept_flags : std::uint8_t {
  off,   ///< bits 8 and 9 mean nothing, and are 0
  used,  ///< entries are made with A and D clear; hardware sets them
};

/// What an EPT is like. The default needs 1 GiB pages and nothing else that is optional.
struct ept_options {
  largest_page largest{largest_page::page_1g};
  ept_execute_only execute_only{ept_execute_only::no};
  guest_pat types{guest_pat::ignored};
  ept_flags flags{ept_flags::off};
};

/// Intel's extended page tables: guest-physical to host-physical (Intel SDM vol. 3C, "The Extended Page Table Mechanism
/// (EPT)", "EPT Translation Mechanism").
///
/// An entry is present when it grants any right. Rights are exact: read, read and write, each with or without
/// execution, and execution alone where the options say so. Write without read is a misconfiguration ("EPT
/// Misconfigurations"). Mode-based execution, sub-page rights, #VE and shadow stacks are not used: their bits are 0,
/// which with "EPT-violation #VE" off means nothing.
///
/// **Changes.** Absent entries are not remembered, so that nothing is forgotten when one is made ("Guidelines for Use
/// of the INVEPT Instruction"). A present one is made absent, and that is seen, before it names another page of another
/// size or type, as with the host's tables (vol. 3A, "Recommended Invalidation" and "Programming the PAT").
///
/// With `ept_flags::used` a change of an entry puts its flags back to clear. Who tracks writes asks `is_dirty` after
/// the page was unmapped, or before its rights change and once more after they were forgotten.
template <unsigned Levels, ept_options Options = ept_options{}>
struct ept_format {
  static_assert(Levels == 4 || Levels == 5, "EPT has 4 or 5 levels");

  using entry = std::uint64_t;
  using input_address = guest_phys;

  static constexpr ept_options options = Options;
  static constexpr unsigned levels = Levels;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = static_cast<unsigned>(Options.largest);
  /// How wide the guest-physical addresses are that it translates: 48 or 57 bits.
  static constexpr unsigned gpa_bits = 12 + 9 * Levels;
  /// The architecture's limit. Bits from MAXPHYADDR on are reserved on a machine that has fewer.
  static constexpr unsigned output_bits = 52;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;

  // clang-format off
  using f_r        = bit_field<bool,           0>;
  using f_w        = bit_field<bool,           1>;
  using f_x        = bit_field<bool,           2>;
  using f_rights   = bit_field<unsigned,    2, 0>;    // R, W and X together; all zero: not present
  using f_memtype  = bit_field<unsigned,    5, 3>;    // leaves
  using f_ipat     = bit_field<bool,           6>;    // leaves: ignore the guest's PAT
  using f_leaf     = bit_field<bool,           7>;    // level > 0
  using f_a        = bit_field<bool,           8>;
  using f_d        = bit_field<bool,           9>;    // leaves
  using f_address  = bit_field<std::uint64_t, 51, 12>;
  // clang-format on
  static_assert(disjoint_fields<f_r, f_w, f_x, f_memtype, f_ipat, f_leaf, f_a, f_d, f_address>);

  // "Memory Type Used for Translated Guest-Physical Addresses"; 2, 3 and 7 are reserved
  static constexpr unsigned memtype_uc = 0;
  static constexpr unsigned memtype_wc = 1;
  static constexpr unsigned memtype_wb = 6;

  /// Nothing is executed from device memory, where a speculative fetch would be an access.
  static constexpr bool representable(page_attributes a) {
    if (a.type == memory_type::device && has(a.rights, access::execute)) return false;
    bool const executes_blindly = a.rights == access::execute && Options.execute_only == ept_execute_only::yes;
    return has(a.rights, access::read) || executes_blindly;
  }

  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned level) {
    unsigned const type = a.type == memory_type::normal            ? memtype_wb
                          : a.type == memory_type::normal_uncached ? memtype_wc
                                                                   : memtype_uc;
    return f_rights::make(static_cast<unsigned>(a.rights)) | f_memtype::make(type) |
           f_ipat::make(Options.types == guest_pat::ignored) | f_leaf::make(level > 0) |
           f_address::make(pa.value >> 12);
  }
  static constexpr entry table(host_phys pa) { return f_rights::make(7) | f_address::make(pa.value >> 12); }

  static constexpr bool is_present(entry e) { return f_rights::get(e) != 0; }
  static constexpr bool is_leaf(entry e, unsigned level) { return is_present(e) && (level == 0 || f_leaf::get(e)); }
  static constexpr host_phys target(entry e, unsigned) { return {f_address::get(e) << 12}; }
  static constexpr page_attributes attributes(entry e) {
    auto const rights = static_cast<access>(f_rights::get(e));
    unsigned const type = f_memtype::get(e);
    if (type == memtype_wb) return {rights, memory_type::normal};
    return {rights, type == memtype_wc ? memory_type::normal_uncached : memory_type::device};
  }

  /// With `ept_flags::used`: whether hardware has used the entry since it was made.
  [[nodiscard]] static constexpr bool is_accessed(entry e) { return f_a::get(e); }
  /// With `ept_flags::used`: whether a guest has written to the page of a leaf since it was made.
  [[nodiscard]] static constexpr bool is_dirty(entry e) { return f_d::get(e); }

  /// EPTP (Intel SDM vol. 3C, "Extended-Page-Table Pointer (EPTP)").
  // clang-format off
  struct pointer {
    using f_memtype        = bit_field<unsigned,    2, 0>;    // of walks: 0 UC, 6 WB
    using f_walk           = bit_field<unsigned,    5, 3>;    // levels - 1
    using f_accessed_dirty = bit_field<bool,           6>;
    using f_address        = bit_field<std::uint64_t, 51, 12>;
    static_assert(disjoint_fields<f_memtype, f_walk, f_accessed_dirty, f_address>);
  };
  // clang-format on

  /// The value of EPTP for the tables at `root`: walks are write-back cached.
  [[nodiscard]] static constexpr std::uint64_t eptp(host_phys root) {
    return pointer::f_memtype::make(memtype_wb) | pointer::f_walk::make(Levels - 1) |
           pointer::f_accessed_dirty::make(Options.flags == ept_flags::used) |
           pointer::f_address::make(root.value >> 12);
  }

  /// True when a CPU whose IA32_VMX_EPT_VPID_CAP is `cap` walks these tables, and can be told to forget them.
  [[nodiscard]] static constexpr bool is_supported(std::uint64_t cap) {
    using c = ept_vpid_cap;
    bool const walks = (Levels == 4 ? c::f_walk_4::get(cap) : c::f_walk_5::get(cap)) && c::f_wb::get(cap);
    bool const pages = (Options.largest < largest_page::page_2m || c::f_page_2m::get(cap)) &&
                       (Options.largest < largest_page::page_1g || c::f_page_1g::get(cap));
    bool const rights = Options.execute_only == ept_execute_only::no || c::f_execute_only::get(cap);
    bool const flags = Options.flags == ept_flags::off || c::f_accessed_dirty::get(cap);
    bool const forgets = c::f_invept::get(cap) && (c::f_invept_single::get(cap) || c::f_invept_all::get(cap));
    return walks && pages && rights && flags && forgets;
  }
};

using ept = ept_format<4>;
using ept_5_level = ept_format<5>;

static_assert(PagingPolicy<ept> && PagingPolicy<ept_5_level>);
static_assert(PagingPolicy<ept_format<4, ept_options{largest_page::page_2m, ept_execute_only::yes, guest_pat::combined,
                                                     ept_flags::used}>>);

}  // namespace axhal::x86_64

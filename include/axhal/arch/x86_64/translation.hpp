// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The largest page that tables are made with. 1 GiB pages need CPUID Fn8000_0001_EDX[26] in the host's and in AMD's
/// nested tables, IA32_VMX_EPT_VPID_CAP[17] in EPT; 2 MiB pages are always there, but for EPT (bit 16).
enum class largest_page : std::uint8_t { page_4k = 0, page_2m = 1, page_1g = 2 };

/// What the eight entries of the page attribute table mean here (Intel SDM vol. 3A, "Page Attribute Table (PAT)";
/// AMD64 APM vol. 2, "Page-Attribute Table Mechanism").
///
/// | entry | PCD PWT | type | for |
/// |---|---|---|---|
/// | 0, 4 | 0 0 | WB | `memory_type::normal` |
/// | 1, 5 | 0 1 | WC | `memory_type::normal_uncached` |
/// | 2, 6 | 1 0 | UC- | nobody |
/// | 3, 7 | 1 1 | UC | `memory_type::device` |
///
/// The upper half repeats the lower, so the PAT bit of an entry, which is bit 7 in a 4 KiB leaf and bit 12 in a large
/// one, says nothing and is 0. Entries 0, 2 and 3 are what they are after a reset: tables that a loader made with WB
/// and UC mean the same before and after IA32_PAT is written. A range that an MTRR makes UC stays uncached under WB,
/// and becomes write-combining under WC; UC here is UC whatever the MTRR says ("Selecting Memory Types", the table of
/// effective page-level memory types).
struct pat_layout {
  static constexpr unsigned uc = 0;
  static constexpr unsigned wc = 1;
  static constexpr unsigned wb = 6;
  static constexpr unsigned uc_minus = 7;

  static constexpr unsigned index_normal = 0;
  static constexpr unsigned index_uncached = 1;
  static constexpr unsigned index_device = 3;

  /// What IA32_PAT (MSR 277H) holds while tables of these formats are in use: on every CPU, and at VMRUN too.
  static constexpr std::uint64_t ia32_pat = 0x0007'0106'0007'0106;
};

/// What the host's tables and AMD's nested tables have in common: they are one format (Intel SDM vol. 3A, "4-Level
/// Paging and 5-Level Paging"; AMD64 APM vol. 2, "Long-Mode Page Translation"), and differ in who may pass.
///
/// **A and D.** Every entry is made with A set, a leaf also with D where it is writable. No access finds a bit to set,
/// so hardware never writes to the tables, which may lie in read-only memory, and no entry changes behind the back of
/// this library.
///
/// **Rights.** What is present can be read. A page for execution alone, or for writing alone, cannot be said. Execution
/// is forbidden by bit 63, which needs EFER.NXE; without it the bit is reserved. Tables allow everything, leaves
/// decide.
///
/// **Changes.** An entry with P clear is never remembered, so nothing is forgotten when one is made ("Optional
/// Invalidation"; APM, "TLB Management"). A present one is made absent, and that is seen, before it names another page
/// of another size: else accesses use either of two translations, without order (SDM, "Recommended Invalidation"). The
/// APM asks for it at every entry that names a table, even where that table is empty ("TLB Management", on upper level
/// entries), and the SDM where a page gets another memory type ("Programming the PAT").
template <unsigned Levels, largest_page Largest, bool User>
struct table_format {
  static_assert(Levels == 4 || Levels == 5, "page tables of long mode have 4 or 5 levels");

  using entry = std::uint64_t;

  static constexpr unsigned levels = Levels;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = static_cast<unsigned>(Largest);
  /// The architecture's limit. Bits from MAXPHYADDR (CPUID Fn8000_0008_EAX[7:0]) on are reserved on a machine that has
  /// fewer: nothing is mapped to what lies beyond.
  static constexpr unsigned output_bits = 52;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;

  // clang-format off
  using f_p         = bit_field<bool,           0>;
  using f_rw        = bit_field<bool,           1>;
  using f_us        = bit_field<bool,           2>;
  using f_pwt       = bit_field<bool,           3>;
  using f_pcd       = bit_field<bool,           4>;
  using f_pat_index = bit_field<unsigned,    4, 3>;    // PCD and PWT together
  using f_a         = bit_field<bool,           5>;
  using f_d         = bit_field<bool,           6>;    // leaves
  using f_ps        = bit_field<bool,           7>;    // level > 0: the entry is a leaf
  using f_pat       = bit_field<bool,           7>;    // level 0
  using f_pat_large = bit_field<bool,          12>;    // leaves above level 0
  using f_g         = bit_field<bool,           8>;    // leaves
  using f_address   = bit_field<std::uint64_t, 51, 12>;
  using f_xd        = bit_field<bool,          63>;
  // clang-format on
  static_assert(disjoint_fields<f_p, f_rw, f_us, f_pwt, f_pcd, f_a, f_d, f_ps, f_g, f_address, f_xd>);

  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned level) {
    bool const writes = has(a.rights, access::write);
    unsigned const type = a.type == memory_type::normal            ? pat_layout::index_normal
                          : a.type == memory_type::normal_uncached ? pat_layout::index_uncached
                                                                   : pat_layout::index_device;
    return f_p::make(true) | f_rw::make(writes) | f_us::make(User) | f_pat_index::make(type) | f_a::make(true) |
           f_d::make(writes) | f_ps::make(level > 0) | f_address::make(pa.value >> 12) |
           f_xd::make(!has(a.rights, access::execute));
  }
  static constexpr entry table(host_phys pa) {
    return f_p::make(true) | f_rw::make(true) | f_us::make(User) | f_a::make(true) | f_address::make(pa.value >> 12);
  }

  static constexpr bool is_present(entry e) { return f_p::get(e); }
  static constexpr bool is_leaf(entry e, unsigned level) { return f_p::get(e) && (level == 0 || f_ps::get(e)); }
  static constexpr host_phys target(entry e, unsigned level) {
    std::uint64_t const at = f_address::get(e) << 12;
    // Bits below the page are no address: the lowest of them is the PAT bit.
    return {is_leaf(e, level) ? at & ~low_bits(12 + 9 * level) : at};
  }
  static constexpr page_attributes attributes(entry e) {
    access rights = access::read;
    if (f_rw::get(e)) rights = rights | access::write;
    if (!f_xd::get(e)) rights = rights | access::execute;
    unsigned const type = f_pat_index::get(e);
    if (type == pat_layout::index_normal) return {rights, memory_type::normal};
    return {rights, type == pat_layout::index_uncached ? memory_type::normal_uncached : memory_type::device};
  }

 protected:
  /// Nothing is executed from device memory, where a speculative fetch would be an access.
  static constexpr bool can_express(page_attributes a) {
    return has(a.rights, access::read) && !(a.type == memory_type::device && has(a.rights, access::execute));
  }
};

/// CR3 of a CPU in long mode, and nCR3 of a VMCB (Intel SDM vol. 3A, "Use of CR3 with 4-level paging and 5-level
/// paging"; AMD64 APM vol. 2, "CR3 Register"). PWT and PCD are 0: walks are cached.
struct cr3 {
  // clang-format off
  using f_pcid     = bit_field<unsigned,      11,  0>;    // CR4.PCIDE 1
  using f_pwt      = bit_field<bool,               3>;    // CR4.PCIDE 0
  using f_pcd      = bit_field<bool,               4>;    // CR4.PCIDE 0
  using f_address  = bit_field<std::uint64_t, 51, 12>;
  using f_no_flush = bit_field<bool,              63>;    // MOV to CR3 with CR4.PCIDE 1: forget nothing
  // clang-format on
  static_assert(disjoint_fields<f_pcid, f_address, f_no_flush>);
};

}  // namespace axhal::x86_64

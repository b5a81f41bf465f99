// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Whether page table entries carry memory types (RISC-V Privileged Architecture, "Svpbmt" Standard Extension for
/// Page-Based Memory Types). A hart that has it obeys them where menvcfg.PBMTE, which firmware sets, is 1; elsewhere
/// the bits are reserved, and an entry that has them set faults.
enum class svpbmt : std::uint8_t { absent, present };

/// What the tables of both stages have in common: Sv39, Sv48, Sv57 and their G-stage forms have one entry, and differ
/// in the number of levels ("Sv39: Page-Based 39-bit Virtual-Memory System", figure "Sv39 page table entry").
///
/// **A and D.** Every leaf is made with A set, and with D set when it is writable. So no access ever finds a bit to
/// set: harts that update entries themselves (Svadu) and harts that fault instead do the same, which is nothing,
/// whatever menvcfg.ADUE and henvcfg.ADUE say; and no entry changes behind the back of this library.
///
/// **Memory types.** With Svpbmt `normal` is PMA (what the platform says of the address, cacheable for main memory),
/// `normal_uncached` is NC and `device` is IO. Without it the physical memory attributes of the address alone decide:
/// a device's registers are I/O there, and main memory is cached, whatever a leaf asks for. The type is then kept in
/// the RSW bits, which hardware ignores, so that it is exact when it is read back. A caller that needs main memory
/// uncached needs Svpbmt.
///
/// **Changes.** Hardware may remember entries of any kind, absent ones too, until a fence; a leaf and a table may
/// follow one another without a break ("Virtual Address Translation Process"; "Supervisor Memory-Management Fence
/// Instruction").
template <svpbmt Types>
struct table_format {
  using entry = std::uint64_t;

  static constexpr svpbmt memory_types = Types;
  static constexpr unsigned output_bits = 56;
  static constexpr bool break_before_make = false;
  static constexpr bool caches_absent = true;

  // clang-format off
  using f_v    = bit_field<bool,           0>;
  using f_r    = bit_field<bool,           1>;
  using f_w    = bit_field<bool,           2>;    // W without R is reserved
  using f_x    = bit_field<bool,           3>;    // R, W and X all zero: the entry names a table
  using f_u    = bit_field<bool,           4>;
  using f_g    = bit_field<bool,           5>;
  using f_a    = bit_field<bool,           6>;
  using f_d    = bit_field<bool,           7>;
  using f_rsw  = bit_field<unsigned,    9, 8>;    // software's
  using f_ppn  = bit_field<std::uint64_t, 53, 10>;
  using f_pbmt = bit_field<unsigned,   62, 61>;   // without Svpbmt: reserved
  using f_n    = bit_field<bool,          63>;    // Svnapot; not used here
  // clang-format on
  static_assert(disjoint_fields<f_v, f_r, f_w, f_x, f_u, f_g, f_a, f_d, f_rsw, f_ppn, f_pbmt, f_n>);

  // "Encodings for PBMT field in Sv39, Sv48, and Sv57 PTEs"; RSW uses the same numbers
  static constexpr unsigned pbmt_pma = 0;
  static constexpr unsigned pbmt_nc = 1;
  static constexpr unsigned pbmt_io = 2;

  static constexpr entry table(host_phys pa) { return f_v::make(true) | f_ppn::make(pa.value >> 12); }

  static constexpr bool is_present(entry e) { return f_v::get(e); }
  static constexpr bool is_leaf(entry e, unsigned) {
    return f_v::get(e) && (f_r::get(e) || f_w::get(e) || f_x::get(e));
  }
  static constexpr host_phys target(entry e, unsigned) { return {f_ppn::get(e) << 12}; }
  static constexpr page_attributes attributes(entry e) {
    access rights = access::none;
    if (f_r::get(e)) rights = rights | access::read;
    if (f_w::get(e)) rights = rights | access::write;
    if (f_x::get(e)) rights = rights | access::execute;
    unsigned const type = Types == svpbmt::present ? f_pbmt::get(e) : f_rsw::get(e);
    if (type == pbmt_pma) return {rights, memory_type::normal};
    return {rights, type == pbmt_nc ? memory_type::normal_uncached : memory_type::device};
  }

 protected:
  static constexpr bool can_express(page_attributes a) {
    bool const writes_blindly = has(a.rights, access::write) && !has(a.rights, access::read);
    bool const runs_devices = a.type == memory_type::device && has(a.rights, access::execute);
    return a.rights != access::none && !writes_blindly && !runs_devices;
  }

  static constexpr entry make_leaf(host_phys pa, page_attributes a, bool user) {
    bool const writes = has(a.rights, access::write);
    entry const e = f_v::make(true) | f_r::make(has(a.rights, access::read)) | f_w::make(writes) |
                    f_x::make(has(a.rights, access::execute)) | f_u::make(user) | f_a::make(true) | f_d::make(writes) |
                    f_ppn::make(pa.value >> 12);
    unsigned const type = a.type == memory_type::normal            ? pbmt_pma
                          : a.type == memory_type::normal_uncached ? pbmt_nc
                                                                   : pbmt_io;
    return e | (Types == svpbmt::present ? f_pbmt::make(type) : f_rsw::make(type));
  }
};

}  // namespace axhal::riscv64

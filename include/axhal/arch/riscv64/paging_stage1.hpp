// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// The hypervisor's own addresses, through satp: Sv39, Sv48 or Sv57 with 3, 4 or 5 levels (RISC-V Privileged
/// Architecture, "Sv39: Page-Based 39-bit Virtual-Memory System" and the two sections after it).
///
/// Leaves have U 0, so that HS-mode runs from them and U-mode reaches nothing, and G 0: there is one address space, and
/// a fence by ASID reaches every page of it. No page is writable and executable. A page may be for execution alone;
/// sstatus.MXR stays 0, or reads pass too.
///
/// Hardware takes addresses of 64 bits whose high bits all equal the highest one that is translated. Tables know an
/// address by its low `va_bits` bits, `folded`; `canonical` is the way back. An address below 2^(va_bits - 1), and so
/// everything that is mapped where it is, is the same in both.
template <unsigned Levels, svpbmt Types = svpbmt::absent>
struct stage1 : table_format<Types> {
  static_assert(Levels >= 3 && Levels <= 5, "stage1: Sv39, Sv48 and Sv57 have 3, 4 and 5 levels");

  using format = table_format<Types>;
  using entry = typename format::entry;
  using input_address = host_virt;

  static constexpr unsigned levels = Levels;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = Levels - 1;
  static constexpr unsigned va_bits = 12 + 9 * Levels;
  /// The MODE of satp for this format.
  static constexpr unsigned mode = translation_mode::sv39 + (Levels - 3);

  static constexpr bool representable(page_attributes a) {
    return format::can_express(a) && !(has(a.rights, access::write) && has(a.rights, access::execute));
  }
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned) { return format::make_leaf(pa, a, false); }

  /// The value of satp for the tables at `root`; `asid` has at most as many bits as the hart (`asid_bits`).
  [[nodiscard]] static constexpr std::uint64_t satp(host_phys root, unsigned asid = 0) {
    return riscv64::satp::f_mode::make(mode) | riscv64::satp::f_asid::make(asid) |
           riscv64::satp::f_ppn::make(root.value >> 12);
  }

  /// True when an instruction can use `va`: hardware faults on every other address, whatever the tables say.
  [[nodiscard]] static constexpr bool is_canonical(host_virt va) { return sign_extend(va.value, va_bits) == va.value; }
  /// How the tables know the canonical address `va`.
  [[nodiscard]] static constexpr host_virt folded(host_virt va) { return {va.value & low_bits(va_bits)}; }
  /// The address that instructions use for what the tables know as `input`.
  [[nodiscard]] static constexpr host_virt canonical(host_virt input) { return {sign_extend(input.value, va_bits)}; }
};

using sv39 = stage1<3>;
using sv48 = stage1<4>;
using sv57 = stage1<5>;
using sv39_svpbmt = stage1<3, svpbmt::present>;
using sv48_svpbmt = stage1<4, svpbmt::present>;
using sv57_svpbmt = stage1<5, svpbmt::present>;

static_assert(PagingPolicy<sv39> && PagingPolicy<sv48> && PagingPolicy<sv57>);
static_assert(PagingPolicy<sv39_svpbmt> && PagingPolicy<sv48_svpbmt> && PagingPolicy<sv57_svpbmt>);

}  // namespace axhal::riscv64

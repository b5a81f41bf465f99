// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The hypervisor's own addresses, through CR3: 4-level or 5-level paging (Intel SDM vol. 3A, "4-Level Paging and
/// 5-Level Paging"). With 5 levels CR4.LA57 is 1, which only changes while paging is off.
///
/// Leaves have U/S 0, so that ring 3 reaches nothing and SMEP and SMAP never stand in the way, and G 0: there is one
/// address space, and a write of CR3 forgets every page of it. No page is writable and executable. Rights hold with
/// CR0.WP and EFER.NXE set; memory types with IA32_PAT as `pat_layout` says.
///
/// Hardware takes addresses of 64 bits whose high bits all equal the highest one that is translated. Tables know an
/// address by its low `va_bits` bits, `folded`; `canonical` is the way back. An address below 2^(va_bits - 1), and so
/// everything that is mapped where it is, is the same in both.
template <unsigned Levels, largest_page Largest = largest_page::page_1g>
struct host_format : table_format<Levels, Largest, false> {
  using format = table_format<Levels, Largest, false>;
  using entry = typename format::entry;
  using input_address = host_virt;

  static constexpr unsigned va_bits = 12 + 9 * Levels;
  /// Bit 12 of CR4, LA57, as these tables want it.
  static constexpr bool cr4_la57 = Levels == 5;

  static constexpr bool representable(page_attributes a) {
    return format::can_express(a) && !(has(a.rights, access::write) && has(a.rights, access::execute));
  }

  /// The value of CR3 for the tables at `root`; `pcid`, of 12 bits, is 0 unless CR4.PCIDE is 1.
  [[nodiscard]] static constexpr std::uint64_t cr3(host_phys root, unsigned pcid = 0) {
    return x86_64::cr3::f_address::make(root.value >> 12) | x86_64::cr3::f_pcid::make(pcid);
  }

  /// True when an instruction can use `va`: hardware faults on every other address, whatever the tables say.
  [[nodiscard]] static constexpr bool is_canonical(host_virt va) { return sign_extend(va.value, va_bits) == va.value; }
  /// How the tables know the canonical address `va`.
  [[nodiscard]] static constexpr host_virt folded(host_virt va) { return {va.value & low_bits(va_bits)}; }
  /// The address that instructions use for what the tables know as `input`.
  [[nodiscard]] static constexpr host_virt canonical(host_virt input) { return {sign_extend(input.value, va_bits)}; }
};

using paging_4_level = host_format<4>;
using paging_5_level = host_format<5>;

static_assert(PagingPolicy<paging_4_level> && PagingPolicy<paging_5_level>);
static_assert(PagingPolicy<host_format<4, largest_page::page_2m>>);
static_assert(paging_4_level::va_bits == 48 && paging_5_level::va_bits == 57);

}  // namespace axhal::x86_64

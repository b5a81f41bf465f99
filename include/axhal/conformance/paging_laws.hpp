// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::laws {

namespace detail {

inline constexpr memory_type all_memory_types[] = {memory_type::normal, memory_type::normal_uncached,
                                                   memory_type::device};

/// Law 7: the shape fits into a 64-bit address, and only the root has more than one page.
template <PagingPolicy P>
constexpr bool shape_is_sound() {
  if (P::levels == 0 || P::largest_leaf_level >= P::levels) return false;
  unsigned bits = 12;
  for (unsigned level = 0; level < P::levels; ++level) {
    unsigned const here = P::index_bits(level);
    if (here < 1 || here > 13 || (here > 9 && level != P::levels - 1)) return false;
    bits += here;
  }
  return bits <= 64;
}

/// Law 6: the sets of attributes that everybody needs.
template <PagingPolicy P>
constexpr bool attributes_suffice() {
  constexpr auto can = [](access rights, memory_type type) { return P::representable({rights, type}); };
  for (memory_type const type : all_memory_types) {
    if (can(access::none, type)) return false;
  }
  bool const code = can(read_execute, memory_type::normal) || can(read_write_execute, memory_type::normal);
  bool const data = can(read_write, memory_type::normal) || can(read_write_execute, memory_type::normal);
  return code && data && can(read_write, memory_type::device);
}

/// Laws 1 to 3 for a leaf at `level` with this target.
template <PagingPolicy P>
constexpr int first_broken_by_leaf(host_phys pa, unsigned level) {
  for (unsigned rights = 0; rights < 8; ++rights) {
    for (memory_type const type : all_memory_types) {
      page_attributes const a{static_cast<access>(rights), type};
      if (!P::representable(a)) continue;
      auto const e = P::leaf(pa, a, level);
      if (P::target(e, level) != pa) return 1;
      if (P::attributes(e) != a) return 2;
      if (!P::is_present(e) || !P::is_leaf(e, level)) return 3;
    }
  }
  return 0;
}

/// Law 4 for a table entry at `level`.
template <PagingPolicy P>
constexpr bool table_is_sound(host_phys pa, unsigned level) {
  auto const e = P::table(pa);
  return P::is_present(e) && !P::is_leaf(e, level) && P::target(e, level) == pa;
}

}  // namespace detail

/// The number of the first law of `PagingPolicy` that `P` breaks, or 0. Pure: runs in the compiler as well.
///
/// Addresses are 0, all ones, and each single bit that an aligned address can have, so that a bit that is lost, moved
/// or shared with another field shows. A table is aligned to a page whatever its level, a leaf to what it maps.
template <PagingPolicy P>
constexpr int first_broken_paging_law() {
  // First, because the others compute shifts from it.
  if (!detail::shape_is_sound<P>()) return 7;
  if (P::is_present(typename P::entry{})) return 5;
  if (!detail::attributes_suffice<P>()) return 6;
  unsigned page_bits = 12;
  for (unsigned level = 0; level < P::levels; page_bits += P::index_bits(level), ++level) {
    for (unsigned bit = 12; bit <= P::output_bits + 1; ++bit) {
      // After the single bits: all of them, and none.
      std::uint64_t const value = bit < P::output_bits    ? std::uint64_t{1} << bit
                                  : bit == P::output_bits ? low_bits(P::output_bits)
                                                          : 0;
      if (level <= P::largest_leaf_level && (bit >= page_bits || bit >= P::output_bits)) {
        host_phys const pa{value & ~low_bits(page_bits)};
        if (int const law = detail::first_broken_by_leaf<P>(pa, level); law != 0) return law;
      }
      if (level > 0 && !detail::table_is_sound<P>({value & ~low_bits(12)}, level)) return 4;
    }
  }
  return 0;
}

}  // namespace axhal::laws

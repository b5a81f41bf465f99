// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/paging/tables.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::paging {

/// A leaf that a walk ended at.
struct mapping {
  host_phys target{};  ///< where the page, large or small, starts
  unsigned level{};    ///< 0 for the smallest page
  page_attributes attributes{};

  friend constexpr bool operator==(mapping, mapping) = default;
};

/// Walks from `root` as the hardware does. `not_mapped` where a level has no entry, `out_of_range` beyond the root.
template <PagingPolicy P, FrameSource F>
[[nodiscard]] result<mapping, paging_error> walk(tables<P, F> const& memory, host_phys root,
                                                 typename P::input_address input) {
  if (input.value > geometry<P>::inputs.last) return failure{paging_error::out_of_range};
  host_phys table = root;
  for (unsigned level = geometry<P>::root_level;; --level) {
    auto const e = memory.load(table, geometry<P>::index(input.value, level));
    if (!P::is_present(e)) return failure{paging_error::not_mapped};
    if (level == 0 || P::is_leaf(e, level)) return mapping{P::target(e, level), level, P::attributes(e)};
    table = P::target(e, level);
  }
}

/// A leaf and the first input address that it translates.
struct located_mapping {
  std::uint64_t input{};
  mapping leaf{};
};

/// The first leaf below `table` that translates an address in `all`, which lies below that table; false when there is
/// none. Looks at no more than the entries on the way: an absent entry is passed in one step, whatever it covers.
template <PagingPolicy P, FrameSource F>
[[nodiscard]] bool find_leaf(tables<P, F> const& memory, host_phys table, unsigned level, extent all,
                             located_mapping& found) {
  return !geometry<P>::each_part(all, level, [&](extent part) {
    auto const e = memory.load(table, geometry<P>::index(part.first, level));
    if (!P::is_present(e)) return true;
    if (level > 0 && !P::is_leaf(e, level)) return !find_leaf(memory, P::target(e, level), level - 1, part, found);
    found = {geometry<P>::around(part.first, level).first, {P::target(e, level), level, P::attributes(e)}};
    return false;
  });
}

}  // namespace axhal::paging

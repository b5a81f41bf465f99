// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/paging/detail/edit.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/paging/tables.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging::detail {

/// What `map` is to make: input `first + n` goes to `to + n`, in leaves of at most `largest_level`.
struct map_request {
  std::uint64_t first{};
  host_phys to{};
  page_attributes attributes{};
  unsigned largest_level{};

  [[nodiscard]] constexpr host_phys target(std::uint64_t address) const { return to + (address - first); }
};

/// True when one leaf at `level` can be the answer to `part` of the request.
template <PagingPolicy P>
[[nodiscard]] constexpr bool is_one_leaf(map_request const& wanted, extent part, unsigned level) {
  return level <= wanted.largest_level && geometry<P>::is_leaf_shaped(part, wanted.target(part.first), level);
}

/// The tables that `part`, which lies below one absent entry at `level`, will need.
template <PagingPolicy P>
[[nodiscard]] constexpr std::size_t tables_for(map_request const& wanted, extent part, unsigned level) {
  if (level == 0 || is_one_leaf<P>(wanted, part, level)) return 0;
  std::size_t count = 1;
  if (level == 1) return count;
  geometry<P>::each_part(part, level - 1, [&](extent p) {
    count += tables_for<P>(wanted, p, level - 1);
    return true;
  });
  return count;
}

/// The tables that the request will need below `table`, or `already_mapped`. Changes nothing.
template <PagingPolicy P, FrameSource F>
[[nodiscard]] result<std::size_t, paging_error> plan_map(tables<P, F> const& memory, map_request const& wanted,
                                                         host_phys table, unsigned level, extent all) {
  std::size_t count = 0;
  bool const is_free = geometry<P>::each_part(all, level, [&](extent part) {
    auto const e = memory.load(table, geometry<P>::index(part.first, level));
    if (!P::is_present(e)) {
      count += tables_for<P>(wanted, part, level);
      return true;
    }
    if (level == 0 || P::is_leaf(e, level)) return false;
    auto const below = plan_map(memory, wanted, P::target(e, level), level - 1, part);
    count += below.value_or(0);
    return below.has_value();
  });
  if (!is_free) return failure{paging_error::already_mapped};
  return count;
}

/// Whether walks may reach a table while it is filled.
enum class reachable : std::uint8_t { no, yes };

/// Fulfils the request below `table`. Precondition: `plan_map` said yes, and the edit has as many frames as it said.
template <PagingPolicy P, FrameSource F, typename T>
void apply_map(edit<P, F, T>& change, map_request const& wanted, host_phys table, unsigned level, extent all,
               reachable by_walks = reachable::yes) {
  auto const enter = [&](std::size_t index, extent part, typename P::entry e) {
    if (by_walks == reachable::yes) {
      change.make(table, index, level, part.first, e);
    } else {
      change.fill(table, index, e);
    }
  };
  geometry<P>::each_part(all, level, [&](extent part) {
    std::size_t const index = geometry<P>::index(part.first, level);
    auto const e = change.memory().load(table, index);
    if (P::is_present(e)) {
      apply_map(change, wanted, P::target(e, level), level - 1, part, by_walks);
    } else if (is_one_leaf<P>(wanted, part, level)) {
      enter(index, part, P::leaf(wanted.target(part.first), wanted.attributes, level));
    } else {
      host_phys const child = change.reserve().take();
      change.memory().clear(child, level - 1);
      apply_map(change, wanted, child, level - 1, part, reachable::no);
      enter(index, part, P::table(child));
    }
    return true;
  });
}

}  // namespace axhal::paging::detail

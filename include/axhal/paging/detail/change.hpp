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

namespace axhal::paging {

/// What an operation over a range does about pages of it that are not mapped.
enum class holes : std::uint8_t {
  refuse,  ///< answers `not_mapped` and changes nothing
  skip,    ///< leaves them as they are
};

}  // namespace axhal::paging

namespace axhal::paging::detail {

/// What happens to the leaves of a range. A value and not a type, so that a program has the code below once.
template <PagingPolicy P>
struct change_request {
  enum class what : std::uint8_t {
    remove,   ///< leaves go
    protect,  ///< leaves get the `wanted` attributes
    divide,   ///< leaves stay what they are, but none reaches across an edge of the range
  };
  what kind{};
  page_attributes wanted{};

  [[nodiscard]] constexpr bool removes() const { return kind == what::remove; }
  /// True when a leaf with these attributes is right already, whatever part of it lies in the range.
  [[nodiscard]] constexpr bool leaves_alone(page_attributes a) const { return kind == what::protect && a == wanted; }
  /// What takes the place of the leaf `e`, all of which lies in the range.
  [[nodiscard]] constexpr typename P::entry changed(typename P::entry e, unsigned level) const {
    if (kind == what::remove) return {};
    return kind == what::protect ? P::leaf(P::target(e, level), wanted, level) : e;
  }
};

/// The tables that it takes to tell `part` from the rest of one leaf at `level`.
template <PagingPolicy P>
[[nodiscard]] constexpr std::size_t tables_to_split(extent part, unsigned level) {
  if (level == 0 || geometry<P>::is_whole(part, level)) return 0;
  // Only the first and the last entry of the new table can be partial in turn.
  unsigned const below = level - 1;
  extent const first = geometry<P>::around(part.first, below);
  if (part.last <= first.last) return 1 + tables_to_split<P>(part, below);
  extent const last = geometry<P>::around(part.last, below);
  return 1 + tables_to_split<P>({part.first, first.last}, below) + tables_to_split<P>({last.first, part.last}, below);
}

/// The tables that `change` of the range `all` below `table` will need, or `not_mapped`. Changes nothing.
template <PagingPolicy P, FrameSource F>
[[nodiscard]] result<std::size_t, paging_error> plan_change(tables<P, F> const& memory, change_request<P> const& change,
                                                            host_phys table, unsigned level, extent all, holes h) {
  std::size_t count = 0;
  bool const is_complete = geometry<P>::each_part(all, level, [&](extent part) {
    auto const e = memory.load(table, geometry<P>::index(part.first, level));
    if (!P::is_present(e)) return h == holes::skip;
    if (level == 0 || P::is_leaf(e, level)) {
      if (!change.leaves_alone(P::attributes(e))) count += tables_to_split<P>(part, level);
      return true;
    }
    if (change.removes() && h == holes::skip && geometry<P>::is_whole(part, level)) return true;
    auto const below = plan_change(memory, change, P::target(e, level), level - 1, part, h);
    count += below.value_or(0);
    return below.has_value();
  });
  if (!is_complete) return failure{paging_error::not_mapped};
  return count;
}

/// A table at `level` that says what the leaf at `level + 1` said, but `change` done to `all`.
template <PagingPolicy P, FrameSource F, typename T>
[[nodiscard]] host_phys split_leaf(edit<P, F, T>& e, change_request<P> const& change, host_phys target,
                                   page_attributes attributes, unsigned level, extent all) {
  using shape = geometry<P>;
  host_phys const table = e.reserve().take();
  for (std::size_t i = 0; i < shape::entries(level); ++i) {
    e.memory().store(table, i, P::leaf(target + i * shape::span(level), attributes, level));
  }
  shape::each_part(all, level, [&](extent part) {
    std::size_t const index = shape::index(part.first, level);
    host_phys const piece = target + index * shape::span(level);
    if (shape::is_whole(part, level)) {
      e.memory().store(table, index, change.changed(P::leaf(piece, attributes, level), level));
    } else {
      e.memory().store(table, index, P::table(split_leaf(e, change, piece, attributes, level - 1, part)));
    }
    return true;
  });
  return table;
}

/// Does `change` to every leaf of `all` below `table`. Precondition: `plan_change` said yes, and the edit has as many
/// frames as it said.
template <PagingPolicy P, FrameSource F, typename T>
void apply_change(edit<P, F, T>& e, change_request<P> const& change, host_phys table, unsigned level, extent all) {
  using shape = geometry<P>;
  shape::each_part(all, level, [&](extent part) {
    std::size_t const index = shape::index(part.first, level);
    auto const before = e.memory().load(table, index);
    if (!P::is_present(before)) return true;
    if (level == 0 || P::is_leaf(before, level)) {
      page_attributes const attributes = P::attributes(before);
      if (change.leaves_alone(attributes)) return true;
      auto const now = shape::is_whole(part, level)
                           ? change.changed(before, level)
                           : P::table(split_leaf(e, change, P::target(before, level), attributes, level - 1, part));
      if (!(now == before)) e.replace_leaf(table, index, level, part.first, before, now);
      return true;
    }
    if (change.removes() && shape::is_whole(part, level)) {
      e.replace_table(table, index, level, part.first, {});
      return true;
    }
    host_phys const child = P::target(before, level);
    apply_change(e, change, child, level - 1, part);
    if (change.removes() && e.memory().is_empty(child, level - 1)) e.drop_empty(table, index, level, part.first);
    return true;
  });
}

}  // namespace axhal::paging::detail

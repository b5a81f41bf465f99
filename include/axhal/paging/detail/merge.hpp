// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/paging/detail/edit.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/paging/tables.hpp>
#include <axhal/paging/walk.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>

namespace axhal::paging::detail {

/// True when all that is below `table` at `level` is one contiguous run with one set of attributes; `run` tells where
/// it starts and what they are.
template <PagingPolicy P, FrameSource F>
[[nodiscard]] bool is_one_run(tables<P, F> const& memory, host_phys table, unsigned level, mapping& run) {
  for (std::size_t i = 0; i < geometry<P>::entries(level); ++i) {
    auto const e = memory.load(table, i);
    if (!P::is_present(e)) return false;
    mapping piece{};
    if (level == 0 || P::is_leaf(e, level)) {
      piece = {P::target(e, level), 0, P::attributes(e)};
    } else if (!is_one_run(memory, P::target(e, level), level - 1, piece)) {
      return false;
    }
    if (i == 0) {
      run = piece;
    } else if (piece.attributes != run.attributes || piece.target != run.target + i * geometry<P>::span(level)) {
      return false;
    }
  }
  return true;
}

/// Turns every complete table below `table` that lies in `all` and is one run into one leaf. How many leaves were made.
template <PagingPolicy P, FrameSource F, typename T>
std::size_t apply_merge(edit<P, F, T>& change, host_phys table, unsigned level, extent all) {
  using shape = geometry<P>;
  std::size_t made = 0;
  shape::each_part(all, level, [&](extent part) {
    std::size_t const index = shape::index(part.first, level);
    auto const e = change.memory().load(table, index);
    if (level == 0 || !P::is_present(e) || P::is_leaf(e, level)) return true;
    mapping run{};
    if (level <= P::largest_leaf_level && shape::is_whole(part, level) &&
        is_one_run(change.memory(), P::target(e, level), level - 1, run) &&
        is_aligned(run.target, shape::span(level))) {
      change.replace_table(table, index, level, part.first, P::leaf(run.target, run.attributes, level));
      ++made;
    } else {
      made += apply_merge(change, P::target(e, level), level - 1, part);
    }
    return true;
  });
  return made;
}

}  // namespace axhal::paging::detail

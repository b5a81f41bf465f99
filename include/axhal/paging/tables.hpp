// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>

namespace axhal::paging {

/// Page tables of the format `P` as memory: single entries, each read and written as one whole.
///
/// Another CPU's table walk may read an entry at any time. It sees the old or the new word, and once it sees an entry
/// it also sees everything that was stored before it: the contents of the table that the entry names.
template <PagingPolicy P, FrameSource F>
class tables {
 public:
  using entry = typename P::entry;

  explicit constexpr tables(F& frames) : frames_{&frames} {}

  [[nodiscard]] F& frames() const { return *frames_; }

  [[nodiscard]] entry load(host_phys table, std::size_t index) const {
    entry e;
    __atomic_load(at(table) + index, &e, __ATOMIC_RELAXED);
    return e;
  }
  void store(host_phys table, std::size_t index, entry e) const {
    __atomic_store(at(table) + index, &e, __ATOMIC_RELEASE);
  }

  /// Makes every entry of a table at `level` absent. The table is not in use. A table that is smaller than a frame
  /// leaves the rest of its frame alone.
  void clear(host_phys table, unsigned level) const {
    for (std::size_t i = 0; i < geometry<P>::entries(level); ++i) store(table, i, entry{});
  }

  /// True when no entry of the table at `level` is present.
  [[nodiscard]] bool is_empty(host_phys table, unsigned level) const {
    for (std::size_t i = 0; i < geometry<P>::entries(level); ++i) {
      if (P::is_present(load(table, i))) return false;
    }
    return true;
  }

  /// Gives the table at `level` and all tables below it back. No CPU may reach them any more.
  void release(host_phys table, unsigned level) const {
    for (std::size_t i = 0; level > 0 && i < geometry<P>::entries(level); ++i) {
      entry const e = load(table, i);
      if (P::is_present(e) && !P::is_leaf(e, level)) release(P::target(e, level), level - 1);
    }
    // The frames came from this source as this run, so it cannot refuse them.
    static_cast<void>(frames_->release(table, geometry<P>::frames(level)));
  }

 private:
  [[nodiscard]] entry* at(host_phys table) const { return static_cast<entry*>(frames_->pointer(table)); }

  F* frames_;
};

}  // namespace axhal::paging

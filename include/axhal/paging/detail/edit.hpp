// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/paging/table_reserve.hpp>
#include <axhal/paging/tables.hpp>
#include <axhal/paging/tlb_batch.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging::detail {

/// One change of a live page table, from its first store to the moment when every CPU has forgotten what was before.
///
/// Keeps the two orders that hardware asks for: contents before the link to them, and forgetting before frames are
/// released or, where `P::break_before_make`, before a new entry is made. Where `P::caches_absent`, an entry that is
/// made is forgotten as well: that an address was not mapped is a translation that goes stale.
template <PagingPolicy P, FrameSource F, TlbMaintenance<typename P::input_address> T>
class edit {
 public:
  using entry = typename P::entry;
  using shape = geometry<P>;

  edit(tables<P, F> memory, T& hardware)
      : memory_{memory}, tlb_{&hardware}, reserve_{memory.frames()}, stale_{hardware} {}
  edit(edit const&) = delete;
  edit& operator=(edit const&) = delete;

  [[nodiscard]] tables<P, F> const& memory() const { return memory_; }
  [[nodiscard]] table_reserve<F>& reserve() { return reserve_; }

  /// Fills an entry of a table that no walk can reach yet.
  void fill(host_phys table, std::size_t index, entry e) { memory_.store(table, index, e); }

  /// Fills an absent entry of a live table, at `level`, which translates `address`.
  void make(host_phys table, std::size_t index, unsigned level, std::uint64_t address, entry e) {
    memory_.store(table, index, e);
    made(level == 0 || P::is_leaf(e, level) ? stale_leaf(address, level) : stale_walk(address, level));
  }

  /// Puts `now` in the place of the leaf `before`.
  void replace_leaf(host_phys table, std::size_t index, unsigned level, std::uint64_t address, entry before,
                    entry now) {
    bool const becomes_table = P::is_present(now) && level > 0 && !P::is_leaf(now, level);
    exchange(table, index, stale_leaf(address, level), now, only_rights_differ(before, now, level), becomes_table);
  }

  /// Puts `now` in the place of a table entry, and releases the table and what is below it.
  void replace_table(host_phys table, std::size_t index, unsigned level, std::uint64_t address, entry now) {
    host_phys const child = P::target(memory_.load(table, index), level);
    exchange(table, index, stale_below(address, level), now, false);
    detach(child, level - 1);
  }

  /// Releases the table that an entry names, whose entries were all made absent in this edit already.
  void drop_empty(host_phys table, std::size_t index, unsigned level, std::uint64_t address) {
    host_phys const child = P::target(memory_.load(table, index), level);
    exchange(table, index, stale_walk(address, level), entry{}, false);
    detach(child, level - 1);
  }

  /// Ends the change: returns when all CPUs see it.
  void finish() {
    flush();
    if (unpublished_) tlb_->publish();
    unpublished_ = false;
  }

 private:
  using range = stale_range<typename P::input_address>;

  struct detached_table {
    host_phys table;
    unsigned level;
  };
  static constexpr std::size_t most_detached = 16;

  [[nodiscard]] static constexpr range stale_leaf(std::uint64_t address, unsigned level) {
    return {{shape::around(address, level).first}, shape::span(level), true, shape::span(level)};
  }
  /// Everything below a table entry, in unknown pages.
  [[nodiscard]] static constexpr range stale_below(std::uint64_t address, unsigned level) {
    return {{shape::around(address, level).first}, shape::span(level), false, frame_size};
  }
  /// A table entry alone: the leaves below it were absent, which is nothing to forget where nobody remembers it.
  [[nodiscard]] static constexpr range stale_walk(std::uint64_t address, unsigned level) {
    if (P::caches_absent) return stale_below(address, level);
    return {{shape::around(address, level).first}, shape::span(level), false, shape::span(level)};
  }

  [[nodiscard]] static constexpr bool only_rights_differ(entry before, entry now, unsigned level) {
    return P::is_present(now) && P::is_leaf(now, level) && P::target(now, level) == P::target(before, level) &&
           P::attributes(now).type == P::attributes(before).type;
  }

  void exchange(host_phys table, std::size_t index, range stale, entry now, bool in_place, bool becomes_table = false) {
    bool const must_break = P::break_before_make && P::is_present(now) && !in_place;
    memory_.store(table, index, must_break ? entry{} : now);
    // A leaf in whose place a table stands at once is more than a change of leaves.
    if (!must_break && becomes_table) stale.last_level = false;
    stale_.add(stale);
    if (must_break) {
      flush();
      memory_.store(table, index, now);
      if (becomes_table) stale.last_level = false;
      made(stale);
    } else if (!P::caches_absent && P::is_present(now)) {
      unpublished_ = true;
    }
  }

  /// Takes note that the entry of `fresh` was absent, and no longer is.
  void made(range fresh) {
    if constexpr (P::caches_absent) {
      stale_.add(fresh);
    } else {
      unpublished_ = true;
    }
  }

  void detach(host_phys table, unsigned level) {
    // A broken entry was flushed before the new one was made; then nobody walks the table any more.
    if (!stale_.pending()) return memory_.release(table, level);
    detached_[detached_count_++] = {table, level};
    if (detached_count_ == most_detached) flush();
  }

  void flush() {
    stale_.flush();
    while (detached_count_ > 0) {
      --detached_count_;
      memory_.release(detached_[detached_count_].table, detached_[detached_count_].level);
    }
  }

  tables<P, F> memory_;
  T* tlb_;
  table_reserve<F> reserve_;
  tlb_batch<typename P::input_address, T> stale_;
  detached_table detached_[most_detached]{};
  std::size_t detached_count_{};
  bool unpublished_{};
};

}  // namespace axhal::paging::detail

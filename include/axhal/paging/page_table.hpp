// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/paging/detail/change.hpp>
#include <axhal/paging/detail/edit.hpp>
#include <axhal/paging/detail/map.hpp>
#include <axhal/paging/detail/merge.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/paging/tables.hpp>
#include <axhal/paging/walk.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// A page table of the format `P` in frames of `F`, whose changes reach the CPUs through `T`.
///
/// Every operation does all that it was asked or nothing: it first finds out what is in the way and sets the frames
/// aside that it will need. After a failure the table is the same to the bit, and no frame is missing from the source.
/// An operation returns when every CPU sees its result, and only then do frames of tables go back to the source.
///
/// There is no empty table below the root: what `unmap` empties, it releases. Large pages are never merged behind the
/// caller's back, because on hardware that wants a break before a make that would take pages away from a running guest
/// for a moment; ask with `merge`. While `split`, `unmap`, `protect` or `merge` replaces a large page, an access to its
/// other pages may fault; it succeeds when it is tried again after the operation.
///
/// Before `create` and after `destroy` the table covers nothing, and every address is `out_of_range`. Sizes are bytes;
/// an operation over no bytes succeeds and does nothing. One caller at a time. There is no destructor, so that a table
/// can be a static object of a program without an exit; who owns one ends with `destroy`.
template <PagingPolicy P, FrameSource F, TlbMaintenance<typename P::input_address> T = no_tlb>
class page_table {
  static_assert(geometry<P>::shift(P::levels) <= 64, "page_table: the format translates more than 64 address bits");
  static_assert(alignof(typename P::entry) == sizeof(typename P::entry),
                "page_table: an entry must be aligned to its size, or the hardware could see half of a change");

 public:
  using policy = P;
  using input_address = typename P::input_address;
  using shape = geometry<P>;

  explicit page_table(F& source, T hardware = {}) : memory_{source}, tlb_{hardware} {}
  page_table(page_table const&) = delete;
  page_table& operator=(page_table const&) = delete;

  /// Makes an empty root. `no_memory`; `already_mapped` when there is a root.
  result<void, paging_error> create() {
    if (live_) return failure{paging_error::already_mapped};
    std::size_t const frames = shape::frames(shape::root_level);
    auto const run = memory_.frames().allocate(frames, frames);
    if (!run) return failure{paging_error::no_memory};
    root_ = *run;
    memory_.clear(root_, shape::root_level);
    tlb_.publish();
    live_ = true;
    return {};
  }

  /// Gives back every table; the frames that were mapped are the caller's. Precondition: no CPU uses the root any more.
  void destroy() {
    if (!live_) return;
    live_ = false;
    tlb_.invalidate_all();
    tlb_.complete();
    memory_.release(root_, shape::root_level);
    root_ = {};
  }

  /// True between `create` and `destroy`.
  [[nodiscard]] bool is_live() const { return live_; }
  /// Where the root is: what goes into the translation base register. Precondition: `is_live()`.
  [[nodiscard]] host_phys root() const { return root_; }
  /// The instructions that this table uses.
  [[nodiscard]] T& tlb() { return tlb_; }

  /// Maps `size` bytes from `input` to as many from `to`, in the largest pages that both allow, up to `largest_level`.
  /// `misaligned`, `out_of_range`, `not_representable`, `already_mapped` (wholly or in part), `no_memory`.
  result<void, paging_error> map(input_address input, host_phys to, std::uint64_t size, page_attributes attributes,
                                 unsigned largest_level = P::largest_leaf_level) {
    if (size == 0) return {};
    auto const in = inputs(input, size);
    if (!in) return failure{in.error()};
    if (auto const out = shape::output_extent(to.value, size); !out) return failure{out.error()};
    if (!P::representable(attributes)) return failure{paging_error::not_representable};
    detail::map_request const wanted{in->first, to, attributes, largest_level};
    auto const tables_needed = detail::plan_map(memory_, wanted, root_, shape::root_level, *in);
    return with_frames(tables_needed, [&](editor& e) { detail::apply_map(e, wanted, root_, shape::root_level, *in); });
  }

  /// Unmaps a range; a large page that reaches out of it is split. `misaligned`, `out_of_range`, `not_mapped` (only
  /// with `holes::refuse`), `no_memory` (only where a large page must be split).
  result<void, paging_error> unmap(input_address start, std::uint64_t size, holes h = holes::refuse) {
    return change(start, size, h, {request::what::remove, {}});
  }

  /// Gives a range other attributes; a large page that reaches out of it is split. Errors as `unmap`, and
  /// `not_representable`. Other rights take effect in place; another memory type takes every page away for a moment
  /// where the format says `break_before_make`.
  result<void, paging_error> protect(input_address start, std::uint64_t size, page_attributes attributes,
                                     holes h = holes::refuse) {
    if (size != 0 && !P::representable(attributes)) {
      auto const in = inputs(start, size);
      return failure{in ? paging_error::not_representable : in.error()};
    }
    return change(start, size, h, {request::what::protect, attributes});
  }

  /// Makes both ends of a range ends of pages, so that no later operation on exactly this range needs memory.
  /// Translations stay what they are. `misaligned`, `out_of_range`, `no_memory`.
  result<void, paging_error> split(input_address start, std::uint64_t size) {
    return change(start, size, holes::skip, {request::what::divide, {}});
  }

  /// Turns complete tables inside a range, whose pages follow one another with the same attributes, into large pages,
  /// the largest first. How many it made; their tables are released. `misaligned`, `out_of_range`. Needs no memory.
  result<std::size_t, paging_error> merge(input_address start, std::uint64_t size) {
    if (size == 0) return std::size_t{0};
    auto const in = inputs(start, size);
    if (!in) return failure{in.error()};
    editor e{memory_, tlb_};
    std::size_t const made = detail::apply_merge(e, root_, shape::root_level, *in);
    e.finish();
    return made;
  }

  /// The page around `input`: its start in host memory, its level and its attributes. `out_of_range`, `not_mapped`.
  [[nodiscard]] result<mapping, paging_error> query(input_address input) const {
    if (!live_) return failure{paging_error::out_of_range};
    return walk(memory_, root_, input);
  }

  /// The first page that translates an address of a range. `misaligned`, `out_of_range`, `not_mapped` when there is
  /// none. Passes over what is not mapped in steps of the largest pages.
  [[nodiscard]] result<located_mapping, paging_error> first_mapped(input_address start, std::uint64_t size) const {
    if (size == 0) return failure{paging_error::not_mapped};
    auto const in = inputs(start, size);
    if (!in) return failure{in.error()};
    located_mapping found{};
    if (!find_leaf(memory_, root_, shape::root_level, *in, found)) return failure{paging_error::not_mapped};
    return found;
  }

  /// Where the byte at `input` is. `out_of_range`, `not_mapped`.
  [[nodiscard]] result<host_phys, paging_error> translate(input_address input) const {
    return query(input).transform(
        [&](mapping m) { return m.target + (input.value - shape::around(input.value, m.level).first); });
  }

 private:
  using editor = detail::edit<P, F, T>;
  using request = detail::change_request<P>;

  [[nodiscard]] result<extent, paging_error> inputs(input_address start, std::uint64_t size) const {
    auto const all = shape::input_extent(start.value, size);
    if (all && !live_) return failure{paging_error::out_of_range};
    return all;
  }

  result<void, paging_error> change(input_address start, std::uint64_t size, holes h, request const& c) {
    if (size == 0) return {};
    auto const in = inputs(start, size);
    if (!in) return failure{in.error()};
    auto const tables_needed = detail::plan_change(memory_, c, root_, shape::root_level, *in, h);
    return with_frames(tables_needed, [&](editor& e) { detail::apply_change(e, c, root_, shape::root_level, *in); });
  }

  /// Sets the frames aside and only then lets `apply` touch the table.
  template <typename Apply>
  result<void, paging_error> with_frames(result<std::size_t, paging_error> needed, Apply&& apply) {
    if (!needed) return failure{needed.error()};
    editor e{memory_, tlb_};
    if (auto const kept = e.reserve().add(*needed); !kept) return kept;
    apply(e);
    e.finish();
    return {};
  }

  tables<P, F> memory_;
  [[no_unique_address]] T tlb_;
  host_phys root_{};
  bool live_{};
};

}  // namespace axhal::paging

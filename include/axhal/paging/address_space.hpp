// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/paging/area_list.hpp>
#include <axhal/paging/page_table.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/policy/frame_source.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// Why an address space refused. Nothing has changed, unless the operation says otherwise.
enum class area_error : std::uint8_t {
  misaligned,         ///< an address or size is no multiple of the page, or cuts a block of a lazy area
  out_of_range,       ///< empty, or not inside the window, or beyond what the page table can translate
  overlaps,           ///< an area is in the way
  no_room,            ///< the list of areas is full, or no free run is that large
  no_area,            ///< no area is there, or the range reaches out of areas
  denied,             ///< the area does not grant that access
  not_representable,  ///< the page format has no entry with these attributes
  no_memory,          ///< the frame source is exhausted
};

/// What to do about areas in the way of a new one.
enum class overlap : std::uint8_t {
  refuse,   ///< answer `overlaps`
  replace,  ///< unmap what is in the way first
};

/// What became of a fault that the address space took.
enum class fault_outcome : std::uint8_t {
  populated,  ///< memory is there now: run the access again
  spurious,   ///< it was there already (another CPU was faster, or a large page was being replaced): run the access
              ///< again
};

/// Writes zeros over fresh memory, so that nobody reads what was there before.
///
/// A guest that runs with its caches off reads memory past the caches of the host. On AArch64 give the address space a
/// functor that also writes the zeros back (`cpu::clean_invalidate`).
struct zero_memory {
  void operator()(void* start, std::uint64_t size) const { __builtin_memset(start, 0, static_cast<std::size_t>(size)); }
};

/// The areas of one address space, and the page table that says the same to the hardware.
///
/// Holds at most `Capacity` areas in itself. `Prepare` makes fresh memory fit to be seen by whoever runs in this space.
/// The page table must be used by nobody else; it is created before and destroyed after, and `clear` comes before that:
/// it gives the memory of lazy areas back. One caller at a time.
template <typename Table, FrameSource F, std::size_t Capacity,
          std::invocable<void*, std::uint64_t> Prepare = zero_memory>
class address_space {
 public:
  using input_address = typename Table::input_address;
  using range_type = address_range<input_address>;
  using area_type = area<input_address>;
  using shape = typename Table::shape;

  /// A space of the addresses in `window`, without areas.
  address_space(range_type window, Table& table, F& frames, Prepare prepare = {})
      : window_{window}, table_{&table}, frames_{&frames}, prepare_{prepare} {}
  address_space(address_space const&) = delete;
  address_space& operator=(address_space const&) = delete;

  [[nodiscard]] area_list<input_address, Capacity> const& areas() const { return areas_; }
  /// The area around `address`, or null. Valid until the next change.
  [[nodiscard]] area_type const* find(input_address address) const { return areas_.find(address); }
  [[nodiscard]] Table const& table() const { return *table_; }

  /// The lowest start of `size` free bytes inside `limits` and the window, a multiple of `alignment` (a power of two,
  /// at least a page). `misaligned`, `out_of_range`, `no_room`.
  [[nodiscard]] result<input_address, area_error> find_free(std::uint64_t size, std::uint64_t alignment,
                                                            range_type limits) const {
    if (size % frame_size != 0 || (alignment & (alignment - 1)) != 0 || alignment < frame_size) {
      return failure{area_error::misaligned};
    }
    if (size == 0 || !limits.is_valid() || !window_.contains(limits)) return failure{area_error::out_of_range};
    input_address found{};
    if (!areas_.find_free(limits, size, alignment, found)) return failure{area_error::no_room};
    return found;
  }
  [[nodiscard]] result<input_address, area_error> find_free(std::uint64_t size,
                                                            std::uint64_t alignment = frame_size) const {
    return find_free(size, alignment, window_);
  }

  /// Makes an area of host memory from `to`, mapped at once in pages of at most `largest_level`. All errors but
  /// `no_area` and `denied`. With `overlap::replace`, `no_memory` may leave the range without its old areas.
  result<void, area_error> map_linear(input_address start, host_phys to, std::uint64_t size, page_attributes attributes,
                                      overlap rule = overlap::refuse,
                                      unsigned largest_level = Table::policy::largest_leaf_level) {
    area_type const wanted{{start, size}, attributes, backing::linear, to, largest_level};
    if (auto const out = shape::output_extent(to.value, size == 0 ? frame_size : size); !out) {
      return failure{error_of(out.error())};
    }
    if (auto const free = make_way(wanted, rule); !free) return free;
    if (auto const made = table_->map(start, to, size, attributes, largest_level); !made) {
      return failure{error_of(made.error())};
    }
    areas_.insert(wanted);
    return {};
  }

  /// Makes an area that gets memory when it is touched, in blocks of the page size of `block_level`, each one run of
  /// frames. Its ends are multiples of the block, and it can only be cut at such. Errors as `map_linear`.
  result<void, area_error> map_lazy(input_address start, std::uint64_t size, page_attributes attributes,
                                    unsigned block_level = 0, overlap rule = overlap::refuse) {
    if (block_level > Table::policy::largest_leaf_level) return failure{area_error::not_representable};
    if (((start.value | size) & (shape::span(block_level) - 1)) != 0) return failure{area_error::misaligned};
    area_type const wanted{{start, size}, attributes, backing::lazy, {}, block_level};
    if (auto const free = make_way(wanted, rule); !free) return free;
    areas_.insert(wanted);
    return {};
  }

  /// Takes out what lies in a range, holes and all; areas that reach out of it keep the rest. Lazy memory goes back to
  /// the source. `misaligned`, `out_of_range`, `no_room` (an area becomes two), `no_memory` (a large page must be
  /// split).
  result<void, area_error> unmap(input_address start, std::uint64_t size) {
    range_type const range{start, size};
    if (auto const fit = check(range); !fit) return fit;
    if (areas_.size_without(range) > Capacity) return failure{area_error::no_room};
    if (auto const split = table_->split(start, size); !split) return failure{error_of(split.error())};
    remove(range);
    return {};
  }

  /// Gives a range, which must lie in areas without a hole, other attributes. `misaligned`, `out_of_range`, `no_area`,
  /// `no_room` (an area becomes more), `not_representable`, `no_memory` (a large page must be split).
  result<void, area_error> protect(input_address start, std::uint64_t size, page_attributes attributes) {
    range_type const range{start, size};
    if (auto const fit = check(range); !fit) return fit;
    if (!is_covered(range)) return failure{area_error::no_area};
    if (areas_.size_with_edges(range) > Capacity) return failure{area_error::no_room};
    if (auto const done = table_->protect(start, size, attributes, holes::skip); !done) {
      return failure{error_of(done.error())};
    }
    areas_.cut(start);
    areas_.cut(start + size);
    areas_.repaint(range, attributes);
    return {};
  }

  /// Answers an access to `address` that the hardware refused. `no_area`, `denied`, `no_memory`; with an outcome, the
  /// access can be run again.
  result<fault_outcome, area_error> handle_fault(input_address address, access wanted) {
    area_type const* const a = areas_.find(address);
    if (a == nullptr) return failure{area_error::no_area};
    if (!has(a->attributes.rights, wanted)) return failure{area_error::denied};
    if (a->kind == backing::linear || table_->query(address)) return fault_outcome::spurious;
    if (auto const filled = populate(*a, align_down(address, shape::span(a->level))); !filled) {
      return failure{filled.error()};
    }
    return fault_outcome::populated;
  }

  /// Takes out every area.
  void clear() {
    while (areas_.size() > 0) remove(areas_[0].range);
  }

 private:
  [[nodiscard]] static constexpr area_error error_of(paging_error e) {
    switch (e) {
      case paging_error::misaligned: return area_error::misaligned;
      case paging_error::out_of_range: return area_error::out_of_range;
      case paging_error::already_mapped: return area_error::overlaps;
      case paging_error::not_mapped: return area_error::no_area;
      case paging_error::not_representable: return area_error::not_representable;
      case paging_error::no_memory: break;
    }
    return area_error::no_memory;
  }

  /// Whether an operation over `range` can begin: inside the window, and no block of a lazy area is cut.
  [[nodiscard]] result<void, area_error> check(range_type range) const {
    if (((range.start.value | range.size) & (frame_size - 1)) != 0) return failure{area_error::misaligned};
    if (range.empty() || !range.is_valid() || !window_.contains(range)) return failure{area_error::out_of_range};
    if (auto const in = shape::input_extent(range.start.value, range.size); !in) return failure{error_of(in.error())};
    if (!table_->is_live()) return failure{area_error::out_of_range};
    if (cuts_block(range.start) || cuts_block(range.start + range.size)) return failure{area_error::misaligned};
    return {};
  }

  [[nodiscard]] bool cuts_block(input_address edge) const {
    area_type const* const a = areas_.find(edge);
    return a != nullptr && a->kind == backing::lazy && !is_aligned(edge, shape::span(a->level));
  }

  [[nodiscard]] bool is_covered(range_type range) const {
    for (input_address at = range.start;;) {
      area_type const* const a = areas_.find(at);
      if (a == nullptr) return false;
      if (a->range.contains(range.start + (range.size - 1))) return true;
      at = a->range.start + a->range.size;
    }
  }

  /// Checks everything about a new area that can be checked before the first change, then empties its range if it may.
  result<void, area_error> make_way(area_type const& wanted, overlap rule) {
    if (auto const fit = check(wanted.range); !fit) return fit;
    if (!Table::policy::representable(wanted.attributes)) return failure{area_error::not_representable};
    bool const in_the_way = areas_.overlaps(wanted.range);
    if (in_the_way && rule == overlap::refuse) return failure{area_error::overlaps};
    std::size_t const left = areas_.size_without(wanted.range);
    if (left >= Capacity && !areas_.can_join(wanted)) return failure{area_error::no_room};
    if (!in_the_way) return {};
    return unmap(wanted.range.start, wanted.range.size);
  }

  /// Takes out what lies in `range`. No page reaches across its ends, so nothing here needs memory or can fail.
  void remove(range_type range) {
    input_address at = range.start;
    for (;;) {
      std::size_t const i = areas_.first_after(at);
      if (i == areas_.size() || !areas_[i].range.overlaps(range)) break;
      area_type const& a = areas_[i];
      std::uint64_t const first = a.range.start < range.start ? range.start.value : a.range.start.value;
      std::uint64_t const a_last = a.range.start.value + (a.range.size - 1);
      std::uint64_t const r_last = range.start.value + (range.size - 1);
      std::uint64_t const last = a_last < r_last ? a_last : r_last;
      if (a.kind == backing::lazy) {
        depopulate({first}, last - first + 1, a.level);
      } else {
        static_cast<void>(table_->unmap({first}, last - first + 1, holes::skip));
      }
      if (last == r_last) break;
      at = {last + 1};
    }
    areas_.punch(range);
  }

  result<void, area_error> populate(area_type const& a, input_address block) {
    std::uint64_t const bytes = shape::span(a.level);
    std::size_t const count = static_cast<std::size_t>(bytes / frame_size);
    auto const run = frames_->allocate(count, count);
    if (!run) return failure{area_error::no_memory};
    prepare_(frames_->pointer(*run), bytes);
    if (auto const made = table_->map(block, *run, bytes, a.attributes, a.level); !made) {
      static_cast<void>(frames_->release(*run, count));
      return failure{error_of(made.error())};
    }
    return {};
  }

  /// Unmaps the blocks of a lazy area that were touched, some at a time, and only then releases their frames.
  void depopulate(input_address start, std::uint64_t size, unsigned level) {
    constexpr std::size_t most = 32;
    std::uint64_t const block = shape::span(level);
    std::uint64_t done = 0;
    while (done < size) {
      host_phys runs[most];
      std::size_t count = 0;
      std::uint64_t next = done;
      while (count < most && next < size) {
        auto const leaf = table_->first_mapped(start + next, size - next);
        if (!leaf) {
          next = size;
          break;
        }
        runs[count++] = leaf->leaf.target;
        next = leaf->input - start.value + block;
      }
      static_cast<void>(table_->unmap(start + done, next - done, holes::skip));
      for (std::size_t i = 0; i < count; ++i) {
        static_cast<void>(frames_->release(runs[i], static_cast<std::size_t>(block / frame_size)));
      }
      done = next;
    }
  }

  range_type window_;
  Table* table_;
  F* frames_;
  [[no_unique_address]] Prepare prepare_;
  area_list<input_address, Capacity> areas_{};
};

}  // namespace axhal::paging

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// Where the memory of an area comes from.
enum class backing : std::uint8_t {
  linear,  ///< one run of host memory that the caller owns, mapped when the area is made
  lazy,    ///< fresh memory, a block at a time, when it is first touched; the address space owns it
};

/// A run of addresses with one purpose.
template <typename InputAddress>
struct area {
  address_range<InputAddress> range{};
  page_attributes attributes{};
  backing kind{backing::linear};
  host_phys target{};  ///< `linear`: where the first byte is
  unsigned level{};    ///< `linear`: the largest pages it may be mapped in; `lazy`: the page level of its blocks

  /// True when `other` begins where this ends, and one area could say what both say.
  [[nodiscard]] constexpr bool continues_in(area const& other) const {
    return range.start + range.size == other.range.start && attributes == other.attributes && kind == other.kind &&
           level == other.level && (kind == backing::lazy || target + range.size == other.target);
  }
};

/// Areas that do not overlap, in order of address, at most `Capacity` of them. Pure data: knows of no page table.
template <typename InputAddress, std::size_t Capacity>
class area_list {
  static_assert(Capacity > 0, "area_list: has room for one area at least");

 public:
  using area_type = area<InputAddress>;
  using range_type = address_range<InputAddress>;

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] static constexpr std::size_t capacity() { return Capacity; }
  [[nodiscard]] constexpr area_type const& operator[](std::size_t i) const { return areas_[i]; }
  [[nodiscard]] constexpr area_type const* begin() const { return areas_; }
  [[nodiscard]] constexpr area_type const* end() const { return areas_ + size_; }

  /// The index of the first area that ends after `address`; `size()` when there is none.
  [[nodiscard]] constexpr std::size_t first_after(InputAddress address) const {
    std::size_t low = 0;
    std::size_t high = size_;
    while (low < high) {
      std::size_t const middle = low + (high - low) / 2;
      area_type const& a = areas_[middle];
      bool const is_before = a.range.start <= address && !a.range.contains(address);
      if (is_before) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /// The area around `address`, or null.
  [[nodiscard]] constexpr area_type const* find(InputAddress address) const {
    std::size_t const i = first_after(address);
    return i < size_ && areas_[i].range.contains(address) ? &areas_[i] : nullptr;
  }

  /// True when an area shares a byte with `range`. Precondition: `range` is valid.
  [[nodiscard]] constexpr bool overlaps(range_type range) const {
    std::size_t const i = first_after(range.start);
    return i < size_ && areas_[i].range.overlaps(range);
  }

  /// The lowest start of `size` free bytes in `window`, a multiple of `alignment` (a power of two); false when there is
  /// none.
  [[nodiscard]] constexpr bool find_free(range_type window, std::uint64_t size, std::uint64_t alignment,
                                         InputAddress& found) const {
    InputAddress candidate = align_up(window.start, alignment);
    if (candidate < window.start) return false;
    for (std::size_t i = first_after(candidate);; ++i) {
      range_type const wanted{candidate, size};
      if (!wanted.is_valid() || !window.contains(wanted)) return false;
      if (i == size_ || !areas_[i].range.overlaps(wanted)) {
        found = candidate;
        return true;
      }
      InputAddress const after = areas_[i].range.start + areas_[i].range.size;
      candidate = align_up(after, alignment);
      if (candidate < after || after < areas_[i].range.start) return false;
    }
  }

  /// True when a neighbour could grow to hold `a`, once the range of `a` is punched out, so that it needs no place.
  [[nodiscard]] constexpr bool can_join(area_type const& a) const {
    InputAddress const start = a.range.start;
    InputAddress const end = start + a.range.size;
    if (area_type const* const before = start.value == 0 ? nullptr : find(start - 1); before != nullptr) {
      area_type head = *before;
      head.range.size = start - head.range.start;
      if (head.continues_in(a)) return true;
    }
    area_type const* const after = end < start ? nullptr : find(end);
    return after != nullptr && a.continues_in(tail_from(*after, end));
  }

  /// Puts an area in; it grows an area that it continues, where there is one. False when there is no room.
  /// Precondition: it is not empty and overlaps none.
  constexpr bool insert(area_type const& a) {
    std::size_t const i = first_after(a.range.start);
    bool const after_one = i > 0 && areas_[i - 1].continues_in(a);
    bool const before_one = i < size_ && a.continues_in(areas_[i]);
    if (after_one) {
      areas_[i - 1].range.size += a.range.size;
      if (before_one) {
        areas_[i - 1].range.size += areas_[i].range.size;
        remove(i);
      }
    } else if (before_one) {
      areas_[i].range.start = a.range.start;
      areas_[i].range.size += a.range.size;
      areas_[i].target = a.target;
    } else {
      if (size_ == Capacity) return false;
      put(i, a);
    }
    return true;
  }

  /// How many areas there are once `range` is punched out.
  [[nodiscard]] constexpr std::size_t size_without(range_type range) const {
    std::size_t const i = first_after(range.start);
    std::size_t j = i;
    std::size_t inside = 0;
    for (; j < size_ && areas_[j].range.overlaps(range); ++j) inside += range.contains(areas_[j].range) ? 1U : 0U;
    bool const makes_two = j == i + 1 && splits(range.start) && splits(range.start + range.size);
    return size_ - inside + (makes_two ? 1U : 0U);
  }
  /// Takes out what lies in `range`; areas that reach out of it keep the rest. Precondition: `size_without` fits.
  constexpr void punch(range_type range) {
    std::size_t i = first_after(range.start);
    InputAddress const end = range.start + range.size;
    if (i < size_ && splits(range.start)) {
      if (splits(end) && areas_[i].range.contains(end)) put(i + 1, tail_from(areas_[i], end));
      areas_[i].range.size = range.start - areas_[i].range.start;
      ++i;
    }
    while (i < size_ && range.contains(areas_[i].range)) remove(i);
    if (i < size_ && areas_[i].range.overlaps(range)) areas_[i] = tail_from(areas_[i], end);
  }

  /// How many areas there are once both ends of `range` are edges.
  [[nodiscard]] constexpr std::size_t size_with_edges(range_type range) const {
    return size_ + (splits(range.start) ? 1U : 0U) + (splits(range.start + range.size) ? 1U : 0U);
  }
  /// Makes `address` an edge between areas. Precondition: there is room.
  constexpr void cut(InputAddress address) {
    if (!splits(address)) return;
    std::size_t const i = first_after(address);
    put(i + 1, tail_from(areas_[i], address));
    areas_[i].range.size = address - areas_[i].range.start;
  }

  /// Gives every area in `range` other attributes, and joins neighbours that became alike. Precondition: both
  /// ends are edges.
  constexpr void repaint(range_type range, page_attributes attributes) {
    for (std::size_t i = first_after(range.start); i < size_ && range.contains(areas_[i].range); ++i) {
      areas_[i].attributes = attributes;
    }
    join(range);
  }

  /// True when `address` lies inside an area, not at its start.
  [[nodiscard]] constexpr bool splits(InputAddress address) const {
    area_type const* const a = find(address);
    return a != nullptr && a->range.start != address;
  }

 private:
  /// What is left of `a` from `address` on, which lies in it.
  [[nodiscard]] static constexpr area_type tail_from(area_type a, InputAddress address) {
    std::uint64_t const offset = address - a.range.start;
    a.range = {address, a.range.size - offset};
    if (a.kind == backing::linear) a.target += offset;
    return a;
  }
  /// Joins neighbours in and around `range` that one area can replace.
  constexpr void join(range_type range) {
    std::size_t i = first_after(range.start);
    if (i > 0) --i;
    while (i + 1 < size_ && areas_[i + 1].range.start <= range.start + range.size) {
      if (areas_[i].continues_in(areas_[i + 1])) {
        areas_[i].range.size += areas_[i + 1].range.size;
        remove(i + 1);
      } else {
        ++i;
      }
    }
  }

  constexpr void put(std::size_t i, area_type const& a) {
    for (std::size_t j = size_; j > i; --j) areas_[j] = areas_[j - 1];
    areas_[i] = a;
    ++size_;
  }
  constexpr void remove(std::size_t i) {
    --size_;
    for (std::size_t j = i; j < size_; ++j) areas_[j] = areas_[j + 1];
  }

  area_type areas_[Capacity]{};
  std::size_t size_{};
};

}  // namespace axhal::paging

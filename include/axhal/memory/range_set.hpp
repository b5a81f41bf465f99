// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::memory {

/// Why a set of ranges is as it was.
enum class range_error : std::uint8_t {
  full,      ///< it would have more pieces than the type allows
  wraps,     ///< the range's end has no address
  overlaps,  ///< `add`: some of it is in the set already
};

/// A set of addresses as up to `Capacity` ranges: sorted, disjoint, never touching each other, never empty.
template <typename Address, std::size_t Capacity>
class range_set {
 public:
  using range = address_range<Address>;

  [[nodiscard]] constexpr std::size_t size() const { return count_; }
  [[nodiscard]] constexpr bool empty() const { return count_ == 0; }
  /// Precondition: `i < size()`.
  [[nodiscard]] constexpr range operator[](std::size_t i) const { return ranges_[i]; }
  [[nodiscard]] constexpr range const* begin() const { return ranges_; }
  [[nodiscard]] constexpr range const* end() const { return ranges_ + count_; }

  /// Bytes in the set. (The set of all 2^64 addresses cannot be: a range's size has 64 bits.)
  [[nodiscard]] constexpr std::uint64_t bytes_total() const {
    std::uint64_t total = 0;
    for (range const& r : *this) total += r.size;
    return total;
  }
  [[nodiscard]] constexpr bool overlaps(range r) const {
    for (range const& mine : *this) {
      if (mine.overlaps(r)) return true;
    }
    return false;
  }
  [[nodiscard]] constexpr bool contains(range r) const {
    for (range const& mine : *this) {
      if (mine.contains(r)) return true;
    }
    return r.empty();
  }

  /// Adds `r`, none of which may be in the set. Errors: all; nothing changes.
  constexpr result<void, range_error> add(range r) {
    if (r.is_valid() && overlaps(r)) return failure{range_error::overlaps};
    return join(r);
  }

  /// Adds what of `r` is not in the set yet. Errors: `full`, `wraps`; nothing changes.
  constexpr result<void, range_error> join(range r) {
    if (!r.is_valid()) return failure{range_error::wraps};
    if (r.empty()) return {};
    // [from, to) are the ranges that `r` overlaps or touches; they and `r` become one.
    std::size_t from = 0;
    while (from < count_ && last(ranges_[from]) < r.start.value && r.start.value - last(ranges_[from]) > 1) ++from;
    std::size_t to = from;
    while (to < count_ && (ranges_[to].start.value <= last(r) || ranges_[to].start.value - last(r) == 1)) ++to;
    if (from == to && count_ == Capacity) return failure{range_error::full};
    if (from < to) {
      std::uint64_t const low = ranges_[from].start.value < r.start.value ? ranges_[from].start.value : r.start.value;
      std::uint64_t const high = last(ranges_[to - 1]) > last(r) ? last(ranges_[to - 1]) : last(r);
      if (high - low == ~std::uint64_t{0}) return failure{range_error::wraps};
      r = {{low}, high - low + 1};
    }
    replace(from, to, &r, 1);
    return {};
  }

  /// Takes `r` out. Errors: `full` when a range would fall into two and there is no room, `wraps`; nothing changes.
  constexpr result<void, range_error> remove(range r) {
    if (!r.is_valid()) return failure{range_error::wraps};
    if (r.empty()) return {};
    std::size_t from = 0;
    while (from < count_ && last(ranges_[from]) < r.start.value) ++from;
    std::size_t to = from;
    while (to < count_ && ranges_[to].start.value <= last(r)) ++to;
    if (from == to) return {};
    range kept[2]{};
    std::size_t pieces = 0;
    if (ranges_[from].start < r.start) kept[pieces++] = {ranges_[from].start, r.start - ranges_[from].start};
    if (last(ranges_[to - 1]) > last(r)) kept[pieces++] = {{last(r) + 1}, last(ranges_[to - 1]) - last(r)};
    if (count_ - (to - from) + pieces > Capacity) return failure{range_error::full};
    replace(from, to, kept, pieces);
    return {};
  }

  /// Cuts every range down to whole multiples of `alignment` (a power of two); what is smaller goes.
  constexpr void shrink_to(std::uint64_t alignment) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      range const r = ranges_[i];
      std::uint64_t const lost = (alignment - (r.start.value & (alignment - 1))) & (alignment - 1);
      if (r.size <= lost) continue;
      std::uint64_t const size = (r.size - lost) & ~(alignment - 1);
      if (size != 0) ranges_[kept++] = {r.start + lost, size};
    }
    count_ = kept;
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t last(range r) { return r.start.value + (r.size - 1); }

  /// Puts `pieces` ranges where `[from, to)` were. The caller has made sure that they fit.
  constexpr void replace(std::size_t from, std::size_t to, range const* with, std::size_t pieces) {
    std::size_t const tail = count_ - to;
    if (from + pieces > to) {
      for (std::size_t i = tail; i > 0; --i) ranges_[from + pieces + i - 1] = ranges_[to + i - 1];
    } else {
      for (std::size_t i = 0; i < tail; ++i) ranges_[from + pieces + i] = ranges_[to + i];
    }
    for (std::size_t i = 0; i < pieces; ++i) ranges_[from + i] = with[i];
    count_ = from + pieces + tail;
  }

  range ranges_[Capacity]{};
  std::size_t count_{};
};

}  // namespace axhal::memory

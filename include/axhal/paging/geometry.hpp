// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// A run of input addresses by its first and its last byte, so that the run that ends at 2^64 has a name too.
struct extent {
  std::uint64_t first{};
  std::uint64_t last{};

  friend constexpr bool operator==(extent, extent) = default;
};

/// What follows from the shape of the format `P`: how much an entry of each level covers, and which entry translates an
/// address.
///
///     address     | root index |  ...  | index(1) | index(0) | byte |
///     shift(level)             ^       ^          ^          ^ 12
template <PagingPolicy P>
struct geometry {
  static constexpr unsigned root_level = P::levels - 1;

 private:
  struct shift_table {
    unsigned char of_level[P::levels + 1];
  };
  static consteval shift_table sum_index_bits() {
    shift_table t{};
    t.of_level[0] = 12;
    for (unsigned i = 0; i < P::levels; ++i)
      t.of_level[i + 1] = static_cast<unsigned char>(t.of_level[i] + P::index_bits(i));
    return t;
  }
  static constexpr shift_table shifts = sum_index_bits();

 public:
  /// log2 of the bytes that one entry at `level` (below `levels`) covers; `shift(levels)` is the width of an input
  /// address.
  [[nodiscard]] static constexpr unsigned shift(unsigned level) { return shifts.of_level[level]; }
  /// Bytes that one entry at `level` covers.
  [[nodiscard]] static constexpr std::uint64_t span(unsigned level) { return std::uint64_t{1} << shift(level); }
  /// Entries of a table at `level`.
  [[nodiscard]] static constexpr std::size_t entries(unsigned level) { return std::size_t{1} << P::index_bits(level); }
  /// Which entry of a table at `level` translates `address`.
  [[nodiscard]] static constexpr std::size_t index(std::uint64_t address, unsigned level) {
    return static_cast<std::size_t>((address >> shift(level)) & low_bits(P::index_bits(level)));
  }
  /// The frames of a table at `level`. Only the root can have more than one.
  [[nodiscard]] static constexpr std::size_t frames(unsigned level) {
    std::size_t const bytes = entries(level) * sizeof(typename P::entry);
    return bytes <= frame_size ? 1 : bytes / frame_size;
  }

  /// Every input address: 0 to the end of what the root covers.
  static constexpr extent inputs{0, low_bits(shift(P::levels))};
  /// Every output address.
  static constexpr extent outputs{0, low_bits(P::output_bits)};

  /// True when `part` is exactly what one entry at `level` covers.
  [[nodiscard]] static constexpr bool is_whole(extent part, unsigned level) {
    return (part.first & (span(level) - 1)) == 0 && part.last - part.first == span(level) - 1;
  }
  /// The span of the entry at `level` that translates `address`.
  [[nodiscard]] static constexpr extent around(std::uint64_t address, unsigned level) {
    std::uint64_t const below = span(level) - 1;
    return {address & ~below, address | below};
  }
  /// True when one leaf at `level` can map `part` to `to`.
  [[nodiscard]] static constexpr bool is_leaf_shaped(extent part, host_phys to, unsigned level) {
    return level <= P::largest_leaf_level && is_whole(part, level) && is_aligned(to, span(level));
  }

  /// Calls `f(part of one entry)` for every entry at `level` that `all` touches, in order, as long as `f` returns true.
  /// True when all were visited. `all` lies below one table of that level.
  template <typename F>
  static constexpr bool each_part(extent all, unsigned level, F&& f) {
    for (std::uint64_t first = all.first;;) {
      std::uint64_t const end = first | (span(level) - 1);
      std::uint64_t const last = end < all.last ? end : all.last;
      if (!f(extent{first, last})) return false;
      if (last == all.last) return true;
      first = last + 1;
    }
  }

  /// The extent of `size` bytes from `start`, or why no mapping can lie there. Precondition: `size` is not 0.
  [[nodiscard]] static constexpr result<extent, paging_error> input_extent(std::uint64_t start, std::uint64_t size) {
    return checked_extent(start, size, inputs.last);
  }
  /// The same for output addresses.
  [[nodiscard]] static constexpr result<extent, paging_error> output_extent(std::uint64_t start, std::uint64_t size) {
    return checked_extent(start, size, outputs.last);
  }

 private:
  [[nodiscard]] static constexpr result<extent, paging_error> checked_extent(std::uint64_t start, std::uint64_t size,
                                                                             std::uint64_t limit) {
    if (((start | size) & (frame_size - 1)) != 0) return failure{paging_error::misaligned};
    if (start > limit || size - 1 > limit - start) return failure{paging_error::out_of_range};
    return extent{start, start + (size - 1)};
  }
};

}  // namespace axhal::paging

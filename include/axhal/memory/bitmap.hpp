// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <bit>
#include <cstdint>

namespace axhal::memory {

/// A set of small numbers `0 .. size-1`, one bit each, in words that someone else owns.
///
/// Above the words lie summaries, each with one bit for a word of the level below that is not empty, up to a single
/// word: finding the next member takes a step per level, whatever the size.
class bitmap {
  template <typename F>
  static constexpr void for_words(std::uint64_t first, std::uint64_t count, F&& each) {
    while (count > 0) {
      unsigned const shift = static_cast<unsigned>(first % 64);
      std::uint64_t const here = count < 64 - shift ? count : 64 - shift;
      each(first / 64, low_bits(static_cast<unsigned>(here)) << shift);
      first += here;
      count -= here;
    }
  }

 public:
  static constexpr unsigned max_levels = 7;

  /// Words that a set of `size` numbers needs, summaries included. `size` is below 2^42.
  [[nodiscard]] static constexpr std::uint64_t words_for(std::uint64_t size) {
    std::uint64_t total = 0;
    std::uint64_t count = size;
    do {
      count = (count + 63) / 64;
      total += count;
    } while (count > 1);
    return total;
  }

  constexpr bitmap() = default;
  /// The empty set over `words_for(size)` words at `words`, which it sets to zero.
  constexpr bitmap(std::uint64_t* words, std::uint64_t size) : size_{size} {
    std::uint64_t count = size;
    do {
      count = (count + 63) / 64;
      counts_[depth_] = count;
      levels_[depth_++] = words;
      for (std::uint64_t i = 0; i < count; ++i) words[i] = 0;
      words += count;
    } while (count > 1);
  }

  [[nodiscard]] constexpr std::uint64_t size() const { return size_; }
  /// Precondition: `i < size()`.
  [[nodiscard]] constexpr bool has(std::uint64_t i) const { return (levels_[0][i / 64] >> i % 64 & 1) != 0; }

  /// Adds `count` numbers from `first`. Precondition: they are below `size()`.
  constexpr void add(std::uint64_t first, std::uint64_t count) {
    for_words(first, count, [this](std::uint64_t word, std::uint64_t mask) {
      levels_[0][word] |= mask;
      for (unsigned level = 1; level < depth_; ++level, word /= 64) {
        levels_[level][word / 64] |= std::uint64_t{1} << word % 64;
      }
    });
  }

  /// Takes `count` numbers from `first` out. Precondition: they are below `size()`.
  constexpr void remove(std::uint64_t first, std::uint64_t count) {
    for_words(first, count, [this](std::uint64_t word, std::uint64_t mask) {
      levels_[0][word] &= ~mask;
      for (unsigned level = 1; level < depth_ && levels_[level - 1][word] == 0; ++level, word /= 64) {
        levels_[level][word / 64] &= ~(std::uint64_t{1} << word % 64);
      }
    });
  }

  /// The smallest member at or above `from`, or `size()`.
  [[nodiscard]] constexpr std::uint64_t next(std::uint64_t from) const {
    if (from >= size_) return size_;
    std::uint64_t at = from;
    unsigned level = 0;
    // Up, until a word has something at or behind the place; then down along the first bits.
    for (;; ++level) {
      if (level == depth_) return size_;
      std::uint64_t const word = at / 64;
      if (word >= counts_[level]) return size_;
      std::uint64_t const here = levels_[level][word] & ~low_bits(static_cast<unsigned>(at % 64));
      if (here != 0) {
        at = word * 64 + static_cast<unsigned>(std::countr_zero(here));
        break;
      }
      at = word + 1;
    }
    for (; level > 0; --level) at = at * 64 + static_cast<unsigned>(std::countr_zero(levels_[level - 1][at]));
    return at;
  }

  /// The smallest number in `from .. limit` that is no member, or `limit` when all of them are.
  /// Precondition: `limit <= size()`.
  [[nodiscard]] constexpr std::uint64_t next_gap(std::uint64_t from, std::uint64_t limit) const {
    while (from < limit) {
      std::uint64_t const gaps = ~levels_[0][from / 64] & ~low_bits(static_cast<unsigned>(from % 64));
      if (gaps != 0) {
        std::uint64_t const at = from / 64 * 64 + static_cast<unsigned>(std::countr_zero(gaps));
        return at < limit ? at : limit;
      }
      from = (from / 64 + 1) * 64;
    }
    return limit;
  }

 private:
  std::uint64_t* levels_[max_levels]{};
  std::uint64_t counts_[max_levels]{};
  std::uint64_t size_{};
  unsigned depth_{};
};

}  // namespace axhal::memory

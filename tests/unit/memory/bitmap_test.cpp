// SPDX-License-Identifier: BSL-1.0
#include <axhal/memory/bitmap.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>
#include <vector>

namespace {

using axhal::memory::bitmap;

struct reference {
  std::vector<bool> bits;
  std::uint64_t next(std::uint64_t from) const {
    while (from < bits.size() && !bits[from]) ++from;
    return from < bits.size() ? from : bits.size();
  }
  std::uint64_t next_gap(std::uint64_t from, std::uint64_t limit) const {
    while (from < limit && bits[from]) ++from;
    return from < limit ? from : limit;
  }
};

constexpr bool works_in_the_compiler() {
  std::uint64_t words[4]{};
  bitmap b{words, 130};
  b.add(62, 5);
  b.remove(64, 2);
  return b.has(62) && b.has(63) && !b.has(64) && b.has(66) && b.next(0) == 62 && b.next(64) == 66 &&
         b.next(67) == 130 && b.next_gap(62, 130) == 64;
}

}  // namespace

TEST_CASE("a bitmap needs one bit a member and a summary of each word") {
  STATIC_REQUIRE(bitmap::words_for(1) == 1);
  STATIC_REQUIRE(bitmap::words_for(64) == 1);
  STATIC_REQUIRE(bitmap::words_for(65) == 3);
  STATIC_REQUIRE(bitmap::words_for(4096) == 65);
  STATIC_REQUIRE(bitmap::words_for(4097) == 65 + 2 + 1);
  STATIC_REQUIRE(bitmap::words_for(std::uint64_t{1} << 28) == (1 << 22) + (1 << 16) + (1 << 10) + 16 + 1);
  STATIC_REQUIRE(works_in_the_compiler());
}

TEST_CASE("a bitmap agrees with a plain list of flags after random changes") {
  std::mt19937_64 random{7};
  for (std::uint64_t const size : {1U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 300'000U}) {
    std::vector<std::uint64_t> words(bitmap::words_for(size), ~std::uint64_t{0});
    bitmap b{words.data(), size};
    reference r{std::vector<bool>(size)};
    REQUIRE(b.next(0) == size);
    for (int step = 0; step < 400; ++step) {
      std::uint64_t const first = random() % size;
      std::uint64_t const longest = step % 4 == 0 ? size - first : (size - first < 70 ? size - first : 70);
      std::uint64_t const count = random() % (longest + 1);
      bool const add = random() % 2 == 0;
      add ? b.add(first, count) : b.remove(first, count);
      for (std::uint64_t i = 0; i < count; ++i) r.bits[first + i] = add;
      for (int probe = 0; probe < 8; ++probe) {
        std::uint64_t const from = random() % size;
        REQUIRE(b.has(from) == r.bits[from]);
        REQUIRE(b.next(from) == r.next(from));
        std::uint64_t const limit = from + random() % (size - from + 1);
        REQUIRE(b.next_gap(from, limit) == r.next_gap(from, limit));
      }
    }
  }
}

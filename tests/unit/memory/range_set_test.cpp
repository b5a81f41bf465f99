// SPDX-License-Identifier: BSL-1.0
#include <axhal/memory/range_set.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {

using namespace axhal;
using set = memory::range_set<host_phys, 6>;
using memory::range_error;

constexpr host_range at(std::uint64_t start, std::uint64_t size) { return {{start}, size}; }

constexpr bool works_in_the_compiler() {
  set s;
  if (!s.add(at(100, 50)) || !s.add(at(200, 50)) || !s.add(at(150, 50))) return false;
  return s.size() == 1 && s[0] == at(100, 150);
}

/// Addresses 0..63 as bits.
std::uint64_t bits_of(host_range r) { return r.size == 0 ? 0 : (~std::uint64_t{0} >> (64 - r.size)) << r.start.value; }

}  // namespace

TEST_CASE("ranges that touch become one") { STATIC_REQUIRE(works_in_the_compiler()); }

TEST_CASE("adding what is there is an error, joining it is not") {
  set s;
  REQUIRE(s.add(at(10, 10)));
  CHECK(s.add(at(15, 1)) == failure{range_error::overlaps});
  CHECK(s.add(at(0, 11)) == failure{range_error::overlaps});
  CHECK(s.join(at(0, 11)).has_value());
  CHECK(s.size() == 1);
  CHECK(s[0] == at(0, 20));
  CHECK(s.add(at(5, 0)).has_value());
}

TEST_CASE("what has no end is refused, what ends with the last address is not") {
  set s;
  CHECK(s.add(at(~std::uint64_t{0} - 9, 11)) == failure{range_error::wraps});
  CHECK(s.join(at(~std::uint64_t{0}, 2)) == failure{range_error::wraps});
  CHECK(s.remove(at(~std::uint64_t{0}, 2)) == failure{range_error::wraps});
  CHECK(s.empty());
  CHECK(s.add(at(~std::uint64_t{0} - 9, 10)).has_value());
  CHECK(s.contains(at(~std::uint64_t{0}, 1)));
  CHECK(s.add(at(0, 10)).has_value());
  CHECK(s.size() == 2);
  CHECK(s.join(at(10, ~std::uint64_t{0} - 19)) == failure{range_error::wraps});  // would be all 2^64 addresses
  CHECK(s.size() == 2);
  CHECK(s.remove(at(~std::uint64_t{0}, 1)).has_value());
  CHECK(s[1] == at(~std::uint64_t{0} - 9, 9));
}

TEST_CASE("a full set refuses what needs one more piece and takes what needs none") {
  set s;
  for (std::uint64_t i = 0; i < 6; ++i) REQUIRE(s.add(at(i * 20, 10)));
  CHECK(s.add(at(200, 10)) == failure{range_error::full});
  CHECK(s.remove(at(3, 3)) == failure{range_error::full});
  CHECK(s.size() == 6);
  CHECK(s.add(at(110, 5)).has_value());
  CHECK(s.remove(at(0, 3)).has_value());
  CHECK(s[0] == at(3, 7));
  CHECK(s.remove(at(0, 30)).has_value());
  CHECK(s.size() == 4);
  CHECK(s.bytes_total() == 45);
}

TEST_CASE("shrinking keeps whole pages") {
  set s;
  REQUIRE(s.add(at(0x1001, 0x2fff)));
  REQUIRE(s.add(at(0x5800, 0x1000)));
  REQUIRE(s.add(at(0x8000, 0x1000)));
  REQUIRE(s.add(at(0xfff, 1)));
  s.shrink_to(0x1000);
  REQUIRE(s.size() == 2);
  CHECK(s[0] == at(0x2000, 0x2000));
  CHECK(s[1] == at(0x8000, 0x1000));
}

TEST_CASE("random changes agree with a set of bits") {
  std::mt19937_64 random{3};
  for (int round = 0; round < 3000; ++round) {
    memory::range_set<host_phys, 5> s;
    std::uint64_t model = 0;
    for (int step = 0; step < 24; ++step) {
      std::uint64_t const start = random() % 64;
      host_range const r = at(start, random() % (64 - start + 1) % 20);
      std::uint64_t const bits = bits_of(r);
      switch (random() % 3) {
        case 0:
          if (auto const done = s.join(r)) {
            model |= bits;
          } else {
            REQUIRE(done == failure{range_error::full});
          }
          break;
        case 1:
          if (auto const done = s.remove(r)) {
            model &= ~bits;
          } else {
            REQUIRE(done == failure{range_error::full});
          }
          break;
        default: {
          auto const done = s.add(r);
          if (done) {
            REQUIRE((model & bits) == 0);
            model |= bits;
          } else if (done.error() == range_error::overlaps) {
            REQUIRE((model & bits) != 0);
          }
        }
      }
      std::uint64_t seen = 0;
      for (std::size_t i = 0; i < s.size(); ++i) {
        REQUIRE(s[i].size > 0);
        if (i > 0) REQUIRE(s[i - 1].start.value + s[i - 1].size < s[i].start.value);
        seen |= bits_of(s[i]);
      }
      REQUIRE(seen == model);
      REQUIRE(s.overlaps(r) == ((model & bits) != 0));
      REQUIRE(s.contains(r) == ((model & bits) == bits));
    }
  }
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/clock_scale.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>
#include <vector>

namespace {
using namespace axhal;

__extension__ using uint128 = unsigned __int128;

// The oracle divides 128-bit numbers; the code under test never does.
std::uint64_t divided(std::uint64_t x, std::uint64_t n, std::uint64_t d) {
  uint128 const q = uint128{x} * n / d;
  return q > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(q);
}
std::uint64_t divided_up(std::uint64_t x, std::uint64_t n, std::uint64_t d) {
  uint128 const product = uint128{x} * n;
  uint128 const q = product / d + (product % d != 0 ? 1U : 0U);
  return q > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(q);
}

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t century = second * 86'400 * 36'525;  // 100 Julian years, in nanoseconds

std::vector<std::uint64_t> frequencies() {
  return {1,
          2,
          3,
          7,
          1000,
          32'768,
          999'999,
          1'000'000,
          10'000'000,
          14'318'180,
          19'200'000,
          24'000'000,
          25'000'000,
          54'000'000,
          62'500'000,
          100'000'000,
          999'999'999,
          second,
          second + 1,
          2'399'999'999,
          3'000'000'001,
          4'294'967'296,
          18'446'744'073,
          std::uint64_t{1} << 40,
          std::uint64_t{1} << 63,
          UINT64_MAX};
}

std::vector<std::uint64_t> values() {
  std::vector<std::uint64_t> out = {0,          1,      2,          3,           999,     1000,       1001,
                                    second - 1, second, second + 1, century - 1, century, century + 1};
  for (unsigned bit = 0; bit < 64; ++bit) {
    std::uint64_t const power = std::uint64_t{1} << bit;
    out.insert(out.end(), {power - 1, power, power + 1, ~power});
  }
  return out;
}

void check_exact(std::uint64_t f, std::uint64_t x) {
  auto const scale = clock_scale::of(hertz{f}).value();
  CHECK(scale.to_nanoseconds(ticks{x}).value == divided(x, second, f));
  CHECK(scale.to_ticks(nanoseconds{x}).value == divided(x, f, second));
  CHECK(scale.to_ticks_at_least(nanoseconds{x}).value == divided_up(x, f, second));
}

TEST_CASE("a clock without a frequency is refused", "[time][clock_scale]") {
  STATIC_REQUIRE(!clock_scale::of(hertz{0}).has_value());
  STATIC_REQUIRE(clock_scale::of(hertz{0}).error() == clock_error::no_frequency);
  STATIC_REQUIRE(clock_scale::of(hertz{62'500'000})->frequency() == hertz{62'500'000});
}

TEST_CASE("known figures", "[time][clock_scale]") {
  constexpr auto qemu = clock_scale::of(hertz{62'500'000}).value();
  STATIC_REQUIRE(qemu.to_nanoseconds(ticks{1}) == nanoseconds{16});
  STATIC_REQUIRE(qemu.to_ticks(nanoseconds{31}) == ticks{1});
  STATIC_REQUIRE(qemu.to_ticks_at_least(nanoseconds{17}) == ticks{2});
  // 1/3 does not end: the tick before each third second must not become the next nanosecond.
  constexpr auto third = clock_scale::of(hertz{3}).value();
  STATIC_REQUIRE(third.to_nanoseconds(ticks{1}) == nanoseconds{333'333'333});
  STATIC_REQUIRE(third.to_nanoseconds(ticks{3}) == nanoseconds{second});
  STATIC_REQUIRE(third.to_ticks_at_least(nanoseconds{1}) == ticks{1});
  STATIC_REQUIRE(third.to_ticks(nanoseconds{second - 1}) == ticks{2});
}

TEST_CASE("conversions are exact at every boundary", "[time][clock_scale]") {
  for (std::uint64_t const f : frequencies()) {
    for (std::uint64_t const x : values()) check_exact(f, x);
  }
}

TEST_CASE("conversions are exact for random clocks and values", "[time][clock_scale]") {
  std::mt19937_64 random{20'240'229};
  for (int i = 0; i < 200'000; ++i) {
    // Values of all magnitudes, not only huge ones.
    std::uint64_t const f = (random() >> (random() % 64)) | 1;
    std::uint64_t const x = random() >> (random() % 64);
    auto const scale = clock_scale::of(hertz{f}).value();
    REQUIRE(scale.to_nanoseconds(ticks{x}).value == divided(x, second, f));
    REQUIRE(scale.to_ticks(nanoseconds{x}).value == divided(x, f, second));
    REQUIRE(scale.to_ticks_at_least(nanoseconds{x}).value == divided_up(x, f, second));
  }
}

TEST_CASE("around every whole result of a century the answer is exact", "[time][clock_scale]") {
  for (std::uint64_t const f : frequencies()) {
    if (f > 4'000'000'000) continue;  // counts past 2^64 before the century is over
    auto const scale = clock_scale::of(hertz{f}).value();
    for (std::uint64_t year = 1; year <= 100; ++year) {
      std::uint64_t const seconds = year * (century / second / 100);
      uint128 const wide = uint128{seconds} * f;
      if (wide > UINT64_MAX) continue;
      auto const count = static_cast<std::uint64_t>(wide);
      CHECK(scale.to_nanoseconds(ticks{count}).value == seconds * second);
      CHECK(scale.to_ticks(nanoseconds{seconds * second}).value == count);
      CHECK(scale.to_ticks_at_least(nanoseconds{seconds * second}).value == count);
      CHECK(scale.to_nanoseconds(ticks{count - 1}).value == divided(count - 1, second, f));
      CHECK(scale.to_ticks(nanoseconds{seconds * second - 1}).value == divided(seconds * second - 1, f, second));
    }
  }
}

TEST_CASE("what does not fit saturates", "[time][clock_scale]") {
  constexpr auto slow = clock_scale::of(hertz{1}).value();
  STATIC_REQUIRE(slow.to_nanoseconds(ticks{UINT64_MAX}) == nanoseconds{UINT64_MAX});
  STATIC_REQUIRE(slow.to_nanoseconds(ticks{18'446'744'073}) == nanoseconds{18'446'744'073 * second});
  STATIC_REQUIRE(slow.to_nanoseconds(ticks{18'446'744'074}) == nanoseconds{UINT64_MAX});
  constexpr auto fast = clock_scale::of(hertz{UINT64_MAX}).value();
  STATIC_REQUIRE(fast.to_ticks(nanoseconds{second}) == ticks{UINT64_MAX});
  STATIC_REQUIRE(fast.to_ticks(nanoseconds{second + 1}) == ticks{UINT64_MAX});
  STATIC_REQUIRE(fast.to_ticks_at_least(nanoseconds{UINT64_MAX}) == ticks{UINT64_MAX});
}

TEST_CASE("the laws of a scale", "[time][clock_scale]") {
  std::mt19937_64 random{7};
  for (std::uint64_t const f : frequencies()) {
    auto const scale = clock_scale::of(hertz{f}).value();
    CHECK(scale.to_nanoseconds(ticks{f}).value == second);  // 3
    CHECK(scale.to_ticks(nanoseconds{second}).value == f);  // 3
    for (int i = 0; i < 2000; ++i) {
      std::uint64_t const x = random() >> (random() % 64);
      nanoseconds const n = scale.to_nanoseconds(ticks{x});
      if (n.value != UINT64_MAX) {
        REQUIRE(scale.to_ticks(n).value <= x);                            // 1
        if (f <= second) REQUIRE(scale.to_ticks_at_least(n).value == x);  // 1: a nanosecond is not longer than a tick
      }
      REQUIRE(scale.to_nanoseconds(ticks{x | 1}) >= scale.to_nanoseconds(ticks{x & ~std::uint64_t{1}}));  // 2
      REQUIRE(scale.to_ticks(nanoseconds{x | 1}) >= scale.to_ticks(nanoseconds{x & ~std::uint64_t{1}}));  // 2
    }
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/calibration.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;

/// A world in which every look takes time. Nanoseconds.
struct world {
  std::uint64_t time{123'456'789};
  std::uint64_t look{20};
  std::vector<std::uint64_t> interruptions{};  ///< points in time at which a millisecond is lost, ascending
  std::uint64_t lost{1'000'000};
  std::uint64_t more_lost{};  ///< by which each is longer than the one before
  unsigned next{};
  constexpr void pass() {
    time += look;
    while (next < interruptions.size() && time >= interruptions[next]) {
      time += lost + next * more_lost;
      ++next;
    }
  }
};

/// Counts `n` times in `d` nanoseconds.
struct counter {
  world* w;
  std::uint64_t n, d;
  unsigned bits;
  tick_rate told;
  constexpr std::uint64_t now() {
    w->pass();
    return w->time * n / d & low_bits(bits);
  }
  constexpr unsigned width() const { return bits; }
  constexpr tick_rate rate() const { return told; }
};
static_assert(ReferenceCounter<counter>);

/// 2.5 GHz.
struct processor {
  world* w;
  constexpr std::uint64_t operator()() const {
    w->pass();
    return w->time * 5 / 2;
  }
};

constexpr bool near(result<hertz, calibration_error> const& found, std::uint64_t expected, std::uint64_t one_in) {
  return found && found->value >= expected - expected / one_in && found->value <= expected + expected / one_in;
}

constexpr counter ten_megahertz(world& w) { return {&w, 1, 100, 64, {10'000'000, 1}}; }
/// 105 / 88 MHz with 16 bits, as a third of 39.375 MHz / 11.
constexpr counter sixteen_bits(world& w) { return {&w, 105, 88'000, 16, {39'375'000, 33}}; }

constexpr bool in_the_compiler() {
  world w;
  counter reference{&w, 1, 100, 64, {10'000'000, 1}};
  return near(calibrate(processor{&w}, reference, {.rounds = 1, .round_ticks = 500, .round_length = {0}}),
              2'500'000'000, 400);
}

}  // namespace

TEST_CASE("a counter is measured within the doubt of its reference") {
  STATIC_REQUIRE(in_the_compiler());
  world w;
  auto fine = ten_megahertz(w);
  CHECK(near(calibrate(processor{&w}, fine), 2'500'000'000, 5'000));
  auto coarse = sixteen_bits(w);
  CHECK(near(calibrate(processor{&w}, coarse), 2'500'000'000, 4'000));
  // 24 bits at 3.579545 MHz.
  counter power{&w, 39'375, 11'000'000, 24, {39'375'000, 11}};
  CHECK(near(calibrate(processor{&w}, power), 2'500'000'000, 4'000));
  // A femtosecond period: 14.318180 MHz.
  counter femto{&w, 1'000'000, 69'841'279, 32, {1'000'000'000'000'000, 69'841'279}};
  CHECK(near(calibrate(processor{&w}, femto), 2'500'000'000, 4'000));
}

TEST_CASE("longer rounds are more exact, and none is longer than the reference can see") {
  world w;
  auto fine = ten_megahertz(w);
  std::uint64_t const begin = w.time;
  CHECK(near(calibrate(processor{&w}, fine, {.rounds = 1, .round_ticks = 1'000'000}), 2'500'000'000, 400'000));
  CHECK(w.time - begin >= 100'000'000);
  auto coarse = sixteen_bits(w);
  CHECK(near(calibrate(processor{&w}, coarse, {.rounds = 2, .round_ticks = ~std::uint64_t{0}}), 2'500'000'000, 5'000));
  std::uint64_t const before = w.time;
  CHECK(calibrate(processor{&w}, fine, {.rounds = 0, .round_ticks = 1, .round_length = {2'000'000}}));
  CHECK(w.time - before >= 2'000'000);
  CHECK(w.time - before < 3'000'000);
}

TEST_CASE("an interruption between two looks that belong together is seen") {
  // Wherever one of them falls, each round's ends are read again.
  for (std::uint64_t shift = 0; shift < 400; shift += 10) {
    world w;
    w.interruptions = {w.time + shift, w.time + 1'001'000 + shift, w.time + 2'100'000};
    auto fine = ten_megahertz(w);
    CHECK(near(calibrate(processor{&w}, fine), 2'500'000'000, 4'000));
  }
  // There need be no other round to outvote it.
  for (std::uint64_t shift = 0; shift < 200; shift += 10) {
    world w;
    w.interruptions = {w.time + shift};
    auto fine = ten_megahertz(w);
    CHECK(near(calibrate(processor{&w}, fine, {.rounds = 1}), 2'500'000'000, 4'000));
  }
}

TEST_CASE("a round that missed the reference's new beginning is outvoted, and too many of them are refused") {
  // 60 ms are longer than 16 bits last.
  world w;
  w.lost = 60'000'000;
  w.interruptions = {w.time + 2'000'000, w.time + 100'000'000};
  auto coarse = sixteen_bits(w);
  CHECK(near(calibrate(processor{&w}, coarse), 2'500'000'000, 4'000));

  world bad;
  bad.lost = 60'000'000;
  bad.more_lost = 60'000'000;
  for (std::uint64_t i = 0, at = bad.time + 4'000'000; i < 10; ++i) {
    bad.interruptions.push_back(at);
    at += 60'000'000 * (i + 1) + 8'400'000;
  }
  auto again = sixteen_bits(bad);
  CHECK(calibrate(processor{&bad}, again, {.rounds = 4}) == failure{calibration_error::unsteady});
}

TEST_CASE("counters that stand still are refused in bounded time") {
  world w;
  counter still{&w, 0, 1, 64, {10'000'000, 1}};
  CHECK(calibrate(processor{&w}, still) == failure{calibration_error::stopped});
  auto fine = ten_megahertz(w);
  CHECK(calibrate([] { return std::uint64_t{5}; }, fine) == failure{calibration_error::unsteady});
  // A reference that jumps up and down, and a tolerance that makes no sense.
  struct restless {
    std::uint64_t n{};
    std::uint64_t now() { return ++n & 1; }
    static unsigned width() { return 64; }
    static tick_rate rate() { return {1'000, 1}; }
  } to_and_fro;
  CHECK(calibrate(processor{&w}, to_and_fro, {.rounds = 40}) == failure{calibration_error::unsteady});
  restless fro_and_to{1};
  CHECK(calibrate(processor{&w}, fro_and_to, {.rounds = 40}) == failure{calibration_error::stopped});
  CHECK(calibrate(processor{&w}, fine, {.tolerance = 0}));
}

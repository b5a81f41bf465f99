// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/vlapic_timer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {
using namespace axhal;
using x86_64::vlapic_clock;
using x86_64::vlapic_timer;
using mode = vlapic_timer::mode_type;
__extension__ using wide = unsigned __int128;

vlapic_timer timer_of(std::uint64_t tsc, std::uint64_t bus, mode m, unsigned shift = 0) {
  vlapic_timer t{vlapic_clock{{tsc}, {bus}}};
  t.reset();
  t.set_shift(shift, {});
  t.set_mode(m);
  return t;
}
/// The first tick by which so many cycles have passed, by long division.
std::uint64_t tick_of(std::uint64_t cycles, std::uint64_t tsc, std::uint64_t bus) {
  wide const product = wide{cycles} * tsc;
  return static_cast<std::uint64_t>((product + bus - 1) / bus);
}

TEST_CASE("one-shot: down to zero, once", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(1, 1, mode::one_shot, 2);
  CHECK(!t.deadline());
  t.set_initial_count(10, {1000});
  CHECK(t.initial_count() == 10);
  CHECK(t.current_count({1000}) == 10);
  CHECK(t.current_count({1001}) == 10);
  CHECK(t.current_count({1004}) == 9);
  CHECK(t.current_count({1039}) == 1);
  CHECK(t.current_count({1040}) == 0);
  CHECK(t.deadline() == ticks{1040});
  CHECK(!t.advance({1039}));
  CHECK(t.advance({1040}));
  CHECK(!t.advance({9999}));
  CHECK(!t.deadline());
  CHECK(t.initial_count() == 10);
  CHECK(t.current_count({9999}) == 0);
}

TEST_CASE("an initial count of zero stops the timer", "[x86_64][vlapic]") {
  for (mode m : {mode::one_shot, mode::periodic}) {
    vlapic_timer t = timer_of(1, 1, m);
    t.set_initial_count(10, {0});
    t.set_initial_count(0, {5});
    CHECK(!t.deadline());
    CHECK(t.current_count({7}) == 0);
    CHECK(!t.advance({1000}));
  }
}

TEST_CASE("periodic: never drifts, whatever the frequencies, and however late it is served", "[x86_64][vlapic]") {
  std::mt19937_64 random{1};
  for (unsigned round = 0; round < 200; ++round) {
    std::uint64_t const tsc = 1'000'000'000 + random() % 4'000'000'000;
    std::uint64_t const bus = round % 4 == 0 ? tsc : 10'000'000 + random() % 1'200'000'000;
    unsigned const shift = static_cast<unsigned>(random() % 8);
    std::uint64_t const start = random();
    auto const count = static_cast<std::uint32_t>(1 + random() % (round % 2 == 0 ? 1000 : 0xffff'ffff));
    std::uint64_t const period = std::uint64_t{count} << shift;
    vlapic_timer t = timer_of(tsc, bus, mode::periodic, shift);
    t.set_initial_count(count, {start});
    std::uint64_t done = 0;
    for (unsigned k = 0; k < 50; ++k) {
      std::uint64_t const due = start + tick_of(period * (done + 1), tsc, bus);
      REQUIRE(t.deadline() == ticks{due});
      CHECK(!t.advance({due - 1}));
      CHECK(t.current_count({due - 1}) >= 1);
      CHECK(t.current_count({due - 1}) <= count);
      // Served at once, late, or after many periods were missed.
      std::uint64_t const missed = random() % 3 == 0 ? random() % (round % 2 == 0 ? 1'000'000 : 1000) : 0;
      CHECK(t.advance({start + tick_of(period * (done + 1 + missed), tsc, bus)}));
      CHECK(t.current_count({start + tick_of(period * (done + 1 + missed), tsc, bus)}) == count);
      done += 1 + missed;
    }
  }
}

TEST_CASE("a reader sees periods go by before they are served", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(2, 1, mode::periodic);
  t.set_initial_count(7, {0});
  for (std::uint64_t now = 0; now < 100; ++now) CHECK(t.current_count({now}) == 7 - now / 2 % 7);
  vlapic_timer late = t;
  CHECK(late.advance({99}));
  for (std::uint64_t now = 99; now < 200; ++now) CHECK(late.current_count({now}) == t.current_count({now}));
  CHECK(late.deadline() == ticks{112});
}

TEST_CASE("another divisor: the count goes on at the new pace", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(1, 1, mode::periodic, 1);
  t.set_initial_count(100, {0});
  CHECK(t.current_count({80}) == 60);
  t.set_shift(3, {80});
  CHECK(t.current_count({80}) == 60);
  CHECK(t.current_count({88}) == 59);
  CHECK(t.deadline() == ticks{80 + 480});
  CHECK(t.advance({560}));
  CHECK(t.deadline() == ticks{560 + 800});
  CHECK(t.current_count({560}) == 100);
  t.set_shift(0, {560});
  CHECK(t.deadline() == ticks{660});
}

TEST_CASE("modes", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(1, 1, mode::one_shot);
  t.set_initial_count(10, {0});
  t.set_mode(mode::periodic);
  CHECK(t.advance({10}));
  CHECK(t.deadline() == ticks{20});
  t.set_mode(mode::one_shot);
  CHECK(t.advance({20}));
  CHECK(!t.deadline());
  t.set_initial_count(10, {20});
  t.set_mode(mode::tsc_deadline);
  CHECK(!t.deadline());
  CHECK(t.initial_count() == 0);
  t.set_initial_count(5, {20});
  CHECK(t.initial_count() == 0);
  CHECK(!t.deadline());
  t.set_tsc_deadline(50);
  CHECK(t.tsc_deadline() == 50);
  CHECK(t.current_count({30}) == 0);
  CHECK(!t.advance({49}));
  CHECK(t.advance({50}));
  CHECK(t.tsc_deadline() == 0);
  CHECK(!t.advance({51}));
  t.set_tsc_deadline(40);
  CHECK(t.deadline() == ticks{40});
  CHECK(t.advance({60}));
  t.set_tsc_deadline(70);
  t.set_tsc_deadline(0);
  CHECK(!t.advance({80}));
  t.set_tsc_deadline(90);
  t.set_mode(mode::one_shot);
  CHECK(!t.advance({100}));
  CHECK(t.tsc_deadline() == 0);
  t.set_tsc_deadline(101);
  CHECK(!t.advance({110}));
  t.set_mode(mode::reserved);
  t.set_initial_count(1, {110});
  t.set_tsc_deadline(111);
  CHECK(!t.advance({200}));
}

TEST_CASE("a guest that sets its TSC", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(1, 1, mode::periodic);
  t.set_initial_count(100, {1000});
  t.rebase({1030}, {5});
  CHECK(t.current_count({5}) == 70);
  CHECK(t.deadline() == ticks{75});
  CHECK(!t.advance({74}));
  CHECK(t.advance({75}));
  // Not told of it, a count stands still until the TSC is where it was.
  vlapic_timer back = timer_of(1, 1, mode::periodic);
  back.set_initial_count(100, {1000});
  CHECK(!back.advance({3}));
  CHECK(back.current_count({3}) == 100);
  CHECK(back.advance({1100}));
  // A TSC deadline is a time of the TSC.
  vlapic_timer d = timer_of(1, 1, mode::tsc_deadline);
  d.set_tsc_deadline(500);
  d.rebase({400}, {0});
  CHECK(d.tsc_deadline() == 500);
  CHECK(!d.advance({499}));
  CHECK(d.advance({500}));
}

TEST_CASE("the end of the TSC, and clocks beyond reason", "[x86_64][vlapic]") {
  vlapic_timer t = timer_of(1, 1, mode::one_shot);
  t.set_initial_count(100, {~std::uint64_t{0} - 10});
  CHECK(t.deadline() == ticks{89});
  CHECK(!t.advance({~std::uint64_t{0}}));
  CHECK(t.current_count({0}) == 89);
  CHECK(t.advance({89}));

  vlapic_timer slow = timer_of(~std::uint64_t{0}, 1, mode::periodic, 7);
  slow.set_initial_count(0xffff'ffff, {5});
  CHECK(!slow.deadline());
  CHECK(!slow.advance({4}));
  CHECK(!slow.advance({~std::uint64_t{0} >> 1}));
  vlapic_timer fast = timer_of(1, ~std::uint64_t{0}, mode::periodic);
  fast.set_initial_count(1, {5});
  CHECK(fast.deadline() == ticks{6});
  for (std::uint64_t now : {6ULL, 7ULL, 100ULL, 1ULL << 62}) CHECK(fast.advance({now}));
  vlapic_timer none = timer_of(0, 0, mode::one_shot);
  none.set_initial_count(3, {0});
  CHECK(none.deadline() == ticks{3});
}

}  // namespace

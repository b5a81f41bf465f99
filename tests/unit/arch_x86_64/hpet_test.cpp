// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/hpet.hpp>
#include <axhal/arch/x86_64/hpet_clock.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_hpet.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using device = hpet<test::hpet_window>;
using clock_type = hpet_clock<test::hpet_window>;
static_assert(ReferenceCounter<device>);
static_assert(ClockPolicy<clock_type>);
std::vector<std::string> const none{};

struct fixture {
  explicit fixture(bool wide = true) {
    sim.wide = wide;
    REQUIRE(hpet.init());
  }
  ~fixture() { CHECK(sim.mistakes == none); }
  test::simulated_hpet sim;
  device hpet{{&sim}};
};

}  // namespace

TEST_CASE("an HPET is taken over from whoever had it", "[arch_x86_64][hpet]") {
  fixture f;
  CHECK(f.sim.gen_conf == 1);
  CHECK(f.sim.status == 0);
  for (auto const& t : f.sim.timers) CHECK(t.conf == 0);
  CHECK(f.hpet.timer_count() == 3);
  CHECK(f.hpet.period() == 69'841'279);
  CHECK(f.hpet.frequency() == hertz{14'318'180});
  CHECK(f.hpet.width() == 64);
  CHECK(f.hpet.rate() == tick_rate{1'000'000'000'000'000, 69'841'279});
  CHECK(f.hpet.timer(1) == hpet_timer{true, true, true, 0xff});
  CHECK(f.hpet.timer(3) == hpet_timer{});
  fixture small{false};
  CHECK(small.hpet.width() == 32);
  CHECK(small.hpet.timer(0) == hpet_timer{true, false, true, 0xff});
}

TEST_CASE("what is no HPET is refused", "[arch_x86_64][hpet]") {
  device nothing{test::hpet_window{}};
  CHECK(nothing.init() == failure{hpet_error::absent});
  CHECK(nothing.timer_count() == 0);
  CHECK(nothing.frequency() == hertz{0});
  CHECK(nothing.start_once(0, 5) == failure{hpet_error::out_of_range});
  test::simulated_hpet sim;
  device d{{&sim}};
  sim.period = 0;
  CHECK(d.init() == failure{hpet_error::bad_period});
  sim.period = 100'000'001;
  CHECK(d.init() == failure{hpet_error::bad_period});
  CHECK(sim.gen_conf == 2);  // untouched
  sim.period = 100'000'000;
  sim.broken = true;
  CHECK(d.init() == failure{hpet_error::stopped});
  sim.broken = false;
  REQUIRE(d.init());
  CHECK(d.frequency() == hertz{10'000'000});
  // More timers than there is room for are as many as there is room for.
  sim.timers.resize(32);
  REQUIRE(d.init());
  CHECK(d.timer_count() == 24);
  CHECK(sim.mistakes == none);
}

TEST_CASE("a counter of 64 bits is read in two halves that belong together", "[arch_x86_64][hpet]") {
  fixture f;
  for (std::uint64_t before = 0xffff'fff0; before < 0x1'0000'0004; ++before) {
    f.sim.counter = before;
    std::uint64_t const read = f.hpet.now();
    CHECK(read >= before);
    CHECK(read <= f.sim.counter);
  }
  fixture small{false};
  small.sim.counter = 0xffff'ffff;
  CHECK(small.hpet.now() == 0);
}

TEST_CASE("a timer fires once", "[arch_x86_64][hpet]") {
  for (bool const wide : {true, false}) {
    fixture f{wide};
    f.sim.counter = wide ? 0x5'ffff'ff00 : 0xffff'ff00;
    REQUIRE(f.hpet.route(1, 5));
    CHECK((f.sim.timers[1].conf & 0x3e00) == 0xa00);
    std::uint64_t const deadline = wide ? 0x6'0000'0100 : 0x1'0000'0100;
    REQUIRE(f.hpet.start_once(1, deadline));
    CHECK((f.sim.timers[1].conf & 0x4e) == 4);
    f.sim.pass((deadline - f.sim.counter) % 0x1'0000'0000 - 1);
    CHECK(f.sim.timers[1].fired == 0);
    f.sim.pass(1);
    CHECK(f.sim.timers[1].fired == 1);
    f.sim.pass(0x1000);
    CHECK(f.sim.timers[1].fired == 1);
    // Too near, and in the past.
    CHECK(f.hpet.start_once(1, f.hpet.now() + 4) == failure{hpet_error::passed});
    CHECK(f.hpet.start_once(1, f.hpet.now() - 100) == failure{hpet_error::passed});
    CHECK((f.sim.timers[1].conf & 4) == 0);
    CHECK(f.hpet.start_once(3, 0) == failure{hpet_error::out_of_range});
  }
}

TEST_CASE("a timer fires again and again", "[arch_x86_64][hpet]") {
  for (bool const wide : {true, false}) {
    fixture f{wide};
    f.sim.counter = 0xffff'ff00;
    REQUIRE(f.hpet.route(0, 2, true));
    REQUIRE(f.hpet.start_periodic(0, 1000));
    CHECK((f.sim.timers[0].conf & 0x4e) == 0xe);  // periodic, enabled, level, the accumulator is set
    f.sim.pass(990);
    CHECK(f.sim.timers[0].fired == 0);
    f.sim.pass(20);
    CHECK(f.sim.timers[0].fired == 1);
    CHECK(f.hpet.is_driving(0));
    CHECK(!f.hpet.is_driving(1));
    f.hpet.acknowledge(0);
    CHECK(!f.hpet.is_driving(0));
    f.sim.pass(10'000);
    CHECK(f.sim.timers[0].fired == 11);
    f.hpet.stop(0);
    f.sim.pass(10'000);
    CHECK(f.sim.timers[0].fired == 11);
    CHECK(f.hpet.start_periodic(0, 0) == failure{hpet_error::unsupported});
    f.sim.timers[2].capabilities &= ~std::uint64_t{0x10};
    CHECK(f.hpet.start_periodic(2, 10) == failure{hpet_error::unsupported});
    CHECK(f.hpet.start_periodic(3, 10) == failure{hpet_error::out_of_range});
  }
}

TEST_CASE("a level of before is not one of now", "[arch_x86_64][hpet]") {
  fixture f;
  f.sim.notes_passed = true;
  REQUIRE(f.hpet.route(0, 2, true));
  REQUIRE(f.hpet.start_once(0, f.hpet.now() + 100));
  f.sim.pass(200);
  CHECK(f.sim.timers[0].fired == 1);
  CHECK(f.hpet.is_driving(0));
  REQUIRE(f.hpet.start_once(0, f.hpet.now() + 1000));
  CHECK(!f.hpet.is_driving(0));
  CHECK(f.sim.timers[0].fired == 1);
  f.sim.pass(1000);
  CHECK(f.sim.timers[0].fired == 2);
  // Another route leaves no level behind.
  REQUIRE(f.hpet.route(0, 3));
  CHECK((f.sim.status & 1) == 0);
}

TEST_CASE("a timer's interrupts go where they can", "[arch_x86_64][hpet]") {
  fixture f;
  CHECK(f.hpet.route(0, 8) == failure{hpet_error::unsupported});
  CHECK(f.hpet.route(0, 32) == failure{hpet_error::unsupported});
  CHECK(f.hpet.route(0, ~0U) == failure{hpet_error::unsupported});
  CHECK(f.hpet.route(3, 0) == failure{hpet_error::out_of_range});
  REQUIRE(f.hpet.route_message(2, {0xfee0'3000, 0x4071}));
  CHECK((f.sim.timers[2].conf & 0x4000) != 0);
  CHECK(f.sim.timers[2].message == 0xfee0'3000'0000'4071);
  REQUIRE(f.hpet.start_once(2, f.hpet.now() + 100));
  CHECK((f.sim.timers[2].conf & 0x4004) == 0x4004);
  CHECK(f.hpet.route_message(2, {0x1'fee0'3000, 0x4071}) == failure{hpet_error::unsupported});
  CHECK(f.hpet.route_message(3, {0xfee0'3000, 0}) == failure{hpet_error::out_of_range});
  f.sim.timers[1].capabilities &= ~std::uint64_t{0x8000};
  CHECK(f.hpet.route_message(1, {0xfee0'3000, 0}) == failure{hpet_error::unsupported});
  // A line again, and no message any more.
  REQUIRE(f.hpet.route(2, 3));
  CHECK((f.sim.timers[2].conf & 0x4004) == 0);
}

TEST_CASE("a counter of 32 bits goes on past them, for all CPUs", "[arch_x86_64][hpet]") {
  fixture f{false};
  f.sim.counter = 0x8000'0000;
  f.sim.read_takes = 0;
  hpet_counter<test::hpet_window> counter{f.hpet};
  std::uint64_t expected = 0x7fff'ffff;
  f.sim.counter = 0x7fff'ffff;
  for (unsigned i = 0; i < 12; ++i) {
    CHECK(counter.now() == ticks{expected});
    f.sim.pass(0x7fff'ffff);
    expected += 0x7fff'ffff;
  }
  // A CPU that read it earlier, and looks at what is known later.
  ticks const last = counter.now();
  f.sim.counter -= 5;
  CHECK(counter.now() == last);
}

TEST_CASE("a deadline that is near is moved on, and one that is far is not lost", "[arch_x86_64][hpet]") {
  for (bool const wide : {true, false}) {
    for (unsigned const slow : {1U, 50U, 500U}) {
      fixture f{wide};
      f.sim.read_takes = slow;
      hpet_counter<test::hpet_window> counter{f.hpet};
      clock_type clock{counter, 1};
      for (std::uint64_t const distance : {0U, 1U, 10U, 100U, 1'000U, 10'000U}) {
        clock.cancel();
        f.sim.timers[1].fired = 0;
        std::uint64_t const deadline = f.sim.counter + distance;
        clock.arm({deadline});
        // However long the accesses take: it fires, not before its time, and not long after it can.
        unsigned steps = 0;
        while (f.sim.timers[1].fired == 0 && steps < 100'000) {
          f.sim.pass(1);
          ++steps;
        }
        // One that came while it was looked at may come again.
        CHECK(f.sim.timers[1].fired >= 1);
        CHECK(f.sim.timers[1].fired <= 2);
        CHECK(f.sim.counter >= deadline);
        CHECK(steps < distance + 20U * slow + 100);
        CHECK(clock.is_due());
      }
    }
  }
  fixture f{false};
  hpet_counter<test::hpet_window> counter{f.hpet};
  clock_type clock{counter, 0};
  clock.arm({0x2'0000'0000});
  f.sim.pass(0x4000'0000);
  CHECK(f.sim.timers[0].fired == 1);
  CHECK(!clock.is_due());
  clock.arm({~std::uint64_t{0} - 1});
  CHECK((f.sim.timers[0].conf & 4) != 0);
  clock.arm({~std::uint64_t{0}});
  CHECK((f.sim.timers[0].conf & 4) == 0);
  CHECK(clock.frequency() == hertz{14'318'180});
  f.sim.read_takes = 0;
  ticks const time = clock.now();
  clock.set_guest_offset({time.value + 1});
  CHECK(clock.guest_now() == ticks{~std::uint64_t{0}});
}

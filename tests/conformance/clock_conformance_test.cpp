// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/generic_timer.hpp>
#include <axhal/arch/host/clock.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/arch/x86_64/hpet_clock.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>
#include <axhal/conformance/clock_laws.hpp>

#include "support/clock_archetype.hpp"
#include "support/simulated_apics.hpp"
#include "support/simulated_hart_timers.hpp"
#include "support/simulated_hpet.hpp"
#include "support/simulated_timer.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;
using namespace axhal::aarch64;

// The laws lean on nothing but the contract.
[[maybe_unused]] auto* const laws_on_archetype = &laws::first_broken_clock_law<test::clock_archetype, void (&)(ticks)>;

TEST_CASE("host::clock obeys the clock laws", "[conformance][clock]") {
  constexpr auto run = [](hertz f, ticks start) {
    host::clock c{f, start};
    return laws::first_broken_clock_law(c, [&c](ticks n) { c.advance(n); });
  };
  STATIC_REQUIRE(run(hertz{62'500'000}, ticks{0}) == 0);
  CHECK(run(hertz{1}, ticks{1}) == 0);
  CHECK(run(hertz{3'000'000'000}, ticks{std::uint64_t{1} << 62}) == 0);
}

template <el2_mode Mode>
struct clock_on {
  using registers = test::simulated_timer<Mode, clock_on>;
  using timer = generic_timer<registers, Mode>;
};

TEMPLATE_TEST_CASE("aarch64::generic_timer obeys the clock laws", "[conformance][clock]", clock_on<el2_mode::nvhe>,
                   clock_on<el2_mode::vhe>) {
  using registers = typename TestType::registers;
  registers::m = {};
  registers::m.counter = 1'000'000;
  typename TestType::timer clock;
  clock.enable();
  CHECK(laws::first_broken_clock_law(clock, [](ticks n) { registers::m.counter += n.value; }) == 0);
  CHECK(!registers::m.undefined);
}

TEST_CASE("riscv64::hart_clock obeys the clock laws", "[conformance][clock]") {
  struct here {};
  using hart = test::simulated_hart_timers<here>;
  auto const run = [](bool has_sstc, auto clock) {
    hart::m = {};
    hart::m.has_sstc = has_sstc;
    hart::m.counter = 1'000'000;
    int const broken = laws::first_broken_clock_law(clock, [](ticks n) { hart::m.counter += n.value; });
    CHECK(!hart::m.undefined);
    return broken;
  };
  constexpr hertz timebase{10'000'000};
  CHECK(run(false, riscv64::sbi_clock<hart>{timebase}) == 0);
  CHECK(run(true, riscv64::sbi_clock<hart>{timebase}) == 0);
  CHECK(run(true, riscv64::sstc_clock<hart>{timebase}) == 0);
  CHECK(run(false, riscv64::either_clock<hart>{timebase, false}) == 0);
  CHECK(run(true, riscv64::either_clock<hart>{timebase, true}) == 0);
}

TEST_CASE("x86_64::tsc_clock obeys the clock laws", "[conformance][clock]") {
  struct here {};
  using machine = test::simulated_apics<here>;
  using access = x86_64::xapic_access<machine::window, machine::cpu>;
  using x86_64::timer_by;
  x86_64::local_apic apic{access{machine::window{}}};
  x86_64::tsc_rates const rates{{3'000'000'000}, {1'000'000'000}};
  auto const run = [&](auto clock) {
    machine::reset({0});
    machine::m.tsc = 1'000'000;
    machine::m.bus_per_tsc_d = 3;
    REQUIRE(apic.enable(0xff));
    clock.init_cpu();
    int const broken = laws::first_broken_clock_law(clock, [](ticks n) { machine::pass(n.value); });
    CHECK(machine::m.mistakes.empty());
    return broken;
  };
  CHECK(run(x86_64::tsc_clock<machine::cpu, access, timer_by::tsc_deadline>{apic, rates}) == 0);
  CHECK(run(x86_64::tsc_clock<machine::cpu, access, timer_by::apic_timer>{apic, rates}) == 0);
  CHECK(run(x86_64::tsc_clock<machine::cpu, access, timer_by::either>{apic, rates, false}) == 0);
  CHECK(run(x86_64::tsc_clock<machine::cpu, access, timer_by::either>{apic, rates, true}) == 0);
}

TEST_CASE("x86_64::hpet_clock obeys the clock laws", "[conformance][clock]") {
  for (bool const wide : {true, false}) {
    for (std::uint64_t const start : {std::uint64_t{1'000'000}, std::uint64_t{0xffff'ff00}}) {
      test::simulated_hpet sim;
      sim.wide = wide;
      sim.counter = start;
      x86_64::hpet device{test::hpet_window{&sim}};
      REQUIRE(device.init());
      REQUIRE(device.route(0, 2));
      x86_64::hpet_counter counter{device};
      x86_64::hpet_clock clock{counter, 0};
      CHECK(laws::first_broken_clock_law(clock, [&](ticks n) { sim.pass(n.value); }) == 0);
      CHECK(sim.mistakes.empty());
    }
  }
}

}  // namespace

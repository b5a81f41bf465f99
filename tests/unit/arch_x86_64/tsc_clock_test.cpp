// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_apics.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

struct here {};
using machine = test::simulated_apics<here>;
using access = xapic_access<machine::window, machine::cpu>;
using apic_type = local_apic<access>;
template <timer_by By>
using clock_by = tsc_clock<machine::cpu, access, By>;
static_assert(ClockPolicy<clock_by<timer_by::tsc_deadline>> && ClockPolicy<clock_by<timer_by::apic_timer>> &&
              ClockPolicy<clock_by<timer_by::either>>);
// Only where there is a choice is it made.
static_assert(!std::is_constructible_v<clock_by<timer_by::apic_timer>, apic_type&, tsc_rates, bool>);

std::vector<std::string> const none{};
constexpr tsc_rates rates{{3'000'000'000}, {1'000'000'000}};

struct fixture {
  fixture() {
    machine::reset({0});
    machine::m.tsc = 1'000'000'000;
    machine::m.bus_per_tsc_n = 1;
    machine::m.bus_per_tsc_d = 3;
    REQUIRE(apic.enable(0xff));
    REQUIRE(apic.set_vector(local_interrupt::timer, 0xe0));
    apic.unmask(local_interrupt::timer);
  }
  /// The number of ticks after which the interrupt is there; looks at each of them.
  static std::uint64_t fires_after(std::uint64_t limit) {
    for (std::uint64_t i = 0; i <= limit; ++i) {
      machine::pass(i == 0 ? 0 : 1);
      if (machine::own().irr[0xe0]) {
        machine::own().irr[0xe0] = false;
        return i;
      }
    }
    return ~std::uint64_t{0};
  }
  apic_type apic{access{machine::window{}}};
};

}  // namespace

TEST_CASE_METHOD(fixture, "a deadline is one write of an MSR", "[arch_x86_64][tsc_clock]") {
  clock_by<timer_by::tsc_deadline> clock{apic, {rates.tsc, {0}}};
  machine::m.order.clear();
  clock.init_cpu();
  CHECK(clock.uses_tsc_deadline());
  CHECK(machine::m.order == std::vector<std::string>{"mode", "device", "deadline"});
  CHECK(clock.now() == ticks{1'000'000'000});
  CHECK(clock.frequency() == rates.tsc);
  CHECK(!clock.is_due());
  clock.arm(clock.now() + ticks{50});
  CHECK(machine::own().deadline == 1'000'000'050);
  CHECK(fires_after(100) == 50);
  CHECK(clock.is_due());
  clock.arm(ticks{0});
  CHECK(machine::own().irr[0xe0]);
  CHECK(clock.is_due());
  clock.arm({~std::uint64_t{0}});
  CHECK(machine::own().deadline == 0);
  CHECK(!clock.is_due());
  clock.arm({~std::uint64_t{0} - 1});
  CHECK(machine::own().deadline == ~std::uint64_t{0} - 1);
  clock.cancel();
  CHECK(machine::own().deadline == 0);
  CHECK(machine::m.mistakes == none);
}

TEST_CASE_METHOD(fixture, "a timer that counts is never early, and late by no more than its own steps",
                 "[arch_x86_64][tsc_clock]") {
  clock_by<timer_by::apic_timer> clock{apic, rates};
  clock.init_cpu();
  CHECK(!clock.uses_tsc_deadline());
  for (std::uint64_t const phase : {0U, 1U, 2U}) {
    for (std::uint64_t const left : {0U, 1U, 2U, 3U, 4U, 100U, 299U, 300U, 301U}) {
      machine::pass(phase);
      ticks const deadline = clock.now() + ticks{left};
      clock.arm(deadline);
      std::uint64_t const after = fires_after(left + 10);
      CHECK(after >= left);
      CHECK(after <= left + 6);
      CHECK(clock.is_due());
    }
  }
  clock.arm(clock.now() - ticks{1});
  CHECK(machine::own().initial == 1);
  clock.arm(clock.now() + ticks{100});
  clock.cancel();
  CHECK(!machine::own().timer_running);
  CHECK(fires_after(300) == ~std::uint64_t{0});
  CHECK(machine::m.mistakes == none);
}

TEST_CASE_METHOD(fixture, "the divider grows with the distance", "[arch_x86_64][tsc_clock]") {
  clock_by<timer_by::apic_timer> clock{apic, rates};
  clock.init_cpu();
  auto const& a = machine::own();
  constexpr std::uint64_t reach = 0xffff'ffff;
  auto const arm = [&](std::uint64_t cycles) { clock.arm(clock.now() + ticks{cycles * 3}); };
  arm(reach - 1);
  CHECK(a.dcr == 0xb);
  CHECK(a.initial == 0xffff'ffff);
  arm(reach);
  CHECK(a.dcr == 0);
  CHECK(a.initial == 0x8000'0000);
  arm(2 * reach - 1);
  CHECK(a.dcr == 0);
  CHECK(a.initial == 0xffff'ffff);
  arm(2 * reach);
  CHECK(a.dcr == 1);
  arm(128 * reach - 1);
  CHECK(a.dcr == 0xa);
  CHECK(a.initial == 0xffff'ffff);
  // Farther than the timer reaches: as far as it does.
  arm(1000 * reach);
  CHECK(a.dcr == 0xa);
  CHECK(a.initial == 0xffff'ffff);
  clock.arm({~std::uint64_t{0} - 1});
  CHECK(a.initial == 0xffff'ffff);
  machine::pass(128 * reach * 3);
  CHECK(a.irr[0xe0]);
  CHECK(!clock.is_due());
  // And back for what is near.
  arm(10);
  CHECK(a.dcr == 0xb);
  CHECK(a.initial == 11);
  CHECK(machine::m.mistakes == none);
}

TEST_CASE_METHOD(fixture, "what compares is decided when the program has looked", "[arch_x86_64][tsc_clock]") {
  clock_by<timer_by::either> by_msr{apic, rates, true};
  by_msr.init_cpu();
  CHECK(machine::own().lvt[0] == 0x4'00e0);
  by_msr.arm(by_msr.now() + ticks{7});
  CHECK(machine::own().deadline == by_msr.now().value + 7);
  clock_by<timer_by::either> by_count{apic, rates, false};
  by_count.init_cpu();
  CHECK(machine::own().lvt[0] == 0xe0);
  by_count.arm(by_count.now() + ticks{6});
  CHECK(machine::own().deadline == 0);
  CHECK(machine::own().initial == 3);
  CHECK(machine::m.mistakes == none);
}

TEST_CASE_METHOD(fixture, "a guest's counter is the host's and an offset", "[arch_x86_64][tsc_clock]") {
  clock_by<timer_by::tsc_deadline> clock{apic, rates};
  clock.set_guest_offset({400'000'000});
  CHECK(clock.guest_now() == ticks{600'000'000});
  CHECK(clock.now().value + clock.tsc_offset() == 600'000'000);
  clock.set_guest_offset({1'000'000'001});
  CHECK(clock.guest_now() == ticks{~std::uint64_t{0}});
  CHECK(clock.now().value + clock.tsc_offset() == ~std::uint64_t{0});
}

namespace {
/// The counter as it is read by code that takes a while.
struct slow_reads : machine::cpu {
  static std::uint64_t rdtsc() {
    machine::pass(30);
    return machine::m.tsc;
  }
};
/// Counts at 10 MHz while the time-stamp counter does at 3 GHz.
struct ten_megahertz {
  static std::uint64_t now() {
    machine::pass(30);
    return machine::m.tsc / 300;
  }
  static unsigned width() { return 64; }
  static tick_rate rate() { return {10'000'000, 1}; }
};
}  // namespace

TEST_CASE_METHOD(fixture, "counters are measured by another one", "[arch_x86_64][tsc_clock]") {
  ten_megahertz reference;
  calibration_plan const plan{.rounds = 3, .round_ticks = 20'000};
  auto const tsc = measure_tsc<slow_reads>(reference, plan);
  REQUIRE(tsc);
  CHECK(tsc->value >= 2'999'400'000);
  CHECK(tsc->value <= 3'000'600'000);
  apic.mask(local_interrupt::timer);
  tsc_reference<slow_reads> by_tsc{*tsc};
  auto const timer = measure_apic_timer(apic, by_tsc, plan);
  REQUIRE(timer);
  CHECK(timer->value >= 999'400'000);
  CHECK(timer->value <= 1'000'600'000);
  CHECK(!machine::own().timer_running);
  CHECK(machine::own().lvt[0] == 0x1'00e0);
  CHECK(machine::m.mistakes == none);
}

namespace {
/// What CPUID says of frequencies.
struct told : slow_reads {
  static inline cpuid_result crystal{};
  static cpuid_result cpuid(std::uint32_t leaf, std::uint32_t = 0) {
    if (leaf == 0) return {0x16, 0, 0, 0};
    if (leaf == 0x15) return crystal;
    return leaf == 0x16 ? cpuid_result{2900, 0, 0, 0} : cpuid_result{};
  }
};
/// It is not asked.
struct untouched {
  static std::uint64_t now() {
    FAIL("the reference was read");
    return 0;
  }
  static unsigned width() { return 64; }
  static tick_rate rate() { return {1, 1}; }
};
}  // namespace

TEST_CASE_METHOD(fixture, "what CPUID promises is not measured", "[arch_x86_64][tsc_clock]") {
  apic.mask(local_interrupt::timer);
  untouched nothing;
  told::crystal = {1, 125, 24'000'000, 0};
  CHECK(find_tsc_rates<told>(apic, true, nothing) == tsc_rates{{3'000'000'000}, {24'000'000}});
  // A ratio without its crystal, and megahertz: both are measured.
  told::crystal = {1, 125, 0, 0};
  ten_megahertz reference;
  calibration_plan const plan{.rounds = 3, .round_ticks = 20'000};
  auto const found = find_tsc_rates<told>(apic, true, reference, plan);
  REQUIRE(found);
  CHECK(found->tsc.value >= 2'999'400'000);
  CHECK(found->tsc.value <= 3'000'600'000);
  CHECK(found->apic_timer.value >= 999'400'000);
  CHECK(found->apic_timer.value <= 1'000'600'000);
  auto const without = find_tsc_rates<told>(apic, false, reference, plan);
  REQUIRE(without);
  CHECK(without->apic_timer == hertz{0});
  struct standing : ten_megahertz {
    static std::uint64_t now() { return 5; }
  } still;
  CHECK(find_tsc_rates<told>(apic, true, still) == failure{calibration_error::stopped});
  CHECK(machine::m.mistakes == none);
}

// SPDX-License-Identifier: BSL-1.0
// Numbers of the counter and its compare registers, from the RISC-V Privileged Architecture, and of a 10 MHz timebase.
#include <axhal/arch/riscv64/guest_timer.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/time/clock_scale.hpp>

#include "support/simulated_hart_timers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

TEST_CASE("the numbers of the counter's registers", "[golden][time]") {
  STATIC_REQUIRE(static_cast<unsigned>(csr::time) == 0xc01);
  STATIC_REQUIRE(static_cast<unsigned>(csr::stimecmp) == 0x14d);
  STATIC_REQUIRE(static_cast<unsigned>(csr::vstimecmp) == 0x24d);
  STATIC_REQUIRE(static_cast<unsigned>(csr::htimedelta) == 0x605);
  STATIC_REQUIRE(static_cast<unsigned>(csr::hvip) == 0x645);
  STATIC_REQUIRE(interrupt::sti == 5);
  STATIC_REQUIRE(interrupt::vsti == 6);
  STATIC_REQUIRE(envcfg::f_stce::mask == 0x8000'0000'0000'0000);
  STATIC_REQUIRE(counteren::f_tm::mask == 2);
}

TEST_CASE("a guest that reads 0 at host time 0x100 has a delta of -0x100", "[golden][time]") {
  struct here {};
  using hart = test::simulated_hart_timers<here>;
  hart::m = {};
  hart::m.counter = 0x100;
  sbi_clock<hart>{hertz{10'000'000}}.set_guest_offset(ticks{0x100});
  CHECK(hart::m.htimedelta == 0xffff'ffff'ffff'ff00);
  hart::m.hvip = 0;
  guest_timer<hart, deadline_by::sbi>{}.load(virtual_timer{ticks{0x20}}, ticks{0xf0}, ticks{0x110});
  CHECK(hart::m.htimedelta == 0xffff'ffff'ffff'ff10);
  CHECK(hart::m.hvip == 0x40);
}

TEST_CASE("10 MHz is exact: a tick is 100 ns", "[golden][time]") {
  auto const scale = clock_scale::of(hertz{10'000'000}).value();
  CHECK(scale.to_nanoseconds(ticks{1}) == nanoseconds{100});
  CHECK(scale.to_nanoseconds(ticks{10'000'000}) == nanoseconds{1'000'000'000});
  CHECK(scale.to_nanoseconds(ticks{184'467'440'737'095'516}) == nanoseconds{18'446'744'073'709'551'600U});
  CHECK(scale.to_ticks(nanoseconds{199}) == ticks{1});
  CHECK(scale.to_ticks_at_least(nanoseconds{101}) == ticks{2});
  CHECK(scale.to_ticks_at_least(nanoseconds{100}) == ticks{1});
}

}  // namespace

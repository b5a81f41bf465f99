// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/hart_clock.hpp>

#include "support/simulated_hart_timers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

struct here {};
using hart = test::simulated_hart_timers<here>;
using event = hart::event;
using kind = event::kind;
constexpr hertz timebase{10'000'000};

static_assert(ClockPolicy<sbi_clock<hart>> && ClockPolicy<sstc_clock<hart>> && ClockPolicy<either_clock<hart>>);
// Only where there is a choice is it made.
static_assert(!std::is_constructible_v<sbi_clock<hart>, hertz, bool>);

/// Registers without firmware: enough for the CPU's own compare register.
struct no_firmware {
  template <csr>
  static std::uint64_t read() {
    return 0;
  }
  template <csr>
  static void write(std::uint64_t) {}
  template <csr>
  static void set(std::uint64_t) {}
  template <csr>
  static void clear(std::uint64_t) {}
};
static_assert(ClockPolicy<sstc_clock<no_firmware>>);

TEST_CASE("the counter is the time CSR, its rate is what the device tree says", "[arch_riscv64][hart_clock]") {
  hart::m = {};
  hart::m.counter = 1234;
  sbi_clock<hart> const clock{timebase};
  CHECK(clock.now() == ticks{1234});
  CHECK(clock.frequency() == timebase);
  CHECK(hart::m.events.empty());
}

TEST_CASE("without Sstc a deadline is one call to firmware", "[arch_riscv64][hart_clock]") {
  hart::m = {};
  sbi_clock<hart> clock{timebase};
  CHECK(!clock.uses_sstc());
  CHECK(!clock.is_due());
  clock.arm(ticks{500});
  CHECK(hart::m.events == std::vector<event>{{kind::call, {}, 500}});
  CHECK(!hart::host_line());
  hart::m.counter = 499;
  CHECK(!clock.is_due());
  hart::m.counter = 500;
  CHECK(clock.is_due());
  CHECK(hart::host_line());
  clock.cancel();
  CHECK(hart::m.mtimecmp == UINT64_MAX);
  CHECK(!clock.is_due());
  CHECK(!hart::host_line());
  CHECK(!hart::m.undefined);
}

TEST_CASE("with Sstc a deadline is one register, and firmware is not asked", "[arch_riscv64][hart_clock]") {
  hart::m = {};
  hart::m.has_sstc = true;
  sstc_clock<hart> clock{timebase};
  CHECK(clock.uses_sstc());
  clock.arm(ticks{500});
  CHECK(hart::m.events == std::vector<event>{{kind::write, csr::stimecmp, 500}});
  hart::m.counter = 500;
  CHECK(clock.is_due());
  CHECK(hart::host_line());
  clock.cancel();
  CHECK(hart::m.stimecmp == UINT64_MAX);
  CHECK(!hart::host_line());
  CHECK(!clock.is_due());
  // The register is the state: another object sees the same deadline.
  clock.arm(ticks{1});
  CHECK(sstc_clock<hart>{timebase}.is_due());
}

TEST_CASE("one image runs with and without Sstc", "[arch_riscv64][hart_clock]") {
  for (bool const has_sstc : {false, true}) {
    hart::m = {};
    hart::m.has_sstc = has_sstc;
    either_clock<hart> clock{timebase, has_sstc};
    CHECK(clock.uses_sstc() == has_sstc);
    clock.arm(ticks{7});
    CHECK((has_sstc ? hart::m.stimecmp : hart::m.mtimecmp) == 7);
    hart::m.counter = 7;
    CHECK(clock.is_due());
    CHECK(!hart::m.undefined);
  }
}

TEST_CASE("the guest's offset is subtracted, though hardware adds", "[arch_riscv64][hart_clock]") {
  hart::m = {};
  hart::m.counter = 10'000;
  sbi_clock<hart> clock{timebase};
  clock.set_guest_offset(ticks{9'900});
  CHECK(hart::m.htimedelta == UINT64_MAX - 9'899);
  CHECK(hart::guest_counter() == 100);
  CHECK(clock.guest_now() == ticks{100});
  clock.set_guest_offset(ticks{20'000});  // a guest whose counter is ahead of the host's, modulo 2^64
  CHECK(hart::guest_counter() == UINT64_MAX - 9'999);
  CHECK(clock.guest_now().value == hart::guest_counter());
  clock.set_guest_offset(ticks{0});
  CHECK(hart::m.htimedelta == 0);
}

TEST_CASE("a constant choice costs no memory", "[arch_riscv64][hart_clock]") {
  STATIC_REQUIRE(sizeof(sbi_clock<hart>) == 16);
  STATIC_REQUIRE(std::is_empty_v<deadline_choice<deadline_by::sstc>>);
  STATIC_REQUIRE(deadline_choice<deadline_by::sstc>::sstc());
  STATIC_REQUIRE(!deadline_choice<deadline_by::sbi>::sstc());
}

}  // namespace

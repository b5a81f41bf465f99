// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/generic_timer.hpp>

#include "support/simulated_timer.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::aarch64;
using test::register_event;

template <el2_mode Mode>
struct setup {
  static constexpr el2_mode mode = Mode;
  using registers = test::simulated_timer<Mode, setup>;
  using timer = generic_timer<registers, Mode>;
};
using nvhe = setup<el2_mode::nvhe>;
using vhe = setup<el2_mode::vhe>;

static_assert(ClockPolicy<nvhe::timer> && ClockPolicy<vhe::timer>);

register_event read_of(sysreg id, std::uint64_t v) { return {register_event::kind::read, id, v}; }
register_event write_of(sysreg id, std::uint64_t v) { return {register_event::kind::write, id, v}; }
constexpr register_event isb{register_event::kind::isb, {}, {}};

TEMPLATE_TEST_CASE("the counter is read after a barrier", "[arch_aarch64][generic_timer]", nvhe, vhe) {
  using registers = typename TestType::registers;
  registers::m = {};
  registers::m.counter = 1234;
  CHECK(TestType::timer::now() == ticks{1234});
  CHECK(registers::m.events == std::vector{isb, read_of(sysreg::cntpct_el0, 1234)});
  CHECK(TestType::timer::frequency() == hertz{62'500'000});
}

TEMPLATE_TEST_CASE("arming sets the compare value before the timer is on", "[arch_aarch64][generic_timer]", nvhe, vhe) {
  using registers = typename TestType::registers;
  registers::m = {};
  TestType::timer::arm(ticks{500});
  CHECK(registers::m.events ==
        std::vector{write_of(sysreg::cnthp_cval_el2, 500), write_of(sysreg::cnthp_ctl_el2, 1), isb});
  CHECK(!registers::host_line());
  registers::m.counter = 500;
  CHECK(registers::host_line());
  CHECK(TestType::timer::is_due());
  TestType::timer::cancel();
  CHECK(!registers::host_line());
  CHECK(!TestType::timer::is_due());
}

TEMPLATE_TEST_CASE("enabling leaves no timer of an earlier program running", "[arch_aarch64][generic_timer]", nvhe,
                   vhe) {
  using registers = typename TestType::registers;
  registers::m = {};
  registers::m.counter = UINT64_MAX;  // every timer that is on would be due
  registers::m.cnthp = {0, 1};
  registers::m.cntv = {0, 1};
  TestType::timer::enable();
  CHECK(!registers::host_line());
  CHECK(!registers::guest_line());
  CHECK(registers::m.cnthctl == 0);
  CHECK(registers::m.cntvoff == 0);
  CHECK(!registers::m.undefined);
  TestType::timer::enable(physical_time::direct);
  CHECK(registers::m.cnthctl == (TestType::mode == el2_mode::vhe ? 0xc00 : 0x3));
}

TEMPLATE_TEST_CASE("guests' timers take turns without meeting", "[arch_aarch64][generic_timer]", nvhe, vhe) {
  using registers = typename TestType::registers;
  using timer = typename TestType::timer;
  registers::m = {};
  timer::enable();
  auto& m = registers::m;
  m.counter = 10'000;

  guest_timer_state const a0{.cval = 150, .ctl = 1, .cntkctl = 0x3};
  guest_timer_state const b0{.cval = 90'000, .ctl = 3, .cntkctl = 0xd6};
  guest_timer_state a = a0;
  guest_timer_state b = b0;

  timer::load_guest(a, ticks{9'900});
  CHECK(registers::guest_counter() == 100);
  CHECK(timer::guest_now() == ticks{100});
  CHECK(!registers::guest_line());
  CHECK(m.cntkctl == 0x3);
  m.counter += 50;
  CHECK(registers::guest_line());
  CHECK(timer::guest_is_due());
  CHECK(timer::peek_guest() == a0);

  timer::save_guest(a);
  CHECK(a == a0);
  CHECK(!registers::guest_line());  // off the CPU nobody is interrupted

  timer::load_guest(b, ticks{0});
  CHECK(timer::guest_now() == ticks{10'050});
  CHECK(!registers::guest_line());
  CHECK(m.cntkctl == 0xd6);
  m.counter = 100'000;
  CHECK(!registers::guest_line());  // masked
  CHECK(!timer::guest_is_due());
  timer::save_guest(b);
  CHECK(b == b0);

  timer::load_guest(a, ticks{9'900});
  CHECK(registers::guest_line());
  CHECK(!m.undefined);
  if constexpr (TestType::mode == el2_mode::vhe) {
    CHECK(m.cnthctl == 0);  // CNTKCTL_EL1 would have written this one
  }
}

TEMPLATE_TEST_CASE("loading switches the timer on last, saving reads the value after switching it off",
                   "[arch_aarch64][generic_timer]", nvhe, vhe) {
  using registers = typename TestType::registers;
  using names = timer_names<TestType::mode>;
  registers::m = {};
  TestType::timer::load_guest({.cval = 7, .ctl = 0xff, .cntkctl = 2}, ticks{5});
  CHECK(registers::m.events == std::vector{write_of(sysreg::cntvoff_el2, 5), write_of(names::cntkctl, 2),
                                           write_of(names::cntv_cval, 7), write_of(names::cntv_ctl, 3)});
  registers::m.events.clear();
  guest_timer_state s{};
  TestType::timer::save_guest(s);
  CHECK(registers::m.events == std::vector{read_of(names::cntv_ctl, 7), write_of(names::cntv_ctl, 0),
                                           read_of(names::cntv_cval, 7), read_of(names::cntkctl, 2), isb});
  CHECK(s == guest_timer_state{7, 3, 2});
}

TEST_CASE("a timer that waits off the CPU tells when it will be due", "[arch_aarch64][generic_timer]") {
  STATIC_REQUIRE(guest_timer_state{}.deadline() == failure{timer_error::none});
  STATIC_REQUIRE(guest_timer_state{100, 0, 0}.deadline() == failure{timer_error::none});
  STATIC_REQUIRE(guest_timer_state{100, 3, 0}.deadline() == failure{timer_error::none});
  STATIC_REQUIRE(guest_timer_state{100, 1, 0}.deadline() == ticks{100});
  STATIC_REQUIRE(!guest_timer_state{100, 1, 0}.is_pending(ticks{99}));
  STATIC_REQUIRE(guest_timer_state{100, 1, 0}.is_pending(ticks{100}));
  STATIC_REQUIRE(!guest_timer_state{100, 3, 0}.is_pending(ticks{100}));
  STATIC_REQUIRE(!guest_timer_state{0, 0, 0}.is_pending(ticks{UINT64_MAX}));
}

}  // namespace

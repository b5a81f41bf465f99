// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/guest_timer.hpp>

#include "support/simulated_hart_timers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

struct here {};
using hart = test::simulated_hart_timers<here>;
using event = hart::event;
using kind = event::kind;
using by_call = guest_timer<hart, deadline_by::sbi>;
using by_register = guest_timer<hart, deadline_by::sstc>;
using by_either = guest_timer<hart, deadline_by::either>;

void begin(bool has_sstc) {
  hart::m = {};
  hart::m.has_sstc = has_sstc;
  hart::m.vstimecmp = UINT64_MAX;
  hart::m.hvip = 0;
}

TEST_CASE("a deadline set by a call is shown in hvip when it has come", "[arch_riscv64][guest_timer]") {
  begin(false);
  by_call const timers{};
  virtual_timer t;
  constexpr ticks offset{900};
  hart::m.counter = 1000;
  timers.load(t, offset, ticks{1000});
  CHECK(hart::guest_counter() == 100);
  CHECK(!hart::guest_line());
  CHECK(timers.wake_at(t, offset, ticks{1000}) == failure{timer_error::none});

  timers.set(t, ticks{150}, offset, ticks{1000});
  CHECK(!hart::guest_line());
  CHECK(timers.wake_at(t, offset, ticks{1000}) == ticks{1050});
  timers.update(t, offset, ticks{1049});
  CHECK(!hart::guest_line());
  timers.update(t, offset, ticks{1050});
  CHECK(hart::guest_line());
  CHECK(hart::m.hvip == 0x40);
  CHECK(timers.wake_at(t, offset, ticks{1050}) == failure{timer_error::none});

  // A deadline in the future takes the interrupt away, whether it was taken or not.
  timers.set(t, ticks{500}, offset, ticks{1060});
  CHECK(!hart::guest_line());
  timers.set(t, ticks{1}, offset, ticks{1060});
  CHECK(hart::guest_line());
  timers.set(t, ticks{UINT64_MAX}, offset, ticks{1060});
  CHECK(!hart::guest_line());
  CHECK(timers.wake_at(t, offset, ticks{1060}) == failure{timer_error::none});
  CHECK(!hart::m.undefined);
}

TEST_CASE("hvip's other bits are somebody else's", "[arch_riscv64][guest_timer]") {
  begin(false);
  hart::m.hvip = 0x404;
  by_call const timers{};
  virtual_timer t{ticks{0}};
  timers.load(t, ticks{0}, ticks{5});
  CHECK(hart::m.hvip == 0x444);
  timers.save(t);
  CHECK(hart::m.hvip == 0x404);
  CHECK(t == virtual_timer{ticks{0}});
}

TEST_CASE("with Sstc the deadline is in vstimecmp, and the hypervisor's own need not ring",
          "[arch_riscv64][guest_timer]") {
  begin(true);
  by_register const timers{};
  virtual_timer t{ticks{150}};
  constexpr ticks offset{900};
  hart::m.counter = 1000;
  hart::m.hvip = 0x40;  // left by a guest without
  timers.load(t, offset, ticks{1000});
  CHECK(hart::m.vstimecmp == 150);
  CHECK(hart::m.hvip == 0);
  CHECK(!hart::guest_line());
  CHECK(timers.wake_at(t, offset, ticks{1000}) == failure{timer_error::none});
  hart::m.counter = 1050;
  CHECK(hart::guest_line());

  hart::m.vstimecmp = 777;  // the guest's own write
  CHECK(timers.peek(t) == virtual_timer{ticks{777}});
  timers.update(t, offset, ticks{1050});
  CHECK(hart::m.hvip == 0);
  timers.set(t, ticks{60}, offset, ticks{1050});  // and its call
  CHECK(hart::guest_line());
  hart::m.vstimecmp = 888;
  timers.save(t);
  CHECK(t == virtual_timer{ticks{888}});
  hart::m.counter = 100'000;
  CHECK(!hart::guest_line());  // off the hart nobody is interrupted
  CHECK(t.level(ticks{100'000} - offset));
}

TEST_CASE("guests' timers take turns without meeting", "[arch_riscv64][guest_timer]") {
  for (bool const has_sstc : {false, true}) {
    begin(has_sstc);
    by_either const timers{has_sstc};
    CHECK(timers.uses_sstc() == has_sstc);
    virtual_timer a{ticks{150}};
    virtual_timer b{ticks{90'000}};
    hart::m.counter = 10'050;
    timers.load(a, ticks{9'900}, ticks{10'050});
    CHECK(hart::guest_line());
    CHECK(timers.peek(a) == a);
    timers.save(a);
    CHECK(!hart::guest_line());
    timers.load(b, ticks{0}, ticks{10'050});
    CHECK(hart::guest_counter() == 10'050);
    CHECK(!hart::guest_line());
    hart::m.counter = 90'000;
    timers.update(b, ticks{0}, ticks{90'000});
    CHECK(hart::guest_line());
    timers.save(b);
    timers.load(a, ticks{9'900}, ticks{90'000});
    CHECK(hart::guest_line());
    CHECK(a == virtual_timer{ticks{150}});
    CHECK(b == virtual_timer{ticks{90'000}});
    CHECK(!hart::m.undefined);
  }
}

TEST_CASE("the offset is loaded before the compare register", "[arch_riscv64][guest_timer]") {
  begin(true);
  by_register{}.load(virtual_timer{ticks{7}}, ticks{5}, ticks{6});
  CHECK(hart::m.events == std::vector<event>{{kind::write, csr::htimedelta, UINT64_MAX - 4},
                                             {kind::write, csr::vstimecmp, 7},
                                             {kind::clear, csr::hvip, 0x40}});
}

}  // namespace

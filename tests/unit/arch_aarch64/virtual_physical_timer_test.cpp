// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/virtual_physical_timer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {
using namespace axhal;
using namespace axhal::aarch64;
using enum sysreg;

TEST_CASE("the counter is the guest's time and cannot be written", "[arch_aarch64][virtual_physical_timer]") {
  virtual_physical_timer t;
  CHECK(t.read(cntpct_el0, ticks{77}) == 77);
  CHECK(!t.write(cntpct_el0, 5, ticks{77}));
  CHECK(t.read(cntpct_el0, ticks{78}) == 78);
}

TEST_CASE("the registers it answers, and no others", "[arch_aarch64][virtual_physical_timer]") {
  virtual_physical_timer t;
  for (sysreg const id : {cntpct_el0, cntp_ctl_el0, cntp_cval_el0, cntp_tval_el0}) CHECK(t.owns(id));
  for (sysreg const id : {cntv_ctl_el0, cntv_cval_el0, cntvct_el0, cntfrq_el0, hcr_el2}) {
    CHECK(!t.owns(id));
    CHECK(t.read(id, ticks{5}) == 0);
    CHECK(!t.write(id, 1, ticks{5}));
  }
  CHECK(t.deadline() == failure{timer_error::none});
}

TEST_CASE("the compare value fires when the counter has reached it", "[arch_aarch64][virtual_physical_timer]") {
  virtual_physical_timer t;
  CHECK(t.write(cntp_cval_el0, 100, ticks{0}));
  CHECK(!t.level(ticks{200}));  // off
  CHECK(t.read(cntp_ctl_el0, ticks{200}) == 0);
  CHECK(t.write(cntp_ctl_el0, 1, ticks{0}));
  CHECK(t.deadline() == ticks{100});
  CHECK(!t.level(ticks{99}));
  CHECK(t.read(cntp_ctl_el0, ticks{99}) == 1);
  CHECK(t.level(ticks{100}));
  CHECK(t.read(cntp_ctl_el0, ticks{100}) == 5);
  CHECK(t.level(ticks{UINT64_MAX}));

  CHECK(t.write(cntp_ctl_el0, 3, ticks{100}));  // masked: the status shows, the line does not
  CHECK(!t.level(ticks{100}));
  CHECK(t.read(cntp_ctl_el0, ticks{100}) == 7);
  CHECK(t.deadline() == failure{timer_error::none});

  CHECK(t.write(cntp_ctl_el0, UINT64_MAX, ticks{0}));  // status and reserved bits cannot be written
  CHECK(t.read(cntp_ctl_el0, ticks{0}) == 3);
  t.reset();
  CHECK(t.read(cntp_ctl_el0, ticks{1000}) == 0);
}

TEST_CASE("comparison is of unsigned numbers", "[arch_aarch64][virtual_physical_timer]") {
  virtual_physical_timer t;
  CHECK(t.write(cntp_ctl_el0, 1, ticks{0}));
  CHECK(t.write(cntp_cval_el0, UINT64_MAX, ticks{0}));
  CHECK(!t.level(ticks{UINT64_MAX - 1}));
  CHECK(t.level(ticks{UINT64_MAX}));
  CHECK(t.write(cntp_cval_el0, std::uint64_t{1} << 63, ticks{0}));
  CHECK(!t.level(ticks{0x7fff'ffff'ffff'ffff}));
}

TEST_CASE("the timer value is a signed distance of 32 bits", "[arch_aarch64][virtual_physical_timer]") {
  virtual_physical_timer t;
  CHECK(t.write(cntp_ctl_el0, 1, ticks{0}));
  CHECK(t.write(cntp_tval_el0, 50, ticks{1000}));
  CHECK(t.read(cntp_cval_el0, ticks{1000}) == 1050);
  CHECK(t.read(cntp_tval_el0, ticks{1020}) == 30);
  CHECK(t.read(cntp_tval_el0, ticks{1060}) == 0xffff'fff6);  // minus 10, zero-extended
  CHECK(t.level(ticks{1050}));

  CHECK(t.write(cntp_tval_el0, 0xffff'ffff, ticks{1000}));  // minus 1: due at once
  CHECK(t.read(cntp_cval_el0, ticks{1000}) == 999);
  CHECK(t.level(ticks{1000}));
  CHECK(t.write(cntp_tval_el0, 0x1234'5678'0000'0005, ticks{1000}));  // the upper half does not count
  CHECK(t.read(cntp_cval_el0, ticks{0}) == 1005);
  CHECK(t.write(cntp_tval_el0, 0x7fff'ffff, ticks{0}));
  CHECK(t.read(cntp_cval_el0, ticks{0}) == 0x7fff'ffff);
}

TEST_CASE("deadline and level agree at all times", "[arch_aarch64][virtual_physical_timer]") {
  std::mt19937_64 random{11};
  virtual_physical_timer t;
  sysreg const ids[] = {cntp_ctl_el0, cntp_cval_el0, cntp_tval_el0, cntpct_el0};
  for (int i = 0; i < 20'000; ++i) {
    std::uint64_t const now = random() >> (random() % 64);
    t.write(ids[random() % 4], random() >> (random() % 64), ticks{now});
    auto const deadline = t.deadline();
    CHECK(t.level(ticks{now}) == (deadline && now >= deadline->value));
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
// Numbers as the Arm architecture's register descriptions print them.
#include <axhal/arch/aarch64/timer_registers.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;
using namespace axhal::aarch64;

TEST_CASE("CNTx_CTL bits", "[golden][generic_timer]") {
  STATIC_REQUIRE(cnt_ctl::f_enable::mask == 0x1);
  STATIC_REQUIRE(cnt_ctl::f_imask::mask == 0x2);
  STATIC_REQUIRE(cnt_ctl::f_istatus::mask == 0x4);
}

TEST_CASE("CNTHCTL_EL2 bits with E2H 0: EL1PCTEN 0, EL1PCEN 1, EVNTEN 2, EVNTDIR 3, EVNTI 7:4",
          "[golden][generic_timer]") {
  STATIC_REQUIRE(cnthctl_nvhe::f_el1pcten::mask == 0x1);
  STATIC_REQUIRE(cnthctl_nvhe::f_el1pcen::mask == 0x2);
  STATIC_REQUIRE(cnthctl_nvhe::f_evnten::mask == 0x4);
  STATIC_REQUIRE(cnthctl_nvhe::f_evntdir::mask == 0x8);
  STATIC_REQUIRE(cnthctl_nvhe::f_evnti::mask == 0xf0);
}

TEST_CASE("CNTHCTL_EL2 bits with E2H 1: EL1PCTEN and EL1PTEN move to 10 and 11", "[golden][generic_timer]") {
  STATIC_REQUIRE(cnthctl_vhe::f_el0pcten::mask == 0x1);
  STATIC_REQUIRE(cnthctl_vhe::f_el0vcten::mask == 0x2);
  STATIC_REQUIRE(cnthctl_vhe::f_el0vten::mask == 0x100);
  STATIC_REQUIRE(cnthctl_vhe::f_el0pten::mask == 0x200);
  STATIC_REQUIRE(cnthctl_vhe::f_el1pcten::mask == 0x400);
  STATIC_REQUIRE(cnthctl_vhe::f_el1pten::mask == 0x800);
}

TEST_CASE("CNTHCTL_EL2 values that guests run with", "[golden][generic_timer]") {
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::nvhe>(physical_time::trapped) == 0x0);
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::nvhe>(physical_time::counter_only) == 0x1);
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::nvhe>(physical_time::direct) == 0x3);
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::vhe>(physical_time::trapped) == 0x0);
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::vhe>(physical_time::counter_only) == 0x400);
  STATIC_REQUIRE(cnthctl_for_guests<el2_mode::vhe>(physical_time::direct) == 0xc00);
}

TEST_CASE("private interrupt numbers of the timers", "[golden][generic_timer]") {
  // Device trees count them from 16: 13, 14, 11, 10 are the secure, non-secure, virtual and hypervisor timer.
  STATIC_REQUIRE(timer_irq::el1_physical == irq_number{14 + 16});
  STATIC_REQUIRE(timer_irq::el1_virtual == irq_number{11 + 16});
  STATIC_REQUIRE(timer_irq::el2_physical == irq_number{10 + 16});
  STATIC_REQUIRE(timer_irq::el2_virtual == irq_number{12 + 16});
}

// op0, op1, CRn, CRm, op2 of the manual's access tables.
TEST_CASE("register numbers of the generic timer", "[golden][generic_timer]") {
  STATIC_REQUIRE(sysreg::cntfrq_el0 == sysreg{0xdf00});
  STATIC_REQUIRE(sysreg::cntpct_el0 == sysreg{0xdf01});
  STATIC_REQUIRE(sysreg::cntvct_el0 == sysreg{0xdf02});
  STATIC_REQUIRE(sysreg::cntp_tval_el0 == sysreg{0xdf10});
  STATIC_REQUIRE(sysreg::cntp_ctl_el0 == sysreg{0xdf11});
  STATIC_REQUIRE(sysreg::cntp_cval_el0 == sysreg{0xdf12});
  STATIC_REQUIRE(sysreg::cntv_ctl_el0 == sysreg{0xdf19});
  STATIC_REQUIRE(sysreg::cntv_cval_el0 == sysreg{0xdf1a});
  STATIC_REQUIRE(sysreg::cntkctl_el1 == sysreg{0xc708});
  STATIC_REQUIRE(sysreg::cntkctl_el12 == sysreg{0xef08});
  STATIC_REQUIRE(sysreg::cntv_ctl_el02 == sysreg{0xef19});
  STATIC_REQUIRE(sysreg::cntv_cval_el02 == sysreg{0xef1a});
  STATIC_REQUIRE(sysreg::cntvoff_el2 == sysreg{0xe703});
  STATIC_REQUIRE(sysreg::cnthctl_el2 == sysreg{0xe708});
  STATIC_REQUIRE(sysreg::cnthp_ctl_el2 == sysreg{0xe711});
  STATIC_REQUIRE(sysreg::cnthp_cval_el2 == sysreg{0xe712});
}

}  // namespace

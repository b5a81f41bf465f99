// SPDX-License-Identifier: BSL-1.0
// Numbers of the IA-PC HPET Specification 1.0a, 2.3, written down apart from the header that uses them.
#include <axhal/arch/x86_64/hpet_registers.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal::x86_64;

TEST_CASE("HPET memory map") {
  STATIC_REQUIRE(hpet_registers::gcap_id == 0x000);
  STATIC_REQUIRE(hpet_registers::gen_conf == 0x010);
  STATIC_REQUIRE(hpet_registers::gintr_sta == 0x020);
  STATIC_REQUIRE(hpet_registers::main_cnt == 0x0f0);
  STATIC_REQUIRE(hpet_registers::conf_of(0) == 0x100);
  STATIC_REQUIRE(hpet_registers::comp_of(0) == 0x108);
  STATIC_REQUIRE(hpet_registers::fsb_rout_of(0) == 0x110);
  STATIC_REQUIRE(hpet_registers::conf_of(1) == 0x120);
  STATIC_REQUIRE(hpet_registers::comp_of(2) == 0x148);
  STATIC_REQUIRE(hpet_registers::fsb_rout_of(23) == 0x3f0);
  STATIC_REQUIRE(hpet_registers::size == 1024);
  STATIC_REQUIRE(hpet_registers::max_period == 0x05f5e100);
}

TEST_CASE("HPET register fields") {
  STATIC_REQUIRE(hpet_gcap_id::f_rev_id::mask == 0xff);
  STATIC_REQUIRE(hpet_gcap_id::f_num_tim_cap::mask == 0x1f00);
  STATIC_REQUIRE(hpet_gcap_id::f_count_size_cap::mask == 0x2000);
  STATIC_REQUIRE(hpet_gcap_id::f_leg_rt_cap::mask == 0x8000);
  STATIC_REQUIRE(hpet_gcap_id::f_vendor_id::mask == 0xffff'0000);
  STATIC_REQUIRE(hpet_gcap_id::f_counter_clk_period::mask == 0xffff'ffff'0000'0000);
  STATIC_REQUIRE(hpet_gen_conf::f_enable_cnf::mask == 1);
  STATIC_REQUIRE(hpet_gen_conf::f_leg_rt_cnf::mask == 2);
  STATIC_REQUIRE(hpet_tim_conf::f_int_type_cnf::mask == 0x0002);
  STATIC_REQUIRE(hpet_tim_conf::f_int_enb_cnf::mask == 0x0004);
  STATIC_REQUIRE(hpet_tim_conf::f_type_cnf::mask == 0x0008);
  STATIC_REQUIRE(hpet_tim_conf::f_per_int_cap::mask == 0x0010);
  STATIC_REQUIRE(hpet_tim_conf::f_size_cap::mask == 0x0020);
  STATIC_REQUIRE(hpet_tim_conf::f_val_set_cnf::mask == 0x0040);
  STATIC_REQUIRE(hpet_tim_conf::f_32mode_cnf::mask == 0x0100);
  STATIC_REQUIRE(hpet_tim_conf::f_int_route_cnf::mask == 0x3e00);
  STATIC_REQUIRE(hpet_tim_conf::f_fsb_en_cnf::mask == 0x4000);
  STATIC_REQUIRE(hpet_tim_conf::f_fsb_int_del_cap::mask == 0x8000);
  STATIC_REQUIRE(hpet_tim_conf::f_int_route_cap::mask == 0xffff'ffff'0000'0000);
}

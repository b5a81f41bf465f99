// SPDX-License-Identifier: BSL-1.0
// Numbers as ARM DDI 0183 (PL011 technical reference manual) prints them.
#include <axhal/console/pl011_registers.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;
using namespace axhal::console;

TEST_CASE("register offsets, table 3-1", "[golden][pl011]") {
  STATIC_REQUIRE(pl011_reg::dr == 0x000);
  STATIC_REQUIRE(pl011_reg::rsr == 0x004);
  STATIC_REQUIRE(pl011_reg::fr == 0x018);
  STATIC_REQUIRE(pl011_reg::ilpr == 0x020);
  STATIC_REQUIRE(pl011_reg::ibrd == 0x024);
  STATIC_REQUIRE(pl011_reg::fbrd == 0x028);
  STATIC_REQUIRE(pl011_reg::lcr_h == 0x02c);
  STATIC_REQUIRE(pl011_reg::cr == 0x030);
  STATIC_REQUIRE(pl011_reg::ifls == 0x034);
  STATIC_REQUIRE(pl011_reg::imsc == 0x038);
  STATIC_REQUIRE(pl011_reg::ris == 0x03c);
  STATIC_REQUIRE(pl011_reg::mis == 0x040);
  STATIC_REQUIRE(pl011_reg::icr == 0x044);
  STATIC_REQUIRE(pl011_reg::dmacr == 0x048);
  STATIC_REQUIRE(pl011_reg::periph_id == 0xfe0);
  STATIC_REQUIRE(pl011_reg::pcell_id == 0xff0);
}

TEST_CASE("bits of data, flags, line control and control", "[golden][pl011]") {
  STATIC_REQUIRE(pl011_dr::f_fe::mask == 0x100);
  STATIC_REQUIRE(pl011_dr::f_pe::mask == 0x200);
  STATIC_REQUIRE(pl011_dr::f_be::mask == 0x400);
  STATIC_REQUIRE(pl011_dr::f_oe::mask == 0x800);
  STATIC_REQUIRE(pl011_rsr::f_oe::mask == 0x8);
  STATIC_REQUIRE(pl011_fr::f_cts::mask == 0x1);
  STATIC_REQUIRE(pl011_fr::f_dsr::mask == 0x2);
  STATIC_REQUIRE(pl011_fr::f_dcd::mask == 0x4);
  STATIC_REQUIRE(pl011_fr::f_busy::mask == 0x8);
  STATIC_REQUIRE(pl011_fr::f_rxfe::mask == 0x10);
  STATIC_REQUIRE(pl011_fr::f_txff::mask == 0x20);
  STATIC_REQUIRE(pl011_fr::f_rxff::mask == 0x40);
  STATIC_REQUIRE(pl011_fr::f_txfe::mask == 0x80);
  STATIC_REQUIRE(pl011_fr::f_ri::mask == 0x100);
  STATIC_REQUIRE(pl011_lcr::f_brk::mask == 0x01);
  STATIC_REQUIRE(pl011_lcr::f_pen::mask == 0x02);
  STATIC_REQUIRE(pl011_lcr::f_eps::mask == 0x04);
  STATIC_REQUIRE(pl011_lcr::f_stp2::mask == 0x08);
  STATIC_REQUIRE(pl011_lcr::f_fen::mask == 0x10);
  STATIC_REQUIRE(pl011_lcr::f_wlen::mask == 0x60);
  STATIC_REQUIRE(pl011_lcr::f_sps::mask == 0x80);
  STATIC_REQUIRE(pl011_cr::f_uarten::mask == 0x0001);
  STATIC_REQUIRE(pl011_cr::f_lbe::mask == 0x0080);
  STATIC_REQUIRE(pl011_cr::f_txe::mask == 0x0100);
  STATIC_REQUIRE(pl011_cr::f_rxe::mask == 0x0200);
  STATIC_REQUIRE(pl011_cr::f_dtr::mask == 0x0400);
  STATIC_REQUIRE(pl011_cr::f_rts::mask == 0x0800);
  STATIC_REQUIRE(pl011_cr::f_out1::mask == 0x1000);
  STATIC_REQUIRE(pl011_cr::f_out2::mask == 0x2000);
}

TEST_CASE("interrupt bits", "[golden][pl011]") {
  STATIC_REQUIRE(pl011_irq::ri == 0x001);
  STATIC_REQUIRE(pl011_irq::cts == 0x002);
  STATIC_REQUIRE(pl011_irq::dcd == 0x004);
  STATIC_REQUIRE(pl011_irq::dsr == 0x008);
  STATIC_REQUIRE(pl011_irq::rx == 0x010);
  STATIC_REQUIRE(pl011_irq::tx == 0x020);
  STATIC_REQUIRE(pl011_irq::rt == 0x040);
  STATIC_REQUIRE(pl011_irq::fe == 0x080);
  STATIC_REQUIRE(pl011_irq::pe == 0x100);
  STATIC_REQUIRE(pl011_irq::be == 0x200);
  STATIC_REQUIRE(pl011_irq::oe == 0x400);
}

TEST_CASE("baud divisors", "[golden][pl011]") {
  // The manual's example, 3.3.6: 230400 baud from 4 MHz: 1.085, that is 1 and 5/64.
  STATIC_REQUIRE(pl011_divisor_for(hertz{4'000'000}, 230'400) == pl011_divisor{1, 5});
  // QEMU's virt machine: 24 MHz; 13.0208 is 13 and 1/64.
  STATIC_REQUIRE(pl011_divisor_for(hertz{24'000'000}, 115'200) == pl011_divisor{13, 1});
  STATIC_REQUIRE(pl011_divisor_for(hertz{7'372'800}, 115'200) == pl011_divisor{4, 0});
  STATIC_REQUIRE(pl011_divisor_for(hertz{48'000'000}, 3'000'000) == pl011_divisor{1, 0});
  // The ends of the divider: 1 and 65535.
  STATIC_REQUIRE(pl011_divisor_for(hertz{16}, 1) == pl011_divisor{1, 0});
  STATIC_REQUIRE(pl011_divisor_for(hertz{15}, 1) == failure{pl011_error::baud_rate});
  STATIC_REQUIRE(pl011_divisor_for(hertz{65535 * 16}, 1) == pl011_divisor{65535, 0});
  STATIC_REQUIRE(pl011_divisor_for(hertz{65535 * 16 + 1}, 1) == failure{pl011_error::baud_rate});
  STATIC_REQUIRE(pl011_divisor_for(hertz{24'000'000}, 0) == failure{pl011_error::baud_rate});
  STATIC_REQUIRE(pl011_divisor_for(hertz{0}, 9600) == failure{pl011_error::baud_rate});
  STATIC_REQUIRE(pl011_divisor_for(hertz{UINT64_MAX}, 9600) == failure{pl011_error::baud_rate});
}

}  // namespace

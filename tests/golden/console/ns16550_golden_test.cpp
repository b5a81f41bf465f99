// SPDX-License-Identifier: BSL-1.0
// Numbers as the PC16550D data sheet (National Semiconductor, June 1995) prints them.
#include <axhal/console/ns16550_registers.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;
using namespace axhal::console;

TEST_CASE("register numbers, table II", "[golden][ns16550]") {
  STATIC_REQUIRE(ns16550_reg::rbr == 0);
  STATIC_REQUIRE(ns16550_reg::thr == 0);
  STATIC_REQUIRE(ns16550_reg::dll == 0);
  STATIC_REQUIRE(ns16550_reg::ier == 1);
  STATIC_REQUIRE(ns16550_reg::dlm == 1);
  STATIC_REQUIRE(ns16550_reg::iir == 2);
  STATIC_REQUIRE(ns16550_reg::fcr == 2);
  STATIC_REQUIRE(ns16550_reg::lcr == 3);
  STATIC_REQUIRE(ns16550_reg::mcr == 4);
  STATIC_REQUIRE(ns16550_reg::lsr == 5);
  STATIC_REQUIRE(ns16550_reg::msr == 6);
  STATIC_REQUIRE(ns16550_reg::scr == 7);
}

TEST_CASE("bits of the registers, table II", "[golden][ns16550]") {
  STATIC_REQUIRE(ns16550_ier::erbfi == 0x01);
  STATIC_REQUIRE(ns16550_ier::etbei == 0x02);
  STATIC_REQUIRE(ns16550_ier::elsi == 0x04);
  STATIC_REQUIRE(ns16550_ier::edssi == 0x08);
  STATIC_REQUIRE(ns16550_ier::all == 0x0f);
  STATIC_REQUIRE(ns16550_fcr::f_fifo_enable::mask == 0x01);
  STATIC_REQUIRE(ns16550_fcr::f_rcvr_reset::mask == 0x02);
  STATIC_REQUIRE(ns16550_fcr::f_xmit_reset::mask == 0x04);
  STATIC_REQUIRE(ns16550_fcr::f_dma_mode::mask == 0x08);
  STATIC_REQUIRE(ns16550_fcr::f_rcvr_trigger::mask == 0xc0);
  STATIC_REQUIRE(ns16550_lcr::f_wls::mask == 0x03);
  STATIC_REQUIRE(ns16550_lcr::f_stb::mask == 0x04);
  STATIC_REQUIRE(ns16550_lcr::f_pen::mask == 0x08);
  STATIC_REQUIRE(ns16550_lcr::f_eps::mask == 0x10);
  STATIC_REQUIRE(ns16550_lcr::f_stick_parity::mask == 0x20);
  STATIC_REQUIRE(ns16550_lcr::f_set_break::mask == 0x40);
  STATIC_REQUIRE(ns16550_lcr::f_dlab::mask == 0x80);
  STATIC_REQUIRE(ns16550_mcr::f_dtr::mask == 0x01);
  STATIC_REQUIRE(ns16550_mcr::f_rts::mask == 0x02);
  STATIC_REQUIRE(ns16550_mcr::f_out1::mask == 0x04);
  STATIC_REQUIRE(ns16550_mcr::f_out2::mask == 0x08);
  STATIC_REQUIRE(ns16550_mcr::f_loop::mask == 0x10);
  STATIC_REQUIRE(ns16550_lsr::f_dr::mask == 0x01);
  STATIC_REQUIRE(ns16550_lsr::f_oe::mask == 0x02);
  STATIC_REQUIRE(ns16550_lsr::f_pe::mask == 0x04);
  STATIC_REQUIRE(ns16550_lsr::f_fe::mask == 0x08);
  STATIC_REQUIRE(ns16550_lsr::f_bi::mask == 0x10);
  STATIC_REQUIRE(ns16550_lsr::f_thre::mask == 0x20);
  STATIC_REQUIRE(ns16550_lsr::f_temt::mask == 0x40);
  STATIC_REQUIRE(ns16550_lsr::f_fifo_error::mask == 0x80);
  STATIC_REQUIRE(ns16550_msr::f_dcts::mask == 0x01);
  STATIC_REQUIRE(ns16550_msr::f_ddsr::mask == 0x02);
  STATIC_REQUIRE(ns16550_msr::f_teri::mask == 0x04);
  STATIC_REQUIRE(ns16550_msr::f_ddcd::mask == 0x08);
  STATIC_REQUIRE(ns16550_msr::f_cts::mask == 0x10);
  STATIC_REQUIRE(ns16550_msr::f_dsr::mask == 0x20);
  STATIC_REQUIRE(ns16550_msr::f_ri::mask == 0x40);
  STATIC_REQUIRE(ns16550_msr::f_dcd::mask == 0x80);
}

TEST_CASE("interrupt identification, table IV", "[golden][ns16550]") {
  STATIC_REQUIRE(ns16550_iir::none == 0b0001);
  STATIC_REQUIRE(ns16550_iir::line_status == 0b0110);
  STATIC_REQUIRE(ns16550_iir::received == 0b0100);
  STATIC_REQUIRE(ns16550_iir::timeout == 0b1100);
  STATIC_REQUIRE(ns16550_iir::transmitter == 0b0010);
  STATIC_REQUIRE(ns16550_iir::modem == 0b0000);
  STATIC_REQUIRE(ns16550_iir::f_fifos_enabled::mask == 0xc0);
}

TEST_CASE("baud divisors, table III, by crystal", "[golden][ns16550]") {
  struct row {
    std::uint32_t baud;
    std::uint16_t divisor;
  };
  // 1.8432 MHz
  for (row const r : {row{50, 2304}, row{75, 1536}, row{110, 1047}, row{150, 768}, row{300, 384}, row{1200, 96},
                      row{2000, 58}, row{2400, 48}, row{9600, 12}, row{19200, 6}, row{38400, 3}, row{56000, 2}}) {
    CHECK(ns16550_divisor_for(hertz{1'843'200}, r.baud) == r.divisor);
  }
  // 3.072 MHz
  for (row const r : {row{50, 3840}, row{110, 1745}, row{300, 640}, row{2000, 96}, row{9600, 20}, row{38400, 5}}) {
    CHECK(ns16550_divisor_for(hertz{3'072'000}, r.baud) == r.divisor);
  }
  // 18.432 MHz
  for (row const r : {row{50, 23040}, row{110, 10473}, row{1200, 960}, row{9600, 120}, row{56000, 21}}) {
    CHECK(ns16550_divisor_for(hertz{18'432'000}, r.baud) == r.divisor);
  }
  // QEMU's virt machine for RISC-V: clock-frequency 0x384000.
  STATIC_REQUIRE(ns16550_divisor_for(hertz{3'686'400}, 115'200) == std::uint16_t{2});
}

TEST_CASE("rates that the clock does not give are refused", "[golden][ns16550]") {
  constexpr auto refused = failure{ns16550_error::baud_rate};
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1'843'200}, 0) == refused);
  STATIC_REQUIRE(ns16550_divisor_for(hertz{0}, 9600) == refused);
  STATIC_REQUIRE(ns16550_divisor_for(hertz{UINT64_MAX}, 9600) == refused);
  STATIC_REQUIRE(ns16550_divisor_for(hertz{UINT64_MAX}, UINT32_MAX) == refused);
  // 1 is the smallest divisor; half of it would be sent at half the rate.
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1'843'200}, 115'200) == std::uint16_t{1});
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1'843'200}, 230'400) == refused);
  // 1.5 is 33 % off on one side and 25 % on the other.
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1'843'200}, 76'800) == refused);
  STATIC_REQUIRE(ns16550_divisor_for(hertz{16 * 65535}, 1) == std::uint16_t{65535});
  STATIC_REQUIRE(ns16550_divisor_for(hertz{16 * 65536}, 1) == refused);
  // 3 % and a little more: 100 baud from 1600 and from about 1648 Hz.
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1648}, 100) == std::uint16_t{1});
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1649}, 100) == refused);
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1552}, 100) == std::uint16_t{1});
  STATIC_REQUIRE(ns16550_divisor_for(hertz{1551}, 100) == refused);
}

}  // namespace

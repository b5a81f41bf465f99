// SPDX-License-Identifier: BSL-1.0
#include <axhal/console/pl011.hpp>
#include <axhal/vdev/pl011.hpp>

#include "support/mmio_recorder.hpp"
#include "support/uart_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::console;
using test::mmio_access;
using driver = pl011<test::mmio_recorder>;

TEST_CASE("init sends what is left, then sets the line before it turns the device on", "[console][pl011]") {
  test::mmio_log log;
  log.answers[0x18] = {0x08, 0x08, 0x90};  // busy, busy, empty
  driver uart{test::mmio_recorder{&log}};
  REQUIRE(uart.init(hertz{24'000'000}, 115'200).has_value());
  std::vector<mmio_access> const expected = {
      {'r', 4, 0x18, 0x08},  {'r', 4, 0x18, 0x08}, {'r', 4, 0x18, 0x90}, {'w', 4, 0x30, 0},  // off
      {'w', 4, 0x2c, 0},                                                                     // FIFOs off: emptied
      {'w', 4, 0x38, 0},                                                                     // no interrupts
      {'w', 4, 0x44, 0x7ff}, {'w', 4, 0x48, 0},                                              // no DMA
      {'w', 4, 0x04, 0},                                                                     // no errors
      {'w', 4, 0x24, 13},    {'w', 4, 0x28, 1},    {'w', 4, 0x2c, 0x70},  // 8 bits, FIFOs; takes the divisor over
      {'w', 4, 0x30, 0x301},                                              // UARTEN, TXE, RXE
  };
  CHECK(log.accesses == expected);
}

TEST_CASE("an impossible baud rate changes nothing", "[console][pl011]") {
  test::mmio_log log;
  driver uart{test::mmio_recorder{&log}};
  CHECK(uart.init(hertz{1'000'000}, 115'200) == failure{pl011_error::baud_rate});
  CHECK(log.accesses.empty());
}

TEST_CASE("put waits for room", "[console][pl011]") {
  test::mmio_log log;
  log.answers[0x18] = {0x20, 0x20, 0x00};
  driver uart{test::mmio_recorder{&log}};
  uart.put('x');
  std::vector<mmio_access> const expected = {
      {'r', 4, 0x18, 0x20}, {'r', 4, 0x18, 0x20}, {'r', 4, 0x18, 0x00}, {'w', 4, 0x00, 'x'}};
  CHECK(log.accesses == expected);
}

TEST_CASE("an idle poll costs one access", "[console][pl011]") {
  test::mmio_log log;
  log.answers[0x18] = {0x90};
  driver uart{test::mmio_recorder{&log}};
  CHECK(uart.get() == failure{console_error::empty});
  CHECK(uart.get() == failure{console_error::empty});
  CHECK(log.accesses == std::vector<mmio_access>{{'r', 4, 0x18, 0x90}, {'r', 4, 0x18, 0x90}});
}

TEST_CASE("a damaged byte is told and not given", "[console][pl011]") {
  for (std::uint32_t const flag : {0x100U, 0x200U, 0x400U, 0x700U}) {
    test::mmio_log log;
    log.answers[0x00] = {flag | 'a', 'b'};
    driver uart{test::mmio_recorder{&log}};
    CHECK(uart.get() == failure{console_error::damaged});
    CHECK(uart.get() == std::uint8_t{'b'});
  }
}

TEST_CASE("a loss is told where it happened, once", "[console][pl011]") {
  SECTION("told by the byte after it") {
    test::mmio_log log;
    log.answers[0x00] = {'a', 0x800 | 'd', 'e'};
    driver uart{test::mmio_recorder{&log}};
    CHECK(uart.get() == std::uint8_t{'a'});
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == std::uint8_t{'d'});
    CHECK(uart.get() == std::uint8_t{'e'});
  }
  SECTION("told by the status when nothing came after it") {
    test::mmio_log log;
    log.answers[0x18] = {0x00, 0x10, 0x00, 0x10};
    log.answers[0x04] = {0x08, 0x00};
    log.answers[0x00] = {'a', 0x800 | 'd'};
    driver uart{test::mmio_recorder{&log}};
    CHECK(uart.get() == std::uint8_t{'a'});
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == std::uint8_t{'d'});  // the device tells again: not passed on
    CHECK(uart.get() == failure{console_error::empty});
  }
  SECTION("a lost byte before a damaged one") {
    test::mmio_log log;
    log.answers[0x00] = {0x900 | 'd', 'e'};
    driver uart{test::mmio_recorder{&log}};
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == failure{console_error::damaged});
    CHECK(uart.get() == std::uint8_t{'e'});
  }
}

TEST_CASE("interrupts are masked, read and cleared by their bits", "[console][pl011]") {
  test::mmio_log log;
  log.answers[0x40] = {0x50};
  driver uart{test::mmio_recorder{&log}};
  uart.enable_receive_interrupt();
  CHECK(uart.interrupts() == (pl011_irq::rx | pl011_irq::rt));
  uart.acknowledge(0xffff'ffff);
  uart.set_interrupts(0xffff'f800);
  std::vector<mmio_access> const expected = {
      {'w', 4, 0x38, 0x50}, {'r', 4, 0x40, 0x50}, {'w', 4, 0x44, 0x7ff}, {'w', 4, 0x38, 0}};
  CHECK(log.accesses == expected);
}

// The driver against the device that guests see: two programs that meet only at the manual.
TEST_CASE("the driver drives the virtual device", "[console][pl011]") {
  test::uart_bench<axhal::vdev::pl011> bench;
  pl011<test::uart_bench<axhal::vdev::pl011>::window> uart{{&bench.device}};
  REQUIRE(uart.init(hertz{24'000'000}, 115'200).has_value());
  for (char const c : {'h', 'i', '\n'}) uart.put(static_cast<std::uint8_t>(c));
  CHECK(bench.sent == std::deque<std::uint8_t>{'h', 'i', '\n'});
  CHECK(!bench.device.irq_level());
  uart.enable_receive_interrupt();
  CHECK(!bench.device.irq_level());
  bench.send('!');
  CHECK(bench.device.irq_level());
  CHECK(uart.get() == std::uint8_t{'!'});
  CHECK(!bench.device.irq_level());
  bench.device.receive_break();
  CHECK(uart.get() == failure{console_error::damaged});
}

}  // namespace

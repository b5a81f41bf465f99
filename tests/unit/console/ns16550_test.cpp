// SPDX-License-Identifier: BSL-1.0
#include <axhal/console/ns16550.hpp>
#include <axhal/vdev/ns16550.hpp>

#include "support/mmio_recorder.hpp"
#include "support/simulated_ns16550.hpp"
#include "support/uart_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::console;
using test::mmio_access;
using test::simulated_ns16550;
using driver = ns16550<test::mmio_recorder>;
using chip_driver = ns16550<simulated_ns16550::window>;

constexpr hertz virt_clock{3'686'400};

TEST_CASE("init sends what is left, closes the divisor latch, sets the line, then the FIFOs", "[console][ns16550]") {
  test::mmio_log log;
  log.answers[5] = {0x00, 0x20, 0x60};  // sending, the last byte on the wire, all sent
  log.answers[2] = {0xc1};
  driver uart{test::mmio_recorder{&log}};
  REQUIRE(uart.init(hertz{1'843'200}, 300).has_value());
  std::vector<mmio_access> const expected = {
      {'r', 1, 5, 0x00}, {'r', 1, 5, 0x20}, {'r', 1, 5, 0x60},                     //
      {'w', 1, 3, 0x03}, {'w', 1, 1, 0x00},                                        // 8 bits; no interrupts
      {'w', 1, 3, 0x83}, {'w', 1, 0, 0x80}, {'w', 1, 1, 0x01}, {'w', 1, 3, 0x03},  // divisor 384
      {'w', 1, 2, 0x87},                                                           // FIFOs on and empty, level 8
      {'w', 1, 4, 0x0b},                                                           // DTR, RTS, Out2
      {'r', 1, 5, 0x60}, {'r', 1, 0, 0x00}, {'r', 1, 2, 0xc1},  // the past is dropped; are there FIFOs?
  };
  CHECK(log.accesses == expected);
}

TEST_CASE("an impossible baud rate changes nothing", "[console][ns16550]") {
  test::mmio_log log;
  driver uart{test::mmio_recorder{&log}};
  CHECK(uart.init(hertz{1'000'000}, 115'200) == failure{ns16550_error::baud_rate});
  CHECK(log.accesses.empty());
}

TEST_CASE("put waits for room", "[console][ns16550]") {
  test::mmio_log log;
  log.answers[5] = {0x00, 0x40, 0x20};
  driver uart{test::mmio_recorder{&log}};
  uart.put('x');
  CHECK(log.accesses ==
        std::vector<mmio_access>{{'r', 1, 5, 0x00}, {'r', 1, 5, 0x40}, {'r', 1, 5, 0x20}, {'w', 1, 0, 'x'}});
}

TEST_CASE("an idle poll costs one access, a byte two", "[console][ns16550]") {
  test::mmio_log log;
  log.answers[5] = {0x60, 0x61};
  log.answers[0] = {'q'};
  driver uart{test::mmio_recorder{&log}};
  CHECK(uart.get() == failure{console_error::empty});
  CHECK(log.accesses == std::vector<mmio_access>{{'r', 1, 5, 0x60}});
  CHECK(uart.get() == std::uint8_t{'q'});
  CHECK(log.accesses.size() == 3);
}

TEST_CASE("registers apart by a shift, accessed by bytes or words", "[console][ns16550]") {
  test::mmio_log log;
  log.answers[5 << 2] = {0xffff'ff61};  // the upper bytes of a word mean nothing
  log.answers[0] = {0xabcd'ef51};
  ns16550<test::mmio_recorder, ns16550_layout{.reg_shift = 2, .reg_io_width = 4}> words{test::mmio_recorder{&log}};
  CHECK(words.can_put());
  CHECK(words.get() == std::uint8_t{0x51});
  words.put(0x80);
  CHECK(log.accesses.back() == mmio_access{'w', 4, 0, 0x80});
  words.set_interrupts(1);
  CHECK(log.accesses.back() == mmio_access{'w', 4, 4, 1});
  ns16550<test::mmio_recorder, ns16550_layout{.reg_shift = 2}> bytes{test::mmio_recorder{&log}};
  bytes.set_interrupts(0);
  CHECK(log.accesses.back() == mmio_access{'w', 1, 4, 0});
}

TEST_CASE("init leaves a chip ready, whatever was there", "[console][ns16550]") {
  for (bool const fifos : {true, false}) {
    for (unsigned const shift : {0U, 2U}) {
      simulated_ns16550 chip{shift, shift == 0 ? 1U : 4U, fifos};
      chip.lcr = 0x80;  // firmware has left the latch open
      chip.ier = 0x0f;
      chip.mcr = 0x10;
      chip.tx = {'o', 'l', 'd'};
      chip.arrive('x', 8);
      auto const begin = [&](auto uart) {
        REQUIRE(uart.init(virt_clock, 9600).has_value());
        CHECK(uart.get() == failure{console_error::empty});
        for (char const c : {'n', 'e', 'w'}) uart.put(static_cast<std::uint8_t>(c));
        uart.drain();
      };
      if (shift == 0) {
        begin(chip_driver{{&chip}});
      } else {
        begin(ns16550<simulated_ns16550::window, ns16550_layout{.reg_shift = 2, .reg_io_width = 4}>{{&chip}});
      }
      CHECK(chip.wire == std::deque<std::uint8_t>{'o', 'l', 'd', 'n', 'e', 'w'});
      CHECK(chip.divisor == 24);
      CHECK(chip.lcr == 3);
      CHECK(chip.ier == 0);
      CHECK((chip.mcr & 0x10) == 0);
      CHECK(chip.mistakes.empty());
    }
  }
}

TEST_CASE("a damaged byte is told and not given", "[console][ns16550]") {
  for (std::uint8_t const errors : {std::uint8_t{4}, std::uint8_t{8}, std::uint8_t{0x18}}) {
    simulated_ns16550 chip;
    chip_driver uart{{&chip}};
    REQUIRE(uart.init(virt_clock, 115'200).has_value());
    chip.send('a');
    chip.arrive('?', errors);
    chip.send('b');
    CHECK(uart.get() == std::uint8_t{'a'});
    // Sending looks at the same register, which forgets errors when it is read.
    uart.put('!');
    uart.drain();
    CHECK(uart.get() == failure{console_error::damaged});
    CHECK(uart.get() == std::uint8_t{'b'});
    CHECK(uart.get() == failure{console_error::empty});
  }
}

TEST_CASE("an error of a byte that somebody else has read is none of the next", "[console][ns16550]") {
  simulated_ns16550 chip;
  chip_driver uart{{&chip}};
  REQUIRE(uart.init(virt_clock, 115'200).has_value());
  chip.lsr_errors = 0x10;
  CHECK(uart.get() == failure{console_error::empty});
  chip.send('a');
  CHECK(uart.get() == std::uint8_t{'a'});
}

TEST_CASE("a loss is told where it happened, once for each place", "[console][ns16550]") {
  simulated_ns16550 chip;
  chip_driver uart{{&chip}};
  REQUIRE(uart.init(virt_clock, 115'200).has_value());
  for (unsigned i = 0; i < 16; ++i) chip.send(static_cast<std::uint8_t>(i));
  SECTION("told when nothing came after it") {
    chip.send(0xee);
    CHECK(uart.can_put());  // sees the loss first
    for (unsigned i = 0; i < 16; ++i) CHECK(uart.get() == static_cast<std::uint8_t>(i));
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == failure{console_error::empty});
  }
  SECTION("two losses with a byte between them") {
    chip.send(0xee);
    CHECK(uart.get() == std::uint8_t{0});
    chip.send(16);
    chip.send(0xee);
    for (unsigned i = 1; i < 16; ++i) CHECK(uart.get() == static_cast<std::uint8_t>(i));
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == std::uint8_t{16});
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == failure{console_error::empty});
  }
  SECTION("with damage behind it") {
    chip.send(0xee);
    CHECK(uart.get() == std::uint8_t{0});
    chip.arrive(0, 0x10);
    for (unsigned i = 1; i < 16; ++i) CHECK(uart.get() == static_cast<std::uint8_t>(i));
    CHECK(uart.get() == failure{console_error::overrun});
    CHECK(uart.get() == failure{console_error::damaged});
    CHECK(uart.get() == failure{console_error::empty});
  }
  SECTION("init forgets") {
    chip.send(0xee);
    CHECK(uart.can_put());
    REQUIRE(uart.init(virt_clock, 115'200).has_value());
    CHECK(uart.get() == failure{console_error::empty});
  }
}

TEST_CASE("a chip without FIFOs keeps the newest byte, and the loss comes before it", "[console][ns16550]") {
  simulated_ns16550 chip{0, 1, false};
  chip_driver uart{{&chip}};
  REQUIRE(uart.init(virt_clock, 115'200).has_value());
  chip.send('a');
  CHECK(uart.get() == std::uint8_t{'a'});
  chip.send('b');
  chip.send('c');
  CHECK(uart.get() == failure{console_error::overrun});
  CHECK(uart.get() == std::uint8_t{'c'});
  CHECK(uart.get() == failure{console_error::empty});
  uart.put('x');
  uart.put('y');
  uart.drain();
  CHECK(chip.wire == std::deque<std::uint8_t>{'x', 'y'});
  CHECK(chip.mistakes.empty());
}

TEST_CASE("interrupts are let through by their bits and named", "[console][ns16550]") {
  test::mmio_log log;
  log.answers[2] = {0xcc};
  driver uart{test::mmio_recorder{&log}};
  uart.enable_receive_interrupt();
  CHECK(uart.identify_interrupt() == ns16550_iir::timeout);
  uart.set_interrupts(0xffff'ffff);
  uart.set_interrupts(0);
  CHECK(log.accesses == std::vector<mmio_access>{{'w', 1, 1, 1}, {'r', 1, 2, 0xcc}, {'w', 1, 1, 0xf}, {'w', 1, 1, 0}});
}

// The driver against the device that guests see: two programs that meet only at the data sheet.
TEST_CASE("the driver drives the virtual device", "[console][ns16550]") {
  test::uart_bench<axhal::vdev::ns16550> bench;
  ns16550<test::uart_bench<axhal::vdev::ns16550>::window> uart{{&bench.device}};
  REQUIRE(uart.init(virt_clock, 115'200).has_value());
  for (char const c : {'h', 'i', '\n'}) uart.put(static_cast<std::uint8_t>(c));
  uart.drain();
  CHECK(bench.sent == std::deque<std::uint8_t>{'h', 'i', '\n'});
  CHECK(!bench.device.irq_level());
  uart.enable_receive_interrupt();
  CHECK(!bench.device.irq_level());
  bench.send('!');
  CHECK(bench.device.irq_level());
  CHECK(uart.identify_interrupt() == ns16550_iir::timeout);
  CHECK(uart.get() == std::uint8_t{'!'});
  CHECK(!bench.device.irq_level());
  bench.device.receive_break();
  CHECK(uart.get() == failure{console_error::damaged});
  for (unsigned i = 0; i < 8; ++i) bench.send('z');
  CHECK(uart.identify_interrupt() == ns16550_iir::received);
}

}  // namespace

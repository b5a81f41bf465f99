// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/ns16550.hpp>

#include "support/uart_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <deque>

namespace {
using namespace axhal;

// Numbers and bits are written out: the test knows the data sheet, not the header.
constexpr std::uint64_t rbr = 0, thr = 0, dll = 0, ier = 1, dlm = 1, iir = 2, fcr = 2, lcr = 3, mcr = 4, lsr = 5,
                        msr = 6, scr = 7;

struct bench : test::uart_bench<axhal::vdev::ns16550> {
  std::uint64_t rd(std::uint64_t offset) { return device.read(offset, 1); }
  void wr(std::uint64_t offset, std::uint64_t value) { device.write(offset, 1, value); }
};

TEST_CASE("registers after reset", "[vdev][ns16550]") {
  bench b;
  for (int round = 0; round < 2; ++round) {
    CHECK(b.rd(ier) == 0);
    CHECK(b.rd(iir) == 0x01);
    CHECK(b.rd(lcr) == 0);
    CHECK(b.rd(mcr) == 0);
    CHECK(b.rd(lsr) == 0x60);
    CHECK(b.rd(msr) == 0xb0);  // carrier, data set ready, clear to send; no change
    CHECK(b.rd(rbr) == 0);
    b.wr(lcr, 0x80);
    CHECK((b.rd(dll) | b.rd(dlm) << 8) != 0);  // guests divide by it
    b.wr(lcr, 0x83);
    b.wr(dll, 1);
    b.wr(dlm, 2);
    b.wr(lcr, 0x03);
    b.wr(ier, 0x0f);
    b.wr(fcr, 0x01);
    b.wr(mcr, 0x10);
    b.wr(mcr, 0x03);
    b.device.receive('x');
    CHECK(b.device.irq_level());
    b.device.reset();
    CHECK(!b.device.irq_level());
  }
}

TEST_CASE("registers keep the bits that exist", "[vdev][ns16550]") {
  bench b;
  struct row {
    std::uint64_t offset, kept;
  };
  for (row const r : {row{ier, 0x0f}, row{lcr, 0xff}, row{mcr, 0x1f}, row{scr, 0xff}}) {
    b.wr(r.offset, 0xffff'ffff'ffff'ffff);
    CHECK(b.rd(r.offset) == r.kept);
    b.wr(r.offset, 0);
    CHECK(b.rd(r.offset) == 0);
  }
  for (std::uint64_t const offset : {lsr, std::uint64_t{8}, std::uint64_t{0xff}}) {
    std::uint64_t const before = b.rd(offset);
    b.wr(offset, ~before);
    CHECK(b.rd(offset) == before);
  }
}

TEST_CASE("the divisor latch lies over two registers while it is open", "[vdev][ns16550]") {
  bench b;
  b.wr(ier, 0x05);
  b.wr(lcr, 0x83);
  b.wr(dll, 0x34);
  b.wr(dlm, 0x12);
  CHECK(b.rd(dll) == 0x34);
  CHECK(b.rd(dlm) == 0x12);
  CHECK(b.sent.empty());
  b.device.receive('k');
  CHECK(b.rd(rbr) == 0x34);
  b.wr(lcr, 0x03);
  CHECK(b.rd(ier) == 0x05);
  CHECK(b.rd(rbr) == 'k');
  b.wr(thr, 'a');
  CHECK(b.sent == std::deque<std::uint8_t>{'a'});
  b.wr(lcr, 0x80);
  CHECK(b.rd(dll) == 0x34);
  CHECK(b.rd(dlm) == 0x12);
}

// What Linux's 8250 driver does to find out what it has (drivers/tty/serial/8250, autoconfiguration), in our words.
TEST_CASE("a probing driver finds a 16550A", "[vdev][ns16550]") {
  bench b;
  b.wr(ier, 0);
  CHECK((b.rd(ier) & 0x0f) == 0);
  b.wr(ier, 0x0f);
  CHECK((b.rd(ier) & 0x0f) == 0x0f);
  b.wr(ier, 0);
  // Looped back, Out2 comes back as carrier and RTS as clear to send.
  b.wr(mcr, 0x1a);
  CHECK((b.rd(msr) & 0xf0) == 0x90);
  b.wr(mcr, 0);
  // No enhanced features: with 0xbf in LCR number 2 is no register of its own, and reads as what is no zero.
  b.wr(fcr, 0x01);
  CHECK(b.rd(iir) >> 6 == 3);
  b.wr(lcr, 0xbf);
  CHECK(b.rd(iir) != 0);
  b.wr(lcr, 0xe0);  // no second bank of a Super I/O chip: number 2 does not follow LOOP
  std::uint64_t const before = b.rd(2);
  b.wr(lcr, 0);
  b.wr(mcr, 0x10);
  b.wr(lcr, 0xe0);
  CHECK(((b.rd(2) ^ before) & 0x10) == 0);
  b.wr(lcr, 0);
  b.wr(mcr, 0);
  // No FIFO of 64.
  b.wr(fcr, 0x21);
  CHECK(b.rd(iir) >> 5 == 6);
  b.wr(lcr, 0x80);
  b.wr(fcr, 0x21);
  b.wr(lcr, 0);
  CHECK(b.rd(iir) >> 5 == 6);
  b.wr(scr, 0xa5);
  CHECK(b.rd(scr) == 0xa5);
  b.wr(fcr, 0);
  CHECK(b.rd(iir) == 0x01);
}

TEST_CASE("bytes go out at once", "[vdev][ns16550]") {
  bench b;
  b.wr(thr, 'a');
  b.device.write(thr, 4, 0x1234'5600 + 'b');
  b.device.write(thr, 8, 'c');
  CHECK(b.sent == std::deque<std::uint8_t>{'a', 'b', 'c'});
  CHECK(b.rd(lsr) == 0x60);
}

TEST_CASE("the transmitter's interrupt: when the holding register empties or one begins to listen", "[vdev][ns16550]") {
  bench b;
  CHECK(!b.device.irq_level());
  b.wr(ier, 0x02);
  CHECK(b.device.irq_level());
  CHECK(b.rd(iir) == 0x02);  // told, and over
  CHECK(!b.device.irq_level());
  CHECK(b.rd(iir) == 0x01);
  b.wr(ier, 0x02);  // still listening: nothing new
  CHECK(!b.device.irq_level());
  b.wr(ier, 0x00);
  CHECK(!b.device.irq_level());
  b.wr(ier, 0x02);
  CHECK(b.device.irq_level());
  b.wr(ier, 0x00);
  CHECK(!b.device.irq_level());
  CHECK(b.rd(iir) == 0x01);
  b.wr(ier, 0x02);
  CHECK(b.rd(iir) == 0x02);
  b.wr(thr, 'a');  // in and out
  CHECK(b.device.irq_level());
  CHECK(b.rd(iir) == 0x02);
}

TEST_CASE("received bytes come out in order, and flags follow", "[vdev][ns16550]") {
  bench b;
  b.wr(fcr, 0x01);
  for (unsigned i = 0; i < 16; ++i) {
    CHECK(b.device.can_receive());
    b.send(static_cast<std::uint8_t>(i + 100));
    CHECK(b.rd(lsr) == 0x61);
  }
  CHECK(!b.device.can_receive());
  for (unsigned i = 0; i < 16; ++i) CHECK(b.rd(rbr) == i + 100);
  CHECK(b.rd(lsr) == 0x60);
  CHECK(b.rd(rbr) == 0);
  CHECK(b.device.can_receive());
}

TEST_CASE("what the guest has not read can be taken back, and is gone for it", "[vdev][ns16550]") {
  bench b;
  b.wr(ier, 0x01);
  CHECK(b.device.take_back().error() == console_error::empty);
  b.send('a');
  CHECK(b.device.irq_level());
  CHECK_FALSE(b.device.can_receive());
  CHECK(*b.device.take_back() == 'a');
  CHECK_FALSE(b.device.irq_level());
  CHECK(b.device.can_receive());
  CHECK(b.rd(lsr) == 0x60);
  b.wr(fcr, 0x01);
  b.send('b');
  b.send('c');
  CHECK(*b.device.take_back() == 'b');
  CHECK(b.device.irq_level());
  b.wr(lcr, 0x80);  // the guest's divisor latch is not in the way
  CHECK(*b.device.take_back() == 'c');
  CHECK_FALSE(b.device.take_back().has_value());
}

TEST_CASE("the level is 1, 4, 8 or 14; below it what waits is a timeout at once", "[vdev][ns16550]") {
  unsigned const levels[] = {1, 4, 8, 14};
  for (unsigned selector = 0; selector < 4; ++selector) {
    bench b;
    b.wr(fcr, 0x01 | selector << 6);
    b.wr(ier, 0x01);
    CHECK(b.rd(iir) == 0xc1);
    for (unsigned i = 1; i <= 16; ++i) {
      b.send(0);
      CHECK(b.device.irq_level());
      CHECK(b.rd(iir) == (i >= levels[selector] ? 0xc4U : 0xccU));
    }
    for (unsigned left = 16; left-- > 0;) {
      (void)b.rd(rbr);
      CHECK(b.device.irq_level() == (left > 0));
      CHECK(b.rd(iir) == (left == 0 ? 0xc1U : left >= levels[selector] ? 0xc4U : 0xccU));
    }
  }
}

TEST_CASE("without FIFOs one byte is held, and a new one destroys it", "[vdev][ns16550]") {
  bench b;
  b.wr(ier, 0x01);
  b.send('a');
  CHECK(!b.device.can_receive());
  CHECK(b.rd(iir) == 0x04);
  b.send('b');
  CHECK(b.rd(lsr) == 0x63);
  CHECK(b.rd(lsr) == 0x61);  // told once
  CHECK(b.rd(rbr) == 'b');
  CHECK(b.rd(lsr) == 0x60);
  b.device.receive_break();
  CHECK(b.rd(lsr) == 0x71);  // no bit 7 without FIFOs
}

TEST_CASE("an overrun keeps what is in the FIFO and is told at once, once", "[vdev][ns16550]") {
  bench b;
  b.wr(fcr, 0x01);
  for (unsigned i = 0; i < 16; ++i) b.send(static_cast<std::uint8_t>(i));
  b.wr(ier, 0x04);
  CHECK(!b.device.irq_level());
  b.send(0x77);
  CHECK(b.device.irq_level());
  CHECK(b.rd(iir) == 0xc6);
  CHECK(b.rd(lsr) == 0x63);
  CHECK(!b.device.irq_level());
  CHECK(b.rd(lsr) == 0x61);
  for (unsigned i = 0; i < 16; ++i) CHECK(b.rd(rbr) == i);
  CHECK(b.rd(lsr) == 0x60);
}

TEST_CASE("errors are told with their byte, and one bit tells of those behind it", "[vdev][ns16550]") {
  bench b;
  b.wr(fcr, 0x01);
  b.wr(ier, 0x04);
  b.send('a');
  b.device.receive_break();
  b.send('b');
  b.device.receive_break();
  CHECK(!b.device.irq_level());  // not in front yet
  CHECK(b.rd(lsr) == 0xe1);
  CHECK(b.rd(lsr) == 0xe1);
  CHECK(b.rd(rbr) == 'a');
  CHECK(b.device.irq_level());
  CHECK(b.rd(lsr) == 0xf1);  // a break in front
  CHECK(b.rd(lsr) == 0xe1);  // and one more behind
  CHECK(!b.device.irq_level());
  CHECK(b.rd(rbr) == 0);
  CHECK(b.rd(rbr) == 'b');
  CHECK(b.rd(rbr) == 0);  // nobody looked: the error stays to be told
  CHECK(b.rd(lsr) == 0xf0);
  CHECK(b.rd(lsr) == 0x60);
}

TEST_CASE("the most urgent interrupt is named first", "[vdev][ns16550]") {
  bench b;
  b.wr(fcr, 0x41);
  b.wr(mcr, 0x14);  // loop: modem lines fall, ring indicator begins
  b.wr(mcr, 0x10);  // and ends
  b.wr(mcr, 0x00);
  for (unsigned i = 0; i < 16; ++i) b.send('x');
  b.send('y');
  b.wr(ier, 0x0f);
  CHECK(b.rd(iir) == 0xc6);
  CHECK((b.rd(lsr) & 0x02) != 0);
  CHECK(b.rd(iir) == 0xc4);
  for (unsigned i = 0; i < 13; ++i) (void)b.rd(rbr);
  CHECK(b.rd(iir) == 0xcc);
  for (unsigned i = 0; i < 3; ++i) (void)b.rd(rbr);
  CHECK(b.rd(iir) == 0xc2);
  CHECK(b.rd(iir) == 0xc0);
  CHECK(b.device.irq_level());
  CHECK((b.rd(msr) & 0x0f) == 0x0f);
  CHECK(b.rd(iir) == 0xc1);
  CHECK(!b.device.irq_level());
}

TEST_CASE("only interrupts that are let through are named", "[vdev][ns16550]") {
  bench b;
  b.send('x');
  b.wr(ier, 0x02);
  CHECK(b.rd(iir) == 0x02);
  CHECK(!b.device.irq_level());
  b.wr(ier, 0x01);
  CHECK(b.rd(iir) == 0x04);
}

TEST_CASE("modem lines: changes are told once, of a ring its end", "[vdev][ns16550]") {
  bench b;
  CHECK(b.rd(msr) == 0xb0);
  b.wr(mcr, 0x0f);  // not looped back: outputs go nowhere
  CHECK(b.rd(msr) == 0xb0);
  b.wr(mcr, 0x1f);
  CHECK(b.rd(msr) == 0xf0);  // RI has begun: no change to tell
  b.wr(mcr, 0x1b);
  CHECK(b.rd(msr) == 0xb4);
  CHECK(b.rd(msr) == 0xb0);
  b.wr(mcr, 0x1a);  // DTR -> DSR
  CHECK(b.rd(msr) == 0x92);
  b.wr(mcr, 0x18);  // RTS -> CTS
  CHECK(b.rd(msr) == 0x81);
  b.wr(mcr, 0x10);  // Out2 -> DCD
  CHECK(b.rd(msr) == 0x08);
  b.wr(mcr, 0x11);
  b.wr(mcr, 0x10);
  CHECK(b.rd(msr) == 0x02);  // there and back are changes, too
  b.wr(mcr, 0x00);
  CHECK(b.rd(msr) == 0xbb);
}

TEST_CASE("looped back, bytes come round and the host sees nothing", "[vdev][ns16550]") {
  bench b;
  b.wr(fcr, 0x01);
  b.wr(mcr, 0x10);
  b.wr(ier, 0x02);
  (void)b.rd(iir);
  b.wr(thr, 'l');
  CHECK(b.device.irq_level());  // the transmitter empties
  b.wr(thr, 'b');
  CHECK(!b.device.can_receive());
  b.send('h');  // the host's wire is cut off
  b.device.receive_break();
  CHECK(b.rd(rbr) == 'l');
  CHECK(b.rd(rbr) == 'b');
  CHECK(b.rd(lsr) == 0x60);
  for (unsigned i = 0; i < 20; ++i) b.wr(thr, i);
  CHECK(b.rd(lsr) == 0x63);
  CHECK(b.sent.empty());
  b.wr(mcr, 0);
  CHECK(b.rd(rbr) == 0);
  b.wr(thr, 'o');
  CHECK(b.sent == std::deque<std::uint8_t>{'o'});
}

TEST_CASE("FCR empties FIFOs by its reset bits and by switching them", "[vdev][ns16550]") {
  bench b;
  auto const fill = [&] {
    for (unsigned i = 0; i < 9; ++i) b.send('a');
    b.device.receive_break();
  };
  b.wr(fcr, 0x01);
  fill();
  b.wr(fcr, 0x81);  // no reset asked for
  CHECK(b.rd(lsr) == 0xe1);
  b.wr(fcr, 0x85);  // the other one
  CHECK(b.rd(lsr) == 0xe1);
  b.wr(fcr, 0x83);
  CHECK(b.rd(lsr) == 0x60);
  CHECK(b.rd(iir) == 0xc1);
  b.send('n');
  CHECK(b.rd(lsr) == 0x61);  // the break is forgotten with the rest
  fill();
  b.wr(fcr, 0x00);
  CHECK(b.rd(lsr) == 0x60);
  CHECK(b.rd(iir) == 0x01);
  b.send('b');
  b.wr(fcr, 0xc6);  // means nothing without bit 0
  CHECK(b.rd(rbr) == 'b');
  b.send('c');
  b.wr(fcr, 0x01);
  CHECK(b.rd(lsr) == 0x60);
}

TEST_CASE("accesses of any size and place are answered", "[vdev][ns16550]") {
  bench b;
  b.wr(scr, 0x5a);
  for (unsigned const size : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 16U, 255U, ~0U}) {
    CHECK(b.device.read(scr, size) == 0x5a);
    CHECK(b.device.read(lsr, size) == 0x60);
  }
  b.device.write(scr, 4, 0xffff'ff01);
  CHECK(b.rd(scr) == 1);
  b.send('q');
  CHECK(b.device.read(ier, 8) == 0);  // does not reach into what lies behind
  CHECK(b.rd(lsr) == 0x61);
  for (std::uint64_t const beyond : {std::uint64_t{8}, std::uint64_t{0x105}, UINT64_MAX}) {
    CHECK(b.device.read(beyond, 4) == 0);
    b.device.write(beyond, 8, 0xff);
  }
  CHECK(b.rd(rbr) == 'q');
  CHECK(b.sent.empty());
}

struct narrow_bench {
  std::deque<std::uint8_t> sent{};
  vdev::ns16550<test::narrow_sink> device{test::narrow_sink{&sent, 2}};
  std::uint64_t rd(std::uint64_t offset) { return device.read(offset, 1); }
  void wr(std::uint64_t offset, std::uint64_t value) { device.write(offset, 1, value); }
};

TEST_CASE("behind a sink that is full, bytes wait in the FIFO and none is lost or overtaken", "[vdev][ns16550]") {
  narrow_bench b;
  b.wr(fcr, 0x01);
  b.wr(ier, 0x02);
  for (unsigned i = 0; i < 2; ++i) {
    CHECK(b.rd(lsr) == 0x60);
    b.wr(thr, i);
  }
  for (unsigned i = 2; i < 18; ++i) {
    b.wr(thr, i);
    CHECK(b.rd(lsr) == 0x00);
    CHECK(!b.device.irq_level());
  }
  b.wr(thr, 99);  // a guest that does not look loses it
  b.wr(ier, 0x00);
  b.wr(ier, 0x02);  // listening begins, but there is no room to tell of
  CHECK(!b.device.irq_level());
  CHECK(b.sent.size() == 2);

  std::uint64_t next = 0;
  while (!b.sent.empty()) {
    CHECK(b.sent.front() == next++);
    b.sent.pop_front();
    b.device.pump();
    // 18 - next bytes are left, two of them with the sink.
    CHECK(b.device.irq_level() == (next >= 16));
    CHECK(b.rd(lsr) == (next >= 16 ? 0x60U : 0U));
  }
  CHECK(next == 18);
  CHECK(b.rd(iir) == 0xc2);
  b.device.pump();
  CHECK(!b.device.irq_level());  // nothing was sent since
  b.wr(thr, 's');
  CHECK(b.sent == std::deque<std::uint8_t>{'s'});
}

TEST_CASE("a byte that comes when the sink has room again goes behind those that wait", "[vdev][ns16550]") {
  narrow_bench b;
  b.wr(fcr, 0x01);
  for (char const c : {'a', 'b', 'c'}) b.wr(thr, static_cast<std::uint8_t>(c));
  b.sent.clear();  // the host took two; nobody has called pump
  b.wr(thr, 'd');
  CHECK(b.sent == std::deque<std::uint8_t>{'c', 'd'});
  CHECK(b.rd(lsr) == 0x60);
}

TEST_CASE("without FIFOs one byte waits for the sink; switching loses none that fits", "[vdev][ns16550]") {
  narrow_bench b;
  for (char const c : {'a', 'b', 'c', 'd'}) b.wr(thr, static_cast<std::uint8_t>(c));
  CHECK(b.rd(lsr) == 0x00);
  b.wr(fcr, 0x04);  // means nothing without bit 0
  CHECK(b.rd(lsr) == 0x00);
  b.sent.clear();
  b.wr(fcr, 0x01);
  CHECK(b.sent == std::deque<std::uint8_t>{'c'});
  CHECK(b.rd(lsr) == 0x60);
  b.wr(ier, 0x02);
  (void)b.rd(iir);
  for (char const c : {'e', 'f', 'g'}) b.wr(thr, static_cast<std::uint8_t>(c));
  CHECK(b.rd(lsr) == 0x00);
  b.wr(fcr, 0x05);  // the guest throws away what waits
  CHECK(b.rd(lsr) == 0x60);
  CHECK(b.rd(iir) == 0xc2);
  b.sent.clear();
  b.device.pump();
  CHECK(b.sent.empty());
}

}  // namespace

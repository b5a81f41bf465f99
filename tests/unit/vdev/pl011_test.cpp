// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/pl011.hpp>

#include "support/uart_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <deque>

namespace {
using namespace axhal;

// Offsets and bits are written out: the test knows the manual, not the header.
constexpr std::uint64_t dr = 0x00, rsr = 0x04, fr = 0x18, lcr_h = 0x2c, cr = 0x30, ifls = 0x34, imsc = 0x38, ris = 0x3c,
                        mis = 0x40, icr = 0x44;

struct bench : test::uart_bench<axhal::vdev::pl011> {
  std::uint64_t rd(std::uint64_t offset) { return device.read(offset, 4); }
  void wr(std::uint64_t offset, std::uint64_t value) { device.write(offset, 4, value); }
};

TEST_CASE("registers after reset", "[vdev][pl011]") {
  bench b;
  for (int round = 0; round < 2; ++round) {
    CHECK((b.rd(fr) & 0xf8) == 0x90);  // both FIFOs empty, not busy
    CHECK(b.rd(cr) == 0x300);
    CHECK(b.rd(ifls) == 0x12);
    for (std::uint64_t const zero : {rsr, std::uint64_t{0x20}, std::uint64_t{0x24}, std::uint64_t{0x28}, lcr_h, imsc,
                                     ris, mis, icr, std::uint64_t{0x48}}) {
      CHECK(b.rd(zero) == 0);
    }
    // What a driver finds by: part 0x011, designer 0x41 (Arm), and the PrimeCell word.
    std::uint32_t id = 0;
    std::uint32_t cell = 0;
    for (unsigned i = 0; i < 4; ++i) {
      id |= static_cast<std::uint32_t>(b.rd(0xfe0 + 4 * i)) << (8 * i);
      cell |= static_cast<std::uint32_t>(b.rd(0xff0 + 4 * i)) << (8 * i);
    }
    CHECK(id == 0x0014'1011);
    CHECK((id & 0x000f'ffff) == 0x0004'1011);
    CHECK(cell == 0xb105'f00d);

    b.wr(lcr_h, 0x70);
    b.wr(imsc, 0x50);
    b.wr(cr, 0x0301);
    b.wr(ifls, 0);
    b.device.receive('x');
    CHECK(b.device.irq_level());
    b.device.reset();
    CHECK(!b.device.irq_level());
  }
}

TEST_CASE("registers keep the bits that exist", "[vdev][pl011]") {
  bench b;
  struct row {
    std::uint64_t offset, kept;
  };
  for (row const r : {row{0x20, 0xff}, row{0x24, 0xffff}, row{0x28, 0x3f}, row{lcr_h, 0xff}, row{cr, 0xff87},
                      row{ifls, 0x3f}, row{imsc, 0x7ff}, row{0x48, 0x7}}) {
    b.wr(r.offset, 0xffff'ffff'ffff'ffff);
    CHECK(b.rd(r.offset) == r.kept);
    b.wr(r.offset, 0);
    CHECK(b.rd(r.offset) == 0);
  }
  // Read only, or not there.
  for (std::uint64_t const offset :
       {fr, ris, mis, std::uint64_t{0xfe0}, std::uint64_t{0xffc}, std::uint64_t{0x08}, std::uint64_t{0x80}}) {
    std::uint64_t const before = b.rd(offset);
    b.wr(offset, ~before);
    CHECK(b.rd(offset) == before);
  }
}

TEST_CASE("bytes go out at once, whatever the control register says", "[vdev][pl011]") {
  bench b;
  b.wr(dr, 'a');
  b.device.write(dr, 1, 0x1234'5600 + 'b');
  b.wr(cr, 0);
  b.device.write(dr, 2, 'c');
  CHECK(b.sent == std::deque<std::uint8_t>{'a', 'b', 'c'});
  CHECK((b.rd(fr) & 0xa8) == 0x80);  // empty, not full, not busy
  CHECK(b.rd(ris) == 0x20);
}

TEST_CASE("the transmit interrupt is the passing of a level: it comes with each byte and goes when cleared",
          "[vdev][pl011]") {
  bench b;
  b.wr(imsc, 0x20);
  CHECK(!b.device.irq_level());  // nothing was sent, no level was passed
  b.wr(dr, 'a');
  CHECK(b.device.irq_level());
  CHECK(b.rd(mis) == 0x20);
  b.wr(icr, 0x20);
  CHECK(!b.device.irq_level());
  b.wr(dr, 'b');
  b.wr(imsc, 0);
  CHECK(!b.device.irq_level());
  CHECK(b.rd(ris) == 0x20);
}

TEST_CASE("received bytes come out in order, and flags follow", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  for (unsigned i = 0; i < 16; ++i) {
    CHECK(b.device.can_receive());
    b.send(static_cast<std::uint8_t>(i + 100));
    CHECK((b.rd(fr) & 0x50) == (i == 15 ? 0x40U : 0U));
  }
  CHECK(!b.device.can_receive());
  for (unsigned i = 0; i < 16; ++i) CHECK(b.rd(dr) == i + 100);
  CHECK((b.rd(fr) & 0x50) == 0x10);
  CHECK(b.rd(dr) == 0);  // nothing there
  CHECK(b.device.can_receive());
}

TEST_CASE("without FIFOs one byte is held", "[vdev][pl011]") {
  bench b;
  b.send('a');
  CHECK(!b.device.can_receive());
  CHECK((b.rd(fr) & 0x50) == 0x40);
  CHECK((b.rd(ris) & 0x50) == 0x50);
  CHECK(b.rd(dr) == 'a');
  CHECK((b.rd(ris) & 0x50) == 0);
}

TEST_CASE("the receive level is an eighth, a quarter, a half, three quarters or seven eighths", "[vdev][pl011]") {
  unsigned const levels[] = {2, 4, 8, 12, 14};
  for (unsigned selector = 0; selector < 8; ++selector) {
    unsigned const level = levels[selector < 5 ? selector : 4];
    bench b;
    b.wr(lcr_h, 0x70);
    b.wr(ifls, selector << 3);
    for (unsigned i = 1; i <= 16; ++i) {
      b.send(0);
      CHECK(((b.rd(ris) & 0x10) != 0) == (i >= level));
    }
    for (unsigned left = 15; left < 16; --left) {
      (void)b.rd(dr);
      CHECK(((b.rd(ris) & 0x10) != 0) == (left >= level));
    }
  }
}

TEST_CASE("data that waits below the level raises the timeout until it is read", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  b.wr(imsc, 0x50);
  b.send('a');
  b.send('b');
  CHECK(b.rd(mis) == 0x40);
  CHECK(b.device.irq_level());
  b.wr(icr, 0x40);
  CHECK(!b.device.irq_level());
  CHECK(b.rd(dr) == 'a');
  CHECK(b.rd(mis) == 0x40);  // what is left waits again
  CHECK(b.rd(dr) == 'b');
  CHECK(!b.device.irq_level());
  b.send('c');
  CHECK(b.device.irq_level());
}

TEST_CASE("an overrun is raised at once and told with the next byte that finds room", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  for (unsigned i = 0; i < 16; ++i) b.send(static_cast<std::uint8_t>(i));
  CHECK((b.rd(ris) & 0x400) == 0);
  b.send(0x77);
  b.send(0x78);
  CHECK((b.rd(ris) & 0x400) != 0);
  CHECK(b.rd(rsr) == 8);
  for (unsigned i = 0; i < 16; ++i) CHECK(b.rd(dr) == i);  // what was there is unharmed
  b.send('x');
  b.send('y');
  CHECK(b.rd(dr) == (0x800U | 'x'));
  CHECK(b.rd(dr) == 'y');
  CHECK(b.rd(rsr) == 8);
  b.wr(rsr, 0);
  CHECK(b.rd(rsr) == 0);
  b.wr(icr, 0x400);
  CHECK((b.rd(ris) & 0x400) == 0);
}

TEST_CASE("a break arrives as a null byte with its flag", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  b.device.receive_break();
  CHECK((b.rd(ris) & 0x200) != 0);
  CHECK(b.rd(dr) == 0x400);
  CHECK(b.rd(rsr) == 4);
  b.send('a');
  CHECK(b.rd(dr) == 'a');
  CHECK(b.rd(rsr) == 0);  // of the byte read last
}

TEST_CASE("a receiver that is off receives nothing", "[vdev][pl011]") {
  bench b;
  b.wr(cr, 0x101);
  CHECK(!b.device.can_receive());
  b.send('a');
  b.device.receive_break();
  CHECK((b.rd(fr) & 0x10) != 0);
  CHECK(b.rd(ris) == 0);
  b.wr(cr, 0x301);
  b.send('b');
  CHECK(b.rd(dr) == 'b');
}

TEST_CASE("looped back, bytes and modem lines come round and the host sees nothing", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  CHECK((b.rd(fr) & 0x107) == 0x7);
  b.wr(cr, 0x381);
  CHECK((b.rd(fr) & 0x107) == 0);
  CHECK((b.rd(ris) & 0xf) == 0xe);  // CTS, DCD and DSR fell
  b.wr(icr, 0x7ff);
  b.wr(cr, 0x381 | 0x400 | 0x2000);  // DTR, Out2
  CHECK((b.rd(fr) & 0x107) == 0x102);
  CHECK((b.rd(ris) & 0xf) == 0x9);
  b.wr(cr, 0x381 | 0x800 | 0x1000);  // RTS, Out1
  CHECK((b.rd(fr) & 0x107) == 0x5);

  b.wr(dr, 'l');
  b.device.write(dr, 1, 'b');
  CHECK(!b.device.can_receive());
  b.send('h');  // the host's wire is cut off
  CHECK(b.rd(dr) == 'l');
  CHECK(b.rd(dr) == 'b');
  CHECK((b.rd(fr) & 0x10) != 0);
  b.wr(lcr_h, 0x71);
  CHECK(b.rd(dr) == 0x400);
  b.wr(lcr_h, 0x71);
  CHECK((b.rd(fr) & 0x10) != 0);  // a break that goes on is no new one
  CHECK(b.sent.empty());

  b.wr(cr, 0x181);  // looped back without a receiver
  b.wr(dr, 'z');
  CHECK((b.rd(fr) & 0x10) != 0);
  CHECK(b.sent.empty());
}

TEST_CASE("turning the FIFOs on or off empties them", "[vdev][pl011]") {
  bench b;
  b.wr(lcr_h, 0x70);
  for (unsigned i = 0; i < 9; ++i) b.send('a');
  CHECK((b.rd(ris) & 0x50) == 0x50);
  b.wr(lcr_h, 0x60);
  CHECK((b.rd(fr) & 0x50) == 0x10);
  CHECK((b.rd(ris) & 0x50) == 0);
  b.send('b');
  CHECK(b.rd(dr) == 'b');
}

TEST_CASE("accesses of any size and place are answered", "[vdev][pl011]") {
  bench b;
  b.wr(imsc, 0x7ff);
  CHECK(b.device.read(imsc, 1) == 0xff);
  CHECK(b.device.read(imsc, 2) == 0x7ff);
  CHECK(b.device.read(imsc, 8) == 0x7ff);
  b.device.write(imsc, 1, 0x7ff);
  CHECK(b.rd(imsc) == 0xff);
  b.send('q');
  for (std::uint64_t const odd : {1U, 2U, 3U, 0x19U, 0x1aU, 0x39U, 0x3aU, 0xfe1U}) {
    CHECK(b.device.read(odd, 1) == 0);
    b.device.write(odd, 1, 0xff);
  }
  CHECK(b.rd(dr) == 'q');  // was not read by a byte access beside it
  CHECK(b.rd(imsc) == 0xff);
  CHECK(b.sent.empty());
  for (unsigned const size : {0U, 3U, 5U, 16U, 255U, ~0U}) {
    (void)b.device.read(fr, size);
    (void)b.device.read(ifls, size);
    b.device.write(ifls, size, 0x12);
  }
  CHECK(b.device.read(0x1000, 4) == 0);
  CHECK(b.device.read(UINT64_MAX, 8) == 0);
  b.device.write(UINT64_MAX, 8, 1);
}

struct narrow_bench {
  std::deque<std::uint8_t> sent{};
  vdev::pl011<test::narrow_sink> device{test::narrow_sink{&sent, 2}};
  std::uint64_t rd(std::uint64_t offset) { return device.read(offset, 4); }
  void wr(std::uint64_t offset, std::uint64_t value) { device.write(offset, 4, value); }
};

TEST_CASE("behind a sink that is full, bytes wait in the FIFO and none is lost or overtaken", "[vdev][pl011]") {
  narrow_bench b;
  b.wr(lcr_h, 0x70);
  for (unsigned i = 0; i < 2 + 16; ++i) {
    CHECK((b.rd(fr) & 0x20) == 0);
    b.wr(dr, i);
  }
  CHECK((b.rd(fr) & 0xa8) == 0x28);  // full and busy
  CHECK((b.rd(ris) & 0x20) == 0);    // far above the level
  b.wr(dr, 99);                      // a guest that does not look loses it
  CHECK(b.sent.size() == 2);

  std::uint64_t next = 0;
  bool raised = false;
  while (!b.sent.empty()) {
    CHECK(b.sent.front() == next++);
    b.sent.pop_front();
    b.device.pump();
    // 18 - next bytes are left, two of them with the sink; half full is 8.
    bool const due = next >= 8;
    raised = (b.rd(ris) & 0x20) != 0;
    CHECK(raised == due);
  }
  CHECK(next == 18);
  CHECK((b.rd(fr) & 0xa8) == 0x80);

  b.wr(dr, 's');
  CHECK(b.sent == std::deque<std::uint8_t>{'s'});
}

TEST_CASE("a byte that comes when the sink has room again goes behind those that wait", "[vdev][pl011]") {
  narrow_bench b;
  b.wr(lcr_h, 0x70);
  for (char const c : {'a', 'b', 'c'}) b.wr(dr, static_cast<std::uint8_t>(c));
  b.sent.clear();  // the host took two; nobody has called pump
  b.wr(dr, 'd');
  CHECK(b.sent == std::deque<std::uint8_t>{'c', 'd'});
  CHECK((b.rd(fr) & 0x80) != 0);
}

}  // namespace

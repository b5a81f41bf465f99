// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/io_apic.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using vdev::interrupt_delivery;
using vdev::interrupt_message;

// Offsets and words are written out: the test knows the data sheet, not the header.
constexpr std::uint64_t ioregsel = 0x00, iowin = 0x10, eoi = 0x40;
constexpr std::uint32_t masked = 0x1'0000, level = 0x8000, remote_irr = 0x4000, low = 0x2000, logical = 0x800;

struct keeping_sink {
  std::vector<interrupt_message>* got;
  void deliver(interrupt_message const& m) { got->push_back(m); }
};

struct bench {
  std::vector<interrupt_message> got{};
  vdev::io_apic<keeping_sink> device{keeping_sink{&got}, 2};

  bench() = default;
  bench(bench const&) = delete;
  bench& operator=(bench const&) = delete;

  std::uint32_t rd(unsigned index) {
    device.write(ioregsel, 4, index);
    return static_cast<std::uint32_t>(device.read(iowin, 4));
  }
  void wr(unsigned index, std::uint32_t value) {
    device.write(ioregsel, 4, index);
    device.write(iowin, 4, value);
  }
  void route(unsigned pin, std::uint32_t low_word, std::uint32_t destination = 0) {
    wr(0x11 + 2 * pin, destination << 24);
    wr(0x10 + 2 * pin, low_word);
  }
  std::uint32_t entry(unsigned pin) { return rd(0x10 + 2 * pin); }
  std::size_t count() const { return got.size(); }
};

TEST_CASE("registers after reset", "[vdev][io_apic]") {
  bench b;
  for (int round = 0; round < 2; ++round) {
    CHECK(b.rd(0) == (round == 0 ? 0x0200'0000U : 0U));
    CHECK(b.rd(1) == 0x0017'0020);  // 24 entries, version 0x20
    CHECK(b.rd(2) == (round == 0 ? 0x0200'0000U : 0U));
    for (unsigned i = 0; i < 24; ++i) {
      CHECK(b.rd(0x10 + 2 * i) == 0x0001'0000);
      CHECK(b.rd(0x11 + 2 * i) == 0);
    }
    for (unsigned const nothing : {0x03U, 0x0fU, 0x40U, 0x41U, 0xffU}) {
      b.wr(nothing, 0xffff'ffff);
      CHECK(b.rd(nothing) == 0);
    }
    CHECK(b.device.read(ioregsel, 4) == 0xff);
    b.route(5, 0x31 | level, 3);
    b.device.set_level(5, true);
    b.device.reset();
    CHECK(b.device.read(ioregsel, 4) == 0);
    b.device.set_level(5, false);
  }
}

TEST_CASE("registers keep the bits that exist", "[vdev][io_apic]") {
  bench b;
  b.wr(0, 0xffff'ffff);
  CHECK(b.rd(0) == 0x0f00'0000);
  b.wr(1, 0);
  b.wr(2, 0);
  CHECK(b.rd(1) == 0x0017'0020);
  CHECK(b.rd(2) == 0x0f00'0000);
  b.wr(0x3e, 0xffff'ffff);
  b.wr(0x3f, 0xffff'ffff);
  CHECK(b.rd(0x3e) == 0x0001'afff);
  CHECK(b.rd(0x3f) == 0xff00'0000);
  CHECK(b.device.entry_of(23) == 0xff00'0000'0001'afff);
  CHECK(b.device.entry_of(24) == 0);
  CHECK(b.device.entry_of(~0U) == 0);
}

TEST_CASE("an edge is delivered as the entry says, once", "[vdev][io_apic]") {
  bench b;
  b.route(1, 0x31, 0x0a);
  b.device.set_level(1, true);
  REQUIRE(b.count() == 1);
  CHECK(b.got[0] == interrupt_message{0x0a, false, 0x31, interrupt_delivery::fixed, false});
  b.device.set_level(1, true);
  CHECK(b.count() == 1);
  CHECK(b.entry(1) == 0x31);
  b.device.eoi(0x31);
  b.device.set_level(1, false);
  CHECK(b.count() == 1);
  b.device.set_level(1, true);
  CHECK(b.count() == 2);
  b.route(1, 0x92 | logical | 0x100 | low, 0xff);
  CHECK(b.count() == 2);  // writing an entry is no edge
  b.device.set_level(1, false);
  b.device.set_level(1, true);
  REQUIRE(b.count() == 3);
  CHECK(b.got[2] == interrupt_message{0xff, true, 0x92, interrupt_delivery::lowest_priority, false});
}

TEST_CASE("an edge on a masked line is lost", "[vdev][io_apic]") {
  bench b;
  b.route(4, 0x44 | masked);
  b.device.set_level(4, true);
  b.route(4, 0x44);
  CHECK(b.count() == 0);
  b.device.set_level(4, false);
  b.device.set_level(4, true);
  CHECK(b.count() == 1);
}

TEST_CASE("a level is delivered again after its end as long as it is up", "[vdev][io_apic]") {
  bench b;
  b.route(10, 0x5a | level, 1);
  b.device.set_level(10, true);
  REQUIRE(b.count() == 1);
  CHECK(b.got[0] == interrupt_message{1, false, 0x5a, interrupt_delivery::fixed, true});
  CHECK(b.entry(10) == (0x5a | level | remote_irr));
  CHECK(b.device.waits_for_eoi(0x5a));
  CHECK(!b.device.waits_for_eoi(0x5b));
  b.device.set_level(10, false);
  b.device.set_level(10, true);
  CHECK(b.count() == 1);  // waits for its end
  b.device.eoi(0x5b);
  CHECK(b.count() == 1);
  b.device.eoi(0x5a);
  CHECK(b.count() == 2);
  CHECK(b.entry(10) == (0x5a | level | remote_irr));
  b.device.set_level(10, false);
  CHECK(b.entry(10) == (0x5a | level | remote_irr));
  b.device.write(eoi, 4, 0x5a);  // the register does the same
  CHECK(b.count() == 2);
  CHECK(b.entry(10) == (0x5a | level));
  CHECK(!b.device.waits_for_eoi(0x5a));
}

TEST_CASE("a level that is up is delivered when its line is unmasked", "[vdev][io_apic]") {
  bench b;
  b.route(9, 0x61 | level | masked | low);
  b.device.set_level(9, true);
  CHECK(b.count() == 0);
  b.route(9, 0x61 | level | low);
  CHECK(b.count() == 1);
  // Masking does not touch what was accepted; its end comes, and the line waits for the mask.
  b.route(9, 0x61 | level | low | masked);
  CHECK(b.entry(9) == (0x61 | level | low | masked | remote_irr));
  b.device.eoi(0x61);
  CHECK(b.entry(9) == (0x61 | level | low | masked));
  CHECK(b.count() == 1);
  b.route(9, 0x61 | level | low);
  CHECK(b.count() == 2);
}

TEST_CASE("one vector ends all its lines", "[vdev][io_apic]") {
  bench b;
  for (unsigned const pin : {0U, 16U, 23U}) {
    b.route(pin, 0x70 | level);
    b.device.set_level(pin, true);
  }
  b.device.set_level(16, false);
  CHECK(b.count() == 3);
  b.device.eoi(0x70);
  CHECK(b.count() == 5);
  CHECK((b.entry(0) & remote_irr) != 0);
  CHECK((b.entry(16) & remote_irr) == 0);
  CHECK((b.entry(23) & remote_irr) != 0);
}

TEST_CASE("making an entry edge-triggered clears Remote IRR, as kernels do by hand", "[vdev][io_apic]") {
  bench b;
  b.route(11, 0x71 | level);
  b.device.set_level(11, true);
  b.route(11, 0x71 | masked);
  CHECK(b.entry(11) == (0x71 | masked));
  b.route(11, 0x71 | level);
  CHECK(b.count() == 2);
}

TEST_CASE("delivery modes", "[vdev][io_apic]") {
  for (unsigned mode = 0; mode < 8; ++mode) {
    bench b;
    b.route(2, 0x20 | mode << 8 | level, 7);
    b.device.set_level(2, true);
    bool const exists = mode != 3 && mode != 6;
    REQUIRE(b.count() == (exists ? 1U : 0U));
    bool const waits = mode <= 1;
    CHECK(((b.entry(2) & remote_irr) != 0) == waits);
    if (!exists) continue;
    CHECK(static_cast<unsigned>(b.got[0].delivery) == mode);
    CHECK(b.got[0].level == waits);
    b.wr(0x10 + 4, 0x20 | mode << 8 | level);  // only edges count for the others
    CHECK(b.count() == 1);
    b.device.set_level(2, false);
    b.device.set_level(2, true);
    CHECK(b.count() == (waits ? 1U : 2U));
  }
}

TEST_CASE("accesses of other sizes reach the bytes that they cover", "[vdev][io_apic]") {
  bench b;
  b.device.write(ioregsel, 1, 0xab10);
  CHECK(b.device.read(ioregsel, 8) == 0x10);
  b.device.write(iowin, 1, 0xffff'ff33);
  CHECK(b.entry(0) == 0x0001'0033);
  b.device.write(iowin + 1, 1, 0x89);
  CHECK(b.entry(0) == 0x0001'8933);
  b.device.write(iowin + 2, 2, 0x0000);
  CHECK(b.entry(0) == 0x8933);
  CHECK(b.device.read(iowin, 1) == 0x33);
  CHECK(b.device.read(iowin + 1, 1) == 0x89);
  CHECK(b.device.read(iowin, 2) == 0x8933);
  CHECK(b.device.read(iowin + 1, 4) == 0x89);
  CHECK(b.device.read(iowin, 8) == 0x8933);
  CHECK(b.device.read(iowin, 0) == 0);
  b.device.write(iowin, 8, 0xffff'ffff'0001'0044);
  CHECK(b.entry(0) == 0x0001'0044);
  CHECK(b.rd(0x11) == 0);
  b.device.write(iowin, 0, 0xffff'ffff);
  b.device.write(iowin + 4, 4, 0xffff'ffff);
  b.device.write(~std::uint64_t{0}, 8, 0xffff'ffff);
  CHECK(b.device.read(~std::uint64_t{0}, 8) == 0);
  CHECK(b.entry(0) == 0x0001'0044);
  CHECK(b.device.read(0x20, 4) == 0);
  CHECK(b.device.read(eoi, 4) == 0);
  b.route(3, 0x55 | level);
  b.device.set_level(3, true);
  b.device.write(eoi + 1, 1, 0x55);
  CHECK(b.count() == 1);
  b.device.write(eoi, 1, 0x1255);
  CHECK(b.count() == 2);
  b.wr(0, 0x0500'0000);
  b.device.write(iowin, 1, 0x00);
  CHECK(b.rd(0) == 0x0500'0000);
}

TEST_CASE("pins that are not there", "[vdev][io_apic]") {
  std::vector<interrupt_message> got;
  vdev::io_apic<keeping_sink, 32> all{keeping_sink{&got}};
  all.write(ioregsel, 4, 0x01);
  CHECK(all.read(iowin, 4) == 0x001f'0020);
  all.write(ioregsel, 4, 0x10 + 2 * 31);
  all.write(iowin, 4, 0x99 | level);
  all.set_level(31, true);
  all.set_level(32, true);
  all.set_level(~0U, true);
  CHECK(got.size() == 1);
  all.eoi(0x99);
  CHECK(got.size() == 2);
}

}  // namespace

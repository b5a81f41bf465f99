// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/i8259.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;

// Words are written out: the test knows the data sheet, not the header.
constexpr std::uint64_t end = 0x20, specific_end = 0x60, read_irr = 0x0a, read_isr = 0x0b, poll = 0x0c;

struct bench {
  vdev::i8259_pair pic{};

  // As firmware and kernels set the pair up: vectors 0x20 and 0x28, all open.
  explicit bench(std::uint64_t master_icw4 = 0x01, std::uint64_t slave_icw4 = 0x01, std::uint64_t icw1 = 0x11) {
    pic.write_master(0, 1, icw1);
    pic.write_master(1, 1, 0x20);
    pic.write_master(1, 1, 0x04);
    pic.write_master(1, 1, master_icw4);
    pic.write_slave(0, 1, icw1);
    pic.write_slave(1, 1, 0x28);
    pic.write_slave(1, 1, 0x02);
    pic.write_slave(1, 1, slave_icw4);
  }
  void up(unsigned line) { pic.set_level(line, true); }
  void down(unsigned line) { pic.set_level(line, false); }
  void pulse(unsigned line) {
    down(line);
    up(line);
  }
  std::uint64_t master(std::uint64_t ocw3) {
    pic.write_master(0, 1, ocw3);
    return pic.read_master(0, 1);
  }
  std::uint64_t slave(std::uint64_t ocw3) {
    pic.write_slave(0, 1, ocw3);
    return pic.read_slave(0, 1);
  }
  /// Takes an interrupt that must be there.
  std::uint8_t take() {
    CHECK(pic.output());
    return pic.acknowledge();
  }
};

TEST_CASE("a pair that nobody has set up keeps masks and asks for nothing", "[vdev][i8259]") {
  vdev::i8259_pair pic;
  pic.set_level(1, true);
  CHECK(!pic.output());
  // What kernels write to see that the pair is there.
  pic.write_slave(1, 1, 0xff);
  pic.write_master(1, 1, 0xfb);
  CHECK(pic.read_master(1, 1) == 0xfb);
  CHECK(pic.masked() == 0xfffb);
  pic.write_master(0, 1, 0x11);
  CHECK(pic.read_master(1, 1) == 0x00);  // ICW1 clears the mask
  pic.set_level(1, false);
  pic.set_level(1, true);
  CHECK(!pic.output());
  pic.write_master(1, 1, 0x40);
  CHECK(!pic.output());
  pic.write_master(1, 1, 0x04);
  CHECK(!pic.output());
  pic.write_master(1, 1, 0x01);
  CHECK(pic.output());
  CHECK(pic.acknowledge() == 0x41);
}

TEST_CASE("without ICW4 the set-up ends a word earlier, and with SNGL another one", "[vdev][i8259]") {
  vdev::i8259_pair pic;
  pic.write_master(0, 1, 0x10);
  pic.write_master(1, 1, 0x53);  // the vector's low bits are the line's
  pic.write_master(1, 1, 0x00);
  pic.set_level(3, true);
  CHECK(pic.output());
  CHECK(pic.acknowledge() == 0x53);
  pic.write_master(0, 1, 0x12);
  pic.write_master(1, 1, 0x58);
  pic.write_master(1, 1, 0xf7);  // a mask already
  CHECK(pic.read_master(1, 1) == 0xf7);
  pic.set_level(3, false);
  pic.set_level(3, true);
  CHECK(pic.acknowledge() == 0x5b);
}

TEST_CASE("an edge is taken once; vectors are base and line", "[vdev][i8259]") {
  for (unsigned line = 0; line < 16; ++line) {
    if (line == 2) continue;
    bench b;
    b.up(line);
    CHECK(b.take() == 0x20 + line);
    CHECK(!b.pic.output());
    CHECK(b.master(read_isr) == (line < 8 ? 1U << line : 0x04U));
    CHECK(b.slave(read_isr) == (line < 8 ? 0 : 1U << (line - 8)));
    CHECK(b.master(read_irr) == 0);
    if (line >= 8) b.pic.write_slave(0, 1, end);
    b.pic.write_master(0, 1, end);
    CHECK(b.master(read_isr) == 0);
    b.up(line);
    CHECK(!b.pic.output());  // still up is no edge
    b.pulse(line);
    CHECK(b.take() == 0x20 + line);
  }
}

TEST_CASE("the more urgent line goes first and interrupts the other", "[vdev][i8259]") {
  bench b;
  b.up(5);
  b.up(3);
  CHECK(b.take() == 0x23);
  CHECK(!b.pic.output());
  b.up(0);
  CHECK(b.take() == 0x20);
  CHECK(b.master(read_isr) == 0x09);
  CHECK(b.master(read_irr) == 0x20);
  b.pic.write_master(0, 1, end);
  CHECK(b.master(read_isr) == 0x08);
  CHECK(!b.pic.output());
  b.pic.write_master(0, 1, end);
  CHECK(b.take() == 0x25);
}

TEST_CASE("the slave's lines are as urgent as the master's line 2", "[vdev][i8259]") {
  bench b;
  b.up(3);
  b.up(15);
  b.up(8);
  CHECK(b.take() == 0x28);
  CHECK(!b.pic.output());
  b.up(1);
  CHECK(b.take() == 0x21);
  b.pic.write_master(0, 1, end);
  b.pic.write_slave(0, 1, end);
  b.pic.write_master(0, 1, end);
  CHECK(b.take() == 0x2f);
  b.pic.write_slave(0, 1, end);
  b.pic.write_master(0, 1, end);
  CHECK(b.take() == 0x23);
}

TEST_CASE("a request that is gone becomes a spurious 7 or 15, in nobody's service", "[vdev][i8259]") {
  bench b;
  CHECK(b.pic.acknowledge() == 0x27);
  CHECK(b.master(read_isr) == 0);
  b.up(4);
  b.down(4);
  CHECK(!b.pic.output());
  CHECK(b.pic.acknowledge() == 0x27);
  CHECK(b.master(read_isr) == 0);
  // What the slave asks for no more, the master does not ask for either.
  b.up(10);
  b.down(10);
  CHECK(b.pic.acknowledge() == 0x27);
}

TEST_CASE("a real 7 is told from a spurious one by the service register", "[vdev][i8259]") {
  bench b;
  b.up(7);
  CHECK(b.take() == 0x27);
  CHECK(b.master(read_isr) == 0x80);
}

TEST_CASE("masks hold requests back and do not lose them", "[vdev][i8259]") {
  bench b;
  b.pic.write_master(1, 1, 0xff);
  b.up(6);
  CHECK(!b.pic.output());
  CHECK(b.master(read_irr) == 0x40);
  b.pic.write_master(1, 1, 0xbf);
  CHECK(b.take() == 0x26);
  b.pic.write_master(0, 1, end);
  b.pic.write_master(1, 1, 0x04);  // the slave's line
  b.up(9);
  CHECK(!b.pic.output());
  b.pic.write_master(1, 1, 0x00);
  CHECK(b.take() == 0x29);
}

TEST_CASE("level-triggered lines ask as long as they are up", "[vdev][i8259]") {
  bench b;
  b.pic.write_elcr(0, 2, 0xffff);
  CHECK(b.pic.read_elcr(0, 1) == 0xf8);
  CHECK(b.pic.read_elcr(1, 1) == 0xde);
  CHECK(b.pic.read_elcr(0, 2) == 0xdef8);
  for (unsigned const line : {5U, 11U}) {
    b.up(line);
    CHECK(b.take() == 0x20 + line);
    CHECK(!b.pic.output());
    if (line >= 8) b.pic.write_slave(0, 1, end);
    b.pic.write_master(0, 1, end);
    CHECK(b.take() == 0x20 + line);
    b.down(line);
    if (line >= 8) b.pic.write_slave(0, 1, end);
    b.pic.write_master(0, 1, end);
    CHECK(!b.pic.output());
  }
  b.pic.write_elcr(0, 1, 0x00);
  b.up(4);
  CHECK(b.take() == 0x24);
  b.pic.write_master(0, 1, end);
  CHECK(!b.pic.output());
  b.pic.write_elcr(0, 1, 0x10);  // now the level counts
  CHECK(b.take() == 0x24);
}

TEST_CASE("LTIM makes all lines level-triggered", "[vdev][i8259]") {
  bench b{0x01, 0x01, 0x19};
  b.up(0);
  CHECK(b.take() == 0x20);
  b.pic.write_master(0, 1, end);
  CHECK(b.take() == 0x20);
}

TEST_CASE("ICW1 forgets edges, not levels", "[vdev][i8259]") {
  bench b;
  b.pic.write_elcr(0, 1, 0x20);
  b.up(1);
  b.up(5);
  b.pic.write_master(0, 1, 0x11);
  b.pic.write_master(1, 1, 0x30);
  b.pic.write_master(1, 1, 0x04);
  b.pic.write_master(1, 1, 0x01);
  CHECK(b.pic.read_master(0, 1) == 0x20);  // and reads go to IRR
  CHECK(b.take() == 0x35);
}

TEST_CASE("automatic ends: nothing stays in service", "[vdev][i8259]") {
  bench b{0x03, 0x03};
  b.up(9);
  b.up(12);
  b.up(6);
  CHECK(b.take() == 0x29);
  CHECK(b.master(read_isr) == 0);
  CHECK(b.slave(read_isr) == 0);
  CHECK(b.take() == 0x2c);
  CHECK(b.take() == 0x26);
  CHECK(!b.pic.output());
}

TEST_CASE("rotation in automatic end-of-interrupt mode", "[vdev][i8259]") {
  bench b{0x03};
  b.pic.write_master(0, 1, 0x80);
  b.up(3);
  CHECK(b.take() == 0x23);
  b.pulse(3);
  b.up(4);
  CHECK(b.take() == 0x24);  // 3 is the lowest now
  b.up(5);
  CHECK(b.take() == 0x25);  // 4 was
  CHECK(b.take() == 0x23);
  b.pic.write_master(0, 1, 0x00);
  b.pulse(4);
  CHECK(b.take() == 0x24);
  b.pulse(3);
  b.pulse(4);
  CHECK(b.take() == 0x24);  // 3 stays the lowest
}

TEST_CASE("rotation by commands", "[vdev][i8259]") {
  bench b;
  b.pic.write_master(0, 1, 0xc0 | 4);  // 4 is the lowest, 5 the highest
  b.up(4);
  b.up(5);
  b.up(0);
  CHECK(b.take() == 0x25);
  b.pic.write_master(0, 1, 0xa0);  // ends 5 and makes it the lowest
  CHECK(b.master(read_isr) == 0);
  CHECK(b.take() == 0x20);
  CHECK(!b.pic.output());  // 4 is below
  b.pic.write_master(0, 1, 0xe0 | 0);
  CHECK(b.take() == 0x24);
  b.pulse(5);
  b.pulse(3);
  CHECK(b.take() == 0x23);  // 0 is the lowest: 3 comes before 4, and 5 after it
  CHECK(!b.pic.output());
}

TEST_CASE("a specific end ends its line alone; a plain one with nothing in service does nothing", "[vdev][i8259]") {
  bench b;
  b.pic.write_master(0, 1, end);
  b.pic.write_master(0, 1, 0xa0);
  b.up(6);
  CHECK(b.take() == 0x26);
  b.up(1);
  CHECK(b.take() == 0x21);
  b.pic.write_master(0, 1, specific_end | 6);
  CHECK(b.master(read_isr) == 0x02);
  b.pic.write_master(0, 1, 0x40 | 1);  // no operation
  CHECK(b.master(read_isr) == 0x02);
  b.pic.write_master(0, 1, specific_end | 1);
  CHECK(b.master(read_isr) == 0);
}

TEST_CASE("special mask mode: masked services hold nobody back and are not ended blindly", "[vdev][i8259]") {
  bench b;
  b.up(1);
  CHECK(b.take() == 0x21);
  b.up(5);
  CHECK(!b.pic.output());
  b.pic.write_master(1, 1, 0x02);
  CHECK(!b.pic.output());
  CHECK(b.master(read_isr) == 0x02);
  CHECK(b.master(0x68) == 0x02);  // and reads stay where they are
  CHECK(b.take() == 0x25);
  b.pic.write_master(0, 1, end);
  CHECK(b.master(read_isr) == 0x02);
  b.pic.write_master(0, 1, end);
  CHECK(b.master(read_isr) == 0x02);
  b.up(6);
  b.pic.write_master(0, 1, 0x28);  // ESMM is zero: no change
  CHECK(b.pic.output());
  b.pic.write_master(0, 1, 0x48);
  CHECK(!b.pic.output());
  b.pic.write_master(0, 1, end);
  CHECK(b.take() == 0x26);
}

TEST_CASE("special fully nested mode lets the slave's more urgent lines through", "[vdev][i8259]") {
  for (bool const nested : {false, true}) {
    bench b{nested ? 0x11U : 0x01U};
    b.up(12);
    CHECK(b.take() == 0x2c);
    b.up(3);
    CHECK(!b.pic.output());
    b.up(9);
    CHECK(b.pic.output() == nested);
    b.up(13);
    if (!nested) continue;
    CHECK(b.take() == 0x29);
    CHECK(!b.pic.output());
    // The handler asks whether the slave has more to end before it ends at the master.
    b.pic.write_slave(0, 1, end);
    CHECK(b.slave(read_isr) == 0x10);
    b.pic.write_slave(0, 1, end);
    CHECK(b.slave(read_isr) == 0);
    CHECK(b.take() == 0x2d);
  }
}

TEST_CASE("polling acknowledges without the CPU", "[vdev][i8259]") {
  bench b;
  CHECK(b.master(poll) == 0);
  b.up(12);
  b.up(14);
  CHECK(b.master(poll) == 0x82);
  CHECK(b.slave(poll) == 0x84);
  CHECK(b.slave(read_isr) == 0x10);
  CHECK(b.master(read_isr) == 0x04);
  CHECK(b.slave(poll) == 0);
  b.pic.write_slave(0, 1, end);
  b.pic.write_master(0, 1, end);
  b.pic.write_slave(0, 1, poll);
  CHECK(b.pic.output());
  CHECK(b.pic.read_slave(1, 1) == 0x86);  // at either address
  CHECK(!b.pic.output());
  b.pic.write_slave(1, 1, 0x55);
  CHECK(b.pic.read_slave(1, 1) == 0x55);  // one read, and that was it
}

TEST_CASE("a cascade that is set up wrongly", "[vdev][i8259]") {
  bench b;
  b.pic.write_slave(0, 1, 0x11);
  b.pic.write_slave(1, 1, 0x70);
  b.pic.write_slave(1, 1, 0x03);
  b.pic.write_slave(1, 1, 0x01);
  b.up(8);
  CHECK(b.take() == 0xff);  // nobody answers
  b.pic.write_master(0, 1, 0x11);
  b.pic.write_master(1, 1, 0x20);
  b.pic.write_master(1, 1, 0x00);
  b.pic.write_master(1, 1, 0x01);
  b.down(8);
  b.up(8);
  CHECK(b.take() == 0x22);  // a line like others
}

TEST_CASE("accesses of other sizes and lines that are not there", "[vdev][i8259]") {
  bench b;
  b.pic.write_master(0, 2, 0xaa0b);  // a command and a mask
  CHECK(b.pic.read_master(0, 2) == 0xaa00);
  CHECK(b.pic.read_master(0, 4) == 0xffffaa00);
  CHECK(b.pic.read_master(1, 2) == 0xffaa);
  CHECK(b.pic.read_master(2, 1) == 0xff);
  CHECK(b.pic.read_master(0, 0) == 0);
  CHECK(b.pic.read_slave(~std::uint64_t{0}, 8) == ~std::uint64_t{0});
  b.pic.write_slave(~std::uint64_t{0}, 8, 0);
  b.pic.write_master(2, 1, 0x11);
  CHECK(b.pic.read_master(1, 1) == 0xaa);
  b.pic.set_level(2, true);
  b.pic.set_level(16, true);
  b.pic.set_level(~0U, true);
  CHECK(!b.pic.output());
  b.up(0);
  CHECK(b.pic.output());
  b.pic.reset();
  CHECK(!b.pic.output());
  CHECK(b.pic.masked() == 0);
  b.pic.write_elcr(0, 1, 0xff);
  CHECK(b.pic.read_elcr(0, 4) == 0xffff00f8);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/i8254.hpp>

#include "support/i8254_reference.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {
using namespace axhal;

// Words are written out: the test knows the data sheet, not the header.
constexpr hertz pulse_clock{1'193'182};
constexpr hertz nanosecond_clock{1'000'000'000};
constexpr std::uint64_t control = 3;

struct bench {
  vdev::i8254 pit;
  ticks now{100};

  explicit bench(hertz clock = pulse_clock) : pit{clock} {}
  std::uint64_t rd(std::uint64_t offset) { return pit.read(offset, 1, now); }
  void wr(std::uint64_t offset, std::uint64_t value) { pit.write(offset, 1, value, now); }
  void wait(std::uint64_t n) { now.value += n; }
  /// Programs a counter with both bytes.
  void set(unsigned counter, unsigned mode, unsigned count) {
    wr(control, counter << 6 | 0x30 | mode << 1);
    wr(counter, count & 0xff);
    wr(counter, count >> 8);
  }
  std::uint64_t count(unsigned counter) {
    wr(control, counter << 6);
    std::uint64_t const low = rd(counter);
    return low | rd(counter) << 8;
  }
  std::uint64_t status(unsigned counter) {
    wr(control, 0xe0 | 2U << counter);
    return rd(counter);
  }
  bool out(unsigned counter) { return pit.output(counter, now); }
};

TEST_CASE("mode 0: OUT rises when the count has gone, N + 1 pulses after it was written", "[vdev][i8254]") {
  bench b;
  b.wr(control, 0x10);
  CHECK(!b.out(0));
  CHECK(b.status(0) == 0x50);  // null count, low byte, mode 0
  b.wait(1000);
  CHECK(!b.out(0));
  b.wr(0, 4);
  CHECK(b.status(0) == 0x50);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 5);
  b.wait(1);
  CHECK(b.status(0) == 0x10);
  for (unsigned left = 4; left > 0; --left, b.wait(1)) {
    CHECK(b.rd(0) == left);
    CHECK(!b.out(0));
  }
  CHECK(b.out(0));
  CHECK(b.status(0) == 0x90);
  CHECK(b.rd(0) == 0);
  CHECK(b.pit.next_edge(b.now) == vdev::i8254::never);
  b.wait(1);
  CHECK(b.rd(0) == 0xff);  // it counts on
  b.wait(0x1'0000 * 5);
  CHECK(b.rd(0) == 0xff);
  CHECK(b.out(0));
  b.wr(0, 2);  // a new count begins anew
  CHECK(!b.out(0));
  b.wait(3);
  CHECK(b.out(0));
}

TEST_CASE("mode 0: the first byte of two stops it", "[vdev][i8254]") {
  bench b;
  b.set(0, 0, 0x0203);
  b.wait(1 + 0x0203);
  CHECK(b.out(0));
  b.wr(0, 0x10);
  CHECK(!b.out(0));
  CHECK(b.status(0) == 0x30);
  b.wait(5000);
  CHECK(b.count(0) == 0);
  CHECK(!b.out(0));
  b.wr(0, 0x00);
  b.wait(0x10);
  CHECK(!b.out(0));
  b.wait(1);
  CHECK(b.out(0));
}

TEST_CASE("mode 0: GATE holds the count, not OUT", "[vdev][i8254]") {
  bench b;
  b.pit.write_control_b(0x01, b.now);
  b.set(2, 0, 10);
  b.wait(4);
  CHECK(b.count(2) == 7);
  b.pit.write_control_b(0x00, b.now);
  b.wait(1'000'000);
  CHECK(b.count(2) == 7);
  CHECK(!b.out(2));
  b.pit.write_control_b(0x01, b.now);
  b.wait(6);
  CHECK(!b.out(2));
  CHECK((b.pit.read_control_b(b.now) & 0x20) == 0);
  b.wait(1);
  CHECK(b.out(2));
  CHECK((b.pit.read_control_b(b.now) & 0x20) != 0);
}

TEST_CASE("mode 1: a pulse of N, begun again by every trigger", "[vdev][i8254]") {
  bench b;
  b.set(2, 1, 3);
  CHECK(b.out(2));
  b.wait(100);
  CHECK(b.out(2));
  CHECK((b.status(2) & 0x40) != 0);
  b.pit.write_control_b(0x01, b.now);
  CHECK(b.out(2));
  for (unsigned i = 0; i < 3; ++i) {
    b.wait(1);
    CHECK(!b.out(2));
    CHECK(b.count(2) == 3 - i);
  }
  b.wait(1);
  CHECK(b.out(2));
  b.pit.write_control_b(0x00, b.now);
  b.pit.write_control_b(0x01, b.now);
  b.wait(2);
  b.pit.write_control_b(0x00, b.now);
  CHECK(!b.out(2));
  b.wr(2, 5);
  b.wr(2, 0);
  b.pit.write_control_b(0x01, b.now);
  for (unsigned i = 0; i < 5; ++i) {
    CHECK(!b.out(2));
    b.wait(1);
  }
  CHECK(!b.out(2));
  b.wait(1);
  CHECK(b.out(2));
}

TEST_CASE("mode 2: one pulse low in N", "[vdev][i8254]") {
  bench b;
  b.set(0, 2, 3);
  CHECK(b.out(0));
  b.wait(1);
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned left = 3; left > 0; --left, b.wait(1)) {
      CHECK(b.count(0) == left);
      CHECK(b.out(0) == (left != 1));
      CHECK(b.pit.next_edge(b.now).value == b.now.value + left);
    }
  }
  // A new count waits for the end of the cycle.
  b.wait(1);
  b.wr(0, 5);
  b.wr(0, 0);
  CHECK((b.status(0) & 0x40) != 0);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 2);
  b.wait(1);
  CHECK(!b.out(0));
  b.wait(1);
  CHECK((b.status(0) & 0x40) == 0);
  CHECK(b.count(0) == 5);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 5);
}

TEST_CASE("mode 3: as long high as low; an odd one is a pulse longer high", "[vdev][i8254]") {
  bench b;
  b.set(0, 3, 4);
  b.wait(1);
  for (unsigned i = 0; i < 8; ++i, b.wait(1)) {
    CHECK(b.out(0) == (i % 4 < 2));
    CHECK(b.count(0) == (i % 2 == 0 ? 4U : 2U));
  }
  b.set(0, 3, 5);
  b.wait(1);
  constexpr unsigned counts[] = {4, 2, 0, 4, 2};
  for (unsigned i = 0; i < 10; ++i, b.wait(1)) {
    CHECK(b.out(0) == (i % 5 < 3));
    CHECK(b.count(0) == counts[i % 5]);
    CHECK(b.pit.next_edge(b.now).value == b.now.value + 5 - i % 5);
  }
  // A new count waits for the end of the half.
  b.wr(0, 10);
  b.wr(0, 0);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 3 + 5);
  b.wait(2);
  CHECK(b.out(0));
  for (unsigned i = 0; i < 5; ++i) {
    b.wait(1);
    CHECK(!b.out(0));
    CHECK(b.count(0) == 10 - 2 * i);
  }
  b.wait(1);
  CHECK(b.out(0));
}

TEST_CASE("modes 2 and 3: GATE down raises OUT, up begins anew", "[vdev][i8254]") {
  for (unsigned const mode : {2U, 3U}) {
    bench b;
    b.pit.write_control_b(0x01, b.now);
    b.set(2, mode, 6);
    b.wait(6);
    CHECK(!b.out(2));
    std::uint64_t const held = b.count(2);
    b.pit.write_control_b(0x00, b.now);
    CHECK(b.out(2));
    b.wait(777);
    CHECK(b.out(2));
    CHECK(b.count(2) == held);
    b.pit.write_control_b(0x01, b.now);
    b.wait(1);
    CHECK(b.count(2) == 6);
    b.wait(mode == 2 ? 4 : 2);
    CHECK(b.out(2));
    b.wait(1);
    CHECK(!b.out(2));
  }
}

TEST_CASE("modes 4 and 5: one pulse low after the count, begun by a write or a trigger", "[vdev][i8254]") {
  for (unsigned const mode : {4U, 5U}) {
    bench b;
    b.pit.write_control_b(mode == 4 ? 0x01 : 0x00, b.now);
    b.set(2, mode, 3);
    if (mode == 5) {
      b.wait(50);
      CHECK(b.out(2));
      b.pit.write_control_b(0x01, b.now);
    }
    for (unsigned i = 0; i <= 3; ++i, b.wait(1)) CHECK(b.out(2));
    CHECK(!b.out(2));
    CHECK(b.count(2) == 0);
    b.wait(1);
    CHECK(b.out(2));
    CHECK(b.count(2) == 0xffff);
    b.wait(0xffff);
    CHECK(b.count(2) == 0);
    CHECK(b.out(2));  // once only
  }
  bench b;
  b.set(0, 4, 7);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 9);
}

TEST_CASE("decimal counts", "[vdev][i8254]") {
  bench b;
  b.wr(control, 0x35);
  b.wr(0, 0x00);
  b.wr(0, 0x10);
  b.wait(1);
  CHECK(b.count(0) == 0x1000);
  b.wait(1);
  CHECK(b.count(0) == 0x0999);
  b.wait(999);
  CHECK(b.count(0) == 0x1000);
  b.wr(control, 0x31);  // mode 0, zero: ten thousand
  b.wr(0, 0);
  b.wr(0, 0);
  b.wait(1);
  CHECK(b.count(0) == 0x0000);
  b.wait(1);
  CHECK(b.count(0) == 0x9999);
  b.wait(9999);
  CHECK(b.out(0));
  b.wait(1);
  CHECK(b.count(0) == 0x9999);
}

TEST_CASE("zero is the largest count, one in modes 2 and 3 is two", "[vdev][i8254]") {
  bench b;
  b.set(0, 2, 0);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 1 + 0x1'0000);
  b.set(0, 2, 1);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 1 + 2);
  b.set(0, 3, 1);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 1 + 2);
  b.wr(control, 0x3e);  // 7 is 3
  b.wr(0, 8);
  b.wr(0, 0);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 1 + 8);
  CHECK((b.status(0) & 0x0f) == 0x0e);  // as written
}

TEST_CASE("latched counts and status wait to be read, status first", "[vdev][i8254]") {
  bench b;
  b.set(0, 2, 0x1000);
  b.wait(1);
  b.wr(control, 0x00);
  b.wait(0x10);
  b.wr(control, 0x00);  // the first one stays
  CHECK(b.rd(0) == 0x00);
  CHECK(b.rd(0) == 0x10);
  CHECK(b.rd(0) == 0xf0);  // the counter itself
  CHECK(b.rd(0) == 0x0f);
  b.wr(control, 0xc2);  // count and status of counter 0
  b.wait(1);
  CHECK(b.rd(0) == 0xb4);
  CHECK(b.rd(0) == 0xf0);
  CHECK(b.rd(0) == 0x0f);
  b.wr(control, 0xd2);  // the count alone
  CHECK(b.rd(0) == 0xef);
  CHECK(b.rd(0) == 0x0f);
  b.wr(control, 0x34);  // a control word forgets latches
  b.wr(0, 0x34);
  b.wr(0, 0x12);
  b.wait(1);
  CHECK(b.rd(0) == 0x34);
  CHECK(b.rd(0) == 0x12);
  b.wr(control, 0xfe);  // nothing of nobody
  CHECK(b.rd(0) == 0x34);
  CHECK(b.rd(0) == 0x12);
}

TEST_CASE("one byte of two", "[vdev][i8254]") {
  bench b;
  b.wr(control, 0x24);  // high byte alone
  b.wr(0, 0x12);
  b.wait(1);
  CHECK(b.rd(0) == 0x12);
  CHECK(b.rd(0) == 0x12);
  b.wr(control, 0x00);
  b.wait(0x200);
  CHECK(b.rd(0) == 0x12);
  CHECK(b.rd(0) == 0x10);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 0x1000);
  b.wr(control, 0x14);
  b.wr(0, 0x99);
  b.wait(1);
  CHECK(b.rd(0) == 0x99);
}

TEST_CASE("port 0x61", "[vdev][i8254]") {
  bench b;
  CHECK((b.pit.read_control_b(b.now) & 0x2f) == 0);
  b.pit.write_control_b(0xff, b.now);
  CHECK((b.pit.read_control_b(b.now) & 0xef) == 0x0f);
  b.set(2, 3, 4);
  CHECK(b.pit.speaker(b.now));
  b.wait(3);
  CHECK(!b.pit.speaker(b.now));
  b.wait(2);
  b.pit.write_control_b(0x01, b.now);
  CHECK(!b.pit.speaker(b.now));
  CHECK(b.out(2));
  unsigned changes = 0;
  std::uint8_t before = b.pit.read_control_b(b.now) & 0x10;
  for (unsigned i = 0; i < 1800; ++i) {
    b.wait(1);
    std::uint8_t const toggle = b.pit.read_control_b(b.now) & 0x10;
    if (toggle != before) ++changes;
    before = toggle;
  }
  CHECK(changes == 100);
}

TEST_CASE("nanoseconds: never early, never late, never drifting", "[vdev][i8254]") {
  bench b{nanosecond_clock};
  b.set(0, 2, 11'932);            // a hundred a second
  CHECK(b.pit.take_edge(b.now));  // OUT rises with the mode
  for (unsigned i = 0; i < 1000; ++i) {
    ticks const at = b.pit.next_edge(b.now);
    CHECK(!b.pit.take_edge(ticks{at.value - 1}));
    CHECK(b.pit.take_edge(at));
    CHECK(!b.pit.take_edge(at));
    b.now = at;
  }
  // 1000 cycles and the pulse that loads: (1 + 11932000) / 1193182 Hz, from a write within the first pulse.
  CHECK(b.now.value == 10'000'151'696);
  b.now.value += 1000ULL * 365 * 86'400 * 1'000'000'000 / 100;  // ten years later
  CHECK(b.pit.take_edge(b.now));
  CHECK(!b.pit.take_edge(b.now));
  CHECK(b.pit.next_edge(b.now) > b.now);
  ticks const early{5};
  std::uint64_t const count = b.count(0);
  b.pit.write(control, 1, 0x00, early);  // a clock that is behind
  CHECK(b.pit.read(0, 1, early) == (count & 0xff));
}

TEST_CASE("edges are found whatever the guest does in between", "[vdev][i8254]") {
  bench b;
  b.set(0, 0, 10);
  CHECK(!b.pit.take_edge(b.now));
  b.wait(11);
  b.set(0, 0, 10);  // it had risen before
  CHECK(b.pit.take_edge(b.now));
  CHECK(!b.pit.take_edge(b.now));
  b.wr(control, 0x34);  // OUT rises with the mode
  CHECK(b.pit.take_edge(b.now));
  CHECK(b.pit.next_edge(b.now) == vdev::i8254::never);
  b.wait(1'000'000);
  CHECK(!b.pit.take_edge(b.now));
}

TEST_CASE("accesses of other sizes and counters that are not there", "[vdev][i8254]") {
  bench b;
  b.set(0, 2, 0x1234);
  CHECK(b.pit.read(3, 1, b.now) == 0xff);
  CHECK(b.pit.read(4, 1, b.now) == 0xff);
  CHECK(b.pit.read(~std::uint64_t{0}, 8, b.now) == ~std::uint64_t{0});
  CHECK(b.pit.read(0, 0, b.now) == 0);
  CHECK((b.pit.read(2, 4, b.now) & 0xffff'ff00) == 0xffff'ff00);
  b.pit.write(~std::uint64_t{0}, 8, 0x34343434, b.now);
  b.pit.write(4, 1, 0x34, b.now);
  CHECK(!b.pit.output(3, b.now));
  CHECK(!b.pit.output(~0U, b.now));
  b.pit.write(2, 2, 0x14'00, b.now);  // counter 2, then the control word
  b.wr(0, 9);
  CHECK(b.pit.next_edge(b.now).value == b.now.value + 10);
}

// The data sheet's modes, pulse by pulse, against the same modes as functions of time.
TEST_CASE("law: whatever is written when, counters are as if they had been clocked", "[vdev][i8254]") {
  std::mt19937 random{1};
  for (unsigned run = 0; run < 300; ++run) {
    test::i8254_reference slow{run % 2 == 0};
    vdev::i8254_element fast{run % 2 == 0};
    std::uint64_t now = vdev::i8254_element::origin;
    for (unsigned step = 0; step < 400; ++step) {
      switch (random() % 8) {
        case 0: {
          auto const word = static_cast<std::uint8_t>(random() & 0x0f);
          slow.set_mode(word);
          fast.set_mode(word, now);
          break;
        }
        case 1:
        case 2: {
          auto const count = static_cast<std::uint16_t>(random() % 3 == 0 ? random() : random() % 20);
          slow.set_count(count);
          fast.set_count(count, now);
          break;
        }
        case 3:
          slow.begin_count();
          fast.begin_count(now);
          break;
        case 4: {
          bool const up = random() % 2 == 0;
          slow.set_gate(up);
          fast.set_gate(up, now);
          break;
        }
        default: {
          std::uint64_t const wait = random() % 4 != 0 ? random() % 8 : random() % 1000;
          std::uint64_t const rise = fast.next_rise(now);
          for (std::uint64_t i = 0; i < wait; ++i) {
            bool const was = slow.out();
            slow.clock();
            ++now;
            // The first time that it rises is the time that was foretold.
            if (!was && slow.out() && rise >= now) REQUIRE(rise == now);
            if (now == rise) REQUIRE((!was && slow.out()));
          }
          break;
        }
      }
      INFO("run " << run << ", step " << step << ", mode " << slow.mode());
      REQUIRE(fast.out(now) == slow.out());
      REQUIRE(fast.count(now) == slow.count());
      REQUIRE(fast.null_count(now) == slow.null_count());
    }
  }
}

}  // namespace

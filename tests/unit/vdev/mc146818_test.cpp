// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/mc146818.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <ctime>
#include <random>

namespace {
using namespace axhal;

// Registers and bits are written out: the test knows the data sheet, not the header.
constexpr unsigned reg_a = 10, reg_b = 11, reg_c = 12, reg_d = 13, century = 0x32;
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t millennium = 946'684'800;  // 2000-01-01 00:00:00, a Saturday

struct bench {
  nanoseconds now;
  vdev::mc146818 rtc;

  explicit bench(std::uint64_t since_1970 = millennium) : now{since_1970 * second}, rtc{now} {}
  unsigned rd(unsigned index) {
    rtc.write(0, 1, index, now);
    return static_cast<unsigned>(rtc.read(1, 1, now));
  }
  void wr(unsigned index, unsigned value) {
    rtc.write(0, 1, index, now);
    rtc.write(1, 1, value, now);
  }
  void wait(std::uint64_t ns) { now.value += ns; }
  bool irq() { return rtc.irq_level(now); }
  /// The registers' bytes as one number: century, year, month, day, hour, minute, second.
  std::uint64_t time() {
    std::uint64_t value = 0;
    for (unsigned const r : {century, 9U, 8U, 7U, 4U, 2U, 0U}) value = value << 8 | rd(r);
    return value;
  }
  void set(std::uint64_t time) {
    for (unsigned const r : {0U, 2U, 4U, 7U, 8U, 9U, century}) {
      wr(r, static_cast<unsigned>(time & 0xff));
      time >>= 8;
    }
  }
};

TEST_CASE("after power-on: the caller's time, decimal, 24 hours, nothing asked", "[vdev][mc146818]") {
  bench b;
  CHECK(b.time() == 0x2000'0101'000000);
  CHECK(b.rd(6) == 7);
  CHECK(b.rd(reg_a) == 0x26);
  CHECK(b.rd(reg_b) == 0x02);
  CHECK(b.rd(reg_c) == 0x00);
  CHECK(b.rd(reg_d) == 0x80);
  CHECK(!b.irq());
  CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
  CHECK(bench{0}.time() == 0x1970'0101'000000);
  CHECK(bench{4'102'444'799}.time() == 0x2099'1231'235959);
}

TEST_CASE("seconds go on at the caller's whole seconds", "[vdev][mc146818]") {
  bench b{951'782'399};  // 2000-02-28 23:59:59
  CHECK(b.time() == 0x2000'0228'235959);
  b.wait(second - 1);
  CHECK(b.time() == 0x2000'0228'235959);
  b.wait(1);
  CHECK(b.time() == 0x2000'0229'000000);
  CHECK(b.rd(6) == 3);  // a Tuesday
  b.wait(366 * 86'400 * second);
  CHECK(b.time() == 0x2001'0301'000000);
  b.now = {b.now.value - second};  // never back
  CHECK(b.time() == 0x2001'0301'000000);
}

TEST_CASE("the other formats", "[vdev][mc146818]") {
  bench b{millennium + 13 * 3600 + 45 * 60 + 59};
  CHECK(b.rd(4) == 0x13);
  struct row {
    unsigned b, hour;
    unsigned noon, midnight, one, minute;
  };
  for (row const r : {row{0x02, 0x13, 0x12, 0x00, 0x01, 0x45}, row{0x00, 0x81, 0x92, 0x12, 0x01, 0x45},
                      row{0x06, 13, 12, 0, 1, 45}, row{0x04, 0x81, 0x8c, 12, 1, 45}}) {
    bench x{millennium + 13 * 3600 + 45 * 60 + 59};
    x.wr(reg_b, r.b);
    // Changing the format does not change bytes: the guest writes them anew.
    x.wr(4, r.hour);
    x.wr(2, r.minute);
    x.wr(0, (r.b & 4) != 0 ? 59 : 0x59);
    x.wr(7, (r.b & 4) != 0 ? 28 : 0x28);
    x.wr(8, 2);
    x.wr(9, 0);
    x.wr(century, (r.b & 4) != 0 ? 20 : 0x20);
    CHECK(x.rd(4) == r.hour);
    x.wait(second);
    CHECK(x.rd(0) == 0);
    CHECK(x.rd(2) == r.minute + 1);
    CHECK(x.rd(4) == r.hour);
    x.wait(86'400 * second - 13 * 3600 * second - 46 * 60 * second);
    CHECK(x.rd(4) == r.midnight);
    CHECK(x.rd(7) == ((r.b & 4) != 0 ? 29U : 0x29U));
    x.wait(3600 * second);
    CHECK(x.rd(4) == r.one);
    x.wait(11 * 3600 * second);
    CHECK(x.rd(4) == r.noon);
  }
}

TEST_CASE("UIP announces an update, and is clear after it", "[vdev][mc146818]") {
  bench b;
  b.wait(second - 244'142);
  CHECK(b.rd(reg_a) == 0x26);
  b.wait(1);
  CHECK(b.rd(reg_a) == 0xa6);
  b.wait(244'140);
  CHECK(b.rd(reg_a) == 0xa6);
  CHECK(b.rd(0) == 0x00);
  b.wait(1);
  CHECK(b.rd(reg_a) == 0x26);
  CHECK(b.rd(0) == 0x01);
  b.wr(reg_b, 0x82);
  b.wait(second - 1);
  CHECK(b.rd(reg_a) == 0x26);  // no update comes
}

TEST_CASE("SET holds the registers for the guest to write", "[vdev][mc146818]") {
  bench b;
  b.wr(reg_b, 0x92);
  CHECK(b.rd(reg_b) == 0x82);  // update interrupts are disabled with it
  b.set(0x2024'0229'235958);
  b.wr(6, 5);
  b.wait(10 * second + second / 4);
  CHECK(b.time() == 0x2024'0229'235958);
  CHECK(b.rd(reg_c) == 0x00 + 0x40);
  b.wr(reg_b, 0x02);
  b.wait(second / 2);
  CHECK(b.time() == 0x2024'0229'235958);
  b.wait(second / 4);  // the divider has not been touched
  CHECK(b.time() == 0x2024'0229'235959);
  b.wait(second);
  CHECK(b.time() == 0x2024'0301'000000);
  CHECK(b.rd(6) == 6);
}

// What Linux does to set the clock (drivers/rtc, mc146818), in our words.
TEST_CASE("the divider's reset: the first update comes half a second later", "[vdev][mc146818]") {
  bench b;
  b.wait(second / 3);
  unsigned const control = b.rd(reg_b);
  b.wr(reg_b, control | 0x80);
  unsigned const rate = b.rd(reg_a);
  b.wr(reg_a, rate | 0x70);
  b.set(0x2026'1129'013000);
  b.wr(reg_b, control);
  b.wait(5 * second);
  CHECK(b.time() == 0x2026'1129'013000);
  CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
  b.wr(reg_a, rate);
  b.wait(second / 2 - 1);
  CHECK(b.time() == 0x2026'1129'013000);
  b.wait(1);
  CHECK(b.time() == 0x2026'1129'013001);
  b.wait(second);
  CHECK(b.time() == 0x2026'1129'013002);
}

TEST_CASE("update interrupts: once a second, told by register C", "[vdev][mc146818]") {
  bench b;
  b.wait(5);
  b.wr(reg_b, 0x12);
  CHECK(b.rtc.next_edge(b.now).value == (millennium + 1) * second);
  b.wait(second - 6);
  CHECK(!b.irq());
  b.wait(1);
  CHECK(b.irq());
  CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
  CHECK((b.rd(reg_c) & 0xb0) == 0x90);
  CHECK(!b.irq());
  CHECK((b.rd(reg_c) & 0xb0) == 0x00);
  b.wait(100 * second);
  CHECK(b.irq());
  b.wr(reg_b, 0x02);
  CHECK(!b.irq());
  CHECK((b.rd(reg_c) & 0xb0) == 0x10);  // flags come without enables, too
}

TEST_CASE("periodic interrupts at all rates", "[vdev][mc146818]") {
  // Data sheet, table 5: rates with a crystal of 32768 Hz.
  constexpr unsigned rates[16] = {0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2};
  for (unsigned rs = 0; rs < 16; ++rs) {
    bench b;
    b.wr(reg_a, 0x20 | rs);
    b.wr(reg_b, 0x42);
    (void)b.rd(reg_c);
    if (rs == 0) {
      CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
      b.wait(second);
      CHECK(!b.irq());
      continue;
    }
    unsigned count = 0;
    nanoseconds const end{(millennium + 2) * second};
    for (;;) {
      nanoseconds const at = b.rtc.next_edge(b.now);
      REQUIRE(at > b.now);
      if (at > end) break;
      b.now = {at.value - 1};
      REQUIRE(!b.irq());
      b.now = at;
      REQUIRE(b.irq());
      CHECK((b.rd(reg_c) & 0xc0) == 0xc0);
      ++count;
    }
    CHECK(count == 2 * rates[rs]);
  }
}

TEST_CASE("alarms: all bytes match, or those that are not any", "[vdev][mc146818]") {
  struct row {
    unsigned hour, minute, second;
    std::uint64_t after;  // seconds from 01:02:03
  };
  for (row const r : {row{0x01, 0x02, 0x04, 1}, row{0x01, 0x02, 0x03, 86'400}, row{0xff, 0xff, 0xff, 1},
                      row{0xc0, 0xff, 0x03, 60}, row{0xff, 0x02, 0x03, 3600}, row{0xff, 0x00, 0xff, 57 * 60 + 57},
                      row{0x23, 0xff, 0x00, 21 * 3600 + 57 * 60 + 57}, row{0x00, 0x00, 0x00, 86'400 - 3723},
                      row{0x01, 0x01, 0x59, 86'400 - 4}}) {
    bench b{millennium + 3723};
    b.wr(5, r.hour);
    b.wr(3, r.minute);
    b.wr(1, r.second);
    b.wr(reg_b, 0x22);
    nanoseconds const at = b.rtc.next_edge(b.now);
    CHECK(at.value == (millennium + 3723 + r.after) * second);
    b.now = {at.value - 1};
    CHECK(!b.irq());
    b.now = at;
    CHECK(b.irq());
    CHECK((b.rd(reg_c) & 0xa0) == 0xa0);
    CHECK(!b.irq());
    b.wait(86'400 * second);
    CHECK(b.irq());
  }
  for (row const r : {row{0x24, 0xff, 0xff, 0}, row{0x1a, 0xff, 0xff, 0}, row{0xff, 0x60, 0xff, 0},
                      row{0xff, 0xff, 0x7f, 0}, row{0x93, 0x00, 0x00, 0}}) {
    bench b;
    b.wr(5, r.hour);
    b.wr(3, r.minute);
    b.wr(1, r.second);
    b.wr(reg_b, 0x22);
    CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
    b.wait(200ULL * 365 * 86'400 * second);
    CHECK(!b.irq());
  }
  bench b;
  b.wr(reg_b, 0x20);  // twelve hours
  b.wr(4, 0x12);
  b.wr(5, 0x92);
  b.wr(3, 0x00);
  b.wr(1, 0x00);
  CHECK(b.rtc.next_edge(b.now).value == (millennium + 12 * 3600) * second);
}

TEST_CASE("bytes that are no time become one", "[vdev][mc146818]") {
  bench b;
  b.set(0x2000'1332'250000);  // month 13 is 12, day 32 the next month's first, hour 25 the next day's
  CHECK(b.time() == 0x2000'1332'250000);
  b.wait(second);
  CHECK(b.time() == 0x2001'0102'010001);
  b.set(0x0000'0000'000000);
  b.wait(86'400 * second);
  CHECK(b.time() == 0x0000'0102'000000);
  std::mt19937 random{7};
  for (unsigned i = 0; i < 20'000; ++i) {
    bench x;
    for (unsigned r = 0; r < 10; ++r) x.wr(r, random() & 0xff);
    x.wr(century, random() & 0xff);
    x.wr(reg_b, random() & 0x7f);
    bool const binary = (x.rd(reg_b) & 4) != 0;
    x.wait((1 + random() % 1000'000) * second);
    auto const value = [&](unsigned r) {
      unsigned const v = x.rd(r);
      return binary ? v : (v >> 4) * 10 + (v & 15);
    };
    REQUIRE(value(0) < 60);
    REQUIRE(value(2) < 60);
    if ((x.rd(reg_b) & 2) != 0) REQUIRE(value(4) < 24);
  }
}

TEST_CASE("registers that were read tell a time", "[vdev][mc146818]") {
  vdev::mc146818_time t;
  for (std::uint64_t const since : {std::uint64_t{0}, millennium, std::uint64_t{4'102'444'799}}) {
    // The bits beside the formats are nothing to the time.
    for (unsigned const format : {0x00U, 0x02U, 0x04U, 0x06U, 0x79U, 0x7bU, 0x7dU, 0x7fU}) {
      t.b = static_cast<std::uint8_t>(format);
      t.show(since);
      CHECK(t.since_1970() == since);
      std::uint64_t const shown = since % 60;
      CHECK(t.bytes[0] == ((format & 4) != 0 ? shown : shown / 10 * 16 + shown % 10));
    }
  }
  t.b = 0x02;
  constexpr std::uint8_t golden[] = {0x30, 0, 0x46, 0, 0x01, 0, 0, 0x09, 0x09, 0x01};
  for (unsigned i = 0; i < 10; ++i) t.bytes[i] = golden[i];
  t.bytes[century] = 0x20;
  CHECK(t.since_1970() == 999'999'990);  // 2001-09-09 01:46:30
  t.bytes[century] = 0x19;
  t.bytes[9] = 0x69;
  CHECK(t.since_1970() == 0);
}

TEST_CASE("storage, the index and its NMI bit", "[vdev][mc146818]") {
  bench b;
  for (unsigned i = 0x0e; i < 0x80; ++i) b.wr(i, i ^ 0x5a);
  for (unsigned i = 0x0e; i < 0x80; ++i) CHECK(b.rd(i) == (i ^ 0x5a));
  CHECK(b.rtc.stored(0x40) == (0x40 ^ 0x5a));
  b.rtc.set_stored(0x40, 0x77);
  CHECK(b.rd(0x40) == 0x77);
  CHECK(b.rtc.stored(0x0d) == 0);
  CHECK(b.rtc.stored(0x80) == 0);
  b.rtc.set_stored(0x0e, 0x66);
  b.rtc.set_stored(0x7f, 0x67);
  CHECK(b.rd(0x0e) == 0x66);
  CHECK(b.rtc.stored(0x7f) == 0x67);
  b.rtc.set_stored(0x80, 1);
  b.rtc.set_stored(0x0b, 0xff);
  b.rtc.set_stored(~0U, 1);
  CHECK(b.rd(reg_b) == 0x02);
  CHECK(!b.rtc.nmi_masked());
  CHECK(b.rd(0xc0) == 0x77);
  CHECK(b.rtc.nmi_masked());
  b.rd(0x40);
  CHECK(!b.rtc.nmi_masked());
}

TEST_CASE("registers keep the bits that exist", "[vdev][mc146818]") {
  bench b;
  b.wr(reg_a, 0xaf);
  CHECK(b.rd(reg_a) == 0x2f);
  b.wr(reg_b, 0x7f);
  CHECK(b.rd(reg_b) == 0x7f);
  b.rtc.reset();
  CHECK(b.rd(reg_b) == 0x07);  // interrupts and the square wave are off, formats stay
  b.wr(reg_d, 0x00);
  CHECK(b.rd(reg_d) == 0x80);
  b.wr(reg_c, 0xff);
  CHECK(b.rd(reg_c) == 0x00);
  b.wr(0, 0xff);
  CHECK(b.rd(0) == 0x7f);
}

TEST_CASE("accesses of other sizes", "[vdev][mc146818]") {
  bench b;
  CHECK(b.rtc.read(0, 1, b.now) == 0xff);
  b.rtc.write(0, 2, 0x9940, b.now);  // index and data at once
  CHECK(b.rtc.read(0, 2, b.now) == 0x99ff);
  CHECK(b.rtc.read(1, 4, b.now) == 0xffff'ff99);
  CHECK(b.rtc.read(2, 1, b.now) == 0xff);
  CHECK(b.rtc.read(0, 0, b.now) == 0);
  b.rtc.write(2, 1, 0, b.now);
  b.rtc.write(~std::uint64_t{0}, 8, 0, b.now);
  CHECK(b.rtc.read(~std::uint64_t{0}, 8, b.now) == ~std::uint64_t{0});
  CHECK(b.rtc.read(1, 1, b.now) == 0x99);
}

TEST_CASE("the end of the caller's time", "[vdev][mc146818]") {
  bench b;
  b.wr(reg_b, 0x72);
  b.now = {UINT64_MAX};
  CHECK(b.time() == 0x2554'0721'233433);
  (void)b.rd(reg_c);
  CHECK(b.rtc.next_edge(b.now) == vdev::mc146818::never);
}

TEST_CASE("law: the clock says what the C library says", "[vdev][mc146818]") {
  std::mt19937_64 random{3};
  bench b{0};
  std::uint64_t since = 0;
  auto const bcd = [](int v) { return static_cast<std::uint64_t>(v / 10 * 16 + v % 10); };
  while (since < 16'000'000'000) {
    since += random() % (random() % 3 == 0 ? 10'000'000 : 100);
    b.now = {since * second + random() % second};
    auto const when = static_cast<std::time_t>(since);
    std::tm tm{};
    REQUIRE(gmtime_r(&when, &tm) != nullptr);
    int const year = tm.tm_year + 1900;
    std::uint64_t const date = bcd(year / 100) << 48 | bcd(year % 100) << 40 | bcd(tm.tm_mon + 1) << 32;
    std::uint64_t const rest = bcd(tm.tm_mday) << 24 | bcd(tm.tm_hour) << 16 | bcd(tm.tm_min) << 8 | bcd(tm.tm_sec);
    REQUIRE(b.time() == (date | rest));
    REQUIRE(b.rd(6) == static_cast<unsigned>(tm.tm_wday + 1));
  }
}

}  // namespace

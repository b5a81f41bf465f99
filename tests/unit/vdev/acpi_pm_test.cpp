// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/acpi_pm.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using vdev::acpi_event;
using vdev::sleep_request;

// Offsets and bits are written out: the test knows the specification, not the header.
constexpr std::uint64_t sts = 0, en = 2, cnt = 4, tmr = 8;
constexpr hertz nanosecond_clock{1'000'000'000};
constexpr hertz timer_clock{3'579'545};
constexpr std::uint64_t hour = 3'600'000'000'000;

struct bench {
  vdev::acpi_pm pm;
  ticks now{};

  explicit bench(hertz clock = nanosecond_clock, bool wide = true) : pm{clock, wide} {}
  std::uint64_t rd(std::uint64_t offset, unsigned bytes = 2) { return pm.read(offset, bytes, now); }
  sleep_request wr(std::uint64_t offset, std::uint64_t value, unsigned bytes = 2) {
    return pm.write(offset, bytes, value, now);
  }
  bool sci() { return pm.sci_level(now); }
};

TEST_CASE("registers after reset: ACPI mode, no event", "[vdev][acpi_pm]") {
  bench b;
  for (int round = 0; round < 2; ++round) {
    CHECK(b.rd(sts) == 0);
    CHECK(b.rd(en) == 0);
    CHECK(b.rd(cnt) == 0x0001);
    CHECK(!b.sci());
    b.wr(en, 0x0100);
    b.wr(cnt, 0x1402);
    b.pm.raise(acpi_event::power_button);
    CHECK(b.sci());
    b.pm.reset();
  }
}

TEST_CASE("registers keep the bits that exist", "[vdev][acpi_pm]") {
  bench b;
  b.wr(en, 0xffff);
  CHECK(b.rd(en) == 0x0721);
  b.wr(en, 0);
  CHECK(b.rd(en) == 0);
  CHECK(b.wr(cnt, 0xffff) == sleep_request{true, 7});
  CHECK(b.rd(cnt) == 0x1c03);  // SLP_EN and GBL_RLS read zero
  CHECK(b.wr(cnt, 0) == sleep_request{});
  CHECK(b.rd(cnt) == 0x0001);  // SCI_EN stays
  b.wr(sts, 0xffff);
  CHECK(b.rd(sts) == 0);
  b.pm.set_acpi_mode(false);
  CHECK(b.rd(cnt) == 0);
  b.wr(cnt, 1);
  CHECK(b.rd(cnt) == 0);
}

TEST_CASE("SLP_EN asks for the sleep type, written with it or before", "[vdev][acpi_pm]") {
  bench b;
  CHECK(b.wr(cnt, 0x3401) == sleep_request{true, 5});
  CHECK(b.wr(cnt, 0x0001) == sleep_request{});
  CHECK(b.wr(cnt, 0x2001) == sleep_request{true, 0});
  b.wr(cnt, 0x1801);
  CHECK(b.wr(cnt + 1, 0x38, 1) == sleep_request{true, 6});  // the upper byte alone
  CHECK(b.wr(cnt, 0xff, 1) == sleep_request{});             // the lower one
  CHECK(b.rd(cnt) == 0x1803);
  CHECK(b.wr(0, 0x3401'0000'0000, 8) == sleep_request{true, 5});
}

TEST_CASE("events raise the interrupt where they are enabled, until they are cleared", "[vdev][acpi_pm]") {
  bench b;
  struct row {
    acpi_event event;
    std::uint64_t bit;
  };
  for (row const r : {row{acpi_event::power_button, 0x0100}, row{acpi_event::sleep_button, 0x0200},
                      row{acpi_event::rtc_alarm, 0x0400}}) {
    b.pm.raise(r.event);
    CHECK(b.rd(sts) == r.bit);
    CHECK(!b.sci());
    b.wr(en, 0x0721 & ~r.bit);
    CHECK(!b.sci());
    b.wr(en, r.bit);
    CHECK(b.sci());
    b.pm.set_acpi_mode(false);
    CHECK(!b.sci());
    b.pm.set_acpi_mode(true);
    b.wr(sts, 0xffff & ~r.bit);
    CHECK(b.sci());
    b.wr(sts, r.bit);
    CHECK(!b.sci());
    CHECK(b.rd(sts) == 0);
  }
  b.wr(en, 0xffff);
  b.pm.raise(acpi_event::wake);
  CHECK(b.rd(sts) == 0x8000);
  CHECK(!b.sci());
}

TEST_CASE("status and enable can be reached byte by byte and together", "[vdev][acpi_pm]") {
  bench b;
  b.pm.raise(acpi_event::power_button);
  b.pm.raise(acpi_event::rtc_alarm);
  b.wr(en + 1, 0x05, 1);
  CHECK(b.rd(0, 4) == 0x0500'0500);
  CHECK(b.rd(1, 1) == 0x05);
  CHECK(b.rd(1, 4) == 0x0105'0005);
  b.wr(1, 0x01, 1);
  CHECK(b.rd(0, 4) == 0x0500'0400);
  b.wr(0, 0x0021'0400, 4);
  CHECK(b.rd(0, 8) == 0x0001'0021'0000);
}

TEST_CASE("the timer counts 3579545 a second, exactly, for years", "[vdev][acpi_pm]") {
  bench b;
  CHECK(b.rd(tmr, 4) == 0);
  b.now = {1'000'000'000};
  CHECK(b.rd(tmr, 4) == 3'579'545);
  b.now = {1'000'000'279};  // one period is 279.36 ns
  CHECK(b.rd(tmr, 4) == 3'579'545);
  b.now = {1'000'000'280};
  CHECK(b.rd(tmr, 4) == 3'579'546);
  b.now = {hour};
  CHECK(b.rd(tmr, 4) == (3'579'545ULL * 3600) % 0x1'0000'0000);
  b.now = {24 * 365 * 100 * hour};
  CHECK(b.rd(tmr, 4) == (3'579'545ULL * 3600 * 24 * 365 * 100) % 0x1'0000'0000);
  b.now = {hour};  // never back
  CHECK(b.rd(tmr, 4) == (3'579'545ULL * 3600) % 0x1'0000'0000);

  bench narrow{nanosecond_clock, false};
  narrow.now = {hour};
  CHECK(narrow.rd(tmr, 4) == (3'579'545ULL * 3600) % 0x100'0000);
}

TEST_CASE("the timer of any clock, and in pieces", "[vdev][acpi_pm]") {
  bench b{timer_clock};
  b.now = {0x1234'5678};
  CHECK(b.rd(tmr, 4) == 0x1234'5678);
  CHECK(b.rd(tmr, 1) == 0x78);
  CHECK(b.rd(tmr + 1, 2) == 0x3456);
  CHECK(b.rd(tmr + 3, 4) == 0x12);
  CHECK(b.rd(tmr, 8) == 0x1234'5678);
  CHECK(b.rd(tmr - 4, 8) == 0x1234'5678'0000'0001);
  b.wr(tmr, 0, 4);
  CHECK(b.rd(tmr, 4) == 0x1234'5678);
  b.now = {~std::uint64_t{0}};
  CHECK(b.rd(tmr, 4) == 0xffff'ffff);
  bench slow{hertz{1}};
  slow.now = {3};
  CHECK(slow.rd(tmr, 4) == 3 * 3'579'545);
}

TEST_CASE("every change of the top bit is told, and can be waited for", "[vdev][acpi_pm]") {
  for (bool const wide : {false, true}) {
    bench b{timer_clock, wide};
    std::uint64_t const half = wide ? 0x8000'0000 : 0x80'0000;
    CHECK(b.pm.next_edge(b.now).value == UINT64_MAX);
    b.wr(en, 0x0001);
    for (std::uint64_t round = 1; round < 5; ++round) {
      CHECK(b.pm.next_edge(b.now).value == round * half);
      b.now = {round * half - 1};
      CHECK(!b.sci());
      b.now = {round * half};
      CHECK(b.sci());
      CHECK(b.pm.next_edge(b.now).value == UINT64_MAX);
      CHECK((b.rd(sts) & 1) == 1);
      b.wr(sts, 1);
      CHECK(!b.sci());
    }
    b.now = {b.now.value + 10 * half};  // an even number of changes is some change
    CHECK(b.sci());
    b.now = {~std::uint64_t{0}};
    b.wr(sts, 1);
    CHECK(b.pm.next_edge(b.now).value == UINT64_MAX);
  }
  bench b;
  b.wr(en, 0x0001);
  ticks const at = b.pm.next_edge(b.now);
  CHECK(at.value == 599'932'015'941);  // 2^31 / 3579545 Hz, rounded up
  b.now = {at.value - 1};
  CHECK(!b.sci());
  b.now = at;
  CHECK(b.sci());
}

TEST_CASE("nothing beyond the last register", "[vdev][acpi_pm]") {
  bench b;
  b.now = {hour};
  for (std::uint64_t const offset : {std::uint64_t{12}, std::uint64_t{16}, ~std::uint64_t{0}}) {
    CHECK(b.rd(offset, 8) == 0);
    CHECK(b.wr(offset, ~std::uint64_t{0}, 8) == sleep_request{});
  }
  CHECK(b.rd(6) == 0);
  CHECK(b.rd(0, 0) == 0);
  CHECK(b.wr(cnt, 0xffff, 0) == sleep_request{});
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/acpi_pm_timer.hpp>
#include <axhal/arch/x86_64/i8259_host.hpp>
#include <axhal/arch/x86_64/pit_reference.hpp>
#include <axhal/time/calibration.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/acpi_blobs.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

/// What is behind `ports`.
struct machine {
  std::uint64_t nanoseconds{};
  std::uint8_t port_b{0xf6};  // the loudspeaker is on, states above
  bool running{};
  std::uint64_t started{};
  unsigned mode{}, bytes_written{}, bytes_read{};
  std::uint16_t latched{};
  bool has_latch{};
  unsigned pm_bits{24};
  unsigned glitches{};  ///< so many reads of the timer are wrong, every other one
  std::vector<std::pair<std::uint16_t, unsigned>> written{};
  std::vector<std::string> mistakes{};
};

/// A PC's ports: counter 2 of an 8254 with its gate, a power management timer, and two 8259As that are written down.
/// Each access takes a microsecond, as it does on the machine.
struct ports {
  static inline machine m{};

  static void takes(std::uint64_t n = 1000) { m.nanoseconds += n; }
  /// 65536 down to 1, in mode 2.
  static std::uint16_t count() {
    if (!m.running || (m.port_b & 1) == 0) return 0;
    std::uint64_t const gone = (m.nanoseconds - m.started) * 105 / 88'000;
    return static_cast<std::uint16_t>(0 - gone % 0x1'0000);
  }
  static std::uint8_t in8(std::uint16_t port) {
    takes();
    if (port == 0x61) return m.port_b;
    if (port != 0x42 || !m.has_latch) {
      m.mistakes.push_back("a read of port " + std::to_string(port));
      return 0xff;
    }
    bool const high = m.bytes_read++ % 2 == 1;
    if (high) m.has_latch = false;
    return static_cast<std::uint8_t>(high ? m.latched >> 8 : m.latched);
  }
  static void out8(std::uint16_t port, std::uint8_t value) {
    takes();
    m.written.emplace_back(port, value);
    if (port == 0x61) m.port_b = static_cast<std::uint8_t>((m.port_b & 0xf0) | value);
    if (port == 0x43 && value == 0x80) {
      m.latched = count();
      m.has_latch = true;
    } else if (port == 0x43) {
      m.mode = value;
      m.bytes_written = 0;
      m.running = false;
    }
    if (port == 0x42) {
      if (value != 0) m.mistakes.push_back("a count that is not 65536");
      if (++m.bytes_written == 2) {
        m.running = m.mode == 0xb4;
        m.started = m.nanoseconds;
      }
    }
  }
  static std::uint32_t in32(std::uint16_t port) {
    takes();
    if (port != 0x608) m.mistakes.push_back("a read of port " + std::to_string(port));
    std::uint64_t const value = m.nanoseconds * 39'375 / 11'000'000;
    std::uint64_t const mask = m.pm_bits == 32 ? 0xffff'ffff : 0xff'ffff;
    bool const wrong = m.glitches % 2 == 1;
    if (m.glitches > 0) --m.glitches;
    if (wrong) return static_cast<std::uint32_t>((value ^ 0x80'0000) & mask);
    // The upper byte is reserved where it does not count.
    return static_cast<std::uint32_t>((value & mask) | (m.pm_bits == 32 ? 0 : 0xa500'0000));
  }
  static void out32(std::uint16_t, std::uint32_t) { m.mistakes.emplace_back("a word was written"); }
};
using written = std::vector<std::pair<std::uint16_t, unsigned>>;
std::vector<std::string> const none{};

/// 2 GHz, by the same time.
std::uint64_t processor() {
  ports::takes(20);
  return ports::m.nanoseconds * 2;
}

}  // namespace

TEST_CASE("the 8259s make no interrupt of an exception's number", "[arch_x86_64][time_references]") {
  ports::m = {};
  i8259_host<ports>::mask_all(0x20);
  written without_pauses;
  unsigned pauses = 0;
  for (auto const& w : ports::m.written) {
    if (w.first == 0x80) {
      ++pauses;
    } else {
      without_pauses.push_back(w);
    }
  }
  CHECK(pauses == 10);
  CHECK(without_pauses == written{{0x20, 0x11},
                                  {0xa0, 0x11},
                                  {0x21, 0x20},
                                  {0xa1, 0x28},
                                  {0x21, 0x04},
                                  {0xa1, 0x02},
                                  {0x21, 0x01},
                                  {0xa1, 0x01},
                                  {0xa1, 0xff},
                                  {0x21, 0xff}});
}

TEST_CASE("counter 2 of the 8254 counts, and the loudspeaker is as it was", "[arch_x86_64][time_references]") {
  ports::m = {};
  pit_reference<ports> pit;
  STATIC_REQUIRE(ReferenceCounter<pit_reference<ports>>);
  STATIC_REQUIRE(pit.rate() == tick_rate{39'375'000, 33});
  STATIC_REQUIRE(pit.width() == 16);
  pit.start();
  CHECK(ports::m.port_b == 0xf5);  // gate on, loudspeaker off, the bits between as they were
  CHECK(ports::m.written == written{{0x61, 0x05}, {0x43, 0xb4}, {0x42, 0}, {0x42, 0}});
  std::uint64_t const first = pit.now();
  ports::takes(1'000'000);
  std::uint64_t const second = pit.now();
  CHECK(second - first >= 1193);
  CHECK(second - first <= 1200);
  // 54.9 ms later it has begun anew.
  ports::takes(54'925'000);
  CHECK((pit.now() - second) % 0x1'0000 <= 10);
  auto const found = calibrate(processor, pit);
  REQUIRE(found);
  CHECK(found->value >= 1'999'000'000);
  CHECK(found->value <= 2'001'000'000);
  pit.stop();
  CHECK(ports::m.port_b == 0xf6);
  CHECK(ports::m.mistakes == none);
  // Without its gate it stands, and that is seen.
  CHECK(calibrate(processor, pit) == failure{calibration_error::stopped});
}

TEST_CASE("the power management timer counts 24 or 32 bits", "[arch_x86_64][time_references]") {
  using timer = acpi_pm_timer<ports>;
  STATIC_REQUIRE(ReferenceCounter<timer const>);
  STATIC_REQUIRE(timer::rate() == tick_rate{39'375'000, 11});
  for (unsigned const bits : {24U, 32U}) {
    ports::m = {};
    ports::m.pm_bits = bits;
    timer const t{0x608, bits};
    CHECK(t.width() == bits);
    // Past the point where 24 bits are over.
    ports::m.nanoseconds = 4'686'000'000;
    std::uint64_t const before = t.now();
    ports::takes(10'000'000);
    std::uint64_t const after = t.now();
    CHECK(((after - before) & (bits == 32 ? 0xffff'ffff : 0xff'ffff)) / 10 == 3580);
    CHECK((before >> 24 != 0) == (bits == 32 && before > 0xff'ffff));
    auto const found = calibrate(processor, t);
    REQUIRE(found);
    CHECK(found->value >= 1'999'000'000);
    CHECK(found->value <= 2'001'000'000);
    CHECK(ports::m.mistakes == none);
  }
  CHECK(timer{0x608, 99}.width() == 24);
}

TEST_CASE("a read of the timer that was wrong is not believed", "[arch_x86_64][time_references]") {
  ports::m = {};
  ports::m.nanoseconds = 1'000'000;
  acpi_pm_timer<ports> const t{0x608, 24};
  for (unsigned const glitches : {1U, 2U, 3U, 5U}) {
    ports::m.glitches = glitches;
    CHECK(t.now() < 0x1'0000);
  }
  // One that is wrong for ever is not waited for.
  ports::m.glitches = ~0U;
  static_cast<void>(t.now());
  CHECK(ports::m.mistakes == none);
}

TEST_CASE("firmware tells where the timer is", "[arch_x86_64][time_references]") {
  using timer = acpi_pm_timer<ports>;
  test::blob storage = test::acpi_table_of("FACP", test::blob(244 - 36));
  auto const found = [&] {
    auto const fadt = boot::acpi_fadt::open({"FACP", {0x1000}, test::view_of(storage)});
    REQUIRE(fadt);
    return timer::of(*fadt);
  };
  CHECK(found().error() == boot::acpi_fault::not_found);
  test::put(storage, 76, 0x608, 4);  // PM_TMR_BLK
  storage[91] = 4;                   // PM_TMR_LEN
  REQUIRE(found());
  CHECK(found()->width() == 24);
  test::put(storage, 112, 1U << 8, 4);  // TMR_VAL_EXT
  CHECK(found()->width() == 32);
  ports::m = {};
  static_cast<void>(found()->now());
  CHECK(ports::m.mistakes == none);
  test::put(storage, 76, 0x1'0608, 4);
  CHECK(found().error() == boot::acpi_fault::bad_entry);
  test::put(storage, 76, 0x608, 4);
  // X_PM_TMR_BLK, in memory.
  storage[208] = 0;
  storage[209] = 32;
  test::put(storage, 212, 0xfed0'8000, 8);
  CHECK(found().error() == boot::acpi_fault::bad_entry);
  test::put(storage, 112, 1U << 20, 4);  // HW_REDUCED_ACPI
  CHECK(found().error() == boot::acpi_fault::not_found);
}

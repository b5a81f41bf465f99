// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/port_window.hpp>
#include <axhal/arch/x86_64/taken_vectors.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using axhal::x86_64::vector_set;

/// Ports that remember what was done to them.
struct recording_ports {
  static inline std::vector<std::uint64_t> done{};
  static std::uint8_t in8(std::uint16_t port) {
    done.push_back(port);
    return static_cast<std::uint8_t>(port);
  }
  static std::uint32_t in32(std::uint16_t port) {
    done.push_back(0x1'0000U | port);
    return 0xabcd'0000U | port;
  }
  static void out8(std::uint16_t port, std::uint8_t value) { done.push_back(std::uint64_t{value} << 32 | port); }
  static void out32(std::uint16_t port, std::uint32_t value) {
    done.push_back(std::uint64_t{value} << 32 | 0x1'0000U | port);
  }
};

}  // namespace

TEST_CASE("vectors come back once, the highest first", "[taken_vectors]") {
  vector_set set;
  CHECK_FALSE(set.take());
  // Across all four words, and one of them twice.
  for (unsigned const v : {0x21U, 0xffU, 0x40U, 0x3fU, 0x00U, 0xc0U, 0x80U, 0x21U}) {
    set.remember(static_cast<std::uint8_t>(v));
  }
  CHECK(set.contains(0xff));
  CHECK_FALSE(set.contains(0xfe));
  std::vector<unsigned> taken;
  while (auto const v = set.take()) taken.push_back(*v);
  CHECK(taken == std::vector<unsigned>{0xff, 0xc0, 0x80, 0x40, 0x3f, 0x21, 0x00});
  CHECK_FALSE(set.contains(0xff));
}

TEST_CASE("every vector has a place of its own", "[taken_vectors]") {
  for (unsigned v = 0; v < 256; ++v) {
    vector_set set;
    set.remember(static_cast<std::uint8_t>(v));
    for (unsigned other = 0; other < 256; ++other) {
      if (set.contains(static_cast<std::uint8_t>(other)) != (other == v)) FAIL("vector " << v << " and " << other);
    }
    REQUIRE(*set.take() == v);
    REQUIRE_FALSE(set.take());
  }
}

TEST_CASE("a window onto ports adds its base", "[port_window]") {
  using window = axhal::x86_64::port_window<recording_ports, 0x3f8>;
  recording_ports::done.clear();
  CHECK(window::read8(5) == 0xfd);
  CHECK(window::read32(4) == 0xabcd'03fc);
  window::write8(1, 0x5a);
  window::write32(0, 0x1234'5678);
  CHECK(recording_ports::done ==
        std::vector<std::uint64_t>{0x3fd, 0x1'03fc, 0x5aULL << 32 | 0x3f9, 0x1234'5678ULL << 32 | 0x1'03f8});
}

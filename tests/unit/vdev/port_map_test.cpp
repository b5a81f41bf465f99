// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/port_map.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

/// Remembers what it was asked.
struct recorder {
  std::uint64_t answer{};
  std::vector<std::uint64_t> seen{};

  std::uint64_t read(std::uint64_t offset, unsigned size) {
    seen.push_back(offset << 8 | size);
    return answer;
  }
  void write(std::uint64_t offset, unsigned size, std::uint64_t value) {
    seen.push_back(value << 16 | offset << 8 | size);
  }
};

}  // namespace

TEST_CASE("a port belongs to the device whose range has it", "[port_map]") {
  recorder serial{0x11};
  recorder clock{0x22};
  recorder one{0x33};
  recorder last{0x44};
  axhal::port_map map{axhal::at_ports<0x3f8, 8, recorder>{serial}, axhal::at_ports<0x70, 2, recorder>{clock},
                      axhal::at_ports<0x92, 1, recorder>{one}, axhal::at_ports<0xffff, 1, recorder>{last}};
  struct {
    std::uint16_t first;
    std::uint16_t count;
    recorder& device;
  } const ranges[] = {{0x3f8, 8, serial}, {0x70, 2, clock}, {0x92, 1, one}, {0xffff, 1, last}};

  // Every port there is, so that no border is forgotten.
  for (unsigned port = 0; port <= 0xffff; ++port) {
    recorder* owner = nullptr;
    std::uint64_t offset = 0;
    for (auto const& r : ranges) {
      if (port >= r.first && port < unsigned{r.first} + r.count) {
        owner = &r.device;
        offset = port - r.first;
      }
    }
    for (unsigned const size : {1U, 2U, 4U}) {
      auto const value = map.read(static_cast<std::uint16_t>(port), size);
      if (value.found != (owner != nullptr)) FAIL("port " << port);
      if (owner == nullptr) continue;
      if (*value != owner->answer || owner->seen.back() != (offset << 8 | size)) FAIL("port " << port);
    }
  }
}

TEST_CASE("what is written comes to the device, and nowhere else", "[port_map]") {
  recorder a{};
  recorder b{};
  axhal::port_map map{axhal::at_ports<0x20, 2, recorder>{a}, axhal::at_ports<0x22, 2, recorder>{b}};
  // An access that reaches into the neighbour's ports is the first one's.
  REQUIRE(map.write(0x21, 2, 0xbeef));
  CHECK(a.seen == std::vector<std::uint64_t>{0xbeefULL << 16 | 1ULL << 8 | 2});
  CHECK(b.seen.empty());
  CHECK_FALSE(map.write(0x24, 1, 7));
  CHECK_FALSE(map.write(0x1f, 4, 7));
  CHECK(b.seen.empty());
}

TEST_CASE("a map without devices has no ports", "[port_map]") {
  axhal::port_map<> map;
  CHECK_FALSE(map.read(0x80, 1).found);
  CHECK_FALSE(map.write(0x80, 1, 0));
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/e820.hpp>
#include <axhal/memory/memory_map.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using memory::map_fault;

constexpr auto usable = e820_type::usable;
constexpr auto reserved = e820_type::reserved;

template <std::size_t N = 16>
std::vector<host_range> usable_of(std::vector<e820_entry> const& entries) {
  memory::memory_map<N> map;
  REQUIRE(add_e820(map, entries));
  auto const left = map.usable();
  REQUIRE(left);
  return {left->begin(), left->end()};
}

}  // namespace

TEST_CASE("entries are packed, 20 bytes each") {
  std::uint8_t space[64]{};
  mutable_bytes const out{space, sizeof space};
  e820_entry const first{0x1122'3344'5566'7788, 0x99aa'bbcc'ddee'ff00, e820_type::acpi_nvs};
  first.store(out, 0);
  e820_entry{0x10'0000, 0x1000, usable}.store(out, 20);
  CHECK(space[0] == 0x88);
  CHECK(space[15] == 0x99);
  CHECK(space[16] == 4);
  e820_table const table{bytes{space, 59}};
  REQUIRE(table.size() == 2);
  CHECK(table[0] == first);
  std::vector<e820_entry> all;
  for (e820_entry const e : table) all.push_back(e);
  CHECK(all == std::vector{first, e820_entry{0x10'0000, 0x1000, usable}});
  CHECK(e820_table{}.size() == 0);
  CHECK(e820_table{bytes{space, 19}}.size() == 0);
}

TEST_CASE("a PC's usual map, in any order") {
  std::vector<e820_entry> entries{{0, 0x9'fc00, usable},
                                  {0x9'fc00, 0x400, reserved},
                                  {0xf'0000, 0x1'0000, reserved},
                                  {0x10'0000, 0x7fed'0000, usable},
                                  {0x7ffd'0000, 0x3'0000, e820_type::acpi_reclaimable},
                                  {0xfeff'c000, 0x4000, reserved},
                                  {0x1'0000'0000, 0x8000'0000, usable}};
  std::vector<host_range> const expected{{{0}, 0x9'f000}, {{0x10'0000}, 0x7fed'0000}, {{0x1'0000'0000}, 0x8000'0000}};
  CHECK(usable_of(entries) == expected);
  std::mt19937 random{1};
  for (int i = 0; i < 100; ++i) {
    std::shuffle(entries.begin(), entries.end(), random);
    REQUIRE(usable_of(entries) == expected);
  }
}

TEST_CASE("reserved wins where it overlaps, whichever comes first") {
  std::vector<host_range> const expected{{{0x1000}, 0x1000}, {{0x3000}, 0x2000}};
  CHECK(usable_of({{0x1000, 0x4000, usable}, {0x2000, 0x1000, reserved}}) == expected);
  CHECK(usable_of({{0x2000, 0x1000, reserved}, {0x1000, 0x4000, usable}}) == expected);
  CHECK(usable_of({{0x1000, 0x4000, usable}, {0x2800, 0x10, reserved}}) == expected);
  for (e820_type const type :
       {e820_type::acpi_reclaimable, e820_type::acpi_nvs, e820_type::unusable, e820_type::disabled,
        e820_type::persistent, e820_type{0}, e820_type{12}, e820_type{0xffff'ffff}}) {
    CHECK(usable_of({{0x1000, 0x4000, usable}, {0x2000, 0x1000, type}}) == expected);
  }
}

TEST_CASE("usable entries may overlap, repeat and touch each other") {
  std::vector<host_range> const expected{{{0x1000}, 0x9000}};
  CHECK(usable_of({{0x1000, 0x9000, usable}, {0x1000, 0x9000, usable}}) == expected);
  CHECK(usable_of({{0x1000, 0x5000, usable}, {0x4000, 0x6000, usable}}) == expected);
  CHECK(usable_of({{0x4000, 0x6000, usable}, {0x1000, 0x5000, usable}}) == expected);
  CHECK(usable_of(
            {{0x2000, 0x1000, usable}, {0x5000, 0x1000, usable}, {0x7000, 0x1000, usable}, {0x1000, 0x9000, usable}}) ==
        expected);
  CHECK(usable_of({{0x1000, 0x9000, usable}, {0x2000, 0x1000, usable}, {0x9000, 0x1000, usable}}) == expected);
  CHECK(usable_of({{0x1000, 0, usable}, {0x1000, 0x9000, usable}, {0x2000, 0, reserved}}) == expected);
}

TEST_CASE("entries that wrap around, or are too many, are errors") {
  memory::memory_map<2> map;
  using list = std::vector<e820_entry>;
  host_range const wrapping{{~0ULL}, 2};
  CHECK(add_e820(map, list{{~0ULL, 2, usable}}).error() == memory::map_error{map_fault::wraps, wrapping, {}});
  CHECK(add_e820(map, list{{~0ULL, 2, reserved}}).error() == memory::map_error{map_fault::wraps, wrapping, {}});
  CHECK(add_e820(map, list{{~0ULL, ~0ULL, usable}}).error().what == map_fault::wraps);
  CHECK(add_e820(map, list{{~0ULL - 0xfff, 0x1000, reserved}}));
  CHECK(add_e820(map, list{{0, 1, usable}, {2, 1, usable}, {4, 1, usable}}).error() ==
        memory::map_error{map_fault::full, {{4}, 1}, {}});
}

TEST_CASE("random maps: what is left is what a byte-by-byte look would leave") {
  std::mt19937 random{7};
  constexpr std::size_t frames = 64;
  for (int round = 0; round < 2000; ++round) {
    std::vector<e820_entry> entries;
    bool ram[frames]{};
    bool taken[frames]{};
    std::size_t const count = random() % 12;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t const from = random() % frames;
      std::uint64_t const size = random() % (frames - from + 1);
      e820_type const type = random() % 3 == 0 ? reserved : usable;
      entries.push_back({from * 4096, size * 4096, type});
      for (std::uint64_t f = from; f < from + size; ++f) (type == usable ? ram : taken)[f] = true;
    }
    bool left[frames]{};
    for (host_range const& r : usable_of<32>(entries)) {
      for (std::uint64_t f = r.start.value / 4096; f < (r.start.value + r.size) / 4096; ++f) left[f] = true;
    }
    for (std::size_t f = 0; f < frames; ++f) REQUIRE(left[f] == (ram[f] && !taken[f]));
  }
}

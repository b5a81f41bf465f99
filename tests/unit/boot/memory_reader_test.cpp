// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/memory_reader.hpp>
#include <axhal/memory/frame_access.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;

constexpr std::uint8_t content[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr window_reader window{{0x1000}, {content, 16}};

static_assert(read_memory(window, {{0x1004}, 3})[2] == 6);

/// Gives less, or more, than it was asked for.
struct careless_reader {
  std::size_t given;
  bytes read(host_range) const { return {content, given}; }
};

}  // namespace

TEST_CASE("a window gives what lies in it whole, and nothing else") {
  CHECK(read_memory(window, {{0x1000}, 16}).data == content);
  CHECK(read_memory(window, {{0x100f}, 1}).data == content + 15);
  for (host_range const r : {host_range{{0xfff}, 2}, host_range{{0x100f}, 2}, host_range{{0x1010}, 1},
                             host_range{{0x1000}, 17}, host_range{{0x1000}, 0}, host_range{{0}, 1},
                             host_range{{~0ULL}, 1}, host_range{{~0ULL}, 2}, host_range{{0x1000}, ~0ULL}}) {
    CHECK(read_memory(window, r).empty());
  }
  CHECK(window.read({{0x1008}, ~0ULL - 3}).empty());
}

TEST_CASE("a reader that gives less gives nothing, and one that gives more is cut") {
  CHECK(read_memory(careless_reader{3}, {{0}, 4}).empty());
  CHECK(read_memory(careless_reader{9}, {{0}, 4}).size == 4);
}

TEST_CASE("mapped memory is read where the access finds it, within what is mapped") {
  auto const at = reinterpret_cast<std::uintptr_t>(content);
  mapped_reader<memory::offset_access> const reader{{{0x1000}, 16}, {at - 0x1000}};
  static_assert(MemoryReader<mapped_reader<memory::offset_access>>);
  CHECK(read_memory(reader, {{0x1003}, 2}).data == content + 3);
  CHECK(read_memory(reader, {{0x1003}, 14}).empty());
  CHECK(read_memory(reader, {{0xfff}, 1}).empty());
  CHECK(reader.read({{0x1003}, ~0ULL}).empty());
}

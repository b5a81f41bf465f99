// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/mmio.hpp>

#include "support/mmio_recorder.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;

struct narrow_only {
  std::uint8_t read8(std::uint64_t);
  void write8(std::uint64_t, std::uint8_t);
};
static_assert(MmioWindow<mmio> && MmioWindow<fixed_mmio<0x900'0000>> && !MmioWindow<narrow_only>);
static_assert(sizeof(mmio) == sizeof(void*));

TEST_CASE("a window reaches the bytes at its base and no others", "[core][mmio]") {
  std::uint32_t memory[4] = {0x1111'1111, 0x2222'2222, 0x3333'3333, 0x4444'4444};
  mmio const window{reinterpret_cast<std::uintptr_t>(memory)};
  CHECK(window.read32(4) == 0x2222'2222);
  window.write32(8, 0xdead'beef);
  CHECK(memory[2] == 0xdead'beef);
  window.write8(4, 0xab);
  auto const* const raw = reinterpret_cast<std::uint8_t const*>(memory);
  CHECK(raw[4] == 0xab);
  CHECK(raw[5] == 0x22);
  CHECK(window.read8(4) == 0xab);
  CHECK(window.read8(5) == 0x22);
  CHECK(memory[0] == 0x1111'1111);
  CHECK(memory[3] == 0x4444'4444);
}

TEST_CASE("the recorder of the tests tells the truth", "[core][mmio]") {
  test::mmio_log log;
  log.answers[4] = {7, 8};
  test::mmio_recorder r{&log};
  CHECK(r.read32(4) == 7);
  CHECK(r.read8(4) == 8);
  CHECK(r.read32(4) == 8);
  CHECK(r.read32(0) == 0);
  r.write32(12, 5);
  r.write8(13, 6);
  std::vector<test::mmio_access> const expected = {{'r', 4, 4, 7}, {'r', 1, 4, 8},  {'r', 4, 4, 8},
                                                   {'r', 4, 0, 0}, {'w', 4, 12, 5}, {'w', 1, 13, 6}};
  CHECK(log.accesses == expected);
}

}  // namespace

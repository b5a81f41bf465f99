// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/guest_mtrrs.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using axhal::x86_64::guest_mtrrs;
using axhal::x86_64::msr_refused;

guest_mtrrs usual() { return guest_mtrrs{40, 0xc000'0000}; }

}  // namespace

TEST_CASE("a guest finds its MTRRs as firmware leaves them", "[guest_mtrrs]") {
  auto const m = usual();
  CHECK(*m.read(0xfe) == 0x508);            // eight variable ranges, fixed ones, WC
  CHECK(*m.read(0x2ff) == 0xc06);           // on, fixed ones on, WB
  CHECK(*m.read(0x200) == 0xc000'0000);     // UC from 3 GiB
  CHECK(*m.read(0x201) == 0xff'c000'0800);  // 1 GiB, valid
  CHECK(*m.read(0x202) == 0);
  CHECK(*m.read(0x250) == 0x0606'0606'0606'0606);
}

TEST_CASE("there are 29 MTRR registers, and MTRRCAP is read-only", "[guest_mtrrs]") {
  auto m = usual();
  unsigned readable = 0;
  unsigned writable = 0;
  for (std::uint32_t id = 0; id < 0x1000; ++id) {
    if (m.read(id)) ++readable;
    if (m.write(id, 0)) ++writable;
  }
  CHECK(readable == 1 + 1 + 16 + 11);
  CHECK(writable == readable - 1);
  CHECK_FALSE(m.write(0xfe, 0x508));
}

TEST_CASE("reserved bits and types are refused, and change nothing", "[guest_mtrrs]") {
  auto m = usual();
  for (unsigned bit = 0; bit < 64; ++bit) {
    std::uint64_t const one = std::uint64_t{1} << bit;
    bool const address = bit >= 12 && bit < 40;
    // PHYSBASE: a type and an address. Types 0, 1, 4 are powers of two that exist.
    CHECK(static_cast<bool>(m.write(0x204, one)) == (address || bit == 0 || bit == 2));
    // PHYSMASK: valid and an address.
    CHECK(static_cast<bool>(m.write(0x205, one)) == (address || bit == 11));
    // DEF_TYPE: a type, FE and E.
    CHECK(static_cast<bool>(m.write(0x2ff, one)) == (bit == 0 || bit == 2 || bit == 10 || bit == 11));
  }
  REQUIRE(m.write(0x26f, 0x0001'0405'0600'0104));
  CHECK(*m.read(0x26f) == 0x0001'0405'0600'0104);
  for (unsigned byte = 0; byte < 8; ++byte) {
    for (std::uint64_t type = 0; type < 256; ++type) {
      bool const exists = type <= 1 || (type >= 4 && type <= 6);
      CHECK(static_cast<bool>(m.write(0x268, type << 8 * byte)) == exists);
    }
  }
  CHECK_FALSE(m.write(0x26f, 2));
  CHECK(*m.read(0x26f) == 0x0001'0405'0600'0104);
}

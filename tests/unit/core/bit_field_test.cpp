// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/bit_field.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;

enum class shade : std::uint8_t { dark = 1, light = 2 };

using low = bit_field<unsigned, 3, 0>;
using high = bit_field<std::uint64_t, 63, 60>;
using whole = bit_field<std::uint64_t, 63, 0>;
using flag = bit_field<bool, 7>;
using tint = bit_field<shade, 9, 8, std::uint32_t>;
using byte_top = bit_field<std::uint8_t, 7, 7, std::uint8_t>;

TEST_CASE("a field is where its bits are", "[core][bit_field]") {
  STATIC_REQUIRE(low::mask == 0xf);
  STATIC_REQUIRE(high::mask == 0xf000'0000'0000'0000);
  STATIC_REQUIRE(whole::mask == UINT64_MAX);
  STATIC_REQUIRE(flag::mask == 0x80);
  STATIC_REQUIRE(tint::mask == 0x300);
  STATIC_REQUIRE(byte_top::mask == 0x80);
  STATIC_REQUIRE(flag::width == 1);

  STATIC_REQUIRE(low::get(0x1234) == 4);
  STATIC_REQUIRE(high::get(0xa000'0000'0000'0001) == 0xa);
  STATIC_REQUIRE(flag::get(0x80));
  STATIC_REQUIRE(!flag::get(0x7f));
  STATIC_REQUIRE(tint::get(0x2ff) == shade::light);
  STATIC_REQUIRE(byte_top::get(0xff) == 1);
}

TEST_CASE("writing a field keeps all other bits and cuts what is too large", "[core][bit_field]") {
  STATIC_REQUIRE(low::with(0xffff, 0) == 0xfff0);
  STATIC_REQUIRE(low::with(0, 0x1ff) == 0xf);
  STATIC_REQUIRE(high::with(0x0fff'0000'0000'0001, 0x5) == 0x5fff'0000'0000'0001);
  STATIC_REQUIRE(whole::with(1, UINT64_MAX) == UINT64_MAX);
  STATIC_REQUIRE(flag::make(true) == 0x80);
  STATIC_REQUIRE(tint::with(0xffff'ffff, shade::dark) == 0xffff'fdff);
  STATIC_REQUIRE(byte_top::with(0x7f, 1) == 0xff);
  STATIC_REQUIRE(byte_top::with(0xff, 0) == 0x7f);
}

TEST_CASE("fields that claim the same bit are found", "[core][bit_field]") {
  STATIC_REQUIRE(disjoint_fields<low, flag, high>);
  STATIC_REQUIRE(!disjoint_fields<low, bit_field<unsigned, 5, 3>>);
  STATIC_REQUIRE(!disjoint_fields<whole, flag>);
  STATIC_REQUIRE(disjoint_fields<>);
  STATIC_REQUIRE(!disjoint_fields<low, low>);
}

TEST_CASE("masks of low bits reach from none to all", "[core][bit_field]") {
  STATIC_REQUIRE(low_bits(0) == 0);
  STATIC_REQUIRE(low_bits(1) == 1);
  STATIC_REQUIRE(low_bits(63) == 0x7fff'ffff'ffff'ffff);
  STATIC_REQUIRE(low_bits(64) == UINT64_MAX);
  STATIC_REQUIRE(low_bits(~0U) == UINT64_MAX);
}

TEST_CASE("sign extension copies the sign bit up", "[core][bit_field]") {
  STATIC_REQUIRE(sign_extend(0x7f, 8) == 0x7f);
  STATIC_REQUIRE(sign_extend(0x80, 8) == 0xffff'ffff'ffff'ff80);
  STATIC_REQUIRE(sign_extend(0xabcd'ef80, 8) == 0xffff'ffff'ffff'ff80);  // bits past the number do not count
  STATIC_REQUIRE(sign_extend(1, 1) == UINT64_MAX);
  STATIC_REQUIRE(sign_extend(0, 1) == 0);
  STATIC_REQUIRE(sign_extend(0x8000'0000'0000'0000, 64) == 0x8000'0000'0000'0000);
  for (unsigned bits = 1; bits <= 32; ++bits) {
    for (std::int64_t v : {std::int64_t{-1}, -(std::int64_t{1} << (bits - 1)), (std::int64_t{1} << (bits - 1)) - 1}) {
      CHECK(sign_extend(static_cast<std::uint64_t>(v) & low_bits(bits), bits) == static_cast<std::uint64_t>(v));
    }
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/geometry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using paging::extent;
using paging::paging_error;
using shape = paging::geometry<host::paging>;

/// A format that translates all 64 bits.
struct full : host::paging {
  static constexpr unsigned levels = 6;
  static constexpr unsigned index_bits(unsigned level) { return level == 5 ? 7 : 9; }
};
using full_shape = paging::geometry<full>;

}  // namespace

TEST_CASE("spans and indices follow from the index bits") {
  STATIC_REQUIRE(shape::span(0) == 0x1000);
  STATIC_REQUIRE(shape::span(1) == 0x20'0000);
  STATIC_REQUIRE(shape::span(2) == 0x4000'0000);
  STATIC_REQUIRE(shape::inputs.last == 0x1ff'ffff'ffff);
  STATIC_REQUIRE(shape::entries(2) == 2048);
  STATIC_REQUIRE(shape::frames(2) == 4);
  STATIC_REQUIRE(shape::frames(1) == 1);
  STATIC_REQUIRE(shape::index(0x1ff'ffff'ffff, 2) == 2047);
  STATIC_REQUIRE(shape::index(0x1ff'ffff'ffff, 0) == 511);
  STATIC_REQUIRE(shape::index(0x4020'3000, 1) == 1);
  STATIC_REQUIRE(shape::index(0x4020'3000, 0) == 3);
  STATIC_REQUIRE(paging::geometry<aarch64::stage2<36>>::frames(2) == 1);  // a root of half a kilobyte takes a frame
}

TEST_CASE("a leaf needs its whole span and an aligned target") {
  STATIC_REQUIRE(shape::is_leaf_shaped({0x20'0000, 0x3f'ffff}, host_phys{0x60'0000}, 1));
  STATIC_REQUIRE(!shape::is_leaf_shaped({0x20'0000, 0x3f'ffff}, host_phys{0x60'1000}, 1));
  STATIC_REQUIRE(!shape::is_leaf_shaped({0x20'0000, 0x3f'efff}, host_phys{0x60'0000}, 1));
  STATIC_REQUIRE(!shape::is_leaf_shaped({0x20'1000, 0x40'0fff}, host_phys{0x60'1000}, 1));
  STATIC_REQUIRE(!paging::geometry<aarch64::stage2<48>>::is_leaf_shaped({0, 0x7f'ffff'ffff}, host_phys{0}, 3));
}

TEST_CASE("ranges are checked to the last byte") {
  CHECK(shape::input_extent(0, 0x200'0000'0000) == extent{0, 0x1ff'ffff'ffff});
  CHECK(shape::input_extent(0, 0x200'0000'1000) == failure{paging_error::out_of_range});
  CHECK(shape::input_extent(0x1ff'ffff'f000, 0x1000) == extent{0x1ff'ffff'f000, 0x1ff'ffff'ffff});
  CHECK(shape::input_extent(0x200'0000'0000, 0x1000) == failure{paging_error::out_of_range});
  CHECK(shape::input_extent(0xffff'ffff'ffff'f000, 0x2000) == failure{paging_error::out_of_range});
  CHECK(shape::input_extent(0x800, 0x1000) == failure{paging_error::misaligned});
  CHECK(shape::input_extent(0x1000, 0x800) == failure{paging_error::misaligned});
  CHECK(shape::output_extent(0xf'ffff'ffff'f000, 0x1000).has_value());
  CHECK(shape::output_extent(0xf'ffff'ffff'f000, 0x2000) == failure{paging_error::out_of_range});
}

TEST_CASE("the range that ends at 2^64 is visited to its end") {
  STATIC_REQUIRE(full_shape::inputs.last == UINT64_MAX);
  CHECK(full_shape::input_extent(0xffff'ffff'ffff'f000, 0x1000) == extent{0xffff'ffff'ffff'f000, UINT64_MAX});
  CHECK(full_shape::input_extent(0xffff'ffff'ffff'f000, 0x2000) == failure{paging_error::out_of_range});
  int visits = 0;
  CHECK(full_shape::each_part({0xffff'ffff'ffff'd000, UINT64_MAX}, 0, [&](extent part) {
    CHECK(part.last - part.first == 0xfff);
    return ++visits < 10;
  }));
  CHECK(visits == 3);
}

TEST_CASE("parts are cut at the entries of a level") {
  extent seen[3]{};
  int count = 0;
  CHECK(shape::each_part({0x1f'f000, 0x40'0fff}, 1, [&](extent part) {
    seen[count++] = part;
    return true;
  }));
  REQUIRE(count == 3);
  CHECK(seen[0] == extent{0x1f'f000, 0x1f'ffff});
  CHECK(seen[1] == extent{0x20'0000, 0x3f'ffff});
  CHECK(seen[2] == extent{0x40'0000, 0x40'0fff});
  count = 0;
  CHECK_FALSE(shape::each_part({0x1f'f000, 0x40'0fff}, 1, [&](extent) { return ++count < 2; }));
  CHECK(count == 2);
}

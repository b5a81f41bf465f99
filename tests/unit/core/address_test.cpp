// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/address.hpp>

#include <catch2/catch_test_macros.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace {
using namespace axhal;

constexpr std::uint64_t top = UINT64_MAX;

// Spaces never mix, and a plain number is no address.
static_assert(!std::convertible_to<guest_phys, host_phys> && !std::convertible_to<host_phys, host_virt>);
static_assert(!std::constructible_from<host_phys, guest_phys>);
static_assert(!std::convertible_to<std::uint64_t, host_phys> && !std::convertible_to<host_phys, std::uint64_t>);
static_assert(!std::equality_comparable_with<host_phys, guest_phys>);
static_assert(std::is_trivially_copyable_v<guest_range> && sizeof(host_phys) == 8);

TEST_CASE("addresses count bytes modulo 2^64", "[core][address]") {
  STATIC_REQUIRE(host_phys{0x1000} + 0x234 == host_phys{0x1234});
  STATIC_REQUIRE(host_phys{0x1000} - 1 == host_phys{0xfff});
  STATIC_REQUIRE(host_phys{0x1234} - host_phys{0x1000} == 0x234);
  STATIC_REQUIRE(guest_phys{top} + 1 == guest_phys{0});
  STATIC_REQUIRE(guest_phys{0} - 1 == guest_phys{top});
  STATIC_REQUIRE(guest_phys{1} < guest_phys{2});
  host_virt a{16};
  a += 16;
  CHECK(a == host_virt{32});
}

TEST_CASE("addresses are aligned down and up", "[core][address]") {
  STATIC_REQUIRE(align_down(host_phys{0x1fff}, 0x1000) == host_phys{0x1000});
  STATIC_REQUIRE(align_down(host_phys{0x1000}, 0x1000) == host_phys{0x1000});
  STATIC_REQUIRE(align_up(host_phys{0x1001}, 0x1000) == host_phys{0x2000});
  STATIC_REQUIRE(align_up(host_phys{0x1000}, 0x1000) == host_phys{0x1000});
  STATIC_REQUIRE(align_up(host_phys{0}, 0x1000) == host_phys{0});
  STATIC_REQUIRE(align_up(host_phys{top}, 0x1000) == host_phys{0});  // wraps, as it says
  STATIC_REQUIRE(align_down(host_phys{top}, 1) == host_phys{top});
  STATIC_REQUIRE(is_aligned(host_phys{0x2000}, 0x2000));
  STATIC_REQUIRE(!is_aligned(host_phys{0x1000}, 0x2000));
  STATIC_REQUIRE(is_aligned(host_phys{0}, std::uint64_t{1} << 63));
}

TEST_CASE("a range ends before the space does", "[core][address]") {
  STATIC_REQUIRE(guest_range{{0}, 0}.is_valid());
  STATIC_REQUIRE(guest_range{{top}, 1}.is_valid());
  STATIC_REQUIRE(!guest_range{{top}, 2}.is_valid());
  STATIC_REQUIRE(guest_range{{0}, top}.is_valid());
  STATIC_REQUIRE(guest_range{{1}, top}.is_valid());
  STATIC_REQUIRE(!guest_range{{2}, top}.is_valid());
  STATIC_REQUIRE(guest_range{{top}, 0}.is_valid());
}

TEST_CASE("a range contains its bytes and no others", "[core][address]") {
  constexpr guest_range r{{0x1000}, 0x1000};
  STATIC_REQUIRE(!r.contains(guest_phys{0xfff}));
  STATIC_REQUIRE(r.contains(guest_phys{0x1000}));
  STATIC_REQUIRE(r.contains(guest_phys{0x1fff}));
  STATIC_REQUIRE(!r.contains(guest_phys{0x2000}));
  STATIC_REQUIRE(!guest_range{{5}, 0}.contains(guest_phys{5}));

  STATIC_REQUIRE(r.contains(r));
  STATIC_REQUIRE(r.contains(guest_range{{0x1fff}, 1}));
  STATIC_REQUIRE(!r.contains(guest_range{{0x1fff}, 2}));
  STATIC_REQUIRE(!r.contains(guest_range{{0xfff}, 2}));
  STATIC_REQUIRE(!r.contains(guest_range{{0x1800}, top}));  // must not wrap into the range
  STATIC_REQUIRE(r.contains(guest_range{{0x2000}, 0}));
  STATIC_REQUIRE(!r.contains(guest_range{{0x2001}, 0}));
  STATIC_REQUIRE(guest_range{{top}, 1}.contains(guest_range{{top}, 1}));
}

TEST_CASE("ranges overlap when they share a byte, checked against counting", "[core][address]") {
  for (std::uint64_t a = 0; a < 6; ++a) {
    for (std::uint64_t m = 0; m < 5; ++m) {
      for (std::uint64_t b = 0; b < 6; ++b) {
        for (std::uint64_t n = 0; n < 5; ++n) {
          bool shared = false;
          bool all = true;
          for (std::uint64_t i = b; i < b + n; ++i) {
            bool const in_a = i >= a && i < a + m;
            shared = shared || in_a;
            all = all && in_a;
          }
          guest_range const x{{a}, m};
          guest_range const y{{b}, n};
          CHECK(x.overlaps(y) == shared);
          CHECK(y.overlaps(x) == shared);
          if (n != 0) CHECK(x.contains(y) == all);
        }
      }
    }
  }
  STATIC_REQUIRE(guest_range{{top - 1}, 2}.overlaps(guest_range{{0}, top}));
  STATIC_REQUIRE(!guest_range{{top}, 1}.overlaps(guest_range{{0}, top}));
}

}  // namespace

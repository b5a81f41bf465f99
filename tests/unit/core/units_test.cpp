// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/units.hpp>

#include <catch2/catch_test_macros.hpp>

#include <concepts>
#include <cstdint>

namespace {
using namespace axhal;

static_assert(!std::convertible_to<ticks, nanoseconds> && !std::constructible_from<nanoseconds, ticks>);
static_assert(!std::convertible_to<std::uint64_t, ticks> && !std::convertible_to<irq_number, cpu_number>);
static_assert(!std::constructible_from<vcpu_number, cpu_number> && !std::constructible_from<vmid, vcpu_number>);

template <typename A, typename B>
concept Adds = requires(A a, B b) { a + b; };
static_assert(Adds<ticks, ticks> && !Adds<ticks, nanoseconds> && !Adds<hertz, hertz> && !Adds<irq_number, irq_number>);

TEST_CASE("ticks and nanoseconds add and subtract modulo 2^64", "[core][units]") {
  STATIC_REQUIRE(ticks{2} + ticks{3} == ticks{5});
  STATIC_REQUIRE(ticks{2} - ticks{3} == ticks{UINT64_MAX});
  STATIC_REQUIRE(nanoseconds{UINT64_MAX} + nanoseconds{2} == nanoseconds{1});
  STATIC_REQUIRE(nanoseconds{7} - nanoseconds{2} == nanoseconds{5});
  STATIC_REQUIRE(ticks{1} < ticks{2});
  STATIC_REQUIRE(hertz{1} != hertz{2});
}

TEST_CASE("sizes are powers of 1024", "[core][units]") {
  STATIC_REQUIRE(kib == 1024);
  STATIC_REQUIRE(mib == 1'048'576);
  STATIC_REQUIRE(gib == 1'073'741'824);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
// The virtual local APICs beside slow and simple ones, over long runs of random operations; and the same comparison
// with models that are wrong on purpose, each of which it must find.
#include "support/vlapic_model.hpp"
#include "support/vlapic_comparison.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {
using namespace axhal;
using test::flawed_vlapics;
using test::vlapic_flaw;
using test::vlapic_model;

constexpr unsigned long agreed = ~0UL;

template <unsigned Vcpus, bool HasDeadlines, typename Device>
unsigned long first_difference(Device&& device, unsigned seed, unsigned long steps) {
  vlapic_model model{Vcpus};
  std::mt19937 random{seed};
  return test::vlapic_difference<Vcpus, HasDeadlines>(
      device, model, steps, [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); });
}

TEST_CASE("virtual local APICs are the simple ones, over 120,000 random operations", "[x86_64][vlapic]") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    CHECK(first_difference<1, true>(test::real_vlapics<1>{}, seed, 10'000) == agreed);
    CHECK(first_difference<3, true>(test::real_vlapics<3>{}, seed, 20'000) == agreed);
    CHECK(first_difference<5, true>(test::real_vlapics<5>{}, seed, 10'000) == agreed);
  }
}

TEST_CASE("the comparison finds every flaw", "[x86_64][vlapic]") {
  REQUIRE(first_difference<3, false>(flawed_vlapics{3}, 1, 10'000) == agreed);
  for (unsigned f = 1; f < static_cast<unsigned>(vlapic_flaw::count); ++f) {
    CAPTURE(f);
    CHECK(first_difference<3, false>(flawed_vlapics{3, static_cast<vlapic_flaw>(f)}, 1, 100'000) != agreed);
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/virt_ext.hpp>
#include <axhal/conformance/virt_ext_laws.hpp>

#include "support/virt_ext_archetype.hpp"

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;

// The laws lean on nothing but the contract.
[[maybe_unused]] auto* const laws_on_archetype = &laws::first_broken_virt_ext_law<test::virt_ext_archetype>;

TEST_CASE("host::virt_ext obeys the laws of virtualization extensions", "[conformance][virt_ext]") {
  constexpr auto run = [] {
    host::virt_ext<> v;
    return laws::first_broken_virt_ext_law(v);
  };
  STATIC_REQUIRE(run() == 0);
  CHECK(run() == 0);
}

}  // namespace

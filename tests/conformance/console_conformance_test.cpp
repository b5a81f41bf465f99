// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/console.hpp>
#include <axhal/conformance/console_laws.hpp>
#include <axhal/console/pl011.hpp>

#include "support/console_archetype.hpp"
#include "support/pl011_bench.hpp"

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;

[[maybe_unused]] auto* const laws_on_archetype =
    &laws::first_broken_console_law<test::console_archetype, host::console<>>;

TEST_CASE("host::console obeys the console laws", "[conformance][console]") {
  constexpr auto run = [](auto c) { return laws::first_broken_console_law(c, c); };
  STATIC_REQUIRE(run(host::console<16>{}) == 0);
  CHECK(run(host::console<1>{}) == 0);
  CHECK(run(host::console<256>{}) == 0);
}

TEST_CASE("console::pl011 obeys the console laws", "[conformance][console]") {
  test::pl011_bench bench;
  console::pl011<test::pl011_bench::window> uart{{&bench.device}};
  REQUIRE(uart.init(hertz{24'000'000}, 115'200).has_value());
  CHECK(laws::first_broken_console_law(uart, bench) == 0);
  CHECK(laws::first_broken_console_law(uart, bench) == 0);  // and leaves the device as it was
}

}  // namespace

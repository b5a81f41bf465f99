// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/riscv64/sbi_console.hpp>
#include <axhal/conformance/console_laws.hpp>
#include <axhal/console/ns16550.hpp>
#include <axhal/console/pl011.hpp>
#include <axhal/vdev/ns16550.hpp>
#include <axhal/vdev/pl011.hpp>

#include "support/console_archetype.hpp"
#include "support/simulated_ns16550.hpp"
#include "support/simulated_sbi.hpp"
#include "support/uart_bench.hpp"

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
  test::uart_bench<axhal::vdev::pl011> bench;
  console::pl011<test::uart_bench<axhal::vdev::pl011>::window> uart{{&bench.device}};
  REQUIRE(uart.init(hertz{24'000'000}, 115'200).has_value());
  CHECK(laws::first_broken_console_law(uart, bench) == 0);
  CHECK(laws::first_broken_console_law(uart, bench) == 0);  // and leaves the device as it was
}

TEST_CASE("riscv64::sbi_console obeys the console laws, by either kind of call", "[conformance][console]") {
  struct here {};
  using firmware = test::simulated_sbi<here>;
  struct far_end : firmware {
    unsigned depth{64};
  };
  for (bool const has_dbcn : {true, false}) {
    firmware::m = {};
    if (!has_dbcn) firmware::m.missing.insert(riscv64::sbi_extension::dbcn);
    riscv64::sbi_console<firmware> console;
    CHECK(console.kind() == (has_dbcn ? riscv64::sbi_console_kind::dbcn : riscv64::sbi_console_kind::legacy));
    far_end far;
    CHECK(laws::first_broken_console_law(console, far) == 0);
  }
}

TEST_CASE("console::ns16550 obeys the console laws on a chip", "[conformance][console]") {
  using window = test::simulated_ns16550::window;
  test::simulated_ns16550 bytes;
  console::ns16550<window> uart{{&bytes}};
  REQUIRE(uart.init(hertz{1'843'200}, 115'200).has_value());
  CHECK(laws::first_broken_console_law(uart, bytes) == 0);
  CHECK(laws::first_broken_console_law(uart, bytes) == 0);  // and leaves the device as it was
  CHECK(bytes.mistakes.empty());

  test::simulated_ns16550 words{2, 4};
  console::ns16550<window, console::ns16550_layout{.reg_shift = 2, .reg_io_width = 4}> wide{{&words}};
  REQUIRE(wide.init(hertz{48'000'000}, 115'200).has_value());
  CHECK(laws::first_broken_console_law(wide, words) == 0);
  CHECK(words.mistakes.empty());
}

TEST_CASE("console::ns16550 obeys the console laws on the virtual device", "[conformance][console]") {
  test::uart_bench<axhal::vdev::ns16550> bench;
  console::ns16550<test::uart_bench<axhal::vdev::ns16550>::window> uart{{&bench.device}};
  REQUIRE(uart.init(hertz{3'686'400}, 115'200).has_value());
  CHECK(laws::first_broken_console_law(uart, bench) == 0);
  CHECK(laws::first_broken_console_law(uart, bench) == 0);
}

}  // namespace

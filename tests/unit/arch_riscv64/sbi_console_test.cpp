// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/sbi_console.hpp>

#include "support/simulated_sbi.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

struct here {};
using firmware = test::simulated_sbi<here>;
static_assert(ConsolePolicy<sbi_console<firmware>> && console_hides_loss<sbi_console<firmware>>);

TEST_CASE("the console is reached by the best calls that firmware has", "[arch_riscv64][sbi_console]") {
  using e = sbi_extension;
  firmware::m = {};
  CHECK(sbi_console<firmware>{}.kind() == sbi_console_kind::dbcn);
  firmware::m.missing = {e::dbcn};
  CHECK(sbi_console<firmware>{}.kind() == sbi_console_kind::legacy);
  firmware::m.missing = {e::dbcn, e::legacy_console_putchar};
  CHECK(sbi_console<firmware>{}.kind() == sbi_console_kind::none);
  firmware::m.missing = {e::base, e::dbcn};  // SBI 0.1, which cannot be asked
  CHECK(sbi_console<firmware>{}.kind() == sbi_console_kind::legacy);
}

TEST_CASE("firmware is asked once, not for each byte", "[arch_riscv64][sbi_console]") {
  firmware::m = {};
  sbi_console<firmware> console;
  firmware::m.calls.clear();
  console.put('a');
  console.put(0xff);
  CHECK(console.get() == failure{console_error::empty});
  REQUIRE(firmware::m.calls.size() == 3);
  CHECK(firmware::m.calls[0] == sbi_request{.eid = 0x4442434e, .fid = 2, .a0 = 'a'});
  CHECK(firmware::m.calls[1] == sbi_request{.eid = 0x4442434e, .fid = 2, .a0 = 0xff});
  CHECK(firmware::m.calls[2].fid == 1);
  CHECK(firmware::m.calls[2].a0 == 1);
  CHECK(firmware::m.calls[2].a2 == 0);
}

TEST_CASE("every byte value comes in", "[arch_riscv64][sbi_console]") {
  for (bool const dbcn : {true, false}) {
    firmware::m = {};
    if (!dbcn) firmware::m.missing.insert(sbi_extension::dbcn);
    sbi_console<firmware> console;
    for (unsigned b = 0; b < 256; ++b) {
      firmware::send(static_cast<std::uint8_t>(b));
      CHECK(console.get() == static_cast<std::uint8_t>(b));
    }
    CHECK(console.get() == failure{console_error::empty});
  }
}

/// Firmware that finds the program's memory somewhere else.
struct far_away {
  static constexpr std::uint64_t distance = 0x40'0000'0000;
  static sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t a0, std::uint64_t a1, std::uint64_t a2,
                             std::uint64_t a3, std::uint64_t a4, std::uint64_t a5) {
    return firmware::sbi_call(eid, fid, a0, fid == 1 ? a1 - distance : a1, a2, a3, a4, a5);
  }
};

TEST_CASE("firmware is given the physical address of the byte", "[arch_riscv64][sbi_console]") {
  firmware::m = {};
  sbi_console<far_away, memory::offset_access> console{memory::offset_access{0 - far_away::distance}};
  firmware::send('q');
  CHECK(console.get() == std::uint8_t{'q'});
}

TEST_CASE("without a console bytes are lost, and nothing waits", "[arch_riscv64][sbi_console]") {
  firmware::m = {};
  firmware::m.missing = {sbi_extension::dbcn, sbi_extension::legacy_console_putchar};
  sbi_console<firmware> console;
  firmware::m.calls.clear();
  CHECK(console.can_put());
  console.put('a');
  CHECK(console.get() == failure{console_error::empty});
  CHECK(firmware::m.calls.empty());
}

TEST_CASE("a console that fails is empty, not endless", "[arch_riscv64][sbi_console]") {
  struct broken {
    static sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t, std::uint64_t, std::uint64_t,
                               std::uint64_t, std::uint64_t, std::uint64_t) {
      if (eid == 0x10) return {0, fid == 0 ? sbi_2_0 : 1};
      return {-1, 1};
    }
  };
  sbi_console<broken> console;
  CHECK(console.kind() == sbi_console_kind::dbcn);
  console.put('a');
  CHECK(console.get() == failure{console_error::empty});
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include "support/hal_options.hpp"

#include <axhal/board/pc.hpp>
#include <axhal/board/qemu_virt_aarch64.hpp>
#include <axhal/board/qemu_virt_riscv64.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::test;
using std::same_as;

namespace {

using smallest =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
using everything =
    hal<virt_ext_archetype, guest_stage, console_archetype, frame_source_archetype, some_board, virt_irq_archetype,
        clock_archetype, firmware_archetype, irq_controller_archetype, host_stage, cpu_archetype>;

/// Models two policies.
struct clock_with_a_serial_port : clock_archetype {
  bool can_put();
  void put(std::uint8_t);
  result<std::uint8_t, console_error> get();
};
using said_aloud = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype,
                       as<option_kind::console, clock_with_a_serial_port>, clock_archetype>;

}  // namespace

TEST_CASE("options are told apart by what they model") {
  STATIC_CHECK(same_as<smallest::board, some_board>);
  STATIC_CHECK(same_as<smallest::cpu, cpu_archetype>);
  STATIC_CHECK(same_as<smallest::paging, host_stage>);
  STATIC_CHECK(same_as<smallest::irq_controller, irq_controller_archetype>);
  STATIC_CHECK(same_as<smallest::clock, clock_archetype>);
  STATIC_CHECK(same_as<smallest::console, console_archetype>);
  STATIC_CHECK_FALSE(smallest::has<option_kind::virt_ext>);
  STATIC_CHECK_FALSE(smallest::has<option_kind::firmware>);
  STATIC_CHECK(smallest::has<option_kind::clock>);
}

TEST_CASE("their order does not matter") {
  STATIC_CHECK(same_as<everything::board, smallest::board>);
  STATIC_CHECK(same_as<everything::cpu, smallest::cpu>);
  STATIC_CHECK(same_as<everything::paging, smallest::paging>);
  STATIC_CHECK(same_as<everything::clock, smallest::clock>);
  STATIC_CHECK(same_as<everything::get<option_kind::guest_paging>, guest_stage>);
  STATIC_CHECK(same_as<everything::get<option_kind::virt_ext>, virt_ext_archetype>);
  STATIC_CHECK(same_as<everything::get<option_kind::virt_irq>, virt_irq_archetype>);
  STATIC_CHECK(same_as<everything::get<option_kind::firmware>, firmware_archetype>);
  STATIC_CHECK(same_as<everything::get<option_kind::frame_source>, frame_source_archetype>);
}

TEST_CASE("a type that models two policies is what it is said to be") {
  STATIC_CHECK(same_as<said_aloud::console, clock_with_a_serial_port>);
  STATIC_CHECK(same_as<said_aloud::clock, clock_archetype>);
}

TEST_CASE("a composition costs nothing") { STATIC_CHECK(std::is_empty_v<everything>); }

TEST_CASE("boards are boards") {
  STATIC_CHECK(Board<some_board>);
  STATIC_CHECK(Board<board::qemu_virt_aarch64>);
  STATIC_CHECK(Board<board::qemu_virt_riscv64>);
  STATIC_CHECK(Board<board::pc>);
  STATIC_CHECK_FALSE(Board<clock_archetype>);
}

// SPDX-License-Identifier: BSL-1.0
// Which vCPU gets what: SGIs and targets, through the real drivers on a simulated GICv2.
#include <axhal/arch/aarch64/vgic_v2.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/gic_v2_machine.hpp"

#include <string>
#include <vector>

namespace {

using machine = axhal::test::gic_v2_machine<2, 64>;
constexpr std::uint32_t nothing = 1023;
std::vector<std::string> const none{};

}  // namespace

TEST_CASE("SGIs carry their source, and two sources are two interrupts") {
  machine m;
  m.store(0x000, 1);
  CHECK(m.store(0xf00, 2U << 16 | 5) == 2);  // vCPU 0 to vCPU 1
  m.on(1);
  m.store(0xf00, 2U << 24 | 5);  // to itself
  CHECK(m.load(0xf24) == 3U << 8);
  CHECK(m.load(0x200) == 1U << 5);
  CHECK(m.take() == 5);  // source 0
  m.finish(5);
  CHECK(m.hardware.maintenance());
  m.round_trip();
  CHECK(m.take() == (5 | 1U << 10));
  m.finish(5 | 1U << 10);
  m.round_trip();
  CHECK(m.take() == nothing);
  CHECK_FALSE(m.hardware.maintenance());
  m.on(0);
  CHECK(m.take() == nothing);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("an SGI of the same source while the last is handled comes again; one of another source follows") {
  machine m;
  m.store(0x000, 1);
  m.store(0xf00, 2U << 24 | 7);
  CHECK(m.take() == 7);
  m.store(0xf00, 2U << 24 | 7);
  CHECK(m.load(0xf24) == 1U << 24);
  m.on(1);
  CHECK(m.store(0xf00, 1U << 24 | 7) == 1);  // to all others
  m.on(0);
  m.enter();
  CHECK(m.load(0xf24) == 3U << 24);
  m.finish(7);
  CHECK(m.take() == 7);
  m.finish(7);
  CHECK(m.hardware.maintenance());
  m.round_trip();
  CHECK(m.take() == (7 | 1U << 10));
  m.finish(7 | 1U << 10);
  m.round_trip();
  CHECK(m.take() == nothing);
  CHECK(m.load(0xf24) == 0);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("an SGI can be taken back by its target, by source") {
  machine m;
  m.store(0x000, 1);
  m.store(0xf22, 3, 1);
  CHECK(m.load(0xf12, 1) == 3);
  m.store(0xf12, 1, 1);
  CHECK(m.load(0xf12, 1) == 2);
  CHECK(m.take() == (2 | 1U << 10));
}

TEST_CASE("a shared line moves with its target, shown or not") {
  machine m;
  m.open_distributor();
  m.vgic.raise({35});
  m.enter();
  CHECK(m.store(0x823, 2, 1) == 2);
  CHECK(m.take() == nothing);
  m.on(1);
  CHECK(m.vgic.has_deliverable({1}));
  m.enter();
  CHECK(m.take() == 35);
  // Moved while active: the new target gets it when the level is still high at the end.
  m.store(0x823, 1, 1);
  m.finish(35);
  CHECK(m.leave() == 1);
  m.on(0);
  m.enter();
  CHECK(m.take() == 35);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a line with two targets is taken by one of them") {
  machine m;
  m.open_distributor();
  m.store(0x823, 3, 1);
  CHECK(m.vgic.raise({35}) == 3);
  m.on(1);
  m.enter();
  m.on(0);
  m.enter();
  CHECK(m.take() == nothing);
  m.on(1);
  CHECK(m.take() == 35);
}

TEST_CASE("what another vCPU disables leaves the list registers of the one that runs") {
  machine m;
  m.open_distributor();
  m.vgic.raise({35});
  m.enter();
  m.on(1);
  CHECK(m.store(0x184, 1U << 3) == 1);
  m.on(0);
  m.enter();
  CHECK(m.take() == nothing);
  m.on(1);
  CHECK(m.store(0x104, 1U << 3) == 1);
  CHECK(m.store(0x000, 0) == 1);
  m.on(0);
  m.enter();
  CHECK(m.take() == nothing);
  m.on(1);
  CHECK(m.store(0x000, 1) == 1);
  m.on(0);
  m.enter();
  CHECK(m.take() == 35);
  m.on(1);
  CHECK(m.store(0x384, 1U << 3) == 1);
  m.on(0);
  m.enter();
  // Inactive and still high: pending again. The guest's own priority drop has not happened.
  m.finish(35);
  CHECK(m.take() == 35);
}

TEST_CASE("a read that finds a completed interrupt of another vCPU tells that one at the next entry") {
  machine m;
  m.open_distributor();
  m.vgic.raise({35});
  m.enter();
  CHECK(m.take() == 35);
  m.store(0x823, 2, 1);
  m.finish(35);
  CHECK(m.load(0x304) == 0);
  CHECK(m.enter() == 2);
  m.on(1);
  m.enter();
  CHECK(m.take() == 35);
}

TEST_CASE("an edge behind one that another vCPU handles goes to that vCPU's list register") {
  machine m;
  m.open_distributor();
  m.store(0xc08, 2U << 6);
  m.store(0x823, 3, 1);
  m.vgic.pulse({35});
  m.on(1);
  m.enter();
  CHECK(m.take() == 35);
  m.round_trip();
  CHECK(m.load(0x304) == 1U << 3);
  CHECK(m.vgic.pulse({35}) == 2);
  m.on(0);
  m.vgic.raise({36});
  m.enter();
  m.vgic.raise({37});
  m.enter();
  CHECK(m.take() == 36);
  m.finish(36);
  CHECK(m.take() == 37);
  m.finish(37);
  CHECK(m.take() == nothing);
  m.on(1);
  m.enter();
  m.finish(35);
  CHECK(m.take() == 35);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("what vCPU 0 disables leaves the list registers of vCPU 1") {
  machine m;
  m.open_distributor();
  m.store(0x823, 2, 1);
  CHECK(m.vgic.raise({35}) == 2);
  m.on(1);
  m.enter();
  m.on(0);
  CHECK(m.store(0x184, 1U << 3) == 2);
  CHECK_FALSE(m.vgic.has_deliverable({0}));
  m.on(1);
  CHECK(m.vgic.has_deliverable({1}));
  m.enter();
  CHECK(m.take() == nothing);
}

// SPDX-License-Identifier: BSL-1.0
// From a device's line to the guest's acknowledge and back, through the real drivers on a simulated GICv2.
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

TEST_CASE("nothing reaches a guest that has enabled nothing") {
  machine m;
  CHECK(m.vgic.raise({33}) == 0);
  m.enter();
  CHECK(m.take() == nothing);
  m.store(0x000, 1);
  CHECK(m.take() == nothing);
  m.store(0x104, 1U << 1);
  CHECK(m.take() == nothing);
  m.store(0x821, 1, 1);  // the target was the last thing missing
  CHECK(m.take() == 33);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a level that stays high comes back, one that falls does not") {
  machine m;
  m.open_distributor();
  CHECK(m.vgic.raise({33}) == 1);
  m.enter();
  CHECK(m.hardware.virtual_irq_output());
  CHECK(m.take() == 33);
  CHECK(m.take() == nothing);
  m.finish(33);
  CHECK(m.hardware.maintenance());
  m.round_trip();
  CHECK_FALSE(m.hardware.maintenance());
  CHECK(m.take() == 33);
  m.vgic.lower({33});
  m.enter();
  m.finish(33);
  m.round_trip();
  CHECK(m.take() == nothing);
  CHECK_FALSE(m.hardware.maintenance());
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a level that falls before it is taken is never seen") {
  machine m;
  m.open_distributor();
  m.vgic.raise({40});
  m.enter();
  CHECK(m.load(0x204) == 1U << 8);
  CHECK(m.vgic.lower({40}) == 1);
  m.enter();
  CHECK(m.take() == nothing);
  CHECK(m.load(0x204) == 0);
}

TEST_CASE("an edge is delivered once, and one that comes meanwhile once more") {
  machine m;
  m.open_distributor();
  m.store(0x104, 0);
  m.store(0x184, 1U << 2);
  m.store(0xc08, 2U << 4);  // line 34
  m.store(0x104, 1U << 2);
  CHECK(m.vgic.pulse({34}) == 1);
  m.enter();
  CHECK(m.vgic.pulse({34}) == 1);  // merged: not taken yet
  m.enter();
  CHECK(m.take() == 34);
  CHECK(m.take() == nothing);
  m.vgic.pulse({34});
  m.enter();
  CHECK(m.take() == nothing);
  CHECK(m.load(0x204) == 1U << 2);
  CHECK(m.load(0x304) == 1U << 2);
  m.finish(34);
  CHECK(m.take() == 34);
  m.finish(34);
  m.round_trip();
  CHECK(m.take() == nothing);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("an edge between the guest's acknowledge and the next exit is not lost") {
  machine m;
  m.open_distributor();
  m.store(0xc08, 2U << 4);
  m.vgic.pulse({34});
  m.enter();
  CHECK(m.take() == 34);  // the hypervisor has not seen that
  m.vgic.pulse({34});
  m.finish(34);
  m.round_trip();
  CHECK(m.take() == 34);
}

TEST_CASE("more than fits is delivered most urgent first, without loss") {
  for (unsigned const lr_count : {1U, 2U, 4U}) {
    machine m{2, lr_count};
    m.open_distributor();
    for (unsigned i = 0; i < 20; ++i) {
      m.store(0x400 + 40 + i, (i * 40) & 0xf0, 1);
      m.store(0xc08 + (8 + i) / 16 * 4, ~0U);
    }
    m.store(0xc0c, ~0U);
    for (unsigned i = 0; i < 20; ++i) {
      m.vgic.pulse({40 + i});
      m.enter();
    }
    unsigned last = 0;
    unsigned seen = 0;
    for (unsigned tries = 0; tries < 100 && seen < 20; ++tries) {
      std::uint32_t const irq = m.take();
      if (irq != nothing) {
        unsigned const priority = m.load(0x400 + irq, 1);
        CHECK(priority >= last);
        last = priority;
        ++seen;
        m.finish(irq);
      }
      // The guest runs on until the hardware asks for the host.
      if (m.hardware.maintenance()) m.round_trip();
    }
    CHECK(seen == 20);
    m.round_trip();
    CHECK_FALSE(m.hardware.maintenance());
    CHECK(m.hardware.mistakes == none);
  }
}

TEST_CASE("an urgent interrupt takes the place of a less urgent one that waits") {
  machine m{2, 2};
  m.open_distributor();
  m.store(0xc08, ~0U);
  for (std::uint32_t const irq : {40U, 41U, 42U}) m.store(0x400 + irq, 0x80, 1);
  m.store(0x400 + 42, 0x88, 1);
  m.store(0x400 + 43, 0x10, 1);
  for (std::uint32_t const irq : {40U, 41U, 42U}) m.vgic.pulse({irq});
  m.enter();
  CHECK(m.take() == 40);
  m.vgic.pulse({43});
  m.enter();
  CHECK(m.take() == 43);
  // Both are active: no event would end that, so the hardware must not ask for one for ever.
  m.round_trip();
  CHECK_FALSE(m.hardware.maintenance());
  m.finish(43);
  CHECK(m.hardware.maintenance());
  m.round_trip();
  m.finish(40);
  m.round_trip();
  CHECK(m.take() == 41);
  m.finish(41);
  m.round_trip();
  CHECK(m.take() == 42);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("pending and active bits are the hardware's, also between exits") {
  machine m;
  m.open_distributor();
  m.vgic.raise({33});
  m.enter();
  CHECK(m.load(0x204) == 2);
  CHECK(m.load(0x304) == 0);
  CHECK(m.take() == 33);
  m.vgic.lower({33});
  CHECK(m.load(0x204) == 0);
  CHECK(m.load(0x304) == 2);
  m.enter();
  m.finish(33);
  CHECK(m.load(0x304) == 0);
}

TEST_CASE("a line made pending by software is delivered once, level or not") {
  machine m;
  m.open_distributor();
  m.store(0x204, 1U << 9);
  CHECK(m.load(0x204) == 1U << 9);
  m.store(0x284, 1U << 9);
  CHECK(m.take() == nothing);
  m.store(0x204, 1U << 9);
  CHECK(m.take() == 41);
  m.store(0x204, 1U << 9);
  CHECK(m.load(0x204) == 1U << 9);
  CHECK(m.load(0x304) == 1U << 9);
  m.store(0x284, 1U << 9);
  CHECK(m.load(0x204) == 0);
  m.finish(41);
  m.round_trip();
  CHECK(m.take() == nothing);
}

TEST_CASE("a level that rises while software's pending bit is shown is not forgotten") {
  machine m;
  m.open_distributor();
  m.store(0x204, 1U << 9);
  m.vgic.raise({41});
  m.enter();
  CHECK(m.take() == 41);
  m.finish(41);
  REQUIRE(m.hardware.maintenance());
  m.round_trip();
  CHECK(m.take() == 41);
}

TEST_CASE("an interrupt made active by software is held back until it is made inactive") {
  machine m;
  m.open_distributor();
  m.store(0x304, 1U << 1);
  m.vgic.raise({33});
  m.enter();
  CHECK(m.take() == nothing);
  CHECK(m.load(0x384) == 1U << 1);
  m.store(0x384, 1U << 1);
  CHECK(m.take() == 33);
}

TEST_CASE("Group 1 interrupts are shown as such") {
  machine m;
  m.open_distributor();
  m.store(0x084, 1U << 1);
  m.vgic.raise({33});
  m.enter();
  CHECK(m.take() == nothing);
  m.store(0x000, 3);
  CHECK(m.take() == nothing);  // GICV_CTLR has Group 0 only
  m.hardware.write_guest(0x00, 3);
  CHECK(m.take() == 33);
}

TEST_CASE("with the end of interrupt split, an interrupt stays active until it is deactivated") {
  machine m;
  m.open_distributor();
  m.hardware.write_guest(0x00, 1 | 1U << 9);
  m.vgic.raise({33});
  m.enter();
  CHECK(m.take() == 33);
  m.finish(33);
  m.round_trip();
  CHECK(m.take() == nothing);
  CHECK(m.load(0x304) == 2);
  m.deactivate(33);
  m.round_trip();
  CHECK(m.take() == 33);
}

TEST_CASE("a vCPU in a wait is woken by what it can take, and only by that") {
  machine m;
  m.open_distributor();
  CHECK_FALSE(m.vgic.has_pending({0}, m.lr()));
  m.vgic.raise({33});
  CHECK(m.vgic.has_pending({0}, m.lr()));
  CHECK_FALSE(m.vgic.has_pending({1}, m.registers[1]));
  m.enter();
  CHECK(m.vgic.has_pending({0}, m.lr()));
  CHECK(m.take() == 33);
  CHECK_FALSE(m.vgic.has_pending({0}, m.lr()));
  CHECK_FALSE(m.vgic.has_pending({7}, m.lr()));
}

TEST_CASE("entering and leaving with nothing to do touches no hardware") {
  machine m;
  m.open_distributor();
  m.round_trip();
  unsigned const before = m.hardware.accesses;
  m.round_trip();
  m.load(0x004);
  m.round_trip();
  CHECK(m.hardware.accesses == before);
  // One interrupt costs one write to show it, and one read to see that it is done.
  m.vgic.raise_hardware({0}, {27}, {27});
  m.enter();
  CHECK(m.hardware.accesses == before + 1);
  m.enter();
  CHECK(m.hardware.accesses == before + 1);
}

TEST_CASE("a reset forgets what was pending but not what devices drive") {
  machine m;
  m.open_distributor();
  m.vgic.raise({33});
  m.vgic.raise({0}, {20});
  m.store(0x204, 1U << 5);
  m.hardware.write_hypervisor(0x100, 0);
  REQUIRE(m.lr().init());
  m.vgic.reset();
  CHECK_FALSE(m.vgic.has_deliverable({0}));
  CHECK(m.load(0x000) == 0);
  CHECK(m.load(0x104) == 0);
  CHECK(m.load(0x204) == 2);
  CHECK(m.load(0x200) == 1U << 20);
  m.vgic.reset(axhal::vcpu_number{9});
  m.vgic.reset(axhal::vcpu_number{0});
  CHECK(m.load(0x100) == 0xffff);
}

TEST_CASE("numbers that are not there are ignored") {
  machine m;
  m.open_distributor();
  CHECK(m.vgic.raise({96}) == 0);
  CHECK(m.vgic.raise({~0U}) == 0);
  CHECK(m.vgic.raise({20}) == 0);  // a PPI belongs to a vCPU
  CHECK(m.vgic.raise({2}, {20}) == 0);
  CHECK(m.vgic.raise({0}, {15}) == 0);
  CHECK(m.vgic.raise({0}, {32}) == 0);
  CHECK(m.vgic.read({2}, 0x004, 4) == 0);
  CHECK(m.vgic.write({2}, 0x000, 4, 1) == 0);
  CHECK_FALSE(m.vgic.has_deliverable({2}));
  CHECK(m.vgic.flush({2}, m.lr()) == 0);
  CHECK(m.vgic.sync({2}, m.lr()) == 0);
  CHECK(m.vgic.raise({0}, {20}) == 1);
  m.enter();
  CHECK(m.take() == 20);
}

TEST_CASE("clearing the active bit does not bring back an edge that was taken, but keeps the one behind it") {
  machine m;
  m.open_distributor();
  m.store(0xc08, 2U << 4);
  m.vgic.pulse({34});
  m.enter();
  CHECK(m.take() == 34);
  m.round_trip();
  m.store(0x384, 1U << 2);
  CHECK(m.load(0x204) == 0);
  m.hardware.write_hypervisor(0xf0, 0);  // the guest's priority drop
  CHECK(m.take() == nothing);
  m.vgic.pulse({34});
  m.enter();
  CHECK(m.take() == 34);
  m.vgic.pulse({34});
  m.enter();
  m.store(0x384, 1U << 2);
  CHECK(m.load(0x204) == 1U << 2);
  CHECK(m.load(0x304) == 0);
  m.hardware.write_hypervisor(0xf0, 0);
  CHECK(m.take() == 34);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("one flush shows all: what came and what came back") {
  machine m;
  m.open_distributor();
  m.vgic.raise({33});
  m.enter();
  CHECK(m.take() == 33);
  m.finish(33);
  // No exit has seen that; the reason for this one is another line.
  m.vgic.raise({0}, {20});
  m.enter();
  CHECK_FALSE(m.vgic.has_deliverable({0}));
  CHECK(m.take() == 20);
  m.finish(20);
  CHECK(m.take() == 33);
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a new priority counts for what waits in a list register") {
  machine m;
  m.open_distributor();
  m.store(0x400 + 33, 0xf8, 1);  // passes no mask
  m.vgic.raise({33});
  m.enter();
  CHECK(m.take() == nothing);
  m.store(0x400 + 33, 0xf0, 1);
  CHECK(m.take() == 33);
  m.store(0x400 + 33, 0x10, 1);  // of what is active, only the next time
  CHECK(m.load(0x304) == 2);
  m.finish(33);
  m.round_trip();
  CHECK(m.take() == 33);
  CHECK(m.hardware.read_hypervisor(0xf0) == 1U << 2);
  CHECK(m.hardware.mistakes == none);
}

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

TEST_CASE("the timer's physical interrupt is deactivated by the guest's end of interrupt") {
  machine m;
  m.open_distributor();
  REQUIRE(m.gic.enable({27}));
  for (unsigned turn = 0; turn < 3; ++turn) {
    m.hardware.set_line(27, true);
    auto const claimed = m.gic.claim();
    REQUIRE(claimed);
    CHECK(claimed->irq == axhal::irq_number{27});
    m.gic.drop_priority(*claimed);
    // Dropped, but active: the level that is still high does not come again.
    CHECK_FALSE(m.gic.claim());
    CHECK(m.vgic.raise_hardware({0}, {27}, {27}) == 1);
    CHECK(m.vgic.has_deliverable({0}));
    m.enter();
    CHECK_FALSE(m.vgic.has_deliverable({0}));
    CHECK(m.take() == 27);
    CHECK(m.load(0x300) == 1U << 27);
    m.hardware.set_line(27, false);
    CHECK(m.hardware.is_active(27));
    m.finish(27);
    CHECK_FALSE(m.hardware.is_active(27));
    m.round_trip();
    CHECK(m.take() == nothing);
  }
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a timer that rings again takes the short way, and only when nothing else is to be done") {
  machine m;
  m.open_distributor();
  REQUIRE(m.gic.enable({27}));
  m.store(0x400 + 27, 0x80, 1);
  auto const ring = [&] {
    m.hardware.set_line(27, true);
    auto const claimed = m.gic.claim();
    REQUIRE(claimed);
    m.gic.drop_priority(*claimed);
  };
  auto const repeat = [&] { return m.vgic.repeat_hardware({0}, m.lr(), {27}, {27}); };
  auto const long_way = [&] {
    m.leave();
    m.vgic.raise_hardware({0}, {27}, {27});
    m.enter();
  };
  auto const served = [&] {
    REQUIRE(m.take() == 27);
    m.hardware.set_line(27, false);
    m.finish(27);
    CHECK_FALSE(m.hardware.is_active(27));
  };

  ring();
  CHECK_FALSE(repeat());  // never shown before
  long_way();
  CHECK_FALSE(repeat());  // pending
  REQUIRE(m.take() == 27);
  CHECK_FALSE(repeat());  // active
  m.hardware.set_line(27, false);
  m.finish(27);

  for (int turn = 0; turn < 3; ++turn) {
    ring();
    CHECK(repeat());
    CHECK(m.load(0x200) == 1U << 27);
    CHECK_FALSE(repeat());
    served();
    CHECK(m.load(0x300) == 0);
    CHECK(m.load(0x200) == 0);
    // Looking at the state has ended the turn: the next one begins the long way.
    ring();
    CHECK_FALSE(repeat());
    long_way();
    served();
  }

  SECTION("not while the guest has it disabled") {
    m.store(0x180, 1U << 27);
    ring();
    CHECK_FALSE(repeat());
    long_way();
    CHECK(m.take() == nothing);
    m.store(0x100, 1U << 27);
    served();
  }
  SECTION("not with another priority than last time") {
    m.store(0x400 + 27, 0x40, 1);
    ring();
    CHECK_FALSE(repeat());
    long_way();
    served();
  }
  SECTION("not for another physical line, another vCPU, or a number that is no PPI") {
    ring();
    CHECK_FALSE(m.vgic.repeat_hardware({0}, m.lr(), {27}, {28}));
    CHECK_FALSE(m.vgic.repeat_hardware({1}, m.lr(), {27}, {27}));
    CHECK_FALSE(m.vgic.repeat_hardware({9}, m.lr(), {27}, {27}));
    CHECK_FALSE(m.vgic.repeat_hardware({0}, m.lr(), {40}, {40}));
    CHECK_FALSE(m.vgic.repeat_hardware({0}, m.lr(), {3}, {3}));
    CHECK(repeat());
    served();
  }
  SECTION("not while something else is to be looked at") {
    m.vgic.raise({40});
    ring();
    CHECK_FALSE(repeat());
    long_way();
    CHECK(m.take() == 40);  // more urgent: its priority was never set
    m.vgic.lower({40});
    m.finish(40);
    served();
  }
  SECTION("and it can be taken back like any other") {
    ring();
    CHECK(repeat());
    CHECK(m.vgic.lower_hardware({0}, m.lr(), {27}));
    m.gic.deactivate(axhal::irq_number{27});
    m.hardware.set_line(27, false);
    m.enter();
    CHECK(m.take() == nothing);
  }
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a guest that disables or forgets the timer leaves the physical interrupt active, and finds it again") {
  machine m;
  m.open_distributor();
  m.store(0x180, 1U << 27);
  m.hardware.set_line(27, true);
  REQUIRE(m.gic.enable({27}));
  m.gic.drop_priority(*m.gic.claim());
  m.vgic.raise_hardware({0}, {27}, {27});
  m.enter();
  CHECK(m.take() == nothing);
  CHECK(m.load(0x200) == 1U << 27);
  m.store(0x280, 1U << 27);  // the device still asks
  CHECK(m.load(0x200) == 1U << 27);
  m.store(0x100, 1U << 27);
  m.store(0x180, 1U << 27);  // and off again, now that it is in a list register
  CHECK(m.take() == nothing);
  m.store(0x100, 1U << 27);
  CHECK(m.take() == 27);
  m.hardware.set_line(27, false);
  m.finish(27);
  CHECK_FALSE(m.hardware.is_active(27));
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a guest that clears the active bit of its timer gets the next one") {
  machine m;
  m.open_distributor();
  m.hardware.set_line(27, true);
  REQUIRE(m.gic.enable({27}));
  m.gic.drop_priority(*m.gic.claim());
  m.vgic.raise_hardware({0}, {27}, {27});
  m.enter();
  CHECK(m.take() == 27);
  m.store(0x380, 1U << 27);
  CHECK_FALSE(m.hardware.is_active(27));
  CHECK(m.load(0x300) == 0);
  CHECK(m.gic.claim());
  CHECK(m.hardware.mistakes == none);
}

TEST_CASE("a physical interrupt can be taken back until the guest has taken it") {
  machine m;
  m.open_distributor();
  REQUIRE(m.gic.enable({27}));
  auto const arrive = [&] {
    m.hardware.set_line(27, true);
    m.gic.drop_priority(*m.gic.claim());
    m.vgic.raise_hardware({0}, {27}, {27});
    m.hardware.set_line(27, false);
  };
  CHECK_FALSE(m.vgic.lower_hardware({0}, m.lr(), {27}));
  arrive();
  CHECK(m.vgic.lower_hardware({0}, m.lr(), {27}));
  m.gic.deactivate(axhal::irq_number{27});
  m.enter();
  CHECK(m.take() == nothing);
  arrive();
  m.enter();
  CHECK(m.vgic.lower_hardware({0}, m.lr(), {27}));
  m.gic.deactivate(axhal::irq_number{27});
  m.enter();
  CHECK(m.take() == nothing);
  arrive();
  m.enter();
  CHECK(m.take() == 27);
  CHECK_FALSE(m.vgic.lower_hardware({0}, m.lr(), {27}));
  m.finish(27);
  m.round_trip();
  CHECK_FALSE(m.vgic.lower_hardware({0}, m.lr(), {27}));
  CHECK(m.vgic.raise_hardware({0}, {96}, {96}) == 0);
  CHECK(m.vgic.raise_hardware({2}, {27}, {27}) == 0);
  CHECK(m.vgic.raise_hardware({0}, {3}, {27}) == 0);
  CHECK(m.hardware.mistakes == none);
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

// SPDX-License-Identifier: BSL-1.0
// Physical interrupts that a guest completes itself, through the real drivers on a simulated GICv2.
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

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/gic_v2.hpp>
#include <axhal/arch/host/cpu.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/mmio_recorder.hpp"
#include "support/simulated_gic_v2.hpp"

#include <string>
#include <vector>

namespace {

using namespace axhal;
using test::simulated_gic_v2;
using driver = aarch64::gic_v2<test::distributor_window, test::cpu_window, host::cpu>;
using recorded = aarch64::gic_v2<test::mmio_recorder, test::mmio_recorder, host::cpu>;
std::vector<std::string> const none{};

}  // namespace

TEST_CASE("a window without a GICv2 is refused, and nothing is written to it") {
  for (std::uint32_t const id : {0U, ~0U, 0x3bU, 0x1bU}) {
    test::mmio_log log;
    log.answers[0xfe8] = {id};
    recorded gic{{&log}, {&log}};
    CHECK(gic.init_distributor() == failure{irq_error::unsupported});
    for (test::mmio_access const& a : log.accesses) CHECK(a.direction == 'r');
    CHECK(gic.init_cpu({0}) == failure{irq_error::unsupported});
    CHECK(gic.line_count() == 0);
    CHECK(gic.enable({0}) == failure{irq_error::out_of_range});
    CHECK_FALSE(gic.is_enabled({0}));
  }
}

TEST_CASE("the distributor is brought to a known state whatever firmware left") {
  simulated_gic_v2 hardware{2, 2};
  for (std::uint64_t o = 0x080; o < 0x400; o += 0x80) {
    if (o == 0x180 || o == 0x280 || o == 0x380) continue;
    for (std::uint64_t w = 0; w < 12; w += 4) hardware.write_distributor(o + w, 4, ~0U);
  }
  for (std::uint64_t i = 0; i < 96; i += 4) hardware.write_distributor(0x400 + i, 4, 0);
  hardware.write_distributor(0xf20, 4, ~0U);
  hardware.write_distributor(0x000, 4, 3);

  driver gic{{&hardware}, {&hardware}};
  REQUIRE(gic.init_distributor());
  REQUIRE(gic.init_cpu({0}));
  CHECK(gic.line_count() == 96);
  CHECK(gic.priority_bits() == 5);
  CHECK_FALSE(gic.claim());
  CHECK(hardware.read_distributor(0x000, 4) == 1);
  CHECK(hardware.read_distributor(0x100, 4) == 0xffff);
  for (std::uint64_t w = 0; w < 12; w += 4) {
    CHECK(hardware.read_distributor(0x080 + w, 4) == 0);
    if (w > 0) CHECK(hardware.read_distributor(0x100 + w, 4) == 0);
    CHECK(hardware.read_distributor(0x200 + w, 4) == 0);
    CHECK(hardware.read_distributor(0x300 + w, 4) == 0);
  }
  for (std::uint64_t i = 0; i < 96; i += 4) CHECK(hardware.read_distributor(0x400 + i, 4) == 0xa0a0a0a0);
  for (std::uint64_t i = 32; i < 96; i += 4) CHECK(hardware.read_distributor(0x800 + i, 4) == 0x01010101);
  CHECK(hardware.mistakes == none);
}

TEST_CASE("what the machine wires around the CPU interface is kept") {
  test::mmio_log distributor;
  distributor.answers[0xfe8] = {0x2b};
  distributor.answers[0x41f] = {0xf8};
  test::mmio_log cpu;
  cpu.answers[0x000] = {0x1e7};
  recorded gic{{&distributor}, {&cpu}};
  REQUIRE(gic.init_distributor());
  REQUIRE(gic.init_cpu({3}));
  CHECK(cpu.accesses.back() == test::mmio_access{'w', 4, 0x000, 0x1e0 | 1U << 9 | 1});
  // A uniprocessor's target registers read as zero.
  CHECK(gic.target_of({3}) == 1);
  CHECK(gic.target_of({2}) == 0);
  gic.disable_cpu();
  CHECK(cpu.accesses.back() == test::mmio_access{'w', 4, 0x000, 0x1e0});
}

TEST_CASE("an SGI's target list is the hardware's mask, not the number of a CPU") {
  simulated_gic_v2 hardware{4, 1};
  hardware.first_target = 6;  // CPU 0 is interface 5
  driver gic{{&hardware}, {&hardware}};
  REQUIRE(gic.init_distributor());
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) {
    hardware.cpu = cpu;
    REQUIRE(gic.init_cpu({cpu}));
  }
  CHECK(gic.target_of({0}) == 1U << 5);
  CHECK(gic.target_of({2}) == 1U << 7);
  CHECK(gic.target_of({8}) == 0);
  CHECK(gic.send_ipi_mask(6, {9}));
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) {
    hardware.cpu = cpu;
    auto const claimed = gic.claim();
    CHECK(static_cast<bool>(claimed) == (cpu != 0));
    if (!claimed) continue;
    CHECK(claimed->irq == irq_number{9});
    CHECK(driver::source_of(*claimed) == 2);
    gic.complete(*claimed);
  }
  CHECK(gic.send_ipi({3}, {9}) == failure{irq_error::out_of_range});  // there, but not initialised
  CHECK(gic.send_ipi({8}, {9}) == failure{irq_error::out_of_range});
  CHECK(gic.send_ipi({0}, {16}) == failure{irq_error::out_of_range});
  CHECK(gic.send_ipi_mask(0, {1}) == failure{irq_error::out_of_range});
  CHECK(gic.send_ipi_mask(9, {1}) == failure{irq_error::out_of_range});
  CHECK(gic.set_affinity_mask({40}, 7));
  CHECK(hardware.read_distributor(0x800 + 40, 1) == 0xe0);
  CHECK(gic.set_affinity_mask({40}, 15) == failure{irq_error::out_of_range});
  CHECK(gic.set_affinity({30}, {0}) == failure{irq_error::unsupported});
  CHECK(hardware.mistakes == none);
}

TEST_CASE("dropping the priority lets others through, deactivating lets the line through") {
  simulated_gic_v2 hardware{1, 1};
  driver gic{{&hardware}, {&hardware}};
  REQUIRE(gic.init_distributor());
  REQUIRE(gic.init_cpu({0}));
  REQUIRE(gic.enable({32}));
  REQUIRE(gic.enable({33}));
  hardware.set_line(32, true);
  hardware.set_line(33, true);
  auto const first = gic.claim();
  REQUIRE(first);
  CHECK_FALSE(gic.claim());
  gic.drop_priority(*first);
  auto const second = gic.claim();
  REQUIRE(second);
  CHECK(second->irq == irq_number{33});
  gic.drop_priority(*second);
  CHECK_FALSE(gic.claim());
  gic.deactivate(*first);
  auto const again = gic.claim();
  REQUIRE(again);
  CHECK(again->irq == irq_number{32});
  gic.drop_priority(*again);
  gic.deactivate(irq_number{32});
  gic.deactivate(irq_number{5});     // an SGI has no number alone
  gic.deactivate(irq_number{1020});  // no line
  CHECK(hardware.is_active(33));
  CHECK(hardware.mistakes == none);
}

TEST_CASE("triggers change while a line is disabled, and fixed ones say so") {
  simulated_gic_v2 hardware{1, 1};
  driver gic{{&hardware}, {&hardware}};
  REQUIRE(gic.init_distributor());
  REQUIRE(gic.init_cpu({0}));
  REQUIRE(gic.enable({32}));
  CHECK(gic.set_trigger({32}, irq_trigger::edge));
  CHECK(gic.is_enabled({32}));
  CHECK(hardware.read_distributor(0xc08, 4) == 2);
  CHECK(gic.set_trigger({3}, irq_trigger::level) == failure{irq_error::unsupported});
  CHECK(gic.set_trigger({3}, irq_trigger::edge));
  CHECK(gic.set_trigger({27}, irq_trigger::edge) == failure{irq_error::unsupported});
  CHECK(gic.set_trigger({27}, irq_trigger::level));
  CHECK(gic.disable({3}) == failure{irq_error::unsupported});
  CHECK(gic.is_enabled({3}));
  CHECK(hardware.mistakes == none);
}

TEST_CASE("priorities keep their order down to what the controller has, and the last level stays deliverable") {
  for (std::uint8_t const bits : {std::uint8_t{0xf0}, std::uint8_t{0xf8}, std::uint8_t{0xff}}) {
    simulated_gic_v2 hardware{1, 1};
    hardware.priority_bits = bits;
    driver gic{{&hardware}, {&hardware}};
    REQUIRE(gic.init_distributor());
    std::uint32_t last = 0;
    for (unsigned p = 0; p < 256; ++p) {
      REQUIRE(gic.set_priority({32}, static_cast<std::uint8_t>(p)));
      std::uint32_t const kept = hardware.read_distributor(0x420, 1);
      CHECK(kept >= last);
      CHECK(kept <= p);
      CHECK(kept < bits);
      last = kept;
    }
  }
}

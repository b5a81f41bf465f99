// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/hart_interrupts.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/aplic_bench.hpp"

namespace {

using namespace axhal;
using namespace axhal::test::aplic_bench;
using test::simulated_aplic;
using test::test_hart;

}  // namespace

TEST_CASE("by message: targets name hart and identity") {
  messages m;
  REQUIRE(m.aplic.set_affinity(9, second));
  CHECK(m.device.read(0x3000 + 36) == (1U << 18 | 10));
  CHECK(m.device.read(0) == 0x8000'0104);
  CHECK(m.aplic.set_priority(9, 0) == failure{irq_error::unsupported});
  REQUIRE(m.aplic.enable(9));
  m.device.set_line(9, true);
  CHECK(m.harts.harts[1].imsic.files[0].top() == (10U << 16 | 10));
  CHECK(m.claim_on(boot) == 0);
  CHECK(m.claim_on(second) == 9);
}

TEST_CASE("by message: a level that is still up sends another message when it is completed, and none before") {
  messages m;
  REQUIRE(m.aplic.enable(9));
  m.device.set_line(9, true);
  CHECK(m.sent == 1);
  CHECK(m.claim_on(boot) == 9);
  m.aplic.complete(boot, 9);
  CHECK(m.sent == 2);
  CHECK(m.claim_on(boot) == 9);
  m.device.set_line(9, false);
  m.aplic.complete(boot, 9);
  CHECK(m.sent == 2);
  CHECK(m.claim_on(boot) == 0);
  // It fell and rose while it was served: a message came, and waits for the end.
  m.device.set_line(9, true);
  CHECK(m.claim_on(boot) == 9);
  m.device.set_line(9, false);
  m.device.set_line(9, true);
  CHECK(m.claim_on(boot) == 0);
  m.aplic.complete(boot, 9);
  CHECK(m.claim_on(boot) == 9);
  CHECK(m.harts.mistakes == none);
}

TEST_CASE("by message: an edge is neither lost nor doubled while the last one is served") {
  messages m;
  REQUIRE(m.aplic.set_trigger(9, irq_trigger::edge));
  REQUIRE(m.aplic.enable(9));
  m.device.set_line(9, true);
  CHECK(m.claim_on(boot) == 9);
  m.aplic.complete(boot, 9);
  CHECK(m.claim_on(boot) == 0);
  m.device.set_line(9, false);
  m.device.set_line(9, true);
  CHECK(m.claim_on(boot) == 9);
  m.device.set_line(9, false);
  m.device.set_line(9, true);
  CHECK(m.claim_on(boot) == 0);
  m.aplic.complete(boot, 9);
  CHECK(m.claim_on(boot) == 9);
  m.aplic.complete(boot, 9);
  CHECK(m.claim_on(boot) == 0);
}

TEST_CASE("by message: what was sent before its source was switched off comes when it is on again") {
  for (irq_trigger const trigger : {irq_trigger::level, irq_trigger::edge}) {
    messages m;
    REQUIRE(m.aplic.set_trigger(9, trigger));
    REQUIRE(m.aplic.enable(9));
    m.device.set_line(9, true);
    REQUIRE(m.aplic.disable(9));
    CHECK(m.claim_on(boot) == 0);
    CHECK(m.claim_on(boot) == 0);
    REQUIRE(m.aplic.enable(9));
    CHECK(m.claim_on(boot) == 9);
    m.device.set_line(9, false);
    m.aplic.complete(boot, 9);
    CHECK(m.claim_on(boot) == 0);
  }
}

TEST_CASE("by message: identities that are no source of this domain are passed over") {
  messages m;
  REQUIRE(m.aplic.enable(9));
  m.harts.message(0, 0, 96 + 1);  // past the sources: not enabled in the file
  m.harts.message(0, 0, 10);
  CHECK(m.claim_on(boot) == 9);
  CHECK(m.claim_on(boot) == 0);
  simulated_aplic device{31, 1};
  device.not_delegated = {3};
  by_message aplic{{&device}, {&m.harts}, {}};
  REQUIRE(aplic.init(31, 255));
  REQUIRE(aplic.init_cpu(boot, 0));
  m.harts.message(0, 0, 4);
  CHECK(aplic.claim(boot) == 0);
  CHECK(m.harts.harts[0].imsic.files[0].eip[0] == 0);
}

TEST_CASE("by message: sources past the identities are not served, and files with fewer are refused") {
  test::simulated_harts harts{1};
  test_hart::machine = &harts;
  harts.self().has_imsic = true;
  harts.self().imsic = test::simulated_imsic{0, 63};
  simulated_aplic device{95, 1};
  by_message aplic{{&device}, {&harts}, {}};
  REQUIRE(aplic.init(95, 63));
  CHECK(aplic.source_count() == 63);  // 62 of them: one identity is for other harts
  CHECK(aplic.enable(63) == failure{irq_error::out_of_range});
  CHECK(aplic.init_cpu(boot, 1) == failure{irq_error::out_of_range});  // no page
  CHECK(aplic.init_cpu({4}, 0) == failure{irq_error::out_of_range});
  REQUIRE(aplic.init_cpu(boot, 0));
  CHECK(harts.self().imsic.files[0].eie[0] == ~std::uint64_t{1});
  by_message more{{&device}, {&harts}, {}};
  CHECK(more.init_cpu(boot, 0) == failure{irq_error::unsupported});
  REQUIRE(more.init(95, 127));
  CHECK(more.init_cpu(boot, 0) == failure{irq_error::out_of_range});
  CHECK(harts.mistakes == none);
}

TEST_CASE("by message: a message between harts is a software interrupt, and waits as one while those are off") {
  messages m;
  riscv64::hart_interrupts<test_hart, by_message, by_message> irqs{boot, m.aplic, m.aplic};
  irqs.init();
  REQUIRE(m.aplic.enable(1));
  m.device.set_line(1, true);
  REQUIRE(irqs.send_ipi(boot, riscv64::hart_irq::software));
  auto const ipi = irqs.claim();
  REQUIRE(ipi);
  CHECK(ipi->irq == riscv64::hart_irq::software);
  // A second one while the first is served comes after it.
  REQUIRE(irqs.send_ipi(boot, riscv64::hart_irq::software));
  CHECK_FALSE(irqs.claim());
  auto const device = irqs.claim();
  REQUIRE(device);
  CHECK(device->irq == riscv64::hart_irq::external(1));
  irqs.complete(*ipi);
  auto const again = irqs.claim();
  REQUIRE(again);
  CHECK(again->irq == riscv64::hart_irq::software);
  irqs.complete(*again);
  CHECK_FALSE(irqs.claim());

  REQUIRE(irqs.disable(riscv64::hart_irq::software));
  REQUIRE(irqs.send_ipi(boot, riscv64::hart_irq::software));
  CHECK_FALSE(irqs.claim());
  CHECK_FALSE(irqs.claim());
  REQUIRE(irqs.enable(riscv64::hart_irq::software));
  auto const late = irqs.claim();
  REQUIRE(late);
  CHECK(late->irq == riscv64::hart_irq::software);
  irqs.complete(*late);
  CHECK_FALSE(irqs.claim());
  CHECK(m.harts.mistakes == none);
}

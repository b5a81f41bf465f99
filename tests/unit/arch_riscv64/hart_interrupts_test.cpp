// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/plic.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_harts.hpp"
#include "support/simulated_plic.hpp"

#include <string>
#include <vector>

namespace {

using namespace axhal;
using riscv64::csr;
namespace hart_irq = riscv64::hart_irq;
using test::test_hart;
std::vector<std::string> const none{};

struct fixture {
  using external = riscv64::plic<test::plic_window, 2>;
  using ipi_sender = riscv64::firmware_ipi<test_hart, 2>;

  fixture() {
    test_hart::machine = &harts;
    harts.external = [this](unsigned cpu) { return device.output(2 * cpu + 1); };
    harts.harts[1].hartid = 4;  // harts 0 and 4: the ids have a gap
    REQUIRE(map.add(0));
    REQUIRE(map.add(4));
    REQUIRE(plic.init(95));
    REQUIRE(plic.init_cpu({0}, 1));
    irqs.init();
  }
  std::uint32_t claim() {
    auto const claimed = irqs.claim();
    if (!claimed) return 0;
    irqs.complete(*claimed);
    return claimed->irq.value;
  }

  test::simulated_harts harts{2};
  test::simulated_plic device{95, 4};
  external plic{{&device}};
  riscv64::hart_map<2> map{};
  ipi_sender ipis{map};
  riscv64::hart_interrupts<test_hart, external, ipi_sender> irqs{{0}, plic, ipis};
};

}  // namespace

TEST_CASE("a hart starts open for software and external interrupts, and knows nothing of older ones") {
  fixture f;
  CHECK(f.harts.self().sie == 0x202);
  f.harts.self().soft = 2;
  f.harts.self().sie = 0x222;
  f.irqs.init();
  CHECK(f.harts.self().sie == 0x202);
  CHECK(f.claim() == 0);
  CHECK(f.irqs.is_enabled(hart_irq::software));
  CHECK_FALSE(f.irqs.is_enabled(hart_irq::timer));
  CHECK_FALSE(f.irqs.is_enabled(hart_irq::guest_external));
  f.irqs.disable_cpu();
  CHECK(f.harts.self().sie == 0);
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("the hart's own interrupts come in its own order, external ones first") {
  fixture f;
  f.harts.self().has_imsic = true;
  f.harts.self().imsic = test::simulated_imsic{2};
  auto& file = f.harts.self().imsic.files[1];
  file.eidelivery = 1;
  file.eie[0] = ~std::uint64_t{1};
  file.message(7);
  f.harts.self().hgeie = 2;
  f.harts.self().timer = true;
  f.harts.self().soft = 2 | 1U << 13;
  f.device.set_line(10, true);
  for (irq_number const irq :
       {hart_irq::timer, hart_irq::guest_external, hart_irq::counter_overflow, hart_irq::external(10)}) {
    REQUIRE(f.irqs.enable(irq));
    CHECK(f.irqs.is_enabled(irq));
  }
  std::vector<claimed_irq> taken;
  for (std::uint32_t const expected : {74U, 1U, 5U, 12U, 13U}) {
    auto const claimed = f.irqs.claim();
    REQUIRE(claimed);
    CHECK(claimed->irq.value == expected);
    taken.push_back(*claimed);
  }
  CHECK_FALSE(f.irqs.claim());  // all of them are being served
  CHECK(f.harts.self().soft == 0);
  for (claimed_irq const claimed : taken) f.irqs.complete(claimed);
  // Levels are still there; what the hart latches was consumed.
  CHECK(f.claim() == 74);
  f.device.set_line(10, false);
  CHECK(f.claim() == 74);  // latched by the gateway
  CHECK(f.claim() == 5);
  f.harts.self().timer = false;
  CHECK(f.claim() == 12);
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("a hart without guests' interrupt files is never asked for hie and hip") {
  fixture f;
  CHECK(f.irqs.disable(hart_irq::guest_external));
  f.harts.self().hie = 1U << 12;  // would be read
  CHECK_FALSE(f.irqs.is_enabled(hart_irq::guest_external));
  f.irqs.disable_cpu();
  CHECK(f.harts.self().hie == 1U << 12);
}

TEST_CASE("gates of the hart's own interrupts are sie and hie") {
  fixture f;
  f.harts.self().timer = true;
  CHECK(f.claim() == 0);
  CHECK(f.irqs.enable(hart_irq::timer));
  CHECK(f.harts.self().sie == 0x222);
  CHECK(f.claim() == 5);
  CHECK(f.irqs.disable(hart_irq::timer));
  CHECK(f.harts.self().sie == 0x202);
  CHECK(f.claim() == 0);
  CHECK(f.irqs.enable(hart_irq::guest_external));
  CHECK(f.harts.self().hie == 1U << 12);
  CHECK(f.irqs.disable(hart_irq::guest_external));
  CHECK(f.harts.self().hie == 0);
  CHECK(f.irqs.disable(hart_irq::software));
  f.harts.self().soft = 2;
  CHECK(f.claim() == 0);
  CHECK(f.irqs.enable(hart_irq::software));
  CHECK(f.claim() == 1);
  // A hart without Sscofpmf has no such bit.
  f.harts.local_bits = 0x222;
  CHECK(f.irqs.enable(hart_irq::counter_overflow) == failure{irq_error::unsupported});
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("what a hart's own interrupts are cannot be configured") {
  fixture f;
  for (irq_number const irq : {hart_irq::software, hart_irq::counter_overflow}) {
    CHECK(f.irqs.set_trigger(irq, irq_trigger::edge));
    CHECK(f.irqs.set_trigger(irq, irq_trigger::level) == failure{irq_error::unsupported});
    CHECK(f.irqs.set_priority(irq, 0) == failure{irq_error::unsupported});
    CHECK(f.irqs.set_affinity(irq, {0}) == failure{irq_error::unsupported});
  }
  for (irq_number const irq : {hart_irq::timer, hart_irq::guest_external}) {
    CHECK(f.irqs.set_trigger(irq, irq_trigger::level));
    CHECK(f.irqs.set_trigger(irq, irq_trigger::edge) == failure{irq_error::unsupported});
  }
}

TEST_CASE("numbers of the guest's interrupts, of the external interrupt itself and of nothing are no lines") {
  fixture f;
  std::uint64_t const before = f.harts.self().sie;
  for (std::uint32_t n = 0; n < 65; ++n) {
    if (n == 1 || n == 5 || n == 12 || n == 13) continue;
    CHECK(f.irqs.enable({n}) == failure{irq_error::out_of_range});
    CHECK(f.irqs.disable({n}) == failure{irq_error::out_of_range});
    CHECK_FALSE(f.irqs.is_enabled({n}));
    CHECK(f.irqs.set_priority({n}, 0) == failure{irq_error::out_of_range});
    CHECK(f.irqs.set_trigger({n}, irq_trigger::level) == failure{irq_error::out_of_range});
    CHECK(f.irqs.set_affinity({n}, {0}) == failure{irq_error::out_of_range});
    CHECK(f.irqs.send_ipi({0}, {n}) == failure{irq_error::out_of_range});
    f.irqs.complete({{n}, n});
  }
  CHECK(f.irqs.line_count() == 64 + 96);
  CHECK(f.harts.self().sie == before);
  CHECK(f.harts.self().soft == 0);
  CHECK(f.harts.mistakes == none);
  CHECK(f.device.mistakes == none);
}

TEST_CASE("firmware sends to the hart's own id, and its refusal is told") {
  fixture f;
  CHECK(f.irqs.send_ipi({1}, hart_irq::software));
  CHECK(f.harts.harts[0].soft == 0);
  CHECK(f.harts.harts[1].soft == 2);
  CHECK(f.irqs.send_ipi({2}, hart_irq::software) == failure{irq_error::out_of_range});
  CHECK(f.irqs.send_ipi({~0U}, hart_irq::software) == failure{irq_error::out_of_range});
  f.harts.firmware_says = -2;
  CHECK(f.irqs.send_ipi({0}, hart_irq::software) == failure{irq_error::unsupported});
}

TEST_CASE("harts are counted in the order they come, whatever their ids") {
  riscv64::hart_map<3> map;
  CHECK(map.size() == 0);
  CHECK(map.hartid_of({0}) == failure{riscv64::hart_map_error::unknown});
  CHECK(map.add(7) == cpu_number{0});
  CHECK(map.add(~0ULL) == cpu_number{1});
  CHECK(map.add(7) == failure{riscv64::hart_map_error::duplicate});
  CHECK(map.add(0) == cpu_number{2});
  CHECK(map.add(1) == failure{riscv64::hart_map_error::full});
  CHECK(map.size() == 3);
  CHECK(map.hartid_of({1}) == ~0ULL);
  CHECK(map.hartid_of({3}) == failure{riscv64::hart_map_error::unknown});
  CHECK(map.cpu_of(0) == cpu_number{2});
  CHECK(map.cpu_of(1) == failure{riscv64::hart_map_error::unknown});
}

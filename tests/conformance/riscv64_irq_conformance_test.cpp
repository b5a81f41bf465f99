// SPDX-License-Identifier: BSL-1.0
// Interrupts of a RISC-V hart obey the laws of the policies, whatever controller stands behind them.
#include <axhal/arch/riscv64/aplic_direct.hpp>
#include <axhal/arch/riscv64/aplic_msi.hpp>
#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/plic.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_aplic.hpp"
#include "support/simulated_harts.hpp"
#include "support/simulated_plic.hpp"

namespace {

using namespace axhal;
using test::test_hart;
std::vector<std::string> const none{};

struct plic_bench {
  using external = riscv64::plic<test::plic_window, 3>;
  using ipi_sender = riscv64::firmware_ipi<test_hart, 3>;
  using hart = riscv64::hart_interrupts<test_hart, external, ipi_sender>;

  plic_bench(unsigned sources, std::uint32_t priority_bits, std::uint64_t first_id, bool edges)
      : harts{3, first_id},
        device{sources, 8, priority_bits},
        driver{{&device}, edges ? irq_trigger::edge : irq_trigger::level} {
    test_hart::machine = &harts;
    device.edge_gateways = edges;
    // As on machines where some hart has no S-mode: contexts are not twice the number of the hart.
    harts.external = [this](unsigned cpu) { return device.output(context[cpu]); };
    REQUIRE(driver.init(sources));
    for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(map.add(first_id + i));
    for (std::uint32_t i = 3; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, context[i]));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
  }
  static constexpr unsigned context[3] = {1, 4, 6};
  test::simulated_harts harts;
  test::simulated_plic device;
  external driver;
  riscv64::hart_map<3> map{};
  ipi_sender ipis{map};
  hart seen[3]{{{0}, driver, ipis}, {{1}, driver, ipis}, {{2}, driver, ipis}};

  auto& controller() { return seen[harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {gap_number}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = cpu.value; }
  std::uint32_t gap_number{64};
};

struct aplic_direct_bench {
  using external = riscv64::aplic_direct<test::aplic_window, 2>;
  using ipi_sender = riscv64::firmware_ipi<test_hart, 2>;
  using hart = riscv64::hart_interrupts<test_hart, external, ipi_sender>;

  aplic_direct_bench(unsigned sources, std::uint32_t iprio_bits) : harts{2, 7}, device{sources, 4} {
    test_hart::machine = &harts;
    device.iprio_bits = iprio_bits;
    device.not_delegated = {2, 30};
    harts.external = [this](unsigned cpu) { return device.output(3 - cpu); };
    REQUIRE(driver.init(sources));
    for (std::uint32_t i = 0; i < 2; ++i) REQUIRE(map.add(7 + i));
    for (std::uint32_t i = 2; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, 3 - i));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
  }
  test::simulated_harts harts;
  test::simulated_aplic device;
  external driver{{&device}};
  riscv64::hart_map<2> map{};
  ipi_sender ipis{map};
  hart seen[2]{{{0}, driver, ipis}, {{1}, driver, ipis}};

  auto& controller() { return seen[harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {64 + 30}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = cpu.value; }
};

struct aplic_msi_bench {
  using external = riscv64::aplic_msi<test::aplic_window, test::imsic_window, test_hart, 2>;
  using hart = riscv64::hart_interrupts<test_hart, external, external>;

  aplic_msi_bench(unsigned sources, unsigned identities) : harts{4}, device{sources, 4} {
    test_hart::machine = &harts;
    for (auto& h : harts.harts) {
      h.imsic = test::simulated_imsic{3, identities};
      h.has_imsic = true;
    }
    device.eiid_bits = 0x7ff;
    device.not_delegated = {2, 30};
    device.send = [this](unsigned to, unsigned guest, unsigned identity) { harts.message(to, guest, identity); };
    REQUIRE(driver.init(sources, identities));
    for (std::uint32_t i = 2; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, 3 - i));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
    run_on({0});
  }
  test::simulated_harts harts;
  test::simulated_aplic device;
  external driver{{&device}, {&harts, 2}, {.hart_index_bits = 2, .guest_index_bits = 2}};
  hart seen[2]{{{0}, driver, driver}, {{1}, driver, driver}};

  auto& controller() { return seen[3 - harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {64 + 30}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = 3 - cpu.value; }
};

}  // namespace

TEST_CASE("a hart with an APLIC that delivers by wire obeys the interrupt controller laws") {
  for (std::uint32_t const iprio_bits : {0x1U, 0x3U, 0x7U, 0xffU}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      aplic_direct_bench bench{sources, iprio_bits};
      CHECK(laws::first_broken_irq_controller_law(bench) == 0);
      CHECK(bench.device.mistakes == none);
      CHECK(bench.harts.mistakes == none);
    }
  }
}

TEST_CASE("a hart with an APLIC that delivers by messages obeys the interrupt controller laws") {
  for (unsigned const identities : {63U, 255U, 2047U}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      aplic_msi_bench bench{sources, identities};
      CHECK(laws::first_broken_irq_controller_law(bench) == 0);
      CHECK(bench.device.mistakes == none);
      CHECK(bench.harts.mistakes == none);
    }
  }
}

TEST_CASE("a hart with a PLIC obeys the interrupt controller laws") {
  for (std::uint32_t const priority_bits : {0x1U, 0x3U, 0x7U, 0xffU, 0x1ffU, 0xf0U, ~0U}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      for (std::uint64_t const first_id : {0ULL, 5ULL, 0x1'0000'0000ULL}) {
        for (std::uint32_t const gap : {0U, 2U, 9U, 10U, 63U, 64U}) {
          plic_bench bench{sources, priority_bits, first_id, false};
          bench.gap_number = gap;
          CHECK(laws::first_broken_irq_controller_law(bench) == 0);
          CHECK(bench.device.mistakes == none);
          CHECK(bench.harts.mistakes == none);
        }
      }
    }
  }
}

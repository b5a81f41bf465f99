// SPDX-License-Identifier: BSL-1.0
// One image for machines with a PLIC and with an APLIC: whichever was chosen, the hart obeys the laws.
#include <axhal/arch/riscv64/aplic_msi.hpp>
#include <axhal/arch/riscv64/either_external.hpp>
#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/plic.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_aplic.hpp"
#include "support/simulated_harts.hpp"
#include "support/simulated_plic.hpp"

#include <string>
#include <vector>

namespace {

using namespace axhal;
using test::test_hart;

/// A PLIC, and firmware for messages.
class plic_and_firmware : public riscv64::plic<test::plic_window, 2> {
 public:
  plic_and_firmware(test::simulated_plic& device, riscv64::hart_map<2> const& map) : plic{{&device}}, messages_{map} {}
  result<void, irq_error> send_ipi(cpu_number cpu) { return messages_.send_ipi(cpu); }

 private:
  riscv64::firmware_ipi<test_hart, 2> messages_;
};
using msi = riscv64::aplic_msi<test::aplic_window, test::imsic_window, test_hart, 2>;
using either = riscv64::either_external<plic_and_firmware, msi>;

/// A machine with one of the two, seen through `either`.
struct bench {
  explicit bench(bool has_aplic) : harts{2} {
    test_hart::machine = &harts;
    if (has_aplic) {
      for (auto& h : harts.harts) {
        h.imsic = test::simulated_imsic{1, 255};
        h.has_imsic = true;
      }
      aplic.eiid_bits = 0x7ff;
      aplic.send = [this](unsigned to, unsigned guest, unsigned identity) { harts.message(to, guest, identity); };
      auto& driver = external.use_second(test::aplic_window{&aplic}, test::imsic_window{&harts},
                                         riscv64::imsic_layout{.hart_index_bits = 1});
      REQUIRE(driver.init(95, 255));
    } else {
      harts.external = [this](unsigned cpu) { return plic.output(2 * cpu + 1); };
      REQUIRE(map.add(0));
      REQUIRE(map.add(1));
      REQUIRE(external.use_first(plic, map).init(95));
    }
    for (std::uint32_t i = 2; i-- > 0;) {
      run_on({i});
      if (has_aplic) {
        REQUIRE(external.second().init_cpu({i}, i));
      } else {
        REQUIRE(external.first().init_cpu({i}, 2 * i + 1));
      }
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(external.set_affinity(line(i).value - 64, {0}));
  }
  test::simulated_harts harts;
  test::simulated_plic plic{95, 4};
  test::simulated_aplic aplic{95, 2};
  riscv64::hart_map<2> map{};
  either external;
  riscv64::hart_interrupts<test_hart, either, either> seen[2]{{{0}, external, external}, {{1}, external, external}};

  auto& controller() { return seen[harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {64}; }
  void set_line(irq_number irq, bool high) {
    if (external.is_second()) {
      aplic.set_line(irq.value - 64, high);
    } else {
      plic.set_line(irq.value - 64, high);
    }
  }
  void run_on(cpu_number cpu) { harts.cpu = cpu.value; }
};

}  // namespace

TEST_CASE("a hart with either of two controllers obeys the interrupt controller laws") {
  std::vector<std::string> const none{};
  for (bool const has_aplic : {false, true}) {
    CAPTURE(has_aplic);
    bench b{has_aplic};
    CHECK(b.external.is_second() == has_aplic);
    CHECK(laws::first_broken_irq_controller_law(b) == 0);
    CHECK(b.plic.mistakes == none);
    CHECK(b.aplic.mistakes == none);
    CHECK(b.harts.mistakes == none);
  }
}

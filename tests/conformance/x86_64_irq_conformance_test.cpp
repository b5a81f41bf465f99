// SPDX-License-Identifier: BSL-1.0
// The interrupts of a PC obey the laws of IrqControllerPolicy, on simulated local APICs and I/O APICs.
#include <axhal/arch/x86_64/apic_interrupts.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/apic_machine.hpp"

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace axhal;
using x86_64::apic_irq::gsi;

struct here {};
using machine = test::apic_machine<here>;
using bus = machine::bus;
static_assert(IrqControllerPolicy<machine::driver>);

struct bench {
  bench(bool x2apic, bool old, std::uint32_t first, std::uint32_t step)
      : m{x2apic, old}, first_line{first}, step_{step} {
    REQUIRE(m.start());
    for (unsigned i = 0; i < 3; ++i) REQUIRE(m.irqs.set_trigger(line(i), irq_trigger::level));
  }
  machine m;
  std::uint32_t first_line, step_;
  auto& controller() { return m.irqs; }
  irq_number line(unsigned i) const { return gsi(first_line + i * step_); }
  irq_number ipi() const { return x86_64::apic_irq::ipi(5); }
  irq_number gap() const { return gsi(27); }
  void set_line(irq_number irq, bool up) { m.set_line(irq.value - x86_64::apic_irq::first_gsi, up); }
  void run_on(cpu_number cpu) { bus::m.cpu = cpu.value; }
};

}  // namespace

TEST_CASE("local APICs and I/O APICs obey the interrupt controller laws") {
  for (bool const x2apic : {false, true}) {
    for (bool const old : {false, true}) {
      // Lines of one I/O APIC, of the ISA bus, and of both.
      for (auto const& [first, step] : {std::pair{17U, 2U}, {0U, 7U}, {40U, 11U}, {22U, 13U}}) {
        bench b{x2apic, old, first, step};
        CHECK(laws::first_broken_irq_controller_law(b) == 0);
        CHECK(bus::m.mistakes == std::vector<std::string>{});
      }
    }
  }
}

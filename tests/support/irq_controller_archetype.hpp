// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>

namespace axhal::test {

/// Exactly what IrqControllerPolicy asks for and nothing else. Never made, so never called: bodies are
/// there to link.
class irq_controller_archetype {
 public:
  irq_controller_archetype() = delete;
  irq_controller_archetype(irq_controller_archetype const&) = delete;
  irq_controller_archetype& operator=(irq_controller_archetype const&) = delete;
  void operator&() const = delete;
  template <typename T>
  void operator,(T const&) const = delete;

  result<void, irq_error> enable(irq_number) { return {}; }
  result<void, irq_error> disable(irq_number) { return {}; }
  bool is_enabled(irq_number) { return {}; }
  result<void, irq_error> set_priority(irq_number, std::uint8_t) { return {}; }
  result<void, irq_error> set_trigger(irq_number, irq_trigger) { return {}; }
  result<void, irq_error> set_affinity(irq_number, cpu_number) { return {}; }
  std::uint32_t line_count() { return {}; }
  result<claimed_irq, irq_error> claim() { return claimed_irq{}; }
  void complete(claimed_irq) {}
  result<void, irq_error> send_ipi(cpu_number, irq_number) { return {}; }
};
static_assert(IrqControllerPolicy<irq_controller_archetype>);

}  // namespace axhal::test

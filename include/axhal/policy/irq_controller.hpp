// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Why an interrupt controller refused.
enum class irq_error : std::uint8_t {
  out_of_range,  ///< no such line, CPU or inter-processor interrupt on this controller
  unsupported,   ///< the line cannot be configured this way (fixed trigger or priority, a line that each CPU has)
  spurious,      ///< `claim`: nothing was pending
};

/// When a line asks for attention.
enum class irq_trigger : std::uint8_t { level, edge };

/// An interrupt that this CPU took and has not completed. Carries the controller's own word (GIC: IAR with the source
/// CPU of an SGI), which `complete` needs back.
struct claimed_irq {
  irq_number irq{};
  std::uint32_t raw{};
  friend constexpr bool operator==(claimed_irq, claimed_irq) = default;
};

namespace irq_req {

template <typename I>
concept Gates = requires(I& i, irq_number irq) {
  { i.enable(irq) } -> std::same_as<result<void, irq_error>>;
  { i.disable(irq) } -> std::same_as<result<void, irq_error>>;
  { i.is_enabled(irq) } -> std::same_as<bool>;
};

template <typename I>
concept Configures = requires(I& i, irq_number irq, std::uint8_t priority, irq_trigger trigger, cpu_number cpu) {
  { i.set_priority(irq, priority) } -> std::same_as<result<void, irq_error>>;
  { i.set_trigger(irq, trigger) } -> std::same_as<result<void, irq_error>>;
  { i.set_affinity(irq, cpu) } -> std::same_as<result<void, irq_error>>;
  { i.line_count() } -> std::same_as<std::uint32_t>;
};

template <typename I>
concept Serves = requires(I& i, claimed_irq claimed) {
  { i.claim() } -> std::same_as<result<claimed_irq, irq_error>>;
  { i.complete(claimed) } -> std::same_as<void>;
};

template <typename I>
concept Signals = requires(I& i, cpu_number cpu, irq_number ipi) {
  { i.send_ipi(cpu, ipi) } -> std::same_as<result<void, irq_error>>;
};

}  // namespace irq_req

/// A physical interrupt controller, seen from one CPU.
///
/// Priorities are 0 (most urgent) to 255 (least urgent). A controller with fewer levels, three at least, spreads them
/// over those it has, never turning a less urgent line into a more urgent one than an unequal neighbour; one whose
/// order is fixed by its wiring or by the numbers of its lines says `unsupported`. `cpu_number` is the dense index of
/// the machine; the controller translates it to its own target word. Which numbers are lines of a CPU's own, which are
/// shared, and which are inter-processor interrupts is the controller's business: there may be gaps, and one such
/// interrupt is enough.
///
/// Laws (conformance/irq_controller_laws.hpp, run on a model with a way to raise lines):
///   1. after `enable(i)` `is_enabled(i)`; after `disable(i)` not; other lines are unchanged
///   2. a raised enabled line is claimed; a raised disabled line is not, though a controller may remember it and give
///      it once when the line is enabled
///   3. of several pending lines the most urgent is claimed first; where that is fixed, the order in which they were
///      raised makes no difference
///   4. a claimed line is not claimed again before `complete`, and an edge is consumed by `claim`
///   5. a level line still raised at `complete` is claimed again
///   6. `claim` with nothing pending is `spurious`
///   7. a number at or past `line_count()`, one in a gap, or a CPU that is not there, is `out_of_range` for every
///      operation; nothing changes
///   8. `send_ipi(cpu, n)` is claimed on that CPU alone
///   9. `set_affinity(i, c)` moves a shared line to CPU `c` alone
///
/// Models: aarch64::gic_v2, riscv64::hart_interrupts (over riscv64::plic, riscv64::aplic_direct or riscv64::aplic_msi),
/// x86_64::apic_interrupts, host::irq_controller.
template <typename I>
concept IrqControllerPolicy = irq_req::Gates<I> && irq_req::Configures<I> && irq_req::Serves<I> && irq_req::Signals<I>;

/// Names every requirement `I` misses, one error each.
template <typename I>
consteval bool explain_irq_controller_policy() {
  static_assert(irq_req::Gates<I>,
                "IrqControllerPolicy: needs `enable(irq)`, `disable(irq) -> result<void, irq_error>` and "
                "`is_enabled(irq) -> bool`");
  static_assert(
      irq_req::Configures<I>,
      "IrqControllerPolicy: needs `set_priority`, `set_trigger`, `set_affinity -> result<void, irq_error>` and "
      "`line_count() -> uint32_t`");
  static_assert(irq_req::Serves<I>,
                "IrqControllerPolicy: needs `claim() -> result<claimed_irq, irq_error>` and `complete(claimed_irq)`");
  static_assert(irq_req::Signals<I>, "IrqControllerPolicy: needs `send_ipi(cpu, ipi) -> result<void, irq_error>`");
  return IrqControllerPolicy<I>;
}

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>

#include <cstdint>

namespace axhal::host {

/// An interrupt controller with its wires in the same object: a test drives them with `set_line`, and says with
/// `run_on` which CPU the calls that follow come from. Lines 0 to 15 are inter-processor interrupts, the others are
/// shared.
template <std::uint32_t Lines = 64, std::uint32_t Cpus = 2>
class irq_controller {
  static_assert(Lines > 16, "host::irq_controller: lines 0 to 15 are inter-processor interrupts");
  static_assert(Cpus > 0, "host::irq_controller: needs a CPU at least");

 public:
  // --- the far end ---

  /// The device on `irq` drives its wire. Nothing happens for a line that is not shared or not there.
  constexpr void set_line(irq_number irq, bool high) {
    if (irq.value < ipis || irq.value >= Lines) return;
    line& l = lines_[irq.value];
    if (high && !l.level && l.trigger == irq_trigger::edge) l.latch = true;
    l.level = high;
  }
  /// The calls that follow come from `cpu`. Precondition: `cpu` is below `Cpus`.
  constexpr void run_on(cpu_number cpu) { self_ = cpu.value; }

  // --- IrqControllerPolicy ---

  [[nodiscard]] constexpr std::uint32_t line_count() const { return Lines; }
  constexpr result<void, irq_error> enable(irq_number irq) {
    if (irq.value >= Lines) return failure{irq_error::out_of_range};
    lines_[irq.value].enabled = true;
    return {};
  }
  constexpr result<void, irq_error> disable(irq_number irq) {
    if (irq.value >= Lines) return failure{irq_error::out_of_range};
    if (irq.value < ipis) return failure{irq_error::unsupported};
    lines_[irq.value].enabled = false;
    return {};
  }
  [[nodiscard]] constexpr bool is_enabled(irq_number irq) const {
    return irq.value < Lines && (irq.value < ipis || lines_[irq.value].enabled);
  }
  constexpr result<void, irq_error> set_priority(irq_number irq, std::uint8_t priority) {
    if (irq.value >= Lines) return failure{irq_error::out_of_range};
    lines_[irq.value].priority = priority;
    return {};
  }
  constexpr result<void, irq_error> set_trigger(irq_number irq, irq_trigger trigger) {
    if (irq.value >= Lines) return failure{irq_error::out_of_range};
    if (irq.value < ipis && trigger != irq_trigger::edge) return failure{irq_error::unsupported};
    lines_[irq.value].trigger = trigger;
    return {};
  }
  constexpr result<void, irq_error> set_affinity(irq_number irq, cpu_number cpu) {
    if (irq.value >= Lines || cpu.value >= Cpus) return failure{irq_error::out_of_range};
    if (irq.value < ipis) return failure{irq_error::unsupported};
    lines_[irq.value].target = cpu.value;
    return {};
  }
  constexpr result<claimed_irq, irq_error> claim() {
    std::uint32_t best = Lines;
    for (std::uint32_t i = 0; i < Lines; ++i) {
      if (!is_claimable(i)) continue;
      if (best == Lines || lines_[i].priority < lines_[best].priority) best = i;
    }
    if (best == Lines || lines_[best].priority >= running()) return failure{irq_error::spurious};
    if (best < ipis) {
      pending_ipis_[self_] &= ~(1U << best);
      active_ipis_[self_] |= 1U << best;
    } else {
      lines_[best].latch = false;
      lines_[best].active = true;
      lines_[best].active_on = self_;
    }
    return claimed_irq{{best}, best};
  }
  constexpr void complete(claimed_irq claimed) {
    if (claimed.irq.value < ipis) {
      active_ipis_[self_] &= ~(1U << claimed.irq.value);
    } else if (claimed.irq.value < Lines) {
      lines_[claimed.irq.value].active = false;
    }
  }
  constexpr result<void, irq_error> send_ipi(cpu_number cpu, irq_number ipi) {
    if (cpu.value >= Cpus || ipi.value >= ipis) return failure{irq_error::out_of_range};
    pending_ipis_[cpu.value] |= 1U << ipi.value;
    return {};
  }

 private:
  static constexpr std::uint32_t ipis = 16;
  static constexpr unsigned idle = 256;
  struct line {
    bool enabled{};
    bool level{};
    bool latch{};
    bool active{};
    irq_trigger trigger{irq_trigger::level};
    std::uint8_t priority{0x80};
    std::uint32_t target{};
    std::uint32_t active_on{};
  };

  [[nodiscard]] constexpr bool is_claimable(std::uint32_t i) const {
    if (i < ipis) return (pending_ipis_[self_] & ~active_ipis_[self_] & 1U << i) != 0;
    line const& l = lines_[i];
    bool const pending = l.latch || (l.level && l.trigger == irq_trigger::level);
    return l.enabled && pending && !l.active && l.target == self_;
  }
  /// The priority of the most urgent interrupt that this CPU has claimed, or `idle`.
  [[nodiscard]] constexpr unsigned running() const {
    unsigned most = idle;
    for (std::uint32_t i = 0; i < Lines; ++i) {
      bool const active =
          i < ipis ? (active_ipis_[self_] >> i & 1) != 0 : lines_[i].active && lines_[i].active_on == self_;
      if (active && lines_[i].priority < most) most = lines_[i].priority;
    }
    return most;
  }

  line lines_[Lines]{};
  std::uint32_t pending_ipis_[Cpus]{};
  std::uint32_t active_ipis_[Cpus]{};
  std::uint32_t self_{};
};
static_assert(IrqControllerPolicy<irq_controller<>>);

}  // namespace axhal::host

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// What a claim of an external interrupt says when it was a message from another hart: no source has this number.
inline constexpr std::uint32_t ipi_source = ~std::uint32_t{0};

/// The part of an interrupt controller that stands behind a hart's one external interrupt. `hart_interrupts` makes an
/// IrqControllerPolicy of it.
///
/// Sources are numbered from 1 and below `source_count()`. Configuration is the same from every hart and fails as
/// IrqControllerPolicy says. `claim(self)` takes the most urgent source that is pending for CPU `self`, which must be
/// the CPU that calls: its number, 0 when there is none, or `ipi_source`. `complete(self, source)` lets it come again.
///
/// Models: riscv64::plic, riscv64::aplic_direct, riscv64::aplic_msi.
template <typename E>
concept ExternalInterrupts =
    requires(E& e, std::uint32_t source, cpu_number cpu, std::uint8_t priority, irq_trigger trigger) {
      { e.source_count() } -> std::same_as<std::uint32_t>;
      { e.enable(source) } -> std::same_as<result<void, irq_error>>;
      { e.disable(source) } -> std::same_as<result<void, irq_error>>;
      { e.is_enabled(source) } -> std::same_as<bool>;
      { e.set_priority(source, priority) } -> std::same_as<result<void, irq_error>>;
      { e.set_trigger(source, trigger) } -> std::same_as<result<void, irq_error>>;
      { e.set_affinity(source, cpu) } -> std::same_as<result<void, irq_error>>;
      { e.claim(cpu) } -> std::same_as<std::uint32_t>;
      { e.complete(cpu, source) } -> std::same_as<void>;
    };

/// A way to make another hart take its software interrupt. `out_of_range` for a CPU that is not there. What this hart
/// wrote before is visible to the one that takes it. Models: riscv64::firmware_ipi, riscv64::aplic_msi.
template <typename I>
concept IpiSender = requires(I& i, cpu_number cpu) {
  { i.send_ipi(cpu) } -> std::same_as<result<void, irq_error>>;
};

}  // namespace axhal::riscv64

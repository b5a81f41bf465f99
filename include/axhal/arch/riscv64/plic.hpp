// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/external_interrupts.hpp>
#include <axhal/arch/riscv64/plic_registers.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/mmio.hpp>

#include <atomic>
#include <bit>
#include <cstdint>

namespace axhal::riscv64 {

/// A Platform-Level Interrupt Controller (RISC-V Platform-Level Interrupt Controller Specification 1.0), as the
/// external interrupts of a machine's harts. One object serves all CPUs.
///
/// Boot: `init(sources)` once, then `init_cpu(n, context)` on every CPU. A context is one privilege mode of one hart;
/// which one is the S-mode of a hart is the order of "interrupts-extended" in the device tree. Contexts that were not
/// named here are firmware's and are left alone; so are their enables.
///
/// Enable bits of other CPUs are changed by read-modify-write of a word, which the device cannot do in one step: the
/// words are kept here as well, and written until device and memory agree. Safe from all CPUs at once, but for `init`
/// and the first `init_cpu`.
template <MmioWindow Window, unsigned MaxCpus, std::uint32_t MaxSources = plic_registers::max_sources>
class plic {
  static_assert(MaxCpus > 0 && MaxCpus <= plic_registers::max_contexts, "plic: there are 1 to 15872 contexts");
  static_assert(MaxSources > 0 && MaxSources <= plic_registers::max_sources, "plic: there are 1 to 1023 sources");

 public:
  static constexpr std::uint8_t default_priority = 0xa0;  ///< of every source until `set_priority`

  /// `gateways` is the trigger of this machine's sources: it is part of their wiring, and no register shows it.
  constexpr explicit plic(Window window, irq_trigger gateways = irq_trigger::level)
      : window_{window}, gateways_{gateways} {
    for (auto& c : contexts_) c.store(no_context, std::memory_order_relaxed);
  }

  // --- boot ---

  /// Finds out which priorities there are and gives every source `default_priority`. `sources` is how many there are
  /// ("riscv,ndev"); `out_of_range` when that is 0 or above `MaxSources`.
  [[nodiscard]] result<void, irq_error> init(std::uint32_t sources);

  /// Lets CPU `self` take interrupts of every priority through `context`, and no source yet. `out_of_range` when there
  /// is no such CPU or context; `unsupported` before `init`. The first CPU also ends what firmware has claimed and not
  /// completed, and is the one that sources are delivered to until `set_affinity`.
  [[nodiscard]] result<void, irq_error> init_cpu(cpu_number self, std::uint32_t context);

  // --- ExternalInterrupts ---

  [[nodiscard]] std::uint32_t source_count() const { return sources_ == 0 ? 0 : sources_ + 1; }

  /// `unsupported` before the first `init_cpu`.
  result<void, irq_error> enable(std::uint32_t source) {
    if (!has(source)) return failure{irq_error::out_of_range};
    std::uint32_t const cpu = target_[source].load(std::memory_order_relaxed);
    if (context_of(cpu) == no_context) return failure{irq_error::unsupported};
    enabled_[cpu][source / 32].fetch_or(bit_of(source), std::memory_order_relaxed);
    write_enables(cpu, source / 32);
    return {};
  }
  /// A source that is claimed may be completed all the same.
  result<void, irq_error> disable(std::uint32_t source) {
    if (!has(source)) return failure{irq_error::out_of_range};
    std::uint32_t const cpu = target_[source].load(std::memory_order_relaxed);
    if (context_of(cpu) == no_context) return {};
    enabled_[cpu][source / 32].fetch_and(~bit_of(source), std::memory_order_relaxed);
    write_enables(cpu, source / 32);
    return {};
  }
  [[nodiscard]] bool is_enabled(std::uint32_t source) const {
    return has(source) && enabled_for(target_[source].load(std::memory_order_relaxed), source);
  }

  /// Spreads 0..255 over the levels there are, the most urgent at 0; the level that means "never" is not used.
  /// `unsupported` when this source has one level only.
  result<void, irq_error> set_priority(std::uint32_t source, std::uint8_t priority) {
    if (!has(source)) return failure{irq_error::out_of_range};
    if (level_count() < 2) return failure{irq_error::unsupported};
    std::uint32_t const level = level_of(priority);
    window_.write32(reg::priority_of(source), level);
    if (window_.read32(reg::priority_of(source)) != level) return failure{irq_error::unsupported};
    return {};
  }
  /// `unsupported` for another trigger than the gateways have.
  result<void, irq_error> set_trigger(std::uint32_t source, irq_trigger trigger) const {
    if (!has(source)) return failure{irq_error::out_of_range};
    if (trigger != gateways_) return failure{irq_error::unsupported};
    return {};
  }
  /// A CPU is known from its `init_cpu` on. Not to be called for one source from two CPUs at once.
  result<void, irq_error> set_affinity(std::uint32_t source, cpu_number cpu) {
    if (!has(source) || context_of(cpu.value) == no_context) return failure{irq_error::out_of_range};
    std::uint32_t const before = target_[source].load(std::memory_order_relaxed);
    if (before == cpu.value) return {};
    bool const enabled = enabled_for(before, source);
    if (enabled) static_cast<void>(disable(source));
    target_[source].store(static_cast<std::uint16_t>(cpu.value), std::memory_order_relaxed);
    if (enabled) static_cast<void>(enable(source));
    return {};
  }

  [[nodiscard]] std::uint32_t claim(cpu_number self) {
    std::uint32_t const context = context_of(self.value);
    if (context == no_context) return 0;
    std::uint32_t const source = window_.read32(reg::claim_of(context));
    return has(source) ? source : 0;
  }
  /// From the CPU that claimed it, whether it is enabled there still or not.
  void complete(cpu_number self, std::uint32_t source) {
    std::uint32_t const context = context_of(self.value);
    if (context == no_context || !has(source)) return;
    if (enabled_for(self.value, source)) [[likely]] {
      window_.write32(reg::claim_of(context), source);
      return;
    }
    // A completion of a source that is not enabled here is ignored ("Interrupt Completion"), and it would never come
    // again.
    std::uint32_t const word = enabled_[self.value][source / 32].load(std::memory_order_relaxed);
    window_.write32(reg::enable_word(context, source / 32), word | bit_of(source));
    window_.write32(reg::claim_of(context), source);
    write_enables(self.value, source / 32);
  }

  // --- beyond it ---

  /// True while `source` waits to be claimed by somebody.
  [[nodiscard]] bool is_pending(std::uint32_t source) {
    return has(source) && (window_.read32(reg::pending_word(source / 32)) & bit_of(source)) != 0;
  }
  /// Lets CPU `cpu` take only what is more urgent than `priority`. `out_of_range` when it is unknown.
  result<void, irq_error> set_threshold(cpu_number cpu, std::uint8_t priority) {
    std::uint32_t const context = context_of(cpu.value);
    if (context == no_context) return failure{irq_error::out_of_range};
    window_.write32(reg::threshold_of(context), level_of(priority));
    return {};
  }
  /// Lets it take everything again.
  result<void, irq_error> clear_threshold(cpu_number cpu) {
    std::uint32_t const context = context_of(cpu.value);
    if (context == no_context) return failure{irq_error::out_of_range};
    window_.write32(reg::threshold_of(context), 0);
    return {};
  }
  /// How many priorities a source can have; 0 before `init`.
  [[nodiscard]] std::uint32_t level_count() const { return levels_; }
  /// What the device's register holds for `priority`.
  [[nodiscard]] std::uint32_t level_of(std::uint8_t priority) const {
    if (levels_ == 0) return 0;
    std::uint32_t const urgency = levels_ - 1 - static_cast<std::uint32_t>(std::uint64_t{priority} * levels_ / 256);
    return fixed_ | spread(urgency + (fixed_ == 0 ? 1 : 0));
  }

 private:
  using reg = plic_registers;
  static constexpr std::uint32_t no_context = ~std::uint32_t{0};
  static constexpr std::uint32_t words = MaxSources / 32 + 1;

  [[nodiscard]] static constexpr std::uint32_t bit_of(std::uint32_t source) { return 1U << source % 32; }
  [[nodiscard]] bool has(std::uint32_t source) const { return source != 0 && source <= sources_; }
  [[nodiscard]] std::uint32_t context_of(std::uint32_t cpu) const {
    return cpu < MaxCpus ? contexts_[cpu].load(std::memory_order_relaxed) : no_context;
  }
  [[nodiscard]] bool enabled_for(std::uint32_t cpu, std::uint32_t source) const {
    return (enabled_[cpu][source / 32].load(std::memory_order_relaxed) & bit_of(source)) != 0;
  }
  void write_enables(std::uint32_t cpu, std::uint32_t word) {
    std::uint64_t const offset = reg::enable_word(context_of(cpu), word);
    for (;;) {
      std::uint32_t const wanted = enabled_[cpu][word].load(std::memory_order_seq_cst);
      window_.write32(offset, wanted);
      // Another CPU may have changed it, and have been overtaken: the last to write is the last to look.
      if (enabled_[cpu][word].load(std::memory_order_seq_cst) == wanted) return;
    }
  }
  /// `value`'s bits at the places of the bits that a priority register has.
  [[nodiscard]] std::uint32_t spread(std::uint32_t value) const {
    std::uint32_t placed = 0;
    for (std::uint32_t rest = variable_; rest != 0 && value != 0; rest &= rest - 1, value >>= 1) {
      if ((value & 1) != 0) placed |= rest & (0U - rest);
    }
    return placed;
  }

  [[no_unique_address]] Window window_;
  irq_trigger gateways_;
  std::uint32_t sources_{};
  std::uint32_t variable_{};  // the bits of a priority register that can be written
  std::uint32_t fixed_{};     // what the others read as
  std::uint32_t levels_{};
  std::uint32_t boot_cpu_{no_context};
  std::atomic<std::uint32_t> contexts_[MaxCpus];
  std::atomic<std::uint32_t> enabled_[MaxCpus][words]{};
  std::atomic<std::uint16_t> target_[MaxSources + 1]{};
};

template <MmioWindow Window, unsigned MaxCpus, std::uint32_t MaxSources>
result<void, irq_error> plic<Window, MaxCpus, MaxSources>::init(std::uint32_t sources) {
  if (sources == 0 || sources > MaxSources) return failure{irq_error::out_of_range};
  // "Priority registers should be WARL fields to allow software to determine the number and position of read-write
  // bits" ("Interrupt Priorities").
  window_.write32(reg::priority_of(1), ~0U);
  std::uint32_t const ones = window_.read32(reg::priority_of(1));
  window_.write32(reg::priority_of(1), 0);
  fixed_ = window_.read32(reg::priority_of(1));
  variable_ = ones & ~fixed_;
  auto const bits = static_cast<unsigned>(std::popcount(variable_));
  // More than 256 levels cannot be asked for; with a fixed bit, zero in the others is a level like any other.
  levels_ = bits >= 9 ? 256 : (1U << bits) - (fixed_ == 0 ? 1U : 0U);
  sources_ = sources;
  boot_cpu_ = no_context;
  for (std::uint32_t source = 1; source <= sources; ++source) {
    window_.write32(reg::priority_of(source), level_of(default_priority));
  }
  return {};
}

template <MmioWindow Window, unsigned MaxCpus, std::uint32_t MaxSources>
result<void, irq_error> plic<Window, MaxCpus, MaxSources>::init_cpu(cpu_number self, std::uint32_t context) {
  if (self.value >= MaxCpus || context >= reg::max_contexts) return failure{irq_error::out_of_range};
  if (sources_ == 0) return failure{irq_error::unsupported};
  bool const first = boot_cpu_ == no_context;
  if (first) {
    // A source that was claimed and never completed would never come again. Completing needs the enable bit.
    for (std::uint32_t word = 0; word <= sources_ / 32; ++word) window_.write32(reg::enable_word(context, word), ~0U);
    for (std::uint32_t source = 1; source <= sources_; ++source) window_.write32(reg::claim_of(context), source);
    boot_cpu_ = self.value;
    for (auto& target : target_) target.store(static_cast<std::uint16_t>(self.value), std::memory_order_relaxed);
  }
  for (std::uint32_t word = 0; word <= sources_ / 32; ++word) {
    enabled_[self.value][word].store(0, std::memory_order_relaxed);
    window_.write32(reg::enable_word(context, word), 0);
  }
  window_.write32(reg::threshold_of(context), 0);
  contexts_[self.value].store(context, std::memory_order_release);
  return {};
}

static_assert(ExternalInterrupts<plic<mmio, 4>>);

}  // namespace axhal::riscv64

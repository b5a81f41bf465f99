// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/aplic.hpp>
#include <axhal/arch/riscv64/external_interrupts.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::riscv64 {

/// An APLIC that delivers by wire ("Interrupt delivery directly by the APLIC"): harts without IMSICs, `-M
/// virt,aia=aplic`. One object serves all CPUs.
///
/// Boot: `init(sources)` once, then `init_cpu(n, index)` on every CPU. A hart's index in the domain is its place in the
/// "interrupts-extended" of the APLIC's device tree node.
template <MmioWindow Window, unsigned MaxCpus, std::uint32_t MaxSources = aplic_registers::max_sources>
class aplic_direct : public aplic_domain<Window, MaxSources> {
  static_assert(MaxCpus > 0 && MaxCpus <= aplic_registers::max_harts, "aplic_direct: there are 1 to 16384 harts");
  using domain = aplic_domain<Window, MaxSources>;
  using reg = aplic_registers;

 public:
  static constexpr std::uint8_t default_priority = 0xa0;  ///< of every source until `set_priority`

  constexpr explicit aplic_direct(Window window) : domain{window} {
    for (auto& i : indices_) i.store(no_index, std::memory_order_relaxed);
  }

  // --- boot ---

  /// Brings the domain to a known state: every source off, level-triggered where it can be, at `default_priority`.
  /// `sources` is "riscv,num-sources". `unsupported` when the window holds no such APLIC.
  [[nodiscard]] result<void, irq_error> init(std::uint32_t sources) {
    if (auto const done = this->init_domain(sources, false); !done) return done;
    priorities_ = 0;
    for (std::uint32_t source = 1; source <= sources; ++source) {
      if (!this->has(source)) continue;
      if (priorities_ == 0) {
        this->window_.write32(reg::target_of(source), aplic_target::f_iprio::mask);
        priorities_ = aplic_target::f_iprio::get(this->window_.read32(reg::target_of(source)));
      }
      this->window_.write32(reg::target_of(source), aplic_target::f_iprio::make(number_of(default_priority)));
    }
    aimed_ = false;
    this->start(false);
    return {};
  }
  /// Lets CPU `self`, which has this index in the domain, take interrupts of every priority. `out_of_range` when there
  /// is no such CPU or hart; `unsupported` before `init`. The first CPU is the one that sources are delivered to until
  /// `set_affinity`.
  [[nodiscard]] result<void, irq_error> init_cpu(cpu_number self, std::uint32_t index) {
    if (self.value >= MaxCpus || index >= reg::max_harts) return failure{irq_error::out_of_range};
    if (this->source_count() == 0) return failure{irq_error::unsupported};
    this->window_.write32(reg::idc_of(index, reg::iforce), 0);
    this->window_.write32(reg::idc_of(index, reg::ithreshold), 0);
    this->window_.write32(reg::idc_of(index, reg::idelivery), 1);
    for (std::uint32_t source = 1; !aimed_ && source < this->source_count(); ++source) aim(source, index);
    aimed_ = true;
    indices_[self.value].store(index, std::memory_order_release);
    return {};
  }

  // --- ExternalInterrupts ---

  result<void, irq_error> enable(std::uint32_t source) {
    if (!this->has(source)) return failure{irq_error::out_of_range};
    this->want(source);
    this->apply(source, true);
    return {};
  }
  /// Spreads 0..255 over the priority numbers there are. `unsupported` when that is one.
  result<void, irq_error> set_priority(std::uint32_t source, std::uint8_t priority) {
    if (!this->has(source)) return failure{irq_error::out_of_range};
    if (priorities_ < 2) return failure{irq_error::unsupported};
    std::uint32_t const now = this->window_.read32(reg::target_of(source));
    this->window_.write32(reg::target_of(source), aplic_target::f_iprio::with(now, number_of(priority)));
    return {};
  }
  /// A CPU is known from its `init_cpu` on.
  result<void, irq_error> set_affinity(std::uint32_t source, cpu_number cpu) {
    std::uint32_t const index = index_of(cpu);
    if (!this->has(source) || index == no_index) return failure{irq_error::out_of_range};
    aim(source, index);
    return {};
  }
  [[nodiscard]] std::uint32_t claim(cpu_number self) {
    std::uint32_t const index = index_of(self);
    if (index == no_index) return 0;
    for (;;) {
      std::uint32_t const top = this->window_.read32(reg::idc_of(index, reg::claimi));
      std::uint32_t const source = aplic_topi::f_identity::get(top);
      if (!this->has(source)) return 0;
      if (this->enter(source)) return source;
      // A level that is served is still there, and would be so for ever: off until it is completed.
      this->apply(source, true);
    }
  }
  void complete(cpu_number, std::uint32_t source) {
    if (!this->has(source)) return;
    std::uint32_t const before = this->leave(source);
    if ((before & domain::held) == 0) return;
    // An edge that came meanwhile was consumed by the claim that found it held.
    if ((before & domain::level) == 0) this->window_.write32(reg::setipnum, source);
    this->apply(source, true);
  }

  // --- beyond it ---

  /// Lets CPU `cpu` take only what is more urgent than `priority`. `out_of_range` when it is unknown.
  result<void, irq_error> set_threshold(cpu_number cpu, std::uint8_t priority) {
    std::uint32_t const index = index_of(cpu);
    if (index == no_index) return failure{irq_error::out_of_range};
    this->window_.write32(reg::idc_of(index, reg::ithreshold), number_of(priority));
    return {};
  }
  /// Lets it take everything again.
  result<void, irq_error> clear_threshold(cpu_number cpu) {
    std::uint32_t const index = index_of(cpu);
    if (index == no_index) return failure{irq_error::out_of_range};
    this->window_.write32(reg::idc_of(index, reg::ithreshold), 0);
    return {};
  }
  /// How many priorities a source can have; 0 before `init`.
  [[nodiscard]] std::uint32_t level_count() const { return priorities_; }
  /// The device's priority number for `priority`: 1 is the most urgent.
  [[nodiscard]] std::uint32_t number_of(std::uint8_t priority) const { return 1 + priority * priorities_ / 256; }

 private:
  static constexpr std::uint32_t no_index = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t index_of(cpu_number cpu) const {
    return cpu.value < MaxCpus ? indices_[cpu.value].load(std::memory_order_relaxed) : no_index;
  }

  void aim(std::uint32_t source, std::uint32_t index) {
    std::uint32_t const now = this->window_.read32(reg::target_of(source));
    this->window_.write32(reg::target_of(source), aplic_target::f_hart_index::with(now, index));
  }

  std::uint32_t priorities_{};
  bool aimed_{};  // sources have a target
  std::atomic<std::uint32_t> indices_[MaxCpus];
};
static_assert(ExternalInterrupts<aplic_direct<mmio, 4>>);

}  // namespace axhal::riscv64

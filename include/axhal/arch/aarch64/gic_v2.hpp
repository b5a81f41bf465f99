// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/gic_v2_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/cpu.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <atomic>
#include <bit>
#include <cstdint>

namespace axhal::aarch64 {

/// A Generic Interrupt Controller version 2 (ARM IHI 0048B): its distributor and the CPU interface of the CPU this code
/// runs on. One object serves all CPUs: they reach their own banked registers through the same windows.
///
/// Boot: `init_distributor()` once, then `init_cpu(n)` on every CPU. Nothing is assumed about what firmware left
/// behind. All lines are Group 0, which a GIC without the Security Extensions signals as IRQ; in the Non-secure view of
/// one with them, group registers ignore writes and every line that is visible at all is Group 1, signalled as IRQ too.
///
/// End of interrupt is split (EOImode 1): `drop_priority` lets other interrupts through, `deactivate` lets this one
/// through again. An interrupt that a guest is to complete is only dropped: the guest's own end of interrupt
/// deactivates it, through a list register with the HW bit. `complete` does both.
///
/// Safe from all CPUs at once, but for `set_trigger` and `init_distributor`, which the caller serialises.
template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
class gic_v2 {
 public:
  static constexpr unsigned max_cpus = 8;  ///< what a GICv2 can address
  static constexpr std::uint32_t sgi_count = 16;
  static constexpr std::uint8_t default_priority = 0xa0;  ///< of every line until `set_priority`

  constexpr gic_v2(Distributor distributor, CpuInterface cpu_interface)
      : distributor_{distributor}, cpu_interface_{cpu_interface} {}

  // --- boot ---

  /// Brings the distributor to a known state: every shared line disabled, idle, level-triggered, at `default_priority`
  /// and targeted at this CPU; then forwards interrupts. `unsupported` when the window holds no GICv2.
  [[nodiscard]] result<void, irq_error> init_distributor();

  /// Brings this CPU's banked lines and its interface to a known state, and learns which target bit is this CPU's own.
  /// `out_of_range` when `self` is not below `max_cpus`; `unsupported` before `init_distributor`.
  [[nodiscard]] result<void, irq_error> init_cpu(cpu_number self);

  /// Takes no interrupts on this CPU any more.
  void disable_cpu() { cpu_interface_.write32(gicc::ctlr, control_kept()); }

  // --- IrqControllerPolicy ---

  /// One past the highest line this controller has, up to 1020; 0 before `init_distributor`.
  [[nodiscard]] std::uint32_t line_count() const { return lines_; }

  result<void, irq_error> enable(irq_number irq) {
    if (irq.value >= lines_) return failure{irq_error::out_of_range};
    distributor_.write32(word_of(gicd::isenabler, irq), bit_of(irq));
    return {};
  }
  /// `unsupported` for an SGI on a controller that cannot disable those.
  result<void, irq_error> disable(irq_number irq) {
    if (irq.value >= lines_) return failure{irq_error::out_of_range};
    distributor_.write32(word_of(gicd::icenabler, irq), bit_of(irq));
    if (irq.value < sgi_count && is_enabled(irq)) return failure{irq_error::unsupported};
    return {};
  }
  [[nodiscard]] bool is_enabled(irq_number irq) {
    return irq.value < lines_ && (distributor_.read32(word_of(gicd::isenabler, irq)) & bit_of(irq)) != 0;
  }

  /// Keeps the bits that the controller has. Its least urgent level would never pass any priority mask: a line there
  /// gets the next more urgent one.
  result<void, irq_error> set_priority(irq_number irq, std::uint8_t priority) {
    if (irq.value >= lines_) return failure{irq_error::out_of_range};
    distributor_.write8(gicd::ipriorityr + irq.value, deliverable(priority));
    return {};
  }
  /// `unsupported` for a banked line whose trigger is fixed. The line may be enabled or not; it stays so.
  result<void, irq_error> set_trigger(irq_number irq, irq_trigger trigger);
  /// `unsupported` for banked lines, which belong to each CPU already. A CPU is known from its `init_cpu` on.
  result<void, irq_error> set_affinity(irq_number irq, cpu_number cpu) {
    if (cpu.value >= max_cpus) return failure{irq_error::out_of_range};
    return set_affinity_mask(irq, 1U << cpu.value);
  }
  /// The line goes to whichever of the CPUs in `cpus`, one bit each, takes it first.
  result<void, irq_error> set_affinity_mask(irq_number irq, std::uint32_t cpus);

  /// Takes the most urgent pending interrupt: active from here on.
  result<claimed_irq, irq_error> claim() {
    std::uint32_t const raw = cpu_interface_.read32(gicc::iar);
    std::uint32_t const id = gicc_iar::f_interrupt_id::get(raw);
    if (id >= gic_id::first_special) return failure{irq_error::spurious};
    // What another CPU wrote before it sent the interrupt is read after it was taken.
    if (id < sgi_count) Cpu::template order<barrier::load>();
    return claimed_irq{{id}, raw};
  }
  void complete(claimed_irq claimed) {
    drop_priority(claimed);
    deactivate(claimed);
  }

  /// Makes `ipi`, 0 to 15, pending on `cpu`. What this CPU wrote before is visible to the one that takes it.
  result<void, irq_error> send_ipi(cpu_number cpu, irq_number ipi) {
    if (cpu.value >= max_cpus) return failure{irq_error::out_of_range};
    return send_ipi_mask(1U << cpu.value, ipi);
  }
  /// The same on every CPU in `cpus`, one bit each, with one access. `out_of_range`, and none gets it, when one is
  /// unknown.
  result<void, irq_error> send_ipi_mask(std::uint32_t cpus, irq_number ipi);

  // --- beyond the policy: end of interrupt in two steps ---

  /// Lets less urgent interrupts through; `claimed` stays active. In the reverse order of `claim`.
  void drop_priority(claimed_irq claimed) { cpu_interface_.write32(gicc::eoir, claimed.raw); }
  /// Lets the line be claimed again. In any order, from the CPU that claimed it.
  void deactivate(claimed_irq claimed) { cpu_interface_.write32(gicc::dir, claimed.raw); }
  /// The same for a line that is no SGI, by its number. Nothing happens for a number past `line_count()` or of an SGI.
  void deactivate(irq_number irq) {
    if (irq.value >= sgi_count && irq.value < lines_) cpu_interface_.write32(gicc::dir, irq.value);
  }

  /// Who sent an SGI, as the hardware's CPU interface number (0 to 7).
  [[nodiscard]] static constexpr unsigned source_of(claimed_irq claimed) {
    return gicc_iar::f_cpu_id::get(claimed.raw);
  }
  /// How many bits of a priority this controller keeps, 4 to 8; 0 before `init_distributor`.
  [[nodiscard]] unsigned priority_bits() const { return static_cast<unsigned>(std::popcount(priority_mask_)); }
  /// This controller's target bit for `cpu`, or 0 when that CPU has not called `init_cpu`.
  [[nodiscard]] std::uint8_t target_of(cpu_number cpu) const {
    return cpu.value < max_cpus ? targets_[cpu.value].load(std::memory_order_relaxed) : std::uint8_t{0};
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t word_of(std::uint64_t reg, irq_number irq) {
    return reg + irq.value / 32 * 4;
  }
  [[nodiscard]] static constexpr std::uint32_t bit_of(irq_number irq) { return 1U << irq.value % 32; }
  [[nodiscard]] static constexpr std::uint32_t four_times(std::uint8_t byte) { return byte * 0x0101'0101U; }

  [[nodiscard]] std::uint8_t deliverable(std::uint8_t priority) const {
    unsigned const lowest_bit = priority_mask_ & (0U - priority_mask_);
    unsigned const limit = priority_mask_ - lowest_bit;
    unsigned const kept = priority & priority_mask_;
    return static_cast<std::uint8_t>(kept < limit ? kept : limit);
  }
  /// The target bits of a set of CPUs, or 0 when one of them is unknown.
  [[nodiscard]] std::uint32_t targets_of(std::uint32_t cpus) const {
    std::uint32_t found = 0;
    for (; cpus != 0; cpus &= cpus - 1) {
      std::uint8_t const target = target_of({static_cast<std::uint32_t>(std::countr_zero(cpus))});
      if (target == 0) return 0;
      found |= target;
    }
    return found;
  }
  [[nodiscard]] std::uint32_t control_kept() {
    return cpu_interface_.read32(gicc::ctlr) & gicc_ctlr::f_bypass_disable::mask;
  }
  [[nodiscard]] std::uint8_t own_target() {
    // Each byte of a banked ITARGETSR reads as this CPU's bit, but for lines that are not there. A uniprocessor reads
    // 0.
    std::uint32_t all = 0;
    for (std::uint64_t i = 0; i < gic_id::first_spi; i += 4) all |= distributor_.read32(gicd::itargetsr + i);
    all |= all >> 16;
    all |= all >> 8;
    return (all & 0xff) != 0 ? static_cast<std::uint8_t>(all & 0xff) : std::uint8_t{1};
  }

  [[no_unique_address]] Distributor distributor_;
  [[no_unique_address]] CpuInterface cpu_interface_;
  std::uint32_t lines_{};
  std::uint8_t priority_mask_{};
  std::atomic<std::uint8_t> targets_[max_cpus]{};
};

template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
result<void, irq_error> gic_v2<Distributor, CpuInterface, Cpu>::init_distributor() {
  if (gicd_pidr2::f_arch_rev::get(distributor_.read32(gicd::pidr2)) != 2) return failure{irq_error::unsupported};
  distributor_.write32(gicd::ctlr, 0);
  std::uint32_t const words = gicd_typer::f_it_lines_number::get(distributor_.read32(gicd::typer)) + 1;
  lines_ = words * 32 < gic_id::first_special ? words * 32 : gic_id::first_special;

  // PPI 31 is the one banked line that every GICv2 has room for; what its byte keeps, all bytes keep.
  distributor_.write8(gicd::ipriorityr + 31, 0xff);
  priority_mask_ = distributor_.read8(gicd::ipriorityr + 31);
  if (priority_mask_ == 0) {
    // A line that the Secure side keeps to itself reads as zero; the architecture promises 16 levels.
    priority_mask_ = 0xf0;
  }

  for (std::uint64_t word = 1; word < words; ++word) {
    distributor_.write32(gicd::icenabler + word * 4, ~0U);
    distributor_.write32(gicd::igroupr + word * 4, 0);
    distributor_.write32(gicd::icfgr + word * 8, 0);
    distributor_.write32(gicd::icfgr + word * 8 + 4, 0);
    // Only now: a line that was edge-triggered may have latched one while it was reconfigured.
    distributor_.write32(gicd::icpendr + word * 4, ~0U);
    distributor_.write32(gicd::icactiver + word * 4, ~0U);
  }
  std::uint32_t const targets = four_times(own_target());
  for (std::uint64_t irq = gic_id::first_spi; irq < lines_; irq += 4) {
    distributor_.write32(gicd::ipriorityr + irq, four_times(default_priority));
    distributor_.write32(gicd::itargetsr + irq, targets);
  }
  distributor_.write32(gicd::ctlr, gicd_ctlr::f_enable_grp0::mask);
  return {};
}

template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
result<void, irq_error> gic_v2<Distributor, CpuInterface, Cpu>::init_cpu(cpu_number self) {
  if (self.value >= max_cpus) return failure{irq_error::out_of_range};
  if (lines_ == 0) return failure{irq_error::unsupported};
  cpu_interface_.write32(gicc::ctlr, control_kept());

  distributor_.write32(gicd::icenabler, ~0U << sgi_count);
  distributor_.write32(gicd::igroupr, 0);
  distributor_.write32(gicd::icpendr, ~0U);
  for (std::uint64_t sgi = 0; sgi < sgi_count; sgi += 4) distributor_.write32(gicd::cpendsgir + sgi, ~0U);
  distributor_.write32(gicd::icactiver, ~0U);
  for (std::uint64_t irq = 0; irq < gic_id::first_spi; irq += 4) {
    distributor_.write32(gicd::ipriorityr + irq, four_times(default_priority));
  }
  distributor_.write32(gicd::isenabler, static_cast<std::uint32_t>(low_bits(sgi_count)));
  targets_[self.value].store(own_target(), std::memory_order_relaxed);

  // An interrupt that was never ended would hold back all others for good.
  for (std::uint64_t word = 0; word < 16; word += 4) cpu_interface_.write32(gicc::apr + word, 0);
  cpu_interface_.write32(gicc::pmr, 0xff);
  cpu_interface_.write32(gicc::bpr, 0);
  cpu_interface_.write32(gicc::ctlr, control_kept() | gicc_ctlr::f_enable_grp0::mask | gicc_ctlr::f_eoi_mode::mask);
  return {};
}

template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
result<void, irq_error> gic_v2<Distributor, CpuInterface, Cpu>::set_trigger(irq_number irq, irq_trigger trigger) {
  if (irq.value >= lines_) return failure{irq_error::out_of_range};
  std::uint64_t const reg = gicd::icfgr + irq.value / 16 * 4;
  std::uint32_t const edge = 2U << irq.value % 16 * 2;
  std::uint32_t const before = distributor_.read32(reg);
  std::uint32_t const wanted = trigger == irq_trigger::edge ? before | edge : before & ~edge;
  if (wanted == before) return {};
  // To change an enabled line is unpredictable (IHI 0048B, "Interrupt Configuration Registers", 4.3.13).
  bool const enabled = is_enabled(irq);
  if (enabled) distributor_.write32(word_of(gicd::icenabler, irq), bit_of(irq));
  distributor_.write32(reg, wanted);
  bool const changed = ((distributor_.read32(reg) ^ wanted) & edge) == 0;
  if (enabled) distributor_.write32(word_of(gicd::isenabler, irq), bit_of(irq));
  if (!changed) return failure{irq_error::unsupported};
  return {};
}

template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
result<void, irq_error> gic_v2<Distributor, CpuInterface, Cpu>::set_affinity_mask(irq_number irq, std::uint32_t cpus) {
  if (irq.value >= lines_) return failure{irq_error::out_of_range};
  std::uint32_t const targets = targets_of(cpus);
  if (targets == 0) return failure{irq_error::out_of_range};
  if (irq.value < gic_id::first_spi) return failure{irq_error::unsupported};
  distributor_.write8(gicd::itargetsr + irq.value, static_cast<std::uint8_t>(targets));
  return {};
}

template <MmioWindow Distributor, MmioWindow CpuInterface, CpuPolicy Cpu>
result<void, irq_error> gic_v2<Distributor, CpuInterface, Cpu>::send_ipi_mask(std::uint32_t cpus, irq_number ipi) {
  if (ipi.value >= sgi_count) return failure{irq_error::out_of_range};
  // The list is a mask of CPU interfaces, whose numbering is the hardware's own.
  std::uint32_t const targets = targets_of(cpus);
  if (targets == 0) return failure{irq_error::out_of_range};
  Cpu::template order<barrier::store>();
  distributor_.write32(gicd::sgir,
                       gicd_sgir::f_cpu_target_list::make(targets) | gicd_sgir::f_sgi_int_id::make(ipi.value));
  return {};
}

}  // namespace axhal::aarch64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/vgic_v2_access.hpp>
#include <axhal/arch/aarch64/vgic_v2_delivery.hpp>
#include <axhal/arch/aarch64/vgic_v2_lines.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// The virtual GICv2 distributor of one guest: up to `Vcpus` (at most 8) vCPUs, `Spis` shared lines (32 to 960 in 32s).
/// The guest's CPU interface is the hardware's own GICV; this class decides what its list registers hold.
///
///     device or timer -> raise, lower, pulse, raise_hardware -> flush -> list registers -> guest
///     guest: GICD      -> read, write                        -> flush       |
///     guest: GICV EOI  <--------------------------------- sync <------------+
///
/// Call `flush` before a vCPU is entered (a load and a branch when there is nothing to do) and `sync` after an exit for
/// a physical interrupt. Functions that return a mask name the vCPUs, one bit each, that must `flush` before they run
/// on: a vCPU that runs on another CPU must be interrupted for that.
///
/// No guest-controlled value is out of range for it. Not synchronised: the caller holds one lock per guest around each
/// call; only `has_deliverable` may be asked without.
template <unsigned Vcpus, unsigned Spis>
class vgic_v2 {
 public:
  static constexpr std::uint64_t size = gicd::size;  ///< bytes of guest-physical address space
  static constexpr std::uint32_t line_count = vgic_lines<Vcpus, Spis>::lines;

  /// With `vcpus` vCPUs, brought into 1..`Vcpus`.
  constexpr explicit vgic_v2(unsigned vcpus = Vcpus) : lines_{vcpus} {}

  /// The machine's reset. Precondition: no list register of the guest is in use.
  void reset() { lines_.reset(); }
  /// One vCPU's reset (it was switched off and on). Precondition: no list register of it is in use.
  void reset(vcpu_number vcpu) {
    if (vcpu.value < lines_.vcpus()) lines_.reset_private(vcpu.value);
  }

  // --- what the guest does ---

  /// `vcpu` loads `bytes` bytes at `offset`. Pending and active bits are those of the last `sync` or `flush` of the
  /// vCPU an interrupt is shown to; the overload below looks at the list registers first.
  [[nodiscard]] constexpr std::uint64_t read(vcpu_number vcpu, std::uint64_t offset, unsigned bytes) {
    return vcpu.value < lines_.vcpus() ? vgic_access::read(lines_, vcpu.value, offset, bytes) : 0;
  }
  template <ListRegisters V>
  [[nodiscard]] std::uint64_t read(vcpu_number vcpu, V& shown, std::uint64_t offset, unsigned bytes) {
    if (vgic_access::concerns_state(offset)) look(vcpu, shown);
    return read(vcpu, offset, bytes);
  }
  /// `vcpu` stores the low `bytes` bytes of `value` at `offset`. Returns which *other* vCPUs must be interrupted;
  /// `vcpu` itself flushes before it runs again anyhow.
  std::uint32_t write(vcpu_number vcpu, std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (vcpu.value >= lines_.vcpus()) return 0;
    return others(vcpu, vgic_access::write(lines_, vcpu.value, offset, bytes, static_cast<std::uint32_t>(value)));
  }
  template <ListRegisters V>
  std::uint32_t write(vcpu_number vcpu, V& shown, std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (vgic_access::concerns_state(offset)) look(vcpu, shown);
    return write(vcpu, offset, bytes, value);
  }

  // --- what devices do: shared lines 32 and up; each returns the vCPUs that must flush ---

  /// The device drives the line high. A level is pending while it is high, an edge once.
  std::uint32_t raise(irq_number irq) { return is_shared(irq) ? lines_.set_level(0, irq.value, true) : 0; }
  std::uint32_t lower(irq_number irq) { return is_shared(irq) ? lines_.set_level(0, irq.value, false) : 0; }
  /// High and low again, as message-like devices do: pending when the guest has configured the line as edge-triggered.
  std::uint32_t pulse(irq_number irq) { return raise(irq) | lower(irq); }
  std::uint32_t set_level(irq_number irq, bool high) { return high ? raise(irq) : lower(irq); }

  // --- the same for PPIs, 16 to 31, of one vCPU; these are level-triggered ---

  std::uint32_t raise(vcpu_number vcpu, irq_number irq) { return set_level(vcpu, irq, true); }
  std::uint32_t lower(vcpu_number vcpu, irq_number irq) { return set_level(vcpu, irq, false); }
  std::uint32_t set_level(vcpu_number vcpu, irq_number irq, bool high) {
    return is_ppi(vcpu, irq) ? lines_.set_level(vcpu.value, irq.value, high) : 0;
  }

  // --- physical interrupts that a guest completes itself ---

  /// `irq` (a PPI of `vcpu`, or a shared line) becomes pending for the guest. Precondition: `physical` was claimed on
  /// this CPU and only its priority dropped; the guest's end of interrupt deactivates it. A number the guest does not
  /// have is ignored: 0 is returned, and `physical` stays with the caller.
  std::uint32_t raise_hardware(vcpu_number vcpu, irq_number irq, irq_number physical) {
    if (!is_ppi(vcpu, irq) && (!is_shared(irq) || vcpu.value >= lines_.vcpus())) return 0;
    vgic_word& l = lines_.word(vcpu.value, irq.value / 32);
    std::uint32_t const bit = 1U << irq.value % 32;
    l.hardware |= bit;
    l.latch |= bit;
    lines_.physical(vcpu.value, irq.value) = static_cast<std::uint16_t>(physical.value);
    return lines_.touch(vcpu.value, irq.value / 32, bit);
  }
  /// What `sync`, `raise_hardware` and `flush` would do, in the case that a timer makes the usual one: a PPI that was
  /// shown before, that the guest has completed meanwhile, while nothing else waits for a list register or to be looked
  /// at. False, and nothing happened, in every other case.
  template <ListRegisters V>
    requires requires(V& shown, virtual_irq const& irq) {
      { shown.repeat(irq) } -> std::same_as<bool>;
    }
  bool repeat_hardware(vcpu_number vcpu, V& shown, irq_number irq, irq_number physical) {
    if (!is_ppi(vcpu, irq)) return false;
    unsigned const v = vcpu.value;
    vgic_word& l = lines_.word(v, 0);
    std::uint32_t const bit = 1U << irq.value;
    bool const usual = (l.shown & l.hardware & ~(l.latch | l.release) & lines_.eligible(v, 0) & bit) != 0;
    if (!usual || (lines_.work(v) | lines_.waiting(v)) != 0) return false;
    if (!shown.repeat({.irq = irq,
                       .priority = lines_.priority(v, irq.value),
                       .hardware = true,
                       .physical = physical,
                       .group = static_cast<std::uint8_t>((l.group & bit) != 0)})) {
      return false;
    }
    l.active &= ~bit;
    l.shown_pending |= bit;
    l.shown_latched |= bit;
    return true;
  }
  /// Takes that back when the guest has not taken it: true, and the caller deactivates the physical interrupt. For a
  /// device that does not ask any more, or a vCPU that leaves this CPU.
  template <ListRegisters V>
  bool lower_hardware(vcpu_number vcpu, V& shown, irq_number irq) {
    if (!is_ppi(vcpu, irq) && (!is_shared(irq) || vcpu.value >= lines_.vcpus())) return false;
    return vgic_delivery::lower_hardware(lines_, vcpu.value, shown, irq);
  }

  // --- before and after the guest runs on this CPU, with its list registers ---

  /// True when `flush` may have something to do. False guarantees that it has not.
  [[nodiscard]] bool has_deliverable(vcpu_number vcpu) const {
    return vcpu.value < lines_.vcpus() && lines_.work(vcpu.value) != 0;
  }
  /// Makes the list registers hold what they should: the most urgent of what is pending, and nothing that is not. When
  /// not all fits, asks for an event when there is room. Returns which other vCPUs must be interrupted.
  template <ListRegisters V, PhysicalLines P>
  std::uint32_t flush(vcpu_number vcpu, V& shown, P&& physical) {
    if (!has_deliverable(vcpu)) [[likely]]
      return 0;
    return others(vcpu, vgic_delivery::flush(lines_, vcpu.value, shown, physical));
  }
  template <ListRegisters V>
  std::uint32_t flush(vcpu_number vcpu, V& shown) {
    return flush(vcpu, shown, no_physical_lines{});
  }
  /// Learns what the guest has completed: levels that are still high become pending again. Returns which other vCPUs
  /// must be interrupted. Ends the cause of a maintenance interrupt, with the `flush` that follows.
  template <ListRegisters V>
  std::uint32_t sync(vcpu_number vcpu, V& shown) {
    if (!shown.in_use() || vcpu.value >= lines_.vcpus()) return 0;
    std::uint32_t kick = vgic_delivery::reap(lines_, vcpu.value, shown);
    if (lines_.waiting(vcpu.value) != 0) kick |= lines_.add_work(vcpu.value, lines_.waiting(vcpu.value));
    return others(vcpu, kick);
  }
  /// True when an interrupt waits for `vcpu` to take it: it must not stay in a wait for one.
  template <ListRegisters V>
  [[nodiscard]] bool has_pending(vcpu_number vcpu, V& shown) {
    return vcpu.value < lines_.vcpus() && vgic_delivery::has_pending(lines_, vcpu.value, shown);
  }

 private:
  [[nodiscard]] static constexpr bool is_shared(irq_number irq) { return irq.value >= 32 && irq.value < line_count; }
  [[nodiscard]] constexpr bool is_ppi(vcpu_number vcpu, irq_number irq) const {
    return vcpu.value < lines_.vcpus() && irq.value >= 16 && irq.value < 32;
  }
  [[nodiscard]] static constexpr std::uint32_t others(vcpu_number vcpu, std::uint32_t mask) {
    return mask & ~(1U << vcpu.value);
  }

  template <typename V>
  void look(vcpu_number vcpu, V& shown) {
    if (vcpu.value < lines_.vcpus()) vgic_delivery::look(lines_, vcpu.value, shown);
  }

  vgic_lines<Vcpus, Spis> lines_;
};

}  // namespace axhal::aarch64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/plic_registers.hpp>
#include <axhal/arch/riscv64/vplic_lines.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Which contexts of a virtual PLIC belong to vCPUs: vCPU v has number `first + v * stride`, the others do not exist.
/// As it stands it is the numbering of machines with M-mode and S-mode on each hart, of which a guest has S-mode alone:
/// its device tree says -1 for the interrupt of each even context.
struct vplic_contexts {
  unsigned first{1};
  unsigned stride{2};
};

/// The virtual PLIC of one guest (RISC-V Platform-Level Interrupt Controller Specification 1.0), purely in software: up
/// to `Vcpus` vCPUs (at most 64) and `Sources` sources (at most 1023; the device tree's "riscv,ndev").
///
///     device -> raise, lower, pulse -> gateway -> pending bits -> external_level -> hvip.VSEIP -> guest
///     guest: priority, enable, threshold, claim, complete -> read, write ---^
///
/// After calls that may change something `take_changed` names the vCPUs whose `external_level` is another now: set or
/// clear hvip.VSEIP of those that run, and interrupt the CPUs that they run on.
///
/// As the specification leaves open:
///   - priorities and thresholds have three bits, 0 to 7;
///   - a request that was forwarded stays, also when the line falls before it is claimed ("Interrupt Gateways");
///   - of edges that come between claim and completion one is kept;
///   - any context may complete what another one has claimed, if the source is enabled for it ("Interrupt Completion").
///
/// Registers are accessed as aligned 32-bit words. Any other size or place, and sources and contexts that do not exist,
/// read zero and write nothing. No guest-controlled value is out of range. Not synchronised: the caller holds one lock
/// per guest around each call; only `external_level` may be asked without.
template <unsigned Vcpus, unsigned Sources = 95, vplic_contexts Contexts = vplic_contexts{}>
class vplic {
  using lines = vplic_lines<Vcpus, Sources>;
  using reg = plic_registers;
  static_assert(Contexts.stride >= 1, "vplic: two vCPUs cannot share a context");

 public:
  static constexpr std::uint64_t size = 0x60'0000;  ///< bytes of guest-physical address space: 1024 contexts
  static constexpr std::uint32_t source_count = Sources;
  /// Contexts up to the last one that exists: the entries of the device tree's "interrupts-extended".
  static constexpr std::uint32_t context_count = Contexts.first + Contexts.stride * (Vcpus - 1) + 1;
  static_assert(context_count <= (size - reg::threshold) / reg::context_stride, "vplic: a context beyond the last one");

  /// With `vcpus` vCPUs, brought into 1..`Vcpus`.
  constexpr explicit vplic(unsigned vcpus = Vcpus) : lines_{vcpus} {}

  /// The context of a vCPU.
  [[nodiscard]] static constexpr std::uint32_t context_of(vcpu_number vcpu) {
    return Contexts.first + Contexts.stride * vcpu.value;
  }

  /// The machine's reset. Lines keep what devices drive.
  void reset() { lines_.reset(); }

  // --- what the guest does, on any vCPU ---

  /// The guest loads `bytes` bytes at `offset`. Loading a claim register claims; no other load changes anything.
  [[nodiscard, gnu::always_inline]] std::uint64_t read(std::uint64_t offset, unsigned bytes) {
    if (is_priority(offset, bytes)) return priority(offset);
    return bytes == 4 && offset % 4 == 0 ? read_slow(offset) : 0;
  }
  /// True for loads of a priority, which have no effect: `priority(offset)` answers them.
  [[nodiscard, gnu::always_inline]] static constexpr bool is_priority(std::uint64_t offset, unsigned bytes) {
    return bytes == 4 && offset % 4 == 0 && offset <= Sources * 4;
  }
  /// What a load answers that `is_priority`.
  [[nodiscard, gnu::always_inline]] std::uint64_t priority(std::uint64_t offset) const {
    return lines_.priority(static_cast<std::uint32_t>(offset) / 4);
  }
  /// The guest stores the low `bytes` bytes of `value` at `offset`.
  void write(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (bytes == 4 && offset % 4 == 0) write_word(offset, static_cast<std::uint32_t>(value));
  }

  // --- what devices do: sources 1 to `Sources`; others are ignored ---

  /// The device drives the line high: pending once, and again at each completion while it is high.
  void raise(irq_number irq) { set_level(irq, true); }
  void lower(irq_number irq) { set_level(irq, false); }
  void set_level(irq_number irq, bool high) {
    if (is_source(irq.value)) lines_.set_level(irq.value, high);
  }
  /// An edge, as message-like devices send: pending once.
  void pulse(irq_number irq) {
    if (is_source(irq.value)) lines_.pulse(irq.value);
  }

  // --- what the hypervisor asks ---

  /// True while `vcpu` is told of an external interrupt: the bit hvip.VSEIP is to hold.
  [[nodiscard]] bool external_level(vcpu_number vcpu) const {
    return vcpu.value < lines_.vcpus() && (lines_.notified() >> vcpu.value & 1) != 0;
  }
  /// The vCPUs, one bit each, whose level may have changed since the last call.
  [[nodiscard]] std::uint64_t take_changed() { return lines_.take_changed(); }

 private:
  [[nodiscard]] static constexpr bool is_source(std::uint32_t number) { return number - 1 < Sources; }
  /// The vCPU of a context, or a number that no vCPU has.
  [[nodiscard]] static constexpr std::uint64_t vcpu_of(std::uint64_t context) {
    std::uint64_t const beyond = context - Contexts.first;
    return beyond % Contexts.stride == 0 ? beyond / Contexts.stride : ~std::uint64_t{0};
  }

  // Kept out of line, so that both tiers of exits share them.
  [[gnu::noinline]] std::uint64_t read_slow(std::uint64_t offset);
  [[gnu::noinline]] void write_word(std::uint64_t offset, std::uint32_t value);

  lines lines_;
};

/// Words beside priorities.
template <unsigned Vcpus, unsigned Sources, vplic_contexts Contexts>
std::uint64_t vplic<Vcpus, Sources, Contexts>::read_slow(std::uint64_t offset) {
  if (offset < reg::pending) return 0;
  if (offset >= reg::threshold) {
    std::uint64_t const v = vcpu_of((offset - reg::threshold) / reg::context_stride);
    if (v >= lines_.vcpus()) return 0;
    std::uint64_t const place = offset % reg::context_stride;
    if (place == reg::claim_complete % reg::context_stride) return lines_.claim(static_cast<unsigned>(v));
    return place == 0 ? lines_.threshold(static_cast<unsigned>(v)) : 0;
  }
  auto const half = static_cast<unsigned>(offset % reg::enable_stride / 4);
  if (half > Sources / 32) return 0;
  if (offset >= reg::enable) {
    std::uint64_t const v = vcpu_of((offset - reg::enable) / reg::enable_stride);
    return v < lines_.vcpus() ? lines_.enabled(static_cast<unsigned>(v), half) : 0;
  }
  return offset < reg::pending + reg::enable_stride ? lines_.pending(half) : 0;
}

template <unsigned Vcpus, unsigned Sources, vplic_contexts Contexts>
void vplic<Vcpus, Sources, Contexts>::write_word(std::uint64_t offset, std::uint32_t value) {
  if (offset >= reg::threshold) {
    std::uint64_t const v = vcpu_of((offset - reg::threshold) / reg::context_stride);
    if (v >= lines_.vcpus()) return;
    std::uint64_t const place = offset % reg::context_stride;
    if (place == reg::claim_complete % reg::context_stride) {
      if (is_source(value)) lines_.complete(static_cast<unsigned>(v), value);
    } else if (place == 0) {
      lines_.set_threshold(static_cast<unsigned>(v), value);
    }
  } else if (offset >= reg::enable) {
    std::uint64_t const v = vcpu_of((offset - reg::enable) / reg::enable_stride);
    auto const half = static_cast<unsigned>(offset % reg::enable_stride / 4);
    if (v < lines_.vcpus() && half <= Sources / 32) lines_.set_enabled(static_cast<unsigned>(v), half, value);
  } else if (offset < reg::pending) {
    auto const source = static_cast<std::uint32_t>(offset / 4);
    if (is_source(source)) lines_.set_priority(source, value);
  }
}

}  // namespace axhal::riscv64

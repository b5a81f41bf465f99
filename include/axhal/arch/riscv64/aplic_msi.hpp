// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/aplic.hpp>
#include <axhal/arch/riscv64/external_interrupts.hpp>
#include <axhal/arch/riscv64/imsic.hpp>
#include <axhal/policy/cpu.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::riscv64 {

/// An APLIC that delivers by messages to harts with IMSICs ("Interrupt forwarding by MSIs"), and messages between
/// harts: `-M virt,aia=aplic-imsic`. One object serves all CPUs. `Pages` is a window on the supervisors' and guests'
/// interrupt files, `Hart` the hart this code runs on.
///
/// Identity 1 of every hart's file is the message between harts, identity n + 1 is source n on all of them. A file's
/// order is that of its identities, so the priority of a source is fixed: the lower number is the more urgent one.
///
/// Boot: `init(sources, identities)` once, then `init_cpu(n, index)` on every CPU. A hart's index is its place in
/// "interrupts-extended" of the IMSIC's device tree node; the APLIC's domain has the same.
template <MmioWindow Window, MmioWindow Pages, CsrSwap Hart, unsigned MaxCpus,
          std::uint32_t MaxSources = aplic_registers::max_sources>
  requires cpu_req::HasBarriers<Hart>
class aplic_msi : public aplic_domain<Window, MaxSources> {
  static_assert(MaxCpus > 0 && MaxCpus <= aplic_registers::max_harts, "aplic_msi: there are 1 to 16384 harts");
  using domain = aplic_domain<Window, MaxSources>;
  using reg = aplic_registers;
  using file = supervisor_file<Hart>;

 public:
  static constexpr std::uint32_t ipi_identity = 1;  ///< of the message between harts
  /// The identity of `source` in every hart's file.
  [[nodiscard]] static constexpr std::uint32_t identity_of(std::uint32_t source) { return source + ipi_identity; }

  constexpr aplic_msi(Window window, Pages pages, imsic_layout layout)
      : domain{window}, pages_{pages}, layout_{layout} {
    for (auto& i : indices_) i.store(no_index, std::memory_order_relaxed);
  }

  // --- boot ---

  /// Brings the domain to a known state: every source off and level-triggered where it can be. `sources` is
  /// "riscv,num-sources", `identities` "riscv,num-ids"; sources past those are not served. `out_of_range` when there is
  /// not one identity for a source; `unsupported` when the window holds no such APLIC.
  [[nodiscard]] result<void, irq_error> init(std::uint32_t sources, std::uint32_t identities) {
    if (identities <= ipi_identity || identities > imsic_registers::max_identities) {
      return failure{irq_error::out_of_range};
    }
    std::uint32_t const room = identities - ipi_identity;
    if (auto const done = this->init_domain(sources < room ? sources : room, true); !done) return done;
    identities_ = identities;
    aimed_ = false;
    this->start(true);
    return {};
  }
  /// Empties the supervisor's file of this hart and opens it. `out_of_range` when there is no such CPU, no page for
  /// this index, or fewer identities than `init` was told; `unsupported` before `init`. The first CPU is the one that
  /// sources are delivered to until `set_affinity`.
  [[nodiscard]] result<void, irq_error> init_cpu(cpu_number self, std::uint32_t index) {
    if (self.value >= MaxCpus || index >= reg::max_harts || !layout_.contains(index)) {
      return failure{irq_error::out_of_range};
    }
    if (this->source_count() == 0) return failure{irq_error::unsupported};
    if (file::count_identities(identities_) < identities_) return failure{irq_error::out_of_range};
    file::reset(identities_);
    std::uint32_t const last = identity_of(this->source_count() - 1);
    for (std::uint32_t word = 0; word <= last / 64; ++word) {
      std::uint64_t const all = word == last / 64 ? low_bits(last % 64 + 1) : ~std::uint64_t{0};
      file::write(imsic_registers::eie(word), word == 0 ? all & ~std::uint64_t{1} : all);
    }
    file::write(imsic_registers::eidelivery, 1);
    for (std::uint32_t source = 1; !aimed_ && source < this->source_count(); ++source) aim(source, index);
    aimed_ = true;
    indices_[self.value].store(index, std::memory_order_release);
    return {};
  }

  // --- ExternalInterrupts ---

  result<void, irq_error> enable(std::uint32_t source) {
    if (!this->has(source)) return failure{irq_error::out_of_range};
    this->want(source);
    this->apply(source);
    return {};
  }
  /// Always `unsupported`.
  result<void, irq_error> set_priority(std::uint32_t source, std::uint8_t) const {
    if (!this->has(source)) return failure{irq_error::out_of_range};
    return failure{irq_error::unsupported};
  }
  /// A CPU is known from its `init_cpu` on. A message that is on its way is taken where it arrives.
  result<void, irq_error> set_affinity(std::uint32_t source, cpu_number cpu) {
    std::uint32_t const index = index_of(cpu);
    if (!this->has(source) || index == no_index) return failure{irq_error::out_of_range};
    aim(source, index);
    return {};
  }
  [[nodiscard]] std::uint32_t claim(cpu_number) {
    for (;;) {
      std::uint32_t const identity = file::claim();
      if (identity == 0) return 0;
      if (identity == ipi_identity) return ipi_source;
      std::uint32_t const source = identity - ipi_identity;
      if (!this->has(source)) continue;
      if ((this->flags(source) & domain::wanted) == 0) {
        // Sent before it was switched off: back to the APLIC, which keeps it.
        this->window_.write32(reg::setipnum, source);
        continue;
      }
      if (this->enter(source)) return source;
    }
  }
  /// A level that is still up, and whatever came meanwhile, sends another message ("Special consideration for
  /// level-sensitive interrupt sources").
  void complete(cpu_number, std::uint32_t source) {
    if (!this->has(source)) return;
    std::uint32_t const before = this->leave(source);
    if ((before & (domain::level | domain::held)) != 0) this->window_.write32(reg::setipnum, source);
  }

  // --- IpiSender ---

  result<void, irq_error> send_ipi(cpu_number cpu) {
    std::uint32_t const index = index_of(cpu);
    if (index == no_index) return failure{irq_error::out_of_range};
    Hart::template order<barrier::device>();
    pages_.write32(layout_.page_of(index) + imsic_registers::seteipnum_le, ipi_identity);
    return {};
  }

  // --- beyond them ---

  /// Where the pages of the interrupt files are.
  [[nodiscard]] constexpr imsic_layout const& layout() const { return layout_; }

 private:
  static constexpr std::uint32_t no_index = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t index_of(cpu_number cpu) const {
    return cpu.value < MaxCpus ? indices_[cpu.value].load(std::memory_order_relaxed) : no_index;
  }
  void aim(std::uint32_t source, std::uint32_t index) {
    this->window_.write32(reg::target_of(source),
                          aplic_target::f_hart_index::make(index) | aplic_target::f_eiid::make(identity_of(source)));
  }

  [[no_unique_address]] Pages pages_;
  imsic_layout layout_;
  std::uint32_t identities_{};
  bool aimed_{};  // sources have a target
  std::atomic<std::uint32_t> indices_[MaxCpus];
};

}  // namespace axhal::riscv64

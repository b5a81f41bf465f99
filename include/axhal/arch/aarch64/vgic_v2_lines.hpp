// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/gic_v2_registers.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <atomic>
#include <bit>
#include <cstdint>

namespace axhal::aarch64 {

/// What a virtual distributor knows of 32 lines, one bit each. A line is *shown* while it is in a list register; then
/// the `shown_*` bits and `active` say what it was there at the last look.
struct vgic_word {
  std::uint32_t enabled{};
  std::uint32_t group{};
  std::uint32_t edge{};   ///< edge-triggered; else level
  std::uint32_t level{};  ///< what the device drives
  std::uint32_t latch{};  ///< pending by an edge, an SGI, GICD_ISPENDR or a physical interrupt; not shown yet
  std::uint32_t active{};
  std::uint32_t shown{};
  std::uint32_t shown_pending{};
  std::uint32_t shown_latched{};  ///< what is pending there came from `latch`
  std::uint32_t hardware{};       ///< a physical interrupt waits for the guest to complete this one
  std::uint32_t release{};        ///< GICD_ICACTIVER asked while it was shown

  [[nodiscard]] constexpr std::uint32_t pending() const { return latch | (level & ~edge); }
};

/// The lines of one guest's virtual distributor: `Vcpus` banks of 32 private ones and `Spis` shared ones. Not a device
/// yet: registers are in vgic_v2_access.hpp, list registers in vgic_v2.hpp.
///
/// Functions that change something return the vCPUs, one bit each, that have something to do because of it.
template <unsigned Vcpus, unsigned Spis>
class vgic_lines {
  static_assert(Vcpus >= 1 && Vcpus <= 8, "vgic_v2: a GICv2 has 1 to 8 CPU interfaces");
  static_assert(Spis >= 32 && Spis <= 960 && Spis % 32 == 0, "vgic_v2: SPIs come in 32s, at most 960 of them");

 public:
  static constexpr unsigned words = 1 + Spis / 32;  ///< words of 32 lines that one vCPU sees; word 0 is its own
  static constexpr std::uint32_t lines = words * 32;
  static constexpr std::uint32_t sgis = 16;
  static constexpr std::uint32_t sgi_mask = 0xffff;
  static constexpr std::uint32_t priority_mask = 0xf8;  ///< the bits of a priority that a list register keeps

  constexpr explicit vgic_lines(unsigned vcpus) : vcpus_{vcpus < 1 ? 1 : vcpus > Vcpus ? Vcpus : vcpus} {
    for (unsigned v = 0; v < Vcpus; ++v) clear_private(v);
    clear_shared();
  }

  /// The state after a reset of the machine. Lines keep what devices drive. The caller has emptied the list registers.
  void reset() {
    control_ = 0;
    for (unsigned v = 0; v < Vcpus; ++v) reset_private(v);
    clear_shared();
  }
  /// The state of one vCPU's private lines after its reset.
  void reset_private(unsigned v) {
    clear_private(v);
    work_[v].store(0, std::memory_order_relaxed);
  }

  [[nodiscard]] constexpr unsigned vcpus() const {
    // The constructor has seen to that; said again for those who index by what is below.
    if (vcpus_ > Vcpus) __builtin_unreachable();
    return vcpus_;
  }
  [[nodiscard]] constexpr std::uint32_t all_vcpus() const { return (1U << vcpus()) - 1; }
  [[nodiscard]] constexpr std::uint32_t control() const { return control_; }

  [[nodiscard]] constexpr vgic_word& word(unsigned v, unsigned w) { return w == 0 ? private_[v] : shared_[w - 1]; }
  [[nodiscard]] constexpr vgic_word const& word(unsigned v, unsigned w) const {
    return w == 0 ? private_[v] : shared_[w - 1];
  }
  [[nodiscard]] constexpr std::uint8_t& priority(unsigned v, std::uint32_t irq) {
    return irq < 32 ? private_priority_[v][irq] : priority_[irq - 32];
  }
  /// The physical line behind a line with its `hardware` bit set.
  [[nodiscard]] constexpr std::uint16_t& physical(unsigned v, std::uint32_t irq) {
    return irq < 32 ? private_physical_[v][irq] : physical_[irq - 32];
  }
  /// Who has sent an SGI that is not shown yet, one bit a vCPU.
  [[nodiscard]] constexpr std::uint8_t& sources(unsigned v, std::uint32_t sgi) { return sources_[v][sgi]; }
  /// Who sent the SGI that is shown.
  [[nodiscard]] constexpr std::uint8_t& shown_source(unsigned v, std::uint32_t sgi) { return shown_source_[v][sgi]; }
  /// Where a shared line is shown. Meaningful while its `shown` bit is set.
  [[nodiscard]] constexpr std::uint8_t& shown_on(std::uint32_t irq) { return shown_on_[irq - 32]; }

  // --- which interrupts go where ---

  [[nodiscard]] constexpr std::uint8_t targets(std::uint32_t irq) const { return targets_[irq - 32]; }
  /// On a uniprocessor target registers read as zero and every line goes to the only one (IHI 0048B, 4.3.12).
  constexpr void set_targets(std::uint32_t irq, std::uint32_t targets) {
    std::uint32_t const bit = 1U << irq % 32;
    if (vcpus_ == 1) {
      routed_[0][irq / 32 - 1] |= bit;
      return;
    }
    targets_[irq - 32] = static_cast<std::uint8_t>(targets & all_vcpus());
    for (unsigned v = 0; v < vcpus(); ++v) {
      std::uint32_t& routed = routed_[v][irq / 32 - 1];
      routed = (targets >> v & 1) != 0 ? routed | bit : routed & ~bit;
    }
  }
  [[nodiscard]] constexpr std::uint32_t routed(unsigned v, unsigned w) const {
    return w == 0 ? ~0U : routed_[v][w - 1];
  }
  /// The lines of word `w` that vCPU `v` would be told of if they were pending.
  [[nodiscard]] constexpr std::uint32_t eligible(unsigned v, unsigned w) const {
    vgic_word const& l = word(v, w);
    std::uint32_t const forwarded = ((control_ & 1) != 0 ? ~l.group : 0) | ((control_ & 2) != 0 ? l.group : 0);
    return l.enabled & forwarded & routed(v, w);
  }
  /// The lines of word `w` that are to be shown to vCPU `v` and are not.
  [[nodiscard]] constexpr std::uint32_t candidates(unsigned v, unsigned w) const {
    vgic_word const& l = word(v, w);
    return l.pending() & eligible(v, w) & ~(l.shown | l.active);
  }
  /// The same for lines that are shown as active and have become pending again by something that is no level.
  [[nodiscard]] constexpr std::uint32_t candidates_again(unsigned v, unsigned w) const {
    vgic_word const& l = word(v, w);
    std::uint32_t const taken = l.shown & l.active & ~(l.shown_pending | l.hardware);
    return l.latch & eligible(v, w) & taken & (w == 0 ? ~sgi_mask : ~0U);
  }

  // --- what is to be looked at before a vCPU runs ---

  /// Words of lines that vCPU `v` has to look at. The one thing that may be asked without the guest's lock.
  [[nodiscard]] std::uint32_t work(unsigned v) const { return work_[v].load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t take_work(unsigned v) {
    std::uint32_t const now = work(v);
    work_[v].store(0, std::memory_order_relaxed);
    return now;
  }
  std::uint32_t add_work(unsigned v, std::uint32_t words_mask) {
    // Changed with the guest's lock held, so that no atomic addition is needed.
    work_[v].store(work(v) | words_mask, std::memory_order_relaxed);
    return 1U << v;
  }
  /// Keeps `kick`, which a function without a result has found out, for the next `take_owed`, and makes `v` look.
  void owe(unsigned v, std::uint32_t kick) {
    kick &= ~(1U << v);
    if (kick == 0) return;
    owed_ |= kick;
    add_work(v, 1);
  }
  [[nodiscard]] std::uint32_t take_owed() {
    std::uint32_t const now = owed_;
    owed_ = 0;
    return now;
  }
  /// Words in which something waits for a list register.
  [[nodiscard]] constexpr std::uint32_t& waiting(unsigned v) { return waiting_[v]; }

  /// Something about `bits` of word `w` has changed: who has to look? `v` is whose bank word 0 is.
  std::uint32_t touch(unsigned v, unsigned w, std::uint32_t bits) {
    vgic_word const& l = word(v, w);
    bits &= l.pending() | l.shown;
    if (bits == 0) return 0;
    if (w == 0) return add_work(v, 1);
    std::uint32_t kick = 0;
    for (std::uint32_t rest = bits & l.shown; rest != 0; rest &= rest - 1) {
      kick |= add_work(shown_on(w * 32 + static_cast<std::uint32_t>(std::countr_zero(rest))), 1U << w);
    }
    for (unsigned other = 0; other < vcpus(); ++other) {
      if ((routed(other, w) & bits & ~l.shown) != 0) kick |= add_work(other, 1U << w);
    }
    return kick;
  }

  // --- changes ---

  std::uint32_t set_control(std::uint32_t value) {
    if (control_ == (value & 3)) return 0;
    control_ = value & 3;
    std::uint32_t kick = 0;
    for (unsigned v = 0; v < vcpus(); ++v) kick |= touch(v, 0, ~0U);
    for (unsigned w = 1; w < words; ++w) kick |= touch(0, w, ~0U);
    return kick;
  }
  std::uint32_t set_level(unsigned v, std::uint32_t irq, bool high) {
    vgic_word& l = word(v, irq / 32);
    std::uint32_t const bit = 1U << irq % 32;
    std::uint32_t const before = l.level;
    l.level = high ? before | bit : before & ~bit;
    if (l.level == before) return 0;
    if ((l.edge & bit) != 0) {
      if (!high) return 0;
      l.latch |= bit;
    }
    if ((~l.enabled & ~l.shown & bit) != 0) return 0;
    return touch(v, irq / 32, bit);
  }
  std::uint32_t send_sgi(unsigned from, std::uint32_t to, std::uint32_t sgi) {
    std::uint32_t kick = 0;
    for (std::uint32_t rest = to & all_vcpus(); rest != 0; rest &= rest - 1) {
      kick |= add_sources(static_cast<unsigned>(std::countr_zero(rest)), sgi, 1U << from);
    }
    return kick;
  }
  std::uint32_t add_sources(unsigned v, std::uint32_t sgi, std::uint32_t from) {
    from &= all_vcpus();
    if (from == 0) return 0;
    sources_[v][sgi] = static_cast<std::uint8_t>(sources_[v][sgi] | from);
    private_[v].latch |= 1U << sgi;
    return touch(v, 0, 1U << sgi);
  }
  constexpr void remove_sources(unsigned v, std::uint32_t sgi, std::uint32_t from) {
    sources_[v][sgi] = static_cast<std::uint8_t>(sources_[v][sgi] & ~from);
    if (sources_[v][sgi] == 0) private_[v].latch &= ~(1U << sgi);
  }

  // --- what list registers report ---

  /// `irq` has left the list registers of `v`; what was pending there and came from `latch` goes back when `keep`.
  std::uint32_t unshow(unsigned v, std::uint32_t irq, bool keep) {
    vgic_word& l = word(v, irq / 32);
    std::uint32_t const bit = 1U << irq % 32;
    if (keep) return_latch(v, irq);
    l.shown &= ~bit;
    l.active &= ~bit;
    l.release &= ~bit;
    l.shown_pending &= ~bit;
    l.shown_latched &= ~bit;
    return touch(v, irq / 32, bit);
  }
  /// What is shown as pending of `irq` and came from `latch` goes back there.
  constexpr void return_latch(unsigned v, std::uint32_t irq) {
    vgic_word& l = word(v, irq / 32);
    std::uint32_t const bit = 1U << irq % 32;
    if ((l.shown_latched & bit) == 0) return;
    l.shown_latched &= ~bit;
    l.latch |= bit;
    if (irq < sgis) sources_[v][irq] = static_cast<std::uint8_t>(sources_[v][irq] | 1U << shown_source_[v][irq]);
  }

 private:
  constexpr void clear_private(unsigned v) {
    std::uint32_t const level = private_[v].level;
    private_[v] = {};
    private_[v].level = level;
    private_[v].enabled = sgi_mask;
    private_[v].edge = sgi_mask;
    for (std::uint8_t& p : private_priority_[v]) p = 0;
    for (std::uint8_t& s : sources_[v]) s = 0;
    waiting_[v] = 0;
  }
  constexpr void clear_shared() {
    for (vgic_word& l : shared_) {
      std::uint32_t const level = l.level;
      l = {};
      l.level = level;
    }
    for (std::uint32_t i = 0; i < Spis; ++i) {
      priority_[i] = 0;
      set_targets(i + 32, 0);
    }
  }

  unsigned vcpus_;
  std::uint32_t control_{};
  std::uint32_t owed_{};
  vgic_word private_[Vcpus]{};
  vgic_word shared_[words - 1]{};
  std::atomic<std::uint32_t> work_[Vcpus]{};
  std::uint32_t waiting_[Vcpus]{};
  std::uint32_t routed_[Vcpus][words - 1]{};
  std::uint8_t private_priority_[Vcpus][32]{};
  std::uint8_t sources_[Vcpus][sgis]{};
  std::uint8_t shown_source_[Vcpus][sgis]{};
  std::uint16_t private_physical_[Vcpus][32]{};
  std::uint8_t priority_[Spis]{};
  std::uint8_t targets_[Spis]{};
  std::uint8_t shown_on_[Spis]{};
  std::uint16_t physical_[Spis]{};
};

}  // namespace axhal::aarch64

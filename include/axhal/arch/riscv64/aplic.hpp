// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/aplic_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::riscv64 {

/// The sources of one interrupt domain of an APLIC (RISC-V Advanced Interrupt Architecture, "Advanced Platform-Level
/// Interrupt Controller (APLIC)"), however they are delivered: what `aplic_direct` and `aplic_msi` have in common.
///
/// A source that is being served comes again, on any hart, only when it is completed: an APLIC itself does not see to
/// that, so it is kept track of here. Safe from all CPUs at once, but for configuration of one source from two of them.
template <MmioWindow Window, std::uint32_t MaxSources = aplic_registers::max_sources>
class aplic_domain {
  static_assert(MaxSources > 0 && MaxSources <= aplic_registers::max_sources, "aplic: there are 1 to 1023 sources");

 public:
  /// One past the highest source; 0 before `init`. Those that firmware has not delegated to this domain are gaps.
  [[nodiscard]] std::uint32_t source_count() const { return sources_ == 0 ? 0 : sources_ + 1; }

  [[nodiscard]] bool is_enabled(std::uint32_t source) const { return has(source) && (flags(source) & wanted) != 0; }
  result<void, irq_error> disable(std::uint32_t source) {
    if (!has(source)) return failure{irq_error::out_of_range};
    flags_[source].fetch_and(~wanted, std::memory_order_seq_cst);
    apply(source);
    return {};
  }
  /// Keeps what asserts an interrupt, high or low, rising or falling. `unsupported` when this source cannot.
  result<void, irq_error> set_trigger(std::uint32_t source, irq_trigger trigger) {
    if (!has(source)) return failure{irq_error::out_of_range};
    auto const now = static_cast<std::uint32_t>(mode_of(source));
    std::uint32_t const base = trigger == irq_trigger::edge ? static_cast<std::uint32_t>(aplic_source_mode::edge1)
                                                            : static_cast<std::uint32_t>(aplic_source_mode::level1);
    bool const inverted = now >= static_cast<std::uint32_t>(aplic_source_mode::edge1) && (now & 1) != 0;
    return set_mode(source, static_cast<aplic_source_mode>(base | (inverted ? 1U : 0U)));
  }
  /// The same with polarity, or `detached`. The source may be enabled or not; it stays so. What was pending is
  /// forgotten.
  result<void, irq_error> set_mode(std::uint32_t source, aplic_source_mode mode) {
    if (!has(source)) return failure{irq_error::out_of_range};
    aplic_source_mode const before = mode_of(source);
    if (mode == before) return {};
    // To make it inactive is to give it up, and its target with it.
    if (mode == aplic_source_mode::inactive) return failure{irq_error::unsupported};
    window_.write32(reg::clrienum, source);
    window_.write32(reg::sourcecfg_of(source), aplic_sourcecfg::f_sm::make(mode));
    bool const done = mode_of(source) == mode;
    if (!done) window_.write32(reg::sourcecfg_of(source), aplic_sourcecfg::f_sm::make(before));
    if (done) note_mode(source, mode);
    window_.write32(reg::clripnum, source);
    apply(source);
    if (!done) return failure{irq_error::unsupported};
    return {};
  }
  [[nodiscard]] aplic_source_mode mode_of(std::uint32_t source) {
    return has(source) ? aplic_sourcecfg::f_sm::get(window_.read32(reg::sourcecfg_of(source)))
                       : aplic_source_mode::inactive;
  }
  /// True while `source` waits to be claimed or forwarded.
  [[nodiscard]] bool is_pending(std::uint32_t source) { return has(source) && bit_in(reg::setip, source); }
  /// True while its wire says what its mode takes for an interrupt.
  [[nodiscard]] bool is_asserted(std::uint32_t source) { return has(source) && bit_in(reg::in_clrip, source); }
  /// Makes `source` pending, unless it is level-triggered and its wire is not asserted.
  result<void, irq_error> set_pending(std::uint32_t source) {
    if (!has(source)) return failure{irq_error::out_of_range};
    window_.write32(reg::setipnum, source);
    return {};
  }

 protected:
  using reg = aplic_registers;
  /// A CPU exchanges words atomically, bytes only with help from a library that images do not have.
  using flag_word = std::uint32_t;
  // What is known of a source. `held` is only ever set beside `active`.
  static constexpr flag_word present = 1;  // delegated to this domain
  static constexpr flag_word wanted = 2;   // enabled
  static constexpr flag_word active = 4;   // claimed and not completed
  static constexpr flag_word held = 8;     // came again since
  static constexpr flag_word level = 16;   // level-triggered

  constexpr explicit aplic_domain(Window window) : window_{window} {}

  /// All sources that are there off, level-triggered where they can be, and not delivered yet. `unsupported` when the
  /// window holds no little-endian APLIC, or this domain cannot deliver so.
  [[nodiscard]] result<void, irq_error> init_domain(std::uint32_t sources, bool by_msi) {
    if (sources == 0 || sources > MaxSources) return failure{irq_error::out_of_range};
    // Zero is the same in both byte orders.
    window_.write32(reg::domaincfg, 0);
    window_.write32(reg::domaincfg, aplic_domaincfg::f_dm::make(by_msi));
    std::uint32_t const config = window_.read32(reg::domaincfg);
    if ((config & aplic_domaincfg::marker) == 0 || config == ~0U || aplic_domaincfg::f_be::get(config) ||
        aplic_domaincfg::f_dm::get(config) != by_msi) {
      return failure{irq_error::unsupported};
    }
    sources_ = sources;
    constexpr aplic_source_mode modes[] = {aplic_source_mode::level1, aplic_source_mode::edge1,
                                           aplic_source_mode::detached};
    for (std::uint32_t source = 1; source <= sources; ++source) {
      window_.write32(reg::clrienum, source);
      // What asked as another kind of source is of no interest any more.
      window_.write32(reg::sourcecfg_of(source), 0);
      flags_[source].store(present, std::memory_order_relaxed);
      aplic_source_mode found = aplic_source_mode::inactive;
      for (aplic_source_mode const mode : modes) {
        window_.write32(reg::sourcecfg_of(source), aplic_sourcecfg::f_sm::make(mode));
        found = mode_of(source);
        if (found == mode) break;
        found = aplic_source_mode::inactive;
      }
      if (found == aplic_source_mode::inactive) flags_[source].store(0, std::memory_order_relaxed);
      note_mode(source, found);
    }
    return {};
  }
  void start(bool by_msi) {
    window_.write32(reg::domaincfg, aplic_domaincfg::f_ie::mask | aplic_domaincfg::f_dm::make(by_msi));
  }

  [[nodiscard]] flag_word flags(std::uint32_t source) const { return flags_[source].load(std::memory_order_seq_cst); }
  [[nodiscard]] bool has(std::uint32_t source) const {
    return source != 0 && source <= sources_ && (flags(source) & present) != 0;
  }
  void want(std::uint32_t source) { flags_[source].fetch_or(wanted, std::memory_order_seq_cst); }
  /// True when the caller may serve it: nobody does. Otherwise it is held until `leave`.
  [[nodiscard]] bool enter(std::uint32_t source) {
    flag_word now = flags(source);
    for (;;) {
      bool const mine = (now & active) == 0;
      auto const next = now | (mine ? active : held);
      if (flags_[source].compare_exchange_weak(now, next, std::memory_order_seq_cst)) return mine;
    }
  }
  /// Nobody serves it any more. What was known before.
  flag_word leave(std::uint32_t source) {
    return flags_[source].fetch_and(~(active | held), std::memory_order_seq_cst);
  }
  /// Writes the enable bit until device and memory agree: another CPU may have changed its mind meanwhile.
  /// `hold`: a source that is held is off.
  void apply(std::uint32_t source, bool hold = false) {
    for (;;) {
      bool const on = is_on(source, hold);
      window_.write32(on ? reg::setienum : reg::clrienum, source);
      if (is_on(source, hold) == on) return;
    }
  }

  [[no_unique_address]] Window window_;

 private:
  [[nodiscard]] bool is_on(std::uint32_t source, bool hold) const {
    flag_word const now = flags(source);
    return (now & wanted) != 0 && !(hold && (now & held) != 0);
  }
  void note_mode(std::uint32_t source, aplic_source_mode mode) {
    bool const is_level = mode == aplic_source_mode::level1 || mode == aplic_source_mode::level0;
    if (is_level) {
      flags_[source].fetch_or(level, std::memory_order_seq_cst);
    } else {
      flags_[source].fetch_and(~level, std::memory_order_seq_cst);
    }
  }
  [[nodiscard]] bool bit_in(std::uint64_t array, std::uint32_t source) {
    return (window_.read32(array + source / 32 * 4) >> source % 32 & 1) != 0;
  }

  std::uint32_t sources_{};
  std::atomic<flag_word> flags_[MaxSources + 1]{};
};

}  // namespace axhal::riscv64

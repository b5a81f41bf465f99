// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/external_interrupts.hpp>
#include <axhal/policy/cpu.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// The one numbering of a hart's interrupts, whatever controller stands behind it.
namespace hart_irq {
inline constexpr irq_number software{interrupt::ssi};         ///< what `send_ipi` makes pending
inline constexpr irq_number timer{interrupt::sti};            ///< level: until stimecmp, or SBI TIME, is set anew
inline constexpr irq_number guest_external{interrupt::sgei};  ///< level: some guest interrupt file of hgeie has one
inline constexpr irq_number counter_overflow{13};             ///< LCOFI (Sscofpmf)
inline constexpr std::uint32_t first_external = 64;           ///< source n of the external controller is 64 + n
/// The number of source `n` of the external controller.
[[nodiscard]] constexpr irq_number external(std::uint32_t n) { return {first_external + n}; }
}  // namespace hart_irq

/// External, timer and software interrupts of one hart in one numbering: `hart_irq`. Numbers below 64 are the hart's
/// own, as scause has them; 64 + n is source n of the external controller. One object for each CPU, to be used on that
/// CPU; the external controller behind it is shared and outlives them.
///
/// The hart's own interrupts have one order (external, software, timer, guest external), so their priority is fixed,
/// and so is their trigger; `enable` and `disable` change this hart's sie, and hie for the guest external one. A
/// software interrupt is consumed by `claim`. Of local interrupts, none is claimed again before `complete`.
///
/// Numbers of VS-mode's interrupts (2, 6, 10) and of the external interrupt itself (9) are no lines: guests have the
/// ones, sources are behind the other.
template <typename Hart, ExternalInterrupts External, IpiSender Ipi>
  requires CsrAccess<Hart> && cpu_req::HasBarriers<Hart>
class hart_interrupts {
 public:
  /// `self` is this CPU. `external` must have been told of it (`init_cpu`) before `init`.
  constexpr hart_interrupts(cpu_number self, External& external, Ipi& ipi)
      : self_{self}, external_{&external}, ipi_{&ipi} {}

  /// Opens this hart for external and software interrupts; timer and guest external ones are off until `enable`.
  /// What was pending of software interrupts is forgotten.
  void init() {
    Hart::template write<csr::sie>(0);
    Hart::template clear<csr::sip>(interrupt::bit(interrupt::ssi));
    Hart::template write<csr::sie>(interrupt::bit(interrupt::sei) | interrupt::bit(interrupt::ssi));
    active_ = 0;
    uses_guest_external_ = false;
  }
  /// Takes no interrupts on this hart any more.
  void disable_cpu() {
    Hart::template write<csr::sie>(0);
    if (uses_guest_external_) Hart::template clear<csr::hie>(interrupt::bit(interrupt::sgei));
  }

  // --- IrqControllerPolicy ---

  /// One past the highest external source's number.
  [[nodiscard]] std::uint32_t line_count() const { return hart_irq::first_external + external_->source_count(); }

  /// `unsupported` for a local interrupt that this hart does not have.
  result<void, irq_error> enable(irq_number irq) {
    if (is_external(irq)) return external_->enable(source_of(irq));
    if (!is_local(irq)) return failure{irq_error::out_of_range};
    if (irq == hart_irq::guest_external) {
      uses_guest_external_ = true;
      Hart::template set<csr::hie>(bit_of(irq));
    } else {
      Hart::template set<csr::sie>(bit_of(irq));
    }
    if (!is_enabled(irq)) return failure{irq_error::unsupported};
    return {};
  }
  result<void, irq_error> disable(irq_number irq) {
    if (is_external(irq)) return external_->disable(source_of(irq));
    if (!is_local(irq)) return failure{irq_error::out_of_range};
    if (irq != hart_irq::guest_external) {
      Hart::template clear<csr::sie>(bit_of(irq));
    } else if (uses_guest_external_) {
      Hart::template clear<csr::hie>(bit_of(irq));
      uses_guest_external_ = false;
    }
    return {};
  }
  [[nodiscard]] bool is_enabled(irq_number irq) const {
    if (is_external(irq)) return external_->is_enabled(source_of(irq));
    if (!is_local(irq)) return false;
    if (irq != hart_irq::guest_external) return (Hart::template read<csr::sie>() & bit_of(irq)) != 0;
    return uses_guest_external_ && (Hart::template read<csr::hie>() & bit_of(irq)) != 0;
  }

  /// `unsupported` for the hart's own interrupts.
  result<void, irq_error> set_priority(irq_number irq, std::uint8_t priority) {
    if (is_external(irq)) return external_->set_priority(source_of(irq), priority);
    if (!is_local(irq)) return failure{irq_error::out_of_range};
    return failure{irq_error::unsupported};
  }
  /// `unsupported` for another trigger than one of the hart's own interrupts has.
  result<void, irq_error> set_trigger(irq_number irq, irq_trigger trigger) {
    if (is_external(irq)) return external_->set_trigger(source_of(irq), trigger);
    if (!is_local(irq)) return failure{irq_error::out_of_range};
    bool const edge = (bit_of(irq) & consumed_by_claim) != 0;
    if (edge != (trigger == irq_trigger::edge)) return failure{irq_error::unsupported};
    return {};
  }
  /// `unsupported` for the hart's own interrupts, which every hart has.
  result<void, irq_error> set_affinity(irq_number irq, cpu_number cpu) {
    if (is_external(irq)) return external_->set_affinity(source_of(irq), cpu);
    if (!is_local(irq)) return failure{irq_error::out_of_range};
    return failure{irq_error::unsupported};
  }

  result<claimed_irq, irq_error> claim() {
    std::uint64_t pending = Hart::template read<csr::sip>() & Hart::template read<csr::sie>() & ~active_;
    if ((pending & interrupt::bit(interrupt::sei)) != 0) {
      std::uint32_t const source = external_->claim(self_);
      if (source == ipi_source) {
        if (auto const taken = take_message()) return *taken;
      } else if (source != 0) {
        irq_number const irq = hart_irq::external(source);
        return claimed_irq{irq, irq.value};
      }
    }
    if (uses_guest_external_) {
      pending |= Hart::template read<csr::hip>() & Hart::template read<csr::hie>() & interrupt::bit(interrupt::sgei) &
                 ~active_;
    }
    std::uint32_t const n = most_urgent(pending);
    if (n == 0) return failure{irq_error::spurious};
    std::uint64_t const bit = interrupt::bit(n);
    if ((bit & consumed_by_claim) != 0) {
      Hart::template clear<csr::sip>(bit);
      // What another hart wrote before it sent the interrupt is read after it was taken.
      Hart::template order<barrier::device>();
    }
    active_ |= bit;
    return claimed_irq{{n}, n};
  }
  void complete(claimed_irq claimed) {
    if (is_external(claimed.irq)) {
      external_->complete(self_, source_of(claimed.irq));
    } else if (is_local(claimed.irq)) {
      active_ &= ~bit_of(claimed.irq);
    }
  }

  /// Makes `hart_irq::software` pending on `cpu`; there is no other number.
  result<void, irq_error> send_ipi(cpu_number cpu, irq_number ipi) {
    if (ipi != hart_irq::software) return failure{irq_error::out_of_range};
    return ipi_->send_ipi(cpu);
  }

 private:
  static constexpr std::uint64_t local_lines = interrupt::bit(interrupt::ssi) | interrupt::bit(interrupt::sti) |
                                               interrupt::bit(interrupt::sgei) |
                                               interrupt::bit(hart_irq::counter_overflow.value);
  static constexpr std::uint64_t consumed_by_claim =
      interrupt::bit(interrupt::ssi) | interrupt::bit(hart_irq::counter_overflow.value);

  [[nodiscard]] static constexpr std::uint64_t bit_of(irq_number irq) { return interrupt::bit(irq.value); }
  [[nodiscard]] static constexpr bool is_external(irq_number irq) { return irq.value >= hart_irq::first_external; }
  [[nodiscard]] static constexpr bool is_local(irq_number irq) {
    return !is_external(irq) && (local_lines & bit_of(irq)) != 0;
  }
  [[nodiscard]] static constexpr std::uint32_t source_of(irq_number irq) {
    return irq.value - hart_irq::first_external;
  }
  /// The most urgent of the hart's own interrupts among `pending`, or 0 ("Supervisor Interrupt (sip and sie)
  /// Registers").
  [[nodiscard]] static constexpr std::uint32_t most_urgent(std::uint64_t pending) {
    constexpr irq_number by_urgency[] = {hart_irq::software, hart_irq::timer, hart_irq::guest_external,
                                         hart_irq::counter_overflow};
    // Few enough to ask for each: without Zbb, to count zeros is a call.
    for (irq_number const irq : by_urgency) {
      if ((pending & bit_of(irq)) != 0) return irq.value;
    }
    return 0;
  }
  /// A message of another hart is a software interrupt. While those are off, or one is being served, it waits as one.
  result<claimed_irq, irq_error> take_message() {
    std::uint64_t const bit = interrupt::bit(interrupt::ssi);
    if ((Hart::template read<csr::sie>() & ~active_ & bit) == 0) {
      Hart::template set<csr::sip>(bit);
      return failure{irq_error::spurious};
    }
    Hart::template order<barrier::device>();
    active_ |= bit;
    return claimed_irq{hart_irq::software, hart_irq::software.value};
  }

  cpu_number self_;
  External* external_;
  Ipi* ipi_;
  std::uint64_t active_{};  // one bit for each of the hart's own that is claimed
  bool uses_guest_external_{};
};

}  // namespace axhal::riscv64

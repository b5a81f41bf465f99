// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <bit>
#include <cstdint>

namespace axhal {

/// Interrupts for a guest that wait for room in the hardware: one place for each of `Lines` numbers, so that nothing is
/// ever lost and nothing is allocated. The most urgent one goes first; equally urgent ones by number.
///
/// For guests without an emulated interrupt controller that keeps its own pending state. A line that is posted while it
/// waits is merged with itself, as edges are. Not synchronised.
template <unsigned Lines>
class overflow_queue {
  static_assert(Lines > 0, "overflow_queue: needs a line at least");

 public:
  /// Keeps `irq` until `drain`; of one that waits already, the last word counts. `out_of_range` when the number is not
  /// below `Lines`.
  constexpr result<void, virt_irq_error> post(virtual_irq const& irq) {
    if (irq.irq.value >= Lines) return failure{virt_irq_error::out_of_range};
    waiting_[irq.irq.value / 32] |= 1U << irq.irq.value % 32;
    irqs_[irq.irq.value] = irq;
    return {};
  }
  /// True when it waited and does not any more.
  constexpr bool retract(irq_number irq) {
    if (irq.value >= Lines || !waits(irq.value)) return false;
    remove(irq.value);
    return true;
  }
  [[nodiscard]] constexpr bool empty() const { return size() == 0; }
  [[nodiscard]] constexpr unsigned size() const {
    unsigned count = 0;
    for (std::uint32_t const word : waiting_) count += static_cast<unsigned>(std::popcount(word));
    return count;
  }

  /// Presents what fits, most urgent first. Asks for an event when there is room if something is left, and takes that
  /// back if not. Returns true when nothing is left. What the guest cannot have, or this hardware not show, is dropped.
  template <VirtIrqPolicy V>
  constexpr bool drain(V& shown) {
    std::uint32_t skipped[words]{};
    bool left = false;
    for (;;) {
      std::uint32_t const next = most_urgent(skipped);
      if (next == none) break;
      result<void, virt_irq_error> const done = shown.present(irqs_[next]);
      if (done || done.error() != virt_irq_error::full) {
        remove(next);
        continue;
      }
      left = true;
      // One that completes a physical interrupt may be held back by itself alone: others may still fit.
      if (!irqs_[next].hardware) break;
      skipped[next / 32] |= 1U << next % 32;
    }
    if (left || asked_) shown.request_room_event(left);
    asked_ = left;
    return !left;
  }

 private:
  static constexpr unsigned words = (Lines + 31) / 32;
  static constexpr std::uint32_t none = ~0U;

  [[nodiscard]] constexpr bool waits(std::uint32_t irq) const { return (waiting_[irq / 32] >> irq % 32 & 1) != 0; }
  constexpr void remove(std::uint32_t irq) { waiting_[irq / 32] &= ~(1U << irq % 32); }
  [[nodiscard]] constexpr std::uint32_t most_urgent(std::uint32_t const (&skipped)[words]) const {
    std::uint32_t best = none;
    for (unsigned w = 0; w < words; ++w) {
      for (std::uint32_t rest = waiting_[w] & ~skipped[w]; rest != 0; rest &= rest - 1) {
        std::uint32_t const irq = w * 32 + static_cast<std::uint32_t>(std::countr_zero(rest));
        if (best == none || irqs_[irq].priority < irqs_[best].priority) best = irq;
      }
    }
    return best;
  }

  std::uint32_t waiting_[words]{};
  virtual_irq irqs_[Lines]{};
  bool asked_{};
};

}  // namespace axhal

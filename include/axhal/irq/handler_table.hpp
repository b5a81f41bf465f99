// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>

#include <cstdint>

namespace axhal {

/// Serves one interrupt of `irq`. True when it was this handler's device that asked.
using irq_handler = bool (*)(void* context, irq_number irq);

/// Why a handler table refused.
enum class handler_error : std::uint8_t {
  out_of_range,    ///< no such line in the table, or the controller refused to enable it
  full,            ///< no handler fits any more
  not_registered,  ///< the handle is of no handler that is registered now
  no_handler,      ///< a handler must be a function
};

/// Names one registration, until it is taken back. A handle that was used up never names another one by accident.
struct irq_registration {
  std::uint16_t slot{};
  std::uint16_t generation{};
  friend constexpr bool operator==(irq_registration, irq_registration) = default;
};

/// What became of the interrupts that a table has served.
struct irq_counts {
  std::uint64_t handled{};    ///< a handler said that it was its own
  std::uint64_t unhandled{};  ///< claimed, but no handler said so
  std::uint64_t spurious{};   ///< nothing was pending when the CPU looked
  friend constexpr bool operator==(irq_counts const&, irq_counts const&) = default;
};

/// Which function serves which interrupt line: `Lines` lines, `Handlers` registrations, no heap.
///
/// A line may have several handlers (devices that share a wire). All of them are asked, in the order of registration,
/// as several devices may have asked at once. Registering the first handler enables the line, taking back the last
/// disables it. A line that is claimed and has no handler is disabled: nobody could make its device be quiet.
///
/// A handler may take back its own registration while it runs, and no other one of its line. Not synchronised.
template <std::uint16_t Lines, std::uint16_t Handlers = Lines>
class handler_table {
  static_assert(Lines > 0 && Handlers > 0, "handler_table: needs a line and a handler at least");
  static_assert(Handlers < 0xffff, "handler_table: handlers are numbered with 16 bits");

 public:
  constexpr handler_table() {
    for (std::uint16_t& first : first_) first = none;
  }

  /// `handler(context, irq)` is called for each interrupt of `irq` from here on. On failure nothing changes.
  template <IrqControllerPolicy Controller>
  constexpr result<irq_registration, handler_error> add(Controller& controller, irq_number irq, irq_handler handler,
                                                        void* context) {
    if (irq.value >= Lines) return failure{handler_error::out_of_range};
    if (handler == nullptr) return failure{handler_error::no_handler};
    std::uint16_t free = 0;
    while (free < Handlers && slots_[free].handler != nullptr) ++free;
    if (free == Handlers) return failure{handler_error::full};
    if (first_[irq.value] == none && !controller.enable(irq)) return failure{handler_error::out_of_range};

    slots_[free].handler = handler;
    slots_[free].context = context;
    slots_[free].line = static_cast<std::uint16_t>(irq.value);
    slots_[free].next = none;
    std::uint16_t* link = &first_[irq.value];
    while (*link != none) link = &slots_[*link].next;
    *link = free;
    return irq_registration{free, slots_[free].generation};
  }

  /// The handler is not called any more.
  template <IrqControllerPolicy Controller>
  constexpr result<void, handler_error> remove(Controller& controller, irq_registration which) {
    if (which.slot >= Handlers) return failure{handler_error::not_registered};
    slot& gone = slots_[which.slot];
    if (gone.handler == nullptr || gone.generation != which.generation) return failure{handler_error::not_registered};

    std::uint16_t* link = &first_[gone.line];
    while (*link != which.slot) link = &slots_[*link].next;
    *link = gone.next;
    gone.handler = nullptr;
    ++gone.generation;
    if (first_[gone.line] == none) static_cast<void>(controller.disable({gone.line}));
    return {};
  }

  /// Claims, serves and completes one interrupt. False when there was none.
  template <IrqControllerPolicy Controller>
  constexpr bool serve(Controller& controller) {
    result<claimed_irq, irq_error> const claimed = controller.claim();
    if (!claimed) {
      ++counts_.spurious;
      return false;
    }
    dispatch(controller, claimed->irq);
    controller.complete(*claimed);
    return true;
  }

  /// Serves an interrupt that the caller has claimed and will complete. True when a handler said that it was its own.
  template <IrqControllerPolicy Controller>
  constexpr bool dispatch(Controller& controller, irq_number irq) {
    bool handled = false;
    if (irq.value < Lines && first_[irq.value] != none) {
      for (std::uint16_t i = first_[irq.value]; i != none;) {
        slot const& at = slots_[i];
        i = at.next;
        if (at.handler(at.context, irq)) handled = true;
      }
    } else {
      static_cast<void>(controller.disable(irq));
    }
    ++(handled ? counts_.handled : counts_.unhandled);
    return handled;
  }

  [[nodiscard]] constexpr irq_counts const& counts() const { return counts_; }
  /// True when `irq` has a handler.
  [[nodiscard]] constexpr bool has_handler(irq_number irq) const {
    return irq.value < Lines && first_[irq.value] != none;
  }

 private:
  static constexpr std::uint16_t none = 0xffff;
  struct slot {
    irq_handler handler{};
    void* context{};
    std::uint16_t next{none};
    std::uint16_t line{};
    std::uint16_t generation{};
  };

  slot slots_[Handlers]{};
  std::uint16_t first_[Lines];
  irq_counts counts_{};
};

}  // namespace axhal

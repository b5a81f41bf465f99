// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Interrupts for a guest as hardware without a virtual APIC shows them: one at a time. The guest takes it when IF, its
/// shadows and events before it let it, and that is all that hardware tells: what is in service then, and which vector
/// is the more urgent, is the business of the controller behind it (vlapic.hpp). Numbers are vectors, 16 to 255.
///
/// One object for each vCPU. Call every function with that guest stopped and, under VT-x, loaded. Nobody else makes
/// offers to the guest or asks what it has taken. An offer is a part of the vCPU and goes with it from CPU to CPU;
/// `save` and `restore` are for one that is to be shown what another one was.
template <TellsRoom C>
class offered_interrupts {
 public:
  static constexpr shown_until lifetime = shown_until::taken;
  /// There is never more than one to choose from.
  static constexpr bool has_priorities = false;

  static constexpr std::uint32_t first_vector = 16;
  static constexpr std::uint32_t last_vector = 255;

  /// What a vCPU takes along.
  struct state {
    std::uint8_t vector{};  ///< meaningful when `shown` or `taken`
    bool shown{};           ///< offered, and not known to be taken
    bool taken{};           ///< not reported yet
    bool wants_room{};
  };

  explicit constexpr offered_interrupts(C guest) : guest_{guest} {}

  // --- VirtIrqPolicy ---

  [[nodiscard]] static constexpr unsigned capacity() { return 1; }
  /// One that was taken holds the room until `reap` has reported it.
  constexpr result<void, virt_irq_error> present(virtual_irq const& irq) {
    if (irq.irq.value < first_vector || irq.irq.value > last_vector) return failure{virt_irq_error::out_of_range};
    if (irq.hardware) return failure{virt_irq_error::unsupported};
    look();
    if (is_shown(irq.irq)) return {};
    if (now_.shown || now_.taken) return failure{virt_irq_error::full};
    now_.vector = static_cast<std::uint8_t>(irq.irq.value);
    now_.shown = true;
    guest_.offer_interrupt(now_.vector);
    return {};
  }
  constexpr bool withdraw(irq_number irq) {
    look();
    if (!is_shown(irq)) return false;
    guest_.withdraw_interrupt();
    now_.shown = false;
    return true;
  }
  /// `consumed(virtual_irq const&)` may present the next one.
  template <typename Consumed>
  constexpr void reap(Consumed&& consumed) {
    look();
    if (!now_.taken) return;
    now_.taken = false;
    consumed(virtual_irq{.irq = {now_.vector}});
  }
  /// The event is `exit::host_interrupt` (`TellsRoom`).
  constexpr void request_room_event(bool on) {
    now_.wants_room = on;
    guest_.request_room_event(on);
  }
  constexpr void save(state& s) {
    look();
    s = now_;
    if (now_.shown) guest_.withdraw_interrupt();
    if (now_.wants_room) guest_.request_room_event(false);
    now_ = {};
  }
  constexpr void restore(state const& s) {
    now_ = s;
    if (now_.shown) guest_.offer_interrupt(now_.vector);
    if (now_.wants_room) guest_.request_room_event(true);
  }

 private:
  [[nodiscard]] constexpr bool is_shown(irq_number irq) const { return now_.shown && irq.value == now_.vector; }
  /// Sees what the guest has taken since the last look.
  constexpr void look() {
    if (!now_.shown || !guest_.take_accepted()) return;
    now_.shown = false;
    now_.taken = true;
  }

  C guest_;
  state now_{};
};

}  // namespace axhal::x86_64

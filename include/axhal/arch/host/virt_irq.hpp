// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <cstdint>

namespace axhal::host {

/// Room for `Slots` virtual interrupts, with the guest in the same object: it takes them with `take` and completes them
/// with `finish`. Numbers are below `Lines`. The guest nests at most `depth` of them where they are not shown until
/// completed.
template <unsigned Slots = 4, std::uint32_t Lines = 1020, shown_until Lifetime = shown_until::completed>
class virt_irq {
  static_assert(Slots > 0, "host::virt_irq: needs a slot at least");
  enum class phase : std::uint8_t { empty, pending, active, both, completed };
  struct slot {
    virtual_irq irq{};
    phase now{phase::empty};
  };

 public:
  static constexpr shown_until lifetime = Lifetime;
  static constexpr bool has_priorities = true;
  static constexpr unsigned depth = 8;

  /// What a vCPU takes along when it leaves this CPU.
  struct state {
    slot slots[Slots]{};
    bool wants_room{};
    virtual_irq handled[depth]{};  ///< what the guest is handling and the hardware knows nothing of
    unsigned handling{};
  };

  // --- VirtIrqPolicy ---

  [[nodiscard]] constexpr unsigned capacity() const { return Slots; }
  constexpr result<void, virt_irq_error> present(virtual_irq const& irq) {
    if (irq.irq.value >= Lines) return failure{virt_irq_error::out_of_range};
    if (irq.hardware && Lifetime != shown_until::completed) return failure{virt_irq_error::unsupported};
    if (slot* const shown = find(irq.irq)) {
      if (shown->now == phase::active) {
        if (irq.hardware || shown->irq.hardware) return failure{virt_irq_error::full};
        shown->now = phase::both;
      }
      return {};
    }
    for (slot& s : now_.slots) {
      if (s.now != phase::empty) continue;
      s = {irq, phase::pending};
      return {};
    }
    return failure{virt_irq_error::full};
  }
  constexpr bool withdraw(irq_number irq) {
    slot* const shown = find(irq);
    if (shown == nullptr) return false;
    if (shown->now == phase::both) shown->now = phase::active;
    if (shown->now != phase::pending) return false;
    shown->now = phase::empty;
    return true;
  }
  template <typename Consumed>
  constexpr void reap(Consumed&& consumed) {
    for (slot& s : now_.slots) {
      if (s.now != phase::completed) continue;
      s.now = phase::empty;
      virtual_irq const irq = s.irq;
      consumed(irq);
    }
  }
  constexpr void request_room_event(bool on) { now_.wants_room = on; }
  constexpr void save(state& s) {
    s = now_;
    now_ = state{};
  }
  constexpr void restore(state const& s) { now_ = s; }

  // --- the guest ---

  /// Takes the most urgent pending interrupt that is more urgent than all the guest is handling.
  constexpr result<irq_number, irq_error> take() {
    slot* best = nullptr;
    for (slot& s : now_.slots) {
      if (s.now == phase::pending && !is_handled(s.irq.irq) &&
          (best == nullptr || s.irq.priority < best->irq.priority)) {
        best = &s;
      }
    }
    if (best == nullptr || best->irq.priority >= running()) return failure{irq_error::spurious};
    if constexpr (Lifetime == shown_until::completed) {
      best->now = phase::active;
    } else {
      if (now_.handling == depth) return failure{irq_error::spurious};
      now_.handled[now_.handling++] = best->irq;
      if (Lifetime == shown_until::taken) best->now = phase::completed;
    }
    return best->irq.irq;
  }
  /// Completes one it has taken. Returns it, so that a test can complete the physical one behind it. A line that is
  /// shown until withdrawn stays up.
  constexpr result<virtual_irq, irq_error> finish(irq_number irq) {
    if constexpr (Lifetime == shown_until::completed) {
      slot* const shown = find(irq);
      if (shown == nullptr || shown->now == phase::pending) return failure{irq_error::spurious};
      shown->now = shown->now == phase::both ? phase::pending : phase::completed;
      return shown->irq;
    } else {
      for (unsigned i = 0; i < now_.handling; ++i) {
        if (now_.handled[i].irq != irq) continue;
        virtual_irq const done = now_.handled[i];
        now_.handled[i] = now_.handled[--now_.handling];
        return done;
      }
      return failure{irq_error::spurious};
    }
  }

  // --- the host's interrupt ---

  /// True while the event that `request_room_event` asked for is raised: all is taken, or nothing but one is left.
  [[nodiscard]] constexpr bool room_event() const {
    unsigned used = 0;
    bool pending = false;
    for (slot const& s : now_.slots) {
      used += s.now != phase::empty && s.now != phase::completed ? 1U : 0U;
      pending = pending || s.now == phase::pending || s.now == phase::both;
    }
    return now_.wants_room && (used <= 1 || !pending);
  }

 private:
  static constexpr unsigned idle = 256;

  [[nodiscard]] constexpr bool is_handled(irq_number irq) const {
    for (unsigned i = 0; i < now_.handling; ++i) {
      if (now_.handled[i].irq == irq) return true;
    }
    return false;
  }
  /// The priority of the most urgent interrupt that the guest is handling, or `idle`.
  [[nodiscard]] constexpr unsigned running() const {
    unsigned most = idle;
    for (slot const& s : now_.slots) {
      bool const handled = s.now == phase::active || s.now == phase::both;
      if (handled && s.irq.priority < most) most = s.irq.priority;
    }
    for (unsigned i = 0; i < now_.handling; ++i) {
      if (now_.handled[i].priority < most) most = now_.handled[i].priority;
    }
    return most;
  }
  constexpr slot* find(irq_number irq) {
    for (slot& s : now_.slots) {
      if (s.now != phase::empty && s.now != phase::completed && s.irq.irq == irq) return &s;
    }
    return nullptr;
  }

  state now_{};
};
static_assert(VirtIrqPolicy<virt_irq<>>);
static_assert(VirtIrqPolicy<virt_irq<4, 1020, shown_until::taken>>);
static_assert(VirtIrqPolicy<virt_irq<4, 1020, shown_until::withdrawn>>);

}  // namespace axhal::host

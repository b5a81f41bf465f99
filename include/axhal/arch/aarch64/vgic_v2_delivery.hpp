// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/vgic_v2_lines.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal::aarch64 {

/// What the virtual distributor asks of list registers beyond `VirtIrqPolicy`. Models: gich.
template <typename V>
concept ListRegisters =
    VirtIrqPolicy<V> && requires(V& v, V const& c, irq_number irq, void (*seen)(virtual_irq const&, lr_state)) {
      { c.in_use() } -> std::same_as<bool>;
      { v.inspect(seen) } -> std::same_as<void>;
      { v.discard(irq) } -> std::same_as<bool>;
      { v.notify_completion(irq) } -> std::same_as<void>;
    };

/// The physical interrupt controller, as far as the virtual distributor needs it. Models: gic_v2.
template <typename P>
concept PhysicalLines = requires(P& p, irq_number irq) {
  { p.deactivate(irq) };
};

/// For guests to which no physical interrupt is linked.
struct no_physical_lines {
  static constexpr void deactivate(irq_number) {}
};

/// How a virtual distributor's interrupts get into list registers and back. `v` is the vCPU whose list registers
/// `shown` are, and below the number of those there are.
namespace vgic_delivery {

inline constexpr std::uint32_t no_line = ~0U;

/// The completed ones leave; what is pending of them, or pending again, is work.
template <unsigned Vcpus, unsigned Spis, typename V>
std::uint32_t reap(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown) {
  std::uint32_t kick = 0;
  shown.reap([&](virtual_irq const& irq) {
    if (irq.irq.value >= lines.lines) return;
    vgic_word& l = lines.word(v, irq.irq.value / 32);
    if (irq.hardware) l.hardware &= ~(1U << irq.irq.value % 32);
    kick |= lines.unshow(v, irq.irq.value, false);
  });
  return kick;
}

/// Brings `active` and `shown_pending` up to date for one that is shown.
template <unsigned Vcpus, unsigned Spis>
void note(vgic_lines<Vcpus, Spis>& lines, unsigned v, virtual_irq const& irq, lr_state state) {
  if (irq.irq.value >= lines.lines) return;
  vgic_word& l = lines.word(v, irq.irq.value / 32);
  std::uint32_t const bit = 1U << irq.irq.value % 32;
  bool const is_pending = state != lr_state::active;
  l.active = state == lr_state::pending ? l.active & ~bit : l.active | bit;
  l.shown_pending = is_pending ? l.shown_pending | bit : l.shown_pending & ~bit;
  if (!is_pending) l.shown_latched &= ~bit;
}

/// Brings what is known of those that are shown up to date.
template <unsigned Vcpus, unsigned Spis, typename V>
void look(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown) {
  if (!shown.in_use()) return;
  lines.owe(v, reap(lines, v, shown));
  shown.inspect([&](virtual_irq const& irq, lr_state state) { note(lines, v, irq, state); });
}

/// True when the guest could take an interrupt.
template <unsigned Vcpus, unsigned Spis, typename V>
bool has_pending(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown) {
  look(lines, v, shown);
  bool found = false;
  shown.inspect([&](virtual_irq const&, lr_state state) { found |= state == lr_state::pending; });
  for (unsigned w = 0; w < lines.words && !found; ++w) found = lines.candidates(v, w) != 0;
  return found;
}

/// Takes back a line with a physical interrupt behind it, unless the guest has taken it.
template <unsigned Vcpus, unsigned Spis, typename V>
bool lower_hardware(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, irq_number irq) {
  lines.owe(v, reap(lines, v, shown));
  vgic_word& l = lines.word(v, irq.value / 32);
  std::uint32_t const bit = 1U << irq.value % 32;
  if ((l.hardware & bit) == 0) return false;
  if ((l.shown & bit) != 0) {
    if (!shown.withdraw(irq)) return false;
    static_cast<void>(lines.unshow(v, irq.value, false));
  }
  l.hardware &= ~bit;
  l.latch &= ~bit;
  return true;
}

/// Takes back what should not be shown any more, or not with this priority, and merges what has become pending twice.
template <unsigned Vcpus, unsigned Spis, typename V, typename P>
std::uint32_t reconcile(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, P& physical) {
  std::uint32_t kick = reap(lines, v, shown);
  shown.inspect([&](virtual_irq const& irq, lr_state state) {
    std::uint32_t const n = irq.irq.value;
    if (n >= lines.lines) return;
    note(lines, v, irq, state);
    vgic_word& l = lines.word(v, n / 32);
    std::uint32_t const bit = 1U << n % 32;

    if ((l.release & bit) != 0) {
      l.release &= ~bit;
      if (state != lr_state::pending) {
        static_cast<void>(shown.discard(irq.irq));
        if (irq.hardware) {
          physical.deactivate(irq.physical);
          l.hardware &= ~bit;
        }
        kick |= lines.unshow(v, n, true);
        return;
      }
    }
    if (state == lr_state::active) {
      if ((l.level & ~l.edge & bit) != 0 && !irq.notify_completion) shown.notify_completion(irq.irq);
      return;
    }

    if ((l.latch & bit) != 0) {
      if (n >= lines.sgis) {
        l.latch &= ~bit;
        l.shown_latched |= bit;
      } else if ((lines.sources(v, n) >> lines.shown_source(v, n) & 1) != 0) {
        lines.remove_sources(v, n, 1U << lines.shown_source(v, n));
        l.shown_latched |= bit;
      }
    }
    bool const by_level = state == lr_state::pending && (l.level & ~l.edge & bit) != 0;
    bool const is_wanted = (lines.eligible(v, n / 32) & bit) != 0 && ((l.shown_latched & bit) != 0 || by_level);
    bool const is_current = state != lr_state::pending || irq.priority == lines.priority(v, n);
    if (is_wanted && is_current) {
      // It may have become a level only after it was shown.
      if (by_level && !irq.notify_completion) shown.notify_completion(irq.irq);
      return;
    }
    if (shown.withdraw(irq.irq)) {
      kick |= lines.unshow(v, n, true);
    } else {
      // Only what was behind an active one is taken back.
      lines.return_latch(v, n);
      l.shown_pending &= ~bit;
    }
  });
  return kick;
}

/// The line to be shown next, or `no_line`. Equally urgent ones go by number, as in hardware.
template <unsigned Vcpus, unsigned Spis>
std::uint32_t most_urgent(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint32_t words) {
  std::uint32_t best = no_line;
  unsigned best_priority = 256;
  for (; words != 0; words &= words - 1) {
    auto const w = static_cast<unsigned>(std::countr_zero(words));
    for (std::uint32_t rest = lines.candidates(v, w); rest != 0; rest &= rest - 1) {
      std::uint32_t const irq = w * 32 + static_cast<std::uint32_t>(std::countr_zero(rest));
      if (lines.priority(v, irq) < best_priority) {
        best = irq;
        best_priority = lines.priority(v, irq);
      }
    }
  }
  return best;
}

/// Puts `irq` into a list register. False when there is no room.
template <unsigned Vcpus, unsigned Spis, typename V>
bool present(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, std::uint32_t irq) {
  vgic_word& l = lines.word(v, irq / 32);
  std::uint32_t const bit = 1U << irq % 32;
  virtual_irq next{.irq = {irq}, .priority = lines.priority(v, irq), .group = (l.group & bit) != 0};
  if ((l.hardware & bit) != 0) {
    next.hardware = true;
    next.physical = {lines.physical(v, irq)};
  } else if (irq < lines.sgis) {
    std::uint8_t const from = lines.sources(v, irq);
    next.source = static_cast<std::uint8_t>(std::countr_zero(from));
    next.notify_completion = (from & (from - 1)) != 0;
  } else {
    next.notify_completion = (l.level & ~l.edge & bit) != 0;
  }
  if (!shown.present(next)) return false;

  l.shown |= bit;
  l.shown_pending |= bit;
  if ((l.latch & bit) != 0) l.shown_latched |= bit;
  if (irq < lines.sgis) {
    lines.shown_source(v, irq) = next.source;
    lines.remove_sources(v, irq, 1U << next.source);
  } else {
    l.latch &= ~bit;
    if (irq >= 32) lines.shown_on(irq) = static_cast<std::uint8_t>(v);
  }
  return true;
}

/// What has become pending behind an active one that is shown: needs no list register of its own.
template <unsigned Vcpus, unsigned Spis, typename V>
void present_again(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, std::uint32_t words) {
  for (; words != 0; words &= words - 1) {
    auto const w = static_cast<unsigned>(std::countr_zero(words));
    vgic_word& l = lines.word(v, w);
    for (std::uint32_t rest = lines.candidates_again(v, w); rest != 0; rest &= rest - 1) {
      std::uint32_t const bit = rest & (0U - rest);
      auto const irq = w * 32 + static_cast<std::uint32_t>(std::countr_zero(rest));
      if (w != 0 && lines.shown_on(irq) != v) continue;
      if (!shown.present({.irq = {irq}})) continue;
      l.latch &= ~bit;
      l.shown_pending |= bit;
      l.shown_latched |= bit;
    }
    if (w != 0) continue;
    // A list register holds an SGI of one sender; the next one's turn comes when the guest has completed this one.
    for (std::uint32_t rest = l.latch & l.shown & lines.sgi_mask & lines.eligible(v, 0); rest != 0; rest &= rest - 1) {
      auto const sgi = static_cast<std::uint32_t>(std::countr_zero(rest));
      std::uint8_t const source = lines.shown_source(v, sgi);
      std::uint32_t const bit = rest & (0U - rest);
      bool const same = (lines.sources(v, sgi) >> source & 1) != 0;
      if (same && (l.shown_pending & bit) == 0 && shown.present({.irq = {sgi}, .source = source})) {
        lines.remove_sources(v, sgi, 1U << source);
        l.shown_pending |= bit;
        l.shown_latched |= bit;
      }
      if (lines.sources(v, sgi) != 0) shown.notify_completion({sgi});
    }
  }
}

/// Takes back the least urgent one that waits in a list register, if it is less urgent than `priority`.
template <unsigned Vcpus, unsigned Spis, typename V>
bool make_room(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, std::uint8_t priority) {
  std::uint32_t victim = no_line;
  unsigned least = priority;
  shown.inspect([&](virtual_irq const& irq, lr_state state) {
    if (state != lr_state::pending || irq.priority <= least || irq.irq.value >= lines.lines) return;
    victim = irq.irq.value;
    least = irq.priority;
  });
  if (victim == no_line || !shown.withdraw({victim})) return false;
  static_cast<void>(lines.unshow(v, victim, true));
  return true;
}

/// Makes the list registers hold what they should. Out of line, so that an entry with nothing to do sets up no frame.
template <unsigned Vcpus, unsigned Spis, typename V, typename P>
[[gnu::noinline]] std::uint32_t flush(vgic_lines<Vcpus, Spis>& lines, unsigned v, V& shown, P& physical) {
  std::uint32_t words = lines.take_work(v) | lines.waiting(v);
  std::uint32_t kick = lines.take_owed();
  if (shown.in_use()) {
    kick |= reconcile(lines, v, shown, physical);
    words |= lines.take_work(v);
    present_again(lines, v, shown, words);
  }
  for (;;) {
    std::uint32_t const next = most_urgent(lines, v, words);
    if (next == no_line) {
      if (lines.waiting(v) != 0) {
        lines.waiting(v) = 0;
        shown.request_room_event(false);
      }
      return kick;
    }
    if (present(lines, v, shown, next)) continue;
    if (make_room(lines, v, shown, lines.priority(v, next))) {
      words |= lines.take_work(v);
      continue;
    }
    lines.waiting(v) = words;
    shown.request_room_event(true);
    return kick;
  }
}

}  // namespace vgic_delivery

}  // namespace axhal::aarch64

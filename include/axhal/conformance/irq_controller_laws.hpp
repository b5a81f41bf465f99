// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal::laws {

/// A controller on a bench, where its wires can be driven and its CPUs changed.
///
/// `line(i)` is the i-th of three shared lines that nothing else uses, `ipi()` the number of an inter-processor
/// interrupt, `gap()` a number that is none, below `line_count()` where there is such a one. `set_line` drives a wire;
/// `run_on` makes the calls that follow come from CPU 0 or 1, and `controller()` be what that CPU sees.
template <typename B>
concept IrqBench = requires(B& b, unsigned i, irq_number irq, bool high, cpu_number cpu) {
  requires IrqControllerPolicy<std::remove_reference_t<decltype(b.controller())>>;
  { b.line(i) } -> std::same_as<irq_number>;
  { b.ipi() } -> std::same_as<irq_number>;
  { b.gap() } -> std::same_as<irq_number>;
  { b.set_line(irq, high) } -> std::same_as<void>;
  { b.run_on(cpu) } -> std::same_as<void>;
};

namespace irq_detail {

/// Claims and completes; the line is lowered in between when `quiet`. False when another one, or none, was claimed.
template <IrqBench B>
[[nodiscard]] constexpr bool serves(B& bench, irq_number irq, bool quiet = true) {
  auto& controller = bench.controller();
  auto const claimed = controller.claim();
  if (!claimed || claimed->irq != irq) {
    if (claimed) controller.complete(*claimed);
    return false;
  }
  if (quiet) bench.set_line(irq, false);
  controller.complete(*claimed);
  return true;
}

/// True when nothing is there to be claimed. What is there is completed.
template <IrqBench B>
[[nodiscard]] constexpr bool is_quiet(B& bench) {
  auto const claimed = bench.controller().claim();
  if (claimed) bench.controller().complete(*claimed);
  return !claimed && claimed.error() == irq_error::spurious;
}

[[nodiscard]] constexpr bool is_out_of_range(result<void, irq_error> const& r) {
  return !r && r.error() == irq_error::out_of_range;
}

/// How an attempt to give a line a priority may end: done, or refused for good.
enum class priorities : std::uint8_t { kept, fixed, broken };

template <IrqBench B>
[[nodiscard]] constexpr priorities give(B& bench, irq_number irq, std::uint8_t priority) {
  auto const done = bench.controller().set_priority(irq, priority);
  if (done) return priorities::kept;
  return done.error() == irq_error::unsupported ? priorities::fixed : priorities::broken;
}

template <IrqBench B>
[[nodiscard]] constexpr bool gates_work(B& bench) {
  auto& controller = bench.controller();
  // Twice: the second time the other lines are enabled while one changes.
  for (unsigned turn = 0; turn < 6; ++turn) {
    unsigned const i = turn % 3;
    constexpr bool on_off_on[] = {true, false, true};
    bool before[3]{};
    for (unsigned j = 0; j < 3; ++j) before[j] = controller.is_enabled(bench.line(j));
    for (bool const on : on_off_on) {
      auto const done = on ? controller.enable(bench.line(i)) : controller.disable(bench.line(i));
      if (!done || controller.is_enabled(bench.line(i)) != on) return false;
      for (unsigned j = 0; j < 3; ++j) {
        if (j != i && controller.is_enabled(bench.line(j)) != before[j]) return false;
      }
    }
  }
  return true;
}

template <IrqBench B>
[[nodiscard]] constexpr bool raises_only_enabled(B& bench) {
  auto& controller = bench.controller();
  for (unsigned i = 0; i < 3; ++i) {
    // The least urgent priority is one that a line can have.
    constexpr std::uint8_t all[] = {255, 0, 0x80};
    for (std::uint8_t const priority : all) {
      if (give(bench, bench.line(i), priority) == priorities::broken) return false;
      bench.set_line(bench.line(i), true);
      if (!serves(bench, bench.line(i))) return false;
    }
    static_cast<void>(controller.disable(bench.line(i)));
    bench.set_line(bench.line(i), true);
    bool quiet = is_quiet(bench);
    bench.set_line(bench.line(i), false);
    static_cast<void>(controller.enable(bench.line(i)));
    // Where a level is latched once it was seen, it comes once, for nothing.
    if (auto const latched = controller.claim()) {
      quiet = quiet && latched->irq == bench.line(i);
      controller.complete(*latched);
    }
    if (!quiet) return false;
  }
  return true;
}

/// Raises the lines in an order that begins with line `first`, and takes them in the order of `expected`.
template <IrqBench B>
[[nodiscard]] constexpr bool serves_in_order(B& bench, unsigned first, irq_number const (&expected)[3]) {
  for (unsigned i = 0; i < 3; ++i) bench.set_line(bench.line((first + i) % 3), true);
  bool ordered = true;
  for (irq_number const irq : expected) ordered = serves(bench, irq) && ordered;
  for (unsigned i = 0; i < 3; ++i) bench.set_line(bench.line(i), false);
  return ordered;
}

/// The order is fixed: learn it, then see that it does not depend on the order of raising.
template <IrqBench B>
[[nodiscard]] constexpr bool serves_in_fixed_order(B& bench) {
  for (unsigned i = 0; i < 3; ++i) bench.set_line(bench.line(i), true);
  irq_number order[3]{};
  for (irq_number& irq : order) {
    auto const claimed = bench.controller().claim();
    if (!claimed) return false;
    irq = claimed->irq;
    bench.set_line(irq, false);
    bench.controller().complete(*claimed);
  }
  for (unsigned first = 0; first < 3; ++first) {
    if (!serves_in_order(bench, first, order)) return false;
  }
  return true;
}

template <IrqBench B>
[[nodiscard]] constexpr bool serves_most_urgent_first(B& bench) {
  // Far apart, so that three levels are enough to tell them apart.
  constexpr std::uint8_t urgent[3] = {0x00, 0x80, 0xff};
  for (unsigned turn = 0; turn < 3; ++turn) {
    // Which line has which priority goes round, so that neither number nor order of raising can explain the result.
    irq_number by_urgency[3]{};
    unsigned fixed = 0;
    for (unsigned i = 0; i < 3; ++i) {
      by_urgency[i] = bench.line((i + turn) % 3);
      priorities const done = give(bench, by_urgency[i], urgent[i]);
      if (done == priorities::broken) return false;
      fixed += done == priorities::fixed ? 1U : 0U;
    }
    if (fixed == 3) return serves_in_fixed_order(bench);
    if (fixed != 0 || !serves_in_order(bench, 0, by_urgency)) return false;
  }
  for (unsigned i = 0; i < 3; ++i) static_cast<void>(bench.controller().set_priority(bench.line(i), 0x80));
  return true;
}

template <IrqBench B>
[[nodiscard]] constexpr bool claims_once(B& bench) {
  auto& controller = bench.controller();
  irq_number const irq = bench.line(0);
  constexpr irq_trigger triggers[] = {irq_trigger::level, irq_trigger::edge, irq_trigger::level};
  for (irq_trigger const trigger : triggers) {
    auto const set = controller.set_trigger(irq, trigger);
    if (!set && set.error() == irq_error::unsupported) continue;
    if (!set) return false;
    bench.set_line(irq, true);
    auto const claimed = controller.claim();
    if (!claimed || claimed->irq != irq) return false;
    auto const again = controller.claim();
    if (again) controller.complete(*again);
    // An edge is gone with `claim`, whether its wire stays high or not; a level goes with its wire.
    if (trigger == irq_trigger::level) bench.set_line(irq, false);
    controller.complete(*claimed);
    bool const quiet = is_quiet(bench);
    bench.set_line(irq, false);
    if (again || !quiet) return false;
  }
  return true;
}

template <IrqBench B>
[[nodiscard]] constexpr bool level_comes_back(B& bench) {
  bench.set_line(bench.line(0), true);
  bool const first = serves(bench, bench.line(0), false);
  bool const second = serves(bench, bench.line(0), false);
  bool const third = serves(bench, bench.line(0));
  bench.set_line(bench.line(0), false);
  return first && second && third;
}

template <IrqBench B>
[[nodiscard]] constexpr bool keeps_in_range(B& bench) {
  auto& controller = bench.controller();
  std::uint32_t const count = controller.line_count();
  std::uint32_t const numbers[] = {count, count + 1, count + 32, ~0U, bench.gap().value};
  for (std::uint32_t const number : numbers) {
    irq_number const irq{number};
    if (controller.is_enabled(irq)) return false;
    if (!is_out_of_range(controller.enable(irq)) || controller.is_enabled(irq)) return false;
    if (!is_out_of_range(controller.disable(irq))) return false;
    if (!is_out_of_range(controller.set_priority(irq, 0))) return false;
    if (!is_out_of_range(controller.set_trigger(irq, irq_trigger::edge))) return false;
    if (!is_out_of_range(controller.set_affinity(irq, {0}))) return false;
    if (!is_out_of_range(controller.send_ipi({0}, irq))) return false;
  }
  if (!is_out_of_range(controller.send_ipi({~0U}, bench.ipi()))) return false;
  if (!is_out_of_range(controller.set_affinity(bench.line(0), {~0U}))) return false;
  for (unsigned i = 0; i < 3; ++i) {
    if (!controller.is_enabled(bench.line(i))) return false;
  }
  return is_quiet(bench);
}

template <IrqBench B>
[[nodiscard]] constexpr bool signals_one_cpu(B& bench) {
  for (std::uint32_t from = 0; from < 2; ++from) {
    for (std::uint32_t to = 0; to < 2; ++to) {
      bench.run_on({from});
      bool const sent = static_cast<bool>(bench.controller().send_ipi({to}, bench.ipi()));
      bench.run_on({1 - to});
      bool const other_quiet = is_quiet(bench);
      bench.run_on({to});
      auto const claimed = bench.controller().claim();
      bool const taken = claimed && claimed->irq == bench.ipi();
      if (claimed) bench.controller().complete(*claimed);
      bool const once = is_quiet(bench);
      bench.run_on({0});
      if (!sent || !other_quiet || !taken || !once) return false;
    }
  }
  return true;
}

template <IrqBench B>
[[nodiscard]] constexpr bool moves_lines(B& bench) {
  irq_number const irq = bench.line(2);
  for (std::uint32_t to = 2; to-- > 0;) {
    if (!bench.controller().set_affinity(irq, {to})) return false;
    bench.set_line(irq, true);
    bench.run_on({1 - to});
    bool const other_quiet = is_quiet(bench);
    bench.run_on({to});
    bool const taken = serves(bench, irq);
    bench.run_on({0});
    bench.set_line(irq, false);
    if (!other_quiet || !taken) return false;
  }
  return true;
}

}  // namespace irq_detail

/// The first law of IrqControllerPolicy (policy/irq_controller.hpp) that the controller on this bench breaks, or 0.
///
/// Begin with the controller initialised for CPUs 0 and 1, calls coming from CPU 0, the three lines low,
/// level-triggered and targeted at CPU 0, and nothing pending. The lines are enabled afterwards.
template <IrqBench B>
[[nodiscard]] constexpr int first_broken_irq_controller_law(B& bench) {
  using namespace irq_detail;
  if (!gates_work(bench)) return 1;
  if (!is_quiet(bench)) return 6;
  if (!raises_only_enabled(bench)) return 2;
  if (!is_quiet(bench)) return 6;
  if (!serves_most_urgent_first(bench)) return 3;
  if (!claims_once(bench)) return 4;
  if (!level_comes_back(bench)) return 5;
  if (!is_quiet(bench)) return 6;
  if (!keeps_in_range(bench)) return 7;
  if (!signals_one_cpu(bench)) return 8;
  if (!moves_lines(bench)) return 9;
  return 0;
}

}  // namespace axhal::laws

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace axhal::laws {

/// A model on a bench, where a guest's part can be played: `take` takes the most urgent interrupt that is pending for
/// the guest and more urgent than what it is handling, `spurious` when there is none; `finish` ends the handling. Where
/// interrupts are shown until withdrawn, `finish` also withdraws this one, as the guest's hypervisor would.
///
/// `numbers()` is how many numbers the guest can have, `number(i)` the i-th of them, the most urgent first where the
/// order is fixed. `impossible` is a number no guest can have.
template <typename B>
concept VirtIrqBench = requires(B& b, irq_number irq, unsigned i) {
  requires VirtIrqPolicy<std::remove_reference_t<decltype(b.model())>>;
  { b.take() } -> std::same_as<result<irq_number, irq_error>>;
  { b.finish(irq) } -> std::same_as<void>;
  { b.numbers() } -> std::same_as<unsigned>;
  { b.number(i) } -> std::same_as<irq_number>;
  { b.impossible() } -> std::same_as<irq_number>;
};

namespace virt_irq_detail {

inline constexpr unsigned most = 64;  ///< of a model's capacity, what the laws look at

template <VirtIrqBench B>
using model_of = std::remove_reference_t<decltype(std::declval<B&>().model())>;

/// What `reap` has reported of one interrupt when the guest has taken it, and when it has finished it.
template <VirtIrqBench B>
inline constexpr unsigned after_take = model_of<B>::lifetime == shown_until::taken ? 1 : 0;
template <VirtIrqBench B>
inline constexpr unsigned after_finish = model_of<B>::lifetime == shown_until::withdrawn ? 0 : 1;

template <VirtIrqBench B>
[[nodiscard]] constexpr auto present(B& bench, unsigned i, std::uint8_t priority = 0x80) {
  return bench.model().present(virtual_irq{.irq = bench.number(i), .priority = priority});
}

/// Counts of what `reap` reports, by the place of the number.
struct reports {
  unsigned count[most + 1]{};
  unsigned strangers{};

  template <VirtIrqBench B>
  constexpr void collect(B& bench) {
    bench.model().reap([&](virtual_irq const& irq) {
      unsigned i = 0;
      while (i <= most && i < bench.numbers() && bench.number(i) != irq.irq) ++i;
      ++(i <= most && i < bench.numbers() ? count[i] : strangers);
    });
  }
  [[nodiscard]] constexpr unsigned total() const {
    unsigned sum = strangers;
    for (unsigned const c : count) sum += c;
    return sum;
  }
};

template <VirtIrqBench B>
[[nodiscard]] constexpr bool takes(B& bench, unsigned i) {
  auto const taken = bench.take();
  return taken && *taken == bench.number(i);
}
template <VirtIrqBench B>
[[nodiscard]] constexpr bool takes_nothing(B& bench) {
  auto const taken = bench.take();
  return !taken && taken.error() == irq_error::spurious;
}
/// Takes and completes.
template <VirtIrqBench B>
[[nodiscard]] constexpr bool serves(B& bench, unsigned i) {
  if (!takes(bench, i)) return false;
  bench.finish(bench.number(i));
  return true;
}
template <VirtIrqBench B>
constexpr void forget(B& bench) {
  reports ignored{};
  ignored.collect(bench);
}

/// How many interrupts the laws may have shown at once.
template <VirtIrqBench B>
[[nodiscard]] constexpr unsigned room(B& bench) {
  unsigned const fits = bench.model().capacity() < bench.numbers() ? bench.model().capacity() : bench.numbers();
  return fits < most ? fits : most;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool shows_in_order(B& bench) {
  constexpr std::uint8_t priorities[3] = {0x80, 0x20, 0x48};
  constexpr unsigned by_urgency[2][3] = {{0, 1, 2}, {1, 2, 0}};
  unsigned const fits = room(bench) < 3 ? room(bench) : 3;
  // Not in the order of their numbers, so that neither this order nor that one can explain the result.
  for (unsigned const i : {2U, 0U, 1U}) {
    if (i < fits && !present(bench, i, priorities[i])) return false;
  }
  for (unsigned const i : by_urgency[model_of<B>::has_priorities ? 1 : 0]) {
    if (i < fits && !serves(bench, i)) return false;
  }
  return takes_nothing(bench);
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool refuses_when_full(B& bench) {
  unsigned const capacity = bench.model().capacity();
  if (capacity == 0) return false;
  if (capacity > most || capacity >= bench.numbers()) return true;
  for (unsigned i = 0; i < capacity; ++i) {
    if (!present(bench, i)) return false;
  }
  for (unsigned turn = 0; turn < 2; ++turn) {
    auto const more = present(bench, capacity, 0);
    if (more || more.error() != virt_irq_error::full) return false;
  }
  bool seen[most]{};
  for (unsigned n = 0; n < capacity; ++n) {
    auto const taken = bench.take();
    if (!taken) return false;
    unsigned i = 0;
    while (i < capacity && bench.number(i) != *taken) ++i;
    if (i == capacity || seen[i]) return false;
    seen[i] = true;
    bench.finish(*taken);
  }
  return takes_nothing(bench);
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool reports_ends_once(B& bench) {
  if (!present(bench, 0)) return false;
  reports seen{};
  seen.collect(bench);
  if (seen.total() != 0 || !takes(bench, 0)) return false;
  seen.collect(bench);
  if (seen.total() != after_take<B>) return false;
  bench.finish(bench.number(0));
  for (unsigned turn = 0; turn < 2; ++turn) {
    seen.collect(bench);
    if (seen.total() != after_finish<B> || seen.count[0] != after_finish<B>) return false;
  }
  // The same with the host asking to be told: a different way in some hardware.
  virtual_irq const told{.irq = bench.number(1), .priority = 0x80, .notify_completion = true};
  if (!bench.model().present(told) || !serves(bench, 1)) return false;
  seen.collect(bench);
  seen.collect(bench);
  return seen.total() == 2 * after_finish<B> && seen.count[1] == after_finish<B>;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool withdraws(B& bench) {
  auto& model = bench.model();
  irq_number const irq = bench.number(0);
  if (model.withdraw(irq)) return false;
  if (!present(bench, 0) || !model.withdraw(irq)) return false;
  if (!takes_nothing(bench) || model.withdraw(irq)) return false;
  reports seen{};
  seen.collect(bench);
  if (seen.total() != 0) return false;
  if (!present(bench, 0) || !takes(bench, 0)) return false;
  if (model.withdraw(irq) != (model_of<B>::lifetime == shown_until::withdrawn)) return false;
  bench.finish(irq);
  seen.collect(bench);
  // Its room is free again: as many fit as before.
  for (unsigned i = 0; i < room(bench); ++i) {
    if (!present(bench, i)) return false;
  }
  for (unsigned i = 0; i < room(bench); ++i) {
    if (!model.withdraw(bench.number(i))) return false;
  }
  return seen.total() == after_finish<B> && takes_nothing(bench);
}

/// How far the guest is with the one interrupt of `survives_alone`.
enum class progress : std::uint8_t { pending, handling, finished };

/// Law 5 where there is room for one: shown here while another guest is shown another one, at every stage of its life.
template <VirtIrqBench B>
[[nodiscard]] constexpr bool survives_alone(B& bench, progress before) {
  auto& model = bench.model();
  if (!present(bench, 0)) return false;
  if (before != progress::pending && !takes(bench, 0)) return false;
  if (before == progress::finished) bench.finish(bench.number(0));
  typename model_of<B>::state away{};
  model.save(away);
  if (!takes_nothing(bench)) return false;
  typename model_of<B>::state other{};
  model.restore(other);
  reports others{};
  others.collect(bench);
  if (others.total() != 0 || !takes_nothing(bench)) return false;
  if (!present(bench, 1)) return false;
  model.save(other);
  model.restore(away);

  reports seen{};
  seen.collect(bench);
  unsigned const first = before == progress::pending    ? 0
                         : before == progress::handling ? after_take<B>
                                                        : after_finish<B>;
  if (seen.total() != first) return false;
  if (before == progress::pending && !takes(bench, 0)) return false;
  if (before != progress::finished) bench.finish(bench.number(0));
  seen.collect(bench);
  if (seen.total() != after_finish<B> || seen.count[0] != after_finish<B> || !takes_nothing(bench)) return false;
  model.save(away);
  model.restore(other);
  if (!serves(bench, 1) || !takes_nothing(bench)) return false;
  others.collect(bench);
  model.save(other);
  model.restore(away);
  return others.total() == after_finish<B> && others.count[1] == after_finish<B>;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool survives_switching(B& bench) {
  auto& model = bench.model();
  for (auto const stage : {progress::pending, progress::handling, progress::finished}) {
    if (!survives_alone(bench, stage)) return false;
  }
  if (room(bench) < 3) return true;
  // One of each kind: finished but not reported, being handled, pending.
  if (!present(bench, 0, 0x40) || !serves(bench, 0)) return false;
  if (!present(bench, 2, 0x40) || !takes(bench, 2)) return false;
  if (!present(bench, 1, 0x20)) return false;
  typename model_of<B>::state away{};
  model.save(away);
  // What another guest does meanwhile is its own.
  typename model_of<B>::state other{};
  model.restore(other);
  if (!present(bench, 0, 0x10)) return false;
  model.save(other);
  model.restore(away);

  reports seen{};
  seen.collect(bench);
  if (seen.count[0] != after_finish<B> || seen.count[2] != after_take<B> || seen.count[1] != 0) return false;
  if (!serves(bench, 1)) return false;
  bench.finish(bench.number(2));
  seen.collect(bench);
  for (unsigned i = 0; i < 3; ++i) {
    if (seen.count[i] != after_finish<B>) return false;
  }
  if (seen.total() != 3 * after_finish<B> || !takes_nothing(bench)) return false;
  model.save(away);
  model.restore(other);
  reports others{};
  if (!serves(bench, 0)) return false;
  others.collect(bench);
  bool const quiet = takes_nothing(bench);
  model.save(other);
  model.restore(away);
  return quiet && others.total() == after_finish<B> && others.count[0] == after_finish<B>;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool merges(B& bench) {
  irq_number const irq = bench.number(0);
  if (!present(bench, 0) || !present(bench, 0)) return false;
  if (!serves(bench, 0) || !takes_nothing(bench)) return false;
  forget(bench);
  if (!present(bench, 0) || !takes(bench, 0)) return false;
  // A report may hold the room that the next one needs.
  forget(bench);
  if (!present(bench, 0) || !present(bench, 0)) return false;
  if (!takes_nothing(bench)) return false;
  bench.finish(irq);
  if (model_of<B>::lifetime != shown_until::withdrawn && !serves(bench, 0)) return false;
  if (!takes_nothing(bench)) return false;
  reports seen{};
  seen.collect(bench);
  return seen.total() >= after_finish<B> && seen.count[0] == seen.total();
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool links_only_what_it_can(B& bench) {
  if (model_of<B>::lifetime == shown_until::completed) return true;
  auto const linked =
      bench.model().present(virtual_irq{.irq = bench.number(0), .priority = 0x80, .hardware = true, .physical = {40}});
  return !linked && linked.error() == virt_irq_error::unsupported && takes_nothing(bench);
}

}  // namespace virt_irq_detail

/// The first law of VirtIrqPolicy (policy/virt_irq.hpp) that the model on this bench breaks, or 0.
///
/// Begin with nothing shown and a guest that takes interrupts of every priority. The guest can have two numbers at
/// least. Law 5 looks at several at once where there are three, and a capacity of 3; law 2 says nothing of a capacity
/// above 64 or of one that every number fits in.
template <VirtIrqBench B>
[[nodiscard]] constexpr int first_broken_virt_irq_law(B& bench) {
  using namespace virt_irq_detail;
  if (!shows_in_order(bench)) return 1;
  forget(bench);
  if (!reports_ends_once(bench)) return 3;
  if (!refuses_when_full(bench)) return 2;
  forget(bench);
  if (!withdraws(bench)) return 4;
  forget(bench);
  if (!survives_switching(bench)) return 5;
  forget(bench);
  if (!merges(bench)) return 6;
  forget(bench);
  auto const refused = bench.model().present(virtual_irq{.irq = bench.impossible(), .priority = 0x80});
  if (refused || refused.error() != virt_irq_error::out_of_range || !takes_nothing(bench)) return 7;
  if (!links_only_what_it_can(bench)) return 8;
  return 0;
}

}  // namespace axhal::laws

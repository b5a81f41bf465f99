// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal::laws {

/// A model on a bench, where a guest's part can be played: `take` takes the most urgent interrupt that is pending for
/// the guest, `spurious` when there is none; `finish` completes it. `impossible` is a number no guest can have.
template <typename B>
concept VirtIrqBench = requires(B& b, irq_number irq) {
  requires VirtIrqPolicy<std::remove_reference_t<decltype(b.model())>>;
  { b.take() } -> std::same_as<result<irq_number, irq_error>>;
  { b.finish(irq) } -> std::same_as<void>;
  { b.impossible() } -> std::same_as<irq_number>;
};

namespace virt_irq_detail {

inline constexpr std::uint32_t first = 32;  ///< the laws use numbers from here: shared lines on all controllers
inline constexpr unsigned most = 64;        ///< of a model's capacity, what the laws look at

[[nodiscard]] constexpr virtual_irq line(std::uint32_t n, std::uint8_t priority = 0x80) {
  return {.irq = {n}, .priority = priority};
}

/// Counts of what `reap` reports, by number.
struct reports {
  unsigned count[most + 1]{};
  unsigned strangers{};

  template <VirtIrqPolicy V>
  constexpr void collect(V& model) {
    model.reap([&](virtual_irq const& irq) {
      if (irq.irq.value >= first && irq.irq.value - first <= most) {
        ++count[irq.irq.value - first];
      } else {
        ++strangers;
      }
    });
  }
  [[nodiscard]] constexpr unsigned total() const {
    unsigned sum = strangers;
    for (unsigned const c : count) sum += c;
    return sum;
  }
};

template <VirtIrqBench B>
[[nodiscard]] constexpr bool takes(B& bench, std::uint32_t n) {
  auto const taken = bench.take();
  return taken && *taken == irq_number{n};
}
template <VirtIrqBench B>
[[nodiscard]] constexpr bool takes_nothing(B& bench) {
  auto const taken = bench.take();
  return !taken && taken.error() == irq_error::spurious;
}
/// Takes and completes.
template <VirtIrqBench B>
[[nodiscard]] constexpr bool serves(B& bench, std::uint32_t n) {
  if (!takes(bench, n)) return false;
  bench.finish({n});
  return true;
}
template <VirtIrqBench B>
constexpr void forget(B& bench) {
  reports ignored{};
  ignored.collect(bench.model());
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool shows_in_order(B& bench) {
  constexpr std::uint8_t priorities[3] = {0x80, 0x20, 0x48};
  unsigned const fits = bench.model().capacity() < 3 ? bench.model().capacity() : 3;
  bool taken[3]{};
  for (unsigned i = 0; i < fits; ++i) {
    if (!bench.model().present(line(first + i, priorities[i]))) return false;
  }
  for (unsigned n = 0; n < fits; ++n) {
    unsigned best = 3;
    for (unsigned i = 0; i < fits; ++i) {
      if (!taken[i] && (best == 3 || priorities[i] < priorities[best])) best = i;
    }
    if (!serves(bench, first + best)) return false;
    taken[best] = true;
  }
  return takes_nothing(bench);
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool refuses_when_full(B& bench) {
  auto& model = bench.model();
  unsigned const capacity = model.capacity();
  if (capacity == 0) return false;
  if (capacity > most) return true;
  for (unsigned i = 0; i < capacity; ++i) {
    if (!model.present(line(first + i))) return false;
  }
  for (unsigned turn = 0; turn < 2; ++turn) {
    auto const more = model.present(line(first + capacity, 0));
    if (more || more.error() != virt_irq_error::full) return false;
  }
  bool seen[most]{};
  for (unsigned i = 0; i < capacity; ++i) {
    auto const taken = bench.take();
    if (!taken || taken->value < first || taken->value >= first + capacity || seen[taken->value - first]) return false;
    seen[taken->value - first] = true;
    bench.finish(*taken);
  }
  return takes_nothing(bench);
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool reports_completed_once(B& bench) {
  auto& model = bench.model();
  if (!model.present(line(first))) return false;
  reports seen{};
  seen.collect(model);
  if (seen.total() != 0 || !takes(bench, first)) return false;
  seen.collect(model);
  if (seen.total() != 0) return false;
  bench.finish({first});
  seen.collect(model);
  if (seen.total() != 1 || seen.count[0] != 1) return false;
  seen.collect(model);
  if (seen.total() != 1) return false;
  // The same with the host asking to be told: a different way in some hardware.
  virtual_irq told = line(first + 1);
  told.notify_completion = true;
  if (!model.present(told) || !serves(bench, first + 1)) return false;
  seen.collect(model);
  seen.collect(model);
  return seen.total() == 2 && seen.count[1] == 1;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool withdraws(B& bench) {
  auto& model = bench.model();
  if (model.withdraw({first})) return false;
  if (!model.present(line(first)) || !model.withdraw({first})) return false;
  if (!takes_nothing(bench) || model.withdraw({first})) return false;
  reports seen{};
  seen.collect(model);
  if (seen.total() != 0) return false;
  if (!model.present(line(first)) || !takes(bench, first) || model.withdraw({first})) return false;
  bench.finish({first});
  seen.collect(model);
  // Its room is free again: as many fit as before.
  unsigned const capacity = model.capacity() < most ? model.capacity() : most;
  for (unsigned i = 0; i < capacity; ++i) {
    if (!model.present(line(first + i))) return false;
  }
  for (unsigned i = 0; i < capacity; ++i) {
    if (!model.withdraw({first + i})) return false;
  }
  return seen.total() == 1 && takes_nothing(bench);
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool survives_switching(B& bench) {
  auto& model = bench.model();
  using model_type = std::remove_reference_t<decltype(model)>;
  if (model.capacity() < 3) return true;
  // One of each kind: completed but not reported, active, pending.
  if (!model.present(line(first, 0x40)) || !serves(bench, first)) return false;
  if (!model.present(line(first + 1, 0x40)) || !takes(bench, first + 1)) return false;
  if (!model.present(line(first + 2, 0x20))) return false;
  typename model_type::state away{};
  model.save(away);
  // What another guest does meanwhile is its own.
  typename model_type::state other{};
  model.restore(other);
  if (!model.present(line(first + 3, 0x10))) return false;
  model.save(other);
  model.restore(away);

  reports seen{};
  seen.collect(model);
  if (seen.total() != 1 || seen.count[0] != 1) return false;
  if (!serves(bench, first + 2)) return false;
  bench.finish({first + 1});
  seen.collect(model);
  if (seen.total() != 3 || seen.count[1] != 1 || seen.count[2] != 1 || !takes_nothing(bench)) return false;
  model.save(away);
  model.restore(other);
  if (!serves(bench, first + 3)) return false;
  seen.collect(model);
  bool const quiet = takes_nothing(bench);
  model.save(other);
  model.restore(away);
  return quiet && seen.total() == 4 && seen.count[3] == 1;
}

template <VirtIrqBench B>
[[nodiscard]] constexpr bool merges(B& bench) {
  auto& model = bench.model();
  if (!model.present(line(first)) || !model.present(line(first))) return false;
  if (!serves(bench, first) || !takes_nothing(bench)) return false;
  forget(bench);
  if (!model.present(line(first)) || !takes(bench, first)) return false;
  if (!model.present(line(first)) || !model.present(line(first))) return false;
  if (!takes_nothing(bench)) return false;
  bench.finish({first});
  if (!serves(bench, first) || !takes_nothing(bench)) return false;
  reports seen{};
  seen.collect(model);
  return seen.total() >= 1 && seen.count[0] == seen.total();
}

}  // namespace virt_irq_detail

/// The first law of VirtIrqPolicy (policy/virt_irq.hpp) that the model on this bench breaks, or 0.
///
/// Begin with nothing shown and a guest that takes interrupts of every priority. Law 5 needs a capacity of 3; of a
/// capacity above 64, law 2 says nothing.
template <VirtIrqBench B>
[[nodiscard]] constexpr int first_broken_virt_irq_law(B& bench) {
  using namespace virt_irq_detail;
  if (!shows_in_order(bench)) return 1;
  forget(bench);
  if (!reports_completed_once(bench)) return 3;
  if (!refuses_when_full(bench)) return 2;
  forget(bench);
  if (!withdraws(bench)) return 4;
  forget(bench);
  if (!survives_switching(bench)) return 5;
  forget(bench);
  if (!merges(bench)) return 6;
  forget(bench);
  auto const refused = bench.model().present(line(bench.impossible().value));
  if (refused || refused.error() != virt_irq_error::out_of_range || !takes_nothing(bench)) return 7;
  return 0;
}

}  // namespace axhal::laws

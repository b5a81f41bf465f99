// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/plic_registers.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace axhal::riscv64 {

/// The sources of one guest's virtual PLIC, 1 to `Sources`, with their gateways, and what `Vcpus` contexts have set up
/// for them. Not a device yet: registers are in vplic.hpp.
///
/// Of each context the most urgent interrupt that it could claim is known at all times: claiming and notifying look at
/// one word, and only changes search, 64 sources a step. Functions take sources and vCPUs that exist.
template <unsigned Vcpus, unsigned Sources>
class vplic_lines {
  static_assert(Vcpus >= 1 && Vcpus <= 64, "vplic: 1 to 64 vCPUs");
  static_assert(Sources >= 1 && Sources <= plic_registers::max_sources, "vplic: 1 to 1023 sources");

 public:
  static constexpr unsigned priority_bits = 3;
  static constexpr std::uint32_t priority_mask = (1U << priority_bits) - 1;  ///< the bits of priorities and thresholds
  static constexpr unsigned words = (Sources + 64) / 64;                     ///< of 64 sources; source 0 is none

  constexpr explicit vplic_lines(unsigned vcpus) : vcpus_{vcpus < 1 ? 1 : vcpus > Vcpus ? Vcpus : vcpus} {}

  /// The state after a reset of the machine. Lines keep what devices drive.
  void reset() {
    for (std::uint8_t& p : priority_) p = 0;
    for (auto& plane : planes_) clear(plane);
    for (unsigned w = 0; w < words; ++w) {
      claimed_[w] = 0;
      again_[w] = 0;
      // With nothing claimed, a gateway forwards what is high.
      pending_[w] = level_[w];
    }
    for (unsigned v = 0; v < vcpus(); ++v) {
      clear(enabled_[v]);
      threshold_[v] = 0;
      set_best(v, {});
    }
  }

  [[nodiscard]] constexpr unsigned vcpus() const {
    // The constructor has seen to that; said again for those who index by what is below.
    if (vcpus_ < 1 || vcpus_ > Vcpus) __builtin_unreachable();
    return vcpus_;
  }

  // --- what contexts set up ---

  [[nodiscard]] constexpr std::uint32_t priority(std::uint32_t source) const { return priority_[source]; }
  void set_priority(std::uint32_t source, std::uint32_t priority) {
    priority &= priority_mask;
    if (priority_[source] == priority) return;
    priority_[source] = static_cast<std::uint8_t>(priority);
    place const at{source};
    for (unsigned i = 0; i < priority_bits; ++i) at.assign(planes_[i], (priority >> i & 1) != 0);
    if (!at.is_in(pending_)) return;
    for (unsigned v = 0; v < vcpus(); ++v) {
      if (at.is_in(enabled_[v])) search(v);
    }
  }

  /// Enable bits of the sources from `half * 32` on. `half` is below `words * 2`.
  [[nodiscard]] constexpr std::uint32_t enabled(unsigned v, unsigned half) const { return half_of(enabled_[v], half); }
  void set_enabled(unsigned v, unsigned half, std::uint32_t bits) {
    std::uint64_t& word = enabled_[v][half / 2];
    unsigned const shift = half % 2 * 32;
    std::uint64_t const before = word;
    word = ((before & ~(std::uint64_t{0xffff'ffff} << shift)) | std::uint64_t{bits} << shift) & existing(half / 2);
    if (((before ^ word) & pending_[half / 2]) != 0) search(v);
  }

  [[nodiscard]] constexpr std::uint32_t threshold(unsigned v) const { return threshold_[v]; }
  void set_threshold(unsigned v, std::uint32_t threshold) {
    threshold_[v] = static_cast<std::uint8_t>(threshold & priority_mask);
    notify(v);
  }

  /// Pending bits of the sources from `half * 32` on. `half` is below `words * 2`.
  [[nodiscard]] constexpr std::uint32_t pending(unsigned half) const { return half_of(pending_, half); }

  // --- gateways: one request at a time goes through, until it is completed ---

  void set_level(std::uint32_t source, bool high) {
    place const at{source};
    at.assign(level_, high);
    if (high && !at.is_in(pending_) && !at.is_in(claimed_)) forward(source);
  }
  /// An edge. One that comes between claim and completion waits for the completion; one that comes while the request of
  /// another is pending is served with it.
  void pulse(std::uint32_t source) {
    place const at{source};
    if (at.is_in(claimed_)) {
      at.add_to(again_);
    } else if (!at.is_in(pending_)) {
      forward(source);
    }
  }

  /// The most urgent source that is pending and enabled for `v`, whatever its threshold, which is pending no more; 0
  /// when there is none.
  std::uint32_t claim(unsigned v) {
    std::uint32_t const source = best_[v].source;
    if (source == 0) return 0;
    place const at{source};
    at.remove_from(pending_);
    at.add_to(claimed_);
    for (unsigned other = 0; other < vcpus(); ++other) {
      if (best_[other].source == source) search(other);
    }
    return source;
  }
  /// `v` has served `source`. Ignored where the source is not enabled for `v`, or was not claimed.
  void complete(unsigned v, std::uint32_t source) {
    place const at{source};
    if (!at.is_in(enabled_[v]) || !at.is_in(claimed_)) return;
    at.remove_from(claimed_);
    if (!at.is_in(level_) && !at.is_in(again_)) return;
    at.remove_from(again_);
    forward(source);
  }

  // --- notifications ---

  /// The vCPUs, one bit each, that are told of an interrupt. The one thing that may be asked without the guest's lock.
  [[nodiscard]] std::uint64_t notified() const { return notified_.load(std::memory_order_relaxed); }
  /// Those for which that has changed since the last call.
  [[nodiscard]] constexpr std::uint64_t take_changed() {
    std::uint64_t const now = changed_;
    changed_ = 0;
    return now;
  }

 private:
  struct candidate {
    std::uint16_t source{};
    std::uint8_t priority{};
  };
  using source_set = std::uint64_t[words];

  /// Where a source is in every set. Inlined by force: compiled for size, calls would be half of what a claim costs.
  struct place {
    std::uint32_t word;
    std::uint64_t bit;

    [[gnu::always_inline]] constexpr explicit place(std::uint32_t source)
        : word{source / 64}, bit{std::uint64_t{1} << source % 64} {}
    [[nodiscard, gnu::always_inline]] constexpr bool is_in(source_set const& set) const {
      return (set[word] & bit) != 0;
    }
    [[gnu::always_inline]] constexpr void add_to(source_set& set) const { set[word] |= bit; }
    [[gnu::always_inline]] constexpr void remove_from(source_set& set) const { set[word] &= ~bit; }
    [[gnu::always_inline]] constexpr void assign(source_set& set, bool value) const {
      set[word] = value ? set[word] | bit : set[word] & ~bit;
    }
  };
  static constexpr void clear(source_set& set) {
    for (std::uint64_t& word : set) word = 0;
  }
  [[nodiscard]] static constexpr std::uint32_t half_of(source_set const& set, unsigned half) {
    return static_cast<std::uint32_t>(set[half / 2] >> half % 2 * 32);
  }
  /// The sources of a word that exist.
  [[nodiscard]] static constexpr std::uint64_t existing(unsigned w) {
    std::uint64_t const upper = w == Sources / 64 ? ~std::uint64_t{0} >> (63 - Sources % 64) : ~std::uint64_t{0};
    return w == 0 ? upper & ~std::uint64_t{1} : upper;
  }

  void forward(std::uint32_t source) {
    place const at{source};
    at.add_to(pending_);
    std::uint8_t const priority = priority_[source];
    for (unsigned v = 0; v < vcpus(); ++v) {
      candidate const best = best_[v];
      // Equal priorities: the lower number goes first. "None" has priority 0, which nothing that counts has.
      bool const first = priority > best.priority || (priority == best.priority && source < best.source);
      if (first && at.is_in(enabled_[v])) set_best(v, {static_cast<std::uint16_t>(source), priority});
    }
  }

  /// Of what `v` could claim, whatever its priority, something; 0 when there is nothing. Without a loop, as it is asked
  /// at every claim.
  template <std::size_t... W>
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t any_claimable(unsigned v, std::index_sequence<W...>) const {
    return ((pending_[W] & enabled_[v][W]) | ...);
  }
  /// Finds the most urgent of what `v` could claim.
  [[gnu::always_inline]] void search(unsigned v) {
    if (any_claimable(v, std::make_index_sequence<words>{}) == 0) {
      set_best(v, {});
    } else {
      search_pending(v);
    }
  }
  /// The same when there is something: sources that have the highest bit of a priority, if there are any, leave the
  /// others behind, then those with the next bit.
  [[gnu::noinline]] void search_pending(unsigned v) {
    source_set left{};
    for (unsigned w = 0; w < words; ++w) left[w] = pending_[w] & enabled_[v][w];
    for (unsigned i = priority_bits; i-- > 0;) {
      std::uint64_t upper = 0;
      for (unsigned w = 0; w < words; ++w) upper |= left[w] & planes_[i][w];
      if (upper == 0) continue;
      for (unsigned w = 0; w < words; ++w) left[w] &= planes_[i][w];
    }
    unsigned w = 0;
    while (left[w] == 0) ++w;
    std::uint32_t const source = w * 64 + static_cast<std::uint32_t>(std::countr_zero(left[w]));
    // With a priority of 0 there was none with another.
    if (priority_[source] == 0) return set_best(v, {});
    set_best(v, {static_cast<std::uint16_t>(source), priority_[source]});
  }

  [[gnu::always_inline]] void set_best(unsigned v, candidate best) {
    best_[v] = best;
    notify(v);
  }
  [[gnu::always_inline]] void notify(unsigned v) {
    std::uint64_t const bit = std::uint64_t{1} << v;
    std::uint64_t const before = notified();
    if ((best_[v].priority > threshold_[v]) == ((before & bit) != 0)) return;
    // Changed with the guest's lock held, so that no atomic exchange is needed.
    notified_.store(before ^ bit, std::memory_order_relaxed);
    changed_ |= bit;
  }

  unsigned vcpus_;
  std::uint64_t changed_{};
  std::atomic<std::uint64_t> notified_{};
  source_set level_{};                  ///< what devices drive
  source_set pending_{};                ///< forwarded, not claimed
  source_set claimed_{};                ///< claimed, not completed
  source_set again_{};                  ///< an edge came while it was claimed
  source_set planes_[priority_bits]{};  ///< priorities, bit by bit
  source_set enabled_[Vcpus]{};
  candidate best_[Vcpus]{};
  std::uint8_t threshold_[Vcpus]{};
  std::uint8_t priority_[Sources + 1]{};  ///< the same as in `planes_`, by source
};

}  // namespace axhal::riscv64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <vector>

namespace axhal::test {

/// Ways in which a PLIC can be wrong: what a comparison must be able to find.
enum class plic_flaw : std::uint8_t {
  none,
  highest_number_wins_ties,
  priority_zero_interrupts,
  threshold_lets_equal_pass,
  threshold_hides_from_claim,
  falling_line_retracts,
  completes_what_is_disabled,
  forwards_while_claimed,
  forgets_level_at_completion,
  forgets_edge_while_claimed,
  keeps_edges_while_pending,
  completion_needs_the_claimer,
  claim_keeps_pending,
  source_zero_exists,
  fourth_priority_bit,
  count,
};

/// A PLIC as the specification tells it (RISC-V Platform-Level Interrupt Controller Specification 1.0), a sentence a
/// line, with a search through everything at every question. vCPU v has context 1 + 2v. Numbers are written out.
class plic_model {
 public:
  plic_model(unsigned vcpus, unsigned sources, plic_flaw flaw = plic_flaw::none)
      : sources_(sources + 1), contexts_(vcpus), flaw_{flaw} {
    for (auto& c : contexts_) c.enabled.resize(sources + 1);
  }

  std::uint32_t read(std::uint64_t offset, unsigned bytes) {
    if (bytes != 4) return 0;
    for (std::uint32_t s = 0; s < sources_.size(); ++s) {
      if (offset == 4 * s) return sources_[s].priority;
    }
    for (std::uint32_t word = 0; word * 32 < sources_.size(); ++word) {
      if (offset == 0x1000 + 4 * word) {
        return collect(word, [this](std::uint32_t s) { return sources_[s].pending; });
      }
      for (std::uint32_t v = 0; v < contexts_.size(); ++v) {
        if (offset == 0x2000 + 0x80 * (1 + 2 * v) + 4 * word) {
          return collect(word, [this, v](std::uint32_t s) { return contexts_[v].enabled[s] != 0; });
        }
      }
    }
    for (std::uint32_t v = 0; v < contexts_.size(); ++v) {
      std::uint64_t const page = 0x200000 + 0x1000 * (1 + 2 * v);
      if (offset == page) return contexts_[v].threshold;
      if (offset == page + 4) return claim(v);
    }
    return 0;
  }

  void write(std::uint64_t offset, unsigned bytes, std::uint32_t value) {
    if (bytes != 4) return;
    std::uint32_t const level = value & (flaw_ == plic_flaw::fourth_priority_bit ? 15 : 7);
    for (std::uint32_t s = first(); s < sources_.size(); ++s) {
      if (offset == 4 * s) sources_[s].priority = level;
    }
    for (std::uint32_t v = 0; v < contexts_.size(); ++v) {
      for (std::uint32_t s = first(); s < sources_.size(); ++s) {
        if (offset == 0x2000 + 0x80 * (1 + 2 * v) + 4 * (s / 32)) contexts_[v].enabled[s] = value >> s % 32 & 1;
      }
      std::uint64_t const page = 0x200000 + 0x1000 * (1 + 2 * v);
      if (offset == page) contexts_[v].threshold = level;
      if (offset == page + 4) complete(v, value);
    }
  }

  void set_level(std::uint32_t s, bool high) {
    if (s == 0 || s >= sources_.size()) return;
    source& it = sources_[s];
    it.high = high;
    bool const busy = it.pending || (it.claimed && flaw_ != plic_flaw::forwards_while_claimed);
    if (high && !busy) it.pending = true;
    if (!high && flaw_ == plic_flaw::falling_line_retracts) it.pending = false;
  }
  void pulse(std::uint32_t s) {
    if (s == 0 || s >= sources_.size()) return;
    source& it = sources_[s];
    if (it.claimed) {
      it.again = flaw_ != plic_flaw::forgets_edge_while_claimed;
    } else if (it.pending) {
      it.again = flaw_ == plic_flaw::keeps_edges_while_pending;
    } else {
      it.pending = true;
    }
  }
  void reset() {
    for (source& it : sources_) it = {.high = it.high, .pending = it.high};
    for (context& c : contexts_) {
      c.threshold = 0;
      for (auto& e : c.enabled) e = 0;
    }
  }

  [[nodiscard]] bool external_level(std::uint32_t v) const {
    std::uint32_t const s = most_urgent(v);
    if (s == none) return false;
    if (flaw_ == plic_flaw::threshold_lets_equal_pass) return sources_[s].priority >= contexts_[v].threshold;
    return sources_[s].priority > contexts_[v].threshold;
  }

 private:
  struct source {
    std::uint32_t priority{};
    std::uint32_t claimer{};
    bool high{};
    bool pending{};
    bool claimed{};
    bool again{};
  };
  struct context {
    std::vector<std::uint8_t> enabled{};
    std::uint32_t threshold{};
  };
  static constexpr std::uint32_t none = ~0U;

  [[nodiscard]] std::uint32_t first() const { return flaw_ == plic_flaw::source_zero_exists ? 0 : 1; }

  template <typename P>
  [[nodiscard]] std::uint32_t collect(std::uint32_t word, P holds) const {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < 32; ++i) {
      if (word * 32 + i < sources_.size() && holds(word * 32 + i)) bits |= 1U << i;
    }
    return bits;
  }

  [[nodiscard]] std::uint32_t most_urgent(std::uint32_t v) const {
    std::uint32_t best = none;
    for (std::uint32_t s = 1; s < sources_.size(); ++s) {
      if (!sources_[s].pending || contexts_[v].enabled[s] == 0) continue;
      if (sources_[s].priority == 0 && flaw_ != plic_flaw::priority_zero_interrupts) continue;
      bool const tie = best != none && sources_[s].priority == sources_[best].priority;
      bool const more = best == none || sources_[s].priority > sources_[best].priority;
      if (more || (tie && flaw_ == plic_flaw::highest_number_wins_ties)) best = s;
    }
    return best;
  }

  std::uint32_t claim(std::uint32_t v) {
    std::uint32_t const s = most_urgent(v);
    if (s == none) return 0;
    if (flaw_ == plic_flaw::threshold_hides_from_claim && sources_[s].priority <= contexts_[v].threshold) return 0;
    sources_[s].pending = flaw_ == plic_flaw::claim_keeps_pending;
    sources_[s].claimed = true;
    sources_[s].claimer = v;
    return s;
  }
  void complete(std::uint32_t v, std::uint32_t s) {
    if (s == 0 || s >= sources_.size() || !sources_[s].claimed) return;
    if (contexts_[v].enabled[s] == 0 && flaw_ != plic_flaw::completes_what_is_disabled) return;
    if (flaw_ == plic_flaw::completion_needs_the_claimer && sources_[s].claimer != v) return;
    source& it = sources_[s];
    it.claimed = false;
    bool const high = it.high && flaw_ != plic_flaw::forgets_level_at_completion;
    if (high || it.again) it.pending = true;
    it.again = false;
  }

  std::vector<source> sources_;
  std::vector<context> contexts_;
  plic_flaw flaw_;
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

/// A PLIC written from the RISC-V Platform-Level Interrupt Controller Specification 1.0 for tests: it shares no code
/// with the driver it checks.
///
/// `mistakes` collects accesses that the specification has no register for.
class simulated_plic {
 public:
  explicit simulated_plic(unsigned sources = 95, unsigned contexts = 4, std::uint32_t priority_bits = 7)
      : variable_bits{priority_bits}, sources_(sources + 1), contexts_(contexts) {
    for (auto& c : contexts_) c.enables.resize(32);
  }

  std::uint32_t variable_bits;  ///< what a priority register keeps
  std::uint32_t fixed_bits{};   ///< what its other bits read as
  bool edge_gateways{};         ///< the gateways are for edges, and count none while one is in flight
  std::vector<std::string> mistakes{};

  // --- wires ---

  void set_line(unsigned n, bool high) {
    auto& s = sources_.at(n);
    bool const rises = high && !s.level;
    s.level = high;
    if (edge_gateways ? rises : high) forward(s);
  }
  /// The notification of context `n`.
  bool output(unsigned n) const { return best(contexts_.at(n)) != 0; }
  bool is_in_flight(unsigned n) const { return sources_.at(n).in_flight; }

  // --- the window ---

  std::uint32_t read(std::uint64_t offset) {
    if (offset % 4 != 0) return mistake("misaligned read");
    if (offset < 0x1000) {
      auto const n = offset / 4;
      return n != 0 && n < sources_.size() ? sources_[n].priority | fixed_bits : 0;
    }
    if (offset < 0x1080) {
      std::uint32_t word = 0;
      for (std::uint64_t i = 0; i < 32; ++i) {
        auto const n = (offset - 0x1000) * 8 + i;
        if (n < sources_.size() && sources_[n].pending) word |= 1U << i;
      }
      return word;
    }
    if (context* c = enables_of(offset)) return c->enables[offset % 0x80 / 4];
    if (context* c = context_of(offset)) {
      if (offset % 0x1000 == 0) return c->threshold;
      if (offset % 0x1000 == 4) {
        unsigned const n = best(*c, true);
        if (n != 0) sources_[n].pending = false;
        return n;
      }
    }
    return mistake("read of no register");
  }
  void write(std::uint64_t offset, std::uint32_t value) {
    if (offset % 4 != 0) {
      mistake("misaligned write");
      return;
    }
    if (offset < 0x1000) {
      auto const n = offset / 4;
      if (n == 0 || n >= sources_.size()) mistake("priority of no source");
      if (n < sources_.size()) sources_[n].priority = value & variable_bits;
    } else if (context* c = enables_of(offset)) {
      auto const w = offset % 0x80 / 4;
      std::uint32_t there = 0;
      for (std::uint64_t i = 0; i < 32; ++i) there |= w * 32 + i < sources_.size() ? 1U << i : 0;
      c->enables[w] = value & there & (w == 0 ? ~1U : ~0U);
    } else if (context* at = context_of(offset); at != nullptr && offset % 0x1000 == 0) {
      at->threshold = value & variable_bits;
    } else if (at != nullptr && offset % 0x1000 == 4) {
      if (value == 0 || value >= sources_.size()) return;
      // "If the completion ID does not match an interrupt source that is currently enabled for the target, the
      // completion is silently ignored."
      if ((at->enables[value / 32] >> value % 32 & 1) == 0) return;
      auto& s = sources_[value];
      if (s.pending) return;
      s.in_flight = false;
      if (!edge_gateways && s.level) forward(s);
    } else {
      mistake("write to no register");
    }
  }
  std::uint32_t mistake(std::string what) {
    mistakes.push_back(std::move(what));
    return 0;
  }

 private:
  struct source {
    bool level{}, pending{}, in_flight{};
    std::uint32_t priority{};
  };
  struct context {
    std::vector<std::uint32_t> enables{};
    std::uint32_t threshold{};
  };
  static void forward(source& s) {
    if (s.in_flight) return;
    s.in_flight = true;
    s.pending = true;
  }
  /// The threshold holds back the notification and not the claim ("Interrupt Claim Process").
  unsigned best(context const& c, bool for_claim = false) const {
    unsigned found = 0;
    std::uint32_t urgency = for_claim ? 0 : c.threshold;
    for (unsigned n = 1; n < sources_.size(); ++n) {
      if (!sources_[n].pending || (c.enables[n / 32] >> n % 32 & 1) == 0) continue;
      std::uint32_t const p = sources_[n].priority | fixed_bits;
      if (p > urgency) {
        found = n;
        urgency = p;
      }
    }
    return found;
  }
  context* enables_of(std::uint64_t offset) {
    if (offset < 0x2000 || offset >= 0x20'0000) return nullptr;
    auto const n = (offset - 0x2000) / 0x80;
    return n < contexts_.size() ? &contexts_[n] : nullptr;
  }
  context* context_of(std::uint64_t offset) {
    if (offset < 0x20'0000) return nullptr;
    auto const n = (offset - 0x20'0000) / 0x1000;
    return n < contexts_.size() ? &contexts_[n] : nullptr;
  }

  std::vector<source> sources_;
  std::vector<context> contexts_;
};

struct plic_window {
  simulated_plic* plic;
  std::uint8_t read8(std::uint64_t) { return static_cast<std::uint8_t>(plic->mistake("byte read")); }
  std::uint32_t read32(std::uint64_t o) { return plic->read(o); }
  void write8(std::uint64_t, std::uint8_t) { plic->mistake("byte write"); }
  void write32(std::uint64_t o, std::uint32_t v) { plic->write(o, v); }
};
static_assert(MmioWindow<plic_window>);

}  // namespace axhal::test

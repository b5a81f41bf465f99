// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>
#include <axhal/core/text_table.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal {

namespace detail {

[[nodiscard]] constexpr text word_for(exit_kind kind) {
  switch (kind) {
    case exit_kind::hypercall: return "hypercall";
    case exit_kind::mmio_read: return "mmio_read";
    case exit_kind::mmio_write: return "mmio_write";
    case exit_kind::memory_fault: return "memory_fault";
    case exit_kind::register_read: return "register_read";
    case exit_kind::register_write: return "register_write";
    case exit_kind::port_read: return "port_read";
    case exit_kind::port_write: return "port_write";
    case exit_kind::idle: return "idle";
    case exit_kind::yield: return "yield";
    case exit_kind::lazy_state: return "lazy_state";
    case exit_kind::refused_instruction: return "refused_instruction";
    case exit_kind::host_interrupt: return "host_interrupt";
    case exit_kind::host_error: return "host_error";
    case exit_kind::unknown: return "unknown";
  }
  return {};
}

}  // namespace detail

/// The word a report has for a kind of exit, as the kind is spelt in this library: "mmio_read".
[[nodiscard]] constexpr text name_of(exit_kind kind) {
  return text_from_table<&detail::word_for, exit_kind_count>(kind, "?");
}

/// How often one vCPU exited, by kind. Not for several CPUs at once: each vCPU counts for itself and `add` sums up.
class exit_counters {
 public:
  constexpr void count(exit_kind kind) {
    if (static_cast<unsigned>(kind) < exit_kind_count) ++counts_[static_cast<unsigned>(kind)];
  }
  /// `answer`, counted unless it is `resume::slow`.
  constexpr resume counted_answer(exit_kind kind, resume answer) {
    if (answer != resume::slow) count(kind);
    return answer;
  }
  [[nodiscard]] constexpr std::uint64_t operator[](exit_kind kind) const {
    return static_cast<unsigned>(kind) < exit_kind_count ? counts_[static_cast<unsigned>(kind)] : 0;
  }
  [[nodiscard]] constexpr std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (std::uint64_t const n : counts_) sum += n;
    return sum;
  }
  constexpr void add(exit_counters const& other) {
    for (unsigned i = 0; i < exit_kind_count; ++i) counts_[i] += other.counts_[i];
  }
  /// Calls `f(kind, count)` for each kind that has happened, in the order of a report.
  template <typename F>
  constexpr void each(F&& f) const {
    for (unsigned i = 0; i < exit_kind_count; ++i) {
      if (counts_[i] != 0) f(static_cast<exit_kind>(i), counts_[i]);
    }
  }
  friend constexpr bool operator==(exit_counters const&, exit_counters const&) = default;

 private:
  std::uint64_t counts_[exit_kind_count]{};
};

/// Counts what `H` answers, by kind, and changes nothing else: it is an `H` in every other way. An exit that the fast
/// tier leaves to the slow one is counted once, where it is answered. Counting costs a load, an addition and a store.
template <typename H>
struct counted : H {
  exit_counters counters{};

  template <typename Guest, typename Exit>
    requires exit_req::Handles<H, Guest, Exit>
  [[gnu::always_inline]] constexpr resume operator()(Guest& seen_guest, Exit const& taken_exit) {
    return counters.counted_answer(kind_of<Exit>, static_cast<H&>(*this)(seen_guest, taken_exit));
  }

  template <typename Guest>
    requires AnswersAtOnce<H, Guest>
  [[gnu::always_inline]] constexpr bool answer_at_once(Guest& seen_guest, exit::hypercall const& call) {
    if (!H::answer_at_once(seen_guest, call)) return false;
    counters.count(exit_kind::hypercall);
    return true;
  }
};

}  // namespace axhal

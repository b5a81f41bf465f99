// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/units.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// The HSM state of each vCPU of one virtual machine (SBI Specification 2.0, "Hart State Management Extension", figure
/// "SBI HSM State Machine").
///
///     stopped -> start_pending -> started -> stop_pending -> stopped
///                                 started -> suspend_pending -> suspended -> resume_pending -> started
///
/// Atomic: several CPUs may call at once, and of two that start the same vCPU one succeeds. A change that the figure
/// does not have is refused and nothing happens; numbers that are not there are refused too.
template <std::size_t MaxVcpus>
class sbi_hart_states {
  static_assert(MaxVcpus > 0, "sbi_hart_states: needs room for one vCPU at least");

 public:
  /// All stopped but vCPU 0.
  constexpr explicit sbi_hart_states(std::uint32_t count)
      : count_{count < MaxVcpus ? count : static_cast<std::uint32_t>(MaxVcpus)} {}

  [[nodiscard]] constexpr std::uint32_t count() const { return count_; }
  /// `stopped` for a vCPU that is not there.
  [[nodiscard]] hart_state of(vcpu_number n) const {
    return n.value < count_ ? states_[n.value].value.load(std::memory_order_acquire) : hart_state::stopped;
  }

  /// All stopped but vCPU 0. Precondition: no vCPU runs.
  void reset() {
    for (auto& s : states_) s.value.store(hart_state::stopped, std::memory_order_relaxed);
    states_[0].value.store(hart_state::started, std::memory_order_relaxed);
  }

  // --- what guests ask for ---

  /// From stopped to start_pending.
  [[nodiscard]] bool start(vcpu_number n) { return move(n, bit(hart_state::stopped), hart_state::start_pending); }
  /// To stop_pending. The vCPU itself asks, so it runs, whatever the hypervisor has told so far.
  [[nodiscard]] bool stop(vcpu_number self) { return move(self, ~std::uint32_t{0}, hart_state::stop_pending); }
  /// To suspend_pending, likewise.
  [[nodiscard]] bool suspend(vcpu_number self) { return move(self, ~std::uint32_t{0}, hart_state::suspend_pending); }

  // --- what the hypervisor tells ---

  /// The vCPU runs: from start_pending, or from any part of a suspend.
  bool started(vcpu_number n) {
    return move(n,
                bit(hart_state::start_pending) | bit(hart_state::suspend_pending) | bit(hart_state::suspended) |
                    bit(hart_state::resume_pending),
                hart_state::started);
  }
  /// The vCPU has been stopped and will not run until it is started: its state is another vCPU's to overwrite. From any
  /// state, since a hypervisor may stop whom it likes.
  bool stopped(vcpu_number n) { return move(n, ~std::uint32_t{0}, hart_state::stopped); }
  /// The vCPU rests: from suspend_pending.
  bool suspended(vcpu_number n) { return move(n, bit(hart_state::suspend_pending), hart_state::suspended); }
  /// Something woke the vCPU, which does not run yet: from suspend_pending or suspended.
  bool resuming(vcpu_number n) {
    return move(n, bit(hart_state::suspend_pending) | bit(hart_state::suspended), hart_state::resume_pending);
  }

 private:
  [[nodiscard]] static constexpr std::uint32_t bit(hart_state s) {
    return std::uint32_t{1} << static_cast<unsigned>(s);
  }

  bool move(vcpu_number n, std::uint32_t from, hart_state to) {
    if (n.value >= count_) return false;
    auto& state = states_[n.value].value;
    hart_state was = state.load(std::memory_order_relaxed);
    do {
      if ((from & bit(was)) == 0) return false;
    } while (!state.compare_exchange_weak(was, to, std::memory_order_acq_rel, std::memory_order_relaxed));
    return true;
  }

  std::uint32_t count_;
  struct cell {
    std::atomic<hart_state> value{hart_state::stopped};
  };
  cell states_[MaxVcpus]{{hart_state::started}};
};

}  // namespace axhal::riscv64

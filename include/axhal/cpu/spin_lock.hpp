// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/cpu.hpp>

#include <atomic>
#include <cstdint>

namespace axhal {

/// Mutual exclusion between CPUs, in the order of arrival (a ticket lock).
///
/// Does not mask interrupts: for data that an interrupt handler of the same CPU touches too, take it with
/// `irq_spin_guard`. Not recursive. `lock` acquires and `unlock` releases: what one holder wrote, the next one sees.
template <CpuPolicy Cpu>
class spin_lock {
 public:
  constexpr spin_lock() = default;
  spin_lock(spin_lock const&) = delete;
  spin_lock& operator=(spin_lock const&) = delete;

  /// Returns when this CPU holds the lock.
  void lock() {
    std::uint32_t const mine = next_.fetch_add(1, std::memory_order_relaxed);
    while (serving_.load(std::memory_order_acquire) != mine) Cpu::relax();
  }
  /// Takes the lock when it is free and nobody waits. False without waiting otherwise.
  [[nodiscard]] bool try_lock() {
    std::uint32_t current = serving_.load(std::memory_order_acquire);
    return next_.compare_exchange_strong(current, current + 1, std::memory_order_acquire, std::memory_order_relaxed);
  }
  /// Hands the lock to who waits longest. Precondition: this CPU holds it.
  void unlock() {
    // Only the holder writes `serving_`, so reading it needs no order and adding no atomic operation.
    serving_.store(serving_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  /// True when some CPU holds the lock. Stale when it returns; for reports and assertions.
  [[nodiscard]] bool is_locked() const {
    return serving_.load(std::memory_order_relaxed) != next_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> next_{};
  std::atomic<std::uint32_t> serving_{};
};

/// Holds a `spin_lock` for the length of a scope.
template <CpuPolicy Cpu>
class [[nodiscard]] spin_guard {
 public:
  explicit spin_guard(spin_lock<Cpu>& l) : lock_{l} { lock_.lock(); }
  ~spin_guard() { lock_.unlock(); }
  spin_guard(spin_guard const&) = delete;
  spin_guard& operator=(spin_guard const&) = delete;

 private:
  spin_lock<Cpu>& lock_;
};

/// Masks this CPU's interrupts for the length of a scope. Scopes nest.
template <CpuPolicy Cpu>
class [[nodiscard]] irq_guard {
 public:
  irq_guard() : before_{Cpu::mask_interrupts()} {}
  ~irq_guard() { Cpu::restore_interrupts(before_); }
  irq_guard(irq_guard const&) = delete;
  irq_guard& operator=(irq_guard const&) = delete;

 private:
  typename Cpu::irq_state before_;
};

/// Masks this CPU's interrupts and holds a `spin_lock` for the length of a scope: no handler of this CPU can wait for a
/// lock that the code it interrupted holds.
template <CpuPolicy Cpu>
class [[nodiscard]] irq_spin_guard {
 public:
  explicit irq_spin_guard(spin_lock<Cpu>& l) : lock_{l} {}

 private:
  // Members are made in this order and go in the reverse one: masked before locked, unlocked before unmasked.
  irq_guard<Cpu> masked_{};
  spin_guard<Cpu> lock_;
};

}  // namespace axhal

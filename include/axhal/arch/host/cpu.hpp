// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/cpu.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::host {

/// What a simulated CPU keeps in registers. A test gives each thread its `id`, and may set `on_relax` to give up the
/// processor while it spins.
struct cpu_registers {
  std::uint64_t id{};
  void* base{};
  void (*on_relax)(){};
  bool masked{};
};

/// A CPU that is a thread of the test program: what a real CPU keeps in registers is kept per thread.
struct cpu {
  struct irq_state {
    bool masked;
  };

  /// This thread's registers.
  [[nodiscard]] static cpu_registers& self() { return self_; }

  template <barrier B>
  static void order() {
    // What orders threads orders simulated CPUs; there are no devices and no stale instructions here.
    if constexpr (B == barrier::load) {
      std::atomic_thread_fence(std::memory_order_acquire);
    } else if constexpr (B == barrier::store) {
      std::atomic_thread_fence(std::memory_order_release);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  }

  [[nodiscard]] static irq_state mask_interrupts() {
    irq_state const before{self_.masked};
    self_.masked = true;
    return before;
  }
  static void restore_interrupts(irq_state s) { self_.masked = s.masked; }
  [[nodiscard]] static bool interrupts_masked() { return self_.masked; }

  /// Returns at once: the contract lets a wait end for no reason.
  static void wait_for_interrupt() { relax(); }
  static void relax() {
    if (self_.on_relax != nullptr) self_.on_relax();
  }

  [[nodiscard]] static std::uint64_t hardware_id() { return self_.id; }
  [[nodiscard]] static void* per_cpu_base() { return self_.base; }
  static void set_per_cpu_base(void* base) { self_.base = base; }

 private:
  static constinit inline thread_local cpu_registers self_{};
};
static_assert(CpuPolicy<cpu>);

}  // namespace axhal::host

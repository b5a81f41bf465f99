// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/cpu.hpp>

#include <cstdint>

namespace axhal::test {

/// The smallest CpuPolicy: what the contract grants and nothing else. For explicit
/// instantiation: nothing is ever called.
struct cpu_archetype {
  cpu_archetype() = delete;
  class irq_state {  // opaque: nothing to look at, nothing to make one from
    friend struct cpu_archetype;
    irq_state() = default;
  };
  template <barrier>
  static void order() {
    __builtin_trap();
  }
  static irq_state mask_interrupts() { __builtin_trap(); }
  static void restore_interrupts(irq_state) { __builtin_trap(); }
  static bool interrupts_masked() { __builtin_trap(); }
  static void wait_for_interrupt() { __builtin_trap(); }
  static void relax() { __builtin_trap(); }
  static std::uint64_t hardware_id() { __builtin_trap(); }
  static void* per_cpu_base() { __builtin_trap(); }
  static void set_per_cpu_base(void*) { __builtin_trap(); }
};
static_assert(CpuPolicy<cpu_archetype>);

}  // namespace axhal::test

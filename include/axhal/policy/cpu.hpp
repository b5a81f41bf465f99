// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal {

/// What a barrier keeps in order. Earlier accesses of the first kind are seen before later ones of the second kind.
enum class barrier : std::uint8_t {
  full,         ///< loads and stores against loads and stores, on normal memory, between CPUs
  load,         ///< loads against loads and stores
  store,        ///< stores against stores
  device,       ///< all accesses, devices included: earlier ones have completed before later ones begin
  instruction,  ///< later instructions are fetched anew, and see earlier changes to system registers
};

namespace cpu_req {

template <typename C>
concept HasBarriers = requires {
  { C::template order<barrier::full>() } -> std::same_as<void>;
  { C::template order<barrier::load>() } -> std::same_as<void>;
  { C::template order<barrier::store>() } -> std::same_as<void>;
  { C::template order<barrier::device>() } -> std::same_as<void>;
  { C::template order<barrier::instruction>() } -> std::same_as<void>;
};

template <typename C>
concept MasksInterrupts = std::is_trivially_copyable_v<typename C::irq_state> && requires(typename C::irq_state s) {
  { C::mask_interrupts() } -> std::same_as<typename C::irq_state>;
  { C::restore_interrupts(s) } -> std::same_as<void>;
  { C::interrupts_masked() } -> std::same_as<bool>;
};

template <typename C>
concept Waits = requires {
  { C::wait_for_interrupt() } -> std::same_as<void>;
  { C::relax() } -> std::same_as<void>;
};

template <typename C>
concept HasIdentity = requires(void* base) {
  { C::hardware_id() } -> std::same_as<std::uint64_t>;
  { C::per_cpu_base() } -> std::same_as<void*>;
  { C::set_per_cpu_base(base) } -> std::same_as<void>;
};

}  // namespace cpu_req

/// The CPU this code runs on: barriers, interrupt masking, waiting, identity. Stateless; all members are static.
///
/// `mask_interrupts()` returns what `restore_interrupts` needs; pairs nest. `wait_for_interrupt()` returns when an
/// interrupt is pending, even a masked one, or earlier for no reason. `relax()` is for spin loops. `hardware_id()` is
/// the number the firmware knows this CPU by (ARM: MPIDR affinity fields). `per_cpu_base()` is what `set_per_cpu_base`
/// was given last on this CPU.
///
/// Laws (conformance/cpu_laws.hpp):
///   1. after `mask_interrupts()`, `interrupts_masked()`
///   2. `restore_interrupts(mask_interrupts())` leaves `interrupts_masked()` as it was, masked or not, nested too
///   3. `per_cpu_base()` returns what was set
///   4. `hardware_id()` does not change
///
/// Models: aarch64::cpu, riscv64::cpu, x86_64::cpu, host::cpu.
template <typename C>
concept CpuPolicy =
    cpu_req::HasBarriers<C> && cpu_req::MasksInterrupts<C> && cpu_req::Waits<C> && cpu_req::HasIdentity<C>;

/// Names every requirement `C` misses, one error each.
template <typename C>
consteval bool explain_cpu_policy() {
  static_assert(cpu_req::HasBarriers<C>, "CpuPolicy: needs `order<barrier>()` for each barrier");
  static_assert(requires { typename C::irq_state; }, "CpuPolicy: needs a nested type `irq_state`");
  static_assert(cpu_req::MasksInterrupts<C>,
                "CpuPolicy: needs `mask_interrupts() -> irq_state`, `restore_interrupts(irq_state)` and "
                "`interrupts_masked() -> bool`");
  static_assert(cpu_req::Waits<C>, "CpuPolicy: needs `wait_for_interrupt()` and `relax()`");
  static_assert(
      cpu_req::HasIdentity<C>,
      "CpuPolicy: needs `hardware_id() -> uint64_t`, `per_cpu_base() -> void*` and `set_per_cpu_base(void*)`");
  return CpuPolicy<C>;
}

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// Some vCPUs of one virtual machine: bit n is vCPU n.
struct vcpu_set {
  std::uint64_t bits{};

  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  [[nodiscard]] constexpr bool contains(vcpu_number n) const { return n.value < 64 && (bits >> n.value & 1) != 0; }
  /// Without effect for numbers past 63.
  constexpr void insert(vcpu_number n) {
    if (n.value < 64) bits |= std::uint64_t{1} << n.value;
  }
  /// Calls `f(vcpu_number)` for each, in order.
  template <std::invocable<vcpu_number> F>
  constexpr void for_each(F&& f) const {
    for (std::uint64_t rest = bits; rest != 0; rest &= rest - 1) {
      f(vcpu_number{static_cast<std::uint32_t>(std::countr_zero(rest))});
    }
  }
  friend constexpr bool operator==(vcpu_set, vcpu_set) = default;
};

/// What a guest wants its harts to forget. `run_guest_fence` does it on one CPU.
struct sbi_fence {
  enum class kind : std::uint8_t {
    instructions,       ///< FENCE.I
    translations,       ///< SFENCE.VMA, of every address space
    translations_asid,  ///< SFENCE.VMA, of the address space `asid`
  };
  kind what{kind::instructions};
  guest_virt start{};
  std::uint64_t size{};  ///< in bytes; `whole_address_space`: everything. `start + size` never wraps otherwise
  std::uint16_t asid{};

  [[nodiscard]] constexpr bool is_whole() const { return size == whole_address_space; }
  friend constexpr bool operator==(sbi_fence const&, sbi_fence const&) = default;
};

/// What the hypervisor does about a guest's call, beyond giving the result to the caller: `result.error` in a0,
/// `result.value` in a1.
struct sbi_action {
  enum class kind : std::uint8_t {
    none,        ///< nothing: give the caller `result`
    set_timer,   ///< the caller's deadline is `deadline` from now on, its timer interrupt is pending or not by that
                 ///< alone; give `result`
    send_ipi,    ///< the software interrupt of each of `targets` is pending; give `result`
    fence,       ///< each of `targets` runs `fence` before the caller goes on; give `result`
    start_vcpu,  ///< start `target` at `entry` with its hart id in a0 and `context` in a1, call `started(target)`;
                 ///< give the caller `result`
    stop_this,   ///< stop the caller's vCPU, then call `stopped(caller)`; there is no result
    suspend,     ///< let the caller wait for an interrupt, then call `started(caller)`; give `result`
    suspend_and_restart,  ///< likewise, then start the caller at `entry` with `context` in a1; what is pending for it
                          ///< and its deadline stay; there is no result
    power_off,            ///< end the virtual machine, because of `reason`; there is no result
    reset,                ///< start the virtual machine anew, because of `reason`; there is no result
  };
  kind what{kind::none};
  vcpu_number target{};
  sbi_return result{};
  vcpu_set targets{};
  ticks deadline{};         ///< in the guest's time; `no_deadline` never comes
  guest_phys entry{};       ///< of `start_vcpu` and `suspend_and_restart`
  std::uint64_t context{};  ///< likewise: what the hart finds in a1
  sbi_fence fence{};
  system_reset_reason reason{system_reset_reason::none};

  friend constexpr bool operator==(sbi_action const&, sbi_action const&) = default;
};

}  // namespace axhal::riscv64

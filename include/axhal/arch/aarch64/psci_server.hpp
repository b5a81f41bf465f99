// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/psci.hpp>
#include <axhal/core/address.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::aarch64 {

/// What the hypervisor does about a guest's call, beyond giving the result to the caller.
struct psci_action {
  enum class kind : std::uint8_t {
    none,        ///< nothing: give the caller `result` in X0
    start_vcpu,  ///< start `target` at `entry` with `context` in X0, call `started(target)`; give the caller `result`
    stop_this,   ///< stop the caller's vCPU, then call `stopped(caller)`; there is no result
    suspend,     ///< give the caller `result`, then let its vCPU wait for an interrupt
    power_off,   ///< end the virtual machine; there is no result
    reset,       ///< start the virtual machine anew; there is no result
  };
  kind what{kind::none};
  vcpu_number target{};
  std::uint64_t result{};
  guest_phys entry{};
  std::uint64_t context{};

  friend constexpr bool operator==(psci_action const&, psci_action const&) = default;
};

/// Which MPIDR a guest's vCPUs have: vCPU n is Aff0 n in clusters of `PerCluster`, Aff1 counting the clusters. With the
/// default, the numbers of a GICv2 machine (at most 8).
template <std::uint32_t PerCluster = 8>
struct clustered_affinity {
  static_assert(PerCluster > 0 && PerCluster <= 256, "clustered_affinity: Aff0 numbers 1 .. 256 CPUs");
  /// The affinity fields of vCPU `n`, in their places in MPIDR_EL1.
  [[nodiscard]] static constexpr std::uint64_t of(vcpu_number n) {
    std::uint64_t const cluster = n.value / PerCluster;
    return n.value % PerCluster | (cluster & 0xffff) << 8 | (cluster >> 16 & 0xff) << 32;
  }
};

/// PSCI 1.1 and the SMC Calling Convention 1.1 for the vCPUs of one virtual machine (Arm DEN0022, DEN0028).
///
/// No call is ever forwarded: what is not answered here is NOT_SUPPORTED. Any argument from the guest is safe. The
/// state of the vCPUs is atomic: calls may come from several physical CPUs at once, and of two that start the same vCPU
/// one gets SUCCESS.
///
/// Offered: PSCI_VERSION, PSCI_FEATURES, CPU_ON, CPU_OFF, CPU_SUSPEND, AFFINITY_INFO, MIGRATE_INFO_TYPE, SYSTEM_OFF,
/// SYSTEM_RESET, SMCCC_VERSION, SMCCC_ARCH_FEATURES. `Affinity::of(vcpu_number)` names the vCPUs.
template <std::size_t MaxVcpus, typename Affinity = clustered_affinity<>>
class psci_server {
  static_assert(MaxVcpus > 0, "psci_server: needs room for one vCPU at least");

 public:
  /// A machine of `count` vCPUs (cut to `MaxVcpus`), all off but number 0.
  constexpr explicit psci_server(std::uint32_t count = MaxVcpus)
      : count_{count < MaxVcpus ? count : static_cast<std::uint32_t>(MaxVcpus)} {}

  /// The state after the virtual machine was reset: all off but number 0. Precondition: no vCPU runs.
  void reset() {
    for (auto& s : states_) s.store(state::off, std::memory_order_relaxed);
    states_[0].store(state::on, std::memory_order_relaxed);
  }

  /// The answers that need nothing but the call's own words, for the fast tier: true, and `answer` is the caller's X0.
  /// False, and nothing happened, for every other call: ask `call`. PSCI_VERSION costs one comparison.
  [[nodiscard, gnu::always_inline]] static constexpr bool answer_at_once(std::uint64_t x0, std::uint64_t x1,
                                                                         std::uint64_t& answer) {
    // The identifier is in W0; what stands in the upper half has no meaning (DEN0028, "Register use in AArch64").
    auto const function = static_cast<psci_function>(static_cast<std::uint32_t>(x0));
    if (function == psci_function::version) {
      answer = psci_1_1;
      return true;
    }
    switch (function) {
      case psci_function::smccc_version: answer = smccc_1_1; return true;
      case psci_function::smccc_arch_features: answer = arch_features(static_cast<std::uint32_t>(x1)); return true;
      case psci_function::features: answer = features(static_cast<std::uint32_t>(x1)); return true;
      case psci_function::migrate_info_type: answer = psci_no_migration; return true;
      default: return false;
    }
  }

  /// Answers any call of the vCPU `caller`. `is_memory(guest_phys) -> bool` says whether a vCPU may begin there.
  template <typename IsMemory>
    requires requires(IsMemory& f, guest_phys a) {
      { f(a) } -> std::same_as<bool>;
    }
  psci_action call(vcpu_number caller, std::uint64_t x0, std::uint64_t x1, std::uint64_t x2, std::uint64_t x3,
                   IsMemory&& is_memory) {
    using enum psci_action::kind;
    std::uint64_t answer{};
    if (answer_at_once(x0, x1, answer)) return {none, caller, answer, {}, 0};

    auto const function = static_cast<std::uint32_t>(x0);
    if (!has_wide_arguments(function)) {
      x1 = static_cast<std::uint32_t>(x1);
      x2 = static_cast<std::uint32_t>(x2);
      x3 = static_cast<std::uint32_t>(x3);
    }
    switch (static_cast<psci_function>(function)) {
      case psci_function::cpu_on:
      case psci_function::cpu_on_64: return cpu_on(caller, x1, guest_phys{x2}, x3, is_memory);
      case psci_function::affinity_info:
      case psci_function::affinity_info_64: return {none, caller, affinity_info(x1, x2), {}, 0};
      case psci_function::cpu_suspend:
      case psci_function::cpu_suspend_64:
        return cpu_suspend(caller, static_cast<std::uint32_t>(x1), guest_phys{x2}, is_memory);
      case psci_function::cpu_off: return {stop_this, caller, 0, {}, 0};
      case psci_function::system_off: return {power_off, caller, 0, {}, 0};
      case psci_function::system_reset: return {psci_action::kind::reset, caller, 0, {}, 0};
      default: return {none, caller, psci_word(psci_status::not_supported), {}, 0};
    }
  }

  /// The vCPU has been started and runs. Numbers that are not there are ignored, here and below.
  void started(vcpu_number n) { set(n, state::on); }
  /// The vCPU has been stopped and will not run until it is started: its state is another vCPU's to overwrite.
  void stopped(vcpu_number n) { set(n, state::off); }

  /// What AFFINITY_INFO says of the vCPU; `off` for one that is not there.
  [[nodiscard]] psci_affinity state_of(vcpu_number n) const {
    if (n.value >= count_) return psci_affinity::off;
    switch (states_[n.value].load(std::memory_order_acquire)) {
      case state::on: return psci_affinity::on;
      case state::starting: return psci_affinity::on_pending;
      case state::off: return psci_affinity::off;
    }
    return psci_affinity::off;
  }
  [[nodiscard]] constexpr std::uint32_t vcpu_count() const { return count_; }

 private:
  enum class state : std::uint8_t { off, starting, on };

  [[nodiscard]] static constexpr std::uint64_t features(std::uint32_t function) {
    switch (static_cast<psci_function>(function)) {
      // CPU_SUSPEND's flags: original parameter format, no OS-initiated mode. The others have no flags.
      case psci_function::cpu_suspend:
      case psci_function::cpu_suspend_64:
      case psci_function::smccc_version:
      case psci_function::version:
      case psci_function::features:
      case psci_function::cpu_on:
      case psci_function::cpu_on_64:
      case psci_function::cpu_off:
      case psci_function::affinity_info:
      case psci_function::affinity_info_64:
      case psci_function::migrate_info_type:
      case psci_function::system_off:
      case psci_function::system_reset: return psci_word(psci_status::success);
      default: return psci_word(psci_status::not_supported);
    }
  }
  [[nodiscard]] static constexpr std::uint64_t arch_features(std::uint32_t function) {
    switch (static_cast<psci_function>(function)) {
      case psci_function::smccc_version:
      case psci_function::smccc_arch_features: return psci_word(psci_status::success);
      default: return psci_word(psci_status::not_supported);
    }
  }

  /// The vCPU with these affinity fields, or `count_` when there is none.
  [[nodiscard]] constexpr std::uint32_t find(std::uint64_t mpidr) const {
    for (std::uint32_t n = 0; n < count_; ++n) {
      if (Affinity::of(vcpu_number{n}) == mpidr_affinity(mpidr)) return n;
    }
    return count_;
  }

  template <typename IsMemory>
  psci_action cpu_on(vcpu_number caller, std::uint64_t target, guest_phys entry, std::uint64_t context,
                     IsMemory& is_memory) {
    using enum psci_action::kind;
    auto const refuse = [caller](psci_status s) { return psci_action{none, caller, psci_word(s), {}, 0}; };
    std::uint32_t const n = find(target);
    if (n == count_) return refuse(psci_status::invalid_parameters);
    if (!is_entry(entry, is_memory)) return refuse(psci_status::invalid_address);
    state was = state::off;
    if (!states_[n].compare_exchange_strong(was, state::starting, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
      return refuse(was == state::on ? psci_status::already_on : psci_status::on_pending);
    }
    return {start_vcpu, vcpu_number{n}, psci_word(psci_status::success), entry, context};
  }

  [[nodiscard]] std::uint64_t affinity_info(std::uint64_t target, std::uint64_t level) const {
    // Levels above 0 need not be supported from PSCI 1.0 on (DEN0022, "AFFINITY_INFO", 5.7.1).
    std::uint32_t const n = find(target);
    if (level != 0 || n == count_) return psci_word(psci_status::invalid_parameters);
    return static_cast<std::uint64_t>(state_of(vcpu_number{n}));
  }

  /// Power-down is answered as standby: firmware may return from it with SUCCESS when a wake-up is pending, and a vCPU
  /// has nothing to lose (DEN0022, "CPU_SUSPEND", 5.4). States of a whole cluster are not offered.
  template <typename IsMemory>
  static constexpr psci_action cpu_suspend(vcpu_number caller, std::uint32_t wanted, guest_phys entry,
                                           IsMemory& is_memory) {
    using enum psci_action::kind;
    auto const refuse = [caller](psci_status s) { return psci_action{none, caller, psci_word(s), {}, 0}; };
    if ((wanted & power_state::reserved) != 0 || power_state::f_power_level::get(wanted) != 0) {
      return refuse(psci_status::invalid_parameters);
    }
    if (power_state::f_state_type::get(wanted) && !is_entry(entry, is_memory))
      return refuse(psci_status::invalid_address);
    return {suspend, caller, psci_word(psci_status::success), {}, 0};
  }

  template <typename IsMemory>
  [[nodiscard]] static constexpr bool is_entry(guest_phys entry, IsMemory& is_memory) {
    return (entry.value & 3) == 0 && is_memory(entry);
  }

  void set(vcpu_number n, state s) {
    if (n.value < count_) states_[n.value].store(s, std::memory_order_release);
  }

  std::uint32_t count_;
  std::atomic<state> states_[MaxVcpus]{state::on};  ///< the others are off
};

}  // namespace axhal::aarch64

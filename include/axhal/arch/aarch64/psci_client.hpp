// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/psci.hpp>
#include <axhal/policy/firmware.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::aarch64 {

/// One call to firmware by the SMC Calling Convention: function and three arguments in, X0 out.
/// Models: aarch64::cpu::smc, aarch64::cpu::hvc, host test doubles.
template <typename C>
concept FirmwareConduit = requires(C& c, std::uint64_t x) {
  { c.call(x, x, x, x) } -> std::same_as<std::uint64_t>;
};

/// Firmware that speaks PSCI 0.2 or later (Arm DEN0022), as the hypervisor's own: starts and stops physical CPUs.
///
/// Hardware ids are MPIDR values; flag bits are masked off, since firmware refuses an id that has them. A started CPU
/// finds `argument` in X0.
template <FirmwareConduit Conduit>
class psci_client {
 public:
  constexpr psci_client() = default;
  constexpr explicit psci_client(Conduit c) : conduit_{c} {}

  /// The firmware's PSCI version: major in [30:16], minor in [15:0]; `unsupported` where there is no PSCI.
  [[nodiscard]] constexpr result<std::uint32_t, firmware_error> version() {
    std::uint64_t const word = call(psci_function::version);
    if (psci_status_of(word) == psci_status::not_supported) return failure{firmware_error::unsupported};
    return static_cast<std::uint32_t>(word);
  }

  constexpr result<void, firmware_error> start_cpu(std::uint64_t hardware_id, host_phys entry, std::uint64_t argument) {
    return done(call(psci_function::cpu_on_64, mpidr_affinity(hardware_id), entry.value, argument));
  }

  [[nodiscard]] constexpr result<cpu_power, firmware_error> cpu_state(std::uint64_t hardware_id) {
    std::uint64_t const word = call(psci_function::affinity_info_64, mpidr_affinity(hardware_id), 0);
    switch (static_cast<std::int32_t>(psci_status_of(word))) {
      case static_cast<std::int32_t>(psci_affinity::on): return cpu_power::on;
      case static_cast<std::int32_t>(psci_affinity::off): return cpu_power::off;
      case static_cast<std::int32_t>(psci_affinity::on_pending): return cpu_power::starting;
    }
    return failure{error_of(psci_status_of(word))};
  }

  /// Returns only when firmware refused.
  constexpr firmware_error stop_this_cpu() { return error_of(psci_status_of(call(psci_function::cpu_off))); }
  /// Returns only when firmware refused.
  constexpr firmware_error power_off() { return error_of(psci_status_of(call(psci_function::system_off))); }
  /// Returns only when firmware refused.
  constexpr firmware_error reset() { return error_of(psci_status_of(call(psci_function::system_reset))); }

 private:
  constexpr std::uint64_t call(psci_function f, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    return conduit_.call(static_cast<std::uint32_t>(f), a, b, c);
  }
  [[nodiscard]] static constexpr result<void, firmware_error> done(std::uint64_t word) {
    if (psci_status_of(word) == psci_status::success) return {};
    return failure{error_of(psci_status_of(word))};
  }
  [[nodiscard]] static constexpr firmware_error error_of(psci_status s) {
    switch (s) {
      case psci_status::not_supported: return firmware_error::unsupported;
      case psci_status::invalid_parameters: return firmware_error::bad_cpu;
      case psci_status::not_present: return firmware_error::bad_cpu;
      case psci_status::already_on: return firmware_error::already_on;
      case psci_status::on_pending: return firmware_error::already_on;
      case psci_status::invalid_address: return firmware_error::bad_address;
      case psci_status::denied: return firmware_error::denied;
      case psci_status::disabled: return firmware_error::denied;
      case psci_status::internal_failure: return firmware_error::failed;
      case psci_status::success: return firmware_error::failed;  // returned where it must not
    }
    return firmware_error::failed;
  }

  [[no_unique_address]] Conduit conduit_{};
};

}  // namespace axhal::aarch64

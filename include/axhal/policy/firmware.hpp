// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Why firmware refused.
enum class firmware_error : std::uint8_t {
  unsupported,  ///< this firmware has no such call
  bad_cpu,      ///< no CPU has that hardware id
  already_on,   ///< the CPU runs, or is on its way
  bad_address,  ///< the entry address is not memory that can be executed
  denied,       ///< firmware forbids it
  failed,       ///< firmware tried and failed, or gave no reason
};

/// What firmware says of a CPU.
enum class cpu_power : std::uint8_t { off, on, starting };

namespace firmware_req {

template <typename F>
concept StartsCpus = requires(F& f, std::uint64_t hardware_id, host_phys entry, std::uint64_t argument) {
  { f.start_cpu(hardware_id, entry, argument) } -> std::same_as<result<void, firmware_error>>;
  { f.cpu_state(hardware_id) } -> std::same_as<result<cpu_power, firmware_error>>;
  { f.stop_this_cpu() } -> std::same_as<firmware_error>;
};

template <typename F>
concept EndsTheMachine = requires(F& f) {
  { f.power_off() } -> std::same_as<firmware_error>;
  { f.reset() } -> std::same_as<firmware_error>;
};

}  // namespace firmware_req

/// What the layer below the hypervisor does on request.
///
/// `start_cpu(id, entry, argument)`: the CPU with that hardware id begins at `entry` with its MMU off and `argument` in
/// the argument register that the model names. `cpu_state`: a CPU that rests and will go on by itself is `on`.
/// `stop_this_cpu`, `power_off` and `reset` return only when they failed.
///
/// Laws (conformance/firmware_laws.hpp):
///   1. `cpu_state` of a CPU that was started is `on` or `starting`; of one never started `off`
///   2. starting a CPU that is on is `already_on`, an unknown one `bad_cpu`; nothing changes
///   3. the started CPU receives `entry` and `argument` unchanged
///
/// Models: aarch64::psci_client (the first argument register), riscv64::sbi_firmware (the second; the first has the
/// id), x86_64::acpi_firmware (ESI:EDI, by the program's own first instructions there), host::firmware.
template <typename F>
concept FirmwarePolicy = firmware_req::StartsCpus<F> && firmware_req::EndsTheMachine<F>;

/// Names every requirement `F` misses, one error each.
template <typename F>
consteval bool explain_firmware_policy() {
  static_assert(firmware_req::StartsCpus<F>,
                "FirmwarePolicy: needs `start_cpu(id, entry, argument) -> result<void, firmware_error>`, "
                "`cpu_state(id) -> result<cpu_power, firmware_error>` and `stop_this_cpu() -> firmware_error`");
  static_assert(firmware_req::EndsTheMachine<F>, "FirmwarePolicy: needs `power_off()` and `reset() -> firmware_error`");
  return FirmwarePolicy<F>;
}

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/firmware.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::laws {

/// The machine below a firmware, as a test sees it. `running_cpu()` is a hardware id that is on, `stopped_cpu()` one
/// that was never started, `unknown_cpu()` no CPU's. `received(id, entry, argument)` is true when the CPU was started
/// with exactly these; `was_started(id)` when it was started at all.
template <typename M>
concept FirmwareMachine = requires(M& m, std::uint64_t id, host_phys entry) {
  { m.running_cpu() } -> std::same_as<std::uint64_t>;
  { m.stopped_cpu() } -> std::same_as<std::uint64_t>;
  { m.unknown_cpu() } -> std::same_as<std::uint64_t>;
  { m.was_started(id) } -> std::same_as<bool>;
  { m.received(id, entry, id) } -> std::same_as<bool>;
};

/// The number of the first law of `FirmwarePolicy` that `firmware` breaks, or 0. Starts `machine.stopped_cpu()` at
/// `entry`, an address that can be executed; `power_off` and `reset` are not called.
template <FirmwarePolicy F, FirmwareMachine M>
constexpr int first_broken_firmware_law(F& firmware, M& machine, host_phys entry) {
  constexpr std::uint64_t argument = 0xfedc'ba98'7654'3210;
  std::uint64_t const on = machine.running_cpu();
  std::uint64_t const off = machine.stopped_cpu();
  std::uint64_t const unknown = machine.unknown_cpu();

  if (firmware.cpu_state(on) != cpu_power::on) return 1;
  if (firmware.cpu_state(off) != cpu_power::off) return 1;

  if (firmware.start_cpu(on, entry, argument) != failure{firmware_error::already_on}) return 2;
  if (firmware.start_cpu(unknown, entry, argument) != failure{firmware_error::bad_cpu}) return 2;
  if (firmware.cpu_state(on) != cpu_power::on || firmware.cpu_state(off) != cpu_power::off) return 2;
  if (machine.was_started(off)) return 2;

  if (!firmware.start_cpu(off, entry, argument)) return 3;
  if (!machine.received(off, entry, argument)) return 3;

  auto const state = firmware.cpu_state(off);
  if (state != cpu_power::on && state != cpu_power::starting) return 1;

  if (firmware.start_cpu(off, entry + 4, argument + 1) != failure{firmware_error::already_on}) return 2;
  if (!machine.received(off, entry, argument)) return 2;
  return 0;
}

}  // namespace axhal::laws

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/firmware.hpp>

#include <cstdint>

namespace axhal::test {

/// The smallest FirmwarePolicy: what the contract grants and nothing else. For explicit
/// instantiation: nothing is ever called.
struct firmware_archetype {
  firmware_archetype() = delete;
  firmware_archetype(firmware_archetype const&) = delete;
  result<void, firmware_error> start_cpu(std::uint64_t, host_phys, std::uint64_t) { __builtin_trap(); }
  result<cpu_power, firmware_error> cpu_state(std::uint64_t) { __builtin_trap(); }
  firmware_error stop_this_cpu() { __builtin_trap(); }
  firmware_error power_off() { __builtin_trap(); }
  firmware_error reset() { __builtin_trap(); }
};
static_assert(FirmwarePolicy<firmware_archetype>);

}  // namespace axhal::test

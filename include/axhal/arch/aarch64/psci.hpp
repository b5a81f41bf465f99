// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Function identifiers of PSCI 1.1 (Arm DEN0022, "Function prototypes", 5.1) and of the Arm Architecture Calls of
/// SMCCC (Arm DEN0028, "Arm Architecture Calls", 7). `_64` takes 64-bit arguments. Functions marked `-` are known by
/// number and never offered by `psci_server`.
// clang-format off
enum class psci_function : std::uint32_t {
  smccc_version         = 0x8000'0000,
  smccc_arch_features   = 0x8000'0001,
  version               = 0x8400'0000,
  cpu_suspend           = 0x8400'0001,
  cpu_suspend_64        = 0xc400'0001,
  cpu_off               = 0x8400'0002,
  cpu_on                = 0x8400'0003,
  cpu_on_64             = 0xc400'0003,
  affinity_info         = 0x8400'0004,
  affinity_info_64      = 0xc400'0004,
  migrate               = 0x8400'0005,  // -
  migrate_64            = 0xc400'0005,  // -
  migrate_info_type     = 0x8400'0006,
  migrate_info_up_cpu   = 0x8400'0007,  // -
  migrate_info_up_cpu_64 = 0xc400'0007, // -
  system_off            = 0x8400'0008,
  system_reset          = 0x8400'0009,
  features              = 0x8400'000a,
  system_suspend        = 0x8400'000e,  // -
  system_suspend_64     = 0xc400'000e,  // -
  system_reset2         = 0x8400'0012,  // -
  system_reset2_64      = 0xc400'0012,  // -
};

/// Return values of PSCI (Arm DEN0022, "Return error codes", 5.2.2). SMCCC uses the same -1 for an unknown function.
enum class psci_status : std::int32_t {
  success            = 0,
  not_supported      = -1,
  invalid_parameters = -2,
  denied             = -3,
  already_on         = -4,
  on_pending         = -5,
  internal_failure   = -6,
  not_present        = -7,
  disabled           = -8,
  invalid_address    = -9,
};
// clang-format on

/// What AFFINITY_INFO says of a CPU (Arm DEN0022, "AFFINITY_INFO", 5.7).
enum class psci_affinity : std::uint8_t { on = 0, off = 1, on_pending = 2 };

/// A version as PSCI_VERSION and SMCCC_VERSION return it: major in [30:16], minor in [15:0].
[[nodiscard]] constexpr std::uint64_t firmware_version(unsigned major, unsigned minor) {
  return (std::uint64_t{major} & 0x7fff) << 16 | (std::uint64_t{minor} & 0xffff);
}
inline constexpr std::uint64_t psci_1_1 = firmware_version(1, 1);
inline constexpr std::uint64_t smccc_1_1 = firmware_version(1, 1);

/// MIGRATE_INFO_TYPE: there is no trusted OS, or it needs no migration (Arm DEN0022, "MIGRATE_INFO_TYPE", 5.9).
inline constexpr std::uint64_t psci_no_migration = 2;

/// A status as it stands in X0: sign-extended, so that a caller finds it in W0 and in X0 alike.
[[nodiscard]] constexpr std::uint64_t psci_word(psci_status s) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(s)));
}
/// The status in a result word. Functions return 32-bit values (Arm DEN0022, 5.1): the upper half says nothing.
[[nodiscard]] constexpr psci_status psci_status_of(std::uint64_t word) {
  return static_cast<psci_status>(static_cast<std::int32_t>(static_cast<std::uint32_t>(word)));
}

/// True when the function's arguments are 64 bits wide (SMCCC, "SMC32/HVC32" and "SMC64/HVC64" calls: bit 30).
[[nodiscard]] constexpr bool has_wide_arguments(std::uint32_t function) { return ((function >> 30) & 1) != 0; }

/// The affinity fields Aff3, Aff2, Aff1, Aff0 of an MPIDR_EL1 value, in place, without its flags U, MT and bit 31: what
/// firmware takes for a CPU's name (ARM DDI 0487, "MPIDR_EL1").
[[nodiscard]] constexpr std::uint64_t mpidr_affinity(std::uint64_t mpidr) { return mpidr & 0xff'00ff'ffff; }

/// The parameter of CPU_SUSPEND in its original format (Arm DEN0022, "power_state parameter", 5.4.2.1).
namespace power_state {
using f_power_level = bit_field<std::uint32_t, 25, 24, std::uint32_t>;
using f_state_type = bit_field<bool, 16, 16, std::uint32_t>;  ///< 0 standby or retention, 1 power-down
using f_state_id = bit_field<std::uint32_t, 15, 0, std::uint32_t>;
static_assert(disjoint_fields<f_power_level, f_state_type, f_state_id>);
inline constexpr std::uint32_t reserved = ~(f_power_level::mask | f_state_type::mask | f_state_id::mask);
}  // namespace power_state

}  // namespace axhal::aarch64

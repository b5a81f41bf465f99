// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// The parts of a descriptor that stage 1 and stage 2 share, 4 KiB granule and 48-bit output address
/// (ARM DDI 0487, "VMSAv8-64 descriptor formats", D8.3).
struct descriptor {
  using word = std::uint64_t;

  // clang-format off
  using f_valid       = bit_field<bool,           0>;
  using f_table       = bit_field<bool,           1>;      // above level 3: table; at level 3: page, always 1
  using f_sh          = bit_field<unsigned,    9, 8>;
  using f_af          = bit_field<bool,          10>;
  using f_address     = bit_field<std::uint64_t, 47, 12>;
  // clang-format on

  static constexpr unsigned non_shareable = 0b00;
  static constexpr unsigned outer_shareable = 0b10;
  static constexpr unsigned inner_shareable = 0b11;
};

/// ID_AA64MMFR0_EL1.PARange and the PS fields of TCR_EL2 and VTCR_EL2, for a physical address of `bits` bits, rounded
/// down to a width that has an encoding and cut to 48, which is what descriptors of this granule hold (ARM DDI 0487,
/// "TCR_EL2, Translation Control Register", D24.2).
[[nodiscard]] constexpr std::uint64_t encode_physical_size(unsigned bits) {
  if (bits >= 48) return 0b101;
  if (bits >= 44) return 0b100;
  if (bits >= 42) return 0b011;
  if (bits >= 40) return 0b010;
  if (bits >= 36) return 0b001;
  return 0b000;
}

/// Table walks through write-back caches, inner shareable: the values of IRGN, ORGN and SH in the translation control
/// registers.
struct walk_attributes {
  static constexpr std::uint64_t irgn = 0b01;
  static constexpr std::uint64_t orgn = 0b01;
  static constexpr std::uint64_t sh = 0b11;
};

}  // namespace axhal::aarch64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::boot {

/// The HPET's description table (IA-PC HPET Specification 1.0a, 3.2.4 "The ACPI 2.0 HPET Description Table (HPET)").
struct acpi_hpet {
  static constexpr acpi_name signature{"HPET"};
  static constexpr std::uint32_t size = 56;

  std::uint32_t block_id{};  ///< the low word of the device's capability register
  acpi_register where{};     ///< its registers, 1 KiB of memory
  std::uint8_t number{};
  std::uint16_t minimum_tick{};  ///< smallest period in ticks without lost interrupts, in periodic mode

  /// Errors: `bad_signature`, `bad_length`, `bad_entry` (not in memory), `bad_address` (zero).
  [[nodiscard]] static constexpr result<acpi_hpet, acpi_error> open(acpi_table const& table) {
    if (table.name != signature) return table.refuse(acpi_fault::bad_signature, acpi_format::h_signature);
    if (table.content.size < size) return table.refuse(acpi_fault::bad_length, acpi_format::h_length);
    acpi_hpet const found{detail::load_le<std::uint32_t>(table.content, 36), acpi_register::load(table.content, 40),
                          table.content[52], detail::load_le<std::uint16_t>(table.content, 53)};
    if (found.where.space != acpi_space::system_memory) return table.refuse(acpi_fault::bad_entry, 40);
    if (!found.where.is_present()) return table.refuse(acpi_fault::bad_address, 44);
    return found;
  }
  friend constexpr bool operator==(acpi_hpet const&, acpi_hpet const&) = default;
};

}  // namespace axhal::boot

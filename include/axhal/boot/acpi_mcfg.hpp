// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// The configuration space of some buses, in memory: 4 KiB a function.
struct mcfg_window {
  host_phys base{};  ///< of bus 0, whether the window begins there or not
  std::uint16_t segment{};
  std::uint8_t first_bus{};
  std::uint8_t last_bus{};  ///< included

  /// The memory of the buses that the window has.
  [[nodiscard]] constexpr host_range range() const {
    return {base + (std::uint64_t{first_bus} << 20), (std::uint64_t{last_bus} - first_bus + 1) << 20};
  }
  friend constexpr bool operator==(mcfg_window const&, mcfg_window const&) = default;
};

/// The MCFG: where PCI Express configuration space is (PCI Firmware Specification 3.3, 4.1.2 "MCFG Table Description").
class acpi_mcfg {
 public:
  static constexpr acpi_name signature{"MCFG"};
  static constexpr std::uint32_t first_entry = 44;
  static constexpr std::uint32_t entry_size = 16;

  /// Errors: `bad_signature`, `bad_length` (it ends inside an entry), `bad_entry` (the last bus comes before the first,
  /// with the entry's offset), `bad_address` (the window wraps around).
  [[nodiscard]] static constexpr result<acpi_mcfg, acpi_error> open(acpi_table const& table) {
    if (table.name != signature) return table.refuse(acpi_fault::bad_signature, acpi_format::h_signature);
    if (table.content.size < first_entry || (table.content.size - first_entry) % entry_size != 0) {
      return table.refuse(acpi_fault::bad_length, acpi_format::h_length);
    }
    acpi_mcfg const found{table};
    for (std::size_t i = 0; i < found.size(); ++i) {
      mcfg_window const w = found[i];
      if (w.last_bus < w.first_bus) return table.refuse(acpi_fault::bad_entry, first_entry + i * entry_size);
      if (w.range().start < w.base || !w.range().is_valid()) {
        return table.refuse(acpi_fault::bad_address, first_entry + i * entry_size);
      }
    }
    return found;
  }

  /// Number of windows.
  [[nodiscard]] constexpr std::size_t size() const { return (table_.content.size - first_entry) / entry_size; }
  /// Precondition: `i < size()`.
  [[nodiscard]] constexpr mcfg_window operator[](std::size_t i) const {
    std::size_t const at = first_entry + i * entry_size;
    return {{detail::load_le<std::uint64_t>(table_.content, at)},
            detail::load_le<std::uint16_t>(table_.content, at + 8),
            table_.content[at + 10],
            table_.content[at + 11]};
  }

  /// The 4 KiB of one function. Precondition: `device < 32`, `function < 8`. Error: `not_found`: no window has the bus.
  [[nodiscard]] constexpr result<host_range, acpi_error> function(std::uint16_t segment, std::uint8_t bus,
                                                                  unsigned device, unsigned function) const {
    for (std::size_t i = 0; i < size(); ++i) {
      mcfg_window const w = (*this)[i];
      if (w.segment != segment || bus < w.first_bus || bus > w.last_bus) continue;
      std::uint64_t const offset = std::uint64_t{bus} << 20 | (device & 31U) << 15 | (function & 7U) << 12;
      return host_range{w.base + offset, 0x1000};
    }
    return table_.refuse(acpi_fault::not_found, first_entry);
  }

 private:
  explicit constexpr acpi_mcfg(acpi_table const& table) : table_{table} {}

  acpi_table table_;
};

}  // namespace axhal::boot

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What is wrong with an ACPI table, or with a question to it.
enum class acpi_fault : std::uint8_t {
  not_found,      ///< no such table, entry or object
  unreadable,     ///< the memory reader gives no bytes for where the table should be
  bad_signature,  ///< another table than the one that was promised
  bad_length,     ///< a length too small for what it counts, or larger than `acpi_format::max_table_size`
  bad_checksum,   ///< the bytes do not add up to zero
  bad_entry,      ///< an entry is shorter than its kind, reaches past its table, or contradicts itself
  bad_address,    ///< an address is zero, or what it begins would wrap around
  unsupported,    ///< well-formed, but of a form that this reader does not evaluate
};

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(acpi_fault fault) {
  switch (fault) {
    case acpi_fault::not_found: return "no such table or entry";
    case acpi_fault::unreadable: return "the table lies outside readable memory";
    case acpi_fault::bad_signature: return "wrong signature";
    case acpi_fault::bad_length: return "unusable length";
    case acpi_fault::bad_checksum: return "wrong checksum";
    case acpi_fault::bad_entry: return "a damaged entry";
    case acpi_fault::bad_address: return "unusable address";
    case acpi_fault::unsupported: return "a form that is not evaluated";
  }
  return "unknown fault";
}

/// The four characters of a table's signature, or of a name in AML. Any bytes, when they come from a damaged table.
struct acpi_name {
  char letters[4]{};

  constexpr acpi_name() = default;
  constexpr acpi_name(char const (&literal)[5])  // NOLINT(google-explicit-constructor): "APIC" is a name
      : letters{literal[0], literal[1], literal[2], literal[3]} {}
  /// The name at `at`. Precondition: `at + 4 <= data.size`.
  [[nodiscard]] static constexpr acpi_name load(bytes data, std::size_t at) {
    acpi_name name;
    for (std::size_t i = 0; i < 4; ++i) name.letters[i] = static_cast<char>(data[at + i]);
    return name;
  }
  friend constexpr bool operator==(acpi_name const&, acpi_name const&) = default;
};

/// The name as text, as long as `name` lives.
[[nodiscard]] constexpr text to_text(acpi_name const& name) { return {name.letters, 4}; }

/// A fault, the table it was seen in ("RSDP" for the root pointer), and the byte offset in it.
struct acpi_error {
  acpi_name table{};
  std::uint32_t offset{};
  acpi_fault what{};
  friend constexpr bool operator==(acpi_error const&, acpi_error const&) = default;
};

/// Layouts that all tables share (ACPI Specification 6.5, chapter 5 "ACPI Software Programming Model"). All numbers are
/// little-endian.
namespace acpi_format {

/// The header of every table (5.2.6 "System Description Table Header").
enum header : std::uint32_t {
  h_signature = 0,
  h_length = 4,
  h_revision = 8,
  h_checksum = 9,
  h_oem_id = 10,
  h_oem_table_id = 16,
  h_oem_revision = 24,
  h_creator_id = 28,
  h_creator_revision = 32,
};
inline constexpr std::uint32_t header_size = 36;

/// The root pointer (5.2.5.3 "Root System Description Pointer (RSDP) Structure").
enum root_pointer : std::uint32_t {
  p_signature = 0,
  p_checksum = 8,
  p_oem_id = 9,
  p_revision = 15,
  p_rsdt = 16,
  p_length = 20,
  p_xsdt = 24,
  p_extended_checksum = 32,
};
inline constexpr std::uint32_t root_pointer_size_1 = 20;  ///< up to ACPI 1.0, and what the first checksum covers
inline constexpr std::uint32_t root_pointer_size = 36;
inline constexpr text root_pointer_signature{"RSD PTR "};

/// Longest table that is read: what claims more is damaged, and not added up. Tables of real machines stay below 1 MiB.
inline constexpr std::uint32_t max_table_size = 16U << 20;

/// The sum of all bytes modulo 256; zero for a sound table.
[[nodiscard]] constexpr std::uint8_t sum(bytes data) {
  unsigned total = 0;
  for (std::uint8_t const b : data) total += b;
  return static_cast<std::uint8_t>(total & 0xff);
}

/// Sets the byte at `at` such that `sum(data)` is zero. Precondition: `at < data.size`.
constexpr void set_checksum(mutable_bytes data, std::size_t at) {
  data[at] = 0;
  data[at] = static_cast<std::uint8_t>(0U - sum(data));
}

}  // namespace acpi_format

/// Where a register lies (5.2.3.2 "Generic Address Structure").
enum class acpi_space : std::uint8_t { system_memory = 0, system_io = 1, pci_configuration = 2 };

/// A register of a device, as tables name it (Generic Address Structure, 12 bytes).
struct acpi_register {
  acpi_space space{};  ///< any value of a byte; the named ones are those that matter here
  std::uint8_t bit_width{};
  std::uint8_t bit_offset{};
  std::uint8_t access_size{};  ///< 0 unstated, 1 byte, 2 word, 3 double word, 4 quad word
  std::uint64_t address{};     ///< zero when there is no such register

  static constexpr std::uint32_t size = 12;

  [[nodiscard]] constexpr bool is_present() const { return address != 0; }
  /// The register at `at`. Precondition: `at + size <= data.size`.
  [[nodiscard]] static constexpr acpi_register load(bytes data, std::size_t at) {
    return {static_cast<acpi_space>(data[at]), data[at + 1], data[at + 2], data[at + 3],
            detail::load_le<std::uint64_t>(data, at + 4)};
  }
  /// Writes it. Precondition: `at + size <= data.size`.
  constexpr void store(mutable_bytes data, std::size_t at) const {
    data[at] = static_cast<std::uint8_t>(space);
    data[at + 1] = bit_width;
    data[at + 2] = bit_offset;
    data[at + 3] = access_size;
    detail::store_le(data, at + 4, address);
  }
  friend constexpr bool operator==(acpi_register const&, acpi_register const&) = default;
};

}  // namespace axhal::boot

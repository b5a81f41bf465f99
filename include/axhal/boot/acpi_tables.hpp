// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// One table that has been found and added up. The bytes must stay and stay unchanged while it is in use; were they
/// changed all the same, what reads them finds other values, but reads nothing outside them.
struct acpi_table {
  acpi_name name{};
  host_phys where{};
  bytes content{};  ///< header included

  [[nodiscard]] constexpr std::uint8_t revision() const { return content[acpi_format::h_revision]; }
  [[nodiscard]] constexpr failure<acpi_error> refuse(acpi_fault what, std::size_t offset) const {
    return failure{acpi_error{name, static_cast<std::uint32_t>(offset), what}};
  }
};

/// The table at `where`, which must have the signature `name`.
/// Errors: `bad_address` (zero or at the end of the address space), `unreadable`, `bad_signature`, `bad_length`,
/// `bad_checksum`; the table that the error names is `name`.
template <MemoryReader Reader>
[[nodiscard]] constexpr result<acpi_table, acpi_error> open_table(Reader const& reader, host_phys where,
                                                                  acpi_name name) {
  using namespace acpi_format;
  auto const refuse = [&](acpi_fault what, std::uint32_t offset) { return failure{acpi_error{name, offset, what}}; };
  if (where.value == 0 || !host_range{where, header_size}.is_valid()) return refuse(acpi_fault::bad_address, 0);
  bytes const head = read_memory(reader, {where, header_size});
  if (head.empty()) return refuse(acpi_fault::unreadable, 0);
  if (acpi_name::load(head, h_signature) != name) return refuse(acpi_fault::bad_signature, h_signature);
  auto const length = detail::load_le<std::uint32_t>(head, h_length);
  if (length < header_size || length > max_table_size) return refuse(acpi_fault::bad_length, h_length);
  bytes const all = read_memory(reader, {where, length});
  if (all.empty()) return refuse(acpi_fault::unreadable, h_length);
  if (sum(all) != 0) return refuse(acpi_fault::bad_checksum, h_checksum);
  return acpi_table{name, where, all};
}

/// Where the list of all tables is.
struct acpi_root {
  host_phys where{};
  bool is_wide{};           ///< an XSDT with addresses of 64 bits, else an RSDT with 32
  std::uint8_t revision{};  ///< 0 for ACPI 1.0, 2 from ACPI 2.0 on
  friend constexpr bool operator==(acpi_root const&, acpi_root const&) = default;
};

/// Reads the root pointer at the start of `area` (5.2.5.3). The XSDT is taken where there is one; a pointer of revision
/// 2 whose XSDT address is zero means its RSDT.
/// Errors: `bad_length` (the area or the stated length is too short or reaches past the area), `bad_signature`,
/// `bad_checksum` (the offset tells which), `bad_address` (no list at all).
[[nodiscard]] constexpr result<acpi_root, acpi_error> read_root_pointer(bytes area) {
  using namespace acpi_format;
  auto const refuse = [](acpi_fault what, std::uint32_t offset) { return failure{acpi_error{"RSDP", offset, what}}; };
  if (area.size < root_pointer_size_1) return refuse(acpi_fault::bad_length, 0);
  for (std::size_t i = 0; i < root_pointer_signature.size; ++i) {
    if (area[i] != static_cast<std::uint8_t>(root_pointer_signature[i])) return refuse(acpi_fault::bad_signature, 0);
  }
  if (sum(area.sub(0, root_pointer_size_1)) != 0) return refuse(acpi_fault::bad_checksum, p_checksum);
  acpi_root root{{detail::load_le<std::uint32_t>(area, p_rsdt)}, false, area[p_revision]};
  if (root.revision >= 2) {
    if (area.size < root_pointer_size) return refuse(acpi_fault::bad_length, p_length);
    auto const length = detail::load_le<std::uint32_t>(area, p_length);
    if (length < root_pointer_size || length > area.size) return refuse(acpi_fault::bad_length, p_length);
    if (sum(area.sub(0, length)) != 0) return refuse(acpi_fault::bad_checksum, p_extended_checksum);
    auto const wide = detail::load_le<std::uint64_t>(area, p_xsdt);
    if (wide != 0) root = {{wide}, true, root.revision};
  }
  if (root.where.value == 0) return refuse(acpi_fault::bad_address, p_rsdt);
  return root;
}

/// The first sound root pointer on a 16-byte boundary of `area`, whose start is taken for one (5.2.5.1 "Finding the
/// RSDP on IA-PC Systems"). A damaged one does not hide a sound one behind it; where all are damaged, the first one's
/// fault is the error, and `not_found` where there is none.
[[nodiscard]] constexpr result<acpi_root, acpi_error> find_root_pointer(bytes area) {
  acpi_error first{"RSDP", 0, acpi_fault::not_found};
  for (std::size_t at = 0; at < area.size && area.size - at >= acpi_format::root_pointer_size_1; at += 16) {
    auto const root = read_root_pointer(area.sub(at));
    if (root) return root;
    if (root.error().what != acpi_fault::bad_signature && first.what == acpi_fault::not_found) first = root.error();
  }
  return failure{first};
}

/// The root pointer of a PC whose firmware does not hand it over: in the first KiB of the extended BIOS data area,
/// whose segment the word at 0x40e holds, or between 0xe0000 and 0xfffff (5.2.5.1). Memory that cannot be read is
/// passed over. Errors: as `find_root_pointer(bytes)`.
template <MemoryReader Reader>
[[nodiscard]] constexpr result<acpi_root, acpi_error> find_root_pointer(Reader const& reader) {
  acpi_error first{"RSDP", 0, acpi_fault::not_found};
  bytes const segment = read_memory(reader, {{0x40e}, 2});
  host_phys const data_area{segment.empty() ? 0 : std::uint64_t{detail::load_le<std::uint16_t>(segment, 0)} << 4};
  host_range const places[] = {{data_area, data_area.value == 0 ? 0U : 0x400U}, {{0xe'0000}, 0x2'0000}};
  for (host_range const place : places) {
    auto const root = find_root_pointer(read_memory(reader, place));
    if (root) return root;
    if (first.what == acpi_fault::not_found) first = root.error();
  }
  return failure{first};
}

/// All tables of a machine, by the list that the root pointer leads to (5.2.7 "RSDT", 5.2.8 "XSDT").
///
/// Copies are cheap. The reader must outlive them.
template <MemoryReader Reader>
class acpi_tables {
 public:
  /// Opens the list. Errors: those of `open_table`; `bad_length` when it ends inside an address.
  [[nodiscard]] static constexpr result<acpi_tables, acpi_error> open(Reader const& reader, acpi_root root) {
    auto const list = open_table(reader, root.where, root.is_wide ? acpi_name{"XSDT"} : acpi_name{"RSDT"});
    if (!list) return failure{list.error()};
    std::size_t const each = root.is_wide ? 8 : 4;
    if ((list->content.size - acpi_format::header_size) % each != 0) {
      return list->refuse(acpi_fault::bad_length, acpi_format::h_length);
    }
    return acpi_tables{reader, *list, each};
  }

  /// The list itself.
  [[nodiscard]] constexpr acpi_table const& list() const { return list_; }
  /// Number of addresses in the list.
  [[nodiscard]] constexpr std::size_t size() const {
    return (list_.content.size - acpi_format::header_size) / address_size_;
  }
  /// The `i`-th address, as the list has it. Precondition: `i < size()`.
  [[nodiscard]] constexpr host_phys address(std::size_t i) const {
    std::size_t const at = offset(i);
    return {address_size_ == 8 ? detail::load_le<std::uint64_t>(list_.content, at)
                               : detail::load_le<std::uint32_t>(list_.content, at)};
  }
  /// The signature of the `i`-th table, before anything else of it is looked at. Precondition: `i < size()`.
  /// Errors: `bad_address`, `unreadable`, with the offset of the address in the list.
  [[nodiscard]] constexpr result<acpi_name, acpi_error> name(std::size_t i) const {
    if (address(i).value == 0) return list_.refuse(acpi_fault::bad_address, offset(i));
    bytes const head = read_memory(*reader_, {address(i), 4});
    if (head.empty()) return list_.refuse(acpi_fault::unreadable, offset(i));
    return acpi_name::load(head, 0);
  }

  /// The `nth` table (from 0) with this signature. Addresses of zero are passed over; one that cannot be read is too,
  /// but is the error when what was looked for is not found. Errors: `not_found`, `unreadable`, those of `open_table`.
  [[nodiscard]] constexpr result<acpi_table, acpi_error> find(acpi_name wanted, std::size_t nth = 0) const {
    acpi_error missing{wanted, 0, acpi_fault::not_found};
    for (std::size_t i = 0; i < size(); ++i) {
      auto const found = name(i);
      if (!found) {
        if (found.error().what == acpi_fault::unreadable && missing.what == acpi_fault::not_found) {
          missing = found.error();
        }
        continue;
      }
      if (*found == wanted && nth-- == 0) return open_table(*reader_, address(i), wanted);
    }
    return failure{missing};
  }

  /// The table at an address that another table names: "DSDT" at `acpi_fadt::dsdt`. Errors: those of `open_table`.
  [[nodiscard]] constexpr result<acpi_table, acpi_error> at(host_phys where, acpi_name name) const {
    return open_table(*reader_, where, name);
  }

 private:
  constexpr acpi_tables(Reader const& reader, acpi_table const& list, std::size_t address_size)
      : reader_{&reader}, list_{list}, address_size_{address_size} {}

  [[nodiscard]] constexpr std::size_t offset(std::size_t i) const {
    return acpi_format::header_size + i * address_size_;
  }

  Reader const* reader_;
  acpi_table list_;
  std::size_t address_size_;
};

}  // namespace axhal::boot

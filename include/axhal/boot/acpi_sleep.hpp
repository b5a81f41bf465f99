// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Codes of the machine language of ACPI (ACPI Specification 6.5, 20.2 "AML Grammar Definition", 20.3 "AML Byte Stream
/// Byte Values").
namespace aml {

inline constexpr std::uint8_t zero_op = 0x00;
inline constexpr std::uint8_t one_op = 0x01;
inline constexpr std::uint8_t name_op = 0x08;
inline constexpr std::uint8_t byte_prefix = 0x0a;
inline constexpr std::uint8_t word_prefix = 0x0b;
inline constexpr std::uint8_t dword_prefix = 0x0c;
inline constexpr std::uint8_t qword_prefix = 0x0e;
inline constexpr std::uint8_t package_op = 0x12;
inline constexpr std::uint8_t root_char = 0x5c;
inline constexpr std::uint8_t ones_op = 0xff;

}  // namespace aml

/// What goes into SLP_TYP of the two PM1 control registers to enter a sleep state (4.8.3.2.1 "PM1 Control Registers",
/// bits 12:10); the machine sleeps once SLP_EN is set.
struct acpi_sleep_type {
  std::uint8_t a{};  ///< 0..7, for PM1a
  std::uint8_t b{};  ///< 0..7, for PM1b

  static constexpr std::uint16_t slp_en = 1U << 13;
  static constexpr std::uint16_t slp_typ_mask = 7U << 10;

  /// PM1a's or PM1b's control register with this sleep type and SLP_EN set, other bits as they were.
  [[nodiscard]] static constexpr std::uint16_t enter(std::uint16_t control, std::uint8_t type) {
    return static_cast<std::uint16_t>((control & ~unsigned{slp_typ_mask}) | (type & 7U) << 10 | slp_en);
  }
  friend constexpr bool operator==(acpi_sleep_type const&, acpi_sleep_type const&) = default;
};

namespace acpi_detail {

/// A cursor over AML that stops at the end: what is not there reads as a failure.
struct aml_cursor {
  bytes code;
  std::size_t at;

  constexpr bool take(std::uint8_t& byte) {
    if (at >= code.size) return false;
    byte = code[at++];
    return true;
  }
  /// PkgLength (20.2.4 "Package Length Encoding"): moves behind it, `end` is where the package ends.
  constexpr bool take_package(std::size_t& end) {
    std::size_t const start = at;
    std::uint8_t lead = 0;
    if (!take(lead)) return false;
    unsigned const more = lead >> 6;
    std::size_t length = more == 0 ? lead & 0x3fU : lead & 0xfU;
    for (unsigned i = 0; i < more; ++i) {
      std::uint8_t next = 0;
      if (!take(next)) return false;
      length |= std::size_t{next} << (4 + 8 * i);
    }
    end = start + length;
    return length >= more + 1 && length <= code.size - start;
  }
  /// A constant integer. False when it is none, or cut.
  constexpr bool take_integer(std::uint64_t& value) {
    std::uint8_t op = 0;
    if (!take(op)) return false;
    std::size_t size = 0;
    switch (op) {
      case aml::zero_op: value = 0; return true;
      case aml::one_op: value = 1; return true;
      case aml::ones_op: value = ~std::uint64_t{0}; return true;
      case aml::byte_prefix: size = 1; break;
      case aml::word_prefix: size = 2; break;
      case aml::dword_prefix: size = 4; break;
      case aml::qword_prefix: size = 8; break;
      default: return false;
    }
    if (size > code.size - at) return false;
    value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{code[at + i]} << (8 * i);
    at += size;
    return true;
  }
};

/// The package behind a name. Nothing when it is no package of constants, or cut.
[[nodiscard]] constexpr result<acpi_sleep_type, acpi_fault> read_sleep_package(bytes code, std::size_t at) {
  aml_cursor c{code, at};
  std::uint8_t op = 0;
  if (!c.take(op)) return failure{acpi_fault::bad_entry};
  if (op != aml::package_op) return failure{acpi_fault::unsupported};
  std::size_t end = 0;
  if (!c.take_package(end)) return failure{acpi_fault::bad_entry};
  c.code = code.sub(0, end);
  std::uint8_t count = 0;
  if (!c.take(count) || count == 0) return failure{acpi_fault::bad_entry};
  std::uint64_t value[2]{};
  for (unsigned i = 0; i < 2 && i < count; ++i) {
    if (c.at >= end) return failure{acpi_fault::bad_entry};
    if (!c.take_integer(value[i])) return failure{acpi_fault::unsupported};
  }
  // A package of one number has both types in its two low bytes.
  if (count == 1) {
    value[1] = value[0] >> 8 & 0xff;
    value[0] &= 0xff;
  }
  if (value[0] > 7 || value[1] > 7) return failure{acpi_fault::unsupported};
  return acpi_sleep_type{static_cast<std::uint8_t>(value[0]), static_cast<std::uint8_t>(value[1])};
}

}  // namespace acpi_detail

/// The sleep type for state S`state` (0..5; 5 is off), from the object `_Sx_` in a DSDT or SSDT (7.4.2 "_Sx (System
/// States)"): a package of constants whose first two are the types.
///
/// The table is searched for the name and not interpreted, so these are not understood, and are `unsupported` or
/// `not_found`: an object that is a method, an alias or a reference, or whose numbers are computed; a definition in a
/// branch that does not run is taken all the same. The first definition that can be read counts.
/// Errors: `not_found`, `unsupported`, `bad_entry` (it is cut off); the offset is that of the name in the table.
[[nodiscard]] constexpr result<acpi_sleep_type, acpi_error> find_sleep_type(acpi_table const& table,
                                                                            unsigned state = 5) {
  auto first = table.refuse(acpi_fault::not_found, 0);
  if (state > 5) return first;
  std::uint8_t const name[] = {'_', 'S', static_cast<std::uint8_t>('0' + state), '_'};
  bytes const code = table.content;
  for (std::size_t at = acpi_format::header_size + 1; at < code.size && code.size - at >= 4; ++at) {
    bool same = true;
    for (std::size_t i = 0; i < 4; ++i) same = same && code[at + i] == name[i];
    if (!same) continue;
    std::size_t const before = code[at - 1] == aml::root_char ? 2 : 1;
    bool const named = at >= acpi_format::header_size + before && code[at - before] == aml::name_op;
    auto const found = named ? acpi_detail::read_sleep_package(code, at + 4)
                             : result<acpi_sleep_type, acpi_fault>{failure{acpi_fault::unsupported}};
    if (found) return *found;
    if (first.error.what == acpi_fault::not_found) first = table.refuse(found.error(), at);
  }
  return first;
}

/// The same, in the DSDT at `dsdt` (`acpi_fadt::dsdt`) and, where that has no readable definition, in every SSDT: some
/// firmware keeps its sleep states there. Errors: the first that says more than `not_found`, also of a table that
/// cannot be opened; else `not_found`.
template <MemoryReader Reader>
[[nodiscard]] constexpr result<acpi_sleep_type, acpi_error> find_sleep_type(acpi_tables<Reader> const& tables,
                                                                            host_phys dsdt, unsigned state = 5) {
  acpi_error first{"DSDT", 0, acpi_fault::not_found};
  for (std::size_t i = 0; i <= tables.size(); ++i) {
    auto const table = i == 0 ? tables.at(dsdt, "DSDT") : tables.find("SSDT", i - 1);
    auto const found =
        table ? find_sleep_type(*table, state) : result<acpi_sleep_type, acpi_error>{failure{table.error()}};
    if (found) return *found;
    if (first.what == acpi_fault::not_found && found.error().what != acpi_fault::not_found) first = found.error();
  }
  return failure{first};
}

}  // namespace axhal::boot

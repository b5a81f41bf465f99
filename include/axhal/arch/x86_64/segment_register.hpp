// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// A segment register with its hidden part, as the processor holds it (AMD64 APM vol. 2, "VMCB Layout, State Save
/// Area": the same twelve attribute bits as a descriptor's, without the gap).
struct segment_register {
  std::uint16_t selector{};
  std::uint16_t attributes{};
  std::uint32_t limit{};  ///< in bytes, scaled already
  std::uint64_t base{};
  friend constexpr bool operator==(segment_register const&, segment_register const&) = default;
};

/// Bits of `segment_register::attributes`.
namespace segment_attributes {
using f_type = bit_field<std::uint8_t, 3, 0, std::uint16_t>;
using f_s = bit_field<bool, 4, 4, std::uint16_t>;  ///< code or data, not system
using f_dpl = bit_field<std::uint8_t, 6, 5, std::uint16_t>;
using f_p = bit_field<bool, 7, 7, std::uint16_t>;
using f_avl = bit_field<bool, 8, 8, std::uint16_t>;
using f_l = bit_field<bool, 9, 9, std::uint16_t>;     ///< 64-bit code
using f_db = bit_field<bool, 10, 10, std::uint16_t>;  ///< 32-bit code, stack or limit
using f_g = bit_field<bool, 11, 11, std::uint16_t>;

inline constexpr std::uint16_t data_16 = 0x093;      ///< present, writable, accessed: what reset leaves
inline constexpr std::uint16_t code_16 = 0x09b;      ///< present, readable, accessed
inline constexpr std::uint16_t data_32 = 0xc93;      ///< flat data
inline constexpr std::uint16_t code_32 = 0xc9b;      ///< flat 32-bit code
inline constexpr std::uint16_t code_64 = 0xa9b;      ///< 64-bit code
inline constexpr std::uint16_t tss_16_busy = 0x083;  ///< what reset leaves in TR
inline constexpr std::uint16_t tss_busy = 0x08b;     ///< a 32-bit or 64-bit TSS in use
inline constexpr std::uint16_t ldt = 0x082;
/// The segment can be used for reading or, of code, be executed: present, and no system segment.
[[nodiscard]] constexpr bool is_usable(std::uint16_t attributes) {
  return f_p::get(attributes) && f_s::get(attributes);
}
[[nodiscard]] constexpr bool is_code(std::uint16_t attributes) { return (f_type::get(attributes) & 8) != 0; }
/// Of data: it can be written. Of code: it can be read.
[[nodiscard]] constexpr bool second_right(std::uint16_t attributes) { return (f_type::get(attributes) & 2) != 0; }
/// Of data: offsets below the limit are outside.
[[nodiscard]] constexpr bool expands_down(std::uint16_t attributes) {
  return !is_code(attributes) && (f_type::get(attributes) & 4) != 0;
}
}  // namespace segment_attributes

/// The limit in bytes of a descriptor's 20 bits.
[[nodiscard]] constexpr std::uint32_t scaled_limit(std::uint32_t limit, bool granular) {
  return granular ? (limit << 12 | 0xfff) : limit;
}

}  // namespace axhal::x86_64

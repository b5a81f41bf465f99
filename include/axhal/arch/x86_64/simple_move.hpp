// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The instructions that drivers touch devices with, nearly always.
namespace axhal::x86_64 {

/// MOV between a general register of 4 or 8 bytes, or a number, and memory, in 64-bit code: opcodes 89, 8B and C7 /0,
/// with REX or without, and no other prefix; addressed by a base register, with or without an index and a displacement.
struct simple_move {
  static constexpr unsigned no_index = 4;  ///< RSP, which is never one

  unsigned length;             ///< bytes; 0: it is none of these
  unsigned opcode;             ///< 89: from `reg`; 8B: to `reg`; C7: `immediate`
  unsigned size;               ///< bytes of the operand: 4, 8
  unsigned reg;                ///< 0 to 15
  unsigned base;               ///< 0 to 15
  unsigned index;              ///< 0 to 15, or `no_index`
  unsigned scale_bits;         ///< the index is shifted by so many: 0 to 3
  std::uint64_t displacement;  ///< extended by its sign
  std::uint64_t immediate;     ///< likewise; its low `size` bytes count

  [[nodiscard, gnu::always_inline]] constexpr bool is_load() const { return opcode == 0x8b; }
  [[nodiscard, gnu::always_inline]] constexpr bool has_immediate() const { return opcode == 0xc7; }
};

namespace detail {

/// `value`'s low 8 or 32 bits, extended by the sign.
template <typename Signed>
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t extended_from(std::uint64_t value) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<Signed>(value)});
}

}  // namespace detail

/// The instruction in the eight bytes `code`, the first lowest, when it is a simple one and all in there. What it says
/// then is what `decode_instruction` says; made to be inlined, and to stay in registers.
[[nodiscard, gnu::always_inline]] constexpr simple_move decode_simple_move(std::uint64_t code) {
  // Member by member, and one object to give back: compilers for size would build and copy more of them in memory.
  simple_move m;
  m.length = 0;
  m.displacement = 0;
  m.immediate = 0;
  m.index = simple_move::no_index;
  m.scale_bits = 0;
  unsigned rex = 0;
  unsigned length = 2;
  if ((code & 0xf0) == 0x40) {
    rex = static_cast<unsigned>(code);
    code >>= 8;
    length = 3;
  }
  m.opcode = static_cast<std::uint8_t>(code);
  code >>= 8;
  auto const modrm = static_cast<unsigned>(code & 0xff);
  code >>= 8;
  m.size = 4 + (rex >> 1 & 4);
  m.reg = (modrm >> 3 & 7) | (rex << 1 & 8);
  m.base = modrm & 7;
  bool const has_register = (m.opcode & 0xfd) == 0x89;
  if (!has_register && (!m.has_immediate() || (modrm & 0x38) != 0)) return m;
  if (modrm >= 0xc0) return m;
  if (m.base == 4) {
    auto const sib = static_cast<unsigned>(code & 0xff);
    code >>= 8;
    ++length;
    m.base = sib & 7;
    m.index = (sib >> 3 & 7) | (rex << 2 & 8);
    m.scale_bits = sib >> 6;
  }
  if (modrm >= 0x80) {
    m.displacement = detail::extended_from<std::int32_t>(code);
    code >>= 32;
    length += 4;
  } else if (modrm >= 0x40) {
    m.displacement = detail::extended_from<std::int8_t>(code);
    code >>= 8;
    ++length;
  } else if (m.base == 5) {
    return m;  // no base, or RIP
  }
  m.base |= rex << 3 & 8;
  if (!has_register) {
    length += 4;
    if (length > 8) return m;
    m.immediate = detail::extended_from<std::int32_t>(code);
  }
  m.length = length;
  return m;
}

}  // namespace axhal::x86_64

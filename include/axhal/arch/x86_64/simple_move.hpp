// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The instructions that drivers touch devices with, nearly always.
namespace axhal::x86_64 {

/// MOV between a general register of 4 or 8 bytes, or a number, and memory, in 64-bit code: opcodes 89, 8B and C7 /0,
/// with REX or without, and no other prefix; addressed by a base register, with or without an index and a displacement.
struct simple_move {
  std::uint8_t length{};  ///< bytes; 0: it is none of these
  std::uint8_t size{};    ///< bytes of the operand: 4, 8
  bool load{};            ///< from memory to `reg`
  bool has_immediate{};   ///< `immediate` is stored, not `reg`
  std::uint8_t reg{};     ///< 0 to 15
  std::uint8_t base{};    ///< 0 to 15
  std::uint8_t index{};   ///< 0 to 15, when `has_index`
  bool has_index{};
  std::uint8_t scale_bits{};     ///< the index is shifted by so many: 0 to 3
  std::uint64_t displacement{};  ///< extended by its sign
  std::uint64_t immediate{};     ///< likewise, and cut to `size`
};

/// The instruction in the eight bytes `code`, the first lowest, when it is a simple one and all in there. What it says
/// then is what `decode_instruction` says; made to be inlined, and to stay in registers.
[[nodiscard, gnu::always_inline]] constexpr simple_move decode_simple_move(std::uint64_t code) {
  constexpr simple_move none{};
  simple_move m{};
  unsigned rex = 0;
  unsigned length = 2;
  if ((code & 0xf0) == 0x40) {
    rex = static_cast<unsigned>(code);
    code >>= 8;
    length = 3;
  }
  auto const opcode = static_cast<unsigned>(code & 0xff);
  auto const modrm = static_cast<unsigned>(code >> 8 & 0xff);
  unsigned const mod = modrm >> 6;
  m.has_immediate = opcode == 0xc7;
  if (m.has_immediate ? (modrm >> 3 & 7) != 0 : (opcode & 0xfd) != 0x89) return none;
  if (mod == 3) return none;
  m.load = opcode == 0x8b;
  m.size = (rex & 8) != 0 ? 8 : 4;
  m.reg = static_cast<std::uint8_t>((modrm >> 3 & 7) | (rex << 1 & 8));
  code >>= 16;
  unsigned base = modrm & 7;
  if (base == 4) {
    auto const sib = static_cast<unsigned>(code & 0xff);
    code >>= 8;
    ++length;
    base = sib & 7;
    unsigned const index = (sib >> 3 & 7) | (rex << 2 & 8);
    m.has_index = index != 4;
    m.index = static_cast<std::uint8_t>(index);
    m.scale_bits = static_cast<std::uint8_t>(sib >> 6);
  }
  if (mod == 0) {
    if (base == 5) return none;  // no base, or RIP
  } else if (mod == 1) {
    m.displacement = sign_extend(code, 8);
    code >>= 8;
    ++length;
  } else {
    m.displacement = sign_extend(code, 32);
    code >>= 32;
    length += 4;
  }
  m.base = static_cast<std::uint8_t>(base | (rex << 3 & 8));
  if (m.has_immediate) {
    length += 4;
    if (length > 8) return none;
    m.immediate = sign_extend(code, 32);
    if (m.size == 4) m.immediate &= 0xffff'ffff;
  }
  m.length = static_cast<std::uint8_t>(length);
  return m;
}

}  // namespace axhal::x86_64

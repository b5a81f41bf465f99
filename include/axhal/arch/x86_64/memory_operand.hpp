// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <concepts>
#include <cstdint>

/// Where an operand in memory lies: ModRM, SIB, displacement (Intel SDM vol. 2, "Addressing-Mode Encoding of ModR/M and
/// SIB Bytes").
namespace axhal::x86_64 {

/// An operand in memory, in terms of registers.
struct memory_operand {
  static constexpr std::uint8_t no_register = 0xff;
  static constexpr std::uint8_t rip = 0xfe;  ///< as `base`: the address of the instruction that follows

  segment seg{};
  std::uint8_t base{no_register};   ///< 0 to 15, or one of the two above
  std::uint8_t index{no_register};  ///< 0 to 15, or `no_register`
  std::uint8_t scale{1};            ///< of the index: 1, 2, 4, 8
  std::uint8_t address_size{};      ///< bytes: 2, 4, 8
  std::uint64_t displacement{};     ///< extended by its sign
  friend constexpr bool operator==(memory_operand const&, memory_operand const&) = default;
};

/// Where an operand is, once the registers are known.
struct memory_reference {
  segment seg{};
  std::uint64_t offset{};  ///< in the segment: the effective address
  guest_virt linear{};     ///< with the segment's base
  friend constexpr bool operator==(memory_reference const&, memory_reference const&) = default;
};

/// The registers that addresses are made of: `gpr(n)` for n 0 to 15 in the order of the encodings, `rip()` of the
/// instruction, `segment_base(s)` as the processor holds it, whatever the mode, and the mode, `code()`.
template <typename R>
concept AddressRegisters = requires(R const& r, unsigned n, segment s) {
  { r.gpr(n) } -> std::same_as<std::uint64_t>;
  { r.rip() } -> std::same_as<std::uint64_t>;
  { r.segment_base(s) } -> std::same_as<std::uint64_t>;
  { r.code() } -> std::same_as<code_size>;
};

/// The operand's offset in its segment; of an instruction of `length` bytes.
template <AddressRegisters R>
[[nodiscard]] constexpr std::uint64_t effective_address(R const& r, memory_operand const& m, unsigned length) {
  std::uint64_t sum = m.displacement;
  if (m.base == memory_operand::rip) {
    sum += r.rip() + length;
  } else if (m.base != memory_operand::no_register) {
    sum += r.gpr(m.base & 15U);
  }
  if (m.index != memory_operand::no_register) sum += r.gpr(m.index & 15U) * m.scale;
  return sum & low_bits(8U * m.address_size);
}

/// The linear address of `offset` in `s`: in 64-bit mode only FS and GS have a base, elsewhere addresses have 32 bits
/// (Intel SDM vol. 3, "Logical and Linear Addresses", "Segmentation in IA-32e Mode").
template <AddressRegisters R>
[[nodiscard]] constexpr guest_virt linear_address(R const& r, segment s, std::uint64_t offset) {
  if (r.code() != code_size::bits_64) return {(r.segment_base(s) + offset) & 0xffff'ffff};
  return {s < segment::fs ? offset : r.segment_base(s) + offset};
}

/// Where the operand is, `distance` bytes past what it says: offsets wrap at the address size, so that is added first.
template <AddressRegisters R>
[[nodiscard]] constexpr memory_reference locate(R const& r, memory_operand const& m, unsigned length,
                                                std::uint64_t distance = 0) {
  std::uint64_t const offset = (effective_address(r, m, length) + distance) & low_bits(8U * m.address_size);
  return {m.seg, offset, linear_address(r, m.seg, offset)};
}

namespace detail {

/// ModRM, and the memory operand when it has one.
struct modrm {
  std::uint8_t mod{};  ///< 3: `rm` is a register, and there is no operand in memory
  std::uint8_t reg{};  ///< three bits; the register's number with REX.R added
  std::uint8_t rm{};   ///< three bits
};

[[nodiscard]] constexpr modrm take_modrm(code_cursor& c) {
  std::uint8_t const byte = c.next();
  return {.mod = static_cast<std::uint8_t>(byte >> 6),
          .reg = static_cast<std::uint8_t>((byte >> 3) & 7),
          .rm = static_cast<std::uint8_t>(byte & 7)};
}

[[nodiscard]] constexpr std::uint64_t take_signed(code_cursor& c, unsigned size) {
  return size == 0 ? 0 : sign_extend(c.number(size), 8 * size);
}

/// 16-bit addressing: table "16-Bit Addressing Forms with the ModR/M Byte".
[[nodiscard]] constexpr memory_operand take_memory_16(code_cursor& c, prefixes const& p, modrm m) {
  constexpr std::uint8_t none = memory_operand::no_register;
  constexpr std::uint8_t bx = 3;
  constexpr std::uint8_t bp = 5;
  constexpr std::uint8_t si = 6;
  constexpr std::uint8_t di = 7;
  constexpr std::uint8_t bases[8] = {bx, bx, bp, bp, si, di, bp, bx};
  constexpr std::uint8_t indices[8] = {si, di, si, di, none, none, none, none};
  memory_operand o{.address_size = 2};
  bool const absolute = m.mod == 0 && m.rm == 6;
  if (!absolute) {
    o.base = bases[m.rm & 7];
    o.index = indices[m.rm & 7];
  }
  o.displacement = take_signed(c, absolute ? 2 : m.mod);
  o.seg = p.segment_of(o.base == bp ? segment::ss : segment::ds);
  return o;
}

/// 32-bit and 64-bit addressing: tables "32-Bit Addressing Forms with the ModR/M Byte" and "with the SIB Byte"; "RIP-
/// Relative Addressing".
[[nodiscard]] constexpr memory_operand take_memory_32(code_cursor& c, prefixes const& p, modrm m) {
  constexpr std::uint8_t sp = 4;
  constexpr std::uint8_t bp = 5;
  memory_operand o{.address_size = p.address_bytes()};
  std::uint8_t base = m.rm;
  if (m.rm == sp) {
    std::uint8_t const sib = c.next();
    auto const index = static_cast<std::uint8_t>(((sib >> 3) & 7) | p.rex.x);
    if (index != sp) {
      o.index = index;
      o.scale = static_cast<std::uint8_t>(1U << (sib >> 6));
    }
    base = sib & 7;
  }
  // BP as base and no displacement stands for no base, with REX.B as without.
  bool const absolute = m.mod == 0 && base == bp;
  if (!absolute) {
    o.base = static_cast<std::uint8_t>(base | p.rex.b);
  } else if (m.rm != sp && p.code == code_size::bits_64) {
    o.base = memory_operand::rip;
  }
  o.displacement = take_signed(c, absolute || m.mod == 2 ? 4 : m.mod);
  o.seg = p.segment_of(o.base == sp || o.base == bp ? segment::ss : segment::ds);
  return o;
}

/// The memory operand that follows `m`, whose `mod` is not 3.
[[nodiscard]] constexpr memory_operand take_memory(code_cursor& c, prefixes const& p, modrm m) {
  return p.address_bytes() == 2 ? take_memory_16(c, p, m) : take_memory_32(c, p, m);
}

}  // namespace detail
}  // namespace axhal::x86_64

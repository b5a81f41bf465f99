// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

/// Instructions that read or write memory, from their bytes (Intel SDM vol. 2, "Opcode Map").
namespace axhal::x86_64 {
namespace detail {

using decoded = result<instruction, undecoded>;

/// An instruction on its way: what is known before ModRM is looked at.
struct draft {
  code_cursor at{};
  prefixes p{};

  /// The operand's size for an opcode whose bit 0 tells bytes from the others.
  [[nodiscard]] constexpr std::uint8_t size_of(std::uint8_t opcode) const {
    return (opcode & 1) == 0 ? std::uint8_t{1} : p.operand_bytes();
  }
  /// The register of ModRM.reg. Without REX the byte registers 4 to 7 are the second bytes of 0 to 3.
  [[nodiscard]] constexpr register_operand reg_of(modrm m, std::uint8_t size) const {
    if (size == 1 && !p.rex.present && m.reg >= 4) return {static_cast<std::uint8_t>(m.reg - 4), 1, true};
    return {static_cast<std::uint8_t>(m.reg | p.rex.r), size, false};
  }
  /// What a missing byte means; else `unsupported` for an operand that is a register.
  [[nodiscard]] constexpr undecoded without_memory(bool may_lock = false) const {
    if (at.ended) return at.reason();
    return p.lock && !may_lock ? undecoded::invalid : undecoded::unsupported;
  }
};

/// True for operations that LOCK may stand before when memory is what they write
/// (Intel SDM vol. 2, "LOCK - Assert LOCK# Signal Prefix").
[[nodiscard]] constexpr bool may_lock(instruction const& i) {
  switch (i.op) {
    case operation::add:
    case operation::bit_or:
    case operation::adc:
    case operation::sbb:
    case operation::bit_and:
    case operation::sub:
    case operation::bit_xor:
    case operation::inc:
    case operation::dec:
    case operation::bit_not:
    case operation::neg:
    case operation::bts:
    case operation::btr:
    case operation::btc:
    case operation::xchg:
    case operation::xadd:
    case operation::cmpxchg: return !i.into_register;
    default: return false;
  }
}

/// `i` with what the prefixes and the bytes say of it in the end.
[[nodiscard]] constexpr decoded finished(draft const& d, instruction i) {
  if (d.p.lock && !may_lock(i)) return failure{undecoded::invalid};
  if (d.at.ended) return failure{d.at.reason()};
  i.lock = d.p.lock;
  i.length = d.at.at;
  return i;
}

/// An operation on memory and the register of ModRM.reg. `i` has the operation, the size and the direction.
[[nodiscard]] constexpr decoded with_register(draft d, instruction i, std::uint8_t register_size) {
  modrm const m = take_modrm(d.at);
  if (d.at.ended || m.mod == 3) return failure{d.without_memory()};
  i.memory = take_memory(d.at, d.p, m);
  i.other = other_operand::reg;
  i.reg = d.reg_of(m, register_size);
  return finished(d, i);
}
[[nodiscard]] constexpr decoded with_register(draft const& d, operation op, std::uint8_t size,
                                              bool into_register = false) {
  return with_register(d, {.op = op, .size = size, .into_register = into_register}, size);
}

/// An operation on memory, whose ModRM is known, and an immediate of `bytes` bytes.
[[nodiscard]] constexpr decoded with_immediate(draft d, modrm m, operation op, std::uint8_t size, unsigned bytes) {
  if (m.mod == 3) return failure{d.without_memory()};
  instruction i{.op = op, .size = size, .memory = take_memory(d.at, d.p, m)};
  if (bytes != 0) {
    i.other = other_operand::immediate;
    // A bit's number has no sign.
    bool const is_signed = op < operation::bt || op > operation::btc;
    i.immediate = (is_signed ? take_signed(d.at, bytes) : d.at.number(bytes)) & low_bits(8U * size);
  }
  return finished(d, i);
}

/// Bytes of an immediate that is as large as the operand, but no larger than 4.
[[nodiscard]] constexpr unsigned immediate_bytes(std::uint8_t size) { return size == 8 ? 4 : size; }

/// MOV between the accumulator and an address that stands in the instruction: A0 to A3.
[[nodiscard]] constexpr decoded decode_moffs(draft d, std::uint8_t opcode) {
  std::uint8_t const size = d.size_of(opcode);
  std::uint8_t const address_size = d.p.address_bytes();
  instruction i{.op = operation::mov,
                .size = size,
                .memory = {.seg = d.p.segment_of(segment::ds), .address_size = address_size},
                .other = other_operand::reg,
                .into_register = opcode < 0xa2,
                .reg = {0, size, false}};
  i.memory.displacement = take_signed(d.at, address_size);
  return finished(d, i);
}

/// MOVS, CMPS, STOS, LODS, SCAS.
[[nodiscard]] constexpr decoded decode_string(draft const& d, std::uint8_t opcode) {
  constexpr std::uint8_t si = 6;
  constexpr std::uint8_t di = 7;
  std::uint8_t const size = d.size_of(opcode);
  std::uint8_t const address_size = d.p.address_bytes();
  memory_operand const from{.seg = d.p.segment_of(segment::ds), .base = si, .address_size = address_size};
  memory_operand const to{.seg = segment::es, .base = di, .address_size = address_size};
  instruction i{.size = size, .memory = to};
  i.rep = d.p.repeat == 0xf3 ? repeat::while_equal : d.p.repeat == 0xf2 ? repeat::while_not_equal : repeat::none;
  switch (opcode & 0xfe) {
    case 0xa4:
    case 0xa6:
      i.op = (opcode & 0xfe) == 0xa4 ? operation::movs : operation::cmps;
      i.second = from;
      return finished(d, i);
    case 0xaa: i.op = operation::stos; break;
    case 0xac:
      i.op = operation::lods;
      i.memory = from;
      i.into_register = true;
      break;
    default:
      i.op = operation::scas;
      i.into_register = true;
      break;
  }
  i.other = other_operand::reg;
  i.reg = {0, size, false};
  return finished(d, i);
}

/// Groups 3, 4 and 5: TEST, NOT, NEG, INC, DEC of memory, and what is no matter of devices.
[[nodiscard]] constexpr decoded decode_unary(draft d, std::uint8_t opcode) {
  std::uint8_t const size = d.size_of(opcode);
  modrm const m = take_modrm(d.at);
  if (d.at.ended) return failure{d.at.reason()};
  if (opcode < 0xf8) {
    switch (m.reg) {
      case 0:
      case 1: return with_immediate(d, m, operation::test, size, immediate_bytes(size));
      case 2: return with_immediate(d, m, operation::bit_not, size, 0);
      case 3: return with_immediate(d, m, operation::neg, size, 0);
      default: return failure{undecoded::unsupported};  // MUL, IMUL, DIV, IDIV
    }
  }
  if (m.reg < 2) return with_immediate(d, m, m.reg == 0 ? operation::inc : operation::dec, size, 0);
  return failure{opcode == 0xfe || m.reg == 7 ? undecoded::invalid : undecoded::unsupported};
}

/// Opcodes of two bytes, 0F first.
[[nodiscard]] constexpr decoded decode_two_bytes(draft d) {
  std::uint8_t const opcode = d.at.next();
  if (d.at.ended) return failure{d.at.reason()};
  std::uint8_t const wide = d.p.operand_bytes();
  auto const cc = static_cast<condition>(opcode & 15);
  switch (opcode & 0xf0) {
    case 0x40: return with_register(d, {.op = operation::cmov, .size = wide, .into_register = true, .cc = cc}, wide);
    case 0x90: {
      modrm const m = take_modrm(d.at);
      if (d.at.ended || m.mod == 3) return failure{d.without_memory()};
      return finished(d, {.op = operation::setcc, .size = 1, .memory = take_memory(d.at, d.p, m), .cc = cc});
    }
    default: break;
  }
  switch (opcode) {
    case 0xa3: return with_register(d, operation::bt, wide);
    case 0xab: return with_register(d, operation::bts, wide);
    case 0xb3: return with_register(d, operation::btr, wide);
    case 0xbb: return with_register(d, operation::btc, wide);
    case 0xba: {
      modrm const m = take_modrm(d.at);
      if (d.at.ended) return failure{d.at.reason()};
      if (m.reg < 4) return failure{undecoded::invalid};
      auto const op = static_cast<operation>(static_cast<unsigned>(operation::bt) + (m.reg & 3U));
      return with_immediate(d, m, op, wide, 1);
    }
    case 0xb0:
    case 0xb1: return with_register(d, operation::cmpxchg, d.size_of(opcode));
    case 0xc0:
    case 0xc1: return with_register(d, operation::xadd, d.size_of(opcode));
    case 0xb6: return with_register(d, {.op = operation::movzx, .size = 1, .into_register = true}, wide);
    case 0xb7: return with_register(d, {.op = operation::movzx, .size = 2, .into_register = true}, wide);
    case 0xbe: return with_register(d, {.op = operation::movsx, .size = 1, .into_register = true}, wide);
    case 0xbf: return with_register(d, {.op = operation::movsx, .size = 2, .into_register = true}, wide);
    case 0xc3:  // MOVNTI: of 4 bytes or 8
      if (d.p.operand_size || d.p.repeat != 0) return failure{undecoded::unsupported};
      return with_register(d, operation::mov, d.p.rex.w ? 8 : 4);
    default: return failure{undecoded::unsupported};
  }
}

/// Opcodes of one byte.
[[nodiscard]] constexpr decoded decode_one_byte(draft d, std::uint8_t opcode) {
  bool const bits_64 = d.p.code == code_size::bits_64;
  std::uint8_t const size = d.size_of(opcode);
  if (opcode < 0x40) {
    if ((opcode & 7) >= 4) return failure{undecoded::unsupported};
    return with_register(d, static_cast<operation>(opcode >> 3), size, (opcode & 2) != 0);
  }
  switch (opcode) {
    case 0x63:  // MOVSXD; ARPL in other modes. To 16 bits processors disagree how much is read.
      if (!bits_64 || d.p.operand_bytes() == 2) return failure{undecoded::unsupported};
      return with_register(d, {.op = operation::movsx, .size = 4, .into_register = true}, d.p.operand_bytes());
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: {
      if (opcode == 0x82 && bits_64) return failure{undecoded::invalid};
      modrm const m = take_modrm(d.at);
      if (d.at.ended) return failure{d.at.reason()};
      return with_immediate(d, m, static_cast<operation>(m.reg), size, opcode == 0x81 ? immediate_bytes(size) : 1);
    }
    case 0x84:
    case 0x85: return with_register(d, operation::test, size);
    case 0x86:
    case 0x87: return with_register(d, operation::xchg, size);
    case 0x88:
    case 0x89: return with_register(d, operation::mov, size);
    case 0x8a:
    case 0x8b: return with_register(d, operation::mov, size, true);
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3: return decode_moffs(d, opcode);
    case 0xa4:
    case 0xa5:
    case 0xa6:
    case 0xa7:
    case 0xaa:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xae:
    case 0xaf: return decode_string(d, opcode);
    case 0xc6:
    case 0xc7: {
      modrm const m = take_modrm(d.at);
      if (d.at.ended) return failure{d.at.reason()};
      if (m.reg != 0) {
        bool const transactional = m.reg == 7 && m.mod == 3 && m.rm == 0;  // XABORT, XBEGIN
        return failure{transactional ? undecoded::unsupported : undecoded::invalid};
      }
      return with_immediate(d, m, operation::mov, size, immediate_bytes(size));
    }
    case 0xf6:
    case 0xf7:
    case 0xfe:
    case 0xff: return decode_unary(d, opcode);
    default: return failure{undecoded::unsupported};
  }
}

}  // namespace detail

/// What the instruction at the start of `code` does to memory. `code` is what could be fetched: with fewer bytes than
/// the instruction has the answer is `truncated`, and never another one than with all of them unless that is already
/// certain; bytes after it, and after 15, do not matter. Total: any bytes have an answer.
///
/// Decodes, with a memory operand: MOV of general registers and immediates (also at an absolute address), MOVNTI,
/// MOVZX, MOVSX, MOVSXD, CMOVcc, SETcc, XCHG, XADD, CMPXCHG; ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC,
/// NOT, NEG; BT, BTS, BTR, BTC; MOVS, CMPS, STOS, LODS, SCAS. Prefixes that mean nothing to an instruction are
/// passed over, as processors do.
[[nodiscard]] constexpr result<instruction, undecoded> decode_instruction(bytes code, code_size mode) {
  detail::draft d{.at = detail::code_cursor::over(code), .p = {.code = mode}};
  std::uint8_t const opcode = detail::take_prefixes(d.at, d.p);
  if (d.at.ended) return failure{d.at.reason()};
  return opcode == 0x0f ? detail::decode_two_bytes(d) : detail::decode_one_byte(d, opcode);
}

}  // namespace axhal::x86_64

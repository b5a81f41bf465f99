// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Instructions with a memory operand, as the decoder tells them.
namespace axhal::x86_64 {

/// What an instruction does. The first eight have the numbers of the opcode maps (Intel SDM vol. 2, table "Opcode
/// Extensions for One- and Two-byte Opcodes by Group Number", group 1).
enum class operation : std::uint8_t {
  add,
  bit_or,
  adc,
  sbb,
  bit_and,
  sub,
  bit_xor,
  cmp,
  test,
  inc,
  dec,
  bit_not,
  neg,
  bt,
  bts,
  btr,
  btc,
  mov,      ///< MOVNTI too
  movzx,    ///< from `size` bytes to the register's size
  movsx,    ///< likewise; MOVSXD too
  cmov,     ///< on `cc`; the memory is read in any case
  setcc,    ///< on `cc`
  xchg,     ///< locked without saying so
  xadd,     ///< register and memory are exchanged, and the sum goes to memory
  cmpxchg,  ///< the accumulator is compared, the register is written
  movs,     ///< from `second` to `memory`
  cmps,     ///< `second` less `memory`
  stos,     ///< the accumulator to `memory`
  lods,     ///< `memory` to the accumulator
  scas,     ///< the accumulator less `memory`
};

/// True for MOVS, CMPS, STOS, LODS and SCAS.
[[nodiscard]] constexpr bool is_string(operation op) { return op >= operation::movs; }

/// The repeat prefix of a string instruction. MOVS, STOS and LODS repeat with either.
enum class repeat : std::uint8_t {
  none,
  while_equal,      ///< F3: REP, REPE
  while_not_equal,  ///< F2: REPNE
};

/// What an instruction has besides its memory operand.
enum class other_operand : std::uint8_t { none, reg, immediate };

/// A general register, or a part of it.
struct register_operand {
  std::uint8_t number{};  ///< 0 to 15: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15
  std::uint8_t size{};    ///< bytes: 1, 2, 4, 8
  bool high{};            ///< bits 15:8: AH, CH, DH, BH, which are `number` 0 to 3
  friend constexpr bool operator==(register_operand, register_operand) = default;

  /// The operand's value when the whole register holds `whole`.
  [[nodiscard]] constexpr std::uint64_t of(std::uint64_t whole) const {
    return (high ? whole >> 8 : whole) & low_bits(8U * size);
  }
  /// What the whole register holds after `value` was written to the operand: 4 bytes clear the upper half, 1 and 2
  /// leave what is around them (Intel SDM vol. 1, "General-Purpose Registers in 64-Bit Mode").
  [[nodiscard]] constexpr std::uint64_t written(std::uint64_t whole, std::uint64_t value) const {
    std::uint64_t const mask = low_bits(8U * size);
    if (size >= 4) return value & mask;
    unsigned const shift = high ? 8 : 0;
    return (whole & ~(mask << shift)) | (value & mask) << shift;
  }
};

/// An instruction that reads or writes memory. What a field does not say for an operation is zero.
struct instruction {
  operation op{};
  std::uint8_t length{};      ///< bytes, prefixes and all: 1 to 15
  std::uint8_t size{};        ///< bytes of the memory operand: 1, 2, 4, 8; both operands of MOVS and CMPS
  memory_operand memory{};    ///< of string instructions ES:rDI, but DS:rSI of LODS
  memory_operand second{};    ///< MOVS and CMPS alone: DS:rSI, or where the prefix says
  other_operand other{};      ///< STOS, LODS, SCAS: the accumulator. BT with a register: that is the bit offset
  bool into_register{};       ///< the register is the first operand, and written where the operation writes
  register_operand reg{};     ///< when `other` is `reg`
  std::uint64_t immediate{};  ///< when `other` is `immediate`; extended to `size` by its sign; of BT and its like a bit
  condition cc{};             ///< SETcc and CMOVcc
  repeat rep{};               ///< string instructions
  bool lock{};                ///< with the prefix LOCK
  friend constexpr bool operator==(instruction const&, instruction const&) = default;

  /// The memory operand is read.
  [[nodiscard]] constexpr bool reads_memory() const {
    switch (op) {
      case operation::mov: return into_register;
      case operation::setcc:
      case operation::stos: return false;
      default: return true;  // MOVS reads `second`
    }
  }
  /// The memory operand is written.
  [[nodiscard]] constexpr bool writes_memory() const {
    switch (op) {
      case operation::cmp:
      case operation::test:
      case operation::bt:
      case operation::cmps:
      case operation::lods:
      case operation::scas: return false;
      default: return !into_register;
    }
  }
  /// How far the operand of BT, BTS, BTR and BTC with a register lies from where `memory` says, in bytes, when the
  /// register holds `offset` in its low `size` bytes (Intel SDM vol. 2, "BT", "Bit(BitBase, BitOffset)").
  [[nodiscard]] constexpr std::uint64_t bit_distance(std::uint64_t offset) const {
    unsigned const bits = 8U * size;
    std::uint64_t const whole = sign_extend(offset, bits) & ~std::uint64_t{bits - 1};
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(whole) >> 3);
  }
  /// True for BT, BTS, BTR and BTC with the bit offset in a register.
  [[nodiscard]] constexpr bool has_bit_offset() const {
    return op >= operation::bt && op <= operation::btc && other == other_operand::reg;
  }
};

}  // namespace axhal::x86_64

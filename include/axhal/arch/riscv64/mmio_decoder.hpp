// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/instruction.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Why an instruction word was not decoded as a device access.
enum class undecoded : std::uint8_t {
  not_load_store,  ///< no load, store or AMO at all, or a reserved encoding
  unsupported,     ///< one that no device register is accessed with: FP, vector, LR and SC, AMOCAS
};

/// A load or store of a general register, or an AMO.
struct load_store {
  enum class kind : std::uint8_t { load, store, amo };
  /// Which AMO, as funct5 has it.
  enum class operation : std::uint8_t {
    add = 0,
    swap = 1,
    bit_xor = 4,
    bit_or = 8,
    bit_and = 12,
    min = 16,
    max = 20,
    minu = 24,
    maxu = 28,
  };

  kind what{};
  operation op{};            ///< AMOs only
  std::uint8_t size{};       ///< bytes: 1, 2, 4 or 8
  bool sign_extend{};        ///< loads and AMOs: of the value that goes to `rd`, which is 64 bits wide
  std::uint8_t rd{};         ///< loads and AMOs
  std::uint8_t rs1{};        ///< the base
  std::uint8_t rs2{};        ///< stores and AMOs: what is written, or combined with what is there
  std::int32_t immediate{};  ///< bytes, added to the base; 0 for AMOs
  std::uint8_t length{};     ///< bytes of the instruction: 2 or 4
  friend constexpr bool operator==(load_store const&, load_store const&) = default;

  /// The address of the access, with `base` in `rs1`.
  [[nodiscard]] constexpr std::uint64_t address(std::uint64_t base) const {
    return base + static_cast<std::uint64_t>(std::int64_t{immediate});
  }
  /// What an AMO writes where `old` was, with `operand` in `rs2`. The low `size` bytes count. `old` is extended as `rd`
  /// has it ("Atomic Memory Operations").
  [[nodiscard]] constexpr std::uint64_t combined(std::uint64_t old, std::uint64_t operand) const {
    unsigned const bits = 8U * size;
    std::uint64_t const a = axhal::sign_extend(old, bits);
    std::uint64_t const b = axhal::sign_extend(operand, bits);
    // Sign extension keeps the order of numbers without sign as well.
    switch (op) {
      case operation::add: return a + b;
      case operation::swap: return b;
      case operation::bit_xor: return a ^ b;
      case operation::bit_or: return a | b;
      case operation::bit_and: return a & b;
      case operation::min: return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b) ? a : b;
      case operation::max: return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b) ? b : a;
      case operation::minu: return a < b ? a : b;
      case operation::maxu: return a < b ? b : a;
    }
    return b;
  }
};

namespace detail {

using decoded = result<load_store, undecoded>;

/// Loads of integer registers: LB, LH, LW, LD, LBU, LHU, LWU ("Load and Store Instructions").
[[nodiscard]] constexpr decoded decode_load(std::uint32_t instruction) {
  unsigned const funct3 = rv::f_funct3::get(instruction);
  if (funct3 == 7) return failure{undecoded::not_load_store};
  return load_store{.what = load_store::kind::load,
                    .size = static_cast<std::uint8_t>(1U << (funct3 & 3)),
                    .sign_extend = (funct3 & 4) == 0,
                    .rd = rv::f_rd::get(instruction),
                    .rs1 = rv::f_rs1::get(instruction),
                    .immediate = static_cast<std::int32_t>(sign_extend(rv::f_imm_i::get(instruction), 12)),
                    .length = 4};
}
/// SB, SH, SW, SD.
[[nodiscard]] constexpr decoded decode_store(std::uint32_t instruction) {
  unsigned const funct3 = rv::f_funct3::get(instruction);
  if (funct3 > 3) return failure{undecoded::not_load_store};
  std::uint32_t const immediate = rv::f_funct7::get(instruction) << 5 | rv::f_rd::get(instruction);
  return load_store{.what = load_store::kind::store,
                    .size = static_cast<std::uint8_t>(1U << funct3),
                    .rs1 = rv::f_rs1::get(instruction),
                    .rs2 = rv::f_rs2::get(instruction),
                    .immediate = static_cast<std::int32_t>(sign_extend(immediate, 12)),
                    .length = 4};
}
/// AMOs of words and doublewords, and of bytes and halfwords (Zabha). Ordering (aq, rl) is not in the answer: a device
/// access that a hypervisor makes is ordered anyway.
[[nodiscard]] constexpr decoded decode_amo(std::uint32_t instruction) {
  unsigned const funct3 = rv::f_funct3::get(instruction);
  unsigned const funct5 = rv::f_funct5::get(instruction);
  constexpr unsigned load_reserved = 2;
  constexpr unsigned store_conditional = 3;
  constexpr unsigned compare_and_swap = 5;
  if (funct3 > 3) {
    return failure{funct3 == 4 && funct5 == compare_and_swap ? undecoded::unsupported : undecoded::not_load_store};
  }
  if (funct5 == load_reserved || funct5 == store_conditional) {
    bool const exists = funct3 >= 2 && (funct5 == store_conditional || rv::f_rs2::get(instruction) == 0);
    return failure{exists ? undecoded::unsupported : undecoded::not_load_store};
  }
  if (funct5 == compare_and_swap) return failure{undecoded::unsupported};
  if (funct5 > 1 && (funct5 & 3) != 0) return failure{undecoded::not_load_store};
  return load_store{.what = load_store::kind::amo,
                    .op = static_cast<load_store::operation>(funct5),
                    .size = static_cast<std::uint8_t>(1U << funct3),
                    .sign_extend = true,
                    .rd = rv::f_rd::get(instruction),
                    .rs1 = rv::f_rs1::get(instruction),
                    .rs2 = rv::f_rs2::get(instruction),
                    .length = 4};
}

/// Fields of compressed loads and stores ("C" Standard Extension, "Load and Store Instructions"; "Zcb").
namespace rvc {
using f_funct3 = bit_field<unsigned, 15, 13, std::uint32_t>;
using f_funct6 = bit_field<unsigned, 15, 10, std::uint32_t>;
using f_rs1 = bit_field<std::uint8_t, 9, 7, std::uint32_t>;  ///< x8 and up, here and below
using f_rd = bit_field<std::uint8_t, 4, 2, std::uint32_t>;   ///< stores have rs2 here
using f_full_rd = bit_field<std::uint8_t, 11, 7, std::uint32_t>;
using f_full_rs2 = bit_field<std::uint8_t, 6, 2, std::uint32_t>;
inline constexpr std::uint8_t first = 8;

/// `count` bits of the word from bit `from`, moved to bit `to`.
[[nodiscard]] constexpr std::int32_t moved(std::uint32_t word, unsigned from, unsigned count, unsigned to) {
  return static_cast<std::int32_t>(((word >> from) & ((1U << count) - 1)) << to);
}
}  // namespace rvc

/// A compressed load into `reg`, or a store of it.
[[nodiscard]] constexpr load_store compressed(bool load, unsigned size, bool sign, std::uint8_t reg, std::uint8_t base,
                                              std::int32_t immediate) {
  return {.what = load ? load_store::kind::load : load_store::kind::store,
          .size = static_cast<std::uint8_t>(size),
          .sign_extend = load && sign,
          .rd = load ? reg : std::uint8_t{0},
          .rs1 = base,
          .rs2 = load ? std::uint8_t{0} : reg,
          .immediate = immediate,
          .length = 2};
}

/// Quadrant 0: C.LW, C.LD, C.SW, C.SD, and C.LBU, C.LHU, C.LH, C.SB, C.SH of Zcb.
[[nodiscard]] constexpr decoded decode_quadrant_0(std::uint32_t w) {
  auto const base = static_cast<std::uint8_t>(rvc::first + rvc::f_rs1::get(w));
  auto const reg = static_cast<std::uint8_t>(rvc::first + rvc::f_rd::get(w));
  std::int32_t const words = rvc::moved(w, 10, 3, 3) | rvc::moved(w, 6, 1, 2) | rvc::moved(w, 5, 1, 6);
  std::int32_t const doublewords = rvc::moved(w, 10, 3, 3) | rvc::moved(w, 5, 2, 6);
  switch (rvc::f_funct3::get(w)) {
    case 1:  // C.FLD
    case 5:  // C.FSD
      return failure{undecoded::unsupported};
    case 2: return compressed(true, 4, true, reg, base, words);
    case 3: return compressed(true, 8, true, reg, base, doublewords);
    case 6: return compressed(false, 4, false, reg, base, words);
    case 7: return compressed(false, 8, false, reg, base, doublewords);
    case 4: break;
    default: return failure{undecoded::not_load_store};
  }
  std::int32_t const bytes = rvc::moved(w, 6, 1, 0) | rvc::moved(w, 5, 1, 1);
  std::int32_t const halfwords = rvc::moved(w, 5, 1, 1);
  bool const bit_6 = ((w >> 6) & 1) != 0;
  switch (rvc::f_funct6::get(w) & 7) {
    case 0: return compressed(true, 1, false, reg, base, bytes);
    case 1: return compressed(true, 2, bit_6, reg, base, halfwords);
    case 2: return compressed(false, 1, false, reg, base, bytes);
    case 3:
      if (!bit_6) return compressed(false, 2, false, reg, base, halfwords);
      break;
    default: break;
  }
  return failure{undecoded::not_load_store};
}

/// Quadrant 2: C.LWSP, C.LDSP, C.SWSP, C.SDSP, with x2 as the base.
[[nodiscard]] constexpr decoded decode_quadrant_2(std::uint32_t w) {
  constexpr std::uint8_t sp = 2;
  std::uint8_t const rd = rvc::f_full_rd::get(w);
  std::uint8_t const rs2 = rvc::f_full_rs2::get(w);
  switch (rvc::f_funct3::get(w)) {
    case 1:  // C.FLDSP
    case 5:  // C.FSDSP
      return failure{undecoded::unsupported};
    case 2:
      if (rd == 0) break;
      return compressed(true, 4, true, rd, sp,
                        rvc::moved(w, 12, 1, 5) | rvc::moved(w, 4, 3, 2) | rvc::moved(w, 2, 2, 6));
    case 3:
      if (rd == 0) break;
      return compressed(true, 8, true, rd, sp,
                        rvc::moved(w, 12, 1, 5) | rvc::moved(w, 5, 2, 3) | rvc::moved(w, 2, 3, 6));
    case 6: return compressed(false, 4, false, rs2, sp, rvc::moved(w, 9, 4, 2) | rvc::moved(w, 7, 2, 6));
    case 7: return compressed(false, 8, false, rs2, sp, rvc::moved(w, 10, 3, 3) | rvc::moved(w, 7, 3, 6));
    default: break;
  }
  return failure{undecoded::not_load_store};
}

}  // namespace detail

/// What a load, store or AMO of general registers does, from its word alone: a 32-bit one, or the low 16 bits of `word`
/// when these are a compressed one. Total: every word has an answer.
///
/// Decodes the loads and stores of RV64I, the compressed ones of RV64C and Zcb, and the AMOs of Zaamo and Zabha.
[[nodiscard]] constexpr result<load_store, undecoded> decode_load_store(std::uint32_t word) {
  switch (word & 3) {
    case 0: return detail::decode_quadrant_0(word);
    case 1: return failure{undecoded::not_load_store};
    case 2: return detail::decode_quadrant_2(word);
    default: break;
  }
  switch (rv::f_opcode::get(word)) {
    case opcode::load: return detail::decode_load(word);
    case opcode::store: return detail::decode_store(word);
    case opcode::amo: return detail::decode_amo(word);
    case opcode::load_fp:
    case opcode::store_fp: return failure{undecoded::unsupported};
    default: return failure{undecoded::not_load_store};
  }
}

/// An access as htinst describes it: `access` has neither base nor immediate, and `distance` is how many bytes past its
/// start the fault was, which is other than 0 only for misaligned ones.
struct transformed_access {
  load_store access{};
  std::uint8_t distance{};
  friend constexpr bool operator==(transformed_access const&, transformed_access const&) = default;
};

/// What a transformed instruction in htinst says ("Transformed Instruction or Pseudoinstruction for mtinst or htinst").
/// `not_load_store` for zero, for pseudoinstructions and for every value that the manual does not describe.
[[nodiscard]] constexpr result<transformed_access, undecoded> decode_transformed(std::uint64_t htinst) {
  if ((htinst & 1) == 0 || (htinst >> 32) != 0) return failure{undecoded::not_load_store};
  // Bit 1 says whether the instruction was a compressed one; with it set this is the 32-bit equivalent.
  auto const word = static_cast<std::uint32_t>(htinst);
  auto access = decode_load_store(word | 2);
  if (!access) return failure{access.error()};
  std::uint8_t const distance = rv::f_rs1::get(word);
  access->rs1 = 0;
  access->immediate = 0;
  access->length = static_cast<std::uint8_t>(instruction_size(word));
  return transformed_access{*access, distance};
}

}  // namespace axhal::riscv64

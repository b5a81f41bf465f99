// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Instruction words: the fields that all decoders need, and which words are what.
namespace axhal::riscv64 {

/// Bits 6:0 of a 32-bit instruction (RISC-V Unprivileged Architecture, "RV32/64G Instruction Set Listings", table
/// "RISC-V base opcode map").
enum class opcode : std::uint8_t {
  load = 0x03,
  load_fp = 0x07,
  misc_mem = 0x0f,
  store = 0x23,
  store_fp = 0x27,
  amo = 0x2f,
  madd = 0x43,
  msub = 0x47,
  nmsub = 0x4b,
  nmadd = 0x4f,
  op_fp = 0x53,
  op_v = 0x57,
  system = 0x73,
  op_ve = 0x77,
};

/// Fields of 32-bit instructions ("Base Instruction Formats").
namespace rv {
using f_opcode = bit_field<opcode, 6, 0, std::uint32_t>;
using f_rd = bit_field<std::uint8_t, 11, 7, std::uint32_t>;
using f_funct3 = bit_field<unsigned, 14, 12, std::uint32_t>;
using f_rs1 = bit_field<std::uint8_t, 19, 15, std::uint32_t>;
using f_rs2 = bit_field<std::uint8_t, 24, 20, std::uint32_t>;
using f_funct5 = bit_field<unsigned, 31, 27, std::uint32_t>;  ///< which AMO; bits 26 and 25 are aq and rl
using f_funct7 = bit_field<unsigned, 31, 25, std::uint32_t>;
using f_imm_i = bit_field<std::uint32_t, 31, 20, std::uint32_t>;  ///< of I-type; CSR instructions have the number here
}  // namespace rv

/// Bytes of the instruction that begins with `word`: 2 for a compressed one, else 4
/// ("Expanded Instruction-Length Encoding"; longer ones are not in any ratified extension).
[[nodiscard]] constexpr unsigned instruction_size(std::uint32_t word) { return (word & 3) == 3 ? 4 : 2; }

/// Whole instruction words that exits are about.
namespace word {
inline constexpr std::uint32_t ecall = 0x0000'0073;
inline constexpr std::uint32_t wfi = 0x1050'0073;
inline constexpr std::uint32_t wrs_nto = 0x00d0'0073;  ///< Zawrs
inline constexpr std::uint32_t wrs_sto = 0x01d0'0073;
}  // namespace word

/// CSRRW, CSRRS, CSRRC and their immediate forms, and what each of them does to the register
/// (RISC-V Unprivileged Architecture, "Zicsr", table "Conditions determining whether a CSR instruction reads or writes
/// the specified CSR").
struct csr_instruction {
  enum class operation : std::uint8_t { write = 1, set = 2, clear = 3 };
  csr id{};
  operation op{};
  bool immediate{};       ///< the operand is the number `source`, not the register
  std::uint8_t rd{};      ///< where the old value goes
  std::uint8_t source{};  ///< register or number, 0..31
  friend constexpr bool operator==(csr_instruction const&, csr_instruction const&) = default;

  /// The register is read, with the effects of a read.
  [[nodiscard]] constexpr bool reads() const { return op != operation::write || rd != 0; }
  /// The register is written, with the effects of a write.
  [[nodiscard]] constexpr bool writes() const { return op == operation::write || source != 0; }
  /// What is written where `old` was, with `operand` in the source register.
  [[nodiscard]] constexpr std::uint64_t value(std::uint64_t old, std::uint64_t operand) const {
    std::uint64_t const bits = immediate ? source : operand;
    switch (op) {
      case operation::set: return old | bits;
      case operation::clear: return old & ~bits;
      case operation::write: break;
    }
    return bits;
  }
};

/// True for the six CSR instructions.
[[nodiscard]] constexpr bool is_csr_instruction(std::uint32_t instruction) {
  return rv::f_opcode::get(instruction) == opcode::system && (rv::f_funct3::get(instruction) & 3) != 0;
}
/// The fields of an instruction that `is_csr_instruction`.
[[nodiscard]] constexpr csr_instruction decode_csr_instruction(std::uint32_t instruction) {
  unsigned const funct3 = rv::f_funct3::get(instruction);
  return {.id = static_cast<csr>(rv::f_imm_i::get(instruction)),
          .op = static_cast<csr_instruction::operation>(funct3 & 3),
          .immediate = (funct3 & 4) != 0,
          .rd = rv::f_rd::get(instruction),
          .source = rv::f_rs1::get(instruction)};
}

/// The lowest privilege that reaches the register: bits 9:8 of the number. 0 is user, 1 supervisor, 2 hypervisor
/// ("CSR Address Mapping Conventions").
[[nodiscard]] constexpr unsigned lowest_privilege(csr id) { return (static_cast<unsigned>(id) >> 8) & 3; }
/// True for cycle, time, instret and hpmcounter3..31, which scounteren and hcounteren guard.
[[nodiscard]] constexpr bool is_counter(csr id) { return (static_cast<unsigned>(id) & ~31U) == 0xc00; }

namespace detail {

/// The width field of LOAD-FP and STORE-FP names a vector element, not an FP register
/// ("V", table "Vector load/store width encoding").
[[nodiscard]] constexpr bool is_vector_width(unsigned funct3) { return funct3 == 0 || funct3 >= 5; }

[[nodiscard]] constexpr bool is_fp_csr(csr id) { return id == csr::fflags || id == csr::frm || id == csr::fcsr; }
[[nodiscard]] constexpr bool is_vector_csr(csr id) {
  return id == csr::vstart || id == csr::vxsat || id == csr::vxrm || id == csr::vcsr || id == csr::vl ||
         id == csr::vtype || id == csr::vlenb;
}
[[nodiscard]] constexpr bool is_compressed_fp(std::uint32_t instruction) {
  // C.FLD, C.FSD, C.FLDSP, C.FSDSP: quadrants 0 and 2, funct3 1 and 5. RV64 has no C.FLW.
  return (instruction & 1) == 0 && ((instruction >> 13) & 3) == 1;
}

}  // namespace detail

/// True for instructions that are illegal while FS is Off: loads, stores, arithmetic and moves of FP registers,
/// compressed ones too, vector instructions with FP operands, and accesses to fflags, frm and fcsr
/// (RISC-V Privileged Architecture, "Extension Context Status in mstatus Register").
[[nodiscard]] constexpr bool uses_fp(std::uint32_t instruction) {
  if (instruction_size(instruction) == 2) return detail::is_compressed_fp(instruction);
  unsigned const funct3 = rv::f_funct3::get(instruction);
  switch (rv::f_opcode::get(instruction)) {
    case opcode::load_fp:
    case opcode::store_fp: return !detail::is_vector_width(funct3);
    case opcode::madd:
    case opcode::msub:
    case opcode::nmsub:
    case opcode::nmadd:
    case opcode::op_fp: return true;
    case opcode::op_v: return funct3 == 1 || funct3 == 5;  // OPFVV, OPFVF
    case opcode::system:
      return is_csr_instruction(instruction) && detail::is_fp_csr(decode_csr_instruction(instruction).id);
    default: return false;
  }
}

/// True for instructions that are illegal while VS is Off: vector loads, stores, arithmetic, configuration and
/// cryptography, and accesses to vstart, vxsat, vxrm, vcsr, vl, vtype and vlenb
/// (RISC-V Unprivileged Architecture, "V", "Vector Context Status in mstatus").
[[nodiscard]] constexpr bool uses_vector(std::uint32_t instruction) {
  if (instruction_size(instruction) == 2) return false;
  switch (rv::f_opcode::get(instruction)) {
    case opcode::load_fp:
    case opcode::store_fp: return detail::is_vector_width(rv::f_funct3::get(instruction));
    case opcode::op_v:
    case opcode::op_ve: return true;
    case opcode::system:
      return is_csr_instruction(instruction) && detail::is_vector_csr(decode_csr_instruction(instruction).id);
    default: return false;
  }
}

}  // namespace axhal::riscv64

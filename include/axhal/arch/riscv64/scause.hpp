// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Why a guest stopped, as scause and htinst say it.
namespace axhal::riscv64 {

/// Numbers of exceptions, as scause has them and as bits of hedeleg
/// (RISC-V Privileged Architecture, "Supervisor Cause (scause) Register", and "Trap Cause Codes" of the hypervisor
/// extension).
enum class exception : std::uint8_t {
  instruction_misaligned = 0,
  instruction_access = 1,
  illegal_instruction = 2,
  breakpoint = 3,
  load_misaligned = 4,
  load_access = 5,
  store_misaligned = 6,  ///< stores and AMOs, here and below
  store_access = 7,
  ecall_u = 8,  ///< from U-mode or VU-mode
  ecall_s = 9,  ///< from HS-mode
  ecall_vs = 10,
  ecall_m = 11,
  instruction_page = 12,
  load_page = 13,
  store_page = 15,
  double_trap = 16,     ///< Smdbltrp, Ssdbltrp
  software_check = 18,  ///< Zicfilp, Zicfiss
  hardware_error = 19,
  instruction_guest_page = 20,
  load_guest_page = 21,
  virtual_instruction = 22,
  store_guest_page = 23,
};

/// The bit of an exception in hedeleg.
[[nodiscard]] constexpr std::uint64_t bit(exception e) { return std::uint64_t{1} << static_cast<unsigned>(e); }

/// scause as a whole.
namespace scause {
using f_interrupt = bit_field<bool, 63>;
using f_code = bit_field<std::uint64_t, 62, 0>;
static_assert(disjoint_fields<f_interrupt, f_code>);

/// The word of an exception.
[[nodiscard]] constexpr std::uint64_t of(exception e) { return static_cast<std::uint64_t>(e); }
/// The word of interrupt `n`.
[[nodiscard]] constexpr std::uint64_t of_interrupt(unsigned n) { return f_interrupt::mask | n; }
}  // namespace scause

/// htinst of faults that the walk of the guest's own tables caused ("Transformed Instruction or Pseudoinstruction for
/// mtinst or htinst", table "Special pseudoinstruction values for guest-page faults").
namespace htinst {
inline constexpr std::uint64_t walk_read_32 = 0x2000;
inline constexpr std::uint64_t walk_write_32 = 0x2020;  ///< A or D was to be set
inline constexpr std::uint64_t walk_read_64 = 0x3000;
inline constexpr std::uint64_t walk_write_64 = 0x3020;
/// True for the four values above.
[[nodiscard]] constexpr bool is_walk(std::uint64_t word) { return (word & ~std::uint64_t{0x1020}) == walk_read_32; }
/// True when `is_walk` and the walk was to write.
[[nodiscard]] constexpr bool is_walk_write(std::uint64_t word) { return is_walk(word) && (word & 0x20) != 0; }
static_assert(is_walk(walk_read_32) && is_walk(walk_write_32) && is_walk(walk_read_64) && is_walk(walk_write_64));
}  // namespace htinst

/// Which part of htinst is believed. A CPU may leave it 0 for an access of the guest's own, and then the instruction is
/// read from the guest; for faults of a walk it has to tell.
enum class htinst_use : std::uint8_t {
  whole,  ///< what is there
  walks,  ///< that a walk faulted; every other value is taken for 0: for CPUs that are wrong about instructions
};
/// `word` as far as it is believed.
template <htinst_use Use>
[[nodiscard]] constexpr std::uint64_t believed_htinst(std::uint64_t word) {
  return Use == htinst_use::whole || htinst::is_walk(word) ? word : 0;
}

}  // namespace axhal::riscv64

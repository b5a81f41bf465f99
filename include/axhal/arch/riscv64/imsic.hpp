// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/core/bit_field.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

/// The Incoming MSI Controller of a hart (RISC-V Advanced Interrupt Architecture, "Incoming MSI Controller (IMSIC)").
namespace axhal::riscv64 {

/// A way to registers of an interrupt file: `swap<Id>(v)` writes and returns what was there, in one step (CSRRW).
template <typename H>
concept CsrSwap = CsrAccess<H> && requires(std::uint64_t v) {
  { H::template swap<csr::stopei>(v) } -> std::same_as<std::uint64_t>;
};

/// Registers of an interrupt file, by the value of siselect or vsiselect ("CSRs for external interrupts via an IMSIC").
/// With XLEN 64 the odd ones of the two arrays do not exist.
namespace imsic_registers {
inline constexpr std::uint64_t eidelivery = 0x70;      ///< 1: interrupts of this file are delivered
inline constexpr std::uint64_t eithreshold = 0x72;     ///< 0, or: only smaller identities pass
inline constexpr std::uint64_t eip0 = 0x80;            ///< pending bits
inline constexpr std::uint64_t eie0 = 0xc0;            ///< enable bits
inline constexpr std::uint32_t max_identities = 2047;  ///< a file has 1 to so many, or fewer
/// The pending bits of the 64 identities from `word * 64` on.
[[nodiscard]] constexpr std::uint64_t eip(std::uint32_t word) { return eip0 + std::uint64_t{word} * 2; }
/// The enable bits of the 64 identities from `word * 64` on.
[[nodiscard]] constexpr std::uint64_t eie(std::uint32_t word) { return eie0 + std::uint64_t{word} * 2; }
// In the page of an interrupt file ("Memory region for an interrupt file"):
inline constexpr std::uint64_t seteipnum_le = 0x000;  ///< an identity written here is pending
inline constexpr std::uint64_t seteipnum_be = 0x004;  ///< the same, big-endian
}  // namespace imsic_registers

/// stopei and vstopei ("Top external interrupt CSRs").
namespace topei {
using f_priority = bit_field<std::uint32_t, 10, 0>;
using f_identity = bit_field<std::uint32_t, 26, 16>;
static_assert(disjoint_fields<f_priority, f_identity>);
}  // namespace topei

/// Where the pages of interrupt files are ("Arrangement of the memory regions of multiple interrupt files"), as the
/// device tree has it: "riscv,hart-index-bits", "riscv,guest-index-bits", "riscv,group-index-bits" and
/// "riscv,group-index-shift". Without the first, it is the number of bits that the harts need.
struct imsic_layout {
  unsigned hart_index_bits{};      ///< 0..14
  unsigned guest_index_bits{};     ///< 0..6
  unsigned group_index_bits{};     ///< 0..7
  unsigned group_index_shift{24};  ///< 24..55

  /// The offset of a file's page from the first one. Guest 0 is the supervisor's file.
  [[nodiscard]] constexpr std::uint64_t page_of(std::uint32_t hart_index, std::uint32_t guest = 0) const {
    std::uint64_t const hart = hart_index & low_bits(hart_index_bits);
    std::uint64_t const group = std::uint64_t{hart_index} >> (hart_index_bits & 31) & low_bits(group_index_bits);
    std::uint64_t const file = guest & low_bits(guest_index_bits);
    return group << (group_index_shift & 63) | hart << (12 + guest_index_bits) | file << 12;
  }
  /// True when there is such a page.
  [[nodiscard]] constexpr bool contains(std::uint32_t hart_index, std::uint32_t guest = 0) const {
    return hart_index <= low_bits(hart_index_bits + group_index_bits) && guest <= low_bits(guest_index_bits);
  }
};

/// One interrupt file of the hart this code runs on, by its three registers. Stateless. A value of the select register
/// stands between two instructions: mask interrupts where a handler uses the same file.
template <CsrSwap Hart, csr Select, csr Reg, csr Top>
struct interrupt_file {
  // Registers by their number (`imsic_registers`). Precondition: the file has this one.
  [[nodiscard]] static std::uint64_t read(std::uint64_t reg) {
    Hart::template write<Select>(reg);
    return Hart::template read<Reg>();
  }
  static void write(std::uint64_t reg, std::uint64_t value) {
    Hart::template write<Select>(reg);
    Hart::template write<Reg>(value);
  }
  static void set(std::uint64_t reg, std::uint64_t bits) {
    Hart::template write<Select>(reg);
    Hart::template set<Reg>(bits);
  }
  static void clear(std::uint64_t reg, std::uint64_t bits) {
    Hart::template write<Select>(reg);
    Hart::template clear<Reg>(bits);
  }

  /// Takes the most urgent identity that is pending and enabled; 0 when there is none. Does not use the select
  /// register.
  [[nodiscard]] static std::uint32_t claim() { return topei::f_identity::get(Hart::template swap<Top>(0)); }
  /// The same without taking it.
  [[nodiscard]] static std::uint32_t top() { return topei::f_identity::get(Hart::template read<Top>()); }

  // Pending and enable bits. Precondition: `identity` is one that the file has.
  static void enable(std::uint32_t identity) { set(imsic_registers::eie(identity / 64), bit_of(identity)); }
  static void disable(std::uint32_t identity) { clear(imsic_registers::eie(identity / 64), bit_of(identity)); }
  [[nodiscard]] static bool is_enabled(std::uint32_t identity) {
    return (read(imsic_registers::eie(identity / 64)) & bit_of(identity)) != 0;
  }
  static void set_pending(std::uint32_t identity) { set(imsic_registers::eip(identity / 64), bit_of(identity)); }
  static void clear_pending(std::uint32_t identity) { clear(imsic_registers::eip(identity / 64), bit_of(identity)); }
  [[nodiscard]] static bool is_pending(std::uint32_t identity) {
    return (read(imsic_registers::eip(identity / 64)) & bit_of(identity)) != 0;
  }

  /// The highest identity there is, at most `limit`: that is "riscv,num-ids", or 63, which every file has. Registers
  /// past the last one trap on some machines, so they are not looked at. Leaves all identities disabled.
  [[nodiscard]] static std::uint32_t count_identities(std::uint32_t limit) {
    if (limit > imsic_registers::max_identities) limit = imsic_registers::max_identities;
    std::uint32_t highest = 0;
    for (std::uint32_t word = 0; word <= limit / 64; ++word) {
      write(imsic_registers::eie(word), ~std::uint64_t{0});
      std::uint64_t const there = read(imsic_registers::eie(word));
      write(imsic_registers::eie(word), 0);
      if (there != 0) highest = word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(there));
    }
    return highest < limit ? highest : limit;
  }
  /// Nothing pending, nothing enabled of the identities up to `identities`; every identity passes, none is delivered.
  static void reset(std::uint32_t identities) {
    write(imsic_registers::eidelivery, 0);
    write(imsic_registers::eithreshold, 0);
    for (std::uint32_t word = 0; word <= identities / 64; ++word) {
      write(imsic_registers::eie(word), 0);
      write(imsic_registers::eip(word), 0);
    }
  }

  [[nodiscard]] static constexpr std::uint64_t bit_of(std::uint32_t identity) {
    return std::uint64_t{1} << identity % 64;
  }
};

/// The supervisor's interrupt file of this hart.
template <CsrSwap Hart>
using supervisor_file = interrupt_file<Hart, csr::siselect, csr::sireg, csr::stopei>;

/// The guest interrupt file that hstatus.VGEIN selects. vsiselect belongs to the guest: the caller keeps its value.
template <CsrSwap Hart>
using guest_file = interrupt_file<Hart, csr::vsiselect, csr::vsireg, csr::vstopei>;

}  // namespace axhal::riscv64

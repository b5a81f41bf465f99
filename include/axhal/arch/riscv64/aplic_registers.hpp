// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Registers of one interrupt domain of an Advanced Platform-Level Interrupt Controller as offsets and fields (RISC-V
/// Advanced Interrupt Architecture, "Advanced Platform-Level Interrupt Controller (APLIC)"). All are 32 bits wide.
namespace axhal::riscv64 {

/// A field of an APLIC register.
template <typename Value, unsigned Msb, unsigned Lsb = Msb>
using aplic_field = bit_field<Value, Msb, Lsb, std::uint32_t>;

/// The control region of an interrupt domain ("Memory-mapped control region for an interrupt domain").
struct aplic_registers {
  //                                                        access  what
  static constexpr std::uint64_t domaincfg = 0x0000;     // rw     delivers at all, and how
  static constexpr std::uint64_t sourcecfg = 0x0000;     // rw     from source 1 on: trigger
  static constexpr std::uint64_t mmsiaddrcfg = 0x1bc0;   // rw     where MSIs go; machine-level domains alone
  static constexpr std::uint64_t mmsiaddrcfgh = 0x1bc4;  // rw
  static constexpr std::uint64_t smsiaddrcfg = 0x1bc8;   // rw
  static constexpr std::uint64_t smsiaddrcfgh = 0x1bcc;  // rw
  static constexpr std::uint64_t setip = 0x1c00;         // rw     1 bit a source: make pending
  static constexpr std::uint64_t setipnum = 0x1cdc;      // wo     the same by number
  static constexpr std::uint64_t in_clrip = 0x1d00;      // rw     r: rectified inputs, w: make not pending
  static constexpr std::uint64_t clripnum = 0x1ddc;      // wo     the same by number
  static constexpr std::uint64_t setie = 0x1e00;         // rw     1 bit a source: enable
  static constexpr std::uint64_t setienum = 0x1edc;      // wo     the same by number
  static constexpr std::uint64_t clrie = 0x1f00;         // wo     1 bit a source: disable
  static constexpr std::uint64_t clrienum = 0x1fdc;      // wo     the same by number
  static constexpr std::uint64_t setipnum_le = 0x2000;   // wo     setipnum in a fixed byte order
  static constexpr std::uint64_t setipnum_be = 0x2004;   // wo
  static constexpr std::uint64_t genmsi = 0x3000;        // rw     sends an MSI of its own
  static constexpr std::uint64_t target = 0x3000;        // rw     from source 1 on: where to, how urgent
  static constexpr std::uint64_t idc = 0x4000;           // one for each hart index, direct delivery
  static constexpr std::uint64_t idc_stride = 0x20;
  static constexpr std::uint32_t max_sources = 1023;  // source 0 means "none"
  static constexpr std::uint32_t max_harts = 16384;

  // In an IDC structure ("Interrupt delivery control (IDC) structure"):
  static constexpr std::uint64_t idelivery = 0x00;   // rw  delivers to this hart at all
  static constexpr std::uint64_t iforce = 0x04;      // rw  asserts a spurious one
  static constexpr std::uint64_t ithreshold = 0x08;  // rw  0, or: only smaller priority numbers pass
  static constexpr std::uint64_t topi = 0x18;        // ro  the most urgent one
  static constexpr std::uint64_t claimi = 0x1c;      // ro  the same, taken

  [[nodiscard]] static constexpr std::uint64_t sourcecfg_of(std::uint32_t source) {
    return sourcecfg + std::uint64_t{source} * 4;
  }
  [[nodiscard]] static constexpr std::uint64_t target_of(std::uint32_t source) {
    return target + std::uint64_t{source} * 4;
  }
  /// Register `reg` of the IDC structure of hart index `hart`.
  [[nodiscard]] static constexpr std::uint64_t idc_of(std::uint32_t hart, std::uint64_t reg) {
    return idc + hart * idc_stride + reg;
  }
};

/// domaincfg ("Domain configuration (domaincfg)").
struct aplic_domaincfg {
  using f_be = aplic_field<bool, 0>;                    ///< registers are big-endian
  using f_dm = aplic_field<bool, 2>;                    ///< delivery mode: MSI, or else direct
  using f_ie = aplic_field<bool, 8>;                    ///< interrupts are signaled or forwarded
  static constexpr std::uint32_t marker = 0x8000'0000;  ///< bits 31:24 read as 0x80
};

/// Source modes ("Source configurations (sourcecfg[1]-sourcecfg[1023])").
enum class aplic_source_mode : std::uint32_t {
  inactive = 0,
  detached = 1,  ///< pending by register alone
  edge1 = 4,     ///< rising
  edge0 = 5,     ///< falling
  level1 = 6,    ///< high
  level0 = 7,    ///< low
};

/// sourcecfg.
struct aplic_sourcecfg {
  using f_sm = aplic_field<aplic_source_mode, 2, 0>;
  using f_child_index = aplic_field<std::uint32_t, 9, 0>;  ///< with D
  using f_d = aplic_field<bool, 10>;                       ///< delegated to a child domain
};

/// target ("Interrupt targets (target[1]-target[1023])").
struct aplic_target {
  using f_iprio = aplic_field<std::uint32_t, 7, 0>;          ///< direct delivery: 1 is most urgent
  using f_eiid = aplic_field<std::uint32_t, 10, 0>;          ///< by MSI: the identity
  using f_guest_index = aplic_field<std::uint32_t, 17, 12>;  ///< by MSI: 0 is the supervisor's file
  using f_hart_index = aplic_field<std::uint32_t, 31, 18>;
};

/// genmsi ("Generate MSI (genmsi)").
struct aplic_genmsi {
  using f_eiid = aplic_field<std::uint32_t, 10, 0>;
  using f_busy = aplic_field<bool, 12>;
  using f_hart_index = aplic_field<std::uint32_t, 31, 18>;
};

/// topi and claimi ("Top interrupt (topi)").
struct aplic_topi {
  using f_priority = aplic_field<std::uint32_t, 7, 0>;
  using f_identity = aplic_field<std::uint32_t, 25, 16>;
};

static_assert(disjoint_fields<aplic_domaincfg::f_be, aplic_domaincfg::f_dm, aplic_domaincfg::f_ie>);
static_assert(disjoint_fields<aplic_sourcecfg::f_child_index, aplic_sourcecfg::f_d>);
static_assert(disjoint_fields<aplic_target::f_iprio, aplic_target::f_hart_index>);
static_assert(disjoint_fields<aplic_target::f_eiid, aplic_target::f_guest_index, aplic_target::f_hart_index>);
static_assert(disjoint_fields<aplic_genmsi::f_eiid, aplic_genmsi::f_busy, aplic_genmsi::f_hart_index>);
static_assert(disjoint_fields<aplic_topi::f_priority, aplic_topi::f_identity>);

}  // namespace axhal::riscv64

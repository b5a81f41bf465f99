// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// What the hypervisor extension is set to while guests run. Everything that is not named here is zero.
struct hypervisor_controls {
  /// The guest's own exceptions go to the guest (hedeleg). Illegal instructions come to the host as long as a guest's
  /// first use of an FP register has to be seen, which is one; `fp_settled`: not any more, or never.
  [[nodiscard]] static constexpr std::uint64_t hedeleg(bool fp_settled) {
    std::uint64_t const always =
        bit(exception::instruction_misaligned) | bit(exception::instruction_access) | bit(exception::breakpoint) |
        bit(exception::load_misaligned) | bit(exception::load_access) | bit(exception::store_misaligned) |
        bit(exception::store_access) | bit(exception::ecall_u) | bit(exception::instruction_page) |
        bit(exception::load_page) | bit(exception::store_page) | bit(exception::software_check);
    return always | (fp_settled ? bit(exception::illegal_instruction) : 0);
  }

  /// The guest's three interrupts go to the guest (hideleg).
  static constexpr std::uint64_t hideleg =
      interrupt::bit(interrupt::vssi) | interrupt::bit(interrupt::vsti) | interrupt::bit(interrupt::vsei);

  /// Guests read the time, and no cycle or event counter: these tell one guest of another (hcounteren).
  static constexpr std::uint64_t hcounteren = counteren::f_tm::mask;

  /// hstatus of a guest that stopped in, or starts in, VS-mode: 64 bits, SRET enters it, WFI is an exit.
  static constexpr std::uint64_t hstatus_guest =
      hstatus::f_spv::make(true) | hstatus::f_spvp::make(true) | hstatus::f_vtw::make(true) | hstatus::f_vsxl::make(2);
  /// sstatus to enter VS-mode with: FP and vector state off at HS level.
  static constexpr std::uint64_t sstatus_guest = sstatus::f_spp::make(true) | sstatus::f_uxl::make(sstatus::uxl_64);

  /// What guests may use of henvcfg where the CPU has it: cache-block operations, page-based memory types, hardware
  /// updating of A and D, Sstc. Landing pads, shadow stacks and double traps are hidden.
  ///
  /// CBO.INVAL flushes: if it threw lines away, a guest would read what its memory held before the host cleared it
  /// (RISC-V Cache Management Operations, "Control and Status Register State").
  static constexpr std::uint64_t henvcfg = envcfg::f_cbie::make(1) | envcfg::f_cbcfe::mask | envcfg::f_cbze::mask |
                                           envcfg::f_adue::mask | envcfg::f_pbmte::mask | envcfg::f_stce::mask;

  /// Guests reach senvcfg, and no other state that hstateen0 guards ("hstateen0", Smstateen: bit 62 is ENVCFG).
  static constexpr std::uint64_t hstateen0 = std::uint64_t{1} << 62;
};

/// What a CPU has beyond the least that the hypervisor extension comes with.
struct h_features {
  std::uint64_t henvcfg{};  ///< those of `hypervisor_controls::henvcfg` that guests have here
  bool has_envcfg{};        ///< senvcfg and henvcfg are there (privileged architecture 1.12)
  bool has_stateen{};       ///< Smstateen: hstateen0
  bool has_aia{};           ///< vsiselect is there (Ssaia; Sscsrind alone has it too)
  bool has_jvt{};           ///< Zcmt's table register, which nothing but Smstateen could hide
  bool has_scontext{};      ///< scontext (Sdtrig), likewise
  bool has_d{};             ///< FP registers have 64 bits (D); without, guests have none

  [[nodiscard]] constexpr bool sstc() const { return envcfg::f_stce::get(henvcfg); }
};

}  // namespace axhal::riscv64

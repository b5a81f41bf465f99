// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::board {

/// QEMU's `-M virt` for RISC-V (hw/riscv/virt.c of QEMU 8 to 10; the addresses are part of what QEMU promises to the
/// firmware it starts). What the device tree tells at run time wins over these facts where a program reads it.
struct qemu_virt_riscv64 {
  static constexpr host_range devices{{0}, 2 * gib};           ///< all devices lie below RAM
  static constexpr host_phys ram{0x8000'0000};                 ///< where RAM starts; its size is the user's choice
  static constexpr host_range plic{{0x0c00'0000}, 0x60'0000};  ///< with aia=none
  static constexpr host_range aplic_supervisor{{0x0d00'0000}, 0x8000};      ///< with aia=aplic and aia=aplic-imsic
  static constexpr host_range imsic_supervisor{{0x2800'0000}, 0x100'0000};  ///< with aia=aplic-imsic
  static constexpr host_range uart{{0x1000'0000}, 0x100};                   ///< 16550, a register a byte
  static constexpr hertz uart_clock{3'686'400};

  static constexpr irq_number uart_irq{10};           ///< source of the PLIC and of the APLIC alike
  static constexpr std::uint32_t plic_sources = 95;   ///< 1 to this: "riscv,ndev"
  static constexpr std::uint32_t aplic_sources = 96;  ///< 1 to this: "riscv,num-sources"

  static constexpr unsigned max_cpus = 8;

  /// The PLIC's context of a hart's S-mode; M-mode has the one before.
  [[nodiscard]] static constexpr std::uint32_t supervisor_context(std::uint64_t hartid) {
    return static_cast<std::uint32_t>(2 * hartid + 1);
  }

  /// Where a hypervisor image is linked: where firmware jumps to, one 2 MiB block for each right.
  struct image {
    static constexpr host_phys text{0x8020'0000};
    static constexpr host_phys rodata{0x8040'0000};
    static constexpr host_phys data{0x8060'0000};
    static constexpr std::uint64_t block = 2 * mib;
  };
};

}  // namespace axhal::board

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::board {

/// QEMU's `-M virt,virtualization=on,gic-version=2` for AArch64 (hw/arm/virt.c of QEMU 8 to 10; the addresses are part
/// of what QEMU promises to the firmware it starts). What the device tree tells at run time wins over these facts where
/// a program reads it.
struct qemu_virt_aarch64 {
  static constexpr host_range devices{{0}, gib};  ///< all devices lie below RAM
  static constexpr host_phys ram{0x4000'0000};    ///< where RAM starts; its size is the user's choice
  static constexpr host_range gic_distributor{{0x0800'0000}, 0x1'0000};
  static constexpr host_range gic_cpu_interface{{0x0801'0000}, 0x1'0000};
  static constexpr host_range gic_virtual_control{{0x0803'0000}, 0x1'0000};  ///< GICH
  static constexpr host_range gic_virtual_cpu{{0x0804'0000}, 0x1'0000};      ///< GICV
  static constexpr host_range uart{{0x0900'0000}, 0x1000};                   ///< PL011
  static constexpr hertz uart_clock{24'000'000};

  static constexpr irq_number uart_irq{33};              ///< SPI 1
  static constexpr irq_number maintenance_irq{25};       ///< PPI 9
  static constexpr irq_number hypervisor_timer_irq{26};  ///< PPI 10
  static constexpr irq_number virtual_timer_irq{27};     ///< PPI 11
  static constexpr irq_number secure_timer_irq{29};      ///< PPI 13
  static constexpr irq_number physical_timer_irq{30};    ///< PPI 14

  /// An interrupt that becomes pending while it is active is not signalled when a guest deactivates it through a list
  /// register, only at the next access to the physical controller or the next change of any line (docs/emulators.md).
  static constexpr bool gic_forgets_pending_behind_active = true;

  static constexpr unsigned max_cpus = 8;  ///< what a GICv2 can address

  /// Where a hypervisor image is linked: the first 2 MiB boundary that `-kernel` uses, one 2 MiB block for each right.
  struct image {
    static constexpr host_phys text{0x4020'0000};
    static constexpr host_phys rodata{0x4040'0000};
    static constexpr host_phys data{0x4060'0000};
    static constexpr std::uint64_t block = 2 * mib;
  };
};

}  // namespace axhal::board

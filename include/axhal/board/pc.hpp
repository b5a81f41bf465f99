// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::board {

/// What every PC has at the same place, in memory and among the I/O ports, and where an image for it is linked. What
/// differs (I/O APICs, HPET, power management) ACPI tells.
struct pc {
  // --- I/O ports ---
  static constexpr std::uint16_t pic_master = 0x20;
  static constexpr std::uint16_t pit = 0x40;
  static constexpr std::uint16_t speaker = 0x61;
  static constexpr std::uint16_t keyboard_status = 0x64;
  static constexpr std::uint16_t cmos = 0x70;
  static constexpr std::uint16_t pic_slave = 0xa0;
  static constexpr std::uint16_t com1 = 0x3f8;
  static constexpr std::uint16_t edge_level = 0x4d0;
  static constexpr std::uint16_t reset_control = 0xcf9;

  // --- interrupts of the ISA bus ---
  static constexpr unsigned pit_irq = 0;
  static constexpr unsigned com1_irq = 4;
  static constexpr unsigned cmos_irq = 8;

  static constexpr hertz uart_clock{1'843'200};

  // --- memory ---
  static constexpr host_range io_apic{{0xfec0'0000}, 0x1000};
  static constexpr host_range local_apic{{0xfee0'0000}, 0x1000};
  /// The last GiB below 4 GiB: no RAM is looked for there, devices are.
  static constexpr host_range devices{{0xc000'0000}, gib};
  static constexpr host_phys ram{0};
  /// As many as a local APIC has names for in xAPIC mode; how many there are, the MADT tells.
  static constexpr unsigned max_cpus = 255;

  /// Where an image's three parts are: one block of 2 MiB for each right.
  struct image {
    static constexpr std::uint64_t block = 2 * mib;
    static constexpr host_phys text{2 * mib};
    static constexpr host_phys rodata{4 * mib};
    static constexpr host_phys data{6 * mib};
  };
};

}  // namespace axhal::board

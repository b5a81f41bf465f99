// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/port_window.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The pair of 8259As that every PC once had, and which nothing is to come from where I/O APICs are used (8259A data
/// sheet, "Programming the 8259A").
template <PortInstructions I>
struct i8259_host {
  static constexpr std::uint16_t master = 0x20;  ///< command; data is the next port
  static constexpr std::uint16_t slave = 0xa0;
  static constexpr std::uint8_t cascade = 2;  ///< the master's input that the slave drives

  /// Initialises both for vectors from `first` on, 16 of them, `first` a multiple of 8, and masks every input. A masked
  /// 8259 still makes one interrupt for a line that was withdrawn too late, its input 7: after reset that would be an
  /// exception's vector. For machines whose MADT says that there are 8259s (`acpi_madt::has_legacy_controllers`).
  static void mask_all(std::uint8_t first) {
    // ICW1: edges, cascaded, ICW4 comes. What was in service is forgotten.
    write(master, 0x11);
    write(slave, 0x11);
    // ICW2: the upper five bits of the vectors.
    write(master + 1, static_cast<std::uint8_t>(first & 0xf8));
    write(slave + 1, static_cast<std::uint8_t>((first & 0xf8) + 8));
    // ICW3: where the other one is.
    write(master + 1, 1U << cascade);
    write(slave + 1, cascade);
    // ICW4: vectors as this kind of processor wants them, ends of interrupts told.
    write(master + 1, 0x01);
    write(slave + 1, 0x01);
    // OCW1: all masked.
    write(slave + 1, 0xff);
    write(master + 1, 0xff);
  }

 private:
  static constexpr std::uint16_t diagnostics = 0x80;  ///< of the power-on test; a write takes about a microsecond

  static void write(std::uint16_t port, std::uint8_t value) {
    I::out8(port, value);
    // Old ones need a moment before the next command.
    I::out8(diagnostics, 0);
  }
};

}  // namespace axhal::x86_64

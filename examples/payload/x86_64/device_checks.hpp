// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "interrupt_checks.hpp"

#include <axhal/boot/acpi_madt.hpp>

#include <cstdint>
#include <initializer_list>

// A PC's devices: I/O APIC, 8259 pair, 8254, 16550, CMOS clock, ACPI's timer and tables.
namespace payload {

inline void pit_by_io_apic(machine const& m) {
  check("I/O APIC: pins", (io_apic_read(1) >> 16 & 0xff) >= 23, 1);
  check("I/O APIC: the version", (io_apic_read(1) & 0xff) >= 0x11, 1);
  constexpr std::uint32_t entry = 0x10 + 2 * 2;
  io_apic_write(entry + 1, 0);
  io_apic_write(entry, masked | 0x61);
  check("I/O APIC: an entry", io_apic_read(entry) & 0x1'ffff, masked | 0x61);
  forget_interrupts();
  start_pit(1193);  // a millisecond
  cpu::sti();
  m.pause(3);
  cpu::cli();
  check("the 8254, masked", taken_count[0x61], 0);
  io_apic_write(entry, 0x61);
  cpu::sti();
  static_cast<void>(m.wait_for([] { return taken_count[0x61] >= 5; }));
  cpu::cli();
  check("the 8254 through pin 2", taken_count[0x61] >= 5, 1);
  auto const before = taken_count[0x61];
  for (unsigned i = 0; i < 3; ++i) run(CODE("sti\n\thlt\n\tcli"));
  check("HLT ends with the 8254", taken_count[0x61] >= before + 3, 1);
  io_apic_write(entry, masked | 0x61);
}

inline void pit_by_pic(machine const& m) {
  forget_interrupts();
  end_of_interrupt = end_at_pic;
  apic_write(apic_reg::lvt_lint0, mode_extint);
  check("8259: the mask is read back", cpu::in8(0x21), 0xff);
  cpu::out8(0x21, 0xfe);
  cpu::sti();
  static_cast<void>(m.wait_for([] { return taken_count[pic_vectors] >= 5; }));
  cpu::cli();
  check("the 8254 through the 8259", taken_count[pic_vectors] >= 5, 1);
  cpu::out8(0x21, 0xff);
  // A request waits behind the mask.
  m.pause(3);
  cpu::out8(0x20, 0x0a);
  // Not in the moment in which the 8254's output is low.
  check("8259: IRR", m.wait_for([] { return (cpu::in8(0x20) & 1) != 0; }), 1);
  cpu::out8(0x20, 0x0b);
  check("8259: nothing in service", cpu::in8(0x20), 0);
  apic_write(apic_reg::lvt_lint0, masked | mode_extint);
  end_of_interrupt = end_at_apic;
}

inline void pit_counter(machine const& m) {
  auto const latched = [] {
    cpu::out8(0x43, 0x00);
    auto const low = cpu::in8(0x40);
    return std::uint64_t{low} | std::uint64_t{cpu::in8(0x40)} << 8;
  };
  start_pit(0xffff);
  m.pause(1);
  auto const first = latched();
  m.pause(10);
  auto const second = latched();
  // 10 ms are 11932 ticks; an emulator is as late as it likes, not early.
  check("8254: it counts down", first > second && first - second > 11'000, 1);
  cpu::out8(0x43, 0xe2);
  auto const status = cpu::in8(0x40);
  check("8254: the status has mode 2 and both bytes", status & 0x3f, 0x34);
  start_pit(2000, 0x30);
  m.pause(4);
  cpu::out8(0x43, 0xe2);
  check("8254: the output of mode 0 is up at its end", cpu::in8(0x40) >> 7, 1);
  start_pit(0xffff);
}

inline void uart(machine const& m) {
  using axhal::text;
  auto const keeps = [](text what, std::uint16_t port, std::uint8_t value) {
    cpu::out8(port, value);
    check(what, cpu::in8(port), value);
  };
  while ((cpu::in8(com1 + 5) & 0x40) == 0) cpu::relax();
  keeps("16550: SCR", com1 + 7, 0x5a);
  cpu::out8(com1 + 3, 0x83);
  keeps("16550: DLL", com1, 0x01);
  keeps("16550: DLM", com1 + 1, 0x00);
  keeps("16550: LCR", com1 + 3, 0x03);
  cpu::out8(com1 + 4, 0x1f);
  check("16550: the modem's lines in a loop", cpu::in8(com1 + 6) & 0xf0, 0xf0);
  cpu::out8(com1, 0xa7);
  static_cast<void>(m.wait_for([] { return (cpu::in8(com1 + 5) & 1) != 0; }));
  check("16550: a byte in a loop", cpu::in8(com1), 0xa7);
  cpu::out8(com1 + 4, 0x0b);
  check("16550: no interrupt", cpu::in8(com1 + 2) & 0x0f, 1);
  // The transmitter is empty: through pin 4, as an edge.
  constexpr std::uint32_t entry = 0x10 + 2 * 4;
  forget_interrupts();
  io_apic_write(entry + 1, 0);
  io_apic_write(entry, 0x64);
  cpu::out8(com1 + 1, 0x02);
  expect_interrupt(m, "16550: the transmitter's interrupt", 0x64, 1);
  check("16550: IIR says why", cpu::in8(com1 + 2) & 0x0f, 2);
  check("16550: and has said it", cpu::in8(com1 + 2) & 0x0f, 1);
  cpu::out8(com1 + 1, 0);
  io_apic_write(entry, masked);
  // Level-triggered: once more if the line is up at its end, of which Bochs's own machine knows nothing.
  if (m.is_intel() && !m.is_ours()) return;
  forget_interrupts();
  io_apic_write(entry, 0x8000 | 0x64);
  end_of_interrupt = [](std::uint64_t) {
    if (taken_count[0x64] == 3) cpu::out8(com1 + 1, 0);
    apic_write(apic_reg::eoi, 0);
  };
  cpu::out8(com1 + 1, 0x02);
  expect_interrupt(m, "16550: a level that stays up", 0x64, 3);
  end_of_interrupt = end_at_apic;
  io_apic_write(entry, masked);
}

inline void clocks(machine const& m) {
  auto const cmos = [](std::uint8_t at) {
    cpu::out8(0x70, at);
    return cpu::in8(0x71);
  };
  check("CMOS: the clock's power is good", cmos(0x0d) & 0x80, 0x80);
  auto const binary = (cmos(0x0b) & 4) != 0;
  auto const value = [&](std::uint8_t at) {
    auto const v = cmos(at);
    return binary ? v : static_cast<std::uint8_t>((v >> 4) * 10 + (v & 15));
  };
  while ((cmos(0x0a) & 0x80) != 0) cpu::relax();
  check("CMOS: seconds", value(0) < 60, 1);
  check("CMOS: minutes", value(2) < 60, 1);
  check("CMOS: month", value(8) >= 1 && value(8) <= 12, 1);
  check("CMOS: day", value(7) >= 1 && value(7) <= 31, 1);
  cpu::out8(0x70, 0x40);
  auto const kept = cpu::in8(0x71);
  cpu::out8(0x71, 0xa9);
  check("CMOS: its memory", cmos(0x40), 0xa9);
  cpu::out8(0x71, kept);
  auto const first = cpu::in32(m.pm_timer()) & 0xff'ffff;
  m.pause(10);
  auto const gone = ((cpu::in32(m.pm_timer()) & 0xff'ffff) - first) & 0xff'ffff;
  check("ACPI's timer: 10 ms", gone > 30'000, 1);
  auto const tsc = cpu::rdtsc();
  check("the TSC goes up", cpu::rdtsc() > tsc, 1);
}

inline void acpi_and_wiring() {
  using namespace axhal::boot;
  auto const root = find_root_pointer(memory);
  check("ACPI: the root pointer", root.has_value(), 1);
  if (!root) return;
  auto const tables = acpi_tables<memory_view>::open(memory, *root);
  check("ACPI: the list of tables", tables.has_value(), 1);
  if (!tables) return;
  for (std::size_t i = 0; i < tables->size(); ++i) {
    auto const name = tables->name(i);
    check("ACPI: a table", name.has_value() && tables->find(*name).has_value(), 1);
  }
  auto const table = tables->find(acpi_madt::signature);
  check("ACPI: a MADT", table.has_value(), 1);
  if (!table) return;
  auto const madt = acpi_madt::open(*table);
  check("ACPI: its MADT is sound", madt.has_value(), 1);
  if (!madt) return;
  check("ACPI: the 8254 is on pin 2", madt->route(0).gsi, 2);
  check("ACPI: the 16550 is on pin 4", madt->route(4).gsi, 4);
}

inline void device_checks(machine const& m) {
  acpi_and_wiring();
  pit_by_io_apic(m);
  pit_by_pic(m);
  pit_counter(m);
  uart(m);
  clocks(m);
}

}  // namespace payload

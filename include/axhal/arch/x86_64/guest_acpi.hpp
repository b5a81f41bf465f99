// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt_entries.hpp>
#include <axhal/boot/acpi_mcfg.hpp>
#include <axhal/boot/acpi_writer.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// What a guest's ACPI tables say of its machine: a PC with APICs and fixed power management, and of the devices of old
/// only those that are named here.
struct acpi_machine {
  std::uint16_t cpus = 1;  ///< their APIC IDs and numbers count from 0
  std::uint32_t local_apic = 0xfee0'0000;
  boot::madt_io_apic io_apic{0, 0xfec0'0000, 0};
  bool has_8259{};  ///< also a pair of 8259s, to be masked before the APICs are used

  std::uint16_t sci = 9;
  boot::inti_flags sci_flags{boot::inti_polarity::active_low, boot::inti_trigger::level};  ///< what ACPI asks of it
  std::uint16_t pm1a_event = 0x600;                                                        ///< 4 ports
  std::uint16_t pm1a_control = 0x604;                                                      ///< 2 ports
  std::uint16_t pm_timer = 0x608;  ///< 4 ports, a counter of 32 bits; zero for none
  bool has_power_button{};         ///< in the fixed registers
  std::uint8_t sleep_type = 5;     ///< SLP_TYP of the state S5, "off"
  boot::acpi_reset reset{{boot::acpi_space::system_io, 8, 0, 1, 0xcf9}, 6};  ///< no address: cannot be reset so

  std::uint16_t serial_port = 0x3f8;  ///< of a 16550, 8 ports; zero for none
  std::uint8_t serial_irq = 4;        ///< 0 to 15, on the ISA bus
  bool has_8042{};
  bool has_cmos_clock{};

  boot::acpi_hpet hpet{};    ///< absent where its address is zero
  boot::mcfg_window ecam{};  ///< configuration space in memory; absent where its address is zero
  bytes more_aml{};          ///< further devices, as AML at the root of the name space
};

namespace acpi_detail {

/// `Scope (\_SB) { Device (COM1) {...} }`: a 16550 (PNP0501), its 8 ports and its interrupt (ACPI Specification 6.5,
/// 20.2.5.1 "Namespace Modifier Objects Encoding", 20.2.5.2 "Named Objects Encoding", 6.4.2 "Small Resource Data
/// Type").
struct serial_device {
  static constexpr std::size_t size = 52;
  std::uint8_t aml[size]{};

  constexpr serial_device(std::uint16_t port, std::uint8_t irq) {
    std::uint8_t const low = static_cast<std::uint8_t>(port & 0xff);
    std::uint8_t const high = static_cast<std::uint8_t>(port >> 8);
    unsigned const mask = 1U << (irq & 15);
    std::uint8_t const code[size] = {
        0x10,
        51,
        '\\',
        '_',
        'S',
        'B',
        '_',  // Scope (\_SB), 51 bytes with this count
        0x5b,
        0x82,
        43,
        'C',
        'O',
        'M',
        '1',  // Device (COM1)
        0x08,
        '_',
        'H',
        'I',
        'D',
        0x0c,
        0x41,
        0xd0,
        0x05,
        0x01,  // Name (_HID, EisaId ("PNP0501"))
        0x08,
        '_',
        'U',
        'I',
        'D',
        0x01,  // Name (_UID, 1)
        0x08,
        '_',
        'C',
        'R',
        'S',
        0x11,
        16,
        0x0a,
        13,  // Name (_CRS, Buffer (13) {
        0x47,
        1,
        low,
        high,
        low,
        high,
        1,
        8,  // IO (Decode16, port, port, 1, 8)
        0x22,
        static_cast<std::uint8_t>(mask & 0xff),
        static_cast<std::uint8_t>(mask >> 8),  // IRQNoFlags () {irq}
        0x79,
        0,  // end; any sum is right
    };
    for (std::size_t i = 0; i < size; ++i) aml[i] = code[i];
  }
};

constexpr void write_fadt(boot::acpi_writer& w, acpi_machine const& m) {
  using namespace boot::fadt_format;
  std::uint32_t flags = wbinvd | proc_c1 | slp_button | fix_rtc | tmr_val_ext;
  if (!m.has_power_button) flags |= pwr_button;
  unsigned boot_flags = vga_not_present;
  if (m.serial_port != 0) boot_flags |= legacy_devices;
  if (m.has_8042) boot_flags |= has_8042;
  if (!m.has_cmos_clock) boot_flags |= cmos_rtc_not_present;
  w.fadt({.sci = m.sci,
          .pm1a_event = m.pm1a_event,
          .pm1a_control = m.pm1a_control,
          .pm_timer = m.pm_timer,
          .reset = m.reset.where,
          .reset_value = m.reset.value,
          .sleep_control = {},
          .sleep_status = {},
          .flags = flags,
          .boot_flags = static_cast<std::uint16_t>(boot_flags)});
}

constexpr void write_madt(boot::acpi_writer& w, acpi_machine const& m) {
  using namespace boot;
  w.begin_madt(m.local_apic, m.has_8259);
  for (std::uint32_t cpu = 0; cpu < m.cpus; ++cpu) {
    // The older entry has 8 bits, of which 255 names all processors.
    if (cpu < every_apic_processor) {
      w.madt_entry(madt_local_apic{static_cast<std::uint8_t>(cpu), static_cast<std::uint8_t>(cpu), 1});
    } else {
      w.madt_entry(madt_local_x2apic{cpu, 1, cpu});
    }
  }
  w.madt_entry(m.io_apic);
  // The timer of old is wired to input 2.
  w.madt_entry(madt_source_override{0, 0, m.io_apic.gsi_base + 2, {inti_polarity::active_high, inti_trigger::edge}});
  // On the ISA bus an interrupt is edge-triggered unless it is said otherwise.
  if (m.sci < 16) {
    w.madt_entry(madt_source_override{0, static_cast<std::uint8_t>(m.sci), m.io_apic.gsi_base + m.sci, m.sci_flags});
  }
  w.madt_entry(madt_local_nmi{every_apic_processor, {}, 1});
  if (m.cpus > every_apic_processor) w.madt_entry(madt_local_x2apic_nmi{{}, every_x2apic_processor, 1});
  w.end_table();
}

constexpr void write_mcfg(boot::acpi_writer& w, boot::mcfg_window const& window) {
  constexpr std::size_t size = 8 + boot::acpi_mcfg::entry_size;
  std::uint8_t fields[size]{};
  mutable_bytes const f{fields, size};
  boot::detail::store_le(f, 8, window.base.value);
  boot::detail::store_le(f, 16, window.segment);
  fields[18] = window.first_bus;
  fields[19] = window.last_bus;
  w.begin_table(boot::acpi_mcfg::signature, 1);
  w.append({fields, size});
  w.end_table();
}

}  // namespace acpi_detail

/// Writes all tables of a guest into `out`, which the guest will see at `where`, aligned to 64 bytes and to be found
/// (5.2.5.1 "Finding the RSDP on IA-PC Systems") between 0xe0000 and 1 MiB: the root pointer first, then DSDT, FACS,
/// FADT, MADT, HPET and MCFG where there is such a thing, XSDT. One processor more costs 8 bytes.
/// Errors: `overflow`, `bad_value` (no processor, an interrupt above 15 for the serial port, a sleep type above 7),
/// `bad_address`.
[[nodiscard]] constexpr result<boot::guest_acpi, boot::acpi_write_error> write_guest_acpi(mutable_bytes out,
                                                                                          guest_phys where,
                                                                                          acpi_machine const& machine) {
  using namespace acpi_detail;
  if (machine.cpus == 0 || machine.serial_irq > 15) return failure{boot::acpi_write_error::bad_value};
  boot::acpi_writer w{out, where};
  w.begin_dsdt(machine.sleep_type);
  if (machine.serial_port != 0) {
    serial_device const com1{machine.serial_port, machine.serial_irq};
    w.append({com1.aml, serial_device::size});
  }
  w.append(machine.more_aml);
  w.end_table();
  write_fadt(w, machine);
  write_madt(w, machine);
  if (machine.hpet.where.is_present()) w.hpet(machine.hpet);
  if (machine.ecam.base.value != 0) write_mcfg(w, machine.ecam);
  return w.finish();
}

}  // namespace axhal::x86_64

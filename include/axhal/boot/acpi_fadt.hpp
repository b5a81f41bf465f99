// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Byte offsets and flags of the FADT (ACPI Specification 6.5, 5.2.9 "Fixed ACPI Description Table").
namespace fadt_format {

enum field : std::uint32_t {
  f_firmware_ctrl = 36,
  f_dsdt = 40,
  f_sci_int = 46,
  f_smi_cmd = 48,
  f_acpi_enable = 52,
  f_acpi_disable = 53,
  f_pm1a_evt_blk = 56,
  f_pm1b_evt_blk = 60,
  f_pm1a_cnt_blk = 64,
  f_pm1b_cnt_blk = 68,
  f_pm_tmr_blk = 76,
  f_pm1_evt_len = 88,
  f_pm1_cnt_len = 89,
  f_pm_tmr_len = 91,
  f_p_lvl2_lat = 96,
  f_p_lvl3_lat = 98,
  f_century = 108,
  f_iapc_boot_arch = 109,
  f_flags = 112,
  f_reset_reg = 116,
  f_reset_value = 128,
  f_minor_version = 131,
  f_x_firmware_ctrl = 132,
  f_x_dsdt = 140,
  f_x_pm1a_evt_blk = 148,
  f_x_pm1a_cnt_blk = 172,
  f_x_pm1b_cnt_blk = 184,
  f_x_pm_tmr_blk = 208,
  f_sleep_control_reg = 244,
  f_sleep_status_reg = 256,
};
inline constexpr std::uint32_t least_size = 116;  ///< of ACPI 1.0
inline constexpr std::uint32_t size = 276;        ///< from ACPI 6.0 on

/// Bits of the feature flags (table "Fixed ACPI Description Table Fixed Feature Flags").
enum flag : std::uint32_t {
  wbinvd = 1U << 0,
  proc_c1 = 1U << 2,
  pwr_button = 1U << 4,  ///< set: the power button, if any, is no fixed register
  slp_button = 1U << 5,
  fix_rtc = 1U << 6,      ///< set: what wakes by the clock, if any, is no fixed register
  tmr_val_ext = 1U << 8,  ///< the PM timer has 32 bits, else 24
  reset_reg_sup = 1U << 10,
  hw_reduced_acpi = 1U << 20,
};

/// Bits of the PC's boot flags (table "Fixed ACPI Description Table Boot Architecture Flags").
enum boot_flag : std::uint16_t {
  legacy_devices = 1U << 0,
  has_8042 = 1U << 1,
  vga_not_present = 1U << 2,
  msi_not_supported = 1U << 3,
  pcie_aspm_controls = 1U << 4,
  cmos_rtc_not_present = 1U << 5,
};

}  // namespace fadt_format

/// How a machine is reset: this value into this register.
struct acpi_reset {
  acpi_register where{};
  std::uint8_t value{};
  friend constexpr bool operator==(acpi_reset const&, acpi_reset const&) = default;
};

/// The FADT: fixed hardware. A field that an older, shorter table does not have reads as absent.
class acpi_fadt {
 public:
  static constexpr acpi_name signature{"FACP"};

  /// Errors: `bad_signature`, `bad_length` (shorter than in ACPI 1.0).
  [[nodiscard]] static constexpr result<acpi_fadt, acpi_error> open(acpi_table const& table) {
    if (table.name != signature) return table.refuse(acpi_fault::bad_signature, acpi_format::h_signature);
    if (table.content.size < fadt_format::least_size)
      return table.refuse(acpi_fault::bad_length, acpi_format::h_length);
    return acpi_fadt{table};
  }

  /// Where the DSDT is, zero when nowhere: the 64-bit field where it is filled in, else the other.
  [[nodiscard]] constexpr host_phys dsdt() const {
    std::uint64_t const wide =
        has(fadt_format::f_x_dsdt, 8) ? detail::load_le<std::uint64_t>(table_.content, fadt_format::f_x_dsdt) : 0;
    return {wide != 0 ? wide : detail::load_le<std::uint32_t>(table_.content, fadt_format::f_dsdt)};
  }
  /// The system control interrupt: a number on the ISA bus, subject to the MADT's overrides.
  [[nodiscard]] constexpr std::uint16_t sci() const {
    return detail::load_le<std::uint16_t>(table_.content, fadt_format::f_sci_int);
  }
  /// The port that takes `enable_value()` to hand the fixed hardware over, zero when that needs no command.
  [[nodiscard]] constexpr std::uint32_t smi_command() const {
    return detail::load_le<std::uint32_t>(table_.content, fadt_format::f_smi_cmd);
  }
  [[nodiscard]] constexpr std::uint8_t enable_value() const { return table_.content[fadt_format::f_acpi_enable]; }
  /// Bits of `fadt_format::flag`.
  [[nodiscard]] constexpr std::uint32_t flags() const {
    return detail::load_le<std::uint32_t>(table_.content, fadt_format::f_flags);
  }
  /// Bits of `fadt_format::boot_flag`.
  [[nodiscard]] constexpr std::uint16_t boot_flags() const {
    return detail::load_le<std::uint16_t>(table_.content, fadt_format::f_iapc_boot_arch);
  }
  /// There is no fixed hardware: the PM1 and timer blocks are not to be used (4.1 "Hardware-Reduced ACPI").
  [[nodiscard]] constexpr bool is_hardware_reduced() const { return (flags() & fadt_format::hw_reduced_acpi) != 0; }

  /// The power management timer, 3.579545 MHz (4.8.3.3 "Power Management Timer (PM_TMR)"); `is_present()` tells whether
  /// there is one.
  [[nodiscard]] constexpr acpi_register pm_timer() const {
    return block(fadt_format::f_x_pm_tmr_blk, fadt_format::f_pm_tmr_blk, fadt_format::f_pm_tmr_len);
  }
  /// Bits of the timer that count: 24 or 32.
  [[nodiscard]] constexpr unsigned pm_timer_bits() const { return (flags() & fadt_format::tmr_val_ext) != 0 ? 32 : 24; }

  /// The control registers that take sleep type and SLP_EN (4.8.3.2.1 "PM1 Control Registers"); the second is often
  /// absent.
  [[nodiscard]] constexpr acpi_register pm1a_control() const {
    return block(fadt_format::f_x_pm1a_cnt_blk, fadt_format::f_pm1a_cnt_blk, fadt_format::f_pm1_cnt_len);
  }
  [[nodiscard]] constexpr acpi_register pm1b_control() const {
    return block(fadt_format::f_x_pm1b_cnt_blk, fadt_format::f_pm1b_cnt_blk, fadt_format::f_pm1_cnt_len);
  }
  /// The sleep control register of hardware-reduced machines (4.8.3.7 "Sleep Control and Status Registers").
  [[nodiscard]] constexpr acpi_register sleep_control() const { return wide(fadt_format::f_sleep_control_reg); }

  /// How to reset the machine (4.8.3.6 "Reset Register"). Errors: `not_found` when it cannot be reset so,
  /// `bad_entry` when the register is not a byte in memory, ports or the configuration space of bus 0.
  [[nodiscard]] constexpr result<acpi_reset, acpi_error> reset() const {
    using namespace fadt_format;
    if ((flags() & reset_reg_sup) == 0 || !has(f_reset_value, 1)) {
      return table_.refuse(acpi_fault::not_found, f_flags);
    }
    acpi_register const where = wide(f_reset_reg);
    bool const known = where.space == acpi_space::system_memory || where.space == acpi_space::system_io ||
                       where.space == acpi_space::pci_configuration;
    if (!known || where.bit_width != 8 || where.bit_offset != 0 || !where.is_present()) {
      return table_.refuse(acpi_fault::bad_entry, f_reset_reg);
    }
    return acpi_reset{where, table_.content[f_reset_value]};
  }

 private:
  explicit constexpr acpi_fadt(acpi_table const& table) : table_{table} {}

  [[nodiscard]] constexpr bool has(std::uint32_t at, std::uint32_t size) const {
    return table_.content.size >= std::size_t{at} + size;
  }
  [[nodiscard]] constexpr acpi_register wide(std::uint32_t at) const {
    return has(at, acpi_register::size) ? acpi_register::load(table_.content, at) : acpi_register{};
  }
  /// The extended address of a block where it is filled in, else its 32-bit port with the length beside it.
  [[nodiscard]] constexpr acpi_register block(std::uint32_t extended, std::uint32_t port, std::uint32_t length) const {
    acpi_register const found = wide(extended);
    if (found.is_present()) return found;
    std::uint8_t const size = table_.content[length];
    return {acpi_space::system_io, static_cast<std::uint8_t>(size < 32 ? size * 8 : 0), 0, 0,
            detail::load_le<std::uint32_t>(table_.content, port)};
  }

  acpi_table table_;
};

}  // namespace axhal::boot

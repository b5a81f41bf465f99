// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/port_window.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/firmware.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// Where a PC is switched off and reset, as ACPI's tables tell. What they do not tell is absent.
struct pc_power {
  boot::acpi_register control_a{};  ///< PM1a control
  boot::acpi_register control_b{};  ///< PM1b control, mostly absent
  boot::acpi_register sleep_control{};
  boot::acpi_sleep_type off{};  ///< meaningful when `has_off`
  bool has_off{};               ///< the sleep type of S5 is known
  bool hardware_reduced{};      ///< `sleep_control` is used in the place of both others
  std::uint32_t smi_command{};  ///< the port that hands the fixed hardware over, or zero
  std::uint8_t enable_value{};  ///< what it takes
  bool has_reset{};
  bool has_8042{true};  ///< a keyboard controller, which can reset; where no table says anything, there is one
  boot::acpi_reset reset{};

  /// From a FADT, and S5's sleep type as `find_sleep_type` gives it.
  [[nodiscard]] static constexpr pc_power of(boot::acpi_fadt const& fadt,
                                             result<boot::acpi_sleep_type, boot::acpi_error> const& s5) {
    pc_power p;
    p.control_a = fadt.pm1a_control();
    p.control_b = fadt.pm1b_control();
    p.sleep_control = fadt.sleep_control();
    p.hardware_reduced = fadt.is_hardware_reduced();
    p.smi_command = fadt.smi_command();
    p.enable_value = fadt.enable_value();
    p.has_8042 = (fadt.boot_flags() & boot::fadt_format::has_8042) != 0;
    p.has_off = s5.has_value();
    if (s5) p.off = *s5;
    auto const reset = fadt.reset();
    p.has_reset = reset.has_value();
    if (reset) p.reset = *reset;
    return p;
  }
  /// The same from the tables. Without a FADT there is no way to switch off, and the PC's own ways to reset.
  template <boot::MemoryReader Reader>
  [[nodiscard]] static constexpr pc_power find(boot::acpi_tables<Reader> const& tables) {
    auto const table = tables.find(boot::acpi_fadt::signature);
    if (!table) return {};
    auto const fadt = boot::acpi_fadt::open(*table);
    return fadt ? of(*fadt, boot::find_sleep_type(tables, fadt->dsdt(), 5)) : pc_power{};
  }
};

/// Ports of 16 bits beside the others.
template <typename I>
concept PowerInstructions = PortInstructions<I> && requires(std::uint16_t port) {
  { I::in16(port) } -> std::same_as<std::uint16_t>;
  { I::out16(port, std::uint16_t{}) } -> std::same_as<void>;
};

/// Switches a PC off and resets it: the half of FirmwarePolicy that needs no CPU but this one.
///
/// Registers in memory are reached by a `Window` at their physical address: that is mapped as device memory, or the
/// register is left out of `pc_power`. Needs no clock: each look at a port takes about a microsecond, and a machine
/// that goes on after a million of them has not obeyed.
template <PowerInstructions I, MmioWindow Window = mmio>
class acpi_power {
 public:
  explicit constexpr acpi_power(pc_power const& power = {}) : power_{power} {}

  /// Enters S5 (ACPI Specification 6.5, 7.4.2.6 "System \_S5 State", 4.8.3.2.1 "PM1 Control Registers", 4.8.3.7 "Sleep
  /// Control and Status Registers"). Returns when that does not work: `unsupported` when the tables do not tell how, or
  /// name registers that are no ports; `failed` when the machine went on.
  firmware_error power_off() {
    if (!power_.has_off) return firmware_error::unsupported;
    if (power_.hardware_reduced) return sleep_by_control();
    boot::acpi_register const a = power_.control_a;
    if (!is_port(a)) return firmware_error::unsupported;
    if (!take_over(port_of(a))) return firmware_error::failed;
    bool const has_b = is_port(power_.control_b);
    // The types first, so that both halves have them when the first of them is told to sleep.
    constexpr std::uint16_t keep = static_cast<std::uint16_t>(~unsigned{boot::acpi_sleep_type::slp_en});
    std::uint16_t const for_a = boot::acpi_sleep_type::enter(I::in16(port_of(a)), power_.off.a);
    I::out16(port_of(a), for_a & keep);
    if (has_b) {
      std::uint16_t const for_b = boot::acpi_sleep_type::enter(I::in16(port_of(power_.control_b)), power_.off.b);
      I::out16(port_of(power_.control_b), for_b & keep);
      I::out16(port_of(a), for_a);
      I::out16(port_of(power_.control_b), for_b);
    } else {
      I::out16(port_of(a), for_a);
    }
    for (unsigned i = 0; i < patience; ++i) static_cast<void>(I::in16(port_of(a)));
    return firmware_error::failed;
  }

  /// By the FADT's reset register, the reset control register of PC chip sets (port CF9H) and the keyboard controller's
  /// pulse, one after the other. Returns `failed` when the machine went on after all of them.
  firmware_error reset() {
    if (power_.has_reset && write8(power_.reset.where, power_.reset.value)) wait();
    // Bit 1 chooses a reset of the whole system, bit 2 going up does it.
    constexpr unsigned system_reset = 2;
    constexpr unsigned reset_cpu = 4;
    auto const kept = static_cast<std::uint8_t>(I::in8(reset_control) & ~(system_reset | reset_cpu));
    I::out8(reset_control, static_cast<std::uint8_t>(kept | system_reset));
    I::out8(reset_control, static_cast<std::uint8_t>(kept | system_reset | reset_cpu));
    wait();
    if (power_.has_8042) {
      constexpr std::uint8_t input_full = 2;
      constexpr std::uint8_t pulse_reset = 0xfe;
      for (unsigned i = 0; i < patience && (I::in8(keyboard) & input_full) != 0; ++i) {
      }
      I::out8(keyboard, pulse_reset);
      wait();
    }
    return firmware_error::failed;
  }

 private:
  static constexpr unsigned patience = 1'000'000;
  static constexpr std::uint16_t reset_control = 0xcf9;
  static constexpr std::uint16_t keyboard = 0x64;
  static constexpr std::uint16_t configuration_address = 0xcf8;
  static constexpr std::uint16_t configuration_data = 0xcfc;

  [[nodiscard]] static constexpr bool is_port(boot::acpi_register const& r) {
    return r.space == boot::acpi_space::system_io && r.is_present() && r.address <= 0xfffe;
  }
  [[nodiscard]] static constexpr std::uint16_t port_of(boot::acpi_register const& r) {
    return static_cast<std::uint16_t>(r.address);
  }
  static void wait() {
    for (unsigned i = 0; i < patience; ++i) static_cast<void>(I::in8(keyboard));
  }
  /// Has firmware hand the fixed hardware over, if it has it still (4.8.2.5 "Legacy/ACPI Select and the SCI
  /// Interrupt").
  [[nodiscard]] bool take_over(std::uint16_t control) const {
    constexpr std::uint16_t sci_en = 1;
    bool const by_command = power_.smi_command != 0 && power_.smi_command <= 0xffff && power_.enable_value != 0;
    if ((I::in16(control) & sci_en) != 0 || !by_command) return true;
    I::out8(static_cast<std::uint16_t>(power_.smi_command), power_.enable_value);
    for (unsigned i = 0; i < patience; ++i) {
      if ((I::in16(control) & sci_en) != 0) return true;
    }
    return false;
  }
  firmware_error sleep_by_control() {
    constexpr unsigned slp_en = 1U << 5;
    auto const value = static_cast<std::uint8_t>((power_.off.a & 7U) << 2 | slp_en);
    if (!power_.sleep_control.is_present() || !write8(power_.sleep_control, value)) return firmware_error::unsupported;
    wait();
    return firmware_error::failed;
  }
  /// False when there is no such register.
  [[nodiscard]] static bool write8(boot::acpi_register const& where, std::uint8_t value) {
    switch (where.space) {
      case boot::acpi_space::system_io:
        if (where.address > 0xffff) return false;
        I::out8(static_cast<std::uint16_t>(where.address), value);
        return true;
      case boot::acpi_space::system_memory: {
        Window window{static_cast<std::uintptr_t>(where.address)};
        window.write8(0, value);
        return true;
      }
      case boot::acpi_space::pci_configuration: return write_configuration(where.address, value);
    }
    return false;
  }
  /// A byte of bus 0 (5.2.3.2 "Generic Address Structure": device, function and offset in 16 bits each).
  [[nodiscard]] static bool write_configuration(std::uint64_t address, std::uint8_t value) {
    auto const device = static_cast<std::uint32_t>(address >> 32);
    auto const function = static_cast<std::uint32_t>(address >> 16 & 0xffff);
    auto const offset = static_cast<std::uint32_t>(address & 0xffff);
    if (device > 31 || function > 7 || offset > 255) return false;
    constexpr std::uint32_t enable = 0x8000'0000;
    I::out32(configuration_address, enable | device << 11 | function << 8 | (offset & 0xfc));
    I::out8(static_cast<std::uint16_t>(configuration_data + (offset & 3)), value);
    return true;
  }

  pc_power power_;
};

}  // namespace axhal::x86_64

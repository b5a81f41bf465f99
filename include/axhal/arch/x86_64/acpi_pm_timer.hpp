// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/port_window.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/time/calibration.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The power management timer behind an I/O port, as a reference for others (ACPI Specification, "Power Management
/// Timer (PM_TMR)"): 24 or 32 bits at 3.579545 MHz.
template <PortInstructions I>
class acpi_pm_timer {
 public:
  /// `bits` is 24 or 32.
  constexpr acpi_pm_timer(std::uint16_t port, unsigned bits) : port_{port}, bits_{bits == 32 ? 32U : 24U} {}

  /// The timer that firmware describes. `not_found` when there is none, `bad_entry` when it is behind no I/O port.
  [[nodiscard]] static constexpr result<acpi_pm_timer, boot::acpi_fault> of(boot::acpi_fadt const& fadt) {
    boot::acpi_register const where = fadt.pm_timer();
    if (fadt.is_hardware_reduced() || !where.is_present()) return failure{boot::acpi_fault::not_found};
    if (where.space != boot::acpi_space::system_io || where.address > 0xfffc) {
      return failure{boot::acpi_fault::bad_entry};
    }
    return acpi_pm_timer{static_cast<std::uint16_t>(where.address), fadt.pm_timer_bits()};
  }

  // --- ReferenceCounter ---

  /// Some chip sets do not latch the counter, and a read while it changes is wrong: three reads in a row that go up are
  /// three that were not.
  [[nodiscard]] std::uint64_t now() const {
    constexpr unsigned attempts = 4;
    std::uint64_t second = 0;
    for (unsigned i = 0; i < attempts; ++i) {
      std::uint64_t const first = read();
      second = read();
      std::uint64_t const third = read();
      if (is_near(first, second) && is_near(second, third)) return second;
    }
    return second;
  }
  [[nodiscard]] constexpr unsigned width() const { return bits_; }
  [[nodiscard]] static constexpr tick_rate rate() { return {39'375'000, 11}; }

 private:
  [[nodiscard]] std::uint64_t read() const { return I::in32(port_) & low_bits(bits_); }
  /// True when `b` is no more than half of the way round after `a`.
  [[nodiscard]] bool is_near(std::uint64_t a, std::uint64_t b) const {
    return ((b - a) & low_bits(bits_)) < low_bits(bits_ - 1);
  }

  std::uint16_t port_;
  unsigned bits_;
};

}  // namespace axhal::x86_64

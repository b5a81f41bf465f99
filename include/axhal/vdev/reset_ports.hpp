// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/vdev/byte_ports.hpp>

#include <cstdint>

namespace axhal::vdev {

/// What a guest asks of its machine by writing to a register.
enum class reset_request : std::uint8_t {
  none,
  cpu,      ///< INIT at all CPUs: they begin anew, memory and devices stay
  machine,  ///< all of it
};

/// The reset control register of Intel's chip sets, RST_CNT ("Reset Control Register", I/O port 0xcf9). It does for the
/// reset register of ACPI's FADT: `acpi_value` written to `port`.
class reset_control {
 public:
  static constexpr std::uint16_t port = 0xcf9;  ///< one port
  /// SYS_RST and RST_CPU: what resets the machine, written at once.
  static constexpr std::uint8_t acpi_value = 0x06;

  using f_sys_rst = bit_field<bool, 1, 1, std::uint8_t>;   ///< a reset is one of the machine
  using f_rst_cpu = bit_field<bool, 2, 2, std::uint8_t>;   ///< resets when it becomes 1
  using f_full_rst = bit_field<bool, 3, 3, std::uint8_t>;  ///< power goes off and on as well

  /// The guest loads from the port. No change.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes) const {
    return detail::read_bytes(offset, bytes, 1, [this](unsigned) { return value_; });
  }
  /// The guest stores to the port. When it asks for a reset, the register is as after one.
  constexpr reset_request write(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (offset != 0 || bytes == 0) return reset_request::none;
    value_ = static_cast<std::uint8_t>(value) & (f_sys_rst::mask | f_rst_cpu::mask | f_full_rst::mask);
    // It is never kept, so that writing it is always a change.
    if (!f_rst_cpu::get(value_)) return reset_request::none;
    bool const all = f_sys_rst::get(value_);
    value_ = 0;
    return all ? reset_request::machine : reset_request::cpu;
  }

 private:
  std::uint8_t value_{};
};

/// The PS/2's system control port A (I/O port 0x92): gate A20 and a fast reset of the CPU.
class system_control_a {
 public:
  static constexpr std::uint16_t port = 0x92;  ///< one port

  using f_fast_init = bit_field<bool, 0, 0, std::uint8_t>;  ///< INIT when it becomes 1
  using f_a20 = bit_field<bool, 1, 1, std::uint8_t>;        ///< address line 20 passes

  /// With A20 as the machine begins.
  constexpr explicit system_control_a(bool a20 = true) : value_{f_a20::make(a20)} {}

  /// The guest loads from the port. No change.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes) const {
    return detail::read_bytes(offset, bytes, 1, [this](unsigned) { return value_; });
  }
  /// The guest stores to the port.
  constexpr reset_request write(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (offset != 0 || bytes == 0) return reset_request::none;
    bool const was = f_fast_init::get(value_);
    value_ = static_cast<std::uint8_t>(value) & (f_fast_init::mask | f_a20::mask);
    return f_fast_init::get(value_) && !was ? reset_request::cpu : reset_request::none;
  }
  [[nodiscard]] constexpr bool a20() const { return f_a20::get(value_); }
  /// The keyboard controller's A20, which is the same line, has changed.
  constexpr void set_a20(bool on) { value_ = f_a20::with(value_, on); }

 private:
  std::uint8_t value_;
};

}  // namespace axhal::vdev

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/vdev/reset_ports.hpp>

#include <cstdint>

namespace axhal::vdev {

/// Registers and commands of the PC's keyboard controller (8042; IBM PS/2 Hardware Interface Technical Reference,
/// "Keyboard and Auxiliary Device Controller").
namespace i8042_reg {
// Status register.
using f_obf = bit_field<bool, 0, 0, std::uint8_t>;      ///< an answer waits
using f_sys = bit_field<bool, 2, 2, std::uint8_t>;      ///< the self-test has passed
using f_command = bit_field<bool, 3, 3, std::uint8_t>;  ///< the last byte came to the command port
using f_inh = bit_field<bool, 4, 4, std::uint8_t>;      ///< the keyboard is not locked
using f_aux = bit_field<bool, 5, 5, std::uint8_t>;      ///< the answer is the auxiliary device's
using f_timeout = bit_field<bool, 6, 6, std::uint8_t>;  ///< the device did not answer

// Command byte.
using f_interrupt = bit_field<bool, 0, 0, std::uint8_t>;      ///< line 1 for the keyboard's answers
using f_aux_interrupt = bit_field<bool, 1, 1, std::uint8_t>;  ///< line 12 for the auxiliary device's
using f_system_flag = bit_field<bool, 2, 2, std::uint8_t>;
using f_disabled = bit_field<bool, 4, 4, std::uint8_t>;
using f_aux_disabled = bit_field<bool, 5, 5, std::uint8_t>;

// Output port.
using f_not_reset = bit_field<bool, 0, 0, std::uint8_t>;
using f_a20 = bit_field<bool, 1, 1, std::uint8_t>;
}  // namespace i8042_reg

/// A keyboard controller with no keyboard and no mouse, so that a guest which looks for them finds the end of its
/// search at once: every command that has an answer gets it without delay, and a byte that is sent to a device comes
/// back as "resend" with the time-out bit, as from an empty socket. Status never says that the controller is busy.
///
/// What is there: the command byte and the rest of its 32 bytes, self-test and interface tests (the keyboard's passes,
/// the auxiliary one's finds its clock stuck), enable and disable, input and output port, gate A20, bytes written to be
/// read again, and pulses of output lines, of which one resets the CPUs (command 0xfe). Bytes that are to come back as
/// the auxiliary device's come as the keyboard's: that is how kernels see that there is none.
///
/// `irq_level` and `aux_irq_level` are lines 1 and 12: sample them after every call; reading the data port changes
/// them. Not synchronised.
class i8042 {
 public:
  static constexpr std::uint16_t data_port = 0x60;
  static constexpr std::uint16_t command_port = 0x64;  ///< reads the status

  /// With A20 as the machine begins.
  constexpr explicit i8042(bool a20 = true)
      : output_{static_cast<std::uint8_t>(0xcc | i8042_reg::f_not_reset::mask | i8042_reg::f_a20::make(a20))} {}

  /// The guest loads from the command port. No change.
  [[nodiscard]] constexpr std::uint8_t read_status() const { return status_; }
  /// The guest loads from the data port, which takes the answer out. Without one the last stays to be read.
  constexpr std::uint8_t read_data() {
    status_ &= static_cast<std::uint8_t>(~answer_bits);
    return data_;
  }
  /// The guest stores to the command port.
  constexpr reset_request write_command(std::uint8_t command);
  /// The guest stores to the data port.
  constexpr reset_request write_data(std::uint8_t value);

  /// The levels of lines 1 and 12.
  [[nodiscard]] constexpr bool irq_level() const {
    return i8042_reg::f_interrupt::get(ram_[0]) && (status_ & origin_bits) == i8042_reg::f_obf::mask;
  }
  [[nodiscard]] constexpr bool aux_irq_level() const {
    return i8042_reg::f_aux_interrupt::get(ram_[0]) && (status_ & origin_bits) == origin_bits;
  }

  [[nodiscard]] constexpr bool a20() const { return i8042_reg::f_a20::get(output_); }
  /// Port 0x92's A20, which is the same line, has changed.
  constexpr void set_a20(bool on) { output_ = i8042_reg::f_a20::with(output_, on); }

 private:
  static constexpr std::uint8_t origin_bits = i8042_reg::f_obf::mask | i8042_reg::f_aux::mask;
  static constexpr std::uint8_t answer_bits = origin_bits | i8042_reg::f_timeout::mask;
  static constexpr std::uint8_t resend = 0xfe;
  static constexpr std::uint8_t timed_out = i8042_reg::f_timeout::mask;
  static constexpr std::uint8_t from_aux = i8042_reg::f_aux::mask;

  constexpr void answer(std::uint8_t value, std::uint8_t bits = 0) {
    data_ = value;
    status_ = static_cast<std::uint8_t>((status_ & ~answer_bits) | i8042_reg::f_obf::mask | bits);
  }
  constexpr void set_ram(unsigned at, std::uint8_t value) {
    ram_[at & 0x1f] = value;
    if ((at & 0x1f) == 0) status_ = i8042_reg::f_sys::with(status_, i8042_reg::f_system_flag::get(value));
  }
  constexpr void change_command_byte(std::uint8_t bit, bool on) {
    ram_[0] = static_cast<std::uint8_t>(on ? ram_[0] | bit : ram_[0] & ~bit);
  }

  std::uint8_t status_{i8042_reg::f_inh::mask};
  std::uint8_t data_{};
  std::uint8_t output_;
  std::uint8_t waiting_{};  ///< the command that takes the next byte of data; 0 for none
  std::uint8_t ram_[32]{i8042_reg::f_disabled::mask | i8042_reg::f_aux_disabled::mask};
};

constexpr reset_request i8042::write_command(std::uint8_t command) {
  using namespace i8042_reg;
  status_ |= f_command::mask;
  waiting_ = 0;
  // The lines that are zero here are pulsed; only the one of the reset leads anywhere.
  if (command >= 0xf0) return f_not_reset::get(command) ? reset_request::none : reset_request::cpu;
  if (command >= 0x20 && command < 0x40) {
    answer(ram_[command & 0x1f]);
    return reset_request::none;
  }
  if (command >= 0x60 && command < 0x80) {
    waiting_ = command;
    return reset_request::none;
  }
  switch (command) {
    case 0xa7: change_command_byte(f_aux_disabled::mask, true); break;
    case 0xa8: change_command_byte(f_aux_disabled::mask, false); break;
    case 0xa9: answer(0x01); break;  // the auxiliary device's clock is stuck low
    case 0xaa:
      status_ |= f_sys::mask;
      ram_[0] |= f_system_flag::mask;
      answer(0x55);
      break;
    case 0xab: answer(0x00); break;
    case 0xad: change_command_byte(f_disabled::mask, true); break;
    case 0xae: change_command_byte(f_disabled::mask, false); break;
    case 0xc0: answer(0x80); break;  // not locked
    case 0xd0: answer(output_); break;
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xd4: waiting_ = command; break;
    case 0xdd: set_a20(false); break;
    case 0xdf: set_a20(true); break;
    default: break;
  }
  return reset_request::none;
}

constexpr reset_request i8042::write_data(std::uint8_t value) {
  status_ = i8042_reg::f_command::with(status_, false);
  std::uint8_t const command = waiting_;
  waiting_ = 0;
  switch (command) {
    case 0xd1: {
      bool const reset = !i8042_reg::f_not_reset::get(value);
      output_ = static_cast<std::uint8_t>(value | i8042_reg::f_not_reset::mask);
      return reset ? reset_request::cpu : reset_request::none;
    }
    case 0xd2: answer(value); break;
    case 0xd3: answer(value); break;
    case 0xd4: answer(resend, from_aux | timed_out); break;
    case 0x00:
      // What is sent to the keyboard enables its interface.
      change_command_byte(i8042_reg::f_disabled::mask, false);
      answer(resend, timed_out);
      break;
    default: set_ram(command, value); break;
  }
  return reset_request::none;
}

}  // namespace axhal::vdev

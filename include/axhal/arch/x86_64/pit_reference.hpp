// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/port_window.hpp>
#include <axhal/time/calibration.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Counter 2 of the 8254 as a reference for others (82C54 data sheet, "Mode 2: Rate Generator", "Counter Latch
/// Command"): 16 bits at 105 / 88 MHz, which begin anew after 54.9 ms. It drives the loudspeaker and no interrupt, so
/// nobody misses it. Not for two CPUs at once.
template <PortInstructions I>
class pit_reference {
 public:
  /// Lets the counter run, from 65536 down, with the loudspeaker off. Then `now()` may be called.
  void start() {
    before_ = static_cast<std::uint8_t>(I::in8(control) & (gate | speaker));
    set_control(gate);
    // Counter 2, lower byte then upper byte, mode 2, binary; a count of 0 is 65536.
    I::out8(command, 0xb4);
    I::out8(counter, 0);
    I::out8(counter, 0);
  }
  /// Puts gate and loudspeaker back as `start` found them.
  void stop() { set_control(before_); }

  // --- ReferenceCounter ---

  /// Ticks since `start`, modulo 65536.
  [[nodiscard]] std::uint64_t now() {
    I::out8(command, 0x80);  // latch counter 2, so that both bytes are of one moment
    unsigned const low = I::in8(counter);
    unsigned const high = I::in8(counter);
    return (0 - (high << 8 | low)) & 0xffff;
  }
  [[nodiscard]] static constexpr unsigned width() { return 16; }
  [[nodiscard]] static constexpr tick_rate rate() { return {39'375'000, 33}; }

 private:
  static constexpr std::uint16_t counter = 0x42;
  static constexpr std::uint16_t command = 0x43;
  static constexpr std::uint16_t control = 0x61;  ///< port B of the chip set
  static constexpr std::uint8_t gate = 1;         ///< of counter 2
  static constexpr std::uint8_t speaker = 2;
  static constexpr std::uint8_t writable = 0x0f;  ///< the others tell states

  static void set_control(std::uint8_t bits) {
    std::uint8_t const others = static_cast<std::uint8_t>(I::in8(control) & writable & ~(gate | speaker));
    I::out8(control, static_cast<std::uint8_t>(others | bits));
  }

  std::uint8_t before_{};
};

}  // namespace axhal::x86_64

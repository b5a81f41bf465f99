// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

#include <cstdint>

// What every guest says, and how; the architecture's guest.hpp defines how a byte gets out and how the machine ends.
namespace payload {

/// Sends one byte to the guest's serial port.
inline void put(std::uint8_t byte);
/// Asks for the end of this machine.
[[noreturn]] inline void power_off();

inline void print(axhal::text t) {
  for (char c : t) put(static_cast<std::uint8_t>(c));
}
inline void print_number(std::uint64_t n, unsigned base = 10) {
  char digits[20];
  unsigned at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[n % base];
    n /= base;
  } while (n != 0);
  print({digits + at, sizeof digits - at});
}

}  // namespace payload

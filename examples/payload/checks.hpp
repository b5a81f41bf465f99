// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "console.hpp"

#include <axhal/core/bytes.hpp>

#include <cstdint>

// Checks that a guest makes of its machine. Each prints a line when it fails; the last lines are the counts and the
// verdict.
namespace payload {

inline unsigned passed, failed;

inline void check(axhal::text what, std::uint64_t got, std::uint64_t wanted) {
  if (got == wanted) {
    ++passed;
    return;
  }
  ++failed;
  print("AXHAL-GUEST failed=");
  print(what);
  print(" got 0x");
  print_number(got, 16);
  print(" wanted 0x");
  print_number(wanted, 16);
  print("\r\n");
}

/// Prints the verdict and ends the machine.
[[noreturn]] inline void conclude() {
  print("AXHAL-GUEST passed=");
  print_number(passed);
  print("\r\nAXHAL-GUEST failures=");
  print_number(failed);
  print("\r\nAXHAL-GUEST verdict=");
  print(failed == 0 ? axhal::text{"ok"} : axhal::text{"failed"});
  print("\r\n");
  power_off();
}

}  // namespace payload

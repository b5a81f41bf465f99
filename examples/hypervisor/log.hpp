// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/console.hpp>

#include <concepts>
#include <cstdint>

namespace example {

/// A number to be written in hexadecimal, with `0x`.
struct hex {
  std::uint64_t value;
};

/// Writes lines to a console: `log("map ", hex{a}, " of ", n, " bytes")` is one line that begins with `axhal: `.
template <axhal::ConsolePolicy Console>
struct logger {
  Console& console;

  template <typename... Parts>
  void operator()(Parts const&... parts) {
    begin();
    (write(parts), ...);
    end();
  }

  /// A line in pieces: `begin`, any number of `write`, `end`.
  void begin() { write(axhal::text{"axhal: "}); }
  void end() { write(axhal::text{"\r\n"}); }

  void write(axhal::text t) {
    for (char c : t) console.put(static_cast<std::uint8_t>(c));
  }
  template <std::size_t N>
  void write(char const (&t)[N]) {
    write(axhal::text{t});
  }
  void write(hex h) {
    write(axhal::text{"0x"});
    digits(h.value, 16);
  }
  void write(std::unsigned_integral auto n) { digits(n, 10); }

 private:
  void digits(std::uint64_t n, unsigned base) {
    char buffer[20];
    unsigned at = sizeof buffer;
    do {
      buffer[--at] = "0123456789abcdef"[n % base];
      n /= base;
    } while (n != 0);
    write(axhal::text{buffer + at, sizeof buffer - at});
  }
};

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest.hpp"

#include <axhal/core/bytes.hpp>

#include <cstdint>

// What counting guests share: loops that are measured, and lines that tell the figures.
namespace payload {

/// What `counter` advances while `f` runs `Rounds` times.
template <unsigned Rounds, typename Counter, typename F>
[[gnu::noinline]] std::uint64_t ticks_of(Counter counter, F f) {
  auto const start = counter();
  for (unsigned i = 0; i < Rounds; ++i) {
    f();
    asm volatile("");
  }
  return counter() - start;
}

inline void report(axhal::text name, std::uint64_t instructions) {
  print("AXHAL-BENCH ");
  print(name);
  print("=");
  print_number(instructions);
  print("\r\n");
}

inline void sort(std::uint64_t* values, unsigned count) {
  for (unsigned i = 1; i < count; ++i) {
    for (unsigned j = i; j > 0 && values[j] < values[j - 1]; --j) {
      auto const t = values[j];
      values[j] = values[j - 1];
      values[j - 1] = t;
    }
  }
}

}  // namespace payload

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/console.hpp>

#include <cstdint>

namespace axhal::test {

/// The smallest ConsolePolicy: what the contract grants and nothing else. For explicit
/// instantiation: nothing is ever called.
struct console_archetype {
  console_archetype() = delete;
  console_archetype(console_archetype const&) = delete;
  bool can_put() { __builtin_trap(); }
  void put(std::uint8_t) { __builtin_trap(); }
  result<std::uint8_t, console_error> get() { __builtin_trap(); }
};
static_assert(ConsolePolicy<console_archetype>);

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/clock.hpp>

namespace axhal::test {

/// The smallest ClockPolicy: what the contract grants and nothing else. For explicit
/// instantiation: nothing is ever called.
struct clock_archetype {
  clock_archetype() = delete;
  clock_archetype(clock_archetype const&) = delete;
  static constexpr bool runs_in_idle = false;
  static constexpr unsigned width = 56;
  ticks now() { __builtin_trap(); }
  hertz frequency() { __builtin_trap(); }
  void arm(ticks) { __builtin_trap(); }
  void cancel() { __builtin_trap(); }
  bool is_due() { __builtin_trap(); }
  void set_guest_offset(ticks) { __builtin_trap(); }
  ticks guest_now() { __builtin_trap(); }
};
static_assert(ClockPolicy<clock_archetype>);

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
// Reading the counter without a barrier would read it early: the register access must offer one.
// EXPECT: TimerAccess
#include <axhal/arch/aarch64/generic_timer.hpp>

#include <cstdint>

struct registers {
  template <axhal::aarch64::sysreg>
  static std::uint64_t read() {
    return 0;
  }
  template <axhal::aarch64::sysreg>
  static void write(std::uint64_t) {}
#if defined(AXHAL_CORRECT)
  static void isb() {}
#endif
};
static_assert(axhal::ClockPolicy<axhal::aarch64::generic_timer<registers, axhal::aarch64::el2_mode::nvhe>>);

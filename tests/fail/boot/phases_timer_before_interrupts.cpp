// SPDX-License-Identifier: BSL-1.0
// EXPECT: boot phase 5 \(timer\) needs the proof of phase 4 \(interrupt controller\)
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto memory = phases::map_memory(platform.take());
  auto architecture = phases::set_up_architecture(memory.take());
  auto interrupts = phases::set_up_interrupts(architecture.take());
  static_cast<void>(phases::set_up_timer(interrupts.take()));
#else
  auto memory = phases::map_memory(platform.take());
  auto architecture = phases::set_up_architecture(memory.take());
  static_cast<void>(phases::set_up_timer(architecture.take()));
#endif
}

// SPDX-License-Identifier: BSL-1.0
// EXPECT: boot phase 4 \(interrupt controller\) needs the proof of phase 3 \(architecture\)
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto memory = phases::map_memory(platform.take());
  auto architecture = phases::set_up_architecture(memory.take());
  static_cast<void>(phases::set_up_interrupts(architecture.take()));
#else
  auto memory = phases::map_memory(platform.take());
  static_cast<void>(phases::set_up_interrupts(memory.take()));
#endif
}

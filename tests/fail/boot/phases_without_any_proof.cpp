// SPDX-License-Identifier: BSL-1.0
// EXPECT: boot phase 2 \(memory map\) needs the proof of phase 1 \(platform detection\)
// EXPECT: boot phase 6 \(per-CPU state\) needs the proof of phase 5 \(timer\)
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  static_cast<void>(phases::map_memory(platform.take()));
#else
  static_cast<void>(platform);
  static_cast<void>(phases::map_memory(machine));
  static_cast<void>(phases::set_up_cpu(machine));
#endif
}

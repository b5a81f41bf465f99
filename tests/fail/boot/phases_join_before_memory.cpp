// SPDX-License-Identifier: BSL-1.0
// EXPECT: common ground needs the proof of phase 2 \(memory map\) or a later one
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto memory = phases::map_memory(platform.take());
  static_cast<void>(phases::join(phases::ground(memory.take())));
#else
  static_cast<void>(phases::join(phases::ground(platform.take())));
#endif
}

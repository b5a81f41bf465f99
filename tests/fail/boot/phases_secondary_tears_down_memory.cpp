// SPDX-License-Identifier: BSL-1.0
// EXPECT: a CPU that joined has nothing of its own before phase 3 \(architecture\)
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto memory = phases::map_memory(platform.take());
  static_cast<void>(phases::tear_down(phases::set_up_architecture(phases::join(phases::ground(memory.take()))).take()));
#else
  auto memory = phases::map_memory(platform.take());
  phases::tear_down(phases::join(phases::ground(memory.take())));
#endif
}

// SPDX-License-Identifier: BSL-1.0
// EXPECT: a boot proof is used once: give it away with std::move
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto proof = platform.take();
  static_cast<void>(phases::map_memory(std::move(proof)));
#else
  auto proof = platform.take();
  static_cast<void>(phases::map_memory(proof));
#endif
}

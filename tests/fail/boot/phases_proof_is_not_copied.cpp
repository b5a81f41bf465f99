// SPDX-License-Identifier: BSL-1.0
// EXPECT: proof<
#include "support/quiet_platform.hpp"

#include <utility>

using namespace axhal::boot;

void start(axhal::test::quiet_platform& machine) {
  auto platform = phases::detect_platform(machine);
#if defined(AXHAL_CORRECT)
  auto proof = platform.take();
  auto moved = std::move(proof);
  static_cast<void>(moved);
#else
  auto proof = platform.take();
  auto copy = proof;
  static_cast<void>(copy);
#endif
}

// SPDX-License-Identifier: BSL-1.0
// EXPECT: BootPlatform: needs a nested type `error`
// EXPECT: BootPlatform: needs `detect_platform\(\)`, `map_memory\(\)`
// EXPECT: BootPlatform: needs `forget_platform\(\)`, `unmap_memory\(\)`
#include "support/quiet_platform.hpp"

#if defined(AXHAL_CORRECT)
using machine = axhal::test::quiet_platform;
#else
struct machine {
  void detect_platform() {}
};
#endif
static_assert(axhal::boot::explain_boot_platform<machine>());

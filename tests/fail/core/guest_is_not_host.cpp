// SPDX-License-Identifier: BSL-1.0
// EXPECT: guest_phys
// EXPECT: host_phys
#include <axhal/core/address.hpp>

#if defined(AXHAL_CORRECT)
axhal::host_phys wanted(axhal::host_phys a) { return a; }
#else
axhal::host_phys wanted(axhal::guest_phys a) { return a; }
#endif

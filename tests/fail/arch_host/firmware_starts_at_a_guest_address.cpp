// SPDX-License-Identifier: BSL-1.0
// An entry point of the machine is no address of a guest.
// EXPECT: guest_phys
#include <axhal/arch/host/firmware.hpp>

#if defined(AXHAL_CORRECT)
constexpr axhal::host_phys entry{0x1000};
#else
constexpr axhal::guest_phys entry{0x1000};
#endif
bool started(axhal::host::firmware<>& f) { return f.start_cpu(1, entry, 0).has_value(); }

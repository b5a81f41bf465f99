// SPDX-License-Identifier: BSL-1.0
// EXPECT: FirmwarePolicy: needs `start_cpu\(id, entry, argument\) -> result<void, firmware_error>`
// EXPECT: FirmwarePolicy: needs `power_off\(\)` and `reset\(\) -> firmware_error`
#include <axhal/arch/host/firmware.hpp>

#if defined(AXHAL_CORRECT)
using firmware_type = axhal::host::firmware<>;
#else
struct firmware_type {};
#endif
static_assert(axhal::explain_firmware_policy<firmware_type>());

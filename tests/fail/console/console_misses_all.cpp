// SPDX-License-Identifier: BSL-1.0
// EXPECT: ConsolePolicy: needs `can_put\(\) -> bool` and `put\(uint8_t\)`
// EXPECT: ConsolePolicy: needs `get\(\) -> result<uint8_t, console_error>`
#include <axhal/arch/host/console.hpp>

#if defined(AXHAL_CORRECT)
using console_type = axhal::host::console<>;
#else
struct console_type {};
#endif
static_assert(axhal::explain_console_policy<console_type>());

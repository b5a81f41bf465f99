// SPDX-License-Identifier: BSL-1.0
// `get` that returns -1 for "nothing" has lost the difference between nothing and something wrong.
// EXPECT: ConsolePolicy: needs `get\(\) -> result<uint8_t, console_error>`
#include <axhal/arch/host/console.hpp>

struct console_type : axhal::host::console<> {
#if !defined(AXHAL_CORRECT)
  int get() { return -1; }
#endif
};
static_assert(axhal::explain_console_policy<console_type>());

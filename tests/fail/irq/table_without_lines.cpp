// SPDX-License-Identifier: BSL-1.0
// EXPECT: handler_table: needs a line and a handler at least
#include <axhal/irq/handler_table.hpp>

#if defined(AXHAL_CORRECT)
axhal::handler_table<1> table;
#else
axhal::handler_table<0> table;
#endif

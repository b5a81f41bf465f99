// SPDX-License-Identifier: BSL-1.0
// An option that is nothing is an error, not ignored.
// EXPECT: hal: an option is no board and models no policy
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;
struct stranger {};
#if defined(AXHAL_CORRECT)
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#else
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype, stranger>;
#endif
static_assert(sizeof(machine) == 1);

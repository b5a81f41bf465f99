// SPDX-License-Identifier: BSL-1.0
// There is one option of each kind.
// EXPECT: hal: two options model ConsolePolicy; there is one of each kind
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;
struct second_console : console_archetype {};
#if defined(AXHAL_CORRECT)
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#else
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype,
                    second_console>;
#endif
static_assert(sizeof(machine) == 1);

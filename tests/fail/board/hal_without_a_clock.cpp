// SPDX-License-Identifier: BSL-1.0
// What every program needs is asked for by the name of its policy.
// EXPECT: hal: no option models ClockPolicy
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;

#if defined(AXHAL_CORRECT)
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#else
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, console_archetype>;
#endif
static_assert(sizeof(machine) == 1);

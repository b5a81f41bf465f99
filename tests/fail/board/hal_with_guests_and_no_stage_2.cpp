// SPDX-License-Identifier: BSL-1.0
// Who runs guests translates their addresses.
// EXPECT: hal: with a VirtExtPolicy there must be a PagingPolicy for guests' addresses
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;

#if defined(AXHAL_CORRECT)
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype,
                    virt_ext_archetype, virt_irq_archetype, guest_stage>;
#else
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype,
                    virt_ext_archetype, virt_irq_archetype>;
#endif
static_assert(sizeof(machine) == 1);

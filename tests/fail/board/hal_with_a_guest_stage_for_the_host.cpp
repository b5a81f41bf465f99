// SPDX-License-Identifier: BSL-1.0
// The stages differ by whose addresses they translate.
// EXPECT: hal: a .paging. option translates host_virt, a .guest_paging. option guest_phys
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;

#if defined(AXHAL_CORRECT)
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#else
using machine = hal<some_board, cpu_archetype, as<option_kind::paging, guest_stage>, irq_controller_archetype,
                    clock_archetype, console_archetype>;
#endif
static_assert(sizeof(machine) == 1);

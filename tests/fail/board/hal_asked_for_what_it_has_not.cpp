// SPDX-License-Identifier: BSL-1.0
// EXPECT: hal: this composition has no option of the kind that was asked for
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;

using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#if defined(AXHAL_CORRECT)
using asked = machine::get<option_kind::clock>;
#else
using asked = machine::get<option_kind::firmware>;
#endif
static_assert(!std::is_same_v<asked, void>);

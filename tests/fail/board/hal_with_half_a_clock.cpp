// SPDX-License-Identifier: BSL-1.0
// Said aloud, the explainer tells what is missing.
// EXPECT: ClockPolicy: needs .arm\(ticks\)., .cancel\(\). and .is_due\(\) -> bool.
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;
struct half {
  static constexpr bool runs_in_idle = true;
  static constexpr unsigned width = 64;
  ticks now();
  hertz frequency();
  void set_guest_offset(ticks);
  ticks guest_now();
};
#if defined(AXHAL_CORRECT)
using machine =
    hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, console_archetype>;
#else
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, as<option_kind::clock, half>,
                    console_archetype>;
#endif
static_assert(sizeof(machine) == 1);

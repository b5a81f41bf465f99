// SPDX-License-Identifier: BSL-1.0
// A type that models two policies has to be told which one is meant.
// EXPECT: hal: an option models more than one policy; say which is meant
#include "support/hal_options.hpp"

using namespace axhal;
using namespace axhal::test;
struct both : console_archetype {
  static constexpr bool runs_in_idle = true;
  static constexpr unsigned width = 64;
  ticks now();
  hertz frequency();
  void arm(ticks);
  void cancel();
  bool is_due();
  void set_guest_offset(ticks);
  ticks guest_now();
};
#if defined(AXHAL_CORRECT)
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype,
                    as<option_kind::console, both>>;
#else
using machine = hal<some_board, cpu_archetype, host_stage, irq_controller_archetype, clock_archetype, both>;
#endif
static_assert(sizeof(machine) == 1);

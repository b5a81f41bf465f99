// SPDX-License-Identifier: BSL-1.0
// Where the host cannot hear that an offer has ended, what waits behind it would wait for ever.
// EXPECT: TellsRoom
// EXPECT: request_room_event
#include <axhal/arch/x86_64/offered_interrupts.hpp>

#include "support/x86_64_guest.hpp"

struct guest : axhal::test::x86::slow_context {
#if defined(AXHAL_CORRECT)
  void request_room_event(bool) {}
#endif
};
axhal::x86_64::offered_interrupts<guest>* shown;

// SPDX-License-Identifier: BSL-1.0
// `decode` itself refuses a handler that forgets a kind, by the concept's name and the exit's.
// EXPECT: ExitHandler
// EXPECT: lazy_state
#include <axhal/arch/aarch64/exit_esr.hpp>

#include "support/aarch64_guest.hpp"

struct handler {
  template <typename Guest, typename Exit>
#if !defined(AXHAL_CORRECT)
    requires(!std::same_as<Exit, axhal::exit::lazy_state>)
#endif
  axhal::resume operator()(Guest&, Exit const&) {
    return axhal::resume::stop;
  }
};
axhal::resume run(axhal::test::fast_context c, handler& h) { return axhal::aarch64::decode(c, h); }

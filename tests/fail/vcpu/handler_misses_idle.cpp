// SPDX-License-Identifier: BSL-1.0
// A handler that forgets a kind of exit does not compile, and the message names the kind.
// EXPECT: ExitHandler: does not answer `exit::idle`
// EXPECT: ExitHandler: does not answer `exit::unknown`
#include <axhal/vcpu/dispatch.hpp>

struct guest {};
struct handler {
  template <typename Exit>
#if !defined(AXHAL_CORRECT)
    requires(!std::same_as<Exit, axhal::exit::idle> && !std::same_as<Exit, axhal::exit::unknown>)
#endif
  axhal::resume operator()(guest&, Exit const&) {
    return axhal::resume::stop;
  }
};
static_assert(axhal::explain_exit_handler<handler, guest>());

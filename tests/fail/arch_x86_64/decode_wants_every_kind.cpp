// SPDX-License-Identifier: BSL-1.0
// `decode` refuses a handler that forgets a kind, by the concept's name and the exit's.
// EXPECT: ExitHandler
// EXPECT: register_write
#include "support/vmx_bench.hpp"

struct handler : axhal::test::x86::vmx_handler {
  template <typename Guest, typename Exit>
#if !defined(AXHAL_CORRECT)
    requires(!std::same_as<Exit, axhal::exit::register_write>)
#endif
  axhal::resume operator()(Guest&, Exit const&) {
    return axhal::resume::stop;
  }
};
using extension = axhal::test::x86::vmx_bench::extension;
axhal::resume run(extension::vcpu& v, handler& h) { return extension::decode(v, h); }

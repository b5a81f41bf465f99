// SPDX-License-Identifier: BSL-1.0
// EXPECT: VirtIrqPolicy: needs a trivially copyable `state`
#include <axhal/arch/host/virt_irq.hpp>

struct registers : axhal::host::virt_irq<> {
#if defined(AXHAL_CORRECT)
#else
  struct state {
    state() = default;
    state(state const&) {}  // where a vCPU's state goes, nobody calls this
    state& operator=(state const&) = default;
  };
  void save(state&);
  void restore(state const&);
#endif
};
static_assert(axhal::explain_virt_irq_policy<registers>());

// SPDX-License-Identifier: BSL-1.0
// EXPECT: VirtIrqPolicy: needs static `lifetime` \(shown_until\) and `has_priorities` \(bool\)
// EXPECT: VirtIrqPolicy: needs a nested type `state`
// EXPECT: VirtIrqPolicy: needs a trivially copyable `state`
// EXPECT: VirtIrqPolicy: needs `reap\(callable\)`
// EXPECT: VirtIrqPolicy: needs `present\(virtual_irq\)
#include <axhal/arch/host/virt_irq.hpp>

#if defined(AXHAL_CORRECT)
using registers = axhal::host::virt_irq<>;
#else
struct registers {
  unsigned capacity();
};
#endif
static_assert(axhal::explain_virt_irq_policy<registers>());

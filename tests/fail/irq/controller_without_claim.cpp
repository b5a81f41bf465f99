// SPDX-License-Identifier: BSL-1.0
// EXPECT: IrqControllerPolicy: needs `claim\(\) -> result<claimed_irq, irq_error>`
// EXPECT: IrqControllerPolicy: needs `enable\(irq\)`, `disable\(irq\) -> result<void, irq_error>`
// EXPECT: IrqControllerPolicy: needs `send_ipi\(cpu, ipi\)
// EXPECT: IrqControllerPolicy: needs `set_priority`
#include <axhal/arch/host/irq_controller.hpp>

#if defined(AXHAL_CORRECT)
using controller = axhal::host::irq_controller<>;
#else
struct controller {
  bool enable(axhal::irq_number);  // says less than the contract asks
};
#endif
static_assert(axhal::explain_irq_controller_policy<controller>());

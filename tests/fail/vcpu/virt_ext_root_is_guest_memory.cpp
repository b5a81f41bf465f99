// SPDX-License-Identifier: BSL-1.0
// The root of stage 2 lies in the host's memory: an address of the guest's cannot be one.
// EXPECT: VirtExtPolicy: `vcpu` needs `reset
#include <axhal/arch/host/virt_ext.hpp>

struct model : axhal::host::virt_ext<> {
#if !defined(AXHAL_CORRECT)
  struct vcpu : axhal::host::scripted_vcpu {
    void set_translation(axhal::guest_phys, axhal::vmid) {}
  };
#endif
};
static_assert(axhal::explain_virt_ext_policy<model>());

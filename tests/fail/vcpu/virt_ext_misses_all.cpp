// SPDX-License-Identifier: BSL-1.0
// The explainer names every requirement that is missing, not only the first.
// EXPECT: VirtExtPolicy: needs `probe\(\) -> result<virt_features, virt_error>`
// EXPECT: VirtExtPolicy: needs `enable\(\) -> result<void, virt_error>` and `disable\(\)`
// EXPECT: VirtExtPolicy: needs a nested type `vcpu`
// EXPECT: VirtExtPolicy: `vcpu` needs `reset\(guest_phys entry, uint64_t argument\)`
// EXPECT: VirtExtPolicy: needs `load\(vcpu&\)`, `put\(vcpu&\)` and `enter\(vcpu&\)`
#include <axhal/arch/host/virt_ext.hpp>

struct nothing {};
#if defined(AXHAL_CORRECT)
static_assert(axhal::explain_virt_ext_policy<axhal::host::virt_ext<>>());
#else
static_assert(axhal::explain_virt_ext_policy<nothing>());
#endif

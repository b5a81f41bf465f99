// SPDX-License-Identifier: BSL-1.0
// EXPECT: vgic_v2: a GICv2 has 1 to 8 CPU interfaces
// EXPECT: vgic_v2: SPIs come in 32s, at most 960 of them
#include <axhal/arch/aarch64/vgic_v2.hpp>

#if defined(AXHAL_CORRECT)
axhal::aarch64::vgic_v2<8, 960> distributor;
#else
axhal::aarch64::vgic_v2<9, 64> too_many;
axhal::aarch64::vgic_v2<8, 40> uneven;
#endif

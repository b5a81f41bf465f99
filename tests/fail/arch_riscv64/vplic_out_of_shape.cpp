// SPDX-License-Identifier: BSL-1.0
// EXPECT: vplic: 1 to 64 vCPUs
// EXPECT: vplic: 1 to 1023 sources
// EXPECT: vplic: two vCPUs cannot share a context
// EXPECT: vplic: a context beyond the last one
#include <axhal/arch/riscv64/vplic.hpp>

using namespace axhal::riscv64;
#if defined(AXHAL_CORRECT)
vplic<64, 1023> largest;
vplic<2, 95, vplic_contexts{.first = 0, .stride = 1}> dense;
#else
vplic<65> too_many;
vplic<1, 1024> too_wide;
vplic<2, 95, vplic_contexts{.first = 1, .stride = 0}> shared;
vplic<2, 95, vplic_contexts{.first = 1, .stride = 1023}> far;
#endif

// SPDX-License-Identifier: BSL-1.0
// EXPECT: plic: there are 1 to 1023 sources
// EXPECT: imsic_guest_file: a file has 63 to 2047 identities, one less than a multiple of 64
#include <axhal/arch/riscv64/imsic_guest_file.hpp>
#include <axhal/arch/riscv64/plic.hpp>

#include "support/simulated_harts.hpp"

#if defined(AXHAL_CORRECT)
axhal::riscv64::plic<axhal::mmio, 4, 1023> controller{{}};
axhal::riscv64::imsic_guest_file<axhal::test::test_hart, 255> file{255};
#else
axhal::riscv64::plic<axhal::mmio, 4, 1024> controller{{}};
axhal::riscv64::imsic_guest_file<axhal::test::test_hart, 256> file{255};
#endif

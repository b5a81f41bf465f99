// SPDX-License-Identifier: BSL-1.0
// EXPECT: stage1: Sv39, Sv48 and Sv57 have 3, 4 and 5 levels
// EXPECT: stage2: Sv39x4, Sv48x4 and Sv57x4 have 3, 4 and 5 levels
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>

#if defined(AXHAL_CORRECT)
constexpr unsigned few = 3;
constexpr unsigned many = 5;
#else
constexpr unsigned few = 2;
constexpr unsigned many = 6;
#endif
constexpr auto bits = axhal::riscv64::stage1<few>::va_bits + axhal::riscv64::stage2<many>::gpa_bits;

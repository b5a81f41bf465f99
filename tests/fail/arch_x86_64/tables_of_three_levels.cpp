// SPDX-License-Identifier: BSL-1.0
// EXPECT: page tables of long mode have 4 or 5 levels
// EXPECT: EPT has 4 or 5 levels
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>

#if defined(AXHAL_CORRECT)
constexpr unsigned few = 4;
constexpr unsigned many = 5;
#else
constexpr unsigned few = 3;
constexpr unsigned many = 6;
#endif
constexpr auto bits = axhal::x86_64::host_format<few>::va_bits + axhal::x86_64::ept_format<many>::gpa_bits;

// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: `entry` must be trivially copyable, equality comparable and 8 bytes wide
#include <axhal/arch/host/paging.hpp>

struct format : axhal::host::paging {
#if !defined(AXHAL_CORRECT)
  using entry = std::uint32_t;
#endif
};
static_assert(axhal::explain_paging_policy<format>());

// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: needs `leaf\(host_phys, page_attributes, level\) -> entry` and `table\(host_phys\) -> entry`
#include <axhal/arch/host/paging.hpp>

struct format : axhal::host::paging {
#if !defined(AXHAL_CORRECT)
  static entry table(axhal::guest_phys);  // a table lies in host memory
#endif
};
static_assert(axhal::explain_paging_policy<format>());

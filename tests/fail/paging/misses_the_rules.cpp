// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: needs `break_before_make`, `caches_absent` and `representable\(attributes\) -> bool`
#include <axhal/arch/host/paging.hpp>

struct format : axhal::host::paging {
#if !defined(AXHAL_CORRECT)
  static bool representable(axhal::access);  // rights alone do not say what memory it is
#endif
};
static_assert(axhal::explain_paging_policy<format>());

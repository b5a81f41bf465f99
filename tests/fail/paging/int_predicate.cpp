// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: needs `is_present -> bool`, `is_leaf -> bool`, `target -> host_phys`
#include <axhal/arch/host/paging.hpp>

struct format : axhal::host::paging {
#if !defined(AXHAL_CORRECT)
  static constexpr int is_present(entry e) { return static_cast<int>(e.word & 1); }  // int, not bool
#endif
};
static_assert(axhal::explain_paging_policy<format>());

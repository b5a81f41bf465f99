// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: needs `levels`, `index_bits\(level\) -> unsigned`, `largest_leaf_level`, `output_bits`
#include <axhal/arch/host/paging.hpp>

struct format : axhal::host::paging {
#if !defined(AXHAL_CORRECT)
  static constexpr long index_bits(unsigned) { return 9; }  // long, not unsigned
#endif
};
static_assert(axhal::explain_paging_policy<format>());

// SPDX-License-Identifier: BSL-1.0
// EXPECT: PagingPolicy: needs a nested type `entry`
// EXPECT: PagingPolicy: `entry` must be trivially copyable, equality comparable and 8 bytes wide
#include <axhal/arch/host/paging.hpp>

struct format {
  using input_address = axhal::guest_phys;
  static constexpr unsigned levels = 3;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = 2;
  static constexpr unsigned output_bits = 48;
};
#if defined(AXHAL_CORRECT)
static_assert(axhal::explain_paging_policy<axhal::host::paging>());
#else
static_assert(axhal::explain_paging_policy<format>());
#endif

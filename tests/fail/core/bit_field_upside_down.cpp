// SPDX-License-Identifier: BSL-1.0
// EXPECT: bit_field: the most significant bit comes first
#include <axhal/core/bit_field.hpp>

#if defined(AXHAL_CORRECT)
using field = axhal::bit_field<unsigned, 7, 4>;
#else
using field = axhal::bit_field<unsigned, 4, 7>;
#endif
static_assert(field::width == 4);

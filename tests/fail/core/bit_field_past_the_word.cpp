// SPDX-License-Identifier: BSL-1.0
// EXPECT: bit_field: the field reaches past the word
#include <axhal/core/bit_field.hpp>

#include <cstdint>

#if defined(AXHAL_CORRECT)
using field = axhal::bit_field<unsigned, 31, 28, std::uint32_t>;
#else
using field = axhal::bit_field<unsigned, 32, 28, std::uint32_t>;
#endif
static_assert(field::width == 4);

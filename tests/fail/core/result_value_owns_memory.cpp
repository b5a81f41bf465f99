// SPDX-License-Identifier: BSL-1.0
// EXPECT: result: the value type must be trivially copyable
#include <axhal/core/result.hpp>

struct owner {
#if !defined(AXHAL_CORRECT)
  constexpr ~owner() {}
#endif
};
enum class error { none };
constexpr bool made = axhal::result<owner, error>{owner{}}.has_value();
static_assert(made);

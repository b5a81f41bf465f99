// SPDX-License-Identifier: BSL-1.0
// An error that nobody looks at. With warnings as errors, as the project is built.
// EXPECT: nodiscard|ignoring return value
#include <axhal/core/result.hpp>

#pragma GCC diagnostic error "-Wunused-result"

enum class error { full };
axhal::result<void, error> fill();
void user() {
#if defined(AXHAL_CORRECT)
  if (!fill()) return;
#else
  fill();
#endif
}

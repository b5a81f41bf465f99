// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>

// The numbers are macros, the only ones of this library, so that `#if` can ask for them.
// They equal the project version of the build files; a test compares the two.
#define AXHAL_VERSION_MAJOR 0
#define AXHAL_VERSION_MINOR 1
#define AXHAL_VERSION_PATCH 0

namespace axhal {

/// A release of this library; releases compare in the order of semantic versioning.
struct version_number {
  int major_number;
  int minor_number;
  int patch_number;
  friend constexpr auto operator<=>(version_number, version_number) = default;
};

/// The release that these headers belong to.
inline constexpr version_number version{AXHAL_VERSION_MAJOR, AXHAL_VERSION_MINOR, AXHAL_VERSION_PATCH};

}  // namespace axhal

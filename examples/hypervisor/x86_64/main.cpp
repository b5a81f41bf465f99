// SPDX-License-Identifier: BSL-1.0
// The example hypervisor for x86_64: VT-x and SVM in one image.
#include "boot.hpp"

/// Called by start.S.
extern "C" [[gnu::cold, gnu::externally_visible]] void hypervisor_main(std::uint64_t magic, std::uint64_t information) {
  example::boot(magic, information);
}

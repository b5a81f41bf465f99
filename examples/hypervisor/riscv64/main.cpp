// SPDX-License-Identifier: BSL-1.0
// The example hypervisor for RISC-V.
#include "boot.hpp"

/// Called by start.S.
extern "C" [[gnu::cold, gnu::externally_visible]] void hypervisor_main(std::uint64_t hartid, std::uint64_t tree,
                                                                       std::uint64_t where) {
  example::boot<example::target<example::road::usual>>(hartid, tree, where);
}

// SPDX-License-Identifier: BSL-1.0
// The same by the hard road: for CPUs that do not tell of trapped instructions, and for what a vCPU takes along.
#include "boot.hpp"

/// Called by start.S.
extern "C" [[gnu::cold, gnu::externally_visible]] void hypervisor_main(std::uint64_t hartid, std::uint64_t tree,
                                                                       std::uint64_t where) {
  example::boot<example::target<example::road::hard>>(hartid, tree, where);
}

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_memory.hpp"

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>

namespace example {

/// A device whose address the machine's device tree and this image must agree on: the node's range `i` starts at
/// `expected`. Otherwise the trouble is `what`, with the tree's address, where it has one, and ours.
[[nodiscard]] inline axhal::result<void, trouble> check_device(axhal::boot::device_tree const& tree,
                                                               axhal::text compatible, std::size_t i,
                                                               axhal::host_phys expected, axhal::text what) {
  auto const node = tree.find_compatible(compatible);
  if (!node) return axhal::failure{trouble{what, expected.value}};
  auto const where = axhal::boot::device_range(tree, *node, i);
  if (!where) return axhal::failure{trouble{what, expected.value}};
  if (where->start != expected) return axhal::failure{trouble{what, where->start.value, expected.value}};
  return {};
}

}  // namespace example

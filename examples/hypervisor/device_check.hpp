// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_memory.hpp"

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace example {

/// The device that the machine's device tree has at the address where this image has it: the one of `compatible` whose
/// range `i` starts at `expected`. Where there is none the trouble is `what`, with the tree's address for the last one
/// of its kind, if there is one, and ours.
[[nodiscard]] inline axhal::result<axhal::boot::tree_node, trouble> find_device(axhal::boot::device_tree const& tree,
                                                                                axhal::text compatible, std::size_t i,
                                                                                axhal::host_phys expected,
                                                                                axhal::text what) {
  trouble none{what, expected.value};
  for (auto const& node : tree.nodes()) {
    if (!node.is_compatible(compatible)) continue;
    auto const where = axhal::boot::device_range(tree, node, i);
    if (!where) continue;
    if (where->start == expected) return node;
    none = {what, where->start.value, expected.value};
  }
  return axhal::failure{none};
}

/// Whether there is such a device.
[[nodiscard]] inline axhal::result<void, trouble> check_device(axhal::boot::device_tree const& tree,
                                                               axhal::text compatible, std::size_t i,
                                                               axhal::host_phys expected, axhal::text what) {
  auto const found = find_device(tree, compatible, i, expected, what);
  if (!found) return axhal::failure{found.error()};
  return {};
}

/// A property of one or two cells, or `otherwise` where the node does not have it.
[[nodiscard]] inline std::uint64_t number_in(axhal::boot::tree_node const& node, axhal::text name,
                                             std::uint64_t otherwise) {
  auto const property = node.property(name);
  if (!property) return otherwise;
  auto const value = property->number();
  return value ? *value : otherwise;
}

}  // namespace example

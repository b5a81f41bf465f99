// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

namespace example {

/// What the guest's device tree says beside the fixed machine.
struct guest_tree_facts {
  axhal::guest_range memory;
  axhal::guest_range initrd;  ///< empty: none
  axhal::text command_line;
  unsigned vcpus;
};

/// The nodes that every guest's tree has: what to start with, where the console is (`uart`, a path), the memory.
inline void write_chosen_and_memory(axhal::boot::device_tree_writer& tree, guest_tree_facts const& facts,
                                    axhal::text uart) {
  tree.begin_node("chosen");
  tree.property_strings("bootargs", facts.command_line);
  tree.property_strings("stdout-path", uart);
  if (!facts.initrd.empty()) {
    tree.property_u64s("linux,initrd-start", facts.initrd.start.value);
    tree.property_u64s("linux,initrd-end", facts.initrd.start.value + facts.initrd.size);
  }
  tree.end_node();

  tree.begin_node("aliases");
  tree.property_strings("serial0", uart);
  tree.end_node();

  tree.begin_node("memory", facts.memory.start.value);
  tree.property_strings("device_type", "memory");
  tree.property_u64s("reg", facts.memory.start.value, facts.memory.size);
  tree.end_node();
}

}  // namespace example

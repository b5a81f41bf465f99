// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest_memory.hpp"
#include "host_memory.hpp"

#include <axhal/boot/guest_layout.hpp>
#include <axhal/boot/kernel_image.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

/// Where a guest begins that was loaded with a device tree.
struct guest_start {
  axhal::guest_phys entry{};
  axhal::guest_phys tree{};
};

/// Puts kernel, initial RAM disk and device tree into the guest's RAM as `Convention` says. `write_tree(buffer,
/// initrd)` makes the tree, once the place of the RAM disk is known; `buffer` is where it is built.
template <axhal::boot::ImageConvention Convention, typename Memory, typename WriteTree>
[[nodiscard]] axhal::result<guest_start, trouble> load_guest(guest_order const& order, Memory& memory,
                                                             axhal::mutable_bytes buffer, WriteTree write_tree) {
  using axhal::failure;
  auto const image = axhal::boot::kernel_image<Convention>::open(order.kernel);
  if (!image)
    return failure{trouble{axhal::boot::to_text(image.error().what), image.error().offset, 0, "the guest's kernel"}};
  auto const plan = axhal::boot::plan_guest(*image, memory.range(), buffer.size, order.initrd.size);
  if (!plan) {
    return failure{trouble{axhal::boot::to_text(plan.error().what), plan.error().needed, plan.error().available}};
  }
  auto const tree = write_tree(buffer, plan->initrd);
  if (!tree) return failure{trouble{"the guest's device tree does not fit", static_cast<std::uint64_t>(tree.error())}};

  axhal::boot::load_kernel(
      *image, *plan, [&](axhal::guest_phys to, axhal::bytes from) { memory.copy(to, from); },
      [&](axhal::guest_phys from, std::uint64_t size) { memory.clear(from, size); });
  memory.copy(plan->initrd.start, order.initrd);
  memory.copy(plan->tree.start, *tree);
  return guest_start{plan->entry, plan->tree.start};
}

/// `Target::load` for machines with device trees: the tree is `Target::write_tree`'s.
template <typename Target, typename Memory, typename VirtExt>
[[nodiscard]] axhal::result<guest_start, trouble> load_with_tree(guest_order const& order, Memory& memory,
                                                                 typename Target::devices const& host,
                                                                 VirtExt const& cpu) {
  std::uint8_t buffer[Target::tree_size];
  return load_guest<typename Target::images>(
      order, memory, {buffer, sizeof buffer}, [&](axhal::mutable_bytes out, axhal::guest_range initrd) {
        return Target::write_tree(out, {memory.range(), initrd, order.command_line, order.vcpus}, host, cpu);
      });
}

}  // namespace example

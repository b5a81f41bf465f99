// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_memory.hpp"

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/modules.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace example {

/// What the loader left on a machine with a device tree: the tree, and below its `/chosen` the guest's files.
class tree_source {
 public:
  [[nodiscard]] static axhal::result<tree_source, trouble> open(boot_facts const& facts) {
    constexpr std::uint64_t largest_tree = 2 * axhal::mib;
    auto const tree = axhal::boot::device_tree::open(bytes_at({facts.handed, largest_tree}));
    if (!tree) return axhal::failure{trouble{"the device tree of the machine is damaged at", tree.error().offset}};
    tree_source source;
    source.blob_ = tree->blob();
    return source;
  }

  /// The device tree; it was found whole.
  [[nodiscard]] axhal::boot::device_tree tree() const { return *axhal::boot::device_tree::open(blob_); }

  /// A kernel, perhaps an initial RAM disk, and options of ours.
  [[nodiscard]] axhal::result<guest_order, trouble> read_order() const {
    using axhal::failure;
    auto const tree = this->tree();
    guest_order order;
    axhal::boot::boot_modules const kernels{tree, "multiboot,kernel"};
    axhal::boot::boot_modules const ram_disks{tree, "multiboot,ramdisk"};
    if (kernels.size() == 0)
      return failure{trouble{"the loader brought no guest kernel (a multiboot,kernel module below /chosen)"}};
    auto const kernel = kernels.find();
    if (!kernel) return failure{trouble{"a boot module is damaged, in the device tree at", kernel.error().offset}};
    order.kernel = bytes_at(kernel->where);
    order.command_line = kernel->arguments;
    if (ram_disks.size() != 0) {
      auto const disk = ram_disks.find();
      if (!disk) return failure{trouble{"a boot module is damaged, in the device tree at", disk.error().offset}};
      order.initrd = bytes_at(disk->where);
    }
    auto const arguments = axhal::boot::boot_arguments(tree);
    if (auto const r = read_options(arguments ? *arguments : axhal::text{}, order); !r) return failure{r.error()};
    return order;
  }

  /// Hands all RAM to `frames` that is `reachable` and not the image's, the device tree's or a boot module's.
  [[nodiscard]] axhal::result<void, trouble> take_memory(frame_allocator& frames, axhal::host_range image) const {
    using axhal::failure;
    auto const tree = this->tree();
    machine_memory map;
    if (auto const r = map.add_tree(tree); !r) {
      return failure{trouble{"the device tree's memory map makes no sense at", r.error().range.start.value,
                             r.error().tree.offset}};
    }
    axhal::host_range const blob{{reinterpret_cast<std::uint64_t>(blob_.data)}, blob_.size};
    axhal::host_range const out_of_reach{reachable, (std::uint64_t{1} << 56) - reachable.value};
    axhal::host_range const ours[] = {image, blob, out_of_reach};
    for (auto const& taken : ours) {
      if (auto const r = keep(map, taken); !r) return r;
    }
    axhal::boot::boot_modules const modules{tree};
    for (std::size_t i = 0; i < modules.size(); ++i) {
      auto const module = modules.find(i);
      if (!module) return failure{trouble{"a boot module is damaged, in the device tree at", module.error().offset}};
      if (auto const r = keep(map, module->where); !r) return r;
    }
    return hand_out(map, frames);
  }

 private:
  axhal::bytes blob_{};
};

}  // namespace example

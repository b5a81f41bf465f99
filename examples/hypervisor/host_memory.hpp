// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/command_line.hpp>
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/modules.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/memory/frame_allocator.hpp>
#include <axhal/memory/memory_map.hpp>

#include <cstdint>

namespace example {

/// Why a step failed, in words for the log: `what`, up to two numbers that show it, and what it is about where `what`
/// does not say.
struct trouble {
  axhal::text what{};
  std::uint64_t a{};
  std::uint64_t b{};
  axhal::text about{};
};

/// The files and wishes that the boot loader left for the one guest.
struct guest_order {
  axhal::bytes kernel{};
  axhal::bytes initrd{};
  axhal::text command_line{};
  std::uint64_t memory{256 * axhal::mib};
  unsigned vcpus{1};
};

using frame_allocator = axhal::memory::frame_allocator<8>;

[[nodiscard]] inline axhal::bytes bytes_at(axhal::host_range where) {
  return {reinterpret_cast<std::uint8_t const*>(where.start.value), static_cast<std::size_t>(where.size)};
}

/// What the first instructions know.
struct boot_facts {
  axhal::host_range image{};
  axhal::host_phys tree{};
  std::uint64_t cpu{};  ///< the firmware's number of the CPU that booted
};

/// The device tree that the loader left.
[[nodiscard]] inline axhal::result<axhal::boot::device_tree, trouble> open_tree(boot_facts const& facts) {
  constexpr std::uint64_t largest_tree = 2 * axhal::mib;
  auto const tree = axhal::boot::device_tree::open(bytes_at({facts.tree, largest_tree}));
  if (!tree) return axhal::failure{trouble{"the device tree of the machine is damaged at", tree.error().offset}};
  return *tree;
}

/// What the loader left below `/chosen`: a kernel, perhaps an initial RAM disk, and options of ours.
[[nodiscard]] inline axhal::result<guest_order, trouble> read_order(axhal::boot::device_tree const& tree) {
  using axhal::failure;
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
  axhal::boot::command_line const options{arguments ? *arguments : axhal::text{}};
  if (options.has("axhal.memory")) {
    auto const size = options.size("axhal.memory");
    if (!size || *size == 0) return failure{trouble{"axhal.memory is not a size"}};
    order.memory = *size;
  }
  if (options.has("axhal.vcpus")) {
    auto const count = options.number("axhal.vcpus");
    if (!count || *count == 0 || *count > 0xffff'ffff) return failure{trouble{"axhal.vcpus is not a count"}};
    order.vcpus = static_cast<unsigned>(*count);
  }
  return order;
}

/// Where the hypervisor's own translations end.
inline constexpr axhal::host_phys reachable{256 * axhal::gib};

/// Hands all RAM to `frames` that is `reachable` and not the image's, the device tree's or a boot module's.
[[nodiscard]] inline axhal::result<void, trouble> take_memory(frame_allocator& frames,
                                                              axhal::boot::device_tree const& tree,
                                                              axhal::host_range image) {
  using axhal::failure;
  axhal::memory::memory_map<32> map;
  if (auto const r = map.add_tree(tree); !r) {
    return failure{
        trouble{"the device tree's memory map makes no sense at", r.error().range.start.value, r.error().tree.offset}};
  }
  axhal::host_range const blob{{reinterpret_cast<std::uint64_t>(tree.blob().data)}, tree.blob().size};
  axhal::host_range const out_of_reach{reachable, (std::uint64_t{1} << 56) - reachable.value};
  axhal::host_range const ours[] = {image, blob, out_of_reach};
  for (auto const& taken : ours) {
    if (!map.reserve(taken)) return failure{trouble{"too many reserved ranges at", taken.start.value}};
  }
  axhal::boot::boot_modules const modules{tree};
  for (std::size_t i = 0; i < modules.size(); ++i) {
    auto const module = modules.find(i);
    if (!module) return failure{trouble{"a boot module is damaged, in the device tree at", module.error().offset}};
    if (!map.reserve(module->where)) return failure{trouble{"too many reserved ranges at", module->where.start.value}};
  }
  auto const usable = map.usable();
  if (!usable) return failure{trouble{"the memory map has too many pieces"}};
  for (auto const& range : *usable) {
    // A piece that is too small for its own records is not worth having.
    auto const added = frames.add_region(range);
    if (!added && added.error() != axhal::memory::region_error::too_small) {
      return failure{trouble{"the memory map has too many pieces, at", range.start.value}};
    }
  }
  return {};
}

}  // namespace example

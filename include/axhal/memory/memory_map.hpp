// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/memory/range_set.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::memory {

/// What went wrong with a memory map.
enum class map_fault : std::uint8_t {
  full,      ///< more pieces than the type allows
  wraps,     ///< a range's end has no address
  overlaps,  ///< two pieces of RAM share addresses
  tree,      ///< the device tree does not say it properly; see `tree`
};

/// A fault, the range that it is about, and for `map_fault::tree` what and where in the tree.
struct map_error {
  map_fault what{};
  host_range range{};
  boot::tree_error tree{};
  friend constexpr bool operator==(map_error const&, map_error const&) = default;
};

/// Where RAM is and which of it is taken, each in up to `Capacity` pieces. What is left is the memory to hand out.
template <std::size_t Capacity>
class memory_map {
 public:
  using ranges = range_set<host_phys, Capacity>;

  /// RAM as the machine has it. Errors: `full`, `wraps`, `overlaps`; nothing changes.
  constexpr result<void, map_error> add_ram(host_range r) { return note(ram_.add(r), r); }
  /// Memory that is taken (an image, a device tree, an initial RAM disk), whether it is RAM or not; reservations may
  /// overlap. Errors: `full`, `wraps`; nothing changes.
  constexpr result<void, map_error> reserve(host_range r) { return note(reserved_.join(r), r); }

  [[nodiscard]] constexpr ranges const& ram() const { return ram_; }
  [[nodiscard]] constexpr ranges const& reserved() const { return reserved_; }

  /// RAM that is not reserved, in whole frames. Errors: `full`.
  [[nodiscard]] constexpr result<ranges, map_error> usable() const {
    ranges left = ram_;
    for (host_range const& r : reserved_) {
      if (auto const removed = note(left.remove(r), r); !removed) return failure{removed.error()};
    }
    left.shrink_to(frame_size);
    return left;
  }

  /// Takes from `tree` the RAM (`device_type = "memory"` nodes that are enabled, Devicetree Specification 3.4), the
  /// memory reservation block (5.3), and the static regions under `/reserved-memory` (3.5). The tree's own bytes, and
  /// what a loader put into memory, are the caller's to reserve.
  ///
  /// A dynamic region (`size` without `reg`) names no addresses and is skipped. On an error the map may hold part of
  /// it.
  result<void, map_error> add_tree(boot::device_tree const& tree) {
    for (boot::tree_node const node : tree.root().children()) {
      auto const type = node.property("device_type");
      if (!type || !type->contains("memory") || !node.is_enabled()) continue;
      auto const added = for_regions(tree, node, [this](host_range r) { return add_ram(r); });
      if (!added) return added;
    }
    for (std::uint32_t i = 0; i < tree.reservation_count(); ++i) {
      if (auto const reserved = reserve(tree.reservation(i)); !reserved) return reserved;
    }
    auto const list = tree.root().child("reserved-memory");
    if (!list) return {};
    for (boot::tree_node const node : list->children()) {
      if (!node.is_enabled() || !node.has_property("reg")) continue;
      auto const reserved = for_regions(tree, node, [this](host_range r) { return reserve(r); });
      if (!reserved) return reserved;
    }
    return {};
  }

 private:
  [[nodiscard]] static constexpr result<void, map_error> note(result<void, range_error> r, host_range range) {
    if (r) return {};
    switch (r.error()) {
      case range_error::full: return failure{map_error{map_fault::full, range, {}}};
      case range_error::wraps: return failure{map_error{map_fault::wraps, range, {}}};
      case range_error::overlaps: break;
    }
    return failure{map_error{map_fault::overlaps, range, {}}};
  }

  template <typename F>
  static result<void, map_error> for_regions(boot::device_tree const& tree, boot::tree_node node, F&& each) {
    auto const all = boot::regions(tree, node);
    if (!all) return failure{map_error{map_fault::tree, {}, all.error()}};
    for (boot::tree_region const region : *all) {
      auto const where = boot::translate(tree, node, region);
      if (!where) return failure{map_error{map_fault::tree, {{region.address}, region.size}, where.error()}};
      if (auto const done = each(*where); !done) return done;
    }
    return {};
  }

  ranges ram_{};
  ranges reserved_{};
};

}  // namespace axhal::memory

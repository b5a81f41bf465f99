// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// How many 32-bit cells addresses and sizes have among the children of a node (2.3.5 "#address-cells and
/// #size-cells").
struct cell_counts {
  std::uint32_t address{2};
  std::uint32_t size{1};
  friend constexpr bool operator==(cell_counts, cell_counts) = default;
};

/// What `bus` says about its children, `absent` for what it leaves out. The specification's own defaults are 2 and 1.
/// Errors: `wrong_size`, `bad_cells` (more than 4).
[[nodiscard]] inline result<cell_counts, tree_error> cells_below(tree_node bus, cell_counts absent = {}) {
  auto const read = [](result<tree_property, tree_error> const& p,
                       std::uint32_t otherwise) -> result<std::uint32_t, tree_error> {
    if (!p) return otherwise;
    auto const count = p->u32();
    if (count && *count > 4) return failure{tree_error{tree_fault::bad_cells, p->offset}};
    return count;
  };
  auto const address = read(bus.property("#address-cells"), absent.address);
  if (!address) return failure{address.error()};
  auto const size = read(bus.property("#size-cells"), absent.size);
  if (!size) return failure{size.error()};
  return cell_counts{*address, *size};
}

/// One entry of `reg`, in the addresses of the bus that the node sits on.
struct tree_region {
  std::uint64_t address{};
  std::uint64_t size{};
  friend constexpr bool operator==(tree_region, tree_region) = default;
};

namespace tree_detail {

/// A number of `cells` cells (0..2) at byte `at`, which the caller has found to be inside.
[[nodiscard]] constexpr std::uint64_t load_cells(bytes value, std::size_t at, std::uint32_t cells) {
  if (cells == 0) return 0;
  return cells == 1 ? device_tree_format::load_u32(value, at) : device_tree_format::load_u64(value, at);
}

}  // namespace tree_detail

/// The entries of a `reg` property, checked to be whole. A range for `for`.
class tree_regions {
 public:
  constexpr tree_regions() = default;
  /// Errors: `bad_cells` (an address or size wider than 64 bits, or no address), `wrong_size` (a broken last entry).
  [[nodiscard]] static constexpr result<tree_regions, tree_error> make(tree_property const& reg, cell_counts cells) {
    if (cells.address == 0 || cells.address > 2 || cells.size > 2) {
      return failure{tree_error{tree_fault::bad_cells, reg.offset}};
    }
    if (reg.value.size % ((cells.address + cells.size) * 4) != 0) {
      return failure{tree_error{tree_fault::wrong_size, reg.offset}};
    }
    tree_regions all{};
    all.value_ = reg.value;
    all.cells_ = cells;
    return all;
  }

  [[nodiscard]] constexpr std::size_t size() const { return value_.size / entry_size(); }
  /// Precondition: `i < size()`.
  [[nodiscard]] constexpr tree_region operator[](std::size_t i) const {
    std::size_t const at = i * entry_size();
    return {tree_detail::load_cells(value_, at, cells_.address),
            tree_detail::load_cells(value_, at + cells_.address * 4, cells_.size)};
  }

  struct iterator {
    tree_regions const* all;
    std::size_t i;
    [[nodiscard]] constexpr tree_region operator*() const { return (*all)[i]; }
    constexpr iterator& operator++() {
      ++i;
      return *this;
    }
    friend constexpr bool operator==(iterator, iterator) = default;
  };
  [[nodiscard]] constexpr iterator begin() const { return {this, 0}; }
  [[nodiscard]] constexpr iterator end() const { return {this, size()}; }

 private:
  [[nodiscard]] constexpr std::size_t entry_size() const { return (cells_.address + cells_.size) * std::size_t{4}; }

  bytes value_{};
  cell_counts cells_{};
};

/// The nodes from the root down to one node, both included.
class tree_ancestry {
 public:
  /// Precondition: `node` belongs to `tree`; if not, only the root is there.
  constexpr tree_ancestry(device_tree const& tree, tree_node node) : blocks_{node.blocks()} {
    tree_descent walk = tree.nodes();
    places_[0] = tree.root().place();
    for (; !(walk == tree_end{}); ++walk) {
      unsigned const depth = walk.depth();
      if (depth > device_tree_format::max_depth) return;
      places_[depth - 1] = (*walk).place();
      if (*walk == node) {
        depth_ = depth;
        return;
      }
    }
  }

  /// How deep the node lies; 1 for the root.
  [[nodiscard]] constexpr unsigned depth() const { return depth_; }
  /// The ancestor at `level`, 0 being the root and `depth() - 1` the node itself. Precondition: `level < depth()`.
  [[nodiscard]] constexpr tree_node at(unsigned level) const { return {blocks_, places_[level]}; }

 private:
  tree_blocks blocks_;
  std::uint32_t places_[device_tree_format::max_depth]{};
  unsigned depth_{1};
};

/// The `reg` entries of `node`, with the cell counts that its parent states.
/// Errors: `not_found` (no `reg`), those of `cells_below` and `tree_regions::make`.
[[nodiscard]] inline result<tree_regions, tree_error> regions(device_tree const& tree, tree_node node) {
  auto const reg = node.property("reg");
  if (!reg) return failure{reg.error()};
  tree_ancestry const way{tree, node};
  auto const cells = cells_below(way.at(way.depth() < 2 ? 0 : way.depth() - 2));
  if (!cells) return failure{cells.error()};
  return tree_regions::make(*reg, *cells);
}

/// `region`, which is on the bus that `node` sits on, in host-physical addresses: through the `ranges` of every bus up
/// to the root (2.3.8 "ranges"). An empty `ranges` is the identity; a bus without one hides its children. Errors:
/// `untranslatable`, `wrong_size`, `bad_cells`; the offset is that of the bus or of its `ranges`.
[[nodiscard]] inline result<host_range, tree_error> translate(device_tree const& tree, tree_node node,
                                                              tree_region region) {
  tree_ancestry const way{tree, node};
  std::uint64_t address = region.address;
  for (unsigned level = way.depth() < 2 ? 0 : way.depth() - 2; level > 0; --level) {
    tree_node const bus = way.at(level);
    auto const ranges = bus.property("ranges");
    if (!ranges) return failure{tree_error{tree_fault::untranslatable, bus.offset()}};
    if (ranges->value.empty()) continue;
    auto const below = cells_below(bus);
    if (!below) return failure{below.error()};
    auto const above = cells_below(way.at(level - 1));
    if (!above) return failure{above.error()};
    if (below->address == 0 || below->address > 2 || above->address == 0 || above->address > 2 || below->size > 2) {
      return failure{tree_error{tree_fault::bad_cells, ranges->offset}};
    }
    std::size_t const entry = (std::size_t{below->address} + above->address + below->size) * 4;
    if (ranges->value.size % entry != 0) return failure{tree_error{tree_fault::wrong_size, ranges->offset}};
    bool found = false;
    for (std::size_t at = 0; at < ranges->value.size && !found; at += entry) {
      std::uint64_t const child = tree_detail::load_cells(ranges->value, at, below->address);
      std::uint64_t const parent = tree_detail::load_cells(ranges->value, at + below->address * 4, above->address);
      std::uint64_t const size =
          tree_detail::load_cells(ranges->value, at + (std::size_t{below->address} + above->address) * 4, below->size);
      if (address < child || address - child > size || region.size > size - (address - child)) continue;
      address = parent + (address - child);
      found = true;
    }
    if (!found) return failure{tree_error{tree_fault::untranslatable, ranges->offset}};
  }
  host_range const out{{address}, region.size};
  if (!out.is_valid()) return failure{tree_error{tree_fault::untranslatable, node.offset()}};
  return out;
}

/// The `i`-th `reg` entry of `node` in host-physical addresses: where a driver finds the device.
/// Errors: those of `regions` and `translate`; `not_found` when there are not so many entries.
[[nodiscard]] inline result<host_range, tree_error> device_range(device_tree const& tree, tree_node node,
                                                                 std::size_t i = 0) {
  auto const all = regions(tree, node);
  if (!all) return failure{all.error()};
  if (i >= all->size()) return failure{tree_error{tree_fault::not_found, node.offset()}};
  return translate(tree, node, (*all)[i]);
}

}  // namespace axhal::boot

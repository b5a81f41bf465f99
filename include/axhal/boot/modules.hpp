// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// A file that the loader put into memory for us.
struct boot_module {
  host_range where{};
  text arguments{};  ///< its command line, empty when it has none
  tree_node node;
};

/// The modules under `/chosen` that are `kind`: "multiboot,kernel", "multiboot,ramdisk", "multiboot,module" for all.
///
/// Nodes look as Xen's boot protocol for ARM has them ("Device tree bindings: multiboot", docs/misc/arm/device-tree):
/// compatible "multiboot,module" and the kind, `reg`, `bootargs`. QEMU's `guest-loader` writes such nodes into a
/// `/chosen` that states no cell counts and uses those of the root, so that is what counts where `/chosen` is silent. A
/// node whose range does not parse is an error, not skipped: whoever loaded it meant it to be found.
class boot_modules {
 public:
  explicit boot_modules(device_tree const& tree, text kind = "multiboot,module") : tree_{&tree}, kind_{kind} {}

  /// Number of modules of this kind.
  [[nodiscard]] std::size_t size() const {
    std::size_t count = 0;
    auto const chosen = tree_->root().child("chosen");
    if (!chosen) return 0;
    for (tree_node const node : chosen->children()) count += is_ours(node) ? 1 : 0;
    return count;
  }

  /// The `i`-th module of this kind, in the order of the tree. Errors: `not_found` when there are not so many, those of
  /// `tree_regions::make`, and `untranslatable` when the range wraps around.
  [[nodiscard]] result<boot_module, tree_error> find(std::size_t i = 0) const {
    auto const chosen = tree_->root().child("chosen");
    if (!chosen) return failure{chosen.error()};
    for (tree_node const node : chosen->children()) {
      if (is_ours(node) && i-- == 0) return read(*chosen, node);
    }
    return failure{tree_error{tree_fault::not_found, chosen->offset()}};
  }

 private:
  [[nodiscard]] bool is_ours(tree_node node) const {
    return node.is_compatible("multiboot,module") && node.is_compatible(kind_);
  }

  [[nodiscard]] result<boot_module, tree_error> read(tree_node chosen, tree_node node) const {
    auto const root_cells = cells_below(tree_->root());
    if (!root_cells) return failure{root_cells.error()};
    auto const cells = cells_below(chosen, *root_cells);
    if (!cells) return failure{cells.error()};
    auto const reg = node.property("reg");
    if (!reg) return failure{reg.error()};
    auto const all = tree_regions::make(*reg, *cells);
    if (!all) return failure{all.error()};
    if (all->size() == 0) return failure{tree_error{tree_fault::wrong_size, reg->offset}};
    host_range const where{{(*all)[0].address}, (*all)[0].size};
    if (!where.is_valid()) return failure{tree_error{tree_fault::untranslatable, reg->offset}};
    boot_module found{where, {}, node};
    if (auto const arguments = node.property("bootargs")) {
      auto const line = arguments->string();
      if (!line) return failure{line.error()};
      found.arguments = *line;
    }
    return found;
  }

  device_tree const* tree_;
  text kind_;
};

/// The initial RAM disk as Linux's own protocol has it: `linux,initrd-start` and `-end` in `/chosen`, of one or two
/// cells. Errors: `not_found`, `wrong_size` (also when the end lies before the start).
[[nodiscard]] inline result<host_range, tree_error> linux_initrd(device_tree const& tree) {
  auto const chosen = tree.root().child("chosen");
  if (!chosen) return failure{chosen.error()};
  auto const start = chosen->property("linux,initrd-start");
  if (!start) return failure{start.error()};
  auto const end = chosen->property("linux,initrd-end");
  if (!end) return failure{end.error()};
  auto const from = start->number();
  if (!from) return failure{from.error()};
  auto const to = end->number();
  if (!to) return failure{to.error()};
  if (*to < *from) return failure{tree_error{tree_fault::wrong_size, end->offset}};
  return host_range{{*from}, *to - *from};
}

/// The command line that the loader left in `/chosen` (`bootargs`). Error: `not_found`, `wrong_size`, `unterminated`.
[[nodiscard]] inline result<text, tree_error> boot_arguments(device_tree const& tree) {
  auto const chosen = tree.root().child("chosen");
  if (!chosen) return failure{chosen.error()};
  auto const line = chosen->property("bootargs");
  if (!line) return failure{line.error()};
  return line->string();
}

}  // namespace axhal::boot

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// One interrupt of a node: who receives it, and the words that this controller understands.
struct tree_interrupt {
  tree_node controller;
  bytes cells{};           ///< big-endian cells, as many as the controller's `#interrupt-cells`
  std::uint32_t offset{};  ///< of the cells, in the blob
};

namespace tree_detail {

[[nodiscard]] inline result<std::uint32_t, tree_error> interrupt_cells(tree_node controller) {
  auto const count = controller.property("#interrupt-cells");
  if (!count) return failure{count.error()};
  auto const cells = count->u32();
  if (cells && (*cells == 0 || *cells > 8)) return failure{tree_error{tree_fault::bad_cells, count->offset}};
  return cells;
}

}  // namespace tree_detail

/// The controller that takes `node`'s interrupts: its `interrupt-parent`, or that of the nearest ancestor that has one
/// (2.4.1.1 "interrupts", interrupt-parent).
[[nodiscard]] inline result<tree_node, tree_error> interrupt_parent(device_tree const& tree, tree_node node) {
  tree_ancestry const way{tree, node};
  for (unsigned level = way.depth(); level > 0; --level) {
    auto const parent = way.at(level - 1).property("interrupt-parent");
    if (!parent) continue;
    auto const handle = parent->u32();
    if (!handle) return failure{handle.error()};
    auto const found = tree.find_phandle(*handle);
    if (!found || *handle == 0) return failure{tree_error{tree_fault::not_found, parent->offset}};
    return found;
  }
  return failure{tree_error{tree_fault::not_found, node.offset()}};
}

/// The `i`-th interrupt of `node`, from `interrupts-extended` where there is one (it wins, 2.4.1.3), else `interrupts`.
/// Errors: `not_found` (none so far down the list, or no controller), `wrong_size`, `bad_cells`.
[[nodiscard]] inline result<tree_interrupt, tree_error> interrupt(device_tree const& tree, tree_node node,
                                                                  std::size_t i = 0) {
  auto const none = failure{tree_error{tree_fault::not_found, node.offset()}};
  if (auto const extended = node.property("interrupts-extended")) {
    std::size_t at = 0;
    for (std::size_t n = 0; at < extended->value.size; ++n) {
      auto const wrong = failure{tree_error{tree_fault::wrong_size, extended->offset}};
      auto const handle = extended->cell(at / 4);
      if (!handle) return failure{handle.error()};
      auto const controller = tree.find_phandle(*handle);
      if (!controller || *handle == 0) return failure{tree_error{tree_fault::not_found, extended->offset}};
      auto const cells = tree_detail::interrupt_cells(*controller);
      if (!cells) return failure{cells.error()};
      at += 4;
      if (extended->value.size - at < std::size_t{*cells} * 4) return wrong;
      if (n == i) {
        return tree_interrupt{*controller, extended->value.sub(at, std::size_t{*cells} * 4),
                              extended->offset + static_cast<std::uint32_t>(at)};
      }
      at += std::size_t{*cells} * 4;
    }
    return none;
  }
  auto const listed = node.property("interrupts");
  if (!listed) return failure{listed.error()};
  auto const controller = interrupt_parent(tree, node);
  if (!controller) return failure{controller.error()};
  auto const cells = tree_detail::interrupt_cells(*controller);
  if (!cells) return failure{cells.error()};
  std::size_t const size = std::size_t{*cells} * 4;
  if (listed->value.size % size != 0) return failure{tree_error{tree_fault::wrong_size, listed->offset}};
  if (i >= listed->value.size / size) return none;
  return tree_interrupt{*controller, listed->value.sub(i * size, size),
                        listed->offset + static_cast<std::uint32_t>(i * size)};
}

/// An interrupt in the words of ARM's GIC binding (Linux, devicetree/bindings/interrupt-controller/arm,gic.yaml).
struct gic_interrupt {
  irq_number intid{};       ///< SPI n is INTID n + 32, PPI n is INTID n + 16
  bool per_cpu{};           ///< a PPI
  bool edge{};              ///< else level-triggered
  bool active_low{};        ///< or falling edge
  std::uint8_t cpu_mask{};  ///< PPIs of a GICv2: the CPUs it is wired to
  friend constexpr bool operator==(gic_interrupt const&, gic_interrupt const&) = default;
};

/// Reads the three cells of a GICv2 or GICv3 interrupt.
/// Errors: `wrong_size` (fewer than three cells), `bad_cells` (no such kind, number or trigger).
[[nodiscard]] constexpr result<gic_interrupt, tree_error> as_gic_interrupt(tree_interrupt const& i) {
  if (i.cells.size < 12) return failure{tree_error{tree_fault::wrong_size, i.offset}};
  auto const refused = failure{tree_error{tree_fault::bad_cells, i.offset}};
  std::uint32_t const kind = device_tree_format::load_u32(i.cells, 0);
  std::uint32_t const number = device_tree_format::load_u32(i.cells, 4);
  std::uint32_t const flags = device_tree_format::load_u32(i.cells, 8);
  if (kind > 1 || number >= (kind == 0 ? 988U : 16U)) return refused;
  std::uint32_t const sense = flags & 0xf;
  if (sense != 1 && sense != 2 && sense != 4 && sense != 8) return refused;
  return gic_interrupt{{number + (kind == 0 ? 32 : 16)},
                       kind == 1,
                       sense <= 2,
                       sense == 2 || sense == 8,
                       static_cast<std::uint8_t>(kind == 1 ? flags >> 8 & 0xff : 0)};
}

}  // namespace axhal::boot

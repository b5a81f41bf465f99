// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_format.hpp>
#include <axhal/boot/device_tree_items.hpp>
#include <axhal/boot/device_tree_node.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// A flattened device tree, read in place (Devicetree Specification v0.4, chapter 5, version 17).
///
/// `open` looks at every byte of the structure that a later walk will look at, and refuses what is damaged. The bytes
/// must stay and stay unchanged while the tree or a node of it is in use; were they changed all the same, a walk could
/// end early or find other names, but reads nothing outside the blob: every step is checked again.
///
/// The tree must lie in normal memory: a compiler may read a number of two cells, which is aligned to four bytes, as
/// one word of eight. While a CPU's MMU is off, that faults on AArch64, unless the program is compiled with
/// -mstrict-align.
class device_tree {
 public:
  /// The tree at the start of `blob`, which may be longer than the tree. The bytes need no alignment.
  [[nodiscard]] static constexpr result<device_tree, tree_error> open(bytes blob) {
    using namespace device_tree_format;
    auto const refuse = [](tree_fault what, std::uint32_t offset) { return failure{tree_error{what, offset}}; };
    if (blob.size < header_size) return refuse(tree_fault::truncated, static_cast<std::uint32_t>(blob.size));
    if (load_u32(blob, h_magic) != magic) return refuse(tree_fault::bad_magic, h_magic);
    std::uint32_t const total = load_u32(blob, h_totalsize);
    if (total < header_size || total > blob.size) return refuse(tree_fault::truncated, h_totalsize);
    if (load_u32(blob, h_version) < version) return refuse(tree_fault::unsupported_version, h_version);
    if (load_u32(blob, h_last_comp_version) > version) {
      return refuse(tree_fault::unsupported_version, h_last_comp_version);
    }
    blob = blob.sub(0, total);

    std::uint32_t const structure = load_u32(blob, h_off_dt_struct);
    std::uint32_t const structure_size = load_u32(blob, h_size_dt_struct);
    std::uint32_t const strings = load_u32(blob, h_off_dt_strings);
    std::uint32_t const strings_size = load_u32(blob, h_size_dt_strings);
    std::uint32_t const reservations = load_u32(blob, h_off_mem_rsvmap);
    if (!is_block(structure, structure_size, total, 4)) return refuse(tree_fault::bad_block, h_off_dt_struct);
    if (!is_block(strings, strings_size, total, 1)) return refuse(tree_fault::bad_block, h_off_dt_strings);
    if (!is_block(reservations, 0, total, 8)) return refuse(tree_fault::bad_block, h_off_mem_rsvmap);

    device_tree tree{};
    tree.blob_ = blob;
    tree.blocks_ = {blob.sub(structure, structure_size), blob.sub(strings, strings_size), structure, strings};
    for (std::uint32_t at = reservations;; at += reservation_size) {
      if (total - at < reservation_size) return refuse(tree_fault::unterminated, at);
      // A size of zero ends the list, whatever the address beside it: so do the firmware and kernels that read it.
      if (load_u64(blob, at + 8) == 0) break;
      ++tree.reservations_;
    }
    auto const checked = check_structure(tree.blocks_);
    if (!checked) return failure{checked.error()};
    while (read_item(tree.blocks_, tree.root_)->token == token::nop) tree.root_ += 4;
    return tree;
  }

  /// The tree itself, cut to its size.
  [[nodiscard]] constexpr bytes blob() const { return blob_; }
  /// The hardware number of the CPU that booted (5.2 "Header", boot_cpuid_phys).
  [[nodiscard]] constexpr std::uint32_t boot_cpu() const {
    return device_tree_format::load_u32(blob_, device_tree_format::h_boot_cpuid_phys);
  }
  /// The node without a name that contains all others.
  [[nodiscard]] constexpr tree_node root() const { return {blocks_, root_}; }

  /// Number of memory reservations (5.3 "Memory Reservation Block").
  [[nodiscard]] constexpr std::uint32_t reservation_count() const { return reservations_; }
  /// A memory reservation as the tree states it; it may be invalid as a range. Precondition: `i < reservation_count()`.
  [[nodiscard]] constexpr host_range reservation(std::uint32_t i) const {
    using namespace device_tree_format;
    std::size_t const at = load_u32(blob_, h_off_mem_rsvmap) + std::size_t{i} * reservation_size;
    return {{load_u64(blob_, at)}, load_u64(blob_, at + 8)};
  }

  /// All nodes, parents before their children, the root first.
  [[nodiscard]] constexpr tree_descent nodes() const { return tree_descent{root()}; }

  /// The node at `path`: `/soc/uart@9000000`, with or without unit addresses (the first that fits), or an alias and an
  /// optional rest: `serial0/child`. Text from a ':' on is console options and is not looked at (`stdout-path`).
  [[nodiscard]] result<tree_node, tree_error> find(text path) const {
    for (std::size_t i = 0; i < path.size; ++i) {
      if (path[i] == ':') path = path.sub(0, i);
    }
    if (!path.empty() && path[0] == '/') return descend(root(), path);
    std::size_t length = 0;
    while (length < path.size && path[length] != '/') ++length;
    auto const aliases = root().child("aliases");
    if (!aliases) return failure{aliases.error()};
    auto const alias = aliases->property(path.sub(0, length));
    if (!alias) return failure{alias.error()};
    auto const target = alias->string();
    if (!target) return failure{target.error()};
    // An alias of an alias could go round in circles: only full paths are followed.
    if (target->empty() || (*target)[0] != '/') return failure{tree_error{tree_fault::not_found, alias->offset}};
    auto const node = descend(root(), *target);
    return node ? descend(*node, path.sub(length)) : node;
  }

  /// The first node that lists `name` in its `compatible` property.
  [[nodiscard]] result<tree_node, tree_error> find_compatible(text name) const {
    for (tree_node const node : nodes()) {
      if (node.is_compatible(name)) return node;
    }
    return failure{tree_error{tree_fault::not_found, blocks_.structure_offset}};
  }

  /// The node whose `phandle` (or `linux,phandle`) is `handle`.
  [[nodiscard]] result<tree_node, tree_error> find_phandle(std::uint32_t handle) const {
    for (tree_node const node : nodes()) {
      if (node.phandle() == handle) return node;
    }
    return failure{tree_error{tree_fault::not_found, blocks_.structure_offset}};
  }

 private:
  constexpr device_tree() = default;

  [[nodiscard]] static constexpr bool is_block(std::uint32_t at, std::uint32_t size, std::uint32_t total,
                                               std::uint32_t alignment) {
    return at >= device_tree_format::header_size && at <= total && size <= total - at && at % alignment == 0;
  }

  [[nodiscard]] static result<tree_node, tree_error> descend(tree_node node, text path) {
    while (true) {
      while (!path.empty() && path[0] == '/') path = path.sub(1);
      if (path.empty()) return node;
      std::size_t length = 0;
      while (length < path.size && path[length] != '/') ++length;
      auto const child = node.child(path.sub(0, length));
      if (!child) return child;
      node = *child;
      path = path.sub(length);
    }
  }

  bytes blob_{};
  tree_blocks blocks_{};
  std::uint32_t root_{};
  std::uint32_t reservations_{};
};

}  // namespace axhal::boot

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_format.hpp>
#include <axhal/boot/device_tree_items.hpp>
#include <axhal/boot/device_tree_property.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// The properties of one node, in the order of the blob. A range for `for`.
class tree_properties {
 public:
  constexpr tree_properties(tree_blocks const& blocks, std::uint32_t at) : blocks_{blocks} { settle(at); }

  [[nodiscard]] constexpr tree_properties begin() const { return *this; }
  [[nodiscard]] constexpr tree_end end() const { return {}; }
  [[nodiscard]] tree_property operator*() const {
    return {tree_detail::as_text(blocks_.strings, item_.name_at, item_.name_size),
            blocks_.structure.sub(item_.value_at, item_.value_size), blocks_.structure_offset + item_.value_at};
  }
  constexpr tree_properties& operator++() {
    settle(item_.next);
    return *this;
  }
  [[nodiscard]] friend constexpr bool operator==(tree_properties const& p, tree_end) { return !p.here_; }

 private:
  constexpr void settle(std::uint32_t at) {
    auto item = read_item(blocks_, at);
    while (item && item->token == device_tree_format::token::nop) item = read_item(blocks_, item->next);
    here_ = item && item->token == device_tree_format::token::property;
    if (here_) item_ = *item;
  }

  tree_blocks blocks_;
  tree_item item_{};
  bool here_{};
};

class tree_children;

/// One node of a device tree: a position in the blob, cheap to copy. Valid while the blob is.
class tree_node {
 public:
  constexpr tree_node(tree_blocks const& blocks, std::uint32_t at) : blocks_{blocks}, at_{at} {}

  /// Byte offset of the node in the blob. Two nodes of one tree are the same node when it is the same.
  [[nodiscard]] constexpr std::uint32_t offset() const { return blocks_.structure_offset + at_; }
  friend constexpr bool operator==(tree_node const& a, tree_node const& b) {
    return a.blocks_.structure.data == b.blocks_.structure.data && a.at_ == b.at_;
  }

  /// The full name: `uart@9000000`. Empty for the root.
  [[nodiscard]] text name() const {
    auto const item = read_item(blocks_, at_);
    return item ? tree_detail::as_text(blocks_.structure, item->name_at, item->name_size) : text{};
  }
  /// The name before '@'.
  [[nodiscard]] text base_name() const {
    text const whole = name();
    return whole.sub(0, unit_mark(whole));
  }
  /// The name after '@', or nothing.
  [[nodiscard]] text unit_address() const {
    text const whole = name();
    return whole.sub(unit_mark(whole) + 1);
  }

  [[nodiscard]] constexpr tree_properties properties() const { return {blocks_, body()}; }
  [[nodiscard]] constexpr tree_children children() const;

  /// The first property of that name. Error: `not_found` with the node's offset.
  [[nodiscard]] result<tree_property, tree_error> property(text name) const {
    for (tree_property const p : properties()) {
      if (p.name == name) return p;
    }
    return failure{tree_error{tree_fault::not_found, offset()}};
  }
  [[nodiscard]] bool has_property(text name) const { return property(name).has_value(); }

  /// The first child of that name, which may leave out the unit address. Error: `not_found` with this node's offset.
  [[nodiscard]] result<tree_node, tree_error> child(text wanted) const;

  /// True when `compatible` lists that name.
  [[nodiscard]] bool is_compatible(text name) const {
    auto const list = property("compatible");
    return list && list->contains(name);
  }
  /// True unless `status` says otherwise (2.3.4 "status": absent, "okay"; and the old "ok").
  [[nodiscard]] bool is_enabled() const {
    auto const status = property("status");
    if (!status) return true;
    auto const word = status->string();
    return word && (*word == text{"okay"} || *word == text{"ok"});
  }
  /// The handle by which other nodes name this one (2.3.3 "phandle"), 0 when it has none.
  [[nodiscard]] std::uint32_t phandle() const {
    auto handle = property("phandle");
    if (!handle) handle = property("linux,phandle");
    return handle ? handle->u32().value_or(0) : 0;
  }

  /// The blocks this node lies in, and its place in the structure block; for walks.
  [[nodiscard]] constexpr tree_blocks const& blocks() const { return blocks_; }
  [[nodiscard]] constexpr std::uint32_t place() const { return at_; }
  /// Where the node's properties begin.
  [[nodiscard]] constexpr std::uint32_t body() const {
    auto const item = read_item(blocks_, at_);
    return item ? item->next : at_;
  }

 private:
  [[nodiscard]] static constexpr std::size_t unit_mark(text name) {
    std::size_t i = 0;
    while (i < name.size && name[i] != '@') ++i;
    return i;
  }

  tree_blocks blocks_;
  std::uint32_t at_;
};

/// A walk from node to node in the order of the blob: parents first. A range for `for`.
class tree_descent {
 public:
  /// Begins at `top` and ends when `top` ends.
  constexpr explicit tree_descent(tree_node top) : blocks_{top.blocks()}, at_{top.place()}, depth_{1} {}

  [[nodiscard]] constexpr tree_descent begin() const { return *this; }
  [[nodiscard]] constexpr tree_end end() const { return {}; }
  [[nodiscard]] constexpr tree_node operator*() const { return {blocks_, at_}; }
  constexpr tree_descent& operator++() {
    using device_tree_format::token;
    auto item = read_item(blocks_, at_);
    while (item) {
      item = read_item(blocks_, item->next);
      if (!item || item->token == token::end) break;
      if (item->token == token::end_node && --depth_ == 0) break;
      if (item->token == token::begin_node) {
        ++depth_;
        at_ = item->at;
        return *this;
      }
    }
    depth_ = 0;
    return *this;
  }
  [[nodiscard]] friend constexpr bool operator==(tree_descent const& d, tree_end) { return d.depth_ == 0; }

  /// How deep the present node lies under `top`, which is at 1.
  [[nodiscard]] constexpr unsigned depth() const { return depth_; }

 private:
  tree_blocks blocks_;
  std::uint32_t at_;
  unsigned depth_;
};

/// The children of one node, in the order of the blob. A range for `for`.
class tree_children {
 public:
  constexpr explicit tree_children(tree_node parent) : descent_{parent} { settle(); }

  [[nodiscard]] constexpr tree_children begin() const { return *this; }
  [[nodiscard]] constexpr tree_end end() const { return {}; }
  [[nodiscard]] constexpr tree_node operator*() const { return *descent_; }
  constexpr tree_children& operator++() {
    settle();
    return *this;
  }
  [[nodiscard]] friend constexpr bool operator==(tree_children const& c, tree_end) { return c.descent_ == tree_end{}; }

 private:
  constexpr void settle() {
    do {
      ++descent_;
    } while (!(descent_ == tree_end{}) && descent_.depth() != 2);
  }

  tree_descent descent_;
};

constexpr tree_children tree_node::children() const { return tree_children{*this}; }

inline result<tree_node, tree_error> tree_node::child(text wanted) const {
  bool const with_unit = unit_mark(wanted) < wanted.size;
  for (tree_node const node : children()) {
    if ((with_unit ? node.name() : node.base_name()) == wanted) return node;
  }
  return failure{tree_error{tree_fault::not_found, offset()}};
}

}  // namespace axhal::boot

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_format.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// The two blocks of a device tree that hold its nodes, and where they lie in the blob.
struct tree_blocks {
  bytes structure{};
  bytes strings{};
  std::uint32_t structure_offset{};
  std::uint32_t strings_offset{};
};

/// The end of every walk over a device tree.
struct tree_end {};

/// One token of the structure block with what belongs to it.
struct tree_item {
  device_tree_format::token token{};
  std::uint32_t at{};          ///< of the token, in the structure block
  std::uint32_t next{};        ///< of the token after it
  std::uint32_t name_at{};     ///< begin_node: in the structure block; property: in the strings block
  std::uint32_t name_size{};   ///< without the terminating zero
  std::uint32_t value_at{};    ///< property: in the structure block
  std::uint32_t value_size{};  ///< property: in bytes
};

namespace tree_detail {

/// Length of the zero-terminated string at `from`, or `none` when nothing in `data` ends it.
inline constexpr std::uint64_t none = ~std::uint64_t{0};
[[nodiscard]] constexpr std::uint64_t string_length(bytes data, std::uint64_t from) {
  for (std::uint64_t i = from; i < data.size; ++i) {
    if (data[static_cast<std::size_t>(i)] == 0) return i - from;
  }
  return none;
}

/// Characters of a checked run of bytes.
[[nodiscard]] inline text as_text(bytes data, std::uint32_t at, std::uint32_t size) {
  return {reinterpret_cast<char const*>(data.data) + at, size};
}

}  // namespace tree_detail

/// The token at byte `at` of the structure block. Reads nothing outside the two blocks, whatever they contain.
/// Errors: `truncated`, `bad_token`, `unterminated`, `bad_name_offset`; the offset is the token's, in the blob.
[[nodiscard]] constexpr result<tree_item, tree_error> read_item(tree_blocks const& blocks, std::uint32_t at) {
  using namespace device_tree_format;
  auto const refuse = [&](tree_fault what) { return failure{tree_error{what, blocks.structure_offset + at}}; };
  std::uint64_t const size = blocks.structure.size;
  if (at > size || size - at < 4) return refuse(tree_fault::truncated);

  tree_item item{};
  item.at = at;
  item.token = static_cast<token>(load_u32(blocks.structure, at));
  std::uint64_t end = std::uint64_t{at} + 4;
  switch (item.token) {
    case token::end_node:
    case token::nop:
    case token::end: break;
    case token::begin_node: {
      std::uint64_t const length = tree_detail::string_length(blocks.structure, end);
      if (length == tree_detail::none) return refuse(tree_fault::unterminated);
      item.name_at = static_cast<std::uint32_t>(end);
      item.name_size = static_cast<std::uint32_t>(length);
      end += length + 1;
      break;
    }
    case token::property: {
      if (size - end < 8) return refuse(tree_fault::truncated);
      item.value_size = load_u32(blocks.structure, static_cast<std::size_t>(end));
      item.name_at = load_u32(blocks.structure, static_cast<std::size_t>(end + 4));
      end += 8;
      if (item.name_at >= blocks.strings.size) return refuse(tree_fault::bad_name_offset);
      std::uint64_t const length = tree_detail::string_length(blocks.strings, item.name_at);
      if (length == tree_detail::none) return refuse(tree_fault::bad_name_offset);
      item.name_size = static_cast<std::uint32_t>(length);
      item.value_at = static_cast<std::uint32_t>(end);
      end += item.value_size;
      break;
    }
    default: return refuse(tree_fault::bad_token);
  }
  // What belongs to the token, padding included, ends inside the block. The sums above have 64 bits and cannot wrap;
  // from here on everything is below 2^32, because the block's size is.
  end = (end + 3) & ~std::uint64_t{3};
  if (end > size) return refuse(tree_fault::truncated);
  item.next = static_cast<std::uint32_t>(end);
  return item;
}

/// Walks the whole structure block once. After success every later walk of the same bytes ends and finds its names.
[[nodiscard]] constexpr result<void, tree_error> check_structure(tree_blocks const& blocks) {
  using namespace device_tree_format;
  unsigned depth = 0;
  bool root_ended = false;
  bool after_child = false;
  for (std::uint32_t at = 0;;) {
    auto const item = read_item(blocks, at);
    if (!item) return failure{item.error()};
    auto const refuse = [&](tree_fault what) { return failure{tree_error{what, blocks.structure_offset + at}}; };
    switch (item->token) {
      case token::begin_node:
        if (root_ended || (depth == 0 && item->name_size != 0)) return refuse(tree_fault::bad_structure);
        if (depth == max_depth) return refuse(tree_fault::too_deep);
        ++depth;
        after_child = false;
        break;
      case token::end_node:
        if (depth == 0) return refuse(tree_fault::bad_structure);
        --depth;
        root_ended = depth == 0;
        after_child = true;
        break;
      case token::property:
        if (depth == 0) return refuse(tree_fault::bad_structure);
        if (after_child) return refuse(tree_fault::property_after_node);
        break;
      case token::nop: break;
      case token::end:
        if (!root_ended) return refuse(tree_fault::bad_structure);
        return {};
    }
    at = item->next;
  }
}

}  // namespace axhal::boot

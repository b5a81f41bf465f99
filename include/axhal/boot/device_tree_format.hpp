// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What is wrong with a device tree, or with a question to it.
enum class tree_fault : std::uint8_t {
  truncated,            ///< the blob ends before what its header promises
  bad_magic,            ///< the blob does not begin with 0xd00dfeed
  unsupported_version,  ///< older than version 17, or not readable by a reader of version 17
  bad_block,            ///< a block of the header lies outside the blob, inside the header, or is misaligned
  bad_token,            ///< the structure block has a word that is no token
  unterminated,         ///< a name, a property value or a list of reservations has no end
  bad_name_offset,      ///< a property's name lies outside the strings block
  bad_structure,        ///< nodes end more or less often than they begin, a root has a name, something follows the root
  property_after_node,  ///< a property stands behind a child of its node
  too_deep,             ///< nodes nest deeper than `device_tree_format::max_depth`
  not_found,            ///< no such node or property
  wrong_size,           ///< a property's value has another size than its meaning asks for
  bad_cells,            ///< a cell count is no count, or an address or size has more than 64 bits
  untranslatable,       ///< no `ranges` entry of a bus covers the address, or an address wraps around
};

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(tree_fault fault) {
  switch (fault) {
    case tree_fault::truncated: return "the blob ends too early";
    case tree_fault::bad_magic: return "not a device tree: wrong magic number";
    case tree_fault::unsupported_version: return "unsupported version";
    case tree_fault::bad_block: return "a block lies outside the blob or is misaligned";
    case tree_fault::bad_token: return "unknown token";
    case tree_fault::unterminated: return "a string or list has no end";
    case tree_fault::bad_name_offset: return "a property's name lies outside the strings";
    case tree_fault::bad_structure: return "nodes do not nest";
    case tree_fault::property_after_node: return "a property follows a child node";
    case tree_fault::too_deep: return "nodes nest too deep";
    case tree_fault::not_found: return "no such node or property";
    case tree_fault::wrong_size: return "a property has an unexpected size";
    case tree_fault::bad_cells: return "unusable cell count";
    case tree_fault::untranslatable: return "an address does not translate to the root bus";
  }
  return "unknown fault";
}

/// A fault and the byte offset in the blob where it was seen.
struct tree_error {
  tree_fault what{};
  std::uint32_t offset{};
  friend constexpr bool operator==(tree_error, tree_error) = default;
};

/// The flattened format, version 17 (Devicetree Specification v0.4, "Flattened Devicetree (DTB) Format", chapter 5).
/// All words are big-endian.
namespace device_tree_format {

inline constexpr std::uint32_t magic = 0xd00dfeed;
inline constexpr std::uint32_t version = 17;
inline constexpr std::uint32_t last_compatible_version = 16;
inline constexpr std::uint32_t header_size = 40;
inline constexpr std::uint32_t reservation_size = 16;

/// Byte offsets of the header's words (5.2 "Header").
enum header : std::uint32_t {
  h_magic = 0,
  h_totalsize = 4,
  h_off_dt_struct = 8,
  h_off_dt_strings = 12,
  h_off_mem_rsvmap = 16,
  h_version = 20,
  h_last_comp_version = 24,
  h_boot_cpuid_phys = 28,
  h_size_dt_strings = 32,
  h_size_dt_struct = 36,
};

/// Words of the structure block (5.4.1 "Lexical structure").
enum token : std::uint32_t { begin_node = 1, end_node = 2, property = 3, nop = 4, end = 9 };

/// Deepest nesting that reader and writer accept, the root being at depth 1. Linux's own limit is 64; trees of real
/// machines reach 8.
inline constexpr unsigned max_depth = 32;

/// The big-endian word at `at`. Precondition: `at + 4 <= data.size`.
[[nodiscard]] constexpr std::uint32_t load_u32(bytes data, std::size_t at) {
  return static_cast<std::uint32_t>(data[at]) << 24 | static_cast<std::uint32_t>(data[at + 1]) << 16 |
         static_cast<std::uint32_t>(data[at + 2]) << 8 | static_cast<std::uint32_t>(data[at + 3]);
}

/// The big-endian double word at `at`. Precondition: `at + 8 <= data.size`.
[[nodiscard]] constexpr std::uint64_t load_u64(bytes data, std::size_t at) {
  return static_cast<std::uint64_t>(load_u32(data, at)) << 32 | load_u32(data, at + 4);
}

/// Writes a big-endian word. Precondition: `at + 4 <= data.size`.
constexpr void store_u32(mutable_bytes data, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) data[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// Writes a big-endian double word. Precondition: `at + 8 <= data.size`.
constexpr void store_u64(mutable_bytes data, std::size_t at, std::uint64_t value) {
  store_u32(data, at, static_cast<std::uint32_t>(value >> 32));
  store_u32(data, at + 4, static_cast<std::uint32_t>(value));
}

/// `n` rounded up to whole words; the caller knows that it does not wrap.
[[nodiscard]] constexpr std::size_t word_align(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

}  // namespace device_tree_format

}  // namespace axhal::boot

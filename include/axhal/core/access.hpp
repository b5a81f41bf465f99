// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal {

/// Rights to memory, as a set.
enum class access : std::uint8_t { none = 0, read = 1, write = 2, execute = 4 };

inline constexpr access read_write{3};
inline constexpr access read_execute{5};
inline constexpr access read_write_execute{7};

[[nodiscard]] constexpr access operator|(access a, access b) {
  return static_cast<access>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr access operator&(access a, access b) {
  return static_cast<access>(static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b));
}
/// True when `set` grants all of `wanted`.
[[nodiscard]] constexpr bool has(access set, access wanted) { return (set & wanted) == wanted; }

/// How the memory system treats accesses to a page.
enum class memory_type : std::uint8_t {
  normal,           ///< write-back cacheable, may be reordered, merged and speculated
  normal_uncached,  ///< not cached, may be merged (frame buffers, non-coherent DMA)
  device,           ///< no caching, no merging, no reordering within one device, no speculation
};

/// What a page-table leaf says besides where the page is.
struct page_attributes {
  access rights{access::none};
  memory_type type{memory_type::normal};
  friend constexpr bool operator==(page_attributes, page_attributes) = default;
};

}  // namespace axhal

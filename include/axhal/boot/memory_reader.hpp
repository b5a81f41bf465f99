// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// How code that follows addresses out of firmware's tables gets at the bytes behind them.
///
/// Law: `read(where)` is a view of the `where.size` bytes at `where.start`, or an empty view when not all of them may
/// be read; it never faults, whatever `where` is. The view stays good as long as the reader.
template <typename R>
concept MemoryReader = requires(R const& r, host_range where) {
  { r.read(where) } -> std::same_as<bytes>;
};

/// The bytes at `where`, or an empty view: also for a range that is empty or wraps around, and for a reader that gives
/// less than was asked for.
template <MemoryReader Reader>
[[nodiscard]] constexpr bytes read_memory(Reader const& reader, host_range where) {
  if (where.empty() || !where.is_valid() || where.size > SIZE_MAX) return {};
  bytes const found = reader.read(where);
  return found.size < where.size ? bytes{} : found.sub(0, static_cast<std::size_t>(where.size));
}

/// Reads one run of bytes that stands for the memory from `start` on.
struct window_reader {
  host_phys start{};
  bytes content{};

  [[nodiscard]] constexpr bytes read(host_range where) const {
    if (!where.is_valid() || !host_range{start, content.size}.contains(where)) return {};
    return content.sub(static_cast<std::size_t>(where.start - start), static_cast<std::size_t>(where.size));
  }
};
static_assert(MemoryReader<window_reader>);

/// Reads memory that the program has mapped: what lies in `mapped`, through `access` (`pointer(host_phys) -> void*`, as
/// the models of `memory::FrameAccess`). The caller vouches that all of `mapped` may be read.
template <typename Access>
  requires requires(Access const& a, host_phys p) {
    { a.pointer(p) } -> std::same_as<void*>;
  }
struct mapped_reader {
  host_range mapped{};
  Access access{};

  [[nodiscard]] bytes read(host_range where) const {
    if (where.empty() || !where.is_valid() || !mapped.contains(where)) return {};
    return {static_cast<std::uint8_t const*>(access.pointer(where.start)), static_cast<std::size_t>(where.size)};
  }
};

}  // namespace axhal::boot

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::boot::detail {

/// The little-endian number at `at`, aligned or not. Precondition: `at + sizeof(T) <= data.size`.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_le(bytes data, std::size_t at) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < sizeof(T); ++i) value |= std::uint64_t{data[at + i]} << (8 * i);
  return static_cast<T>(value);
}

/// Writes a little-endian number. Precondition: `at + sizeof(T) <= data.size`.
template <std::unsigned_integral T>
constexpr void store_le(mutable_bytes data, std::size_t at, T value) {
  for (unsigned i = 0; i < sizeof(T); ++i) data[at + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
}

}  // namespace axhal::boot::detail

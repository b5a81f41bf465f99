// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace axhal {

/// A view of `size` elements from `data`. Freestanding stand-in for `std::span`, which C++20 does not promise there.
template <typename T>
struct view {
  T* data{};
  std::size_t size{};

  [[nodiscard]] constexpr bool empty() const { return size == 0; }
  [[nodiscard]] constexpr T& operator[](std::size_t i) const { return data[i]; }
  [[nodiscard]] constexpr T* begin() const { return data; }
  [[nodiscard]] constexpr T* end() const { return data + size; }
  /// The `count` elements from `offset`, cut to what is there: never reaches past the end.
  [[nodiscard]] constexpr view sub(std::size_t offset, std::size_t count = SIZE_MAX) const {
    if (offset > size) return {data + size, 0};
    return {data + offset, count < size - offset ? count : size - offset};
  }
  // NOLINTNEXTLINE(google-explicit-constructor): a view that may be written to is one that may be read
  [[nodiscard]] constexpr operator view<T const>() const { return {data, size}; }
};

using bytes = view<std::uint8_t const>;
using mutable_bytes = view<std::uint8_t>;

/// A text that is not necessarily zero-terminated. Freestanding stand-in for `std::string_view`.
struct text {
  char const* data{};
  std::size_t size{};

  constexpr text() = default;
  constexpr text(char const* d, std::size_t n) : data{d}, size{n} {}
  template <std::size_t N>
  constexpr text(char const (&literal)[N]) : data{literal}, size{N - 1} {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] constexpr bool empty() const { return size == 0; }
  [[nodiscard]] constexpr char operator[](std::size_t i) const { return data[i]; }
  [[nodiscard]] constexpr char const* begin() const { return data; }
  [[nodiscard]] constexpr char const* end() const { return data + size; }
  [[nodiscard]] constexpr text sub(std::size_t offset, std::size_t count = SIZE_MAX) const {
    if (offset > size) return {data + size, 0};
    return {data + offset, count < size - offset ? count : size - offset};
  }
  [[nodiscard]] constexpr bool starts_with(text head) const { return size >= head.size && sub(0, head.size) == head; }
  friend constexpr bool operator==(text a, text b) {
    if (a.size != b.size) return false;
    for (std::size_t i = 0; i < a.size; ++i) {
      if (a.data[i] != b.data[i]) return false;
    }
    return true;
  }
};

}  // namespace axhal

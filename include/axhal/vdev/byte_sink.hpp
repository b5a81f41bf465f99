// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::vdev {

/// Where a virtual UART's bytes go. `put` takes one byte at once. A sink that can be full also has `can_put() -> bool`;
/// then bytes wait in the UART's transmit FIFO until the host calls `pump()`.
template <typename S>
concept ByteSink = requires(S& s, std::uint8_t byte) {
  { s.put(byte) } -> std::same_as<void>;
};

/// A sink that can be full.
template <typename S>
concept FullByteSink = ByteSink<S> && requires(S& s) {
  { s.can_put() } -> std::same_as<bool>;
};

namespace detail {

/// A ring of `Depth` elements, a power of two, or of the first few of them.
template <typename T, unsigned Depth>
class small_fifo {
  static_assert((Depth & (Depth - 1)) == 0, "small_fifo: the depth must be a power of two");

 public:
  [[nodiscard]] constexpr unsigned size() const { return size_; }
  constexpr void clear() { size_ = 0; }
  /// What `pop` would give. Precondition: `size() > 0`.
  [[nodiscard]] constexpr T front() const { return ring_[first_]; }
  /// Precondition: `size() < Depth`.
  constexpr void push(T v) { ring_[(first_ + size_++) % Depth] = v; }
  /// Precondition: `size() > 0`.
  constexpr T pop() {
    T const v = ring_[first_];
    first_ = (first_ + 1) % Depth;
    --size_;
    return v;
  }

 private:
  T ring_[Depth]{};
  unsigned first_{};
  unsigned size_{};
};

}  // namespace detail

}  // namespace axhal::vdev

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <cstdint>

namespace axhal {

/// An address in one address space. Spaces are types: a `guest_phys` never converts to a `host_phys`.
///
/// Arithmetic is modulo 2^64; `address_range::is_valid` tells whether a range stays inside the space.
template <typename Space>
struct address {
  std::uint64_t value{};

  friend constexpr auto operator<=>(address, address) = default;

  [[nodiscard]] friend constexpr address operator+(address a, std::uint64_t distance) { return {a.value + distance}; }
  [[nodiscard]] friend constexpr address operator-(address a, std::uint64_t distance) { return {a.value - distance}; }
  /// Distance in bytes. Precondition: `a >= b`.
  [[nodiscard]] friend constexpr std::uint64_t operator-(address a, address b) { return a.value - b.value; }
  constexpr address& operator+=(std::uint64_t distance) {
    value += distance;
    return *this;
  }
};

using host_phys = address<struct host_phys_space>;    ///< what the memory bus of the machine sees
using host_virt = address<struct host_virt_space>;    ///< what the hypervisor's own instructions use
using guest_phys = address<struct guest_phys_space>;  ///< what a guest takes for its memory bus (ARM: IPA)
using guest_virt = address<struct guest_virt_space>;  ///< what a guest's instructions use

/// `a` rounded down to a multiple of `alignment`, a power of two.
template <typename Space>
[[nodiscard]] constexpr address<Space> align_down(address<Space> a, std::uint64_t alignment) {
  return {a.value & ~(alignment - 1)};
}

/// `a` rounded up to a multiple of `alignment`, a power of two; wraps to 0 past the last multiple.
template <typename Space>
[[nodiscard]] constexpr address<Space> align_up(address<Space> a, std::uint64_t alignment) {
  return {(a.value + (alignment - 1)) & ~(alignment - 1)};
}

/// True when `a` is a multiple of `alignment`, a power of two.
template <typename Space>
[[nodiscard]] constexpr bool is_aligned(address<Space> a, std::uint64_t alignment) {
  return (a.value & (alignment - 1)) == 0;
}

/// A half-open run of bytes `[start, start + size)` in one address space.
template <typename Address>
struct address_range {
  Address start{};
  std::uint64_t size{};

  friend constexpr bool operator==(address_range, address_range) = default;

  [[nodiscard]] constexpr bool empty() const { return size == 0; }
  /// True when the last byte of the range still has an address.
  [[nodiscard]] constexpr bool is_valid() const { return size == 0 || start.value + (size - 1) >= start.value; }
  [[nodiscard]] constexpr bool contains(Address a) const {
    return a.value >= start.value && a.value - start.value < size;
  }
  /// True when every byte of `inner` lies in this range. An empty `inner` is contained when its start is, or is the
  /// end.
  [[nodiscard]] constexpr bool contains(address_range inner) const {
    if (inner.start.value < start.value) return false;
    std::uint64_t const offset = inner.start.value - start.value;
    return offset <= size && inner.size <= size - offset;
  }
  /// True when the ranges share at least one byte. Precondition: both are valid.
  [[nodiscard]] constexpr bool overlaps(address_range other) const {
    if (empty() || other.empty()) return false;
    return start.value <= other.start.value ? other.start.value - start.value < size
                                            : start.value - other.start.value < other.size;
  }
};

using host_range = address_range<host_phys>;
using guest_range = address_range<guest_phys>;

}  // namespace axhal

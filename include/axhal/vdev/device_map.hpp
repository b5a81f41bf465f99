// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace axhal {

/// A device that a guest sees in memory. Total: any offset inside its range and any size have an answer.
///
/// `read(offset, size)` gives the low `size` bytes (1, 2, 4 or 8; upper bytes are ignored), `write(offset, size,
/// value)` takes them; what `write` returns is the caller's.
template <typename D>
concept MmioDevice = requires(D& d, std::uint64_t offset, unsigned size, std::uint64_t value) {
  { d.read(offset, size) } -> std::same_as<std::uint64_t>;
  d.write(offset, size, value);
};

/// The same for a device with registers of which each vCPU has its own (the distributor of an interrupt controller).
template <typename D>
concept BankedMmioDevice = requires(D& d, vcpu_number vcpu, std::uint64_t offset, unsigned size, std::uint64_t value) {
  { d.read(vcpu, offset, size) } -> std::same_as<std::uint64_t>;
  d.write(vcpu, offset, size, value);
};

/// A device at an address known when the program is compiled. Refers to the device, which outlives it.
template <guest_range Range, typename D>
struct mapped {
  static_assert(
      MmioDevice<D> || BankedMmioDevice<D>,
      "device_map: a device needs `read(offset, size) -> uint64_t` and `write(offset, size, value)`, with the vCPU's "
      "number before them where registers are banked");
  static_assert(Range.is_valid() && Range.size >= 8,
                "device_map: a range is at least 8 bytes and ends inside the address space");
  using device_type = D;
  static constexpr guest_range range = Range;
  D& device;
};

/// What a guest reads from its devices: a value where one holds all bytes of the access. Two plain members, because it
/// is made at every exit: compilers keep them in registers, where a `result` would be put together in memory.
struct device_value {
  std::uint64_t value{};
  bool found{};

  [[nodiscard]] constexpr explicit operator bool() const { return found; }
  [[nodiscard]] constexpr std::uint64_t operator*() const { return value; }
  friend constexpr bool operator==(device_value, device_value) = default;
};

namespace detail {

/// Names two devices in the compiler's message.
template <typename First, typename Second>
consteval bool devices_do_not_overlap() {
  static_assert(!First::range.overlaps(Second::range),
                "device_map: two devices claim the same address (named First and Second here)");
  return !First::range.overlaps(Second::range);
}
template <typename... Slots>
struct overlap_check;
template <>
struct overlap_check<> {
  static constexpr bool value = true;
};
template <typename First, typename... Rest>
struct overlap_check<First, Rest...> {
  static constexpr bool value = (devices_do_not_overlap<First, Rest>() && ... && true) && overlap_check<Rest...>::value;
};

template <std::size_t I, typename Slot>
struct device_leaf {
  Slot slot;
};
template <std::size_t I, typename Slot>
constexpr Slot& leaf_at(device_leaf<I, Slot>& leaf) {
  return leaf.slot;
}

/// Indexes of slots, by rising address.
template <std::size_t N>
struct sorted_slots {
  std::size_t index[N == 0 ? 1 : N]{};
  std::uint64_t start[N == 0 ? 1 : N]{};
  std::uint64_t size[N == 0 ? 1 : N]{};

  constexpr void insert(std::size_t count, std::size_t which, guest_range range) {
    std::size_t at = count;
    for (; at > 0 && start[at - 1] > range.start.value; --at) {
      index[at] = index[at - 1];
      start[at] = start[at - 1];
      size[at] = size[at - 1];
    }
    index[at] = which;
    start[at] = range.start.value;
    size[at] = range.size;
  }
};

/// An access on its way to a device. Inlined by force: compiled for size it would otherwise become a function for each
/// device, and its members would live in memory.
struct device_load {
  vcpu_number vcpu;
  unsigned size;
  std::uint64_t value{};

  template <typename D>
  [[gnu::always_inline]] constexpr void operator()(D& device, std::uint64_t offset) {
    if constexpr (BankedMmioDevice<D>) {
      value = device.read(vcpu, offset, size);
    } else {
      value = device.read(offset, size);
    }
  }
};
struct device_store {
  vcpu_number vcpu;
  unsigned size;
  std::uint64_t value;

  template <typename D>
  [[gnu::always_inline]] constexpr void operator()(D& device, std::uint64_t offset) const {
    if constexpr (BankedMmioDevice<D>) {
      static_cast<void>(device.write(vcpu, offset, size, value));
    } else {
      static_cast<void>(device.write(offset, size, value));
    }
  }
};

template <typename Indexes, typename... Slots>
struct device_storage;
template <std::size_t... I, typename... Slots>
struct device_storage<std::index_sequence<I...>, Slots...> : device_leaf<I, Slots>... {
  constexpr explicit device_storage(Slots... slots) : device_leaf<I, Slots>{slots}... {}
};

}  // namespace detail

/// The devices of a guest as a compile-time tuple of `mapped` slots, in any order. Two that overlap are a compile error
/// which names both.
///
/// An address is looked up by a binary search over the sorted ranges that the compiler unrolls: for n devices about
/// log2(n) comparisons with constants and one range check, then the device's own function, called directly. There is no
/// table in memory, no virtual call and no function pointer.
template <typename... Slots>
class device_map {
  static_assert(detail::overlap_check<Slots...>::value);

 public:
  static constexpr std::size_t device_count = sizeof...(Slots);

  constexpr explicit device_map(Slots... slots) : slots_{slots...} {}

  /// Calls `f(device, offset)` for the device that holds all `size` bytes (1 to 8) from `address`; gives back whether
  /// there is one. On an exit path, `f` is to be inlined by force: see `read`.
  template <typename F>
  [[gnu::always_inline]] constexpr bool visit(guest_phys address, unsigned size, F&& f) {
    if constexpr (device_count == 0) {
      return false;
    } else {
      return search<0, device_count>(address, size, f);
    }
  }

  /// What `vcpu` reads there; bytes past `size` are as the device left them.
  [[gnu::always_inline]] constexpr device_value read(vcpu_number vcpu, guest_phys address, unsigned size) {
    detail::device_load load{vcpu, size};
    bool const found = visit(address, size, load);
    return {load.value, found};
  }
  /// Hands `value` to the device there; gives back whether there is one. What devices return from `write` is dropped:
  /// use `visit` where it matters.
  [[gnu::always_inline]] constexpr bool write(vcpu_number vcpu, guest_phys address, unsigned size,
                                              std::uint64_t value) {
    return visit(address, size, detail::device_store{vcpu, size, value});
  }

 private:
  static constexpr detail::sorted_slots<device_count> sorted = [] {
    detail::sorted_slots<device_count> s;
    std::size_t count = 0;
    ((s.insert(count, count, Slots::range), ++count), ...);
    return s;
  }();

  /// Looks among the sorted slots `[First, Last)`.
  template <std::size_t First, std::size_t Last, typename F>
  [[gnu::always_inline]] constexpr bool search(guest_phys address, unsigned size, F& f) {
    if constexpr (Last - First == 1) {
      std::uint64_t const offset = address.value - sorted.start[First];
      // Ranges are at least 8 bytes, so the difference does not wrap for a size that an access can have.
      if (offset > sorted.size[First] - size) return false;
      f(detail::leaf_at<sorted.index[First]>(slots_).device, offset);
      return true;
    } else {
      constexpr std::size_t middle = First + (Last - First) / 2;
      if (address.value >= sorted.start[middle]) return search<middle, Last>(address, size, f);
      return search<First, middle>(address, size, f);
    }
  }

  detail::device_storage<std::make_index_sequence<device_count>, Slots...> slots_;
};

template <typename... Slots>
device_map(Slots...) -> device_map<Slots...>;

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/vdev/device_map.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace axhal {

/// A device at I/O ports known when the program is compiled: `Count` ports from `First`. Refers to the device, which
/// outlives it. The device is a `MmioDevice`: offsets count from its first port.
template <std::uint16_t First, std::uint16_t Count, typename D>
struct at_ports {
  static_assert(MmioDevice<D>,
                "port_map: a device needs `read(offset, size) -> uint64_t` and `write(offset, size, value)`");
  static_assert(Count > 0 && Count <= 0x1'0000 - First, "port_map: a range ends at port 0xffff or before");
  using device_type = D;
  static constexpr guest_range range{{First}, Count};
  D& device;
};

/// The I/O ports of a guest as a compile-time tuple of `at_ports` slots, in any order. Two that overlap are a compile
/// error which names both.
///
/// Unlike memory, ports are a bus that is as wide as a device likes: an access belongs to whoever has its first port,
/// and what it reaches beyond the device's last one is the device's to answer. A port is looked up as `device_map` does
/// it: comparisons with constants, then the device's own function, called directly.
template <typename... Slots>
class port_map {
  static_assert(detail::overlap_check<Slots...>::value);

 public:
  static constexpr std::size_t device_count = sizeof...(Slots);

  constexpr explicit port_map(Slots... slots) : slots_{slots...} {}

  /// What is read there, of which the low `size` bytes (1, 2 or 4) count. Where no device is, `found` is false.
  [[gnu::always_inline]] constexpr device_value read(std::uint16_t port, unsigned size) {
    detail::device_load load{{}, size};
    bool const found = visit(port, load);
    return {load.value, found};
  }
  /// Hands the low `size` bytes of `value` to the device there; gives back whether there is one.
  [[gnu::always_inline]] constexpr bool write(std::uint16_t port, unsigned size, std::uint64_t value) {
    return visit(port, detail::device_store{{}, size, value});
  }

 private:
  static constexpr detail::sorted_slots<device_count> sorted = [] {
    detail::sorted_slots<device_count> s;
    std::size_t count = 0;
    ((s.insert(count, count, Slots::range), ++count), ...);
    return s;
  }();

  template <typename F>
  [[gnu::always_inline]] constexpr bool visit(std::uint16_t port, F&& f) {
    if constexpr (device_count == 0) {
      return false;
    } else {
      return search<0, device_count>(port, f);
    }
  }

  /// Looks among the sorted slots `[First, Last)`.
  template <std::size_t First, std::size_t Last, typename F>
  [[gnu::always_inline]] constexpr bool search(std::uint16_t port, F& f) {
    if constexpr (Last - First == 1) {
      std::uint64_t const offset = std::uint64_t{port} - sorted.start[First];
      if (offset >= sorted.size[First]) return false;
      f(detail::leaf_at<sorted.index[First]>(slots_).device, offset);
      return true;
    } else {
      constexpr std::size_t middle = First + (Last - First) / 2;
      if (port >= sorted.start[middle]) return search<middle, Last>(port, f);
      return search<First, middle>(port, f);
    }
  }

  detail::device_storage<std::make_index_sequence<device_count>, Slots...> slots_;
};

template <typename... Slots>
port_map(Slots...) -> port_map<Slots...>;

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>
#include <axhal/policy/console.hpp>
#include <axhal/vdev/pl011.hpp>

#include <cstdint>
#include <deque>

namespace axhal::test {

/// A sink that keeps what it is given.
struct keeping_sink {
  std::deque<std::uint8_t>* bytes;
  void put(std::uint8_t b) { bytes->push_back(b); }
};

/// A sink with room for a few bytes, until somebody takes them out.
struct narrow_sink {
  std::deque<std::uint8_t>* bytes;
  std::size_t room;
  void put(std::uint8_t b) { bytes->push_back(b); }
  [[nodiscard]] bool can_put() const { return bytes->size() < room; }
};

/// The registers of a device model, as a driver's window.
template <typename Device>
struct device_window {
  Device* device;
  std::uint8_t read8(std::uint64_t o) { return static_cast<std::uint8_t>(device->read(o, 1)); }
  std::uint32_t read32(std::uint64_t o) { return static_cast<std::uint32_t>(device->read(o, 4)); }
  void write8(std::uint64_t o, std::uint8_t v) { device->write(o, 1, v); }
  void write32(std::uint64_t o, std::uint32_t v) { device->write(o, 4, v); }
};

/// A PL011 on a bench: the device, and the far end of its wire.
struct pl011_bench {
  static constexpr unsigned depth = 16;
  using device_type = vdev::pl011<keeping_sink>;
  using window = device_window<device_type>;

  std::deque<std::uint8_t> sent{};
  device_type device{keeping_sink{&sent}};

  result<std::uint8_t, console_error> take() {
    if (sent.empty()) return failure{console_error::empty};
    std::uint8_t const b = sent.front();
    sent.pop_front();
    return b;
  }
  void send(std::uint8_t b) { device.receive(b); }
};
static_assert(MmioWindow<pl011_bench::window>);

}  // namespace axhal::test

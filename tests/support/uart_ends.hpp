// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <cstddef>
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

}  // namespace axhal::test

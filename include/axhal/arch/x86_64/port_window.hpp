// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// I/O ports, by 1 and 4 bytes (Intel SDM vol. 1, "Input/Output"). Models: x86_64::cpu.
template <typename I>
concept PortInstructions = requires(std::uint16_t port) {
  { I::in8(port) } -> std::same_as<std::uint8_t>;
  { I::in32(port) } -> std::same_as<std::uint32_t>;
  { I::out8(port, std::uint8_t{}) } -> std::same_as<void>;
  { I::out32(port, std::uint32_t{}) } -> std::same_as<void>;
};

/// A device's registers at I/O ports from `Base` on, as a `MmioWindow`: a driver that is written for memory works with
/// them as it is.
template <PortInstructions I, std::uint16_t Base>
struct port_window {
  [[nodiscard]] static std::uint8_t read8(std::uint64_t offset) { return I::in8(at(offset)); }
  [[nodiscard]] static std::uint32_t read32(std::uint64_t offset) { return I::in32(at(offset)); }
  static void write8(std::uint64_t offset, std::uint8_t value) { I::out8(at(offset), value); }
  static void write32(std::uint64_t offset, std::uint32_t value) { I::out32(at(offset), value); }

 private:
  [[nodiscard]] static constexpr std::uint16_t at(std::uint64_t offset) {
    return static_cast<std::uint16_t>(Base + offset);
  }
};

}  // namespace axhal::x86_64

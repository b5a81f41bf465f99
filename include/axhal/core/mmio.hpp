// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal {

/// A window of device registers that a driver reads and writes by byte offset.
///
/// Laws:
///   1. every `read`/`write` is one access of exactly that width, in program order; none is merged, split or dropped
///   2. the driver keeps the offset inside the window and aligned to the width
///
/// Models: `mmio` (the machine), `arch/host` simulated devices and recorders.
template <typename M>
concept MmioWindow = requires(M& m, std::uint64_t offset) {
  { m.read8(offset) } -> std::same_as<std::uint8_t>;
  { m.read32(offset) } -> std::same_as<std::uint32_t>;
  { m.write8(offset, std::uint8_t{}) } -> std::same_as<void>;
  { m.write32(offset, std::uint32_t{}) } -> std::same_as<void>;
};

/// Device registers at an address that the program can load and store.
///
/// The mapping must be device memory; ordering against normal memory is the driver's business (`CpuPolicy` barriers).
/// The access is through a volatile pointer, which GCC and Clang turn into one load or store of that width.
struct mmio {
  std::uintptr_t base{};

  [[nodiscard]] std::uint8_t read8(std::uint64_t offset) const { return at<std::uint8_t>(offset); }
  [[nodiscard]] std::uint32_t read32(std::uint64_t offset) const { return at<std::uint32_t>(offset); }
  void write8(std::uint64_t offset, std::uint8_t value) const { at<std::uint8_t>(offset) = value; }
  void write32(std::uint64_t offset, std::uint32_t value) const { at<std::uint32_t>(offset) = value; }

 private:
  template <typename T>
  [[nodiscard]] T volatile& at(std::uint64_t offset) const {
    return *reinterpret_cast<T volatile*>(base + offset);
  }
};
static_assert(MmioWindow<mmio const>);

/// The same at an address known when the program is compiled: no stored base, no load of it.
template <std::uintptr_t Base>
struct fixed_mmio {
  [[nodiscard]] static std::uint8_t read8(std::uint64_t offset) { return mmio{Base}.read8(offset); }
  [[nodiscard]] static std::uint32_t read32(std::uint64_t offset) { return mmio{Base}.read32(offset); }
  static void write8(std::uint64_t offset, std::uint8_t value) { mmio{Base}.write8(offset, value); }
  static void write32(std::uint64_t offset, std::uint32_t value) { mmio{Base}.write32(offset, value); }
};

}  // namespace axhal

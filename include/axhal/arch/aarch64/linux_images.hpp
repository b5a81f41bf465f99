// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_convention.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Kernel files for 64-bit ARM (Linux, Documentation/arch/arm64/booting.rst, "Call the kernel image" and the sections
/// before it).
struct linux_images {
  static constexpr std::uint32_t magic = 0x644d'5241;  ///< "ARM\x64"
  static constexpr std::uint16_t elf_machine = 183;    ///< EM_AARCH64
  static constexpr std::uint64_t base_alignment = 2 * mib;
  /// What kernels before 3.17 want, their image_size being 0.
  static constexpr std::uint64_t unstated_offset = 0x8'0000;
  static constexpr std::uint64_t window_alignment = gib;
  static constexpr std::uint64_t initrd_window = 32 * gib;
};
static_assert(boot::ImageConvention<linux_images>);

}  // namespace axhal::aarch64

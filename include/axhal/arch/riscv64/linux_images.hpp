// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_convention.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Kernel files for 64-bit RISC-V (Linux, Documentation/arch/riscv/boot-image-header.rst and boot.rst).
struct linux_images {
  static constexpr std::uint32_t magic = 0x0543'5352;  ///< "RSC\x05"
  static constexpr std::uint16_t elf_machine = 243;    ///< EM_RISCV
  static constexpr std::uint64_t base_alignment = 2 * mib;
  static constexpr std::uint64_t unstated_offset = 2 * mib;
  static constexpr std::uint64_t window_alignment = gib;
  static constexpr std::uint64_t initrd_window = 32 * gib;
};
static_assert(boot::ImageConvention<linux_images>);

}  // namespace axhal::riscv64

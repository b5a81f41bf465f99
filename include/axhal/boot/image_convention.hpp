// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::boot {

/// What an architecture's boot convention says about kernel files.
///
/// `magic` is the word at byte 56 of a Linux Image; `elf_machine` is ELF's e_machine; a base is a multiple of
/// `base_alignment`; a file whose header does not tell goes `unstated_offset` bytes above a base;
/// `initrd_window` is how far apart kernel and initial RAM disk may lie, counted from a multiple of `window_alignment`.
template <typename C>
concept ImageConvention = requires {
  { C::magic } -> std::convertible_to<std::uint32_t>;
  { C::elf_machine } -> std::convertible_to<std::uint16_t>;
  { C::base_alignment } -> std::convertible_to<std::uint64_t>;
  { C::unstated_offset } -> std::convertible_to<std::uint64_t>;
  { C::window_alignment } -> std::convertible_to<std::uint64_t>;
  { C::initrd_window } -> std::convertible_to<std::uint64_t>;
};

/// Words at byte 56 that tell for which architecture a Linux Image is.
inline constexpr std::uint32_t arm64_image_magic = 0x644d5241;  ///< "ARM\x64"
inline constexpr std::uint32_t riscv_image_magic = 0x05435352;  ///< "RSC\x05"

/// 64-bit ARM (Linux, Documentation/arch/arm64/booting.rst, "Call the kernel image" and the sections before it).
struct arm64_images {
  static constexpr std::uint32_t magic = arm64_image_magic;
  static constexpr std::uint16_t elf_machine = 183;  ///< EM_AARCH64
  static constexpr std::uint64_t base_alignment = 2 * mib;
  static constexpr std::uint64_t unstated_offset =
      0x8'0000;  ///< what kernels before 3.17 want, their image_size being 0
  static constexpr std::uint64_t window_alignment = gib;
  static constexpr std::uint64_t initrd_window = 32 * gib;
};
static_assert(ImageConvention<arm64_images>);

/// 64-bit RISC-V (Linux, Documentation/arch/riscv/boot-image-header.rst and boot.rst).
struct riscv64_images {
  static constexpr std::uint32_t magic = riscv_image_magic;
  static constexpr std::uint16_t elf_machine = 243;  ///< EM_RISCV
  static constexpr std::uint64_t base_alignment = 2 * mib;
  static constexpr std::uint64_t unstated_offset = 0x20'0000;
  static constexpr std::uint64_t window_alignment = gib;
  static constexpr std::uint64_t initrd_window = 32 * gib;
};
static_assert(ImageConvention<riscv64_images>);

}  // namespace axhal::boot

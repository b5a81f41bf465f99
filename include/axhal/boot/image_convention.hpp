// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::boot {

/// What an architecture's boot convention says about kernel files.
///
/// `magic` is the word at byte 56 of a Linux Image; `elf_machine` is ELF's e_machine; a base is a multiple of
/// `base_alignment`; a file whose header does not tell goes `unstated_offset` bytes above a base;
/// `initrd_window` is how far apart kernel and initial RAM disk may lie, counted from a multiple of `window_alignment`.
///
/// Models: aarch64::linux_images, riscv64::linux_images.
template <typename C>
concept ImageConvention = requires {
  { C::magic } -> std::convertible_to<std::uint32_t>;
  { C::elf_machine } -> std::convertible_to<std::uint16_t>;
  { C::base_alignment } -> std::convertible_to<std::uint64_t>;
  { C::unstated_offset } -> std::convertible_to<std::uint64_t>;
  { C::window_alignment } -> std::convertible_to<std::uint64_t>;
  { C::initrd_window } -> std::convertible_to<std::uint64_t>;
};

}  // namespace axhal::boot

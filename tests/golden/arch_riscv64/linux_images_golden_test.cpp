// SPDX-License-Identifier: BSL-1.0
// Linux, Documentation/arch/riscv/boot-image-header.rst and boot.rst; e_machine from the RISC-V ELF psABI.
#include <axhal/arch/riscv64/linux_images.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using axhal::riscv64::linux_images;

TEST_CASE("kernel files for RISC-V") {
  // "magic2" is the text RSC and the byte 5, little-endian, in the place where arm64 has its own.
  STATIC_CHECK(linux_images::magic ==
               (std::uint32_t{'R'} | std::uint32_t{'S'} << 8 | std::uint32_t{'C'} << 16 | 5U << 24));
  STATIC_CHECK(linux_images::elf_machine == 243);
  // Kernels of 64 bits are loaded at a multiple of a PMD's 2 MiB, 2 MiB above the start of RAM where nothing else is
  // said.
  STATIC_CHECK(linux_images::base_alignment == 0x20'0000);
  STATIC_CHECK(linux_images::unstated_offset == 0x20'0000);
}

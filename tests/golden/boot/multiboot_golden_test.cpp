// SPDX-License-Identifier: BSL-1.0
// Numbers of the Multiboot Specification 0.6.96, chapter 3, by hand.
#include <axhal/boot/multiboot.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using namespace axhal::boot::multiboot_format;

}  // namespace

TEST_CASE("an image's header (3.1.1), field by field") {
  STATIC_REQUIRE(header_magic == 0x1BADB002);
  STATIC_REQUIRE(offsetof(multiboot_header, magic) == 0);
  STATIC_REQUIRE(offsetof(multiboot_header, flags) == 4);
  STATIC_REQUIRE(offsetof(multiboot_header, checksum) == 8);
  STATIC_REQUIRE(offsetof(multiboot_header, header_addr) == 12);
  STATIC_REQUIRE(offsetof(multiboot_header, load_addr) == 16);
  STATIC_REQUIRE(offsetof(multiboot_header, load_end_addr) == 20);
  STATIC_REQUIRE(offsetof(multiboot_header, bss_end_addr) == 24);
  STATIC_REQUIRE(offsetof(multiboot_header, entry_addr) == 28);
  STATIC_REQUIRE(offsetof(multiboot_header, mode_type) == 32);
  STATIC_REQUIRE(offsetof(multiboot_header, depth) == 44);
  STATIC_REQUIRE(search_size == 8192);
  STATIC_REQUIRE(align_modules == 0x1);
  STATIC_REQUIRE(want_memory == 0x2);
  STATIC_REQUIRE(want_video == 0x4);
  STATIC_REQUIRE(has_addresses == 0x10000);
  // 0x1badb002 + 3 + 0xe4524ffb = 0x1'0000'0000
  STATIC_REQUIRE(multiboot_header::make(align_modules | want_memory).checksum == 0xE4524FFB);
  STATIC_REQUIRE(multiboot_header::checksum_for(0x10003) == 0xE4514FFB);
}

TEST_CASE("the information structure (3.3), offset by offset") {
  STATIC_REQUIRE(loader_magic == 0x2BADB002);
  STATIC_REQUIRE(i_flags == 0);
  STATIC_REQUIRE(i_mem_lower == 4);
  STATIC_REQUIRE(i_mem_upper == 8);
  STATIC_REQUIRE(i_cmdline == 16);
  STATIC_REQUIRE(i_mods_count == 20);
  STATIC_REQUIRE(i_mods_addr == 24);
  STATIC_REQUIRE(i_mmap_length == 44);
  STATIC_REQUIRE(i_mmap_addr == 48);
  STATIC_REQUIRE(i_boot_loader_name == 64);
  STATIC_REQUIRE(has_memory == 1);
  STATIC_REQUIRE(has_boot_device == 2);
  STATIC_REQUIRE(has_command_line == 4);
  STATIC_REQUIRE(has_modules == 8);
  STATIC_REQUIRE(has_memory_map == 0x40);
  STATIC_REQUIRE(has_loader_name == 0x200);
  STATIC_REQUIRE(has_framebuffer == 0x1000);
  STATIC_REQUIRE(module_size == 16);
}

TEST_CASE("an entry of the memory map: its size, not counting the word itself, base, length, type") {
  static constexpr std::uint8_t raw[24] = {20, 0, 0,    0, 0, 0, 0x10, 0, 1, 0, 0, 0,
                                           0,  0, 0xee, 7, 2, 0, 0,    0, 1, 0, 0, 0};
  constexpr auto map = multiboot_memory_map::open({raw, 24});
  STATIC_REQUIRE(map.has_value());
  STATIC_REQUIRE(*map->begin() == e820_entry{0x1'0010'0000, 0x2'07ee'0000, e820_type::usable});
}

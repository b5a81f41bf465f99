// SPDX-License-Identifier: BSL-1.0
// How guests begin and what they are told, by hand from Linux's boot.rst and zero-page.rst, Xen's start_info.h, the
// Multiboot Specification, the ACPI Specification 6.5 and the Intel SDM.
#include <axhal/arch/x86_64/boot_params.hpp>
#include <axhal/arch/x86_64/guest_acpi.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/pvh_start_info.hpp>
#include <axhal/boot/multiboot_writer.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using blob = std::vector<std::uint8_t>;

void is(bytes made, blob const& expected) {
  REQUIRE(made.size == expected.size());
  for (std::size_t i = 0; i < made.size; ++i) {
    INFO(i);
    CHECK(made[i] == expected[i]);
  }
}

/// 639 KiB from 0 on, firmware's below 1 MiB, and 2 MiB above.
struct small_map {
  std::uint8_t entries[60]{};
  small_map() {
    boot::e820_entry{0, 0x9'fc00, boot::e820_type::usable}.store({entries, 60}, 0);
    boot::e820_entry{0xe'0000, 0x2'0000, boot::e820_type::reserved}.store({entries, 60}, 20);
    boot::e820_entry{0x10'0000, 0x20'0000, boot::e820_type::usable}.store({entries, 60}, 40);
  }
  [[nodiscard]] boot::e820_table table() const { return boot::e820_table{bytes{entries, 60}}; }
};

}  // namespace

TEST_CASE("segment descriptors are packed as the processor has them") {
  // SDM vol. 3, figure "Segment Descriptor": limit 15:0, base 23:0, type, S, DPL, P, limit 19:16, AVL, L, D/B, G, base.
  STATIC_REQUIRE(descriptor_of({0x10, 0xc9b, 0xffff'ffff, 0}) == 0x00cf'9b00'0000'ffff);
  STATIC_REQUIRE(descriptor_of({0x10, 0xa9b, 0xffff'ffff, 0}) == 0x00af'9b00'0000'ffff);
  STATIC_REQUIRE(descriptor_of({0x18, 0xc93, 0xffff'ffff, 0}) == 0x00cf'9300'0000'ffff);
  STATIC_REQUIRE(descriptor_of({0x20, 0x08b, 0x67, 0}) == 0x0000'8b00'0000'0067);
  STATIC_REQUIRE(descriptor_of({0x28, 0x493, 0xabcde, 0x1234'5678}) == 0x124a'9334'5678'bcde);
}

TEST_CASE("a 64-bit guest begins with paging, long mode and Linux's selectors") {
  constexpr guest_entry e = long_mode_entry(0x100'0200, 0x7000, {0x1000}, {0x9000});
  STATIC_REQUIRE(e.cr0 == 0x8000'0011);
  STATIC_REQUIRE(e.cr3 == 0x9000);
  STATIC_REQUIRE(e.cr4 == 0x20);
  STATIC_REQUIRE(e.efer == 0x500);
  STATIC_REQUIRE(e.rflags == 2);
  STATIC_REQUIRE(e.cs == segment_register{0x10, 0xa9b, 0xffff'ffff, 0});
  STATIC_REQUIRE(e.ds == segment_register{0x18, 0xc93, 0xffff'ffff, 0});
  STATIC_REQUIRE(e.ss == segment_register{0x18, 0xc93, 0xffff'ffff, 0});
  STATIC_REQUIRE(e.tr == segment_register{0x20, 0x08b, 0x67, 0});
  STATIC_REQUIRE(e.gdtr == table_register{0x1000, 47});
  STATIC_REQUIRE(e.rip == 0x100'0200);
  STATIC_REQUIRE(e.gpr[4] == 0x7000);
}

TEST_CASE("a 32-bit guest begins in flat segments without paging") {
  constexpr guest_entry e = protected_mode_entry(0x10'0000, 0x7000, {0x1000});
  STATIC_REQUIRE(e.cr0 == 0x11);
  STATIC_REQUIRE(e.cr3 == 0);
  STATIC_REQUIRE(e.cr4 == 0);
  STATIC_REQUIRE(e.efer == 0);
  STATIC_REQUIRE(e.cs == segment_register{0x10, 0xc9b, 0xffff'ffff, 0});
  STATIC_REQUIRE(e.ds == segment_register{0x18, 0xc93, 0xffff'ffff, 0});
  STATIC_REQUIRE(e.tr == segment_register{0x20, 0x08b, 0x67, 0});
}

TEST_CASE("a real-mode guest begins at selector times 16, in segments of 64 KiB") {
  constexpr guest_entry e = real_mode_entry(0, 0x7c00);
  STATIC_REQUIRE(e.cr0 == 0x10);
  STATIC_REQUIRE(e.cs == segment_register{0, 0x9b, 0xffff, 0});
  STATIC_REQUIRE(e.ds == segment_register{0, 0x93, 0xffff, 0});
  STATIC_REQUIRE(e.tr == segment_register{0, 0x8b, 0xffff, 0});
  STATIC_REQUIRE(e.ldtr == segment_register{0, 0x82, 0xffff, 0});
  STATIC_REQUIRE(e.idtr == table_register{0, 0x3ff});
  STATIC_REQUIRE(e.rip == 0x7c00);
  // SDM vol. 3: the vector of a start-up IPI is the number of a page.
  constexpr guest_entry second = startup_entry(0x9a);
  STATIC_REQUIRE(second.cs == segment_register{0x9a00, 0x9b, 0xffff, 0x9'a000});
  STATIC_REQUIRE(second.rip == 0);
  STATIC_REQUIRE(real_mode_entry(0xf000, 0xfff0, 0x1234).ds == segment_register{0x1234, 0x93, 0xffff, 0x1'2340});
}

TEST_CASE("identity tables, entry by entry") {
  // SDM vol. 3: P and R/W are bits 0 and 1, PS is bit 7.
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 0, 0) == 0xa003);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 0, 1) == 0);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 1, 0) == 0xb003);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 1, 3) == 0xe003);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 1, 4) == 0);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 2, 0) == 0x83);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 2, 1) == 0x20'0083);
  STATIC_REQUIRE(identity_tables::entry({0x9000}, 5, 511) == 0xffe0'0083);
}

TEST_CASE("boot parameters, byte by byte") {
  auto file = test::bzimage_file();
  // What a loader has to replace, and what it has to leave.
  file.put(0x210, 1, 0x11).put(0x211, 1, 0xe3).put(0x250, 8, 0x1111'1111'1111'1111).put(0x1fa, 2, 0xffff);
  auto const kernel = bzimage::open({file.data.data(), file.data.size()});
  REQUIRE(kernel);
  small_map const map;
  blob page(4096, 0xee);
  boot_params const told{map.table(), {0x3000}, {{0x1'2345'6000}, 0x2'0000'1000}, {0xe'0000}};
  REQUIRE(told.write({page.data(), page.size()}, *kernel));

  blob expected(4096);
  auto const put = [&](std::size_t at, unsigned size, std::uint64_t value) {
    for (unsigned i = 0; i < size; ++i) expected.at(at + i) = static_cast<std::uint8_t>(value >> 8 * i);
  };
  put(0x070, 8, 0xe'0000);     // acpi_rsdp_addr
  put(0x0c0, 4, 1);            // ext_ramdisk_image
  put(0x0c4, 4, 2);            // ext_ramdisk_size
  put(0x0c8, 4, 0);            // ext_cmd_line_ptr
  put(0x1e8, 1, 3);            // e820_entries
  put(0x1ef, 1, 0);            // sentinel
  put(0x1f1, 1, 1);            // setup_sects
  put(0x1f4, 4, 0x200);        // syssize
  put(0x1fa, 2, 0xffff);       // vid_mode: as the file has it
  put(0x1fe, 2, 0xaa55);       // boot_flag
  put(0x200, 2, 0x6aeb);       // jump
  put(0x202, 4, 0x5372'6448);  // "HdrS"
  put(0x206, 2, 0x20f);        // version
  put(0x210, 1, 0xff);         // type_of_loader
  put(0x211, 1, 0x03);         // loadflags: LOADED_HIGH and KASLR_FLAG stay, QUIET, KEEP_SEGMENTS, CAN_USE_HEAP go
  put(0x214, 4, 0x100'0000);   // code32_start
  put(0x218, 4, 0x2345'6000);  // ramdisk_image
  put(0x21c, 4, 0x1000);       // ramdisk_size
  put(0x228, 4, 0x3000);       // cmd_line_ptr
  put(0x22c, 4, 0x7fff'ffff);  // initrd_addr_max
  put(0x230, 4, 0x20'0000);    // kernel_alignment
  put(0x234, 4, 0x003f'1501);  // relocatable_kernel, min_alignment, xloadflags
  put(0x238, 4, 2047);         // cmdline_size
  put(0x258, 8, 0x100'0000);   // pref_address
  put(0x260, 4, 0x200'0000);   // init_size
  for (unsigned i = 0; i < 60; ++i) put(0x2d0 + i, 1, map.entries[i]);
  is({page.data(), page.size()}, expected);

  blob const many(129 * 20);
  page.assign(4096, 0xee);
  boot_params crowded{};
  crowded.map = boot::e820_table{bytes{many.data(), many.size()}};
  CHECK_FALSE(crowded.write({page.data(), page.size()}, *kernel));
  CHECK_FALSE(told.write({page.data(), 4095}, *kernel));
  CHECK(page == blob(4096, 0xee));
  crowded.map = boot::e820_table{bytes{many.data(), 128 * 20}};
  CHECK(crowded.write({page.data(), page.size()}, *kernel));
  CHECK(page[0x1e8] == 128);
  CHECK(page[0x2d0 + 128 * 20] == 0);  // where the table ends
}

TEST_CASE("start info, byte by byte") {
  small_map const map;
  blob out(200, 0xee);
  pvh_start_info const told{map.table(), {0x3000}, {{0x1ff'0000}, 0x1'0001}, {0xe'0000}};
  REQUIRE(told.size() == 56 + 32 + 3 * 24);
  CHECK_FALSE(told.write({out.data(), 159}, {0x2000}));
  CHECK(out == blob(200, 0xee));
  REQUIRE(told.write({out.data(), 160}, {0x2000}));
  blob const expected{
      0x78, 0xc5, 0x6e, 0x33, 1, 0, 0, 0,                          // magic, version
      0,    0,    0,    0,    1, 0, 0, 0,                          // flags, nr_modules
      0x38, 0x20, 0,    0,    0, 0, 0, 0,                          // modlist_paddr
      0,    0x30, 0,    0,    0, 0, 0, 0,                          // cmdline_paddr
      0,    0,    0x0e, 0,    0, 0, 0, 0,                          // rsdp_paddr
      0x58, 0x20, 0,    0,    0, 0, 0, 0,                          // memmap_paddr
      3,    0,    0,    0,    0, 0, 0, 0,                          // memmap_entries
      0,    0,    0xff, 1,    0, 0, 0, 0,                          // module: address
      1,    0,    1,    0,    0, 0, 0, 0,                          // size
      0,    0,    0,    0,    0, 0, 0, 0,                          // command line
      0,    0,    0,    0,    0, 0, 0, 0,                          //
      0,    0,    0,    0,    0, 0, 0, 0,                          // first entry
      0,    0xfc, 0x09, 0,    0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,  //
      0,    0,    0x0e, 0,    0, 0, 0, 0,                          // second
      0,    0,    0x02, 0,    0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,  //
      0,    0,    0x10, 0,    0, 0, 0, 0,                          // third
      0,    0,    0x20, 0,    0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,  //
  };
  is({out.data(), 160}, expected);
  CHECK(out[160] == 0xee);
  pvh_start_info const bare{map.table(), {}, {}, {}};
  REQUIRE(bare.write({out.data(), out.size()}, {0x2000}));
  for (std::size_t i = 12; i < 40; ++i) CHECK(out[i] == 0);
}

TEST_CASE("Multiboot information, byte by byte") {
  small_map const map;
  blob out(300, 0xee);
  boot::multiboot_guest const told{map.table(), {0x3000}, {{0x1ff'0000}, 0x1'0001}};
  REQUIRE(boot::multiboot_info_size(told) == 128 + 16 + 3 * 24);
  CHECK_FALSE(boot::write_multiboot_info({out.data(), 215}, {0x2000}, told));
  CHECK_FALSE(boot::write_multiboot_info({out.data(), 216}, {0x1'0000'0000 - 215}, told));
  auto far = told;
  far.module = {{0xffff'f000}, 0x1001};
  CHECK_FALSE(boot::write_multiboot_info({out.data(), 216}, {0x2000}, far));
  far = told;
  far.command_line = {0x1'0000'0000};
  CHECK_FALSE(boot::write_multiboot_info({out.data(), 216}, {0x2000}, far));
  CHECK(out == blob(300, 0xee));
  REQUIRE(boot::write_multiboot_info({out.data(), 216}, {0x2000}, told));
  blob expected(216);
  auto const put = [&](std::size_t at, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) expected.at(at + i) = static_cast<std::uint8_t>(value >> 8 * i);
  };
  put(0, 0x4d);          // memory, command line, modules, memory map
  put(4, 639);           // mem_lower
  put(8, 2048);          // mem_upper
  put(16, 0x3000);       // cmdline
  put(20, 1);            // mods_count
  put(24, 0x2080);       // mods_addr
  put(44, 72);           // mmap_length
  put(48, 0x2090);       // mmap_addr
  put(128, 0x1ff'0000);  // mod_start
  put(132, 0x200'0001);  // mod_end
  // Each entry: the size of what follows, base and length of 64 bits, the type.
  put(144, 20);
  put(156, 0x9'fc00);
  put(164, 1);
  put(168, 20);
  put(172, 0xe'0000);
  put(180, 0x2'0000);
  put(188, 2);
  put(192, 20);
  put(196, 0x10'0000);
  put(204, 0x20'0000);
  put(212, 1);
  is({out.data(), 216}, expected);
  CHECK(boot::multiboot_memory_kib(map.table(), 0x9'fc00) == 0);
  std::uint8_t huge[20]{};
  boot::e820_entry{0, ~std::uint64_t{0}, boot::e820_type::usable}.store({huge, 20}, 0);
  CHECK(boot::multiboot_memory_kib(boot::e820_table{bytes{huge, 20}}, 0x10'0000) == 0xffff'ffff);
}

TEST_CASE("the root pointer and the serial port of a guest's ACPI tables, byte by byte") {
  blob out(0x1000);
  auto const done = write_guest_acpi({out.data(), out.size()}, {0xe'0000}, {});
  REQUIRE(done);
  // The letters add up to 0x21f and 0x18e, with the revision 0x3af: the first checksum makes that 0x400. Behind it come
  // the length 0x24 and the address' bytes 0x80, 0x02, 0x0e: the second makes their 0xb4 a 0x100.
  is({out.data(), 36}, {'R', 'S', 'D', ' ', 'P', 'T', 'R',  ' ', 0x51, 'A', 'X', 'H', 'A', 'L', ' ',  2, 0, 0,
                        0,   0,   36,  0,   0,   0,   0x80, 2,   0x0e, 0,   0,   0,   0,   0,   0x4c, 0, 0, 0});
  // The DSDT: header, \_S5, and the device.
  bytes const dsdt{out.data() + 0x30, 104};
  CHECK(dsdt[4] == 104);
  CHECK(boot::acpi_format::sum(dsdt) == 0);
  is(dsdt.sub(36, 16), {0x08, '_', 'S', '5', '_', 0x12, 10, 4, 0x0a, 5, 0x0a, 5, 0x0a, 0, 0x0a, 0});
  is(dsdt.sub(52),
     {0x10, 51,   '\\', '_',  'S',  'B',  '_',  0x5b, 0x82, 43,  'C', 'O',  'M',  '1',  0x08, '_', 'H', 'I',
      'D',  0x0c, 0x41, 0xd0, 0x05, 0x01, 0x08, '_',  'U',  'I', 'D', 0x01, 0x08, '_',  'C',  'R', 'S', 0x11,
      16,   0x0a, 13,   0x47, 1,    0xf8, 3,    0xf8, 3,    1,   8,   0x22, 0x10, 0x00, 0x79, 0});
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/multiboot.hpp>
#include <axhal/memory/memory_map.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using namespace axhal::boot::multiboot_format;
using test::blob;
using test::put;
using info_of = multiboot_info<window_reader>;

constexpr std::uint32_t base = 0x9000;

std::string said(text t) { return {t.begin(), t.end()}; }

/// What a loader leaves: information at the base, behind it strings, modules and the memory map.
test::some_memory machine(std::uint32_t flags) {
  test::some_memory m{base, 0x1000};
  blob& b = m.content;
  put(b, 0, flags, 4);
  put(b, 4, 639, 4);
  put(b, 8, 0x1'ff00, 4);
  put(b, 16, base + 0x100, 4);
  put(b, 20, 2, 4);
  put(b, 24, base + 0x200, 4);
  put(b, 44, 24 + 28, 4);
  put(b, 48, base + 0x300, 4);
  put(b, 64, base + 0x180, 4);
  auto const string = [&](std::uint32_t at, std::string const& s) { m.place(base + at, blob(s.begin(), s.end())); };
  string(0x100, "image axhal.memory=1G");
  string(0x180, "loader 1");
  string(0x280, "vmlinuz quiet");
  put(b, 0x200, 0x10'0000, 4);
  put(b, 0x204, 0x18'0001, 4);
  put(b, 0x208, base + 0x280, 4);
  put(b, 0x210, 0x20'0000, 4);
  put(b, 0x214, 0x20'0000, 4);
  put(b, 0x300, 20, 4);
  put(b, 0x304, 0x1000, 8);
  put(b, 0x30c, 0x9000, 8);
  put(b, 0x314, 1, 4);
  put(b, 0x318, 24, 4);  // an entry with extended attributes
  put(b, 0x31c, 0x1'0000'0000, 8);
  put(b, 0x324, 0x4000'0000, 8);
  put(b, 0x32c, 1, 4);
  put(b, 0x330, 1, 4);
  return m;
}
constexpr std::uint32_t everything = has_memory | has_command_line | has_modules | has_memory_map | has_loader_name;

multiboot_error error(multiboot_fault what, std::uint64_t where) { return {what, where}; }

}  // namespace

TEST_CASE("what the loader says is read") {
  auto const m = machine(everything);
  auto const reader = m.reader();
  auto const info = info_of::open(reader, loader_magic, base);
  REQUIRE(info);
  CHECK(info->flags() == everything);
  CHECK(info->lower_memory_kib() == 639U);
  CHECK(info->upper_memory_kib() == 0x1'ff00U);
  CHECK(said(*info->command_line()) == "image axhal.memory=1G");
  CHECK(said(*info->loader_name()) == "loader 1");
  REQUIRE(info->module_count() == 2);
  auto const first = info->module(0);
  REQUIRE(first);
  CHECK(first->where == host_range{{0x10'0000}, 0x8'0001});
  CHECK(said(first->arguments) == "vmlinuz quiet");
  auto const second = info->module(1);
  REQUIRE(second);
  CHECK(second->where == host_range{{0x20'0000}, 0});
  CHECK(second->arguments.empty());
  CHECK(info->module(2).error() == error(multiboot_fault::not_found, base));
  auto const map = info->memory_map();
  REQUIRE(map);
  std::vector<e820_entry> entries;
  for (e820_entry const e : *map) entries.push_back(e);
  CHECK(entries ==
        std::vector<e820_entry>{{0x1000, 0x9000, e820_type::usable}, {0x1'0000'0000, 0x4000'0000, e820_type::usable}});
  memory::memory_map<4> all;
  REQUIRE(add_e820(all, *map));
  CHECK(all.ram().bytes_total() == 0x4000'9000);
}

TEST_CASE("what the flags do not announce is not there") {
  auto const m = machine(0);
  auto const reader = m.reader();
  auto const info = info_of::open(reader, loader_magic, base);
  REQUIRE(info);
  CHECK(info->lower_memory_kib().error() == error(multiboot_fault::not_found, base + 4));
  CHECK(info->upper_memory_kib().error() == error(multiboot_fault::not_found, base + 8));
  CHECK(info->command_line().error() == error(multiboot_fault::not_found, base + 16));
  CHECK(info->loader_name().error() == error(multiboot_fault::not_found, base + 64));
  CHECK(info->memory_map().error() == error(multiboot_fault::not_found, base + 44));
  CHECK(info->module_count() == 0);
  CHECK(info->module(0).error() == error(multiboot_fault::not_found, base));
}

TEST_CASE("no Multiboot loader, or information that is nowhere") {
  auto const m = machine(everything);
  auto const reader = m.reader();
  CHECK(info_of::open(reader, 0x36d7'6289, base).error() == error(multiboot_fault::bad_magic, base));
  CHECK(info_of::open(reader, loader_magic, 0).error() == error(multiboot_fault::unreadable, 0));
  CHECK(info_of::open(reader, loader_magic, 0xffff'fffe).error() == error(multiboot_fault::unreadable, 0xffff'fffe));
}

TEST_CASE("addresses that lead nowhere are named") {
  auto m = machine(everything);
  put(m.content, 16, 0xffff'fff0, 4);
  put(m.content, 24, base + 0xff0, 4);
  put(m.content, 48, base + 0xff0, 4);
  auto const reader = m.reader();
  auto const info = info_of::open(reader, loader_magic, base);
  REQUIRE(info);
  CHECK(info->command_line().error() == error(multiboot_fault::unreadable, 0xffff'fff0));
  CHECK(info->module(0)->where.size == 0);
  CHECK(info->module(1).error() == error(multiboot_fault::unreadable, base + 0x1000));
  CHECK(info->memory_map().error() == error(multiboot_fault::unreadable, base + 0xff0));
}

TEST_CASE("counts and lengths of any size are held against what can be read") {
  auto m = machine(everything);
  put(m.content, 20, 0xffff'ffff, 4);
  put(m.content, 44, 0xffff'ffff, 4);
  auto const reader = m.reader();
  auto const info = info_of::open(reader, loader_magic, base);
  REQUIRE(info);
  CHECK(info->module_count() == 0xffff'ffff);
  CHECK(info->module(0xffff'fffe).error() ==
        error(multiboot_fault::unreadable, base + 0x200 + std::uint64_t{0xffff'fffe} * 16));
  CHECK(info->memory_map().error() == error(multiboot_fault::unreadable, base + 0x300));
  put(m.content, 44, 0, 4);
  CHECK(info->memory_map().error() == error(multiboot_fault::not_found, base + 0x300));
}

TEST_CASE("damaged modules and strings are refused") {
  auto m = machine(everything);
  put(m.content, 0x204, 0xf'ffff, 4);
  put(m.content, 0x218, base + 0xffe, 4);
  m.content[0xffe] = m.content[0xfff] = 'x';
  auto const reader = m.reader();
  auto const info = info_of::open(reader, loader_magic, base);
  REQUIRE(info);
  CHECK(info->module(0).error() == error(multiboot_fault::bad_entry, base + 0x200));
  CHECK(info->module(1).error() == error(multiboot_fault::unreadable, base + 0x1000));

  test::some_memory big{base, 0x3000};
  put(big.content, 0, has_command_line, 4);
  put(big.content, 16, base + 0x100, 4);
  for (std::size_t i = 0x100; i < 0x100 + max_string; ++i) big.content[i] = 'y';
  auto const wide = big.reader();
  auto const line = info_of::open(wide, loader_magic, base)->command_line();
  REQUIRE(line);
  CHECK(line->size == max_string);
  big.content[0x100 + max_string] = 'y';
  CHECK(info_of::open(wide, loader_magic, base)->command_line().error() ==
        error(multiboot_fault::unterminated, base + 0x100));
}

TEST_CASE("a memory map's entries are whole") {
  auto const open = [](std::uint32_t stated, std::size_t there) {
    blob list(24 + there);
    put(list, 0, 20, 4);
    if (there >= 4) put(list, 24, stated, 4);
    return multiboot_memory_map::open(test::view_of(list));
  };
  CHECK(open(20, 24));
  CHECK(open(24, 28));
  auto const bad = error(multiboot_fault::bad_entry, 24);
  CHECK(open(20, 23).error() == bad);
  CHECK(open(20, 1).error() == bad);
  for (std::uint32_t const size : {0U, 19U, 21U, 0x7fff'ffffU, 0xffff'fffcU, 0xffff'ffffU}) {
    CHECK(open(size, 24).error() == bad);
  }
  // An entry of an odd size: what is left is no entry.
  CHECK(open(22, 30).error() == error(multiboot_fault::bad_entry, 24 + 26));
}

TEST_CASE("a header is found where a loader looks, and built the same") {
  constexpr multiboot_header plain = multiboot_header::make(align_modules | want_memory);
  blob file(0x3000);
  CHECK(find_multiboot_header(test::view_of(file)).error() == error(multiboot_fault::not_found, 0));
  auto const write = [&](std::size_t at, multiboot_header const& h, std::size_t words) {
    std::uint32_t const all[] = {h.magic,        h.flags,      h.checksum,  h.header_addr, h.load_addr, h.load_end_addr,
                                 h.bss_end_addr, h.entry_addr, h.mode_type, h.width,       h.height,    h.depth};
    for (std::size_t i = 0; i < words; ++i) put(file, at + 4 * i, all[i], 4);
  };
  write(0x1ffc, plain, 3);  // begins before 8 KiB and ends behind
  CHECK(find_multiboot_header(test::view_of(file)).error().what == multiboot_fault::not_found);
  write(0x1001, plain, 3);
  CHECK(find_multiboot_header(test::view_of(file)).error().what == multiboot_fault::not_found);
  write(0x1ff4, plain, 3);
  auto const found = find_multiboot_header(test::view_of(file));
  REQUIRE(found);
  CHECK(found->offset == 0x1ff4);
  CHECK(found->header == plain);

  multiboot_header const whole{.flags = want_video | has_addresses,
                               .checksum = multiboot_header::checksum_for(want_video | has_addresses),
                               .header_addr = 1,
                               .load_addr = 2,
                               .load_end_addr = 3,
                               .bss_end_addr = 4,
                               .entry_addr = 5,
                               .mode_type = 6,
                               .width = 7,
                               .height = 8,
                               .depth = 9};
  write(0x100, whole, 12);
  CHECK(find_multiboot_header(test::view_of(file))->header == whole);
  for (std::size_t size = 0x10c; size < 0x130; ++size) {
    REQUIRE(find_multiboot_header(test::view_of(file).sub(0, size)).error() == error(multiboot_fault::cut_off, 0x100));
  }
  REQUIRE(find_multiboot_header(test::view_of(file).sub(0, 0x10b)).error().what == multiboot_fault::not_found);
}

TEST_CASE("a damaged header is passed over, one with unknown wishes refused") {
  blob file(0x100);
  put(file, 0x10, header_magic, 4);
  put(file, 0x18, 1, 4);
  CHECK(find_multiboot_header(test::view_of(file)).error() == error(multiboot_fault::bad_checksum, 0x10));
  put(file, 0x40, header_magic, 4);
  put(file, 0x44, 1U << 3, 4);
  put(file, 0x48, multiboot_header::checksum_for(1U << 3), 4);
  CHECK(find_multiboot_header(test::view_of(file)).error() == error(multiboot_fault::unsupported, 0x40));
  // Unknown flags from bit 16 on are no requirements.
  put(file, 0x44, 1U << 17, 4);
  put(file, 0x48, multiboot_header::checksum_for(1U << 17), 4);
  CHECK(find_multiboot_header(test::view_of(file))->offset == 0x40);
}

TEST_CASE("every fault of a loader has a sentence of its own") {
  for (unsigned i = 0; i <= static_cast<unsigned>(multiboot_fault::cut_off); ++i) {
    CHECK_FALSE(to_text(static_cast<multiboot_fault>(i)) == text{"unknown fault"});
    for (unsigned j = 0; j < i; ++j) {
      CHECK_FALSE(to_text(static_cast<multiboot_fault>(i)) == to_text(static_cast<multiboot_fault>(j)));
    }
  }
}

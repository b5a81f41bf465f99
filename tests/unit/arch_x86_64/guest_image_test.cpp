// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/guest_image.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using boot::image_error;
using boot::image_segment;
using x86_64::guest_image;
using x86_64::guest_kind;
using fault = boot::image_fault;
using test::file_builder;

/// The image looks into its file, which stays here.
guest_image open(file_builder const& f) {
  static std::deque<file_builder> kept;
  file_builder const& file = kept.emplace_back(f);
  auto const image = guest_image::open({file.data.data(), file.data.size()});
  REQUIRE(image);
  return *image;
}
image_error refusal(file_builder const& f) {
  auto const image = guest_image::open({f.data.data(), f.data.size()});
  REQUIRE_FALSE(image);
  return image.error();
}
file_builder beginning_with(char const* start, std::size_t size, std::size_t at = 0) {
  file_builder f{4096};
  std::memcpy(f.data.data() + at, start, size);
  return f;
}

file_builder pvh_file(std::uint64_t entry = 0x10'0040, unsigned size = 8) {
  auto f = test::elf_file(62, 2, 0x10'0000, {{0x400, 0xffff'8000'0010'0000, 0x10'0000, 0x100, 0x1000}});
  test::add_note(f, 0x800, "Xen", 18, entry, size);
  return f;
}
/// A flat file with a header at 0x100 that goes to 2 MiB: 0x40 bytes before it, all the rest, and 0x1000 of zeros.
file_builder flat_file(std::vector<std::uint32_t> addresses = {0x20'0040, 0x20'0000, 0, 0x20'2000, 0x20'0050}) {
  file_builder f{4096};
  test::add_multiboot(f, 0x100, addresses);
  return f;
}

}  // namespace

TEST_CASE("a bzImage is one piece of its file, entered in 64-bit mode behind its start where it can") {
  guest_image const image = open(test::bzimage_file());
  CHECK(image.kind() == guest_kind::bzimage);
  CHECK(image.entry() == 0x100'0200);
  CHECK(image.start() == 0x100'0000);
  CHECK(image.size() == 0x200'0000);
  REQUIRE(image.segment_count() == 1);
  CHECK(image.segment(0) == image_segment{1024, 0x2000, 0x100'0000, 0x2000});
  CHECK(image.linux_kernel().version() == 0x20f);
  CHECK(open(test::bzimage_file().put(0x236, 2, 0)).entry() == 0x100'0000);
  CHECK(refusal(test::bzimage_file().put(0x206, 2, 0x204)) == image_error{fault::old_protocol, 0x206});
  // A program for EFI at the same time, as kernels are.
  CHECK(open(test::bzimage_file().put(0, 2, 0x5a4d)).kind() == guest_kind::bzimage);
}

TEST_CASE("an ELF with a PVH note is entered where the note says") {
  for (unsigned const size : {4U, 8U}) {
    guest_image const image = open(pvh_file(0x10'0040, size));
    CHECK(image.kind() == guest_kind::pvh);
    CHECK(image.entry() == 0x10'0040);
    CHECK(image.start() == 0x10'0000);
    CHECK(image.size() == 0x1000);
    REQUIRE(image.segment_count() == 1);
    CHECK(image.segment(0) == image_segment{0x400, 0x100, 0x10'0000, 0x1000});
  }
  CHECK(refusal(pvh_file(0x10'1000)) == image_error{fault::bad_entry, 0x810});
  CHECK(refusal(pvh_file(0xf'ffff)) == image_error{fault::bad_entry, 0x810});
  CHECK(refusal(pvh_file(0x1'0010'0040)) == image_error{fault::bad_entry, 0x810});
  CHECK(refusal(pvh_file(0x10'0040, 5)) == image_error{fault::bad_header, 0x810});
  CHECK(refusal(pvh_file().put(16, 2, 3)) == image_error{fault::not_executable, 16});
  CHECK(refusal(pvh_file().put(0x804, 4, 0xffff)) == image_error{fault::outside_file, 0x800});
}

TEST_CASE("an ELF with a Multiboot header is entered at its entry, whichever way that is stated") {
  std::vector<test::elf_segment> const segments{{0x400, 0xc010'0000, 0x10'0000, 0x100, 0x1000}};
  for (auto f : {test::elf_file(62, 2, 0xc010'0010, segments), test::elf32_file(3, 0xc010'0010, segments),
                 test::elf32_file(3, 0x10'0010, segments)}) {
    test::add_multiboot(f, 0x404);
    guest_image const image = open(f);
    CHECK(image.kind() == guest_kind::multiboot);
    CHECK(image.entry() == 0x10'0010);
    CHECK(image.segment(0) == image_segment{0x400, 0x100, 0x10'0000, 0x1000});
    CHECK(refusal(f.put(24, 4, 0x20'0000)) == image_error{fault::bad_entry, 24});
  }
  auto const bare = test::elf32_file(3, 0x10'0010, segments);
  CHECK(refusal(bare) == image_error{fault::no_boot_note, 0});
  auto damaged = bare;
  test::add_multiboot(damaged, 0x404);
  CHECK(refusal(damaged.put(0x40c, 4, 0)) == image_error{fault::bad_header, 0x404});
  // With both, the note counts.
  auto both = pvh_file();
  test::add_multiboot(both, 0x404);
  CHECK(open(both).kind() == guest_kind::pvh);
}

TEST_CASE("a Multiboot header with addresses counts, with or without an ELF around it") {
  guest_image const image = open(flat_file());
  CHECK(image.kind() == guest_kind::multiboot);
  CHECK(image.entry() == 0x20'0050);
  CHECK(image.start() == 0x20'0000);
  CHECK(image.size() == 0x2000);
  REQUIRE(image.segment_count() == 1);
  CHECK(image.segment(0) == image_segment{0xc0, 4096 - 0xc0, 0x20'0000, 0x2000});
  // A stated end, and no zeros.
  auto const part = open(flat_file({0x20'0040, 0x20'0000, 0x20'0100, 0, 0x20'0050}));
  CHECK(part.segment(0) == image_segment{0xc0, 0x100, 0x20'0000, 0x100});
  auto inside = test::elf32_file(3, 0xc010'0010, {{0x400, 0xc010'0000, 0x10'0000, 0x100, 0x1000}});
  test::add_multiboot(inside, 0x404, {0x30'0004, 0x30'0000, 0, 0, 0x30'0000});
  CHECK(open(inside).segment(0) == image_segment{0x400, 0xc00, 0x30'0000, 0xc00});
}

TEST_CASE("addresses of a Multiboot header that do not fit each other or the file are refused") {
  auto const at = [](unsigned field) { return std::uint64_t{0x100} + 12 + 4 * field; };
  CHECK(refusal(flat_file({0x1f'ffff, 0x20'0000, 0, 0, 0x20'0000})) == image_error{fault::bad_header, at(0)});
  CHECK(refusal(flat_file({0x20'0101, 0x20'0000, 0, 0, 0x20'0000})) == image_error{fault::bad_header, at(0)});
  CHECK(open(flat_file({0x20'0100, 0x20'0000, 0, 0, 0x20'0000})).segment(0).file_offset == 0);
  CHECK(refusal(flat_file({0x20'0040, 0x20'0000, 0x20'0000, 0, 0x20'0000})) == image_error{fault::bad_header, at(2)});
  CHECK(refusal(flat_file({0x20'0040, 0x20'0000, 0x20'0f41, 0, 0x20'0000})) == image_error{fault::outside_file, at(2)});
  CHECK(open(flat_file({0x20'0040, 0x20'0000, 0x20'0f40, 0, 0x20'0000})).size() == 0xf40);
  CHECK(refusal(flat_file({0x20'0040, 0x20'0000, 0, 0x20'0f3f, 0x20'0000})) == image_error{fault::bad_header, at(3)});
  CHECK(refusal(flat_file({0x20'0040, 0x20'0000, 0, 0, 0x20'0f40})) == image_error{fault::bad_entry, at(4)});
  CHECK(refusal(flat_file({0x20'0040, 0x20'0000, 0, 0, 0x1f'ffff})) == image_error{fault::bad_entry, at(4)});
  CHECK(open(flat_file({0xffff'ff40, 0xffff'ff00, 0, 0, 0xffff'ff00})).size() == 0xf40);  // the plan refuses it
  auto cut = flat_file();
  CHECK(refusal(cut.put(0x104, 4, 3).put(0x108, 4, 0U - 0x1bad'b002U - 3)) ==
        image_error{fault::unknown_format, 0x104});
}

TEST_CASE("a boot sector is 512 bytes with the mark at their end") {
  guest_image const image = open(test::boot_sector_file());
  CHECK(image.kind() == guest_kind::boot_sector);
  CHECK(image.entry() == 0x7c00);
  CHECK(image.segment(0) == image_segment{0, 512, 0x7c00, 512});
  CHECK(refusal(test::boot_sector_file().put(510, 2, 0x55aa)).what == fault::unknown_format);
  auto longer = test::boot_sector_file();
  longer.data.resize(513);
  CHECK(refusal(longer).what == fault::unknown_format);
  auto shorter = test::boot_sector_file();
  shorter.data.resize(511);
  CHECK(refusal(shorter).what == fault::unknown_format);
}

TEST_CASE("what no PC is started with is refused by name") {
  CHECK(refusal(file_builder{0}) == image_error{fault::empty, 0});
  CHECK(refusal(file_builder{1}) == image_error{fault::unknown_format, 0});
  CHECK(refusal(beginning_with("\x1f\x8b\x08", 3)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("MZ\0\0PE", 6)) == image_error{fault::efi_program, 0});
  CHECK(refusal(beginning_with("ARM\x64", 4, 56)) == image_error{fault::other_machine, 56});
  CHECK(refusal(beginning_with("HdrS", 4, 0x202)) == image_error{fault::unknown_format, 0x1fe});
  CHECK(refusal(test::elf_file(183, 2, 0x1000, {{0x400, 0x1000, 0x1000, 1, 1}})) ==
        image_error{fault::other_machine, 18});
  for (unsigned i = 0; i <= static_cast<unsigned>(guest_kind::boot_sector); ++i) {
    text const name = to_text(static_cast<guest_kind>(i));
    CHECK((std::string{name.data, name.size} != "unknown kind"));
  }
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/elf_program.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::file_builder;
using fault = image_fault;

constexpr elf_machines both{.elf64 = 62, .elf32 = 3};

bytes view_of(file_builder const& f) { return {f.data.data(), f.data.size()}; }

elf_program open(file_builder const& f) {
  auto const program = elf_program::open(view_of(f), both);
  REQUIRE(program);
  return *program;
}
image_error refusal(file_builder const& f, elf_machines wanted = both) {
  auto const program = elf_program::open(view_of(f), wanted);
  REQUIRE_FALSE(program);
  return program.error();
}

file_builder two_segments() {
  return test::elf_file(62, 2, 0x8000'0010,
                        {{0x400, 0x8000'0000, 0x10'0000, 0x100, 0x1000}, {0x500, 0x9000'0000, 0x20'0000, 0x10, 0x10}});
}

}  // namespace

TEST_CASE("both classes of ELF say the same of the same program") {
  std::vector<test::elf_segment> const segments{
      {0x400, 0x8000'0000, 0x10'0000, 0x100, 0x1000}, {0x500, 0x9000'0000, 0x20'0000, 0x10, 0x10}, {0, 0, 0, 0, 0}};
  for (auto const& f : {test::elf_file(62, 2, 0x8000'0010, segments), test::elf32_file(3, 0x8000'0010, segments)}) {
    elf_program const p = open(f);
    CHECK(p.is_64() == (f.data[4] == 2));
    CHECK_FALSE(p.is_position_independent());
    CHECK(p.stated_entry() == 0x8000'0010);
    CHECK(p.physical_entry() == 0x10'0010);
    CHECK(p.start() == 0x10'0000);
    CHECK(p.size() == 0x10'0010);
    REQUIRE(p.segment_count() == 2);
    CHECK(p.segment(0) == image_segment{0x400, 0x100, 0x10'0000, 0x1000});
    CHECK(p.segment(1) == image_segment{0x500, 0x10, 0x20'0000, 0x10});
    CHECK(p.has_physical(0x10'0fff, 1));
    CHECK_FALSE(p.has_physical(0x10'0fff, 2));
    CHECK_FALSE(p.has_physical(0xf'ffff, 1));
    CHECK(p.find_note("Xen", 18)->empty());
  }
}

TEST_CASE("a class or a machine that is not wanted is refused") {
  auto const narrow = test::elf32_file(3, 0x1000, {{0x400, 0x1000, 0x1000, 1, 1}});
  CHECK(refusal(narrow, {.elf64 = 62}) == image_error{fault::not_elf64, 4});
  CHECK(refusal(test::elf32_file(62, 0x1000, {{0x400, 0x1000, 0x1000, 1, 1}})) ==
        image_error{fault::other_machine, 18});
  CHECK(refusal(two_segments(), {.elf32 = 3}) == image_error{fault::other_machine, 18});
  CHECK(refusal(two_segments().put(4, 1, 3)) == image_error{fault::not_elf64, 4});
  CHECK(refusal(two_segments().put(4, 1, 0)) == image_error{fault::not_elf64, 4});
}

TEST_CASE("each contradiction in a 32-bit ELF is refused with the field's offset") {
  auto const good =
      test::elf32_file(3, 0x1000, {{0x200, 0x1000, 0x1000, 0x100, 0x200}, {0x300, 0x2000, 0x2000, 0x10, 0x10}});
  CHECK(open(good).segment_count() == 2);
  auto const with = [&](std::size_t at, unsigned size, std::uint64_t value) {
    auto f = good;
    return refusal(f.put(at, size, value));
  };
  auto shorter = good;
  shorter.data.resize(51);
  CHECK(refusal(shorter) == image_error{fault::outside_file, 51});
  shorter.data.resize(52);
  CHECK(refusal(shorter) == image_error{fault::outside_file, 28});
  CHECK(with(5, 1, 2) == image_error{fault::big_endian, 5});
  CHECK(with(16, 2, 1) == image_error{fault::not_executable, 16});
  CHECK(with(28, 4, 4097) == image_error{fault::outside_file, 28});
  CHECK(with(28, 4, 4096 - 63) == image_error{fault::outside_file, 28});
  CHECK(with(42, 2, 56) == image_error{fault::bad_header, 42});
  CHECK(with(44, 2, 0) == image_error{fault::no_segments, 44});
  CHECK(with(44, 2, 129) == image_error{fault::bad_header, 44});
  CHECK(with(52 + 4, 4, 4096 - 0xff) == image_error{fault::outside_file, 56});
  CHECK(with(52 + 16, 4, 0x201) == image_error{fault::bad_header, 68});
  CHECK(with(84 + 12, 4, 0x11ff) == image_error{fault::segments_overlap, 96});
}

TEST_CASE("an entry outside of all segments is an error of the one who needs it") {
  auto const f = two_segments().put(24, 8, 0x10'0010);
  CHECK(open(f).stated_entry() == 0x10'0010);
  CHECK(open(f).physical_entry().error() == image_error{fault::bad_entry, 24});
}

TEST_CASE("a note is found among others, by owner and type") {
  auto f = two_segments();
  test::add_note(f, 0x800, "Xen", 18, 0x1234'5678);
  auto const found = open(f).find_note("Xen", 18);
  REQUIRE(found);
  REQUIRE(found->size == 8);
  CHECK(found->data == f.data.data() + 0x810);
  CHECK((*found)[0] == 0x78);
  CHECK(open(f).find_note("Xen", 17)->empty());
  CHECK(open(f).find_note("Xem", 18)->empty());
  CHECK(open(f).find_note("Xe", 18)->empty());
  CHECK(open(f).find_note("Xenn", 18)->empty());

  // Three in one segment: of another owner, with contents of 5 bytes, and the one that is looked for.
  auto many = two_segments();
  test::add_note(many, 0x800, "Linux", 18, 7, 5);
  many.put(0x800 + 28, 4, 4).put(0x800 + 32, 4, 0).put(0x800 + 36, 4, 18).put(0x800 + 40, 4, 0x004e'4547);
  many.put(0x800 + 44, 4, 4).put(0x800 + 48, 4, 4).put(0x800 + 52, 4, 18).put(0x800 + 56, 4, 0x006e'6558);
  many.put(0x800 + 60, 4, 0xabcd);
  many.put(64 + 2 * 56 + 32, 8, 64);
  auto const third = open(many).find_note("Xen", 18);
  REQUIRE(third);
  REQUIRE(third->size == 4);
  CHECK(third->data == many.data.data() + 0x83c);
}

TEST_CASE("a segment that is aligned to 8 bytes has its notes padded to 8") {
  auto f = two_segments();
  test::add_note(f, 0x800, "GNU", 5, 1, 4);
  // Behind 4 bytes of contents at 0x810 the next note begins at 0x818.
  f.put(0x818, 4, 4).put(0x81c, 4, 8).put(0x820, 4, 18).put(0x824, 4, 0x006e'6558).put(0x828, 8, 0x77);
  f.put(64 + 2 * 56 + 32, 8, 0x30).put(64 + 2 * 56 + 48, 8, 8);
  auto const found = open(f).find_note("Xen", 18);
  REQUIRE(found);
  REQUIRE(found->size == 8);
  CHECK((*found)[0] == 0x77);
}

TEST_CASE("notes that pass their segment's end, and segments of notes that pass the file's, are refused") {
  auto const with = [](std::size_t at, unsigned size, std::uint64_t value) {
    auto f = two_segments();
    test::add_note(f, 0x800, "Xen", 18, 1);
    f.put(at, size, value);
    return open(f).find_note("Xen", 18);
  };
  std::size_t const header = 64 + 2 * 56;
  CHECK(with(0x800, 4, 0xffff'ffff).error() == image_error{fault::outside_file, 0x800});
  CHECK(with(0x804, 4, 0xffff'ffff).error() == image_error{fault::outside_file, 0x800});
  CHECK(with(0x804, 4, 9).error() == image_error{fault::outside_file, 0x800});
  CHECK(with(header + 8, 8, 4096 - 23).error() == image_error{fault::outside_file, header + 8});
  CHECK(with(header + 8, 8, ~std::uint64_t{0}).error() == image_error{fault::outside_file, header + 8});
  CHECK(with(header + 32, 8, 11)->empty());  // not even a header
}

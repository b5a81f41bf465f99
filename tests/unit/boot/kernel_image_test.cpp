// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/linux_images.hpp>
#include <axhal/arch/riscv64/linux_images.hpp>
#include <axhal/boot/kernel_image.hpp>

#include "support/image_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::elf_file;
using test::file_builder;
using test::linux_file;
using arm64 = kernel_image<axhal::aarch64::linux_images>;
using riscv = kernel_image<axhal::riscv64::linux_images>;
using fault = image_fault;

template <typename Image = arm64>
Image open(file_builder const& f) {
  auto const image = Image::open({f.data.data(), f.data.size()});
  REQUIRE(image);
  return *image;
}

image_error refusal(file_builder const& f) {
  auto const image = arm64::open({f.data.data(), f.data.size()});
  REQUIRE_FALSE(image);
  return image.error();
}

file_builder beginning_with(char const* start, std::size_t size, std::size_t at = 0) {
  file_builder f{4096};
  std::memcpy(f.data.data() + at, start, size);
  return f;
}

constexpr bool works_in_the_compiler() {
  std::uint8_t file[128]{};
  file[16] = 200;
  char const magic[] = "ARM\x64";
  for (unsigned i = 0; i < 4; ++i) file[56 + i] = static_cast<std::uint8_t>(magic[i]);
  auto const image = arm64::open({file, sizeof file});
  return image && image->kind() == image_kind::linux_image && image->size() == 200 &&
         image->segment(0).file_size == 128;
}

}  // namespace

TEST_CASE("a Linux Image says where it wants to be and how much memory it uses") {
  STATIC_REQUIRE(works_in_the_compiler());
  auto const file = linux_file(axhal::aarch64::linux_images::magic, 0, 0x20'0000);
  auto const image = open(file);
  CHECK(image.kind() == image_kind::linux_image);
  CHECK_FALSE(image.is_absolute());
  CHECK(image.size_is_known());
  CHECK(image.start() == 0);
  CHECK(image.entry() == 0);
  CHECK(image.size() == 0x20'0000);
  REQUIRE(image.segment_count() == 1);
  CHECK(image.segment(0) == image_segment{0, 4096, 0, 0x20'0000});

  CHECK(open(linux_file(axhal::aarch64::linux_images::magic, 0x8'0000, 0x1000)).entry() == 0x8'0000);
  CHECK(open(linux_file(axhal::aarch64::linux_images::magic, 0, 100)).size() == 4096);  // never less than the file
  auto const old = open(linux_file(axhal::aarch64::linux_images::magic, 0x1234'0000, 0));
  CHECK_FALSE(old.size_is_known());
  CHECK(old.start() == 0x8'0000);
  CHECK(old.size() == 4096);
  auto const other = open<riscv>(linux_file(axhal::riscv64::linux_images::magic, 0x20'0000, 0x8000));
  CHECK(other.start() == 0x20'0000);
}

TEST_CASE("a header that makes no sense is refused with the field") {
  CHECK(refusal(linux_file(axhal::aarch64::linux_images::magic, ~std::uint64_t{3}, 0x1000)) ==
        image_error{fault::too_large, 8});
  CHECK(refusal(linux_file(axhal::aarch64::linux_images::magic, 0x8'0000, ~std::uint64_t{0})) ==
        image_error{fault::too_large, 16});
  CHECK(refusal(linux_file(axhal::aarch64::linux_images::magic, 2, 0x1000)) == image_error{fault::bad_header, 8});
  CHECK(refusal(linux_file(axhal::aarch64::linux_images::magic, 0, 0x1000).put(24, 8, 1)) ==
        image_error{fault::big_endian, 24});
  CHECK(refusal(linux_file(axhal::riscv64::linux_images::magic, 0, 0x1000)) == image_error{fault::other_machine, 56});
}

TEST_CASE("a file without a header is entered at its first byte, above the usual offset") {
  file_builder f{100};
  f.data[0] = 0x12;
  auto const image = open(f);
  CHECK(image.kind() == image_kind::raw);
  CHECK(image.start() == 0x8'0000);
  CHECK(image.entry() == 0x8'0000);
  CHECK(image.size() == 100);
  CHECK_FALSE(image.size_is_known());
  CHECK(open(file_builder{1}).size() == 1);
  CHECK(refusal(file_builder{0}) == image_error{fault::empty, 0});
}

TEST_CASE("what is known to be something else is refused by name") {
  CHECK(refusal(beginning_with("\x1f\x8b\x08", 3)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("\xfd"
                               "7zXZ\0",
                               6)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("\x28\xb5\x2f\xfd", 4)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("BZh9", 4)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("\x02\x21\x4c\x18", 4)) == image_error{fault::compressed, 0});
  CHECK(refusal(beginning_with("MZ\0\0zimg", 8)) == image_error{fault::compressed_zboot, 4});
  CHECK(refusal(beginning_with("MZ\0\0PE", 6)) == image_error{fault::efi_program, 0});
  CHECK(refusal(beginning_with("\x27\x05\x19\x56", 4)) == image_error{fault::uboot_image, 0});
  CHECK(refusal(beginning_with("HdrS", 4, 0x202)) == image_error{fault::other_machine, 0x202});
  // Today's Image is an EFI program too; the Linux header counts.
  auto efi = linux_file(axhal::aarch64::linux_images::magic, 0, 0x1000);
  std::memcpy(efi.data.data(), "MZ", 2);
  CHECK(open(efi).kind() == image_kind::linux_image);
}

TEST_CASE("an ELF names its segments and is entered at a physical address") {
  auto const f = elf_file(183, 2, 0xffff'0000'0010,
                          {{0x200, 0xffff'0000'0000, 0x4008'0000, 0x100, 0x1000},
                           {0x400, 0xffff'0000'1000, 0x4008'1000, 0, 0x500},
                           {0, 0, 0, 0, 0}});
  auto const image = open(f);
  CHECK(image.kind() == image_kind::elf);
  CHECK(image.is_absolute());
  CHECK(image.start() == 0x4008'0000);
  CHECK(image.size() == 0x1500);
  CHECK(image.entry() == 0x4008'0010);
  REQUIRE(image.segment_count() == 2);
  CHECK(image.segment(0) == image_segment{0x200, 0x100, 0x4008'0000, 0x1000});
  CHECK(image.segment(1) == image_segment{0x400, 0, 0x4008'1000, 0x500});
}

TEST_CASE("a position-independent ELF keeps its place within two megabytes") {
  auto const f = elf_file(183, 3, 0x4040'0010, {{0x200, 0x4040'0000, 0x4050'1000, 0x100, 0x100}});
  auto const image = open(f);
  CHECK_FALSE(image.is_absolute());
  CHECK(image.start() == 0x10'1000);
  CHECK(image.entry() == 0x10'1010);
  CHECK(image.segment(0).address == 0x10'1000);
}

TEST_CASE("each contradiction in an ELF is refused with the field's offset") {
  auto const good =
      elf_file(183, 2, 0x1000, {{0x200, 0x1000, 0x1000, 0x100, 0x200}, {0x300, 0x2000, 0x2000, 0x10, 0x10}});
  CHECK(open(good).segment_count() == 2);
  auto const with = [&](std::size_t at, unsigned size, std::uint64_t value) {
    auto f = good;
    return refusal(f.put(at, size, value));
  };
  auto shorter = good;
  shorter.data.resize(63);
  CHECK(refusal(shorter) == image_error{fault::outside_file, 63});
  CHECK(with(4, 1, 1) == image_error{fault::not_elf64, 4});
  CHECK(with(5, 1, 2) == image_error{fault::big_endian, 5});
  CHECK(with(16, 2, 1) == image_error{fault::not_executable, 16});
  CHECK(with(18, 2, 62) == image_error{fault::other_machine, 18});
  CHECK(with(24, 8, 0x1200) == image_error{fault::bad_entry, 24});
  CHECK(with(32, 8, 4097) == image_error{fault::outside_file, 32});
  CHECK(with(32, 8, 4096 - 111) == image_error{fault::outside_file, 32});
  CHECK(with(32, 8, ~std::uint64_t{0} - 10) == image_error{fault::outside_file, 32});
  CHECK(with(54, 2, 64) == image_error{fault::bad_header, 54});
  CHECK(with(56, 2, 0) == image_error{fault::no_segments, 56});
  CHECK(with(56, 2, 0xffff) == image_error{fault::bad_header, 56});
  CHECK(with(64 + 8, 8, 4096 - 0xff) == image_error{fault::outside_file, 72});
  CHECK(with(64 + 8, 8, ~std::uint64_t{0}) == image_error{fault::outside_file, 72});
  CHECK(with(64 + 32, 8, 0x201) == image_error{fault::bad_header, 96});
  CHECK(with(64 + 24, 8, ~std::uint64_t{0} - 0x1ff + 1) == image_error{fault::too_large, 88});
  CHECK(with(120 + 24, 8, 0x11ff) == image_error{fault::segments_overlap, 144});
  CHECK(with(120 + 24, 8, 0xff1) == image_error{fault::segments_overlap, 144});
}

TEST_CASE("every fault has a sentence of its own") {
  std::vector<std::string> said;
  for (unsigned i = 0; i <= static_cast<unsigned>(fault::unknown_format); ++i) {
    text const t = to_text(static_cast<fault>(i));
    std::string const sentence{t.data, t.size};
    CHECK(sentence != "unknown fault");
    for (auto const& other : said) CHECK(sentence != other);
    said.push_back(sentence);
  }
}

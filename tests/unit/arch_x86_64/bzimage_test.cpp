// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/bzimage.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <deque>

namespace {

using namespace axhal;
using boot::image_error;
using x86_64::bzimage;
using fault = boot::image_fault;
using test::bzimage_file;
using test::file_builder;

/// The image looks into its file, which stays here.
bzimage open(file_builder const& f) {
  static std::deque<file_builder> kept;
  file_builder const& file = kept.emplace_back(f);
  auto const image = bzimage::open({file.data.data(), file.data.size()});
  REQUIRE(image);
  return *image;
}
image_error refusal(file_builder const& f) {
  auto const image = bzimage::open({f.data.data(), f.data.size()});
  REQUIRE_FALSE(image);
  return image.error();
}

}  // namespace

TEST_CASE("a bzImage says where it wants to be, how much memory it uses and what it takes") {
  bzimage const image = open(bzimage_file());
  CHECK(image.version() == 0x20f);
  CHECK(image.has_64_bit_entry());
  CHECK(image.kernel_offset() == 1024);
  CHECK(image.kernel().size == 0x2000);
  CHECK(image.load_address() == 0x100'0000);
  CHECK(image.memory_size() == 0x200'0000);
  CHECK(image.size_is_known());
  CHECK(image.initrd_last() == 0x7fff'ffff);
  CHECK(image.takes_initrd_anywhere());
  CHECK(image.longest_command_line() == 2047);
  CHECK(image.header().data == image.file().data + 0x1f1);
  CHECK(image.header().size == 0x26c - 0x1f1);
}

TEST_CASE("a kernel that can be moved is loaded at its alignment, one that cannot where it runs") {
  CHECK(open(bzimage_file().put(0x258, 8, 0x123'4567)).load_address() == 0x140'0000);
  CHECK(open(bzimage_file().put(0x258, 8, 0x123'4567).put(0x234, 1, 0)).load_address() == 0x123'4567);
  CHECK(open(bzimage_file().put(0x258, 8, 0)).load_address() == 0x20'0000);
  CHECK(open(bzimage_file().put(0x258, 8, 0).put(0x234, 1, 0)).load_address() == 0x10'0000);
}

TEST_CASE("older protocols have fewer fields") {
  // 2.11: no flags beside the alignment, so no 64-bit entry.
  CHECK_FALSE(open(bzimage_file().put(0x206, 2, 0x20b)).has_64_bit_entry());
  CHECK_FALSE(open(bzimage_file().put(0x206, 2, 0x20b)).takes_initrd_anywhere());
  CHECK(open(bzimage_file().put(0x206, 2, 0x20c)).has_64_bit_entry());
  CHECK_FALSE(open(bzimage_file().put(0x236, 2, 0x3e)).has_64_bit_entry());
  CHECK_FALSE(open(bzimage_file().put(0x236, 2, 0x3e)).takes_initrd_anywhere());
  CHECK_FALSE(open(bzimage_file().put(0x236, 2, 0x3d)).takes_initrd_anywhere());
  // 2.9: neither a preferred address nor how much memory.
  auto const old = open(bzimage_file().put(0x206, 2, 0x209));
  CHECK(old.load_address() == 0x10'0000);
  CHECK(old.memory_size() == 0x2000);
  CHECK_FALSE(old.size_is_known());
  CHECK(open(bzimage_file().put(0x206, 2, 0x206)).load_address() == 0x10'0000);
  CHECK(refusal(bzimage_file().put(0x206, 2, 0x205)) == image_error{fault::old_protocol, 0x206});
  CHECK(refusal(bzimage_file().put(0x206, 2, 0)) == image_error{fault::old_protocol, 0x206});
  CHECK(open(bzimage_file().put(0x206, 2, 0x210)).version() == 0x210);
}

TEST_CASE("the header ends where the jump leads, which a version says at least how far that is") {
  struct limit {
    std::uint16_t version;
    std::uint32_t end;
  };
  for (limit const l : {limit{0x206, 0x23c}, limit{0x207, 0x248}, limit{0x208, 0x250}, limit{0x209, 0x258},
                        limit{0x20a, 0x264}, limit{0x20b, 0x268}, limit{0x20e, 0x268}, limit{0x20f, 0x26c}}) {
    auto f = bzimage_file().put(0x206, 2, l.version);
    CHECK(open(f.put(0x201, 1, l.end - 0x202)).header().size == l.end - 0x1f1);
    CHECK(refusal(f.put(0x201, 1, l.end - 0x203)) == image_error{fault::bad_header, 0x201});
  }
  CHECK(open(bzimage_file().put(0x201, 1, 0xff)).header().size == 0x290 - 0x1f1);  // no further than there is room
}

TEST_CASE("each contradiction in a bzImage is refused with the field's offset") {
  CHECK(refusal(bzimage_file().put(0x1fe, 2, 0)) == image_error{fault::unknown_format, 0x1fe});
  CHECK(refusal(bzimage_file().put(0x202, 1, 'h')) == image_error{fault::unknown_format, 0x202});
  CHECK(refusal(bzimage_file().put(0x211, 1, 0)) == image_error{fault::bad_header, 0x211});
  CHECK(refusal(bzimage_file().put(0x230, 4, 0)) == image_error{fault::bad_header, 0x230});
  CHECK(refusal(bzimage_file().put(0x230, 4, 3)) == image_error{fault::bad_header, 0x230});
  CHECK(open(bzimage_file().put(0x230, 4, 3).put(0x234, 1, 0)).load_address() == 0x100'0000);  // it is not moved
  CHECK(refusal(bzimage_file().put(0x258, 8, 0x1'0000'0000)) == image_error{fault::too_large, 0x258});
  CHECK(refusal(bzimage_file().put(0x258, 8, ~std::uint64_t{0})) == image_error{fault::too_large, 0x258});
  CHECK(refusal(bzimage_file().put(0x258, 8, 0xffff'f000)) == image_error{fault::too_large, 0x260});
  CHECK(refusal(bzimage_file().put(0x260, 4, 0xff00'0001)) == image_error{fault::too_large, 0x260});
  CHECK(open(bzimage_file().put(0x260, 4, 0xff00'0000)).memory_size() == 0xff00'0000);
}

TEST_CASE("a bzImage that is cut off is refused, wherever") {
  auto const whole = bzimage_file();
  for (std::size_t size = 0; size < whole.data.size(); ++size) {
    auto cut = whole;
    cut.data.resize(size);
    INFO(size);
    auto const error = refusal(cut);
    REQUIRE(error.what == fault::outside_file);
    REQUIRE(error.offset <= 0x208 + 0x2000);
  }
  CHECK(refusal(bzimage_file().put(0x1f4, 4, 0x201)) == image_error{fault::outside_file, 0x1f4});
  CHECK(refusal(bzimage_file().put(0x1f4, 4, 0xffff'ffff)) == image_error{fault::outside_file, 0x1f4});
  CHECK(refusal(bzimage_file().put(0x1f1, 1, 0xff)) == image_error{fault::outside_file, 0x1f1});
  // Zero sectors are four.
  CHECK(open(bzimage_file().put(0x1f1, 1, 0).put(0x1f4, 4, 0)).kernel_offset() == 5 * 512);
  // Not even the code before the 64-bit entry.
  CHECK(refusal(bzimage_file(0x200)) == image_error{fault::outside_file, 0x236});
  CHECK(open(bzimage_file(0x210)).kernel().size == 0x210);
}

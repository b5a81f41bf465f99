// SPDX-License-Identifier: BSL-1.0
#include <axhal/format_boot.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace axhal;

namespace {

template <typename T>
std::string said(T const& value) {
  return fmt::format("{}", value);
}

}  // namespace

TEST_CASE("what cannot be loaded is told with the place", "[core][format]") {
  CHECK(said(boot::image_error{boot::image_fault::big_endian, 0x18}) == "big_endian at byte 0x18");
  CHECK(said(boot::tree_error{boot::tree_fault::not_found, 0x40}) == "not_found at byte 0x40");
  CHECK(said(boot::option_error{boot::option_fault::malformed, 7}) == "malformed at 7");
  CHECK(said(boot::layout_error{boot::layout_fault::initrd_too_large, 10, 3}) ==
        "initrd_too_large: 10 bytes needed, 3 there");
  CHECK(said(result<int, boot::image_error>{failure{boot::image_error{boot::image_fault::empty, 0}}}) ==
        "error(empty at byte 0x0)");
  CHECK(said(boot::acpi_error{"APIC", 0x2c, boot::acpi_fault::bad_entry}) == "APIC: bad_entry at byte 0x2c");
  CHECK(said(boot::acpi_error{"A\x1b\xff~", 4, boot::acpi_fault::bad_length}) == "A??~: bad_length at byte 0x4");
  CHECK(said(boot::multiboot_error{boot::multiboot_fault::unreadable, 0x9000}) == "unreadable at 0x9000");
}

TEST_CASE("layouts, maps and pages", "[core][format]") {
  boot::guest_layout layout{.kernel = {{0x1000}, 0x1000}, .entry = {0x1000}, .tree = {{0x3000}, 0x10}};
  CHECK(said(layout) == "kernel gpa:[0x1000..0x1fff] entered at gpa:0x1000, tree gpa:[0x3000..0x300f]");
  layout.initrd = {{0x4000}, 1};
  CHECK(said(layout).ends_with(", initrd gpa:[0x4000..0x4000]"));
  CHECK(said(memory::map_error{memory::map_fault::overlaps, {{0}, 16}, {}}) == "overlaps hpa:[0x0..0xf]");
  CHECK(said(memory::map_error{memory::map_fault::tree, {}, {boot::tree_fault::not_found, 8}}) ==
        "tree: not_found at byte 0x8");
  CHECK(said(memory::frame_owner{3}) == "owner 3");
  CHECK(said(memory::frame_account{2, ~std::uint64_t{0}}) == "2 frames");
  CHECK(said(memory::frame_account{2, 5}) == "2 of 5 frames");
  CHECK(said(paging::mapping{{0x2000}, 1, {read_write}}) == "hpa:0x2000 level 1 rw- normal");
}

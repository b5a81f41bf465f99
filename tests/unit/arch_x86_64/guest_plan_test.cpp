// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/guest_plan.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using boot::e820_entry;
using boot::e820_type;
using test::file_builder;

guest_image image_of(file_builder const& f) {
  auto const image = guest_image::open({f.data.data(), f.data.size()});
  REQUIRE(image);
  return *image;
}
guest_order order_of(std::uint64_t ram, std::uint64_t initrd = 0, text line = {}) {
  // Plans look at sizes alone.
  static std::uint8_t const byte = 0;
  guest_order order{};
  order.ram = ram;
  order.command_line = line;
  order.initrd = {&byte, static_cast<std::size_t>(initrd)};
  return order;
}
guest_plan planned(file_builder const& f, guest_order const& order) {
  auto const plan = plan_guest(image_of(f), order);
  REQUIRE(plan);
  return *plan;
}
plan_error refusal(file_builder const& f, guest_order const& order) {
  auto const plan = plan_guest(image_of(f), order);
  REQUIRE_FALSE(plan);
  return plan.error();
}
std::vector<e820_entry> map_of(guest_plan const& plan) {
  std::vector<e820_entry> all;
  for (e820_entry const e : plan.map()) all.push_back(e);
  return all;
}

/// A Multiboot file of 4 KiB that goes to `at`.
file_builder flat_at(std::uint32_t at, std::uint32_t bss_end = 0) {
  file_builder f{4096};
  test::add_multiboot(f, 0, {at, at, 0, bss_end, at});
  return f;
}

}  // namespace

TEST_CASE("the memory map of a small guest has its RAM in two pieces around firmware's") {
  auto const plan = planned(test::bzimage_file(), order_of(96 * mib));
  CHECK(map_of(plan) == std::vector<e820_entry>{{0, 0x9'fc00, e820_type::usable},
                                                {0x9'fc00, 0x400, e820_type::reserved},
                                                {0xe'0000, 0x2'0000, e820_type::reserved},
                                                {mib, 95 * mib, e820_type::usable}});
  CHECK(plan.low_ram == guest_range{{0}, 96 * mib});
  CHECK(plan.high_ram.empty());
  CHECK(plan.mode == entry_mode::long_mode);
  CHECK(plan.entry == guest_phys{0x100'0200});
  CHECK(plan.kernel == guest_range{{0x100'0000}, 0x200'0000});
  CHECK(plan.initrd.empty());
  CHECK(plan.command_line_size == 0);
}

TEST_CASE("RAM above 3 GiB goes on at 4 GiB") {
  CHECK(map_of(planned(test::bzimage_file(), order_of(3 * gib))).size() == 4);
  auto const plan = planned(test::bzimage_file(), order_of(5 * gib));
  REQUIRE(plan.map().size() == 5);
  CHECK(plan.map()[3] == e820_entry{mib, 3 * gib - mib, e820_type::usable});
  CHECK(plan.map()[4] == e820_entry{4 * gib, 2 * gib, e820_type::usable});
  CHECK(plan.low_ram == guest_range{{0}, 3 * gib});
  CHECK(plan.high_ram == guest_range{{4 * gib}, 2 * gib});
}

TEST_CASE("configuration space in memory is reserved, and may not lie in RAM") {
  auto order = order_of(4 * gib);
  order.machine.ecam = {{0xe000'0000}, 0, 0, 255};
  CHECK(planned(test::bzimage_file(), order).map()[4] == e820_entry{0xe000'0000, 256 * mib, e820_type::reserved});
  CHECK(planned(test::bzimage_file(), order).map()[5] == e820_entry{4 * gib, gib, e820_type::usable});
  order.machine.ecam = {{5 * gib}, 0, 0, 0};
  CHECK(planned(test::bzimage_file(), order).map()[5] == e820_entry{5 * gib, mib, e820_type::reserved});
  order.machine.ecam = {{5 * gib - mib}, 0, 0, 0};
  CHECK(refusal(test::bzimage_file(), order).what == plan_fault::ecam_in_ram);
  order.machine.ecam = {{0xb000'0000}, 0, 0, 255};
  CHECK(refusal(test::bzimage_file(), order) == plan_error{plan_fault::ecam_in_ram, 0xb000'0000, 3 * gib});
  order.machine.ecam = {{0xe000'0000}, 0, 5, 4};
  CHECK(refusal(test::bzimage_file(), order).what == plan_fault::ecam_in_ram);
  order.machine.ecam = {{~std::uint64_t{0xfff}}, 0, 0, 255};
  CHECK(refusal(test::bzimage_file(), order).what == plan_fault::ecam_in_ram);
}

TEST_CASE("RAM of no usable size is refused") {
  for (std::uint64_t const ram : {std::uint64_t{0}, mib - 4096, mib + 1, (std::uint64_t{1} << 46) + 4096,
                                  ~std::uint64_t{0}, ~std::uint64_t{0xfff}}) {
    CHECK(refusal(test::boot_sector_file(), order_of(ram)) == plan_error{plan_fault::bad_ram, mib, ram});
  }
  CHECK(planned(test::boot_sector_file(), order_of(mib)).map().size() == 3);
}

TEST_CASE("a kernel needs RAM for all that it uses, where it wants to lie") {
  CHECK(planned(test::bzimage_file(), order_of(48 * mib)).kernel.size == 0x200'0000);
  CHECK(refusal(test::bzimage_file(), order_of(48 * mib - 4096)) ==
        plan_error{plan_fault::kernel_outside_ram, 48 * mib, 48 * mib - 4096});
  CHECK(planned(flat_at(0x10'0000), order_of(2 * mib)).kernel == guest_range{{mib}, 4096});
  CHECK(refusal(flat_at(0xb'0000), order_of(2 * mib)).what == plan_fault::kernel_outside_ram);
  CHECK(refusal(flat_at(0xf'f000), order_of(2 * mib)).what == plan_fault::kernel_outside_ram);
  CHECK(refusal(flat_at(0xc000'0000), order_of(5 * gib)).what == plan_fault::kernel_outside_ram);
  CHECK(refusal(flat_at(0xffff'0000), order_of(5 * gib)).what == plan_fault::kernel_outside_ram);
  CHECK(planned(flat_at(0xbfff'f000), order_of(5 * gib)).kernel.start == guest_phys{0xbfff'f000});
}

TEST_CASE("a kernel below 1 MiB has to leave what it is told alone") {
  CHECK(planned(flat_at(0x7000), order_of(2 * mib)).kernel.start == guest_phys{0x7000});
  CHECK(refusal(flat_at(0x6ffc), order_of(2 * mib)) == plan_error{plan_fault::kernel_on_boot_data, 0x6ffc, 0x7000});
  CHECK(planned(flat_at(0x7000, 0x9'fc00), order_of(2 * mib)).kernel.size == 0x9'8c00);
  CHECK(refusal(flat_at(0x7000, 0x9'fc01), order_of(2 * mib)).what == plan_fault::kernel_outside_ram);
  CHECK(planned(test::boot_sector_file(), order_of(mib)).boot_data_end() == 0x500);
  CHECK(planned(test::bzimage_file(), order_of(96 * mib)).boot_data_end() == 0xf000);
}

TEST_CASE("the RAM disk lies as high as the kernel reaches") {
  auto const bz = test::bzimage_file();
  CHECK(planned(bz, order_of(96 * mib, 0x12'3456)).initrd == guest_range{{96 * mib - 0x12'4000}, 0x12'3456});
  // No higher than the kernel says.
  CHECK(planned(bz, order_of(3 * gib, 4096)).initrd == guest_range{{2 * gib - 4096}, 4096});
  // All between the kernel and there, exactly; and above that if the kernel takes it.
  CHECK(planned(bz, order_of(48 * mib + 8192, 8192)).initrd == guest_range{{48 * mib}, 8192});
  CHECK(planned(bz, order_of(3 * gib, 2 * gib + 4096)).initrd == guest_range{{gib - 4096}, 2 * gib + 4096});
  CHECK(planned(bz, order_of(8 * gib, 4 * gib)).initrd == guest_range{{5 * gib}, 4 * gib});
  // One that does not take it.
  auto narrow = test::bzimage_file();
  narrow.put(0x236, 2, 1);
  CHECK(refusal(narrow, order_of(3 * gib, 2 * gib + 4096)) ==
        plan_error{plan_fault::initrd_too_large, 2 * gib + 4096, 3 * gib - 48 * mib});
  // Between 1 MiB and the kernel when there is no room above it.
  CHECK(planned(bz, order_of(48 * mib, 4096)).initrd == guest_range{{16 * mib - 4096}, 4096});
  CHECK(planned(bz, order_of(48 * mib, 15 * mib)).initrd == guest_range{{mib}, 15 * mib});
  CHECK(refusal(bz, order_of(48 * mib, 15 * mib + 1)).what == plan_fault::initrd_too_large);
  // A kernel below 1 MiB: its module lies above all the same, and below 3 GiB.
  CHECK(planned(flat_at(0x8000), order_of(2 * mib, mib)).initrd == guest_range{{mib}, mib});
  CHECK(refusal(flat_at(0x8000), order_of(2 * mib, mib + 1)).what == plan_fault::initrd_too_large);
  CHECK(refusal(flat_at(0x10'0000), order_of(8 * gib, 3 * gib)).what == plan_fault::initrd_too_large);
}

TEST_CASE("command lines are as long as the kernel takes them, and boot sectors take none") {
  std::string const line(5000, 'x');
  auto const of = [&](std::size_t size) { return order_of(96 * mib, 0, {line.data(), size}); };
  CHECK(planned(test::bzimage_file(), of(2047)).command_line_size == 2048);
  CHECK(refusal(test::bzimage_file(), of(2048)) == plan_error{plan_fault::command_line_too_long, 2048, 2047});
  CHECK(planned(flat_at(mib), of(4095)).command_line_size == 4096);
  CHECK(refusal(flat_at(mib), of(4096)) == plan_error{plan_fault::command_line_too_long, 4096, 4095});
  CHECK(planned(test::bzimage_file().put(0x238, 4, 100'000), of(4095)).command_line_size == 4096);
  CHECK(refusal(test::boot_sector_file(), of(1)).what == plan_fault::takes_no_arguments);
  CHECK(refusal(test::boot_sector_file(), order_of(mib, 1)).what == plan_fault::takes_no_arguments);
  CHECK(planned(test::boot_sector_file(), order_of(mib)).mode == entry_mode::real_mode);
}

TEST_CASE("what is at fixed places is disjoint, below 640 KiB or in firmware's own") {
  using namespace machine_layout;
  std::vector<guest_range> const all{bios_data,       gdt,         boot_info,          command_line, stack,
                                     {{0x7c00}, 512}, page_tables, extended_bios_data, acpi};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(all[i].overlaps(all[j]));
    CHECK(guest_range{{0}, mib}.contains(all[i]));
  }
}

TEST_CASE("every fault of a plan has a sentence of its own") {
  std::vector<std::string> said;
  for (unsigned i = 0; i <= static_cast<unsigned>(plan_fault::ecam_in_ram); ++i) {
    text const t = to_text(static_cast<plan_fault>(i));
    std::string const sentence{t.data, t.size};
    CHECK(sentence != "unknown fault");
    for (auto const& other : said) CHECK(sentence != other);
    said.push_back(sentence);
  }
}

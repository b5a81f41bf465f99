// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/guest_load.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/boot/multiboot.hpp>

#include "support/guest_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using boot::detail::load_le;
using test::file_builder;

/// A guest's RAM, full of rubbish before it is loaded, which refuses what lies outside of it.
struct loaded {
  std::vector<std::uint8_t> ram;
  std::vector<std::uint8_t> initrd;
  guest_plan plan{};
  guest_entry entry{};

  loaded(file_builder const& file, std::string const& line, std::size_t initrd_size, std::uint64_t size = 64 * mib)
      : ram(size, 0xa5), initrd(initrd_size, 0x77) {
    auto const image = guest_image::open({file.data.data(), file.data.size()});
    REQUIRE(image);
    guest_order order{};
    order.ram = size;
    order.command_line = {line.data(), line.size()};
    order.initrd = {initrd.data(), initrd.size()};
    auto const made = plan_guest(*image, order);
    REQUIRE(made);
    plan = *made;
    std::vector<std::uint8_t> scratch(load_scratch_size, 0x5a);
    auto const done = load_guest(
        *image, order, plan, {scratch.data(), scratch.size()},
        [&](guest_phys to, bytes from) {
          REQUIRE(guest_range{{0}, ram.size()}.contains(guest_range{to, from.size}));
          std::memcpy(ram.data() + to.value, from.data, from.size);
        },
        [&](guest_phys from, std::uint64_t count) {
          REQUIRE(guest_range{{0}, ram.size()}.contains(guest_range{from, count}));
          std::memset(ram.data() + from.value, 0, static_cast<std::size_t>(count));
        });
    REQUIRE(done);
    entry = *done;
  }
  template <typename T>
  [[nodiscard]] T at(std::uint64_t where) const {
    return load_le<T>({ram.data(), ram.size()}, static_cast<std::size_t>(where));
  }
  [[nodiscard]] boot::window_reader reader() const { return {{0}, {ram.data(), ram.size()}}; }
  [[nodiscard]] std::string text_at(std::uint64_t where) const {
    return reinterpret_cast<char const*>(ram.data() + where);
  }
  void check_acpi(std::uint64_t where) const {
    auto const root = boot::find_root_pointer({ram.data() + 0xe'0000, 0x2'0000});
    REQUIRE(root);
    auto const memory = reader();
    auto const tables = boot::acpi_tables<boot::window_reader>::open(memory, *root);
    REQUIRE(tables);
    CHECK(tables->find("APIC"));
    CHECK(tables->find("FACP"));
    CHECK(where == 0xe'0000);
    CHECK(at<std::uint64_t>(where) == 0x2052'5450'2044'5352);  // "RSD PTR "
  }
  void check_initrd(std::uint64_t where, std::uint64_t size) const {
    CHECK(guest_range{{where}, size} == plan.initrd);
    CHECK(ram[static_cast<std::size_t>(where)] == 0x77);
    CHECK(ram[static_cast<std::size_t>(where + size - 1)] == 0x77);
    CHECK(ram[static_cast<std::size_t>(where - 1)] == 0xa5);
  }
};

}  // namespace

TEST_CASE("Linux finds in its boot parameters what it is told") {
  loaded const l{test::bzimage_file(), "console=ttyS0", 5000};
  CHECK(l.entry.mode == entry_mode::long_mode);
  CHECK(l.entry.rip == 0x100'0200);
  CHECK(l.at<std::uint64_t>(0x100'0000) == 0xcccc'cccc'cccc'cccc);
  CHECK(l.at<std::uint8_t>(0x100'1fff) == 0xcc);
  CHECK(l.at<std::uint8_t>(0x100'2000) == 0xa5);
  std::uint64_t const page = l.entry.gpr[guest_entry::rsi];
  CHECK(l.text_at(l.at<std::uint32_t>(page + 0x228)) == "console=ttyS0");
  l.check_initrd(l.at<std::uint32_t>(page + 0x218), l.at<std::uint32_t>(page + 0x21c));
  l.check_acpi(l.at<std::uint64_t>(page + 0x70));
  CHECK(l.at<std::uint8_t>(page + 0x1e8) == 4);
  CHECK(l.at<std::uint8_t>(page + 0x1ef) == 0);
}

TEST_CASE("the 64-bit entry runs on tables that map 4 GiB where they are") {
  loaded const l{test::bzimage_file(), "", 0};
  CHECK(l.at<std::uint32_t>(l.entry.gpr[guest_entry::rsi] + 0x228) == 0);
  auto const entry = [&](std::uint64_t table, std::uint64_t index) { return l.at<std::uint64_t>(table + 8 * index); };
  std::uint64_t const root = l.entry.cr3;
  for (std::uint64_t const address : {0ULL, 0x1234'5678ULL, 0x3fff'ffffULL, 0x4000'0000ULL, 0xffff'ffffULL}) {
    INFO(address);
    std::uint64_t const top = entry(root, address >> 39);
    REQUIRE((top & 0xfff) == 3);
    std::uint64_t const middle = entry(top & ~std::uint64_t{0xfff}, address >> 30 & 511);
    REQUIRE((middle & 0xfff) == 3);
    std::uint64_t const leaf = entry(middle & ~std::uint64_t{0xfff}, address >> 21 & 511);
    CHECK(leaf == ((address & ~std::uint64_t{0x1f'ffff}) | 0x83));
  }
  CHECK(entry(root, 1) == 0);
  CHECK(entry(entry(root, 0) & ~std::uint64_t{0xfff}, 4) == 0);
  // Descriptors are what the registers hold.
  CHECK(l.entry.gdtr == table_register{0x1000, 47});
  CHECK(l.at<std::uint64_t>(0x1000) == 0);
  CHECK(l.at<std::uint64_t>(0x1000 + l.entry.cs.selector) == 0x00af'9b00'0000'ffff);
  CHECK(l.at<std::uint64_t>(0x1000 + l.entry.ds.selector) == 0x00cf'9300'0000'ffff);
}

TEST_CASE("Linux without a 64-bit entry is entered in 32-bit mode, with the same boot parameters") {
  loaded const l{test::bzimage_file().put(0x236, 2, 0), "quiet", 0};
  CHECK(l.entry.mode == entry_mode::protected_mode);
  CHECK(l.entry.rip == 0x100'0000);
  std::uint64_t const page = l.entry.gpr[guest_entry::rsi];
  CHECK(l.text_at(l.at<std::uint32_t>(page + 0x228)) == "quiet");
  CHECK(l.entry.gpr[guest_entry::rbp] == 0);
  CHECK(l.entry.gpr[guest_entry::rdi] == 0);
  CHECK(l.entry.gpr[guest_entry::rbx] == 0);
  CHECK(l.at<std::uint64_t>(0x1000 + l.entry.cs.selector) == 0x00cf'9b00'0000'ffff);
  CHECK(l.at<std::uint8_t>(0x9000) == 0xa5);  // no page tables
}

TEST_CASE("a kernel with a PVH entry finds what it is told in its start info") {
  auto f = test::elf_file(62, 2, 0x10'0000, {{0x400, 0x10'0000, 0x10'0000, 0x100, 0x1000}});
  test::add_note(f, 0x800, "Xen", 18, 0x10'0040);
  f.put(0x400, 1, 0xcc);
  loaded const l{f, "hello", 4096};
  CHECK(l.entry.mode == entry_mode::protected_mode);
  CHECK(l.entry.rip == 0x10'0040);
  CHECK(l.at<std::uint8_t>(0x10'0000) == 0xcc);
  CHECK(l.at<std::uint8_t>(0x10'00ff) == 0);
  CHECK(l.at<std::uint8_t>(0x10'0fff) == 0);  // zeroed
  CHECK(l.at<std::uint8_t>(0x10'1000) == 0xa5);
  std::uint64_t const info = l.entry.gpr[guest_entry::rbx];
  CHECK(l.at<std::uint32_t>(info) == 0x336e'c578);
  CHECK(l.at<std::uint32_t>(info + 4) == 1);
  CHECK(l.at<std::uint32_t>(info + 12) == 1);
  std::uint64_t const module = l.at<std::uint64_t>(info + 16);
  l.check_initrd(l.at<std::uint64_t>(module), l.at<std::uint64_t>(module + 8));
  CHECK(l.text_at(l.at<std::uint64_t>(info + 24)) == "hello");
  l.check_acpi(l.at<std::uint64_t>(info + 32));
  REQUIRE(l.at<std::uint32_t>(info + 48) == 4);
  std::uint64_t const map = l.at<std::uint64_t>(info + 40);
  for (std::uint64_t i = 0; i < 4; ++i) {
    CHECK(l.at<std::uint64_t>(map + 24 * i) == l.plan.map()[i].base);
    CHECK(l.at<std::uint64_t>(map + 24 * i + 8) == l.plan.map()[i].length);
    CHECK(l.at<std::uint32_t>(map + 24 * i + 16) == static_cast<std::uint32_t>(l.plan.map()[i].type));
  }
}

TEST_CASE("our own reader of Multiboot information reads what a Multiboot guest is told") {
  file_builder f{4096};
  test::add_multiboot(f, 0, {0x10'0000, 0x10'0000, 0, 0x10'2000, 0x10'0020});
  loaded const l{f, "a=1 b", 4096};
  CHECK(l.entry.mode == entry_mode::protected_mode);
  CHECK(l.entry.gpr[guest_entry::rax] == 0x2bad'b002);
  auto const reader = l.reader();
  auto const info =
      boot::multiboot_info<boot::window_reader>::open(reader, static_cast<std::uint32_t>(l.entry.gpr[guest_entry::rax]),
                                                      static_cast<std::uint32_t>(l.entry.gpr[guest_entry::rbx]));
  REQUIRE(info);
  CHECK(info->flags() == 0x4d);
  CHECK(info->lower_memory_kib() == 639U);
  CHECK(info->upper_memory_kib() == 63U * 1024);
  REQUIRE(info->command_line());
  CHECK(*info->command_line() == text{"a=1 b"});
  REQUIRE(info->module_count() == 1);
  REQUIRE(info->module(0));
  l.check_initrd(info->module(0)->where.start.value, info->module(0)->where.size);
  auto const map = info->memory_map();
  REQUIRE(map);
  std::size_t count = 0;
  for (boot::e820_entry const e : *map) CHECK(e == l.plan.map()[count++]);
  CHECK(count == l.plan.map().size());
  l.check_acpi(0xe'0000);

  loaded const bare{f, "", 0};
  CHECK(bare.at<std::uint32_t>(bare.entry.gpr[guest_entry::rbx]) == 0x41);
}

TEST_CASE("a boot sector finds a disk's number, and firmware's data around it") {
  loaded const l{test::boot_sector_file(), "", 0, mib};
  CHECK(l.entry.mode == entry_mode::real_mode);
  CHECK(l.entry.rip == 0x7c00);
  CHECK(l.entry.cs.base == 0);
  CHECK(l.entry.gpr[guest_entry::rsp] == 0x7c00);
  CHECK(l.entry.gpr[guest_entry::rdx] == 0x80);
  CHECK(l.at<std::uint16_t>(0x7c00) == 0xfeeb);
  CHECK(l.at<std::uint16_t>(0x7dfe) == 0xaa55);
  CHECK(l.at<std::uint16_t>(0x400) == 0x3f8);
  CHECK(l.at<std::uint16_t>(0x40e) == 0x9fc0);
  CHECK(l.at<std::uint16_t>(0x410) == 0x202);
  CHECK(l.at<std::uint16_t>(0x413) == 639);
  CHECK(l.at<std::uint64_t>(0) == 0);
  CHECK(l.at<std::uint8_t>(0x9'fc00) == 1);
  CHECK(l.at<std::uint8_t>(0x9'fbff) == 0xa5);
  l.check_acpi(0xe'0000);
  CHECK(l.at<std::uint8_t>(0xf'ffff) == 0);
}

TEST_CASE("with too little scratch memory nothing is loaded") {
  auto const file = test::boot_sector_file();
  auto const image = guest_image::open({file.data.data(), file.data.size()});
  guest_order order{};
  order.ram = mib;
  order.machine.cpus = 255;
  auto const plan = plan_guest(*image, order);
  REQUIRE(plan);
  unsigned calls = 0;
  auto const load = [&](std::size_t size) {
    std::vector<std::uint8_t> scratch(size);
    calls = 0;
    return load_guest(
        *image, order, *plan, {scratch.data(), size}, [&](guest_phys, bytes) { ++calls; },
        [&](guest_phys, std::uint64_t) { ++calls; });
  };
  CHECK(load(4095).error() == boot::acpi_write_error::overflow);
  CHECK(calls == 0);
  CHECK(load(load_scratch_size));
  CHECK(calls != 0);
  order.machine.cpus = 1000;
  CHECK(load(load_scratch_size).error() == boot::acpi_write_error::overflow);
  CHECK(calls == 0);
  order.machine.cpus = 0;
  CHECK(load(load_scratch_size).error() == boot::acpi_write_error::bad_value);
}

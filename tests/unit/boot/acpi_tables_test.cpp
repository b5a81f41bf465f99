// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/acpi_tables.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;
using test::view_of;

constexpr std::uint64_t base = 0x7fe0'0000;

/// A list with four addresses: a table, a zero, unreadable memory, another table of the same name.
test::some_memory machine(bool wide) {
  test::some_memory m{base, 0x1000};
  blob list(wide ? 32 : 16);
  unsigned const each = wide ? 8 : 4;
  test::put(list, 0, base + 0x200, each);
  test::put(list, each, 0, each);
  test::put(list, 2 * each, 0x1000, each);
  test::put(list, 3 * each, base + 0x300, each);
  m.place(base + 0x100, test::acpi_table_of(wide ? "XSDT" : "RSDT", list));
  m.place(base + 0x200, test::acpi_table_of("SSDT", {1, 2, 3}));
  m.place(base + 0x300, test::acpi_table_of("SSDT", {4, 5}));
  return m;
}

acpi_error error(char const (&table)[5], std::uint32_t offset, acpi_fault what) { return {table, offset, what}; }

}  // namespace

TEST_CASE("root pointers of both revisions lead to their lists") {
  CHECK(read_root_pointer(view_of(test::root_pointer_of(0x1234, 0))) == acpi_root{{0x1234}, false, 0});
  CHECK(read_root_pointer(view_of(test::root_pointer_of(0x1234, 0x1'0000'0000))) ==
        acpi_root{{0x1'0000'0000}, true, 2});
  blob without = test::root_pointer_of(0x1234, 1);
  test::put(without, 24, 0, 8);
  test::seal(without, 32, 36);
  CHECK(read_root_pointer(view_of(without)) == acpi_root{{0x1234}, false, 2});
}

TEST_CASE("a root pointer with any byte changed is refused") {
  blob const narrow = test::root_pointer_of(0x1234, 0);
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    for (unsigned change = 1; change < 256; ++change) {
      blob bad = narrow;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ change);
      REQUIRE(read_root_pointer(view_of(bad)) == failure{i < 8 ? error("RSDP", 0, acpi_fault::bad_signature)
                                                               : error("RSDP", 8, acpi_fault::bad_checksum)});
    }
  }
  blob const wide = test::root_pointer_of(0x1234, 0x5678);
  for (std::size_t i = 20; i < wide.size(); ++i) {
    blob bad = wide;
    bad[i] ^= 0x10;
    REQUIRE(read_root_pointer(view_of(bad)) ==
            failure{i < 24 ? error("RSDP", 20, acpi_fault::bad_length) : error("RSDP", 32, acpi_fault::bad_checksum)});
  }
}

TEST_CASE("a root pointer that is cut, or says that it is, is refused") {
  for (blob const& whole : {test::root_pointer_of(1, 0), test::root_pointer_of(1, 2)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      auto const cut = read_root_pointer(view_of(whole).sub(0, size));
      REQUIRE(cut == failure{error("RSDP", size < 20 ? 0 : 20, acpi_fault::bad_length)});
    }
  }
  for (std::uint32_t const length : {0U, 20U, 35U, 37U, 0xffff'ffffU}) {
    blob bad = test::root_pointer_of(1, 2);
    test::put(bad, 20, length, 4);
    test::seal(bad, 32, 36);
    CHECK(read_root_pointer(view_of(bad)) == failure{error("RSDP", 20, acpi_fault::bad_length)});
  }
  CHECK(read_root_pointer(view_of(test::root_pointer_of(0, 0))) == failure{error("RSDP", 16, acpi_fault::bad_address)});
}

TEST_CASE("the search goes over 16-byte boundaries and past damaged pointers") {
  test::some_memory m{0, 0x1000};
  CHECK(find_root_pointer(view_of(m.content)) == failure{error("RSDP", 0, acpi_fault::not_found)});
  m.place(0x28, test::root_pointer_of(1, 0));
  CHECK(find_root_pointer(view_of(m.content)) == failure{error("RSDP", 0, acpi_fault::not_found)});
  blob bad = test::root_pointer_of(2, 0);
  bad[10] ^= 1;
  m.place(0x40, bad);
  CHECK(find_root_pointer(view_of(m.content)) == failure{error("RSDP", 8, acpi_fault::bad_checksum)});
  m.place(0xff0 - 16, test::root_pointer_of(3, 0));
  CHECK(find_root_pointer(view_of(m.content)) == acpi_root{{3}, false, 0});
  CHECK(find_root_pointer(bytes{}) == failure{error("RSDP", 0, acpi_fault::not_found)});
}

TEST_CASE("firmware's areas are searched, the extended data area first") {
  test::some_memory m{0, 0x10'0000};
  CHECK(find_root_pointer(m.reader()) == failure{error("RSDP", 0, acpi_fault::not_found)});
  m.place(0xf'5ad0, test::root_pointer_of(1, 0));
  CHECK(find_root_pointer(m.reader()) == acpi_root{{1}, false, 0});
  test::put(m.content, 0x40e, 0x9fc0, 2);
  m.place(0x9'fc00 + 0x3e0, test::root_pointer_of(2, 0));
  CHECK(find_root_pointer(m.reader()) == acpi_root{{2}, false, 0});
  // Behind the first KiB nobody looks.
  m.place(0x9'fc00 + 0x3e0, blob(20));
  m.place(0x9'fc00 + 0x400, test::root_pointer_of(3, 0));
  CHECK(find_root_pointer(m.reader()) == acpi_root{{1}, false, 0});
  CHECK(find_root_pointer(window_reader{}) == failure{error("RSDP", 0, acpi_fault::not_found)});
}

TEST_CASE("tables are found by name and number in a list of either width") {
  for (bool const wide : {false, true}) {
    auto const m = machine(wide);
    auto const reader = m.reader();
    auto const tables = acpi_tables<window_reader>::open(reader, {{base + 0x100}, wide, 0});
    REQUIRE(tables);
    CHECK(tables->size() == 4);
    CHECK(tables->address(0) == host_phys{base + 0x200});
    CHECK(tables->name(0) == acpi_name{"SSDT"});
    auto const list = wide ? acpi_name{"XSDT"} : acpi_name{"RSDT"};
    std::uint32_t const each = wide ? 8 : 4;
    CHECK(tables->name(1) == failure{acpi_error{list, 36 + each, acpi_fault::bad_address}});
    CHECK(tables->name(2) == failure{acpi_error{list, 36 + 2 * each, acpi_fault::unreadable}});
    auto const first = tables->find("SSDT");
    REQUIRE(first);
    CHECK(first->content.size == 39);
    CHECK(first->revision() == 1);
    auto const second = tables->find("SSDT", 1);
    REQUIRE(second);
    CHECK(second->where == host_phys{base + 0x300});
    // What cannot be read might have been it.
    CHECK(tables->find("APIC") == failure{acpi_error{list, 36 + 2 * each, acpi_fault::unreadable}});
    CHECK(tables->find("SSDT", 2) == failure{acpi_error{list, 36 + 2 * each, acpi_fault::unreadable}});
    CHECK(tables->at({base + 0x200}, "DSDT") == failure{error("DSDT", 0, acpi_fault::bad_signature)});
  }
}

TEST_CASE("a list that ends inside an address, or is the other kind, is refused") {
  test::some_memory m{base, 0x1000};
  m.place(base, test::acpi_table_of("XSDT", blob(12)));
  auto const reader = m.reader();
  using tables = acpi_tables<window_reader>;
  CHECK(tables::open(reader, {{base}, true, 2}).error() == error("XSDT", 4, acpi_fault::bad_length));
  CHECK(tables::open(reader, {{base}, false, 2}).error() == error("RSDT", 0, acpi_fault::bad_signature));
  CHECK(tables::open(reader, {{base + 0xfff}, false, 2}).error() == error("RSDT", 0, acpi_fault::unreadable));
  m.place(base, test::acpi_table_of("XSDT", {}));
  auto const empty = tables::open(reader, {{base}, true, 2});
  REQUIRE(empty);
  CHECK(empty->size() == 0);
  CHECK(empty->find("APIC").error() == error("APIC", 0, acpi_fault::not_found));
}

TEST_CASE("a table with any bit changed is refused") {
  blob const sound = test::acpi_table_of("SSDT", {9, 8, 7, 6, 5});
  test::some_memory m{base, sound.size()};
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      m.content = sound;
      m.content[i] = static_cast<std::uint8_t>(m.content[i] ^ 1U << bit);
      auto const opened = open_table(m.reader(), {base}, "SSDT");
      REQUIRE_FALSE(opened);
      if (i < 4) REQUIRE(opened.error().what == acpi_fault::bad_signature);
      if (i >= 8) REQUIRE(opened.error() == error("SSDT", 9, acpi_fault::bad_checksum));
    }
  }
}

TEST_CASE("lengths and addresses that cannot be are refused") {
  blob const sound = test::acpi_table_of("SSDT", {9, 8, 7, 6, 5});
  test::some_memory m{base, sound.size()};
  auto const with_length = [&](std::uint32_t length) {
    m.content = sound;
    test::put(m.content, 4, length, 4);
    test::seal(m.content, 9, m.content.size());
    return open_table(m.reader(), {base}, "SSDT").error();
  };
  for (std::uint32_t const length : {0U, 1U, 35U, acpi_format::max_table_size + 1, 0xffff'ffffU}) {
    CHECK(with_length(length) == error("SSDT", 4, acpi_fault::bad_length));
  }
  CHECK(with_length(42) == error("SSDT", 4, acpi_fault::unreadable));
  CHECK(with_length(acpi_format::max_table_size) == error("SSDT", 4, acpi_fault::unreadable));
  for (std::uint64_t const where : {std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{34}}) {
    CHECK(open_table(m.reader(), {where}, "SSDT").error() == error("SSDT", 0, acpi_fault::bad_address));
  }
  for (std::size_t size = 0; size < sound.size(); ++size) {
    m.content = sound;
    m.content.resize(size);
    auto const cut = open_table(m.reader(), {base}, "SSDT");
    REQUIRE(cut == failure{error("SSDT", size < 36 ? 0 : 4, acpi_fault::unreadable)});
  }
}

TEST_CASE("every fault has a sentence of its own") {
  for (unsigned i = 0; i <= static_cast<unsigned>(acpi_fault::unsupported); ++i) {
    text const mine = to_text(static_cast<acpi_fault>(i));
    CHECK_FALSE(mine == text{"unknown fault"});
    for (unsigned j = 0; j < i; ++j) CHECK_FALSE(mine == to_text(static_cast<acpi_fault>(j)));
  }
  CHECK(to_text(static_cast<acpi_fault>(99)) == text{"unknown fault"});
  acpi_name const name{"HPET"};
  CHECK(to_text(name) == text{"HPET"});
}

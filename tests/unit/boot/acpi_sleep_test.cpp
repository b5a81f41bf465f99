// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/acpi_sleep.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;

/// Asks a DSDT that is `code`, in memory of exactly its size.
result<acpi_sleep_type, acpi_error> ask(blob const& code, unsigned state = 5) {
  blob const t = test::acpi_table_of("DSDT", code, 2);
  return find_sleep_type({"DSDT", {0x1000}, test::view_of(t)}, state);
}
acpi_error error(std::uint32_t offset, acpi_fault what) { return {"DSDT", offset, what}; }

}  // namespace

TEST_CASE("constants of all widths are read") {
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0}) == acpi_sleep_type{0, 0});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 6, 4, 1, 0, 0, 0}) == acpi_sleep_type{1, 0});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0x0a, 7, 0, 0}) == acpi_sleep_type{5, 7});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 8, 2, 0x0b, 5, 0, 0x0b, 6, 0}) == acpi_sleep_type{5, 6});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 16, 2, 0x0c, 5, 0, 0, 0, 0x0e, 6, 0, 0, 0, 0, 0, 0, 0}) ==
        acpi_sleep_type{5, 6});
}

TEST_CASE("the name may be absolute, the package's length of several bytes, the code around it anything") {
  CHECK(ask({0x10, 0x08, 8, '\\', '_', 'S', '5', '_', 0x12, 4, 2, 1, 1, 0x5b}) == acpi_sleep_type{1, 1});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 0x45, 0, 2, 1, 1}) == acpi_sleep_type{1, 1});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 0xc7, 0, 0, 0, 2, 1, 1}) == acpi_sleep_type{1, 1});
}

TEST_CASE("one number has both types in its bytes") {
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 5, 1, 0x0b, 5, 6}) == acpi_sleep_type{5, 6});
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 5}) == acpi_sleep_type{5, 0});
}

TEST_CASE("each state has its own object") {
  blob const both{8, '_', 'S', '3', '_', 0x12, 4, 2, 1, 1, 8, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0};
  CHECK(ask(both, 3) == acpi_sleep_type{1, 1});
  CHECK(ask(both, 5) == acpi_sleep_type{0, 0});
  CHECK(ask(both, 4).error() == error(0, acpi_fault::not_found));
  CHECK(ask(both, 6).error() == error(0, acpi_fault::not_found));
  CHECK(ask(both, 0xffff'ffff).error() == error(0, acpi_fault::not_found));
}

TEST_CASE("what is not a package of small constants is not taken for one") {
  acpi_error const unsupported = error(37, acpi_fault::unsupported);
  CHECK(ask({0x14, '_', 'S', '5', '_', 0}).error() == unsupported);                    // no NameOp: a method
  CHECK(ask({8, '_', 'S', '5', '_', 0x0a, 5}).error() == unsupported);                 // a number
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 4, 2, 'A', 0}).error() == unsupported);      // a reference
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 8, 0}).error() == unsupported);  // more than three bits
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 4, 2, 0xff, 0}).error() == unsupported);     // Ones
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 5, 2, 0, 0x0a, 8}).error() == unsupported);  //
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0x0a, 5}).error() == unsupported);  // cut inside a number
}

TEST_CASE("a later definition that can be read counts") {
  CHECK(ask({0x14, '_', 'S', '5', '_', 0, 8, '_', 'S', '5', '_', 0x12, 4, 2, 1, 1}) == acpi_sleep_type{1, 1});
  // A name at the very start has nothing before it that could be a NameOp.
  CHECK(ask({'_', 'S', '5', '_', 0x12, 4, 2, 1, 1}).error() == error(0, acpi_fault::not_found));
  CHECK(ask({'\\', '_', 'S', '5', '_', 0x12, 4, 2, 1, 1}).error() == error(37, acpi_fault::unsupported));
}

TEST_CASE("a definition that is cut off is refused at every byte") {
  blob const whole{8, '_', 'S', '5', '_', 0x12, 0x4c, 0, 4, 0x0a, 5, 0x0a, 6, 0x0a, 0, 0x0a, 0, 0};
  REQUIRE(ask(whole) == acpi_sleep_type{5, 6});
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    blob const cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    auto const found = ask(cut);
    REQUIRE(found == failure{size < 5 ? error(0, acpi_fault::not_found) : error(37, acpi_fault::bad_entry)});
  }
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 0, 2, 1, 1}).error() == error(37, acpi_fault::bad_entry));
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 2, 0}).error() == error(37, acpi_fault::bad_entry));
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 3, 2, 1, 1}).error() == error(37, acpi_fault::bad_entry));
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 0x41, 0, 2, 1, 1}).error() == error(37, acpi_fault::bad_entry));
  CHECK(ask({8, '_', 'S', '5', '_', 0x12, 0xff, 0xff, 0xff, 0xff, 2, 1, 1}).error() ==
        error(37, acpi_fault::bad_entry));
}

TEST_CASE("a control register gets the type and SLP_EN, and keeps the rest") {
  CHECK(acpi_sleep_type::enter(0x0001, 5) == 0x3401);
  CHECK(acpi_sleep_type::enter(0xffff, 0) == 0xe3ff);
  CHECK(acpi_sleep_type::enter(0, 0xff) == 0x3c00);
}

TEST_CASE("the DSDT comes first, then every SSDT, damaged ones passed over") {
  constexpr std::uint64_t base = 0x1000;
  test::some_memory m{base, 0x1000};
  blob list(24);
  test::put(list, 0, base + 0x200, 8);
  test::put(list, 8, base + 0x300, 8);
  test::put(list, 16, base + 0x400, 8);
  m.place(base, test::acpi_table_of("XSDT", list));
  blob const s5{8, '_', 'S', '5', '_', 0x12, 4, 2, 1, 1};
  blob const other{8, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0};
  m.place(base + 0x100, test::acpi_table_of("DSDT", {1, 2, 3}, 2));
  m.place(base + 0x200, test::acpi_table_of("SSDT", {1, 2, 3}, 2));
  m.place(base + 0x300, test::acpi_table_of("APIC", s5, 2));
  m.place(base + 0x400, test::acpi_table_of("SSDT", s5, 2));
  auto const reader = m.reader();
  auto const tables = acpi_tables<window_reader>::open(reader, {{base}, true, 2});
  REQUIRE(tables);
  host_phys const dsdt{base + 0x100};
  CHECK(find_sleep_type(*tables, dsdt) == acpi_sleep_type{1, 1});
  CHECK(find_sleep_type(*tables, dsdt, 4).error() == error(0, acpi_fault::not_found));
  m.content[0x202 + 36] ^= 1;
  CHECK(find_sleep_type(*tables, dsdt) == acpi_sleep_type{1, 1});
  CHECK(find_sleep_type(*tables, dsdt, 4).error() == acpi_error{"SSDT", 9, acpi_fault::bad_checksum});
  m.place(base + 0x100, test::acpi_table_of("DSDT", other, 2));
  CHECK(find_sleep_type(*tables, dsdt) == acpi_sleep_type{0, 0});
  CHECK(find_sleep_type(*tables, {0}) == acpi_sleep_type{1, 1});
  CHECK(find_sleep_type(*tables, {0}, 4).error() == error(0, acpi_fault::bad_address));
}

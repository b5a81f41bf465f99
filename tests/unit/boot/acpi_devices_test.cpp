// SPDX-License-Identifier: BSL-1.0
// The short tables that name one device each: HPET and MCFG.
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_mcfg.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;
using test::put;

acpi_table table(char const (&name)[5], blob const& storage) { return {name, {0x1000}, test::view_of(storage)}; }

blob mcfg_of(std::vector<mcfg_window> const& windows) {
  blob body(8 + windows.size() * 16);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    put(body, 8 + i * 16, windows[i].base.value, 8);
    put(body, 16 + i * 16, windows[i].segment, 2);
    put(body, 18 + i * 16, windows[i].first_bus, 1);
    put(body, 19 + i * 16, windows[i].last_bus, 1);
  }
  return test::acpi_table_of("MCFG", body);
}

}  // namespace

TEST_CASE("an HPET lies in memory") {
  blob body(20);
  put(body, 0, 0x8086'a201, 4);
  put(body, 4, 0x4000, 4);
  put(body, 8, 0xfed0'0000, 8);
  put(body, 16, 1, 1);
  put(body, 17, 0x0080, 2);
  blob storage = test::acpi_table_of("HPET", body);
  CHECK(acpi_hpet::open(table("HPET", storage)) ==
        acpi_hpet{0x8086'a201, {acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 1, 0x80});
  storage[40] = 1;
  CHECK(acpi_hpet::open(table("HPET", storage)).error() == acpi_error{"HPET", 40, acpi_fault::bad_entry});
  storage[40] = 0;
  put(storage, 44, 0, 8);
  CHECK(acpi_hpet::open(table("HPET", storage)).error() == acpi_error{"HPET", 44, acpi_fault::bad_address});
  storage.pop_back();
  CHECK(acpi_hpet::open(table("HPET", storage)).error() == acpi_error{"HPET", 4, acpi_fault::bad_length});
  CHECK(acpi_hpet::open(table("MCFG", storage)).error() == acpi_error{"MCFG", 0, acpi_fault::bad_signature});
}

TEST_CASE("configuration space is found by segment and bus") {
  blob const storage = mcfg_of({{{0xb000'0000}, 0, 0, 0xff}, {{0x40'0000'0000}, 1, 0x10, 0x1f}});
  auto const mcfg = acpi_mcfg::open(table("MCFG", storage));
  REQUIRE(mcfg);
  REQUIRE(mcfg->size() == 2);
  CHECK((*mcfg)[0].range() == host_range{{0xb000'0000}, 0x1000'0000});
  CHECK((*mcfg)[1].range() == host_range{{0x40'0100'0000}, 0x100'0000});
  CHECK(mcfg->function(0, 0, 0, 0) == host_range{{0xb000'0000}, 0x1000});
  CHECK(mcfg->function(0, 0xff, 31, 7) == host_range{{0xbfff'f000}, 0x1000});
  CHECK(mcfg->function(0, 1, 2, 3) == host_range{{0xb011'3000}, 0x1000});
  CHECK(mcfg->function(1, 0x10, 0, 1) == host_range{{0x40'0100'1000}, 0x1000});
  acpi_error const missing{"MCFG", 44, acpi_fault::not_found};
  CHECK(mcfg->function(1, 0x0f, 0, 0).error() == missing);
  CHECK(mcfg->function(1, 0x20, 0, 0).error() == missing);
  CHECK(mcfg->function(2, 0, 0, 0).error() == missing);
}

TEST_CASE("a damaged MCFG is refused with the entry's offset") {
  auto const refused = [](blob const& b) { return acpi_mcfg::open(table("MCFG", b)).error(); };
  blob const short_one = test::acpi_table_of("MCFG", blob(7));
  blob const ragged = test::acpi_table_of("MCFG", blob(8 + 15));
  CHECK(refused(short_one) == acpi_error{"MCFG", 4, acpi_fault::bad_length});
  CHECK(refused(ragged) == acpi_error{"MCFG", 4, acpi_fault::bad_length});
  CHECK(refused(mcfg_of({{{0}, 0, 0, 0}, {{0}, 0, 1, 0}})) == acpi_error{"MCFG", 60, acpi_fault::bad_entry});
  CHECK(refused(mcfg_of({{{0xffff'ffff'ffe0'0000}, 0, 0, 2}})) == acpi_error{"MCFG", 44, acpi_fault::bad_address});
  CHECK(refused(mcfg_of({{{0xffff'ffff'ffe0'0000}, 0, 4, 5}})) == acpi_error{"MCFG", 44, acpi_fault::bad_address});
  CHECK(acpi_mcfg::open(table("MCFG", mcfg_of({{{0xffff'ffff'ffe0'0000}, 0, 0, 1}}))));
  CHECK(acpi_mcfg::open(table("HPET", ragged)).error() == acpi_error{"HPET", 0, acpi_fault::bad_signature});
}

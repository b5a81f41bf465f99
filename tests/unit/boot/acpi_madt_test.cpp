// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/acpi_madt.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;

/// A MADT at address 0x1000 with these entries.
acpi_table madt_of(blob const& entries, blob& storage) {
  blob body{0, 0, 0xe0, 0xfe, 1, 0, 0, 0};
  body.insert(body.end(), entries.begin(), entries.end());
  storage = test::acpi_table_of("APIC", body);
  return {"APIC", {0x1000}, test::view_of(storage)};
}

template <typename E>
std::vector<E> all(acpi_madt const& madt) {
  std::vector<E> found;
  for (E const e : madt.all<E>()) found.push_back(e);
  CHECK(found.size() == madt.all<E>().count());
  return found;
}

template <MadtEntry E>
void survives_a_round_trip(E const& entry) {
  std::uint8_t space[E::size]{};
  entry.store({space, sizeof space});
  CHECK(E::load({space, sizeof space}) == entry);
}

}  // namespace

TEST_CASE("entries are read by type, in their order, others passed over") {
  blob storage;
  auto const madt =
      acpi_madt::open(madt_of({0,    8,  1,    2,    1,    0,    0,    0,                    // local APIC
                               1,    12, 8,    0,    0,    0,    0xc0, 0xfe, 24,   0, 0, 0,  // I/O APIC
                               0x7f, 3,  0,                                                  // of the future
                               2,    10, 0,    9,    20,   0,    0,    0,    0x0f, 0,        // override
                               3,    8,  0x05, 0,    2,    1,    0,    0,                    // NMI source
                               4,    6,  0xff, 0x0d, 0,    1,                                // local NMI
                               0,    9,  3,    4,    2,    0,    0,    0,    0xee,           // longer than known
                               9,    16, 0,    0,    0,    1,    0,    0,    3,    0, 0, 0, 7, 0, 0, 0,  // x2APIC
                               10,   12, 1,    0,    0xff, 0xff, 0xff, 0xff, 1,    0, 0, 0},             // x2APIC NMI
                              storage));
  REQUIRE(madt);
  CHECK(madt->local_apic() == host_phys{0xfee0'0000});
  CHECK(madt->has_legacy_controllers());
  auto const cpus = all<madt_local_apic>(*madt);
  REQUIRE(cpus.size() == 2);
  CHECK(cpus[0] == madt_local_apic{1, 2, 1});
  CHECK(cpus[0].is_enabled());
  CHECK_FALSE(cpus[0].is_online_capable());
  CHECK(cpus[1] == madt_local_apic{3, 4, 2});
  CHECK_FALSE(cpus[1].is_enabled());
  CHECK(cpus[1].is_online_capable());
  CHECK(all<madt_io_apic>(*madt) == std::vector{madt_io_apic{8, 0xfec0'0000, 24}});
  CHECK(all<madt_source_override>(*madt) ==
        std::vector{madt_source_override{0, 9, 20, {inti_polarity::active_low, inti_trigger::level}}});
  CHECK(all<madt_nmi_source>(*madt) ==
        std::vector{madt_nmi_source{{inti_polarity::active_high, inti_trigger::edge}, 0x102}});
  CHECK(all<madt_local_nmi>(*madt) ==
        std::vector{madt_local_nmi{every_apic_processor, {inti_polarity::active_high, inti_trigger::level}, 1}});
  auto const wide = all<madt_local_x2apic>(*madt);
  REQUIRE(wide.size() == 1);
  CHECK(wide[0] == madt_local_x2apic{0x100, 3, 7});
  CHECK(wide[0].is_enabled());
  CHECK(wide[0].is_online_capable());
  CHECK(all<madt_local_x2apic_nmi>(*madt) ==
        std::vector{madt_local_x2apic_nmi{{inti_polarity::active_high, inti_trigger::bus}, every_x2apic_processor, 1}});
  CHECK(all<madt_address_override>(*madt).empty());
}

TEST_CASE("an override moves the local APIC's address past 4 GiB") {
  blob storage;
  auto const madt = acpi_madt::open(madt_of({5, 12, 0, 0, 0, 0, 0, 0xfe, 1, 0, 0, 0}, storage));
  REQUIRE(madt);
  CHECK(madt->local_apic() == host_phys{0x1'fe00'0000});
}

TEST_CASE("an interrupt's route is its override's, else the bus's") {
  blob storage;
  auto const madt = acpi_madt::open(madt_of({2, 10, 0, 0,  2,  0, 0, 0, 0,    0,   //
                                             2, 10, 0, 9,  21, 0, 0, 0, 0,    0,   //
                                             2, 10, 0, 5,  5,  0, 0, 0, 0x0d, 0,   //
                                             2, 10, 0, 6,  6,  0, 0, 0, 0x07, 0,   //
                                             2, 10, 0, 7,  7,  0, 0, 0, 0x0a, 0,   //
                                             2, 10, 0, 5,  99, 0, 0, 0, 0,    0,   //
                                             2, 10, 1, 11, 99, 0, 0, 0, 0,    0},  //
                                            storage));
  REQUIRE(madt);
  CHECK(madt->route(0) == legacy_route{2, false, false});
  CHECK(madt->route(9) == legacy_route{21, false, false});
  CHECK(madt->route(9, {0, true, true}) == legacy_route{21, true, true});
  CHECK(madt->route(5) == legacy_route{5, false, true});
  CHECK(madt->route(5, {0, true, false}) == legacy_route{5, false, true});
  CHECK(madt->route(6, {0, false, true}) == legacy_route{6, true, false});
  CHECK(madt->route(7, {0, true, true}) == legacy_route{7, true, true});
  CHECK(madt->route(11) == legacy_route{11, false, false});
  CHECK(madt->route(4) == legacy_route{4, false, false});
}

TEST_CASE("an entry that is too short, too long or empty is refused with its offset") {
  blob storage;
  auto const refused = [&](blob const& entries) { return acpi_madt::open(madt_of(entries, storage)).error(); };
  auto const at = [](std::uint32_t offset) { return acpi_error{"APIC", offset, acpi_fault::bad_entry}; };
  CHECK(refused({0x7f, 0}) == at(44));
  CHECK(refused({0x7f, 1}) == at(44));
  CHECK(refused({0x7f}) == at(44));
  CHECK(refused({0x7f, 2, 0x7f, 3}) == at(46));
  CHECK(refused({0x7f, 255, 0, 0}) == at(44));
  blob const least{8, 12, 10, 8, 6, 12};
  for (std::uint8_t kind = 0; kind < 6; ++kind) {
    for (std::uint8_t size = 2; size < least[kind]; ++size) {
      blob entry(size);
      entry[0] = kind;
      entry[1] = size;
      REQUIRE(refused(entry) == at(44));
    }
    blob whole(least[kind]);
    whole[0] = kind;
    whole[1] = least[kind];
    REQUIRE(acpi_madt::open(madt_of(whole, storage)));
  }
  CHECK(refused({9, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == at(44));
  CHECK(refused({10, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == at(44));
}

TEST_CASE("a table that is none, or too short for its fields, is refused") {
  blob const other = test::acpi_table_of("FACP", blob(8));
  CHECK(acpi_madt::open({"FACP", {0}, test::view_of(other)}).error() ==
        acpi_error{"FACP", 0, acpi_fault::bad_signature});
  blob const shorter = test::acpi_table_of("APIC", blob(7));
  CHECK(acpi_madt::open({"APIC", {0}, test::view_of(shorter)}).error() ==
        acpi_error{"APIC", 4, acpi_fault::bad_length});
}

TEST_CASE("bytes that change after the table was opened end a walk, and lead it nowhere else") {
  blob storage;
  auto const table = madt_of({0, 8, 1, 2, 1, 0, 0, 0, 0, 8, 2, 3, 1, 0, 0, 0}, storage);
  auto const madt = acpi_madt::open(table);
  REQUIRE(madt);
  CHECK(madt->all<madt_local_apic>().count() == 2);
  storage[53] = 9;
  CHECK(madt->all<madt_local_apic>().count() == 1);
  storage[53] = 0;
  CHECK(madt->all<madt_local_apic>().count() == 1);
  storage[45] = 4;
  CHECK(madt->all<madt_local_apic>().count() == 0);
}

TEST_CASE("what is stored is what is loaded") {
  inti_flags const flags{inti_polarity::active_low, inti_trigger::level};
  survives_a_round_trip(madt_local_apic{1, 2, 0x8000'0003});
  survives_a_round_trip(madt_io_apic{1, 0xfec0'0000, 0xffff'ffff});
  survives_a_round_trip(madt_source_override{0, 15, 0x1234'5678, flags});
  survives_a_round_trip(madt_nmi_source{flags, 0x1234'5678});
  survives_a_round_trip(madt_local_nmi{3, flags, 1});
  survives_a_round_trip(madt_address_override{0x1234'5678'9abc'def0});
  survives_a_round_trip(madt_local_x2apic{1, 2, 3});
  survives_a_round_trip(madt_local_x2apic_nmi{flags, 0x1234'5678, 1});
}

// SPDX-License-Identifier: BSL-1.0
// A guest's tables, checked against the ACPI compiler: it understands them without a warning, and makes the same of
// what it has understood. Of the DSDT it makes the same as of a source that says what is meant.
#include <axhal/arch/x86_64/guest_acpi.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_tables.hpp>

#include "support/iasl.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using test::blob;

constexpr std::uint64_t base = 0xe'0000;

struct named_table {
  std::string name;
  bytes content;
};

std::vector<named_table> tables_of(blob& out, acpi_machine const& machine) {
  REQUIRE(write_guest_acpi({out.data(), out.size()}, {base}, machine));
  boot::window_reader const reader{{base}, test::view_of(out)};
  auto const all = boot::acpi_tables<boot::window_reader>::open(reader, *boot::find_root_pointer(test::view_of(out)));
  REQUIRE(all);
  std::vector<named_table> found{{"XSDT", all->list().content}};
  for (char const* name : {"FACP", "APIC", "HPET", "MCFG"}) {
    boot::acpi_name const wanted{{name[0], name[1], name[2], name[3], 0}};
    if (auto const table = all->find(wanted)) found.push_back({name, table->content});
  }
  auto const fadt = boot::acpi_fadt::open(*all->find("FACP"));
  found.push_back({"DSDT", all->at(fadt->dsdt(), "DSDT")->content});
  return found;
}

acpi_machine full_machine() {
  acpi_machine m{};
  m.cpus = 4;
  m.has_8259 = true;
  m.hpet = {0x8086'a201, {boot::acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 0, 0x80};
  m.ecam = {{0xe000'0000}, 0, 0, 63};
  return m;
}

}  // namespace

TEST_CASE("iasl disassembles a guest's tables without a warning, and makes the same of them") {
  test::iasl_folder const s;
  for (acpi_machine const& machine : {acpi_machine{}, full_machine()}) {
    blob out(0x2000);
    for (auto const& [name, content] : tables_of(out, machine)) {
      INFO(name);
      s.write(name + ".aml", std::string(content.begin(), content.end()));
      std::string const said = s.iasl("-d " + name + ".aml");
      std::string const dsl = s.read(name + ".dsl");
      INFO(said << dsl);
      REQUIRE_FALSE(dsl.empty());
      CHECK(test::complaint(said + dsl) == "");
      std::string const compiled = s.iasl("-we -p again-" + name + " " + name + ".dsl");
      INFO(compiled);
      CHECK(compiled.find("0 Errors, 0 Warnings") != std::string::npos);
      if (name == "DSDT") continue;  // constants have more than one form
      std::string const again = s.read("again-" + name + ".aml");
      REQUIRE(again.size() == content.size);
      for (std::size_t i = 0; i < content.size; ++i) {
        // The compiler puts its own name into the header.
        if (i == boot::acpi_format::h_checksum || (i >= boot::acpi_format::h_creator_id && i < 36)) continue;
        INFO(i);
        REQUIRE(static_cast<std::uint8_t>(again[i]) == content[i]);
      }
    }
  }
}

TEST_CASE("the DSDT is, byte for byte, what iasl makes of the serial port and the state S5") {
  test::iasl_folder const s;
  // Without optimization numbers keep the form that they are written in.
  s.write("wanted.asl", R"(DefinitionBlock ("", "DSDT", 2, "AXHAL ", "AXHALVM ", 1) {
  Name (_S5, Package (4) { 0x05, 0x05, 0x00, 0x00 })
  Scope (\_SB) {
    Device (COM1) {
      Name (_HID, EisaId ("PNP0501"))
      Name (_UID, One)
      Name (_CRS, ResourceTemplate () {
        IO (Decode16, 0x02F8, 0x02F8, 1, 8)
        IRQNoFlags () {3}
      })
    }
  }
}
)");
  s.iasl("-oa -p wanted wanted.asl");
  std::string const wanted = s.read("wanted.aml");
  acpi_machine m{};
  m.serial_port = 0x2f8;
  m.serial_irq = 3;
  blob out(0x2000);
  bytes const made = tables_of(out, m).back().content;
  INFO(wanted.size() << " " << made.size);
  // Zeros of the package may be one byte or two; the device, which is the rest, has one form.
  std::size_t const device = 52;
  REQUIRE(wanted.size() > device);
  for (std::size_t i = 0; i < device; ++i) {
    INFO(i);
    CHECK(static_cast<std::uint8_t>(wanted[wanted.size() - device + i]) == made[made.size - device + i]);
  }
}

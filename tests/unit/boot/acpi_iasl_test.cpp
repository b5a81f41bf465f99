// SPDX-License-Identifier: BSL-1.0
// Checked against the ACPI compiler: what it makes of a source, our readers read; what our writer writes, it
// understands without a warning, and makes the same tables of.
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_mcfg.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>

#include "support/acpi_blobs.hpp"
#include "support/iasl.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;
using test::complaint;
using scratch = test::iasl_folder;

constexpr std::uint64_t base = 0x10'0000;

acpi_table opened(blob const& made, char const (&name)[5]) {
  auto const table = open_table(window_reader{{base}, test::view_of(made)}, {base}, name);
  REQUIRE(table);
  return *table;
}

/// iasl's own template for a data table, in which fields get values. Fields are named as iasl names them, which it
/// checks.
class table_source {
 public:
  table_source(scratch const& s, std::string const& name) {
    s.iasl("-T " + name);
    std::string file = name + ".asl";
    for (char& c : file) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    text_ = s.read(file);
    REQUIRE_FALSE(text_.empty());
  }
  /// Goes to the next field `label` that has this value.
  table_source& seek(std::string const& label, std::string const& value) {
    do {
      next(label);
    } while (text_.compare(at_, value.size(), value) != 0);
    return *this;
  }
  /// Goes to the next field `label`, and gives it this value.
  table_source& set(std::string const& label, std::string const& value) {
    next(label);
    text_.replace(at_, text_.find('\n', at_) - at_, value);
    return *this;
  }
  /// Starts over from the first field.
  table_source& rewind() {
    at_ = 0;
    return *this;
  }
  /// The next generic address with this label.
  table_source& set_register(std::string const& label, std::string const& space, std::string const& width,
                             std::string const& access, std::string const& address) {
    return seek(label, "[Generic")
        .set("Space ID", space)
        .set("Bit Width", width)
        .set("Encoded Access Width", access)
        .set("Address", address);
  }
  [[nodiscard]] std::string const& source() const { return text_; }

 private:
  /// Moves to the value of the next field `label`.
  void next(std::string const& label) {
    INFO("field " << label);
    while (true) {
      std::size_t const colon = text_.find(" : ", at_);
      REQUIRE(colon != std::string::npos);
      std::size_t const line = text_.rfind('\n', colon) + 1;
      at_ = colon + 3;
      std::size_t first = text_.find_first_not_of(' ', line);
      if (text_[first] == '[') first = text_.find_first_not_of(' ', text_.find(']', first) + 1);
      if (text_.compare(first, colon - first, label) == 0) return;
    }
  }

  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("our MADT reader reads what iasl compiles") {
  scratch const s;
  table_source t{s, "APIC"};
  t.set("Local Apic Address", "FEE00000").set("PC-AT Compatibility", "1");
  auto const entry = [&](char const* kind) -> table_source& { return t.rewind().seek("Subtable Type", kind); };
  entry("00").set("Processor ID", "01").set("Local Apic ID", "02").set("Processor Enabled", "1");
  t.set("Runtime Online Capable", "1");
  entry("01").set("I/O Apic ID", "04").set("Address", "FEC00000").set("Interrupt", "00000018");
  entry("02").set("Source", "09").set("Interrupt", "00000014").set("Polarity", "3").set("Trigger Mode", "3");
  entry("03").set("Polarity", "1").set("Trigger Mode", "1").set("Interrupt", "00000123");
  entry("04").set("Processor ID", "FF").set("Polarity", "1").set("Trigger Mode", "3").set("Interrupt Input LINT", "01");
  entry("05").set("APIC Address", "00000001FEE00000");
  entry("09").set("Processor x2Apic ID", "00012345").set("Processor Enabled", "1").set("Processor UID", "00000007");
  entry("0A").set("Polarity", "1").set("Trigger Mode", "1").set("Processor UID", "FFFFFFFF");
  t.set("Interrupt Input LINT", "01");
  blob const made = s.compile(t.source());
  auto const madt = acpi_madt::open(opened(made, "APIC"));
  REQUIRE(madt);
  CHECK(madt->local_apic() == host_phys{0x1'fee0'0000});
  CHECK(madt->has_legacy_controllers());
  CHECK(*madt->all<madt_local_apic>().begin() == madt_local_apic{1, 2, 3});
  CHECK(*madt->all<madt_io_apic>().begin() == madt_io_apic{4, 0xfec0'0000, 24});
  CHECK(*madt->all<madt_source_override>().begin() ==
        madt_source_override{0, 9, 20, {inti_polarity::active_low, inti_trigger::level}});
  CHECK(*madt->all<madt_nmi_source>().begin() ==
        madt_nmi_source{{inti_polarity::active_high, inti_trigger::edge}, 0x123});
  CHECK(*madt->all<madt_local_nmi>().begin() ==
        madt_local_nmi{0xff, {inti_polarity::active_high, inti_trigger::level}, 1});
  CHECK(*madt->all<madt_local_x2apic>().begin() == madt_local_x2apic{0x1'2345, 1, 7});
  CHECK(*madt->all<madt_local_x2apic_nmi>().begin() ==
        madt_local_x2apic_nmi{{inti_polarity::active_high, inti_trigger::edge}, every_x2apic_processor, 1});
}

TEST_CASE("our FADT reader reads what iasl compiles") {
  scratch const s;
  table_source t{s, "FACP"};
  t.set("DSDT Address", "22222220").set("SCI Interrupt", "0009").set("SMI Command Port", "000000B2");
  t.set("ACPI Enable Value", "A1").set("PM1A Control Block Address", "00000604");
  t.set("PM1B Control Block Address", "00000704").set("PM Timer Block Address", "00000608");
  t.set("Legacy Devices Supported (V2)", "1").set("8042 Present on ports 60/64 (V2)", "1");
  t.set("32-bit PM Timer (V1)", "1").set("Reset Register Supported (V2)", "1");
  t.set_register("Reset Register", "01", "08", "01", "0000000000000CF9").set("Value to cause reset", "0F");
  t.set("DSDT Address", "0000000333333330");
  t.set_register("PM1A Control Block", "01", "10", "02", "0000000000000604");
  t.set_register("PM1B Control Block", "01", "10", "02", "0000000000000704");
  t.set_register("PM Timer Block", "00", "20", "03", "00000000FED80808");
  t.set_register("Sleep Control Register", "01", "08", "01", "0000000000000480");
  blob const made = s.compile(t.source());
  REQUIRE(made.size() == fadt_format::size);
  auto const fadt = acpi_fadt::open(opened(made, "FACP"));
  REQUIRE(fadt);
  CHECK(fadt->dsdt() == host_phys{0x3'3333'3330});
  CHECK(fadt->sci() == 9);
  CHECK(fadt->smi_command() == 0xb2);
  CHECK(fadt->enable_value() == 0xa1);
  CHECK(fadt->boot_flags() == 3);
  CHECK(fadt->flags() == 0x500);
  CHECK(fadt->reset() == acpi_reset{{acpi_space::system_io, 8, 0, 1, 0xcf9}, 0x0f});
  CHECK(fadt->pm_timer() == acpi_register{acpi_space::system_memory, 32, 0, 3, 0xfed8'0808});
  CHECK(fadt->pm_timer_bits() == 32);
  CHECK(fadt->pm1a_control() == acpi_register{acpi_space::system_io, 16, 0, 2, 0x604});
  CHECK(fadt->pm1b_control() == acpi_register{acpi_space::system_io, 16, 0, 2, 0x704});
  CHECK(fadt->sleep_control() == acpi_register{acpi_space::system_io, 8, 0, 1, 0x480});
}

TEST_CASE("our HPET and MCFG readers read what iasl compiles") {
  scratch const s;
  table_source timer{s, "HPET"};
  timer.set("Hardware Block ID", "8086A201");
  timer.set_register("Timer Block Register", "00", "40", "00", "00000000FED00000");
  timer.set("Sequence Number", "02").set("Minimum Clock Ticks", "1234");
  blob const hpet = s.compile(timer.source());
  CHECK(acpi_hpet::open(opened(hpet, "HPET")) ==
        acpi_hpet{0x8086'a201, {acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 2, 0x1234});
  table_source spaces{s, "MCFG"};
  spaces.set("Base Address", "0000000400000000").set("Segment Group Number", "0102");
  spaces.set("Start Bus Number", "10").set("End Bus Number", "FF");
  blob const mcfg = s.compile(spaces.source());
  auto const windows = acpi_mcfg::open(opened(mcfg, "MCFG"));
  REQUIRE(windows);
  REQUIRE(windows->size() == 1);
  CHECK((*windows)[0] == mcfg_window{{0x4'0000'0000}, 0x102, 0x10, 0xff});
}

TEST_CASE("our root readers read what iasl compiles") {
  scratch const s;
  table_source pointer_source{s, "RSDP"};
  pointer_source.set("Revision", "02").set("RSDT Address", "00001000").set("XSDT Address", "0000000000100000");
  blob const pointer = s.compile(pointer_source.source());
  auto const root = find_root_pointer(test::view_of(pointer));
  REQUIRE(root == acpi_root{{base}, true, 2});
  table_source list_source{s, "XSDT"};
  list_source.set("ACPI Table Address   0", "0000000012345670").set("ACPI Table Address   1", "0000000100000010");
  blob const list = s.compile(list_source.source());
  window_reader const reader{{base}, test::view_of(list)};
  auto const tables = acpi_tables<window_reader>::open(reader, *root);
  REQUIRE(tables);
  REQUIRE(tables->size() >= 2);
  CHECK(tables->address(0) == host_phys{0x1234'5670});
  CHECK(tables->address(1) == host_phys{0x1'0000'0010});
}

TEST_CASE("the sleep type is found in what iasl makes of a DSDT with more in it") {
  scratch const s;
  std::string const before = R"(DefinitionBlock ("", "DSDT", 2, "AXHAL ", "GOLDEN  ", 1) {
  Scope (\_SB) { Device (PCI0) { Name (_HID, EisaId ("PNP0A08")) Method (_S5D) { Return (3) } } }
  Name (PICM, 0)
)";
  for (auto const& [object, expected] : std::vector<std::pair<std::string, acpi_sleep_type>>{
           {"Name (\\_S5, Package () { 0x05, 0x07, 0x00, 0x00 })", {5, 7}},
           {"Name (_S5, Package () { Zero, Zero, Zero, Zero })", {0, 0}},
           {"Name (_S3, Package () { 5, 5 }) Name (_S5, Package () { One, 2 })", {1, 2}},
           {"Name (_S5, Package (0x40) { 6, 1 })", {6, 1}},
           {"Method (\\_PTS, 1) { Store (Arg0, PICM) } Name (\\_S5, Package (0x04) { 0x07, Zero })", {7, 0}}}) {
    blob const made = s.compile(before + object + "\n}\n");
    CHECK(find_sleep_type(opened(made, "DSDT")) == expected);
  }
  blob const method = s.compile(before + "Method (_S5) { Return (Package () { 5, 5, 0, 0 }) }\n}\n");
  CHECK(find_sleep_type(opened(method, "DSDT")).error().what == acpi_fault::unsupported);
}

TEST_CASE("iasl disassembles what our writer writes without a warning, and makes the same of it") {
  scratch const s;
  blob const out = test::sample_acpi(base);
  window_reader const reader{{base}, test::view_of(out)};
  auto const all = acpi_tables<window_reader>::open(reader, *find_root_pointer(test::view_of(out)));
  REQUIRE(all);
  auto const fadt = acpi_fadt::open(*all->find("FACP"));
  auto const facs = boot::detail::load_le<std::uint32_t>(all->find("FACP")->content, fadt_format::f_firmware_ctrl);
  std::vector<std::pair<std::string, bytes>> tables{{"XSDT", all->list().content},
                                                    {"FACS", read_memory(reader, {{facs}, 64})},
                                                    {"DSDT", all->at(fadt->dsdt(), "DSDT")->content}};
  for (char const* name : {"FACP", "APIC", "HPET"}) {
    acpi_name const wanted{{name[0], name[1], name[2], name[3], 0}};
    tables.emplace_back(name, all->find(wanted)->content);
  }
  for (auto const& [name, content] : tables) {
    INFO(name);
    s.write(name + ".aml", std::string(content.begin(), content.end()));
    std::string const said = s.iasl("-d " + name + ".aml");
    std::string const dsl = s.read(name + ".dsl");
    INFO(said << dsl);
    REQUIRE_FALSE(dsl.empty());
    CHECK(complaint(said + dsl) == "");
    std::string const compiled = s.iasl("-we -p again-" + name + " " + name + ".dsl");
    INFO(compiled);
    CHECK(compiled.find("0 Errors, 0 Warnings") != std::string::npos);
    std::string const again = s.read("again-" + name + ".aml");
    if (name == "DSDT") {
      // Constants have more than one form; the object is the same.
      CHECK(find_sleep_type(opened(blob(again.begin(), again.end()), "DSDT")) == acpi_sleep_type{5, 5});
      continue;
    }
    REQUIRE(again.size() == content.size);
    bool const has_header = name != "FACS";
    for (std::size_t i = 0; i < content.size; ++i) {
      // The compiler puts its own name into the header.
      if (has_header && (i == acpi_format::h_checksum || (i >= acpi_format::h_creator_id && i < 36))) continue;
      INFO(i);
      REQUIRE(static_cast<std::uint8_t>(again[i]) == content[i]);
    }
  }
}

TEST_CASE("iasl complains about a table that does not add up") {
  scratch const s;
  blob const out = test::sample_acpi(base);
  window_reader const reader{{base}, test::view_of(out)};
  auto const all = acpi_tables<window_reader>::open(reader, *find_root_pointer(test::view_of(out)));
  bytes const sound = all->find("FACP")->content;
  std::string damaged(sound.begin(), sound.end());
  damaged[acpi_format::h_checksum] = static_cast<char>(damaged[acpi_format::h_checksum] ^ 1);
  s.write("damaged.aml", damaged);
  std::string const said = s.iasl("-d damaged.aml");
  CHECK(complaint(said + s.read("damaged.dsl")) != "");
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/guest_acpi.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_mcfg.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using boot::inti_polarity;
using boot::inti_trigger;
using boot::fadt_format::flag;

/// A machine's tables, read back by our own readers.
struct written {
  std::vector<std::uint8_t> out = std::vector<std::uint8_t>(0x8000, 0xee);
  boot::window_reader reader{{0xe'0000}, {out.data(), out.size()}};

  explicit written(acpi_machine const& m) {
    auto const done = write_guest_acpi({out.data(), out.size()}, {0xe'0000}, m);
    REQUIRE(done);
    CHECK(done->root_pointer == guest_phys{0xe'0000});
    CHECK(out.at(done->size) == 0xee);
  }
  [[nodiscard]] boot::acpi_tables<boot::window_reader> tables() const {
    auto const all =
        boot::acpi_tables<boot::window_reader>::open(reader, *boot::find_root_pointer({out.data(), out.size()}));
    REQUIRE(all);
    return *all;
  }
  [[nodiscard]] boot::acpi_fadt fadt() const { return *boot::acpi_fadt::open(*tables().find("FACP")); }
  [[nodiscard]] boot::acpi_table dsdt() const { return *tables().at(fadt().dsdt(), "DSDT"); }
  template <typename E>
  [[nodiscard]] std::vector<E> all() const {
    auto const table = tables().find("APIC");
    REQUIRE(table);
    auto const madt = boot::acpi_madt::open(*table);
    REQUIRE(madt);
    std::vector<E> found;
    for (E const entry : madt->template all<E>()) found.push_back(entry);
    return found;
  }
};

bool holds(bytes code, std::vector<std::uint8_t> const& wanted) {
  for (std::size_t at = 0; at + wanted.size() <= code.size; ++at) {
    bool same = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) same = same && code[at + i] == wanted[i];
    if (same) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a machine with the usual parts has four tables and the fixed hardware of a PC") {
  written const w{{}};
  CHECK(w.tables().size() == 2);
  CHECK_FALSE(w.tables().find("HPET"));
  CHECK_FALSE(w.tables().find("MCFG"));
  auto const fadt = w.fadt();
  CHECK(fadt.sci() == 9);
  CHECK(fadt.smi_command() == 0);
  CHECK_FALSE(fadt.is_hardware_reduced());
  CHECK(fadt.pm_timer() == boot::acpi_register{boot::acpi_space::system_io, 32, 0, 3, 0x608});
  CHECK(fadt.pm_timer_bits() == 32);
  CHECK(fadt.pm1a_control() == boot::acpi_register{boot::acpi_space::system_io, 16, 0, 2, 0x604});
  CHECK_FALSE(fadt.pm1b_control().is_present());
  CHECK(fadt.reset() == boot::acpi_reset{{boot::acpi_space::system_io, 8, 0, 1, 0xcf9}, 6});
  CHECK((fadt.flags() & (flag::pwr_button | flag::slp_button | flag::fix_rtc)) ==
        (flag::pwr_button | flag::slp_button | flag::fix_rtc));
  CHECK(fadt.boot_flags() == 0x25);  // serial port; no VGA, no CMOS clock
  CHECK(boot::find_sleep_type(w.dsdt()) == boot::acpi_sleep_type{5, 5});
  CHECK(w.all<boot::madt_local_apic>() == std::vector<boot::madt_local_apic>{{0, 0, 1}});
  CHECK(w.all<boot::madt_io_apic>() == std::vector<boot::madt_io_apic>{{0, 0xfec0'0000, 0}});
  CHECK(w.all<boot::madt_source_override>() ==
        std::vector<boot::madt_source_override>{{0, 0, 2, {inti_polarity::active_high, inti_trigger::edge}},
                                                {0, 9, 9, {inti_polarity::active_low, inti_trigger::level}}});
  CHECK(w.all<boot::madt_local_nmi>() == std::vector<boot::madt_local_nmi>{{0xff, {}, 1}});
  auto const madt = boot::acpi_madt::open(*w.tables().find("APIC"));
  CHECK(madt->local_apic() == host_phys{0xfee0'0000});
  CHECK_FALSE(madt->has_legacy_controllers());
}

TEST_CASE("the tables tell of what a machine has") {
  acpi_machine m{};
  m.cpus = 3;
  m.has_8259 = true;
  m.has_8042 = true;
  m.has_cmos_clock = true;
  m.has_power_button = true;
  m.serial_port = 0;
  m.sleep_type = 7;
  m.sci = 20;
  m.reset = {};
  m.hpet = {0x8086'a201, {boot::acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 0, 0x80};
  m.ecam = {{0xe000'0000}, 0, 0, 63};
  written const w{m};
  CHECK(w.tables().size() == 4);
  CHECK(boot::acpi_hpet::open(*w.tables().find("HPET")) == m.hpet);
  auto const mcfg = boot::acpi_mcfg::open(*w.tables().find("MCFG"));
  REQUIRE(mcfg);
  REQUIRE(mcfg->size() == 1);
  CHECK((*mcfg)[0] == m.ecam);
  CHECK(w.fadt().boot_flags() == 0x06);
  CHECK((w.fadt().flags() & flag::pwr_button) == 0);
  CHECK_FALSE(w.fadt().reset());
  CHECK(w.fadt().sci() == 20);
  CHECK(boot::find_sleep_type(w.dsdt()) == boot::acpi_sleep_type{7, 7});
  CHECK(w.dsdt().content.size == 36 + 16);  // no device
  CHECK(w.all<boot::madt_local_apic>() == std::vector<boot::madt_local_apic>{{0, 0, 1}, {1, 1, 1}, {2, 2, 1}});
  CHECK(w.all<boot::madt_source_override>().size() == 1);  // an SCI beyond the ISA bus is level-triggered by itself
  CHECK(boot::acpi_madt::open(*w.tables().find("APIC"))->has_legacy_controllers());
}

TEST_CASE("processors beyond 255 have entries of their own kind") {
  acpi_machine m{};
  m.cpus = 300;
  written const w{m};
  CHECK(w.all<boot::madt_local_apic>().size() == 255);
  auto const wide = w.all<boot::madt_local_x2apic>();
  REQUIRE(wide.size() == 45);
  CHECK(wide.front() == boot::madt_local_x2apic{255, 1, 255});
  CHECK(wide.back() == boot::madt_local_x2apic{299, 1, 299});
  CHECK(w.all<boot::madt_local_x2apic_nmi>().size() == 1);
  m.cpus = 255;
  CHECK(written{m}.all<boot::madt_local_x2apic_nmi>().empty());
}

TEST_CASE("the serial port and devices of the caller's are in the DSDT") {
  acpi_machine m{};
  m.serial_port = 0x2f8;
  m.serial_irq = 11;
  std::uint8_t const more[] = {0x08, 'P', 'I', 'C', 'M', 0x00};  // Name (PICM, 0)
  m.more_aml = {more, sizeof more};
  written const w{m};
  CHECK(holds(w.dsdt().content, {0x47, 1, 0xf8, 2, 0xf8, 2, 1, 8, 0x22, 0x00, 0x08, 0x79}));
  CHECK(holds(w.dsdt().content, {0x08, 'P', 'I', 'C', 'M', 0x00}));
}

TEST_CASE("what no table can hold is refused") {
  std::vector<std::uint8_t> out(0x1000);
  auto const error = [&](acpi_machine const& m, std::size_t size, std::uint64_t where) {
    auto const done = write_guest_acpi({out.data(), size}, {where}, m);
    REQUIRE_FALSE(done);
    return done.error();
  };
  acpi_machine m{};
  m.cpus = 0;
  CHECK(error(m, 0x1000, 0xe'0000) == boot::acpi_write_error::bad_value);
  m = {};
  m.serial_irq = 16;
  CHECK(error(m, 0x1000, 0xe'0000) == boot::acpi_write_error::bad_value);
  m = {};
  m.sleep_type = 8;
  CHECK(error(m, 0x1000, 0xe'0000) == boot::acpi_write_error::bad_value);
  m = {};
  CHECK(error(m, 0x1000, 0xe'0001) == boot::acpi_write_error::bad_address);
  std::size_t const needed = static_cast<std::size_t>(write_guest_acpi({out.data(), 0x1000}, {0xe'0000}, m)->size);
  for (std::size_t size = 0; size < needed; ++size) CHECK(error(m, size, 0xe'0000) == boot::acpi_write_error::overflow);
  CHECK(write_guest_acpi({out.data(), needed}, {0xe'0000}, m));
  m.cpus = 0xffff;
  CHECK(error(m, 0x1000, 0xe'0000) == boot::acpi_write_error::overflow);
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/acpi_firmware.hpp>

#include "support/acpi_blobs.hpp"
#include "support/simulated_pc_power.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using boot::acpi_space;

struct here {};
using pc = test::simulated_pc_power<here>;
using bus = pc::bus;
using written = pc::written;
using power = x86_64::acpi_power<pc::cpu, pc::window>;
static_assert(FirmwarePolicy<pc::firmware<4>>);

constexpr std::vector<written> none() { return {}; }

/// PM1a at 604H, S5 is 5 there and 3 in PM1b.
x86_64::pc_power plain() {
  x86_64::pc_power p;
  p.control_a = {acpi_space::system_io, 16, 0, 0, 0x604};
  p.off = {5, 3};
  p.has_off = true;
  return p;
}

struct bench {
  explicit bench(bool x2apic = false, hertz tsc = {1'000'000'000}, x86_64::pc_power const& how = plain(),
                 host_phys page = {0x8000})
      : firmware_{(pc::reset({3, 7, 9}), local), how, page, mailbox, tsc} {
    for (auto& a : bus::m.apics) a.base_msr = (a.base_msr & 0x100) | (x2apic ? 0xfee0'0c00 : 0xfee0'0800);
    pc::m.mailbox = &mailbox;
    local =
        x86_64::local_apic<pc::access>{pc::access{x2apic, x86_64::xapic_access<bus::window, bus::cpu>{bus::window{}}}};
    for (std::uint32_t const id : {3U, 7U, 9U}) CHECK(firmware_.add_cpu(id));
  }
  x86_64::start_mailbox mailbox{};
  x86_64::local_apic<pc::access> local{pc::access{false, x86_64::xapic_access<bus::window, bus::cpu>{bus::window{}}}};
  pc::firmware<3> firmware_;
};

}  // namespace

TEST_CASE("a PC is switched off by its sleep type and SLP_EN", "[arch_x86_64][acpi_firmware]") {
  pc::reset({0});
  pc::m.pm1a = 0x0203;  // SCI_EN, BM_RLD and a bit that is reserved stay
  power p{plain()};
  CHECK(p.power_off() == firmware_error::failed);
  // Type 5 in bits 12:10 is 1400H, SLP_EN is bit 13.
  CHECK(pc::m.ports == std::vector<written>{{0x604, 0x1603, 2}, {0x604, 0x3603, 2}});
}

TEST_CASE("both halves of PM1 are told the type before one is told to sleep", "[arch_x86_64][acpi_firmware]") {
  pc::reset({0});
  pc::m.pm1a = 0x1c01;  // another type is replaced
  pc::m.pm1b = 0x0001;
  auto how = plain();
  how.control_b = {acpi_space::system_io, 16, 0, 0, 0x608};
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.ports ==
        std::vector<written>{{0x604, 0x1401, 2}, {0x608, 0x0c01, 2}, {0x604, 0x3401, 2}, {0x608, 0x2c01, 2}});
}

TEST_CASE("fixed hardware that firmware has is asked for first", "[arch_x86_64][acpi_firmware]") {
  auto how = plain();
  how.smi_command = 0xb2;
  how.enable_value = 0xf1;
  pc::reset({0});
  pc::m.smi_answers = 20;
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.ports == std::vector<written>{{0xb2, 0xf1, 1}, {0x604, 0x1401, 2}, {0x604, 0x3401, 2}});
  // It never comes.
  pc::reset({0});
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.ports == std::vector<written>{{0xb2, 0xf1, 1}});
  // The system has it already.
  pc::reset({0});
  pc::m.pm1a = 1;
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.ports == std::vector<written>{{0x604, 0x1401, 2}, {0x604, 0x3401, 2}});
  // Damaged: no port.
  pc::reset({0});
  how.smi_command = 0x1'00b2;
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.ports == std::vector<written>{{0x604, 0x1400, 2}, {0x604, 0x3400, 2}});
}

TEST_CASE("machines without fixed hardware sleep by the sleep control register", "[arch_x86_64][acpi_firmware]") {
  pc::reset({0});
  auto how = plain();
  how.hardware_reduced = true;
  CHECK(power{how}.power_off() == firmware_error::unsupported);
  how.sleep_control = {acpi_space::system_memory, 8, 0, 1, 0xfea0'0018};
  CHECK(power{how}.power_off() == firmware_error::failed);
  CHECK(pc::m.memory == std::vector<written>{{0xfea0'0018, 0x34, 1}});  // type 5 in bits 4:2, SLP_EN is bit 5
  CHECK(pc::m.ports == none());
}

TEST_CASE("what the tables do not tell is not guessed", "[arch_x86_64][acpi_firmware]") {
  pc::reset({0});
  CHECK(power{x86_64::pc_power{}}.power_off() == firmware_error::unsupported);
  auto how = plain();
  how.has_off = false;
  CHECK(power{how}.power_off() == firmware_error::unsupported);
  for (boot::acpi_register const r :
       {boot::acpi_register{}, boot::acpi_register{acpi_space::system_memory, 16, 0, 0, 0x604},
        boot::acpi_register{acpi_space::system_io, 16, 0, 0, 0xffff},
        boot::acpi_register{acpi_space::system_io, 16, 0, 0, 0x1'0000'0604}}) {
    how = plain();
    how.control_a = r;
    CHECK(power{how}.power_off() == firmware_error::unsupported);
  }
  CHECK(pc::m.ports == none());
}

TEST_CASE("a PC is reset by its register, its chip set and its keyboard controller", "[arch_x86_64][acpi_firmware]") {
  // Port CF9H reads as 91H: bits that are not the reset's stay.
  std::vector<written> const usual{{0xcf9, 0x93, 1}, {0xcf9, 0x97, 1}, {0x64, 0xfe, 1}};
  pc::reset({0});
  CHECK(power{}.reset() == firmware_error::failed);
  CHECK(pc::m.ports == usual);

  auto how = plain();
  how.has_8042 = false;
  how.has_reset = true;
  how.reset = {{acpi_space::system_io, 8, 0, 1, 0x92}, 0x01};
  pc::reset({0});
  CHECK(power{how}.reset() == firmware_error::failed);
  CHECK(pc::m.ports == std::vector<written>{{0x92, 1, 1}, {0xcf9, 0x93, 1}, {0xcf9, 0x97, 1}});

  how.reset = {{acpi_space::system_memory, 8, 0, 1, 0xfed8'0d00}, 0x5a};
  pc::reset({0});
  CHECK(power{how}.reset() == firmware_error::failed);
  CHECK(pc::m.memory == std::vector<written>{{0xfed8'0d00, 0x5a, 1}});

  // Device 31, function 3, offset 46H of bus 0.
  how.reset = {{acpi_space::pci_configuration, 8, 0, 1, 0x001f'0003'0046}, 0x0e};
  pc::reset({0});
  CHECK(power{how}.reset() == firmware_error::failed);
  CHECK(pc::m.ports ==
        std::vector<written>{{0xcf8, 0x8000'fb44, 4}, {0xcfe, 0x0e, 1}, {0xcf9, 0x93, 1}, {0xcf9, 0x97, 1}});

  for (boot::acpi_register const r : {boot::acpi_register{acpi_space::system_io, 8, 0, 1, 0x1'0092},
                                      boot::acpi_register{acpi_space::pci_configuration, 8, 0, 1, 0x0020'0000'0000},
                                      boot::acpi_register{acpi_space::pci_configuration, 8, 0, 1, 0x8'0000},
                                      boot::acpi_register{acpi_space::pci_configuration, 8, 0, 1, 0x100},
                                      boot::acpi_register{static_cast<acpi_space>(0x7f), 8, 0, 1, 0x92}}) {
    how.reset = {r, 1};
    pc::reset({0});
    CHECK(power{how}.reset() == firmware_error::failed);
    CHECK(pc::m.ports == std::vector<written>{{0xcf9, 0x93, 1}, {0xcf9, 0x97, 1}});
    CHECK(pc::m.memory == none());
  }
}

TEST_CASE("a keyboard controller that is never ready is told all the same", "[arch_x86_64][acpi_firmware]") {
  pc::reset({0});
  pc::m.keyboard = 2;
  CHECK(power{}.reset() == firmware_error::failed);
  CHECK(pc::m.ports.back() == written{0x64, 0xfe, 1});
}

TEST_CASE("power is found in the tables", "[arch_x86_64][acpi_firmware]") {
  constexpr std::uint64_t where = 0xe'0000;
  test::some_memory memory{where, 0x2'0000};
  memory.place(where, test::sample_acpi(where));
  auto const reader = memory.reader();
  auto const root = boot::find_root_pointer(reader);
  REQUIRE(root);
  auto const tables = boot::acpi_tables<boot::window_reader>::open(reader, *root);
  REQUIRE(tables);
  auto const p = x86_64::pc_power::find(*tables);
  CHECK(p.control_a.address == 0x604);
  CHECK(p.control_a.space == acpi_space::system_io);
  CHECK_FALSE(p.control_b.is_present());
  CHECK(p.has_off);
  CHECK(p.off.a == 5);
  CHECK(p.has_reset);
  CHECK(p.reset == boot::acpi_reset{{acpi_space::system_io, 8, 0, 1, 0xcf9}, 6});
  CHECK_FALSE(p.has_8042);
  CHECK_FALSE(p.hardware_reduced);
  // This CPU comes first, whatever the table says of it; what is enabled follows (1 is its first entry's flag).
  bench b;
  pc::firmware<8> all{b.local, p, {0x8000}, b.mailbox, {1}};
  auto const madt = boot::acpi_madt::open(*tables->find(boot::acpi_madt::signature));
  REQUIRE(madt);
  CHECK(all.add_cpus(*madt) == 4);
  for (std::uint64_t const id : {0U, 2U, 0x1234U}) CHECK(all.cpu_state(id) == cpu_power::off);
  CHECK(all.cpu_state(3) == cpu_power::on);
  CHECK(all.cpu_state(1) == failure{firmware_error::bad_cpu});
}

TEST_CASE("a CPU starts by INIT and start-up, and finds what it was to find", "[arch_x86_64][acpi_firmware]") {
  for (bool const x2apic : {false, true}) {
    bench b{x2apic};
    CHECK(b.firmware_.start_cpu(9, {0x20'0000}, 0x1122'3344'5566'7788));
    CHECK(bus::m.apics[2].inits == 1);
    CHECK(bus::m.apics[2].start_ups == std::vector<std::uint8_t>{8});
    CHECK(bus::m.apics[1].inits == 0);
    CHECK(pc::m.seen[2].entry == 0x20'0000);
    CHECK(pc::m.seen[2].argument == 0x1122'3344'5566'7788);
    CHECK(b.firmware_.cpu_state(9) == cpu_power::on);
    CHECK(b.firmware_.cpu_state(7) == cpu_power::off);
    // Ten milliseconds after INIT, no less.
    CHECK(bus::m.tsc >= 10'000'000);
    CHECK(bus::m.mistakes.empty());
  }
}

TEST_CASE("the second start-up is for a CPU that did not hear the first", "[arch_x86_64][acpi_firmware]") {
  bench b;
  pc::m.deaf_start_ups = 1;
  CHECK(b.firmware_.start_cpu(7, {0x20'0000}, 1));
  CHECK(bus::m.apics[1].start_ups == std::vector<std::uint8_t>{8, 8});
}

TEST_CASE("a CPU that does not answer is taken back, and can be started again", "[arch_x86_64][acpi_firmware]") {
  bench b;
  pc::m.dead = true;
  CHECK(b.firmware_.start_cpu(7, {0x20'0000}, 1) == failure{firmware_error::failed});
  CHECK(bus::m.apics[1].inits == 2);
  CHECK(b.firmware_.cpu_state(7) == cpu_power::off);
  CHECK(bus::m.tsc >= 1'000'000'000);
  pc::m.dead = false;
  CHECK(b.firmware_.start_cpu(7, {0x20'0000}, 1));
}

TEST_CASE("what a PC cannot start is refused before anything is sent", "[arch_x86_64][acpi_firmware]") {
  bench b;
  CHECK(b.firmware_.start_cpu(7, {0x1'0000'0000}, 0) == failure{firmware_error::bad_address});
  CHECK(b.firmware_.start_cpu(8, {0x20'0000}, 0) == failure{firmware_error::bad_cpu});
  CHECK(b.firmware_.start_cpu(0x1'0000'0007, {0x20'0000}, 0) == failure{firmware_error::bad_cpu});
  CHECK(b.firmware_.start_cpu(3, {0x20'0000}, 0) == failure{firmware_error::already_on});
  CHECK_FALSE(b.firmware_.add_cpu(7));
  CHECK_FALSE(b.firmware_.add_cpu(11));
  bench timeless{false, {0}};
  CHECK(timeless.firmware_.start_cpu(7, {0x20'0000}, 0) == failure{firmware_error::unsupported});
  for (std::uint64_t const page : {0x10'0000U, 0xa'0000U, 0x8004U}) {
    bench odd{false, {1'000'000'000}, plain(), {page}};
    CHECK(odd.firmware_.start_cpu(7, {0x20'0000}, 0) == failure{firmware_error::bad_address});
    CHECK(odd.firmware_.cpu_state(7) == cpu_power::off);
    CHECK(bus::m.apics[1].inits == 0);
  }
}

TEST_CASE("a CPU stops for good, and starts again", "[arch_x86_64][acpi_firmware]") {
  bench b;
  CHECK(b.firmware_.stop_this_cpu() == firmware_error::denied);
  CHECK(b.firmware_.cpu_state(3) == cpu_power::on);
  REQUIRE(b.firmware_.start_cpu(7, {0x20'0000}, 1));
  bus::m.cpu = 1;
  CHECK_THROWS_AS(b.firmware_.stop_this_cpu(), pc::halted);
  CHECK(pc::m.clis == 1);
  CHECK(pc::m.halts == 3);  // what wakes it does not have it go on
  CHECK(b.firmware_.cpu_state(7) == cpu_power::off);
  bus::m.cpu = 0;
  pc::m.seen[1] = {};
  bus::m.apics[1].start_ups.clear();
  CHECK(b.firmware_.start_cpu(7, {0x30'0000}, 2));
  CHECK(pc::m.seen[1].entry == 0x30'0000);
  bus::m.apics[2].id = 12;
  bus::m.cpu = 2;
  CHECK(b.firmware_.stop_this_cpu() == firmware_error::bad_cpu);
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/io_apics.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/acpi_blobs.hpp"
#include "support/apic_machine.hpp"
#include "support/mmio_recorder.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

struct here {};
using machine = test::apic_machine<here>;
using bus = machine::bus;
std::vector<std::string> const none{};

}  // namespace

TEST_CASE("I/O APICs are found by what they answer, and never overlap", "[arch_x86_64][io_apics]") {
  machine m;
  CHECK(m.io_apics.line_count() == 0);
  CHECK(m.io_apics.mask(0) == failure{irq_error::out_of_range});
  CHECK(m.io_apics.is_masked(0));
  CHECK(m.io_apics.add({&m.all, 2}, 0) == failure{irq_error::unsupported});
  CHECK(m.io_apics.add({&m.all, 0}, 73) == failure{irq_error::out_of_range});
  CHECK(m.io_apics.add({&m.all, 0}, ~0U) == failure{irq_error::out_of_range});
  REQUIRE(m.io_apics.add({&m.all, 0}, 8));
  CHECK(m.io_apics.line_count() == 32);
  CHECK(!m.io_apics.has(7));
  CHECK(m.io_apics.has(8));
  CHECK(m.io_apics.has(31));
  CHECK(!m.io_apics.has(32));
  CHECK(!m.io_apics.has(~0U));
  CHECK(m.io_apics.add({&m.all, 1}, 31) == failure{irq_error::out_of_range});
  CHECK(m.io_apics.add({&m.all, 1}, 0) == failure{irq_error::out_of_range});
  REQUIRE(m.io_apics.add({&m.all, 1}, 32));
  CHECK(m.io_apics.line_count() == 64);
  REQUIRE(m.io_apics.add({&m.all, 1}, 64));  // no more than two devices are here; the driver cannot know
  CHECK(m.io_apics.line_count() == 96);
  io_apics<machine::window, bus::cpu, 1> one;
  REQUIRE(one.add({&m.all, 0}, 0));
  CHECK(one.add({&m.all, 1}, 32) == failure{irq_error::unsupported});
}

TEST_CASE("what firmware left is masked and ended", "[arch_x86_64][io_apics]") {
  for (bool const old : {false, true}) {
    machine m{false, old};
    auto& d = m.all.first;
    auto const write = [&d](std::uint32_t index, std::uint32_t value) {
      d.write(0, 4, index);
      d.write(0x10, 4, value);
    };
    bus::m.apics[0].svr = 0x1ff;
    write(0x10 + 2 * 19 + 1, 0x0300'0000);
    write(0x10 + 2 * 19, 0xa055);  // level, active low, unmasked
    write(0x10 + 2 * 3, 0x0731);   // an 8259's
    d.set_level(19, true);
    REQUIRE((d.entry_of(19) & 0x4000) != 0);
    REQUIRE(m.io_apics.add({&m.all, 0}, 0));
    CHECK(m.all.eois == (old ? 0U : 1U));
    for (unsigned pin = 0; pin < 16; ++pin) CHECK(d.entry_of(pin) == 0x1'0000);
    for (unsigned pin = 16; pin < 24; ++pin) CHECK(d.entry_of(pin) == 0x1'a000);
    CHECK(m.io_apics.mode(3) == line_mode{false, false});
    CHECK(m.io_apics.mode(19) == line_mode{true, true});
    CHECK(m.io_apics.mode(24) == line_mode{});
    CHECK(bus::m.mistakes == none);
  }
}

TEST_CASE("a change of an entry is one write of the word that changes", "[arch_x86_64][io_apics]") {
  test::mmio_log log;
  log.answers[0x10] = {0x0017'0020, 0x1'0000};
  io_apics<test::mmio_recorder, host::cpu> io;
  REQUIRE(io.add({&log}, 0));
  log.accesses.clear();
  using access = test::mmio_access;
  // One word alone is one write.
  REQUIRE(io.set_destination(2, 0x21));
  CHECK(log.accesses == std::vector<access>{{'w', 4, 0, 0x15}, {'w', 4, 0x10, 0x2100'0000}});
  log.accesses.clear();
  REQUIRE(io.set_vector(2, 0x71));
  CHECK(log.accesses == std::vector<access>{{'w', 4, 0, 0x14}, {'w', 4, 0x10, 0x1'0071}});
  log.accesses.clear();
  REQUIRE(io.unmask(2));
  CHECK(log.accesses == std::vector<access>{{'w', 4, 0, 0x14}, {'w', 4, 0x10, 0x71}});
  log.accesses.clear();
  // Nothing new is nothing written.
  REQUIRE(io.unmask(2));
  REQUIRE(io.set_destination(2, 0x21));
  REQUIRE(io.set_vector(2, 0x71));
  CHECK(log.accesses.empty());
  CHECK(io.set_destination(2, 0xff) == failure{irq_error::unsupported});
  CHECK(io.set_destination(24, 1) == failure{irq_error::out_of_range});
  CHECK(io.set_vector(24, 0x40) == failure{irq_error::out_of_range});
  // A level's vector: masked, ended by the EOI register, edge-triggered, a masked level, and as it was.
  REQUIRE(io.set_mode(2, {true, true}));
  log.accesses.clear();
  REQUIRE(io.set_vector(2, 0x72));
  CHECK(log.accesses == std::vector<access>{{'w', 4, 0, 0x14},
                                            {'w', 4, 0x10, 0x1'a071},
                                            {'w', 4, 0x40, 0x71},
                                            {'w', 4, 0, 0x14},
                                            {'w', 4, 0x10, 0x1'2071},
                                            {'w', 4, 0, 0x14},
                                            {'w', 4, 0x10, 0x1'a072},
                                            {'w', 4, 0, 0x14},
                                            {'w', 4, 0x10, 0xa072}});
}

TEST_CASE("lines are wired as the MADT says", "[arch_x86_64][io_apics]") {
  test::blob body(8);
  auto const add = [&body](std::vector<std::uint8_t> const& e) { body.insert(body.end(), e.begin(), e.end()); };
  add({1, 12, 4, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0});      // I/O APIC 4, GSI 0
  add({1, 12, 5, 0, 0, 0x10, 0xc0, 0xfe, 40, 0, 0, 0});  // I/O APIC 5, GSI 40
  add({1, 12, 6, 0, 0, 0x20, 0xc0, 0xfe, 0, 0, 0, 0});   // one that says the same lines
  add({2, 10, 0, 0, 2, 0, 0, 0, 0, 0});                  // ISA 0 arrives at 2, as usual
  add({2, 10, 0, 9, 9, 0, 0, 0, 0xd, 0});                // the SCI: level, active high
  add({2, 10, 0, 11, 20, 0, 0, 0, 0xf, 0});              // ISA 11 at 20, level, active low
  add({2, 10, 0, 5, 41, 0, 0, 0, 5, 0});                 // ISA 5 at 41, edge, active high
  add({2, 10, 0, 6, 200, 0, 0, 0, 5, 0});                // ISA 6 at a line that is not there
  add({2, 10, 1, 7, 7, 0, 0, 0, 0xf, 0});                // not the ISA bus
  test::blob const table = test::acpi_table_of("APIC", body, 3);
  auto const madt = boot::acpi_madt::open({"APIC", {0x1000}, test::view_of(table)});
  REQUIRE(madt);
  machine m;
  std::vector<std::uint64_t> mapped;
  auto const done = m.io_apics.add_all(*madt, [&](host_phys p) {
    mapped.push_back(p.value);
    return machine::window{&m.all, p.value == 0xfec0'1000 ? 1U : 0U};
  });
  CHECK(done == failure{irq_error::out_of_range});
  CHECK(mapped == std::vector<std::uint64_t>{0xfec0'0000, 0xfec0'1000, 0xfec0'2000});
  CHECK(m.io_apics.line_count() == 72);
  CHECK(m.io_apics.mode(2) == line_mode{false, false});
  CHECK(m.io_apics.mode(9) == line_mode{false, true});
  CHECK(m.io_apics.mode(20) == line_mode{true, true});
  CHECK(m.io_apics.mode(41) == line_mode{false, false});
  CHECK(m.io_apics.mode(42) == line_mode{true, true});
  CHECK(m.io_apics.mode(7) == line_mode{false, false});
  CHECK(m.all.first.entry_of(9) == 0x1'8000);
  CHECK(m.all.second.entry_of(1) == 0x1'0000);
  CHECK(bus::m.mistakes == none);
}

TEST_CASE("a line can be an NMI, and is no line then", "[arch_x86_64][io_apics]") {
  machine m;
  REQUIRE(m.io_apics.add({&m.all, 0}, 0));
  CHECK(m.io_apics.make_nmi(24, false, 3) == failure{irq_error::out_of_range});
  CHECK(m.io_apics.make_nmi(20, false, 0xff) == failure{irq_error::unsupported});
  REQUIRE(m.io_apics.make_nmi(20, true, 3));
  CHECK(m.all.first.entry_of(20) == 0x0300'0000'0000'2400);
  CHECK(!m.io_apics.has(20));
  CHECK(m.io_apics.mask(20) == failure{irq_error::out_of_range});
  m.set_line(20, true);
  CHECK(bus::m.apics[0].nmis == 1);
  CHECK(m.io_apics.line_count() == 24);
  CHECK(bus::m.mistakes == none);
}

// SPDX-License-Identifier: BSL-1.0
// One virtual local APIC: modes, accesses, and how interrupts go to the processor and come to their end.
#include <axhal/arch/x86_64/vlapics.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::x86_64;

// Numbers are written out: the test knows the manual, not the header.
struct bench {
  vlapics<2> apics;
  ticks now{};
  std::uint64_t woken{};
  std::vector<unsigned> completed{};
  unsigned deadlines{};

  explicit bench(vlapic_options options = {.tsc = {1}, .bus = {1}, .physical_bits = 40}) : apics{options} {}

  void wake(std::uint64_t vcpus) { woken |= vcpus; }
  void end_of_interrupt(std::uint8_t vector) { completed.push_back(vector); }
  void deadline_changed() { ++deadlines; }

  vlapic& apic(unsigned v = 0) { return apics[{v}]; }
  std::uint64_t rd(std::uint64_t offset, unsigned v = 0) { return apics.read({v}, offset, 4, now); }
  void wr(std::uint64_t offset, std::uint64_t value, unsigned v = 0) { apics.write({v}, offset, 4, value, now, *this); }
  std::uint64_t rdmsr(std::uint32_t n) { return apics.read_msr({0}, n, now).value_or(0xdead); }
  bool wrmsr(std::uint32_t n, std::uint64_t value) { return apics.write_msr({0}, n, value, now, *this).has_value(); }
  void enable(unsigned v = 0) { wr(0xf0, 0x1ff, v); }
  void edge(std::uint8_t vector, unsigned v = 0) {
    apics.send(apic_message{.destination = v, .vector = vector}, *this);
  }
  void level(std::uint8_t vector) { apics.send(apic_message{.vector = vector, .trigger = apic_trigger::level}, *this); }
  /// The vector that would interrupt now, 0 for none.
  unsigned next(unsigned v = 0) {
    vlapic_vector const found = apic(v).highest();
    return found ? *found : 0U;
  }
};

TEST_CASE("nothing is delivered before software enables the APIC", "[x86_64][vlapic]") {
  bench b;
  b.edge(0x41);
  CHECK(b.woken == 0);
  CHECK(b.next() == 0);
  b.enable();
  CHECK(b.next() == 0);
  b.edge(0x41);
  CHECK(b.woken == 1);
  CHECK(b.next() == 0x41);
  // What is requested waits while it is disabled again.
  b.wr(0xf0, 0xff);
  CHECK(b.next() == 0);
  b.edge(0x42);
  b.enable();
  CHECK(b.apic().has_work());
  CHECK(b.next() == 0x41);
  CHECK(b.apic().accept(0x41));
  CHECK(b.next() == 0);
}

TEST_CASE("priorities: classes interrupt each other, vectors of a class wait", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.edge(0x51);
  b.edge(0x5f);
  b.edge(0x42);
  CHECK(b.rd(0x220) == 0x8002'0004);
  CHECK(b.next() == 0x5f);
  CHECK(b.apic().accept(0x5f));
  CHECK(b.rd(0x120) == 0x8000'0000);
  CHECK(b.rd(0x0a0) == 0x50);
  CHECK(b.next() == 0);
  CHECK(!b.apic().accept(0x51));
  b.edge(0x60);
  CHECK(b.next() == 0x60);
  CHECK(b.apic().accept(0x60));
  CHECK(b.rd(0x0a0) == 0x60);
  b.wr(0x0b0, 0);
  CHECK(b.rd(0x0a0) == 0x50);
  CHECK(b.next() == 0);
  b.wr(0x0b0, 0);
  CHECK(b.next() == 0x51);
  b.wr(0x080, 0x5c);
  CHECK(b.rd(0x0a0) == 0x5c);
  CHECK(b.next() == 0);
  b.wr(0x080, 0x4f);
  CHECK(b.next() == 0x51);
  CHECK(b.apic().accept(0x51));
  CHECK(b.rd(0x0a0) == 0x50);
  b.wr(0x0b0, 0);
  b.wr(0x0b0, 0);  // nothing is in service: nothing happens
  CHECK(b.rd(0x0a0) == 0x4f);
  CHECK(b.next() == 0);
  b.apic().set_cr8(3);
  CHECK(b.rd(0x080) == 0x30);
  CHECK(b.next() == 0x42);
  b.wr(0x080, 0xff);
  CHECK(b.apic().cr8() == 15);
  CHECK(b.completed.empty());
}

TEST_CASE("arbitration priority", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x080, 0x75);
  CHECK(b.rd(0x090) == 0x75);
  b.edge(0x71);
  CHECK(b.rd(0x090) == 0x75);
  b.edge(0x92);
  CHECK(b.rd(0x090) == 0x90);
  CHECK(b.apic().accept(0x92));
  // In service 9, task 7, requested 7: the larger of 9 & 7 and 7.
  CHECK(b.rd(0x090) == 0x70);
}

TEST_CASE("has_work: false until something comes, and while nothing changes", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  CHECK(b.next() == 0);
  CHECK(!b.apic().has_work());
  b.wr(0x080, 0xf0);
  b.edge(0x41);
  CHECK(b.apic().has_work());
  CHECK(b.next() == 0);
  CHECK(!b.apic().has_work());
  // The second one is the first one: nobody need be woken.
  b.woken = 0;
  b.edge(0x41);
  CHECK(b.woken == 0);
  CHECK(!b.apic().has_work());
  b.wr(0x080, 0);
  CHECK(b.apic().has_work());
  CHECK(b.next() == 0x41);
  CHECK(b.apic().has_work());
  CHECK(b.apic().accept(0x41));
  CHECK(b.next() == 0);
  CHECK(!b.apic().has_work());
  // A task priority that is written again is no news.
  b.apic().set_cr8(0);
  b.wr(0x080, 0);
  CHECK(!b.apic().has_work());
  b.wr(0x0b0, 0);
  CHECK(b.apic().has_work());
  CHECK(b.next() == 0);
  // An event that nobody has taken out stays work.
  b.apics.send(apic_message{.mode = apic_delivery_mode::nmi}, b);
  CHECK(b.next() == 0);
  CHECK(b.apic().has_work());
  CHECK(b.apic().take_events() == vlapic_events{.nmi = true});
  CHECK(b.apic().take_events() == vlapic_events{});
  CHECK(b.next() == 0);
  CHECK(!b.apic().has_work());
}

TEST_CASE("the end of a level-triggered interrupt is told to I/O APICs", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.level(0x41);
  CHECK(b.rd(0x1a0) == 2);
  b.edge(0x31);
  CHECK(b.apic().accept(0x41));
  b.wr(0x0b0, 0);
  CHECK(b.completed == std::vector<unsigned>{0x41});
  CHECK(b.apic().accept(0x31));
  b.wr(0x0b0, 0);
  CHECK(b.completed.size() == 1);
  // A vector is what its last request was.
  b.edge(0x41);
  CHECK(b.rd(0x1a0) == 0);
  CHECK(b.apic().accept(0x41));
  b.wr(0x0b0, 0);
  CHECK(b.completed.size() == 1);
  // Suppressing the broadcast is not offered.
  b.wr(0x0f0, 0x11ff);
  CHECK(b.rd(0x0f0) == 0x1ff);
}

TEST_CASE("IA32_APIC_BASE: every transition", "[x86_64][vlapic]") {
  // Disabled, xAPIC, x2APIC, and EXTD alone, which is no state.
  constexpr std::uint64_t states[] = {0xfee0'0100, 0xfee0'0900, 0xfee0'0d00, 0xfee0'0500};
  constexpr bool legal[3][4] = {{true, true, false, false}, {true, true, true, false}, {true, false, true, false}};
  for (unsigned from = 0; from < 3; ++from) {
    for (unsigned to = 0; to < 4; ++to) {
      CAPTURE(from, to);
      bench b;
      REQUIRE(b.wrmsr(0x1b, states[from]));
      CHECK(b.wrmsr(0x1b, states[to]) == legal[from][to]);
      CHECK(b.rdmsr(0x1b) == states[legal[from][to] ? to : from]);
    }
  }
  bench b;
  for (unsigned bit : {0U, 7U, 9U, 40U, 51U, 52U, 63U}) CHECK(!b.wrmsr(0x1b, 0xfee0'0900 | std::uint64_t{1} << bit));
  CHECK(b.wrmsr(0x1b, 0xff'0000'0800));
  CHECK(b.apic().page() == guest_phys{0xff'0000'0000});
}

TEST_CASE("what a change of mode keeps", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x080, 0x20);
  b.wr(0x0d0, 0x0700'0000);
  b.wr(0x310, 0x0500'0000);
  b.wr(0x320, 0x31);
  b.edge(0x15);
  CHECK(b.rdmsr(0x808) == 0xdead);
  REQUIRE(b.wrmsr(0x1b, 0xfee0'0d00));
  CHECK(b.rd(0x080) == 0xffff'ffff);
  CHECK(b.apics.read({0}, 0x081, 1, {}) == 0xff);
  CHECK(b.apics.read({0}, 0x080, 8, {}) == ~std::uint64_t{0});
  b.wr(0x080, 0x70);
  CHECK(b.rdmsr(0x808) == 0x20);
  CHECK(b.rdmsr(0x80d) == 1);
  CHECK(b.rdmsr(0x830) == 0);
  CHECK(b.rdmsr(0x832) == 0x31);
  CHECK(b.rdmsr(0x820) == 1U << 0x15);
  REQUIRE(b.wrmsr(0x1b, 0xfee0'0100));
  CHECK(b.rdmsr(0x808) == 0xdead);
  CHECK(b.rd(0x020) == 0xffff'ffff);
  CHECK(b.next() == 0);
  CHECK(b.apic().takes_extint());
  b.edge(0x41);
  b.apics.send(apic_message{.destination = apic_message::everyone, .mode = apic_delivery_mode::nmi}, b);
  CHECK(!b.apic().take_events().nmi);
  REQUIRE(b.wrmsr(0x1b, 0xfee0'0900));
  CHECK(b.rd(0x080) == 0);
  CHECK(b.rd(0x0f0) == 0xff);
  CHECK(b.rd(0x320) == 0x1'0000);
  CHECK(b.rd(0x200) == 0);
}

TEST_CASE("what is not offered does not exist", "[x86_64][vlapic]") {
  bench b{{.tsc = {1}, .bus = {1}, .x2apic = false, .tsc_deadline = false}};
  CHECK(!b.wrmsr(0x1b, 0xfee0'0d00));
  CHECK(b.rdmsr(0x6e0) == 0xdead);
  CHECK(!b.wrmsr(0x6e0, 5));
  b.enable();
  b.wr(0x320, 0x4'0031);
  CHECK(b.rd(0x320) == 0x31);
  b.wr(0x320, 0x6'0031);
  CHECK(b.rd(0x320) == 0x2'0031);
  bench c{{.tsc = {1}, .bus = {1}, .tsc_deadline = false}};
  REQUIRE(c.wrmsr(0x1b, 0xfee0'0d00));
  CHECK(!c.wrmsr(0x832, 0x4'0031));
  CHECK(c.wrmsr(0x832, 0x2'0031));
}

TEST_CASE("accesses that are not aligned words do nothing", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x080, 0x21);
  for (unsigned bytes : {0U, 1U, 2U, 8U, 16U, ~0U}) {
    CHECK(b.apics.read({0}, 0x080, bytes, {}) == 0);
    b.apics.write({0}, 0x080, bytes, 0x55, {}, b);
  }
  for (unsigned offset : {0x081U, 0x084U, 0x08cU, 0x1080U, 0x1000U}) {
    CHECK(b.rd(offset) == 0);
    b.wr(offset, 0x55);
  }
  CHECK(b.rd(~std::uint64_t{15}) == 0);
  CHECK(b.rd(0x1'0000'0080) == 0);
  CHECK(b.rd(0x080) == 0x21);
  b.wr(0x280, 0);
  CHECK(b.rd(0x280) == 0);
}

TEST_CASE("errors: noted, latched by a write, one interrupt until then", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x370, 0xfe);
  CHECK(b.rd(0x040) == 0);
  CHECK(b.next() == 0xfe);
  CHECK(b.rd(0x280) == 0);
  CHECK(b.apic().accept(0xfe));
  b.wr(0x0b0, 0);
  b.wr(0x3f0, 1);
  b.wr(0x300, 0x0f);  // a command with an illegal vector
  CHECK(b.next() == 0);
  b.wr(0x280, 0);
  CHECK(b.rd(0x280) == 0xa0);
  b.edge(0x0f);
  CHECK(b.apic().take_events() == vlapic_events{});
  CHECK(b.next() == 0xfe);
  b.wr(0x280, 0);
  CHECK(b.rd(0x280) == 0x40);
  b.wr(0x280, 0);
  CHECK(b.rd(0x280) == 0);
  // The error interrupt itself can be one.
  b.wr(0x370, 0x05);
  CHECK(b.rd(0x060) == 0);
  b.wr(0x280, 0);
  CHECK(b.rd(0x280) == 0xc0);
}

TEST_CASE("the timer interrupts as its entry says", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x3e0, 0xb);
  b.wr(0x380, 100);
  CHECK(!b.apic().deadline());
  b.now = {40};
  b.wr(0x320, 0x31);
  CHECK(b.apic().deadline() == ticks{100});
  CHECK(b.rd(0x390) == 60);
  b.now = {100};
  CHECK(b.next() == 0);
  b.apic().advance(b.now);
  CHECK(b.next() == 0x31);
  CHECK(b.apic().accept(0x31));
  b.wr(0x0b0, 0);
  // What came to its end while it was masked does not come later.
  b.wr(0x320, 0x1'0031);
  b.wr(0x380, 100);
  b.now = {300};
  b.wr(0x320, 0x31);
  CHECK(b.next() == 0);
  // A new count replaces the one before, but not the interrupt of one that had ended.
  b.wr(0x380, 100);
  b.now = {450};
  b.wr(0x380, 100);
  CHECK(b.next() == 0x31);
  CHECK(b.apic().deadline() == ticks{550});
  CHECK(b.deadlines > 0);
  b.deadlines = 0;
  CHECK(b.wrmsr(0x6e0, 1));
  CHECK(b.rdmsr(0x6e0) == 0);
  b.wr(0x320, 0x4'0032);
  CHECK(b.wrmsr(0x6e0, 460));
  CHECK(b.deadlines == 3);
  CHECK(b.apic().deadline() == ticks{460});
  CHECK(b.rdmsr(0x6e0) == 460);
  b.now = {460};
  CHECK(b.rdmsr(0x6e0) == 0);
  CHECK(b.next() == 0x32);
  CHECK(b.apic().accept(0x32));
  b.wr(0x0b0, 0);
  // Software that disables the APIC masks everything.
  CHECK(b.wrmsr(0x6e0, 500));
  b.wr(0x0f0, 0xff);
  CHECK(b.rd(0x320) == 0x5'0032);
  CHECK(!b.apic().deadline());
  b.wr(0x320, 0x32);
  CHECK(b.rd(0x320) == 0x1'0032);
}

TEST_CASE("local interrupts: LINT0, LINT1, thermal, performance, CMCI", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  CHECK(!b.apic().takes_extint());
  b.wr(0x350, 0x700);
  CHECK(b.apic().takes_extint());
  b.wr(0x350, 0x1'0700);
  CHECK(!b.apic().takes_extint());
  b.wr(0x360, 0x400);
  b.apic().set_pin(1, true);
  b.apic().set_pin(1, true);
  CHECK(b.apic().take_events() == vlapic_events{.nmi = true});
  CHECK(b.apic().take_events() == vlapic_events{});
  b.apic().set_pin(1, false);
  b.apic().set_pin(1, true);
  CHECK(b.apic().take_events() == vlapic_events{.nmi = true});

  b.wr(0x340, 0x400);
  b.apic().raise(apic_lvt_entry::performance);
  CHECK(b.apic().take_events() == vlapic_events{.nmi = true});
  CHECK(b.rd(0x340) == 0x1'0400);
  b.apic().raise(apic_lvt_entry::performance);
  CHECK(b.apic().take_events() == vlapic_events{});
  b.wr(0x330, 0x71);
  b.apic().raise(apic_lvt_entry::thermal);
  CHECK(b.next() == 0x71);
  b.wr(0x2f0, 0x81);
  b.apic().raise(apic_lvt_entry::cmci);
  CHECK(b.next() == 0x81);
}

TEST_CASE("LINT0 as a level", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  b.wr(0x350, 0x8041);
  b.apic().set_pin(0, true);
  CHECK(b.rd(0x350) == 0xc041);
  CHECK(b.next() == 0x41);
  CHECK(b.apic().accept(0x41));
  CHECK(b.next() == 0);
  b.wr(0x0b0, 0);
  CHECK(b.next() == 0x41);
  CHECK(b.apic().accept(0x41));
  b.apic().set_pin(0, false);
  b.wr(0x0b0, 0);
  CHECK(b.rd(0x350) == 0x8041);
  CHECK(b.next() == 0);
  // Unmasked while it is active.
  b.wr(0x350, 0x1'8041);
  b.apic().set_pin(0, true);
  CHECK(b.next() == 0);
  b.wr(0x350, 0x8041);
  CHECK(b.next() == 0x41);
}

TEST_CASE("virtual wire mode", "[x86_64][vlapic]") {
  bench b;
  b.apic().enter_virtual_wire();
  CHECK(b.rd(0x0f0) == 0x1ff);
  CHECK(b.rd(0x350) == 0x700);
  CHECK(b.rd(0x360) == 0x400);
  CHECK(b.apic().takes_extint());
  b.edge(0x41);
  CHECK(b.next() == 0x41);
}

TEST_CASE("INIT and start-up", "[x86_64][vlapic]") {
  bench b;
  b.enable();
  CHECK(!b.apic(0).waits_for_start());
  CHECK(b.apic(1).waits_for_start());
  b.wr(0x310, 1U << 24);
  b.wr(0x300, 0xc500);
  CHECK(b.woken == 2);
  b.wr(0x300, 0x8500);
  CHECK(b.apic(1).has_work());
  CHECK(b.apic(1).take_events() == vlapic_events{.init = true});
  b.wr(0x300, 0x69a);
  b.wr(0x300, 0x69a);
  CHECK(b.apic(1).take_events() == vlapic_events{.start = true, .page = 0x9a});
  CHECK(!b.apic(1).waits_for_start());
  b.wr(0x300, 0x69b);
  CHECK(b.apic(1).take_events() == vlapic_events{});
  // It runs, sets its APIC up, and is reset.
  b.enable(1);
  b.wr(0x080, 0x30, 1);
  b.edge(0x41, 1);
  CHECK(b.rd(0x220, 1) == 2);
  b.wr(0x300, 0x611);
  b.wr(0x300, 0x4500);
  CHECK(b.apic(1).take_events() == vlapic_events{.init = true});  // the start-up IPI came before
  CHECK(b.rd(0x0f0, 1) == 0xff);
  CHECK(b.rd(0x080, 1) == 0);
  CHECK(b.rd(0x200, 1) == 0);
  CHECK(b.rd(0x020, 1) == 0x0100'0000);
  b.wr(0x300, 0x4500);
  b.wr(0x300, 0x612);
  CHECK(b.apic(1).take_events() == vlapic_events{.init = true, .start = true, .page = 0x12});
  // The processor that boots does not wait.
  b.enable(1);
  b.wr(0x310, 0, 1);
  b.wr(0x300, 0x4500, 1);
  CHECK(b.apic(0).take_events() == vlapic_events{.init = true});
  CHECK(!b.apic(0).waits_for_start());
}

TEST_CASE("INIT keeps the mode; a reset of the machine does not", "[x86_64][vlapic]") {
  bench b;
  REQUIRE(b.wrmsr(0x1b, 0xfee0'0d00));
  REQUIRE(b.wrmsr(0x80f, 0x1ff));
  b.apics.send(apic_message{.mode = apic_delivery_mode::init}, b);
  CHECK(b.apic().take_events().init);
  CHECK(b.rdmsr(0x1b) == 0xfee0'0d00);
  CHECK(b.rdmsr(0x80f) == 0xff);
  CHECK(b.rdmsr(0x80d) == 1);
  b.apics.send(apic_message{.mode = apic_delivery_mode::nmi}, b);
  b.apics.reset();
  CHECK(b.rdmsr(0x1b) == 0xfee0'0900);
  CHECK(b.apic().take_events() == vlapic_events{});
  CHECK(b.rd(0x0f0) == 0xff);
}

}  // namespace

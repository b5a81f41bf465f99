// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/apic_mode.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/start_cpu.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "support/simulated_apics.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

struct here {};
using machine = test::simulated_apics<here>;
using xapic = xapic_access<machine::window, machine::cpu>;
using x2apic = x2apic_access<machine::cpu>;
using either = either_apic_access<xapic, x2apic>;
static_assert(LocalApicAccess<xapic> && LocalApicAccess<x2apic> && LocalApicAccess<either>);
std::vector<std::string> const none{};

/// A way to reach the APIC, and the mode that it is for.
template <typename Access, bool X2Apic>
struct way {
  static Access access() {
    if constexpr (std::is_same_v<Access, xapic>) return xapic{machine::window{}};
    if constexpr (std::is_same_v<Access, x2apic>) return {};
    if constexpr (std::is_same_v<Access, either>) return {X2Apic, xapic{machine::window{}}};
  }
  static constexpr bool is_x2apic = X2Apic;
  static local_apic<Access> prepare(std::vector<std::uint32_t> const& ids = {5, 9}) {
    machine::reset(ids);
    for (auto& a : machine::m.apics) a.base_msr = X2Apic ? 0xfee0'0c00 : 0xfee0'0800;
    local_apic<Access> apic{access()};
    for (unsigned cpu = static_cast<unsigned>(ids.size()); cpu-- > 0;) {
      machine::m.cpu = cpu;
      REQUIRE(apic.enable(0xff));
    }
    machine::m.order.clear();
    return apic;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a local APIC is opened, whatever firmware left behind", "[arch_x86_64][local_apic]",
                   (way<xapic, false>), (way<x2apic, true>), (way<either, false>), (way<either, true>)) {
  machine::reset({5});
  auto& a = machine::own();
  a.base_msr = TestType::is_x2apic ? 0xfee0'0c00 : 0xfee0'0800;
  a.svr = 0x1ff;
  a.tpr = 0x80;
  a.lvt[0] = 0x2'0040;
  a.lvt[3] = 0x700;
  a.lvt[4] = 0x400;
  a.isr[0x31] = a.isr[0x80] = a.isr[0xef] = true;
  a.esr = 0x80;
  a.initial = 100;
  a.timer_running = true;
  local_apic apic{TestType::access()};
  CHECK(apic.enable(15) == failure{apic_error::out_of_range});
  REQUIRE(apic.enable(0xfe));
  CHECK(a.svr == 0x1fe);
  CHECK(a.tpr == 0);
  for (std::uint32_t const entry : a.lvt) CHECK(entry == 0x1'00fe);
  CHECK(a.highest(a.isr) == 0);
  CHECK(!a.timer_running);
  CHECK(a.esr == 0);
  CHECK(apic.take_errors() == 0);
  CHECK(apic.id() == 5);
  CHECK(apic.is_x2apic() == TestType::is_x2apic);
  CHECK(apic.last_id() == (TestType::is_x2apic ? 0xffff'fffe : 0xfe));
  apic.disable();
  CHECK((a.svr & 0x100) == 0);
  CHECK(machine::m.mistakes == none);
}

TEST_CASE("no APIC answers", "[arch_x86_64][local_apic]") {
  struct empty_bus {
    static std::uint32_t read32(std::uint64_t) { return 0xffff'ffff; }
    static void write32(std::uint64_t, std::uint32_t) {}
    static std::uint8_t read8(std::uint64_t) { return 0xff; }
    static void write8(std::uint64_t, std::uint8_t) {}
  };
  local_apic apic{xapic_access<empty_bus, host::cpu>{empty_bus{}}};
  CHECK(apic.enable(0xff) == failure{apic_error::absent});
  // A command that is never sent is not waited for without end.
  CHECK(apic.send_nmi(1) == failure{apic_error::busy});
}

TEMPLATE_TEST_CASE("local interrupts that a processor has", "[arch_x86_64][local_apic]", (way<xapic, false>),
                   (way<either, true>)) {
  auto apic = TestType::prepare();
  auto& a = machine::own();
  a.last_lvt = 3;
  a.lvt[0] = 0x5'0030;
  CHECK(!apic.has(local_interrupt::performance));
  CHECK(!apic.has(local_interrupt::thermal));
  CHECK(!apic.has(local_interrupt::cmci));
  CHECK(apic.set_vector(local_interrupt::thermal, 0x40) == failure{apic_error::unsupported});
  apic.unmask(local_interrupt::cmci);
  CHECK(apic.is_masked(local_interrupt::cmci));
  CHECK(apic.set_vector(local_interrupt::error, 0xf) == failure{apic_error::out_of_range});
  REQUIRE(apic.set_vector(local_interrupt::timer, 0xf8));
  CHECK(a.lvt[0] == 0x5'00f8);  // the mode stays
  CHECK(apic.is_masked(local_interrupt::timer));
  apic.unmask(local_interrupt::timer);
  CHECK(a.lvt[0] == 0x4'00f8);
  apic.mask(local_interrupt::timer);
  CHECK(a.lvt[0] == 0x5'00f8);
  a.last_lvt = 6;
  REQUIRE(apic.set_vector(local_interrupt::thermal, 0x51));
  REQUIRE(apic.set_vector(local_interrupt::performance, 0x52));
  REQUIRE(apic.set_vector(local_interrupt::lint0, 0x53));
  REQUIRE(apic.set_vector(local_interrupt::lint1, 0x54));
  REQUIRE(apic.set_vector(local_interrupt::error, 0x55));
  REQUIRE(apic.set_vector(local_interrupt::cmci, 0x56));
  for (unsigned i = 1; i < 7; ++i) CHECK(a.lvt[i] == 0x1'0050 + i);
  CHECK(apic.set_nmi(local_interrupt::timer, false) == failure{apic_error::unsupported});
  REQUIRE(apic.set_nmi(local_interrupt::lint1, false));
  CHECK(a.lvt[4] == 0x400);
  REQUIRE(apic.set_nmi(local_interrupt::lint0, true));
  CHECK(a.lvt[3] == 0x2400);
  CHECK(machine::m.mistakes == none);
}

TEMPLATE_TEST_CASE("interrupts go to other CPUs", "[arch_x86_64][local_apic]", (way<xapic, false>), (way<x2apic, true>),
                   (way<either, false>), (way<either, true>)) {
  auto apic = TestType::prepare();
  auto& own = machine::m.apics[0];
  auto& other = machine::m.apics[1];
  CHECK(apic.send_fixed(9, 15) == failure{apic_error::out_of_range});
  CHECK(apic.send_fixed(TestType::is_x2apic ? 0xffff'ffff : 0xff, 0x40) == failure{apic_error::out_of_range});
  REQUIRE(apic.send_fixed(9, 0x40));
  CHECK(other.irr[0x40]);
  CHECK(!own.irr[0x40]);
  CHECK(other.icr_low == 0);
  CHECK(own.icr_low == 0x4040);
  CHECK(own.icr_high == (TestType::is_x2apic ? 9 : 0x0900'0000));
  REQUIRE(apic.send_fixed_to_others(0x41));
  CHECK(own.icr_low == 0xc'4041);
  CHECK(other.irr[0x41]);
  CHECK(!own.irr[0x41]);
  REQUIRE(apic.send_self(0x42));
  CHECK(own.irr[0x42]);
  CHECK(!other.irr[0x42]);
  CHECK(apic.is_requested(0x42));
  CHECK(!apic.is_requested(0x43));
  CHECK(apic.send_self(3) == failure{apic_error::out_of_range});
  CHECK(apic.send_fixed_to_others(3) == failure{apic_error::out_of_range});
  REQUIRE(apic.send_nmi(9));
  CHECK(own.icr_low == 0x4400);
  REQUIRE(apic.send_nmi_to_others());
  CHECK(own.icr_low == 0xc'4400);
  CHECK(other.nmis == 2);
  CHECK(own.nmis == 0);
  REQUIRE(apic.send_init(9));
  CHECK(own.icr_low == 0x4500);
  CHECK(other.inits == 1);
  REQUIRE(apic.send_start_up(9, 0x8));
  CHECK(own.icr_low == 0x4608);
  CHECK(other.start_ups == std::vector<std::uint8_t>{8});
  CHECK(machine::m.mistakes == none);
  CHECK(!machine::m.raised_while_open);
}

TEST_CASE("the page takes one command at a time, with interrupts masked and put back", "[arch_x86_64][local_apic]") {
  auto apic = way<xapic, false>::prepare();
  machine::own().busy_reads = 3;
  host::cpu::restore_interrupts({false});
  REQUIRE(apic.send_fixed(9, 0x50));
  CHECK(machine::own().busy_reads == 0);
  CHECK(!host::cpu::interrupts_masked());
  CHECK(!machine::m.raised_while_open);
  CHECK(machine::m.order == std::vector<std::string>{"command"});
  machine::own().busy_reads = ~0U;
  CHECK(apic.send_fixed(9, 0x50) == failure{apic_error::busy});
  CHECK(!host::cpu::interrupts_masked());
  CHECK(machine::m.mistakes == none);
}

TEST_CASE("an MSR command waits for earlier stores, and names 32 bits of destination", "[arch_x86_64][local_apic]") {
  auto apic = way<x2apic, true>::prepare({0x1'0005, 0x8000'0001});
  CHECK(apic.id() == 0x1'0005);
  REQUIRE(apic.send_fixed(0x8000'0001, 0x50));
  CHECK(machine::m.order == std::vector<std::string>{"device", "command"});
  CHECK(machine::m.apics[1].irr[0x50]);
  auto page = way<xapic, false>::prepare();
  CHECK(page.send_fixed(0x105, 0x50) == failure{apic_error::out_of_range});
  CHECK(machine::m.mistakes == none);
}

TEMPLATE_TEST_CASE("interrupts are taken, ended and held back", "[arch_x86_64][local_apic]", (way<xapic, false>),
                   (way<x2apic, true>)) {
  auto apic = TestType::prepare();
  REQUIRE(apic.send_self(0x51));
  apic.set_task_priority(0x50);
  CHECK(apic.task_priority() == 0x50);
  CHECK(!machine::take());
  apic.set_task_priority(0x40);
  CHECK(machine::take() == std::uint8_t{0x51});
  CHECK(apic.is_in_service(0x51));
  CHECK(!apic.is_in_service(0x50));
  apic.end_of_interrupt();
  CHECK(!apic.is_in_service(0x51));
  machine::own().esr = 0x60;
  CHECK(apic.take_errors() == 0x60);
  CHECK(apic.take_errors() == 0);
  CHECK(machine::m.mistakes == none);
}

TEMPLATE_TEST_CASE("the timer counts down once", "[arch_x86_64][local_apic]", (way<xapic, false>),
                   (way<x2apic, true>)) {
  auto apic = TestType::prepare();
  constexpr std::uint32_t codes[] = {0xb, 0, 1, 2, 3, 8, 9, 0xa};
  for (unsigned shift = 0; shift < 8; ++shift) {
    apic.set_timer_divider(shift);
    CHECK(machine::own().dcr == codes[shift]);
    apic.start_timer(10);
    machine::pass(4U << shift);
    CHECK(apic.timer_count() == 6);
  }
  apic.stop_timer();
  CHECK(apic.timer_count() == 0);
  REQUIRE(apic.set_vector(local_interrupt::timer, 0x70));
  apic.set_timer_mode(apic_lvt::timer_mode::one_shot);
  apic.unmask(local_interrupt::timer);
  apic.set_timer_divider(0);
  apic.start_timer(10);
  machine::pass(9);
  CHECK(!apic.is_requested(0x70));
  machine::pass(1);
  CHECK(apic.is_requested(0x70));
  // The page's write is in front of the deadline's MSR.
  machine::m.order.clear();
  apic.set_timer_mode(apic_lvt::timer_mode::tsc_deadline);
  CHECK(machine::own().lvt[0] == 0x4'0070);
  CHECK(machine::m.order ==
        (TestType::is_x2apic ? std::vector<std::string>{"mode"} : std::vector<std::string>{"mode", "device"}));
  CHECK(machine::m.mistakes == none);
}

namespace {
/// IA32_APIC_BASE and two words of CPUID.
struct mode_registers {
  static inline std::uint64_t base{};
  static inline cpuid_result features{};
  static inline std::vector<std::uint64_t> writes{};
  static std::uint64_t read_msr(std::uint32_t number) {
    CHECK(number == 0x1b);
    return base;
  }
  static void write_msr(std::uint32_t number, std::uint64_t value) {
    CHECK(number == 0x1b);
    writes.push_back(value);
    base = value;
  }
  static cpuid_result cpuid(std::uint32_t leaf, std::uint32_t) {
    CHECK(leaf == 1);
    // The bit follows EN.
    return (base & 0x800) != 0 ? features : cpuid_result{0, 0, features.ecx, 0};
  }
  static void set(std::uint64_t b, bool x2) {
    base = b;
    writes = {};
    features = {0, 0, x2 ? 1U << 21 : 0, 1U << 9};
  }
};
}  // namespace

TEST_CASE("the mode of an APIC is entered by steps that exist", "[arch_x86_64][local_apic]") {
  using r = mode_registers;
  r::set(0xfee0'0900, true);
  CHECK(enter_apic_mode<r>(false) == apic_mode{false, true, {0xfee0'0000}});
  CHECK(r::writes.empty());
  CHECK(enter_apic_mode<r>(true) == apic_mode{true, true, {0xfee0'0000}});
  CHECK(r::writes == std::vector<std::uint64_t>{0xfee0'0d00});
  // What is in x2APIC mode stays there.
  CHECK(enter_apic_mode<r>(false) == apic_mode{true, true, {0xfee0'0000}});
  CHECK(r::writes.size() == 1);
  // Turned on first.
  r::set(0x12'3456'7000, true);
  CHECK(enter_apic_mode<r>(true) == apic_mode{true, false, {0x12'3456'7000}});
  CHECK(r::writes == std::vector<std::uint64_t>{0x12'3456'7800, 0x12'3456'7c00});
  r::set(0xfee0'0800, false);
  CHECK(enter_apic_mode<r>(true) == apic_mode{false, false, {0xfee0'0000}});
  CHECK(r::writes.empty());
  r::features.edx = 0;
  CHECK(enter_apic_mode<r>(true) == failure{apic_error::absent});
}

TEST_CASE("another CPU is started by INIT and two start-ups", "[arch_x86_64][local_apic]") {
  auto apic = way<xapic, false>::prepare();
  auto& other = machine::m.apics[1];
  std::vector<std::uint64_t> waits;
  auto const wait = [&](nanoseconds n) {
    // What was sent before each pause.
    waits.push_back(n.value * 100 + other.inits * 10 + other.start_ups.size());
  };
  SECTION("it answers after the first") {
    CHECK(start_cpu(apic, 9, {0x8000}, wait, [&] { return !other.start_ups.empty(); }) == true);
    CHECK(waits == std::vector<std::uint64_t>{1'000'000'010, 20'000'011});
    CHECK(other.start_ups == std::vector<std::uint8_t>{8});
  }
  SECTION("it answers after the second") {
    CHECK(start_cpu(apic, 9, {0xff000}, wait, [&] { return other.start_ups.size() == 2; }) == true);
    CHECK(waits == std::vector<std::uint64_t>{1'000'000'010, 20'000'011, 20'000'012});
    CHECK(other.start_ups == std::vector<std::uint8_t>{0xff, 0xff});
  }
  SECTION("it never answers") {
    CHECK(start_cpu(apic, 9, {0x1000}, wait, [] { return false; }) == false);
    CHECK(other.start_ups.size() == 2);
    CHECK(waits.size() == 1003);
  }
  SECTION("it answers late") {
    CHECK(start_cpu(apic, 9, {0x1000}, wait, [&] { return waits.size() >= 10; }) == true);
    CHECK(waits.size() == 10);
  }
  SECTION("places where it cannot begin, and who is not there to begin") {
    for (std::uint64_t const entry : {0x8001ULL, 0x10'0000ULL, 0xa'0000ULL, 0xb'f000ULL, 0x1'0000'8000ULL}) {
      CHECK(start_cpu(apic, 9, {entry}, wait, [] { return true; }) == failure{apic_error::out_of_range});
    }
    CHECK(start_cpu(apic, 0xff, {0x8000}, wait, [] { return true; }) == failure{apic_error::out_of_range});
    CHECK(waits.empty());
    CHECK(other.inits == 0);
  }
  CHECK(machine::m.mistakes == none);
}

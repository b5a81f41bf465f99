// SPDX-License-Identifier: BSL-1.0
// Numbers of the Intel SDM, volume 3, "Advanced Programmable Interrupt Controller (APIC)", written down by hand.
#include <axhal/arch/x86_64/apic_message.hpp>
#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/vlapics.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string_view>

namespace {
using namespace axhal;
using namespace axhal::x86_64;
using reg = apic_registers;
using mode = apic_delivery_mode;

TEST_CASE("offsets and MSR numbers", "[golden][apic]") {
  STATIC_REQUIRE(reg::id == 0x20);
  STATIC_REQUIRE(reg::version == 0x30);
  STATIC_REQUIRE(reg::tpr == 0x80);
  STATIC_REQUIRE(reg::apr == 0x90);
  STATIC_REQUIRE(reg::ppr == 0xa0);
  STATIC_REQUIRE(reg::eoi == 0xb0);
  STATIC_REQUIRE(reg::rrd == 0xc0);
  STATIC_REQUIRE(reg::ldr == 0xd0);
  STATIC_REQUIRE(reg::dfr == 0xe0);
  STATIC_REQUIRE(reg::svr == 0xf0);
  STATIC_REQUIRE(reg::isr == 0x100);
  STATIC_REQUIRE(reg::tmr == 0x180);
  STATIC_REQUIRE(reg::irr == 0x200);
  STATIC_REQUIRE(reg::esr == 0x280);
  STATIC_REQUIRE(reg::lvt_cmci == 0x2f0);
  STATIC_REQUIRE(reg::icr == 0x300);
  STATIC_REQUIRE(reg::icr_high == 0x310);
  STATIC_REQUIRE(reg::lvt_timer == 0x320);
  STATIC_REQUIRE(reg::lvt_thermal == 0x330);
  STATIC_REQUIRE(reg::lvt_performance == 0x340);
  STATIC_REQUIRE(reg::lvt_lint0 == 0x350);
  STATIC_REQUIRE(reg::lvt_lint1 == 0x360);
  STATIC_REQUIRE(reg::lvt_error == 0x370);
  STATIC_REQUIRE(reg::initial_count == 0x380);
  STATIC_REQUIRE(reg::current_count == 0x390);
  STATIC_REQUIRE(reg::dcr == 0x3e0);
  STATIC_REQUIRE(reg::self_ipi == 0x3f0);
  STATIC_REQUIRE(reg::msr(reg::id) == 0x802);
  STATIC_REQUIRE(reg::msr(reg::eoi) == 0x80b);
  STATIC_REQUIRE(reg::msr(reg::icr) == 0x830);
  STATIC_REQUIRE(reg::msr(reg::self_ipi) == 0x83f);
  STATIC_REQUIRE(apic_base::msr == 0x1b);
  STATIC_REQUIRE(apic_tsc_deadline::msr == 0x6e0);
}

TEST_CASE("fields", "[golden][apic]") {
  STATIC_REQUIRE(apic_base::f_bsp::mask == 0x100);
  STATIC_REQUIRE(apic_base::f_extd::mask == 0x400);
  STATIC_REQUIRE(apic_base::f_en::mask == 0x800);
  STATIC_REQUIRE(apic_svr::f_enable::mask == 0x100);
  STATIC_REQUIRE(apic_svr::f_suppress_eoi_broadcast::mask == 0x1000);
  STATIC_REQUIRE(apic_version::f_suppress_eoi_broadcast::mask == 0x100'0000);
  STATIC_REQUIRE(apic_esr::f_redirectable_ipi::mask == 0x10);
  STATIC_REQUIRE(apic_esr::f_send_illegal_vector::mask == 0x20);
  STATIC_REQUIRE(apic_esr::f_receive_illegal_vector::mask == 0x40);
  STATIC_REQUIRE(apic_esr::f_illegal_register_address::mask == 0x80);
  STATIC_REQUIRE(apic_icr::f_delivery_status::mask == 0x1000);
  STATIC_REQUIRE(apic_icr::f_assert::mask == 0x4000);
  STATIC_REQUIRE(apic_icr::f_trigger::mask == 0x8000);
  STATIC_REQUIRE(apic_icr::f_shorthand::mask == 0xc0000);
  STATIC_REQUIRE(apic_lvt::f_active_low::mask == 0x2000);
  STATIC_REQUIRE(apic_lvt::f_remote_irr::mask == 0x4000);
  STATIC_REQUIRE(apic_lvt::f_masked::mask == 0x10000);
  STATIC_REQUIRE(apic_lvt::f_timer_mode::make(apic_lvt::timer_mode::periodic) == 0x20000);
  STATIC_REQUIRE(apic_lvt::f_timer_mode::make(apic_lvt::timer_mode::tsc_deadline) == 0x40000);
  STATIC_REQUIRE(apic_ldr::of_x2apic_id(0) == 0x0000'0001);
  STATIC_REQUIRE(apic_ldr::of_x2apic_id(0x2b) == 0x0002'0800);
}

TEST_CASE("the divide configuration", "[golden][apic]") {
  // Bits 3, 1 and 0: 000 is 2, 001 is 4, and so on; 111 is 1.
  constexpr unsigned codes[] = {0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa, 0xb};
  constexpr unsigned divisors[] = {2, 4, 8, 16, 32, 64, 128, 1};
  for (unsigned i = 0; i < 8; ++i) {
    CHECK(1U << apic_dcr::shift_of(codes[i]) == divisors[i]);
    CHECK(apic_dcr::of_shift(apic_dcr::shift_of(codes[i])) == codes[i]);
  }
}

TEST_CASE("message signalled interrupts", "[golden][apic]") {
  // As Linux writes them: vector 0x41, fixed, edge, to APIC ID 1.
  auto const plain = msi{0xfee0'1000, 0x4041}.message();
  REQUIRE(plain);
  CHECK(*plain == apic_message{.destination = 1, .vector = 0x41});
  CHECK(*msi::of(*plain) == msi{0xfee0'1000, 0x4041});

  // Redirection hint, logical, lowest priority, to members 0 and 2.
  auto const logical = msi{0xfee0'500c, 0x4131}.message();
  REQUIRE(logical);
  CHECK(*logical == apic_message{.destination = 5,
                                 .destination_mode = apic_destination_mode::logical,
                                 .mode = mode::lowest_priority,
                                 .vector = 0x31,
                                 .to_one_only = true});
  CHECK(*msi::of(*logical) == msi{0xfee0'500c, 0x4131});

  // Level, asserted and not; the level bit counts for levels alone.
  CHECK(msi{0xfee0'0000, 0xc050}.message()->trigger == apic_trigger::level);
  CHECK(msi{0xfee0'0000, 0xc050}.message()->asserted);
  CHECK(!msi{0xfee0'0000, 0x8050}.message()->asserted);
  CHECK(msi{0xfee0'0000, 0x0050}.message()->asserted);
  CHECK(msi{0xfee0'0000, 0x0400}.message()->mode == mode::nmi);
  CHECK(msi{0xfee0'0000, 0x0700}.message()->mode == mode::extint);

  CHECK(msi{0xfeef'f000, 0x40}.message()->destination == 0xffff'ffff);
  CHECK(*msi::of({.destination = apic_message::everyone, .vector = 0x40}) == msi{0xfeef'f000, 0x4040});
  CHECK(msi{0xfedf'f000, 0x40}.message() == failure{msi_error::not_a_message});
  CHECK(msi{0xfef0'0000, 0x40}.message() == failure{msi_error::not_a_message});
  CHECK(msi{0x1'fee0'0000, 0x40}.message() == failure{msi_error::not_a_message});
  CHECK(msi::of({.destination = 254}).has_value());
  CHECK(msi::of({.destination = 255}) == failure{msi_error::out_of_range});
  CHECK(msi::of({.destination = 256}) == failure{msi_error::out_of_range});
}

TEST_CASE("interrupt commands", "[golden][apic]") {
  // INIT, its de-assertion, and a start-up IPI for 0x9a000, as operating systems start a processor.
  auto const init = apic_command::of_xapic(0x0100'0000, 0x0000'c500);
  CHECK(init.message.destination == 1);
  CHECK(init.message.mode == mode::init);
  CHECK(init.message.asserted);
  CHECK(!apic_command::of_xapic(0x0100'0000, 0x0000'8500).message.asserted);
  CHECK(apic_command::of_xapic(0x0100'0000, 0x0000'0500).message.asserted);
  auto const start = apic_command::of_xapic(0x0100'0000, 0x0000'069a);
  CHECK(start.message.mode == mode::start_up);
  CHECK(start.message.vector == 0x9a);
  // All but self, NMI.
  auto const nmi = apic_command::of_xapic(0, 0x000c'0400);
  CHECK(nmi.shorthand == apic_shorthand::all_but_self);
  CHECK(nmi.message.mode == mode::nmi);
  CHECK(apic_command::of_xapic(0xff00'0000, 0x40).message.destination == 0xffff'ffff);
  // x2APIC: 32 bits of destination, of which 255 is one like others.
  CHECK(apic_command::of_x2apic(0x0000'00ff'0000'00fd).message.destination == 0xff);
  auto const cluster = apic_command::of_x2apic(0x0001'0004'0000'08fd);
  CHECK(cluster.message.destination == 0x1'0004);
  CHECK(cluster.message.destination_mode == apic_destination_mode::logical);
  // Level means nothing but for INIT.
  CHECK(apic_command::of_xapic(0, 0x8040).message == apic_message{.vector = 0x40});
}

struct silence {
  void wake(std::uint64_t) {}
  void end_of_interrupt(std::uint8_t) {}
  void deadline_changed() {}
};

TEST_CASE("registers after reset", "[golden][vlapic]") {
  vlapics<3> m{{.tsc = {1}, .bus = {1}}};
  // "Local APIC State After Power-Up or Reset"; the timer divides by 2, which is what a register of zeros says.
  for (std::uint32_t at = 0; at < 0x400; at += 16) {
    std::uint64_t expected = 0;
    if (at == 0x20) expected = 0x0200'0000;
    if (at == 0x30) expected = 0x0006'0014;
    if (at == 0xe0) expected = 0xffff'ffff;
    if (at == 0xf0) expected = 0xff;
    if (at == 0x2f0 || (at >= 0x320 && at <= 0x370)) expected = 0x1'0000;
    CAPTURE(at);
    CHECK(m.read({2}, at, 4, {}) == expected);
  }
  CHECK(m.read_msr({0}, 0x1b, {}) == 0xfee0'0900U);
  CHECK(m.read_msr({2}, 0x1b, {}) == 0xfee0'0800U);
}

/// The table "Local APIC Register Address Map Supported by x2APIC", one letter a register from 0x800 on: r, w or b for
/// both, - for none.
constexpr std::string_view x2apic_map =
    "--rr----"
    "b-rw-r-b"
    "rrrrrrrr"
    "rrrrrrrr"
    "rrrrrrrr"
    "b------b"
    "b-bbbbbb"
    "br----bw";

TEST_CASE("which MSRs x2APIC mode has", "[golden][vlapic]") {
  REQUIRE(x2apic_map.size() == 0x40);
  vlapics<2> m{{.tsc = {1}, .bus = {1}}};
  silence none;
  for (std::uint32_t n = 0x800; n <= 0x8ff; ++n) {
    CHECK(!m.read_msr({1}, n, {}));
    CHECK(!m.write_msr({1}, n, 0, {}, none));
  }
  REQUIRE(m.write_msr({1}, 0x1b, 0xfee0'0c00, {}, none));
  for (std::uint32_t n = 0x800; n <= 0x8ff; ++n) {
    CAPTURE(n);
    char const kind = n < 0x840 ? x2apic_map[n - 0x800] : '-';
    CHECK(m.read_msr({1}, n, {}).has_value() == (kind == 'r' || kind == 'b'));
    CHECK(m.write_msr({1}, n, 0, {}, none).has_value() == (kind == 'w' || kind == 'b'));
  }
  CHECK(m.read_msr({1}, 0x802, {}) == 1U);
  CHECK(m.read_msr({1}, 0x80d, {}) == 2U);
}

TEST_CASE("reserved bits in x2APIC mode", "[golden][vlapic]") {
  struct row {
    std::uint32_t number;
    std::uint64_t may;
  };
  // From the figures of the registers; delivery status and remote IRR are read-only, not reserved.
  constexpr row rows[] = {
      {0x808, 0xff},        {0x80b, 0},        {0x80f, 0x3ff},
      {0x828, 0},           {0x82f, 0x1'17ff}, {0x830, 0xffff'ffff'000c'dfff},
      {0x832, 0x7'10ff},    {0x833, 0x1'17ff}, {0x834, 0x1'17ff},
      {0x835, 0x1'f7ff},    {0x836, 0x1'f7ff}, {0x837, 0x1'10ff},
      {0x838, 0xffff'ffff}, {0x83e, 0xb},      {0x83f, 0xff},
  };
  vlapics<1> m{{.tsc = {1}, .bus = {1}}};
  silence none;
  REQUIRE(m.write_msr({0}, 0x1b, 0xfee0'0d00, {}, none));
  for (row const& r : rows) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      CAPTURE(r.number, bit);
      CHECK(m.write_msr({0}, r.number, std::uint64_t{1} << bit, {}, none).has_value() == ((r.may >> bit & 1) != 0));
    }
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/apic_interrupts.hpp>
#include <axhal/arch/x86_64/taken_vectors.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/apic_machine.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

struct here {};
using machine = test::apic_machine<here>;
using bus = machine::bus;
static_assert(VectorSource<taken_vectors>);
std::vector<std::string> const none{};
constexpr std::uint8_t urgent = 0, middle = 0x80, least = 0xff;

struct fixture : machine {
  explicit fixture(bool x2apic = false, bool old = false) : machine{x2apic, old} { REQUIRE(start()); }
  ~fixture() { CHECK(bus::m.mistakes == none); }
  /// A line of the second I/O APIC with that trigger, enabled.
  irq_number line(std::uint32_t n, irq_trigger trigger = irq_trigger::level) {
    irq_number const irq = apic_irq::gsi(second_base + n);
    REQUIRE(irqs.set_trigger(irq, trigger));
    REQUIRE(irqs.enable(irq));
    return irq;
  }
  void drive(irq_number irq, bool up) { set_line(irq.value - 64, up); }
  void pulse(irq_number irq) {
    drive(irq, true);
    drive(irq, false);
  }
  /// Claims and completes what there is, and returns the number; ~0 for nothing.
  std::uint32_t serve() {
    auto const claimed = irqs.claim();
    if (!claimed) return ~0U;
    irqs.complete(*claimed);
    return claimed->irq.value;
  }
};

}  // namespace

TEST_CASE("numbers and vectors of a PC's interrupts", "[arch_x86_64][apic_interrupts]") {
  STATIC_REQUIRE(apic_irq::ipi(7).value == 7);
  STATIC_REQUIRE(apic_irq::gsi(0).value == 64);
  fixture m;
  CHECK(m.irqs.line_count() == 128);
  CHECK(m.irqs.vector_of(apic_irq::ipi(0)) == 0xf0);
  CHECK(m.irqs.vector_of(apic_irq::ipi(7)) == 0xf7);
  CHECK(m.irqs.vector_of(apic_irq::timer) == 0xf8);
  CHECK(m.irqs.vector_of(apic_irq::thermal) == 0xf9);
  CHECK(m.irqs.vector_of(apic_irq::performance) == 0xfa);
  CHECK(m.irqs.vector_of(apic_irq::cmci) == 0xfb);
  CHECK(m.irqs.vector_of(apic_irq::error) == 0xfe);
  CHECK(m.irqs.vector_of(apic_irq::gsi(3)) == 0);
  CHECK(m.irqs.vector_of({13}) == 0);
  CHECK(m.irqs.vector_of(apic_irq::gsi(27)) == 0);
  CHECK(m.irqs.apic_id({1}) == 7U);
  CHECK(m.irqs.apic_id({2}) == failure{irq_error::out_of_range});
  CHECK(m.irqs.init_cpu({4}) == failure{irq_error::out_of_range});
  for (auto const& a : {bus::m.apics[0], bus::m.apics[1]}) {
    CHECK(a.svr == 0x1ff);
    CHECK(a.lvt[0] == 0x1'00f8);
    CHECK(a.lvt[1] == 0x1'00f9);
    CHECK(a.lvt[2] == 0x1'00fa);
    CHECK(a.lvt[5] == 0x1'00fe);
    CHECK(a.lvt[6] == 0x1'00fb);
  }
}

TEST_CASE("priorities become classes of vectors", "[arch_x86_64][apic_interrupts]") {
  fixture m;
  irq_number const a = m.line(0), b = m.line(1), c = m.line(2);
  // 0xa0 of 256 is level 4 of 0 to 11.
  CHECK(m.irqs.vector_of(a) == 0x70);
  CHECK(m.irqs.vector_of(b) == 0x71);
  REQUIRE(m.irqs.set_priority(a, urgent));
  REQUIRE(m.irqs.set_priority(b, middle));
  REQUIRE(m.irqs.set_priority(c, least));
  CHECK(m.irqs.vector_of(a) == 0xe0);
  CHECK(m.irqs.vector_of(b) == 0x80);
  CHECK(m.irqs.vector_of(c) == 0x30);
  CHECK((m.entry(32) & 0x1'ffff) == 0xa0e0);
  CHECK(m.entry(32) >> 56 == 3);
  // A more urgent one comes through while another is served, a less urgent one does not.
  m.drive(b, true);
  auto const first = m.irqs.claim();
  REQUIRE(first);
  CHECK(first->irq == b);
  CHECK(first->raw == 0x80);
  m.drive(c, true);
  CHECK(!m.irqs.claim());
  m.drive(a, true);
  auto const second = m.irqs.claim();
  REQUIRE(second);
  CHECK(second->irq == a);
  m.drive(a, false);
  m.irqs.complete(*second);
  m.drive(b, false);
  CHECK(!m.irqs.claim());
  m.irqs.complete(*first);
  auto const third = m.irqs.claim();
  REQUIRE(third);
  CHECK(third->irq == c);
  m.drive(c, false);
  m.irqs.complete(*third);
  CHECK(m.serve() == ~0U);
}

TEST_CASE("a line that gets another vector loses nothing and is stuck nowhere", "[arch_x86_64][apic_interrupts]") {
  for (bool const old : {false, true}) {
    fixture m{false, old};
    irq_number const edge = m.line(3, irq_trigger::edge);
    // On its way with the old vector.
    m.pulse(edge);
    REQUIRE(m.irqs.set_priority(edge, urgent));
    CHECK(m.serve() == edge.value);
    CHECK(m.serve() == ~0U);
    m.pulse(edge);
    CHECK(m.serve() == edge.value);
    // Twice, with both: the second waits for the first one's end.
    m.pulse(edge);
    REQUIRE(m.irqs.set_priority(edge, least));
    m.pulse(edge);
    auto const first = m.irqs.claim();
    REQUIRE(first);
    CHECK(!m.irqs.claim());
    m.irqs.complete(*first);
    CHECK(m.serve() == edge.value);
    CHECK(m.serve() == ~0U);

    irq_number const level = m.line(4);
    m.drive(level, true);
    REQUIRE(m.irqs.set_priority(level, urgent));
    // The old one and the new one are both there; one is served at a time, and the wire decides how often.
    auto const claimed = m.irqs.claim();
    REQUIRE(claimed);
    CHECK(claimed->irq == level);
    CHECK(!m.irqs.claim());
    m.drive(level, false);
    m.irqs.complete(*claimed);
    static_cast<void>(m.serve());
    CHECK(m.serve() == ~0U);
    m.drive(level, true);
    CHECK(m.serve() == level.value);
    CHECK(m.serve() == level.value);
    m.drive(level, false);
    static_cast<void>(m.serve());
    CHECK(m.serve() == ~0U);
    // While it is claimed.
    m.drive(level, true);
    auto const held = m.irqs.claim();
    REQUIRE(held);
    REQUIRE(m.irqs.set_priority(level, 0x40));
    REQUIRE(m.irqs.set_priority(level, urgent));
    CHECK(!m.irqs.claim());
    m.irqs.complete(*held);
    CHECK(m.serve() == level.value);
    m.drive(level, false);
    // With each vector that it had while its wire was up it may come once, for nothing.
    unsigned for_nothing = 0;
    while (m.serve() == level.value) ++for_nothing;
    CHECK(for_nothing <= 2);
    CHECK(bus::own().highest(bus::own().isr) == 0);
    CHECK((m.all.eois == 0) == old);
  }
}

TEST_CASE("a level that comes with a higher vector while it is claimed is masked until it is completed",
          "[arch_x86_64][apic_interrupts]") {
  fixture m;
  irq_number const level = m.line(4);
  m.drive(level, true);
  auto const held = m.irqs.claim();
  REQUIRE(held);
  REQUIRE(m.irqs.set_priority(level, urgent));
  CHECK(!m.irqs.claim());
  CHECK((m.entry(36) & 0x1'0000) != 0);
  CHECK(m.irqs.is_enabled(level));
  m.irqs.complete(*held);
  CHECK((m.entry(36) & 0x1'0000) == 0);
  CHECK(m.serve() == level.value);
  // Disabled meanwhile: it stays masked.
  auto const again = m.irqs.claim();
  REQUIRE(again);
  REQUIRE(m.irqs.set_priority(level, least));
  REQUIRE(m.irqs.set_priority(level, urgent));
  static_cast<void>(m.irqs.claim());
  REQUIRE(m.irqs.disable(level));
  m.irqs.complete(*again);
  CHECK((m.entry(36) & 0x1'0000) != 0);
  CHECK(m.serve() == ~0U);
  REQUIRE(m.irqs.enable(level));
  CHECK(m.serve() == level.value);
  m.drive(level, false);
}

TEST_CASE("what was on its way when its line was disabled is kept", "[arch_x86_64][apic_interrupts]") {
  fixture m;
  irq_number const edge = m.line(5, irq_trigger::edge);
  m.pulse(edge);
  REQUIRE(m.irqs.disable(edge));
  CHECK(m.serve() == ~0U);
  CHECK(bus::own().highest(bus::own().isr) == 0);
  REQUIRE(m.irqs.enable(edge));
  CHECK(m.serve() == edge.value);
  CHECK(m.serve() == ~0U);
  irq_number const level = m.line(6);
  m.drive(level, true);
  REQUIRE(m.irqs.disable(level));
  CHECK(m.serve() == ~0U);
  REQUIRE(m.irqs.enable(level));
  CHECK(m.serve() == level.value);
  m.drive(level, false);
  static_cast<void>(m.serve());
  CHECK(m.serve() == ~0U);
}

TEST_CASE("interrupts of the CPU's own", "[arch_x86_64][apic_interrupts]") {
  fixture m;
  CHECK(!m.irqs.is_enabled(apic_irq::timer));
  REQUIRE(m.irqs.enable(apic_irq::timer));
  CHECK(m.irqs.is_enabled(apic_irq::timer));
  CHECK(bus::m.apics[1].lvt[0] == 0x1'00f8);  // the other CPU's is its own
  m.local.set_timer_divider(0);
  m.local.start_timer(100);
  bus::pass(100);
  auto const claimed = m.irqs.claim();
  REQUIRE(claimed);
  CHECK(claimed->irq == apic_irq::timer);
  CHECK(m.serve() == ~0U);
  m.irqs.complete(*claimed);
  REQUIRE(m.irqs.disable(apic_irq::timer));
  CHECK(!m.irqs.is_enabled(apic_irq::timer));
  CHECK(m.irqs.set_priority(apic_irq::timer, 0) == failure{irq_error::unsupported});
  CHECK(m.irqs.set_trigger(apic_irq::timer, irq_trigger::level) == failure{irq_error::unsupported});
  CHECK(m.irqs.set_trigger(apic_irq::timer, irq_trigger::edge));
  CHECK(m.irqs.set_affinity(apic_irq::timer, {0}) == failure{irq_error::unsupported});
  CHECK(m.irqs.set_affinity(apic_irq::timer, {3}) == failure{irq_error::out_of_range});
  CHECK(m.irqs.enable(apic_irq::ipi(2)));
  CHECK(m.irqs.is_enabled(apic_irq::ipi(2)));
  CHECK(m.irqs.disable(apic_irq::ipi(2)) == failure{irq_error::unsupported});
  CHECK(m.irqs.send_ipi({0}, apic_irq::timer) == failure{irq_error::out_of_range});
  bus::own().last_lvt = 3;
  CHECK(m.irqs.enable(apic_irq::cmci) == failure{irq_error::unsupported});
  bus::own().busy_reads = ~0U;
  CHECK(m.irqs.send_ipi({1}, apic_irq::ipi(0)) == failure{irq_error::unsupported});
}

TEST_CASE("vectors that are nobody's are ended when they are in service, and only then",
          "[arch_x86_64][apic_interrupts]") {
  struct script {
    static std::vector<std::uint8_t>& left() {
      static std::vector<std::uint8_t> vectors;
      return vectors;
    }
    static result<std::uint8_t, irq_error> take() {
      if (left().empty()) return failure{irq_error::spurious};
      std::uint8_t const v = left().back();
      left().pop_back();
      return v;
    }
  };
  fixture m;
  apic_interrupts<machine::access, machine::io, script, bus::cpu, 4> irqs{m.local, m.io_apics};
  REQUIRE(irqs.init_cpu({0}));
  // The spurious vector, what an 8259 makes when it makes nothing, and a message that nobody asked for.
  bus::own().isr[0xb5] = true;
  bus::own().isr[0xfd] = true;
  script::left() = {0xb5, 0x27, 0xff, 0xfd};
  CHECK(irqs.claim() == failure{irq_error::spurious});
  CHECK(script::left().empty());
  CHECK(bus::own().highest(bus::own().isr) == 0);
  // One that is somebody's is found behind them.
  bus::own().isr[0xf3] = true;
  script::left() = {0xf3, 0xff};
  auto const claimed = irqs.claim();
  REQUIRE(claimed);
  CHECK(claimed->irq == apic_irq::ipi(3));
  irqs.complete(*claimed);
  // An endless row of spurious ones comes to an end.
  script::left() = std::vector<std::uint8_t>(1000, 0xff);
  CHECK(irqs.claim() == failure{irq_error::spurious});
  CHECK(script::left().size() == 744);
}

TEST_CASE("messages of devices are lines without a wire", "[arch_x86_64][apic_interrupts]") {
  fixture m;
  auto const irq = m.irqs.add_message();
  REQUIRE(irq);
  CHECK(irq->value == 32);
  auto const message = m.irqs.message_of(*irq);
  CHECK(message == msi{0xfee0'3000, 0x4070});
  auto const send = [&] {
    auto const now = m.irqs.message_of(*irq);
    bus::deliver(
        {static_cast<std::uint32_t>(now->address >> 12 & 0xff), 0, static_cast<std::uint8_t>(now->data), false});
  };
  // Disabled: kept.
  send();
  CHECK(m.serve() == ~0U);
  REQUIRE(m.irqs.enable(*irq));
  CHECK(m.serve() == 32);
  send();
  CHECK(m.serve() == 32);
  REQUIRE(m.irqs.set_priority(*irq, urgent));
  REQUIRE(m.irqs.set_affinity(*irq, {1}));
  CHECK(m.irqs.message_of(*irq) == msi{0xfee0'7000, 0x40e0});
  send();
  CHECK(m.serve() == ~0U);
  bus::m.cpu = 1;
  CHECK(m.serve() == 32);
  bus::m.cpu = 0;
  CHECK(m.irqs.set_trigger(*irq, irq_trigger::level) == failure{irq_error::unsupported});
  CHECK(m.irqs.set_trigger(*irq, irq_trigger::edge));
  CHECK(m.irqs.message_of({33}) == failure{irq_error::out_of_range});
  CHECK(m.irqs.message_of(apic_irq::gsi(3)) == failure{irq_error::out_of_range});
  for (unsigned i = 1; i < 32; ++i) CHECK(m.irqs.add_message() == irq_number{32 + i});
  CHECK(m.irqs.add_message() == failure{irq_error::unsupported});
}

TEST_CASE("a CPU whose APIC ID has more than 8 bits takes interrupts of CPUs, and no lines",
          "[arch_x86_64][apic_interrupts]") {
  machine m{true};
  bus::m.apics[1].id = 0x1'0000;
  REQUIRE(m.start());
  irq_number const irq = apic_irq::gsi(5);
  CHECK(m.irqs.set_affinity(irq, {1}) == failure{irq_error::unsupported});
  CHECK(m.irqs.send_ipi({1}, apic_irq::ipi(0)));
  CHECK(bus::m.apics[1].irr[0xf0]);
  REQUIRE(m.irqs.add_message());
  CHECK(m.irqs.set_affinity({32}, {1}) == failure{irq_error::unsupported});
  CHECK(bus::m.mistakes == none);
}

TEST_CASE("vectors keep the order of priorities, however many there are", "[arch_x86_64][apic_interrupts]") {
  apic_vector_pool pool;
  std::map<std::uint8_t, unsigned> level_of;
  std::map<std::uint8_t, std::uint32_t> line_of;
  // An order that fills the classes unevenly: some levels overflow into their neighbours.
  std::uint32_t line = 100;
  unsigned refused = 0;
  for (unsigned i = 0; i < 400; ++i) {
    unsigned const level = (i * 7 + i / 13) % 12 < 5 ? 4 : (i * 5) % 12;
    std::uint8_t const vector = pool.allocate(line, level);
    if (vector == 0) {
      ++refused;
      continue;
    }
    REQUIRE(vector >= 0x30);
    REQUIRE(vector <= 0xef);
    REQUIRE(!level_of.contains(vector));
    level_of[vector] = level;
    line_of[vector] = line++;
  }
  CHECK(refused > 0);
  CHECK(level_of.size() > 120);
  unsigned last = 0;
  for (auto const& [vector, level] : level_of) {
    CHECK(level >= last);
    last = level;
    CHECK(pool.line_of(vector) == line_of[vector]);
  }
  CHECK(pool.line_of(0x20) == apic_vector_pool::no_line);
  CHECK(pool.allocate(1, 12) == 0);
}

TEST_CASE("a vector that was given back is used last", "[arch_x86_64][apic_interrupts]") {
  apic_vector_pool pool;
  std::uint8_t const first = pool.allocate(70, 3);
  CHECK(first == 0x60);
  pool.retire(first);
  CHECK(pool.line_of(first) == 70);
  // 191 others are there before it.
  for (unsigned i = 0; i < 191; ++i) {
    std::uint8_t const vector = pool.allocate(200 + i, 3);
    REQUIRE(vector != 0);
    REQUIRE(vector != first);
  }
  CHECK(pool.allocate(500, 3) == first);
  CHECK(pool.line_of(first) == 500);
  CHECK(pool.allocate(501, 3) == 0);
  STATIC_REQUIRE(apic_vector_pool::level_of(0) == 11);
  STATIC_REQUIRE(apic_vector_pool::level_of(0x15) == 11);
  STATIC_REQUIRE(apic_vector_pool::level_of(0x16) == 10);
  STATIC_REQUIRE(apic_vector_pool::level_of(0x80) == 5);
  STATIC_REQUIRE(apic_vector_pool::level_of(0xff) == 0);
}

TEST_CASE("lines beyond the vectors are refused, and those that are there go on", "[arch_x86_64][apic_interrupts]") {
  fixture m;
  // The most and the least urgent side by side leave nothing in between them.
  for (std::uint32_t i = 0; i < 16; ++i) REQUIRE(m.irqs.set_priority(m.line(i), urgent));
  irq_number const extra = apic_irq::gsi(32 + 16);
  REQUIRE(m.irqs.set_priority(extra, urgent));
  REQUIRE(m.irqs.enable(extra));
  CHECK(m.irqs.vector_of(extra) == 0xdf);
  REQUIRE(m.irqs.set_priority(m.line(17), 0x16));
  CHECK(m.irqs.vector_of(apic_irq::gsi(32 + 17)) < 0xdf);
}

// SPDX-License-Identifier: BSL-1.0

#include <catch2/catch_test_macros.hpp>

#include "support/aplic_bench.hpp"
#include "support/mmio_recorder.hpp"

namespace {

using namespace axhal;
using namespace axhal::test::aplic_bench;
using riscv64::aplic_source_mode;
using test::simulated_aplic;
using test::test_hart;

template <typename Aplic>
void refuses_numbers(Aplic& aplic) {
  for (std::uint32_t const source : {0U, 96U, 1023U, 1024U, 0x8000'0000U, ~0U}) {
    CHECK(aplic.enable(source) == failure{irq_error::out_of_range});
    CHECK(aplic.disable(source) == failure{irq_error::out_of_range});
    CHECK_FALSE(aplic.is_enabled(source));
    CHECK_FALSE(aplic.is_pending(source));
    CHECK_FALSE(aplic.is_asserted(source));
    CHECK(aplic.set_pending(source) == failure{irq_error::out_of_range});
    CHECK(aplic.set_priority(source, 0) == failure{irq_error::out_of_range});
    CHECK(aplic.set_trigger(source, irq_trigger::level) == failure{irq_error::out_of_range});
    CHECK(aplic.set_mode(source, aplic_source_mode::edge1) == failure{irq_error::out_of_range});
    CHECK(aplic.mode_of(source) == aplic_source_mode::inactive);
    CHECK(aplic.set_affinity(source, boot) == failure{irq_error::out_of_range});
    aplic.complete(boot, source);
  }
  for (cpu_number const cpu : {cpu_number{2}, cpu_number{4}, cpu_number{~0U}}) {
    CHECK(aplic.set_affinity(10, cpu) == failure{irq_error::out_of_range});
  }
}

}  // namespace

TEST_CASE("a window without an APLIC of this kind is refused") {
  for (std::uint32_t const answer : {0U, ~0U, 0x80U, 0x8000'0001U, 0x8000'0004U}) {
    test::mmio_log log;
    log.answers[0] = {answer};
    riscv64::aplic_direct<test::mmio_recorder, 1> aplic{{&log}};
    CHECK(aplic.init(95) == failure{irq_error::unsupported});
    for (test::mmio_access const& a : log.accesses) CHECK(a.value == (a.direction == 'r' ? answer : 0));
    CHECK(aplic.source_count() == 0);
    CHECK(aplic.init_cpu(boot, 0) == failure{irq_error::unsupported});
    CHECK(aplic.enable(1) == failure{irq_error::out_of_range});
    CHECK(aplic.claim(boot) == 0);
  }
  simulated_aplic wires_only;
  wires_only.has_msi = false;
  test::simulated_harts harts;
  test_hart::machine = &harts;
  by_message aplic{{&wires_only}, {&harts}, {}};
  CHECK(aplic.init(95, 255) == failure{irq_error::unsupported});
  CHECK(aplic.init(0, 255) == failure{irq_error::out_of_range});
  CHECK(aplic.init(95, 1) == failure{irq_error::out_of_range});
  CHECK(aplic.init(95, 2048) == failure{irq_error::out_of_range});
  simulated_aplic messages_only;
  messages_only.has_direct = false;
  by_wire direct{{&messages_only}};
  CHECK(direct.init(95) == failure{irq_error::unsupported});
  CHECK(direct.init(0) == failure{irq_error::out_of_range});
  CHECK(direct.init(1024) == failure{irq_error::out_of_range});
}

TEST_CASE("the domain is brought to a known state whatever firmware left") {
  simulated_aplic device{95, 2};
  device.write(0, 0x100);
  for (std::uint64_t source = 1; source < 96; ++source) {
    device.write(source * 4, 4);
    device.write(0x1cdc, static_cast<std::uint32_t>(source));
    device.write(0x1edc, static_cast<std::uint32_t>(source));
  }
  device.write(0x4000, 1);
  device.write(0x4004, 1);
  device.write(0x4008, 1);
  by_wire aplic{{&device}};
  REQUIRE(aplic.init(95));
  REQUIRE(aplic.init_cpu(boot, 0));
  CHECK(aplic.source_count() == 96);
  CHECK(device.read(0) == 0x8000'0100);
  for (std::uint64_t word = 0; word < 12; word += 4) {
    CHECK(device.read(0x1c00 + word) == 0);
    CHECK(device.read(0x1e00 + word) == 0);
  }
  CHECK(device.read(0x1 * 4) == 6);
  CHECK(device.read(0x3004) == aplic.number_of(by_wire::default_priority));
  CHECK_FALSE(device.output(0));
  CHECK(aplic.claim(boot) == 0);
  CHECK(aplic.init_cpu({4}, 0) == failure{irq_error::out_of_range});
  CHECK(aplic.init_cpu(second, 16384) == failure{irq_error::out_of_range});
  CHECK(device.mistakes == none);
}

TEST_CASE("numbers and CPUs that are not there change nothing") {
  wires w;
  refuses_numbers(w.aplic);
  for (cpu_number const cpu : {cpu_number{2}, cpu_number{4}, cpu_number{~0U}}) {
    CHECK(w.aplic.claim(cpu) == 0);
    CHECK(w.aplic.set_threshold(cpu, 0) == failure{irq_error::out_of_range});
    CHECK(w.aplic.clear_threshold(cpu) == failure{irq_error::out_of_range});
  }
  CHECK(w.device.mistakes == none);
  messages m;
  refuses_numbers(m.aplic);
  for (cpu_number const cpu : {cpu_number{2}, cpu_number{4}, cpu_number{~0U}}) {
    CHECK(m.aplic.send_ipi(cpu) == failure{irq_error::out_of_range});
  }
  CHECK(m.device.mistakes == none);
  CHECK(m.harts.mistakes == none);
}

TEST_CASE("sources that firmware has not delegated are gaps") {
  simulated_aplic device{31, 1};
  device.not_delegated = {7};
  by_wire aplic{{&device}};
  REQUIRE(aplic.init(31));
  CHECK(aplic.source_count() == 32);
  CHECK(aplic.enable(6));
  CHECK(aplic.enable(7) == failure{irq_error::out_of_range});
  CHECK(aplic.enable(8));
  CHECK(device.read(0x1e00) == (1U << 6 | 1U << 8));
}

TEST_CASE("triggers keep their polarity, and modes a source has not are refused") {
  wires w;
  CHECK(w.aplic.mode_of(9) == aplic_source_mode::level1);
  REQUIRE(w.aplic.enable(9));
  CHECK(w.aplic.set_trigger(9, irq_trigger::edge));
  CHECK(w.aplic.mode_of(9) == aplic_source_mode::edge1);
  CHECK(w.aplic.set_mode(9, aplic_source_mode::level0));
  CHECK(w.aplic.is_asserted(9));
  CHECK(w.aplic.set_trigger(9, irq_trigger::edge));
  CHECK(w.aplic.mode_of(9) == aplic_source_mode::edge0);
  CHECK(w.aplic.set_trigger(9, irq_trigger::level));
  CHECK(w.aplic.mode_of(9) == aplic_source_mode::level0);
  CHECK(w.aplic.set_mode(9, aplic_source_mode::detached));
  CHECK(w.aplic.set_trigger(9, irq_trigger::level));
  CHECK(w.aplic.mode_of(9) == aplic_source_mode::level1);
  CHECK(w.aplic.set_mode(9, aplic_source_mode::inactive) == failure{irq_error::unsupported});
  CHECK(w.aplic.is_enabled(9));
  CHECK(w.device.read(0x1e00) == 1U << 9);

  simulated_aplic levels{31, 1};
  levels.modes = 1U << 6 | 1;
  by_wire fixed{{&levels}};
  REQUIRE(fixed.init(31));
  REQUIRE(fixed.enable(3));
  CHECK(fixed.set_trigger(3, irq_trigger::edge) == failure{irq_error::unsupported});
  CHECK(fixed.mode_of(3) == aplic_source_mode::level1);
  CHECK(fixed.is_enabled(3));
  CHECK(levels.mistakes == none);

  simulated_aplic edges{31, 1};
  edges.modes = 1U << 4 | 1;
  by_wire other{{&edges}};
  REQUIRE(other.init(31));
  CHECK(other.mode_of(3) == aplic_source_mode::edge1);
}

TEST_CASE("what was pending as another kind of source is forgotten") {
  wires w;
  REQUIRE(w.aplic.set_trigger(9, irq_trigger::edge));
  CHECK(w.aplic.set_pending(9));
  CHECK(w.aplic.is_pending(9));
  REQUIRE(w.aplic.set_mode(9, aplic_source_mode::detached));
  CHECK_FALSE(w.aplic.is_pending(9));

  simulated_aplic edges{31, 1};
  edges.modes = 1U << 4 | 1U << 1 | 1;
  edges.write(9 * 4, 4);
  edges.write(0x1cdc, 9);
  CHECK(edges.read(0x1c00) == 1U << 9);
  by_wire aplic{{&edges}};
  REQUIRE(aplic.init(31));
  CHECK(edges.read(0x1c00) == 0);
}

TEST_CASE("sources go to the first CPU that comes up, whichever hart that is") {
  simulated_aplic device{31, 4};
  by_wire wire{{&device}};
  REQUIRE(wire.init(31));
  REQUIRE(wire.init_cpu(boot, 3));
  REQUIRE(wire.init_cpu(second, 0));
  CHECK(device.read(0x3000 + 4) == (3U << 18 | wire.number_of(by_wire::default_priority)));
  CHECK(device.read(0x3000 + 31 * 4) == (3U << 18 | wire.number_of(by_wire::default_priority)));
  test::simulated_harts harts{4};
  test_hart::machine = &harts;
  for (auto& h : harts.harts) h.has_imsic = true;
  by_message message{{&device}, {&harts}, {.hart_index_bits = 2}};
  REQUIRE(message.init(31, 255));
  harts.cpu = 2;
  REQUIRE(message.init_cpu(boot, 2));
  harts.cpu = 0;
  REQUIRE(message.init_cpu(second, 0));
  CHECK(device.read(0x3000 + 4) == (2U << 18 | 2));
  CHECK(device.read(0x3000 + 31 * 4) == (2U << 18 | 32));
}

TEST_CASE("a detached source is pending by register alone") {
  wires w;
  REQUIRE(w.aplic.set_mode(9, aplic_source_mode::detached));
  REQUIRE(w.aplic.enable(9));
  w.device.set_line(9, true);
  CHECK(w.aplic.claim(boot) == 0);
  CHECK(w.aplic.set_pending(9));
  CHECK(w.aplic.is_pending(9));
  CHECK(w.aplic.claim(boot) == 9);
}

TEST_CASE("by wire: a level that is served costs one access, and is held back when somebody asks again") {
  wires w;
  REQUIRE(w.aplic.enable(9));
  w.device.set_line(9, true);
  CHECK(w.aplic.claim(boot) == 9);
  CHECK(w.device.output(0));
  CHECK(w.device.read(0x1e00) == 1U << 9);
  CHECK(w.aplic.claim(boot) == 0);
  CHECK_FALSE(w.device.output(0));
  CHECK(w.aplic.is_enabled(9));
  w.aplic.complete(boot, 9);
  CHECK(w.device.output(0));
  CHECK(w.aplic.claim(boot) == 9);
  // Moved while it is served: not on the other CPU before its end either.
  REQUIRE(w.aplic.set_affinity(9, second));
  CHECK(w.aplic.claim(second) == 0);
  // Switched off while it is held: it stays off.
  REQUIRE(w.aplic.disable(9));
  w.aplic.complete(boot, 9);
  CHECK(w.device.read(0x1e00) == 0);
  REQUIRE(w.aplic.enable(9));
  CHECK(w.aplic.claim(second) == 9);
  CHECK(w.device.mistakes == none);
}

TEST_CASE("by wire: an edge that comes while the last one is served comes after it") {
  wires w;
  REQUIRE(w.aplic.set_trigger(9, irq_trigger::edge));
  REQUIRE(w.aplic.enable(9));
  for (bool const asked : {false, true}) {
    w.device.set_line(9, true);
    CHECK(w.aplic.claim(boot) == 9);
    w.device.set_line(9, false);
    w.device.set_line(9, true);
    if (asked) CHECK(w.aplic.claim(boot) == 0);
    w.aplic.complete(boot, 9);
    CHECK(w.aplic.claim(boot) == 9);
    w.device.set_line(9, false);
    w.aplic.complete(boot, 9);
    CHECK(w.aplic.claim(boot) == 0);
  }
}

TEST_CASE("by wire: priority numbers keep their order, and zero is none of them") {
  for (std::uint32_t const bits : {1U, 3U, 7U, 0xffU}) {
    simulated_aplic device{31, 1};
    device.iprio_bits = bits;
    by_wire aplic{{&device}};
    REQUIRE(aplic.init(31));
    REQUIRE(aplic.init_cpu(boot, 0));
    CHECK(aplic.level_count() == bits);
    CHECK(static_cast<bool>(aplic.set_priority(3, 0)) == (bits > 1));
    std::uint32_t last = 1;
    for (unsigned p = 0; p < 256 && bits > 1; ++p) {
      REQUIRE(aplic.set_priority(3, static_cast<std::uint8_t>(p)));
      std::uint32_t const kept = device.read(0x3000 + 12);
      CHECK(kept >= last);
      CHECK(kept <= bits);
      last = kept;
    }
    if (bits > 1) CHECK(last == bits);
  }
  wires w;
  REQUIRE(w.aplic.set_affinity(3, second));
  REQUIRE(w.aplic.set_priority(3, 0x80));
  CHECK(w.device.read(0x3000 + 12) == (1U << 18 | w.aplic.number_of(0x80)));
  REQUIRE(w.aplic.enable(3));
  w.device.set_line(3, true);
  REQUIRE(w.aplic.set_threshold(second, 0x80));
  CHECK_FALSE(w.device.output(1));
  REQUIRE(w.aplic.clear_threshold(second));
  CHECK(w.device.output(1));
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/plic.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/mmio_recorder.hpp"
#include "support/simulated_plic.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace axhal;
using test::simulated_plic;
using driver = riscv64::plic<test::plic_window, 4>;
std::vector<std::string> const none{};
constexpr cpu_number boot{0};
constexpr cpu_number second{1};

/// Two harts, whose S-modes are contexts 1 and 3; the others are firmware's.
struct fixture {
  explicit fixture(std::uint32_t priority_bits = 7) : device{95, 4, priority_bits} {
    REQUIRE(plic.init(95));
    REQUIRE(plic.init_cpu(boot, 1));
    REQUIRE(plic.init_cpu(second, 3));
  }
  simulated_plic device;
  driver plic{{&device}};
};

}  // namespace

TEST_CASE("a PLIC is refused as long as nobody has said how large it is") {
  simulated_plic device;
  driver plic{{&device}};
  CHECK(plic.source_count() == 0);
  CHECK(plic.enable(1) == failure{irq_error::out_of_range});
  CHECK(plic.claim(boot) == 0);
  CHECK(plic.init_cpu(boot, 1) == failure{irq_error::unsupported});
  CHECK(plic.init(0) == failure{irq_error::out_of_range});
  CHECK(plic.init(1024) == failure{irq_error::out_of_range});
  REQUIRE(plic.init(95));
  CHECK(plic.source_count() == 96);
  CHECK(plic.enable(1) == failure{irq_error::unsupported});
  CHECK(plic.disable(1));
  CHECK_FALSE(plic.is_enabled(1));
  CHECK(plic.init_cpu({4}, 1) == failure{irq_error::out_of_range});
  CHECK(plic.init_cpu({~0U}, 1) == failure{irq_error::out_of_range});
  CHECK(plic.init_cpu(boot, 15872) == failure{irq_error::out_of_range});
  CHECK(device.mistakes == none);
}

TEST_CASE("what firmware enabled, masked or never completed is no hindrance, and its own contexts are left alone") {
  simulated_plic device{95, 4};
  for (std::uint64_t context = 0; context < 4; ++context) {
    for (std::uint64_t word = 0; word < 3; ++word) device.write(0x2000 + context * 0x80 + word * 4, ~0U);
    device.write(0x20'0000 + context * 0x1000, 7);
  }
  for (std::uint64_t source = 1; source < 96; ++source) device.write(source * 4, 7);
  device.set_line(10, true);
  CHECK(device.read(0x20'1004) == 10);  // claimed and forgotten
  device.set_line(11, true);            // pending since before

  driver plic{{&device}};
  REQUIRE(plic.init(95));
  REQUIRE(plic.init_cpu(boot, 1));
  CHECK(device.read(0x2080) == 0);
  CHECK(device.read(0x2084) == 0);
  CHECK(device.read(0x2088) == 0);
  CHECK(device.read(0x20'1000) == 0);
  CHECK(device.read(0x2000) == 0xffff'fffe);
  CHECK(device.read(0x2100) == 0xffff'fffe);
  CHECK(device.read(0x20'0000) == 7);
  CHECK_FALSE(device.output(1));
  CHECK(plic.enable(10));
  CHECK(plic.claim(boot) == 10);
  plic.complete(boot, 10);
  CHECK(plic.is_pending(11));
  CHECK(plic.enable(11));
  CHECK(plic.claim(boot) == 10);
  CHECK(plic.claim(boot) == 11);
  CHECK(device.mistakes == none);
}

TEST_CASE("a second CPU that comes up ends nothing that the first one is serving") {
  simulated_plic device{95, 4};
  driver plic{{&device}};
  REQUIRE(plic.init(95));
  REQUIRE(plic.init_cpu(boot, 1));
  REQUIRE(plic.enable(10));
  device.set_line(10, true);
  CHECK(plic.claim(boot) == 10);
  REQUIRE(plic.init_cpu(second, 3));
  CHECK(device.is_in_flight(10));
  CHECK(plic.claim(boot) == 0);
  plic.complete(boot, 10);
  CHECK(plic.claim(boot) == 10);
}

TEST_CASE("a source that was disabled while it was served is completed all the same") {
  fixture f;
  REQUIRE(f.plic.enable(10));
  REQUIRE(f.plic.enable(11));
  f.device.set_line(10, true);
  CHECK(f.plic.claim(boot) == 10);
  REQUIRE(f.plic.disable(10));
  f.device.set_line(10, false);
  f.plic.complete(boot, 10);
  CHECK_FALSE(f.device.is_in_flight(10));
  CHECK(f.device.read(0x2080) == 1U << 11);  // off again, and nothing else is
  CHECK_FALSE(f.plic.is_enabled(10));
  REQUIRE(f.plic.enable(10));
  f.device.set_line(10, true);
  CHECK(f.plic.claim(boot) == 10);
  CHECK(f.device.mistakes == none);
}

TEST_CASE("a source that was moved while it was served is completed where it was claimed") {
  fixture f;
  REQUIRE(f.plic.enable(40));
  f.device.set_line(40, true);
  CHECK(f.plic.claim(boot) == 40);
  REQUIRE(f.plic.set_affinity(40, second));
  CHECK(f.plic.is_enabled(40));
  CHECK(f.plic.claim(second) == 0);
  f.plic.complete(boot, 40);
  CHECK(f.plic.claim(boot) == 0);
  CHECK(f.plic.claim(second) == 40);
  f.device.set_line(40, false);
  f.plic.complete(second, 40);
  CHECK(f.device.read(0x2084) == 0);
  CHECK(f.device.read(0x2184) == 1U << 8);
  // One that is off stays off.
  REQUIRE(f.plic.disable(40));
  REQUIRE(f.plic.set_affinity(40, boot));
  CHECK_FALSE(f.plic.is_enabled(40));
  CHECK(f.device.read(0x2084) == 0);
  CHECK(f.device.mistakes == none);
}

TEST_CASE("sources and CPUs that a PLIC does not have change nothing") {
  fixture f;
  REQUIRE(f.plic.enable(1));
  for (std::uint32_t const source : {0U, 96U, 1023U, 1024U, 0x8000'0000U, ~0U}) {
    CHECK(f.plic.enable(source) == failure{irq_error::out_of_range});
    CHECK(f.plic.disable(source) == failure{irq_error::out_of_range});
    CHECK_FALSE(f.plic.is_enabled(source));
    CHECK_FALSE(f.plic.is_pending(source));
    CHECK(f.plic.set_priority(source, 0) == failure{irq_error::out_of_range});
    CHECK(f.plic.set_trigger(source, irq_trigger::level) == failure{irq_error::out_of_range});
    CHECK(f.plic.set_affinity(source, boot) == failure{irq_error::out_of_range});
    f.plic.complete(boot, source);
  }
  for (cpu_number const cpu : {cpu_number{2}, cpu_number{4}, cpu_number{~0U}}) {
    CHECK(f.plic.set_affinity(1, cpu) == failure{irq_error::out_of_range});
    CHECK(f.plic.claim(cpu) == 0);
    f.plic.complete(cpu, 1);
    CHECK(f.plic.set_threshold(cpu, 0) == failure{irq_error::out_of_range});
    CHECK(f.plic.clear_threshold(cpu) == failure{irq_error::out_of_range});
  }
  CHECK(f.plic.is_enabled(1));
  CHECK(f.device.read(0x2080) == 2);
  CHECK(f.device.mistakes == none);
}

TEST_CASE("the trigger is the gateways' own") {
  fixture f;
  CHECK(f.plic.set_trigger(5, irq_trigger::level));
  CHECK(f.plic.set_trigger(5, irq_trigger::edge) == failure{irq_error::unsupported});
  driver edges{{&f.device}, irq_trigger::edge};
  REQUIRE(edges.init(95));
  CHECK(edges.set_trigger(5, irq_trigger::edge));
  CHECK(edges.set_trigger(5, irq_trigger::level) == failure{irq_error::unsupported});
}

TEST_CASE("priorities keep their order over the levels there are, and none of them means never") {
  struct machine {
    std::uint32_t variable, fixed, levels, most, least;
  };
  // Bits may be anywhere in the register, and some may be fixed.
  for (machine const m : {machine{0x7, 0, 7, 7, 1}, machine{0x3, 0, 3, 3, 1}, machine{0xff, 0, 255, 255, 1},
                          machine{0x70, 0, 7, 0x70, 0x10}, machine{0x5, 0, 3, 5, 1}, machine{0x6, 8, 4, 14, 8},
                          machine{~0U, 0, 256, 256, 1}}) {
    simulated_plic device{95, 4, m.variable};
    device.fixed_bits = m.fixed;
    driver plic{{&device}};
    REQUIRE(plic.init(95));
    CHECK(plic.level_count() == m.levels);
    CHECK(plic.level_of(0) == m.most);
    CHECK(plic.level_of(255) == m.least);
    std::uint32_t last = ~0U;
    for (unsigned p = 0; p < 256; ++p) {
      REQUIRE(plic.set_priority(95, static_cast<std::uint8_t>(p)));
      std::uint32_t const kept = device.read(95 * 4);
      CHECK(kept == plic.level_of(static_cast<std::uint8_t>(p)));
      CHECK(kept <= last);
      CHECK(kept != 0);
      last = kept;
    }
    CHECK(device.read(1 * 4) == plic.level_of(driver::default_priority));
  }
}

TEST_CASE("sources with one level say so") {
  for (std::uint32_t const bits : {0U, 1U}) {
    simulated_plic device{31, 2, bits};
    device.fixed_bits = bits == 0 ? 3 : 0;
    driver plic{{&device}};
    REQUIRE(plic.init(31));
    CHECK(plic.level_count() == 1);
    CHECK(plic.set_priority(1, 0) == failure{irq_error::unsupported});
    REQUIRE(plic.init_cpu(boot, 1));
    REQUIRE(plic.enable(3));
    device.set_line(3, true);
    CHECK(plic.claim(boot) == 3);
  }
}

TEST_CASE("the threshold holds back what is not more urgent") {
  fixture f;
  REQUIRE(f.plic.enable(9));
  REQUIRE(f.plic.set_priority(9, 0x80));
  f.device.set_line(9, true);
  REQUIRE(f.plic.set_threshold(boot, 0x80));
  CHECK_FALSE(f.device.output(1));
  REQUIRE(f.plic.set_threshold(boot, 0xff));
  CHECK(f.device.output(1));
  REQUIRE(f.plic.set_threshold(boot, 0));
  CHECK_FALSE(f.device.output(1));
  REQUIRE(f.plic.clear_threshold(boot));
  CHECK(f.device.output(1));
}

TEST_CASE("an interrupt costs two accesses") {
  test::mmio_log log;
  log.answers[0x4] = {7, 0};
  riscv64::plic<test::mmio_recorder, 1> plic{{&log}};
  REQUIRE(plic.init(95));
  REQUIRE(plic.init_cpu(boot, 1));
  REQUIRE(plic.enable(10));
  log.accesses.clear();
  log.answers[0x20'1004] = {10, 200};
  CHECK(plic.claim(boot) == 10);
  plic.complete(boot, 10);
  CHECK(log.accesses == std::vector<test::mmio_access>{{'r', 4, 0x20'1004, 10}, {'w', 4, 0x20'1004, 10}});
  CHECK(plic.claim(boot) == 0);  // a source past those that there are
}

TEST_CASE("two CPUs that change enables of one word lose none of them") {
  // The device is a plain word here: what it holds last is what counts.
  struct word_window {
    std::atomic<std::uint32_t>* word;
    std::uint8_t read8(std::uint64_t) { return 0; }
    std::uint32_t read32(std::uint64_t) { return 0; }
    void write8(std::uint64_t, std::uint8_t) {}
    void write32(std::uint64_t o, std::uint32_t v) {
      if (o == 0x2080) word->store(v);
    }
  };
  std::atomic<std::uint32_t> word{};
  riscv64::plic<word_window, 2> plic{{&word}};
  REQUIRE(plic.init(31));
  REQUIRE(plic.init_cpu(boot, 1));
  auto const toggle = [&](std::uint32_t first) {
    for (unsigned turn = 0; turn < 20'000; ++turn) {
      for (std::uint32_t source = first; source < 32; source += 2) {
        static_cast<void>((turn + source) % 3 == 0 ? plic.disable(source) : plic.enable(source));
      }
    }
    for (std::uint32_t source = first; source < 32; source += 2) static_cast<void>(plic.enable(source));
  };
  std::thread odd{toggle, 1U};
  std::thread even{toggle, 2U};
  odd.join();
  even.join();
  CHECK(word.load() == 0xffff'fffe);
}

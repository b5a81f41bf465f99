// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/phases.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>

namespace {

using namespace axhal;
using namespace axhal::boot;

/// Writes down what is asked of it, and fails where it is told to.
struct recorder {
  using error = int;
  result<void, int> detect_platform() { return up('1'); }
  result<void, int> map_memory() { return up('2'); }
  result<void, int> set_up_architecture(cpu_role r) { return up(mark('3', r)); }
  result<void, int> set_up_interrupts(cpu_role r) { return up(mark('4', r)); }
  result<void, int> set_up_timer(cpu_role r) { return up(mark('5', r)); }
  result<void, int> set_up_cpu(cpu_role r) { return up(mark('6', r)); }
  void forget_platform() { down('1'); }
  void unmap_memory() { down('2'); }
  void tear_down_architecture(cpu_role r) { down(mark('3', r)); }
  void tear_down_interrupts(cpu_role r) { down(mark('4', r)); }
  void tear_down_timer(cpu_role r) { down(mark('5', r)); }
  void tear_down_cpu(cpu_role r) { down(mark('6', r)); }

  /// Secondary CPUs are written as c to f.
  static char mark(char phase, cpu_role r) {
    return r == cpu_role::boot ? phase : static_cast<char>(phase - '3' + 'c');
  }
  result<void, int> up(char what) {
    if (what == fails_at) return failure{42};
    log += what;
    return {};
  }
  void down(char what) {
    log += '-';
    log += what;
  }
  std::string log{};
  char fails_at{};
};
static_assert(explain_boot_platform<recorder>());

}  // namespace

TEST_CASE("a machine comes up in six phases and goes down in reverse") {
  recorder machine;
  auto up = phases::bring_up(machine);
  REQUIRE(up);
  CHECK(machine.log == "123456");
  phases::tear_down_all(up.take());
  CHECK(machine.log == "123456-6-5-4-3-2-1");
}

TEST_CASE("each phase can be taken by hand") {
  recorder machine;
  auto platform = phases::detect_platform(machine);
  auto memory = phases::map_memory(platform.take());
  auto architecture = phases::set_up_architecture(memory.take());
  auto proof = architecture.take();
  CHECK(&proof.platform() == &machine);
  auto interrupts = phases::set_up_interrupts(std::move(proof));
  CHECK_FALSE(proof.is_live());  // NOLINT(bugprone-use-after-move): that is the point
  CHECK(machine.log == "1234");
  auto down = phases::tear_down(interrupts.take());
  STATIC_REQUIRE(down.reached == phase::architecture);
  CHECK(down.is_live());
  auto again = phases::set_up_interrupts(std::move(down));
  REQUIRE(again);
  CHECK(machine.log == "1234-44");
}

TEST_CASE("a phase that fails leaves the proof of the one before, and everything can be undone") {
  for (char const phase_digit : {'1', '2', '3', '4', '5', '6'}) {
    recorder machine;
    machine.fails_at = phase_digit;
    auto up = phases::bring_up(machine);
    REQUIRE_FALSE(up);
    CHECK(up.error() == 42);
    CHECK(static_cast<int>(up.failed()) == phase_digit - '0');
    std::string expected;
    for (char c = '1'; c < phase_digit; ++c) expected += c;
    for (char c = phase_digit; c-- > '1';) expected += std::string{'-'} + c;
    CHECK(machine.log == expected);
  }
  recorder machine;
  machine.fails_at = '4';
  auto architecture = phases::set_up_architecture(phases::map_memory(phases::detect_platform(machine).take()).take());
  auto interrupts = phases::set_up_interrupts(architecture.take());
  REQUIRE_FALSE(interrupts);
  CHECK(interrupts.failed() == phase::interrupts);
  machine.fails_at = 0;
  auto second_try = phases::set_up_interrupts(interrupts.give_back());
  CHECK(second_try);
  CHECK(machine.log == "1234");
}

TEST_CASE("other CPUs join after phase two and leave again") {
  recorder machine;
  auto boot = phases::bring_up(machine);
  auto const first = boot.take();
  auto const ground = phases::ground(first);
  machine.log.clear();
  auto second = phases::bring_up(ground);
  REQUIRE(second);
  CHECK(machine.log == "cdef");
  phases::tear_down_all(second.take());
  CHECK(machine.log == "cdef-f-e-d-c");
  machine.log.clear();
  machine.fails_at = 'e';
  auto third = phases::bring_up(ground);
  CHECK_FALSE(third);
  CHECK(third.failed() == phase::timer);
  CHECK(machine.log == "cd-d-c");
}

// SPDX-License-Identifier: BSL-1.0
// What the simulated machine does beyond the laws of its policies.
#include <axhal/arch/host/clock.hpp>
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/host/cpu.hpp>
#include <axhal/arch/host/firmware.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <thread>

namespace {
using namespace axhal;

TEST_CASE("the clock shows what it was set to", "[arch_host][clock]") {
  host::clock c{hertz{1000}, ticks{5}};
  CHECK(c.now() == ticks{5});
  c.advance(ticks{10});
  CHECK(c.now() == ticks{15});
  c.set(ticks{99});
  CHECK(c.now() == ticks{99});
  CHECK(c.frequency() == hertz{1000});
}

TEST_CASE("each thread is a CPU of its own", "[arch_host][cpu]") {
  host::cpu::self() = {};
  host::cpu::self().id = 7;
  (void)host::cpu::mask_interrupts();
  bool other_masked = true;
  std::uint64_t other_id = 7;
  std::thread([&] {
    other_masked = host::cpu::interrupts_masked();
    other_id = host::cpu::hardware_id();
  }).join();
  CHECK(!other_masked);
  CHECK(other_id == 0);
  CHECK(host::cpu::hardware_id() == 7);
  host::cpu::self() = {};
}

TEST_CASE("spinning and waiting give a test its say", "[arch_host][cpu]") {
  static int calls = 0;
  host::cpu::self() = {};
  host::cpu::relax();  // nobody listens
  host::cpu::self().on_relax = [] { ++calls; };
  host::cpu::relax();
  host::cpu::wait_for_interrupt();
  CHECK(calls == 2);
  host::cpu::self() = {};
}

TEST_CASE("a full console drops its oldest byte when put insists", "[arch_host][console]") {
  host::console<2> c;
  c.put(1);
  c.put(2);
  CHECK(!c.can_put());
  c.put(3);
  CHECK(c.take() == std::uint8_t{2});
  CHECK(c.can_put());
  CHECK(c.take() == std::uint8_t{3});
  CHECK(c.take() == failure{console_error::empty});
}

TEST_CASE("firmware checks the entry address and keeps what it was asked", "[arch_host][firmware]") {
  host::firmware<2> f{host_phys{0x1000}};
  CHECK(f.start_cpu(1, host_phys{0x1000}, 0) == failure{firmware_error::bad_address});
  CHECK(f.cpu_state(1) == cpu_power::off);
  CHECK(f.received(1) == failure{firmware_error::bad_cpu});
  CHECK(f.start_cpu(1, host_phys{0xffc}, 3).has_value());
  CHECK(f.cpu_state(1) == cpu_power::starting);
  f.arrived(1);
  CHECK(f.cpu_state(1) == cpu_power::on);
  CHECK(f.received(1) == host::cpu_start{host_phys{0xffc}, 3});
  f.arrived(99);
  CHECK(f.received(99) == failure{firmware_error::bad_cpu});

  using event = host::firmware<2>::event;
  CHECK(f.last_event() == event::none);
  CHECK(f.power_off() == firmware_error::failed);
  CHECK(f.last_event() == event::power_off);
  (void)f.reset();
  CHECK(f.last_event() == event::reset);
  (void)f.stop_this_cpu();
  CHECK(f.last_event() == event::stop);
}

}  // namespace

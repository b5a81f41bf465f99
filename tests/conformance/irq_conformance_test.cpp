// SPDX-License-Identifier: BSL-1.0
// Every model of the interrupt policies obeys their laws; drivers of real hardware do so on a simulated one.
#include <axhal/arch/aarch64/gic_v2.hpp>
#include <axhal/arch/aarch64/gich.hpp>
#include <axhal/arch/host/cpu.hpp>
#include <axhal/arch/host/irq_controller.hpp>
#include <axhal/arch/host/virt_irq.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>
#include <axhal/conformance/virt_irq_laws.hpp>
#include <axhal/irq/handler_table.hpp>
#include <axhal/irq/overflow_queue.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/irq_controller_archetype.hpp"
#include "support/simulated_gic_v2.hpp"
#include "support/virt_irq_archetype.hpp"

namespace {

using namespace axhal;

struct host_bench {
  host::irq_controller<> model{};
  constexpr auto& controller() { return model; }
  constexpr irq_number line(unsigned i) { return {20 + i * 7}; }
  constexpr irq_number ipi() { return {3}; }
  constexpr irq_number gap() { return {64}; }
  constexpr void set_line(irq_number irq, bool high) { model.set_line(irq, high); }
  constexpr void run_on(cpu_number cpu) { model.run_on(cpu); }
};

struct gic_bench {
  explicit gic_bench(std::uint8_t priority_bits, std::uint8_t first_target, unsigned spi_words) : gic{2, spi_words} {
    gic.priority_bits = priority_bits;
    gic.first_target = first_target;
    REQUIRE(driver.init_distributor());
    for (std::uint32_t cpu : {1U, 0U}) {
      gic.cpu = cpu;
      REQUIRE(driver.init_cpu({cpu}));
    }
  }
  test::simulated_gic_v2 gic;
  aarch64::gic_v2<test::distributor_window, test::cpu_window, host::cpu> driver{{&gic}, {&gic}};
  auto& controller() { return driver; }
  irq_number line(unsigned i) { return {34 + i * 9}; }
  irq_number ipi() { return {5}; }
  irq_number gap() { return {driver.line_count()}; }
  void set_line(irq_number irq, bool high) { gic.set_line(irq.value, high); }
  void run_on(cpu_number cpu) { gic.cpu = cpu.value; }
};

template <unsigned Slots, shown_until Lifetime>
struct host_guest {
  host::virt_irq<Slots, 1020, Lifetime> shown{};
  constexpr auto& model() { return shown; }
  constexpr auto take() { return shown.take(); }
  constexpr void finish(irq_number irq) {
    static_cast<void>(shown.finish(irq));
    if (Lifetime == shown_until::withdrawn) static_cast<void>(shown.withdraw(irq));
  }
  constexpr unsigned numbers() { return 1020; }
  constexpr irq_number number(unsigned i) { return {i}; }
  constexpr irq_number impossible() { return {1020}; }
};

struct gich_guest {
  explicit gich_guest(unsigned list_registers) : gic{1, 2, list_registers} {
    REQUIRE(shown.init());
    // Each virtual CPU interface that the laws switch to is to be open.
    gic.write_guest(0x00, 1);
    gic.write_guest(0x04, 0xff);
  }
  test::simulated_gic_v2 gic;
  aarch64::gich<test::hypervisor_window> shown{{&gic}};
  auto& model() { return *this; }
  result<irq_number, irq_error> take() {
    std::uint32_t const raw = gic.read_guest(0x0c);
    if (raw == 1023) return failure{irq_error::spurious};
    return irq_number{raw & 0x3ff};
  }
  void finish(irq_number irq) { gic.write_guest(0x10, irq.value); }
  unsigned numbers() { return 988; }
  irq_number number(unsigned i) { return {32 + i}; }
  irq_number impossible() { return {1020}; }

  static constexpr shown_until lifetime = shown_until::completed;
  static constexpr bool has_priorities = true;
  // A fresh state has the interface closed, as after reset; the guest opens it first thing.
  struct state : aarch64::gich<test::hypervisor_window>::state {};
  auto present(virtual_irq const& irq) { return shown.present(irq); }
  bool withdraw(irq_number irq) { return shown.withdraw(irq); }
  unsigned capacity() const { return shown.capacity(); }
  template <typename F>
  void reap(F&& f) {
    shown.reap(f);
  }
  void request_room_event(bool on) { shown.request_room_event(on); }
  void save(state& s) { shown.save(s); }
  void restore(state const& s) {
    shown.restore(s);
    gic.write_guest(0x00, 1);
    gic.write_guest(0x04, 0xff);
  }
};

/// The host's controller with an order of its own: the lower number first.
struct fixed_order : host::irq_controller<> {
  constexpr result<void, irq_error> set_priority(irq_number irq, std::uint8_t) {
    return irq.value < line_count() ? failure{irq_error::unsupported} : failure{irq_error::out_of_range};
  }
};
struct fixed_order_bench {
  fixed_order model{};
  constexpr auto& controller() { return model; }
  constexpr irq_number line(unsigned i) { return {20 + i * 7}; }
  constexpr irq_number ipi() { return {3}; }
  constexpr irq_number gap() { return {64}; }
  constexpr void set_line(irq_number irq, bool high) { model.set_line(irq, high); }
  constexpr void run_on(cpu_number cpu) { model.run_on(cpu); }
};

constexpr int host_controller_verdict() {
  host_bench bench;
  return laws::first_broken_irq_controller_law(bench);
}
template <unsigned Slots, shown_until Lifetime = shown_until::completed>
constexpr int host_guest_verdict() {
  host_guest<Slots, Lifetime> bench;
  return laws::first_broken_virt_irq_law(bench);
}

}  // namespace

// What a generic class needs is no more than the contract gives.
template bool axhal::handler_table<64, 8>::serve(axhal::test::irq_controller_archetype&);
template axhal::result<axhal::irq_registration, axhal::handler_error> axhal::handler_table<64, 8>::add(
    axhal::test::irq_controller_archetype&, axhal::irq_number, axhal::irq_handler, void*);
template axhal::result<void, axhal::handler_error> axhal::handler_table<64, 8>::remove(
    axhal::test::irq_controller_archetype&, axhal::irq_registration);
template bool axhal::overflow_queue<64>::drain(axhal::test::virt_irq_archetype&);

TEST_CASE("the host's interrupt controller obeys the interrupt controller laws") {
  STATIC_REQUIRE(host_controller_verdict() == 0);
  CHECK(host_controller_verdict() == 0);
}

TEST_CASE("a controller whose order is fixed obeys them too") {
  fixed_order_bench bench;
  CHECK(laws::first_broken_irq_controller_law(bench) == 0);
}

TEST_CASE("the GICv2 driver obeys the interrupt controller laws on a simulated GICv2") {
  for (std::uint8_t const priority_bits : {std::uint8_t{0xf0}, std::uint8_t{0xf8}, std::uint8_t{0xff}}) {
    for (std::uint8_t const first_target : {std::uint8_t{1}, std::uint8_t{5}, std::uint8_t{8}}) {
      for (unsigned const spi_words : {1U, 3U, 31U}) {
        gic_bench bench{priority_bits, first_target, spi_words};
        CHECK(laws::first_broken_irq_controller_law(bench) == 0);
        CHECK(bench.gic.mistakes == std::vector<std::string>{});
      }
    }
  }
}

TEST_CASE("the host's virtual interrupts obey the virtual interrupt laws") {
  STATIC_REQUIRE(host_guest_verdict<1>() == 0);
  STATIC_REQUIRE(host_guest_verdict<4>() == 0);
  CHECK(host_guest_verdict<1>() == 0);
  CHECK(host_guest_verdict<2>() == 0);
  CHECK(host_guest_verdict<4>() == 0);
  CHECK(host_guest_verdict<16>() == 0);
}

TEST_CASE("so they do when they are shown until the guest takes them, or until they are withdrawn") {
  STATIC_REQUIRE(host_guest_verdict<4, shown_until::taken>() == 0);
  STATIC_REQUIRE(host_guest_verdict<4, shown_until::withdrawn>() == 0);
  CHECK(host_guest_verdict<1, shown_until::taken>() == 0);
  CHECK(host_guest_verdict<16, shown_until::taken>() == 0);
  CHECK(host_guest_verdict<1, shown_until::withdrawn>() == 0);
  CHECK(host_guest_verdict<16, shown_until::withdrawn>() == 0);
}

TEST_CASE("list registers obey the virtual interrupt laws on a simulated GICv2") {
  for (unsigned const list_registers : {1U, 2U, 4U, 16U, 64U}) {
    gich_guest bench{list_registers};
    CHECK(bench.capacity() == (list_registers < 16 ? list_registers : 16));
    CHECK(laws::first_broken_virt_irq_law(bench) == 0);
    CHECK(bench.gic.mistakes == std::vector<std::string>{});
  }
}

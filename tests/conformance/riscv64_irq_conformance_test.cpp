// SPDX-License-Identifier: BSL-1.0
// Interrupts of a RISC-V hart obey the laws of the policies, whatever controller stands behind them.
#include <axhal/arch/riscv64/aplic_direct.hpp>
#include <axhal/arch/riscv64/aplic_msi.hpp>
#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/guest_files.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/hvip_lines.hpp>
#include <axhal/arch/riscv64/imsic_guest_file.hpp>
#include <axhal/arch/riscv64/plic.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>
#include <axhal/conformance/virt_irq_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_aplic.hpp"
#include "support/simulated_harts.hpp"
#include "support/simulated_plic.hpp"

namespace {

using namespace axhal;
using test::test_hart;
std::vector<std::string> const none{};

struct plic_bench {
  using external = riscv64::plic<test::plic_window, 3>;
  using ipi_sender = riscv64::firmware_ipi<test_hart, 3>;
  using hart = riscv64::hart_interrupts<test_hart, external, ipi_sender>;

  plic_bench(unsigned sources, std::uint32_t priority_bits, std::uint64_t first_id, bool edges)
      : harts{3, first_id},
        device{sources, 8, priority_bits},
        driver{{&device}, edges ? irq_trigger::edge : irq_trigger::level} {
    test_hart::machine = &harts;
    device.edge_gateways = edges;
    // As on machines where some hart has no S-mode: contexts are not twice the number of the hart.
    harts.external = [this](unsigned cpu) { return device.output(context[cpu]); };
    REQUIRE(driver.init(sources));
    for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(map.add(first_id + i));
    for (std::uint32_t i = 3; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, context[i]));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
  }
  static constexpr unsigned context[3] = {1, 4, 6};
  test::simulated_harts harts;
  test::simulated_plic device;
  external driver;
  riscv64::hart_map<3> map{};
  ipi_sender ipis{map};
  hart seen[3]{{{0}, driver, ipis}, {{1}, driver, ipis}, {{2}, driver, ipis}};

  auto& controller() { return seen[harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {gap_number}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = cpu.value; }
  std::uint32_t gap_number{64};
};

struct aplic_direct_bench {
  using external = riscv64::aplic_direct<test::aplic_window, 2>;
  using ipi_sender = riscv64::firmware_ipi<test_hart, 2>;
  using hart = riscv64::hart_interrupts<test_hart, external, ipi_sender>;

  aplic_direct_bench(unsigned sources, std::uint32_t iprio_bits) : harts{2, 7}, device{sources, 4} {
    test_hart::machine = &harts;
    device.iprio_bits = iprio_bits;
    device.not_delegated = {2, 30};
    harts.external = [this](unsigned cpu) { return device.output(3 - cpu); };
    REQUIRE(driver.init(sources));
    for (std::uint32_t i = 0; i < 2; ++i) REQUIRE(map.add(7 + i));
    for (std::uint32_t i = 2; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, 3 - i));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
  }
  test::simulated_harts harts;
  test::simulated_aplic device;
  external driver{{&device}};
  riscv64::hart_map<2> map{};
  ipi_sender ipis{map};
  hart seen[2]{{{0}, driver, ipis}, {{1}, driver, ipis}};

  auto& controller() { return seen[harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {64 + 30}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = cpu.value; }
};

struct aplic_msi_bench {
  using external = riscv64::aplic_msi<test::aplic_window, test::imsic_window, test_hart, 2>;
  using hart = riscv64::hart_interrupts<test_hart, external, external>;

  aplic_msi_bench(unsigned sources, unsigned identities) : harts{4}, device{sources, 4} {
    test_hart::machine = &harts;
    for (auto& h : harts.harts) {
      h.imsic = test::simulated_imsic{3, identities};
      h.has_imsic = true;
    }
    device.eiid_bits = 0x7ff;
    device.not_delegated = {2, 30};
    device.send = [this](unsigned to, unsigned guest, unsigned identity) { harts.message(to, guest, identity); };
    REQUIRE(driver.init(sources, identities));
    for (std::uint32_t i = 2; i-- > 0;) {
      run_on({i});
      REQUIRE(driver.init_cpu({i}, 3 - i));
      seen[i].init();
    }
    for (unsigned i = 0; i < 3; ++i) REQUIRE(driver.set_affinity(line(i).value - 64, {0}));
    run_on({0});
  }
  test::simulated_harts harts;
  test::simulated_aplic device;
  external driver{{&device}, {&harts, 2}, {.hart_index_bits = 2, .guest_index_bits = 2}};
  hart seen[2]{{{0}, driver, driver}, {{1}, driver, driver}};

  auto& controller() { return seen[3 - harts.cpu]; }
  irq_number line(unsigned i) { return {64 + 3 + i * 14}; }
  irq_number ipi() { return riscv64::hart_irq::software; }
  irq_number gap() { return {64 + 30}; }
  void set_line(irq_number irq, bool high) { device.set_line(irq.value - 64, high); }
  void run_on(cpu_number cpu) { harts.cpu = 3 - cpu.value; }
};

/// A guest with three lines. While it handles one, that one and less urgent ones are masked by its sie.
struct hvip_guest {
  hvip_guest() : harts{1} { test_hart::machine = &harts; }
  static constexpr std::uint64_t all = 0x222;
  static constexpr std::uint32_t order[3] = {9, 1, 5};
  test::simulated_harts harts;

  using lines = riscv64::hvip_lines<test_hart>;
  static constexpr shown_until lifetime = lines::lifetime;
  static constexpr bool has_priorities = lines::has_priorities;
  struct handler {
    std::uint64_t vsie{all};    ///< what the guest has enabled
    std::uint64_t before[3]{};  ///< and had, outside the handlers it is in
    unsigned depth{};
  };
  struct state : lines::state {
    handler guest{};
  };
  handler guest{};
  auto& model() { return *this; }
  auto present(virtual_irq const& irq) { return lines::present(irq); }
  bool withdraw(irq_number irq) { return lines::withdraw(irq); }
  unsigned capacity() const { return lines::capacity(); }
  template <typename F>
  void reap(F&& f) {
    lines::reap(f);
  }
  void request_room_event(bool on) { lines::request_room_event(on); }
  void save(state& s) {
    lines::save(s);
    s.guest = guest;
  }
  void restore(state const& s) {
    lines::restore(s);
    guest = s.guest;
  }

  result<irq_number, irq_error> take() {
    std::uint64_t const pending = test_hart::read<riscv64::csr::vsip>() & guest.vsie;
    for (unsigned i = 0; i < 3; ++i) {
      if ((pending >> order[i] & 1) == 0) continue;
      guest.before[guest.depth++] = guest.vsie;
      for (unsigned j = i; j < 3; ++j) guest.vsie &= ~(std::uint64_t{1} << order[j]);
      return irq_number{order[i]};
    }
    return failure{irq_error::spurious};
  }
  void finish(irq_number irq) {
    REQUIRE(guest.depth > 0);
    guest.vsie = guest.before[--guest.depth];
    static_cast<void>(lines::withdraw(irq));
  }
  unsigned numbers() { return 3; }
  irq_number number(unsigned i) { return {order[i]}; }
  irq_number impossible() { return {impossible_number}; }
  std::uint32_t impossible_number{2};
};

/// A guest that lets more urgent identities in while it handles one, by its file's threshold.
struct imsic_guest {
  explicit imsic_guest(unsigned identities) : harts{1}, shown{identities} {
    test_hart::machine = &harts;
    harts.self().imsic = test::simulated_imsic{4, identities};
    harts.self().has_imsic = true;
    harts.self().hstatus = 3U << 12;
    harts.self().vsiselect = select;
    shown.init();
    open();
  }
  static constexpr std::uint64_t select = 0x72;
  test::simulated_harts harts;
  using file = riscv64::imsic_guest_file<test_hart, 255>;
  file shown;

  test::simulated_file& hardware() { return harts.self().imsic.files[3]; }
  void open() {
    hardware().eidelivery = 1;
    for (auto& word : hardware().eie) word = ~std::uint64_t{0};
    hardware().settle();
  }

  static constexpr shown_until lifetime = file::lifetime;
  static constexpr bool has_priorities = file::has_priorities;
  struct state : file::state {
    bool fresh{true};
    std::uint32_t handling[8]{};
    unsigned depth{};
  };
  auto& model() { return *this; }
  auto present(virtual_irq const& irq) { return shown.present(irq); }
  bool withdraw(irq_number irq) { return shown.withdraw(irq); }
  unsigned capacity() const { return shown.capacity(); }
  template <typename F>
  void reap(F&& f) {
    shown.reap(f);
  }
  void request_room_event(bool on) { shown.request_room_event(on); }
  void save(state& s) {
    shown.save(s);
    s.fresh = false;
    CHECK(hardware().eidelivery == 0);
    for (auto const word : hardware().eip) CHECK(word == 0);
    s.depth = depth;
    for (unsigned i = 0; i < 8; ++i) s.handling[i] = handling[i];
    depth = 0;
  }
  void restore(state const& s) {
    shown.restore(s);
    if (s.fresh) open();
    depth = s.depth;
    for (unsigned i = 0; i < 8; ++i) handling[i] = s.handling[i];
  }

  result<irq_number, irq_error> take() {
    if ((harts.hip() >> 10 & 1) == 0) return failure{irq_error::spurious};
    auto const identity = static_cast<std::uint32_t>(test_hart::swap<riscv64::csr::vstopei>(0) >> 16);
    handling[depth++] = identity;
    hardware().eithreshold = identity;
    return irq_number{identity};
  }
  void finish(irq_number irq) {
    CHECK((depth > 0 && handling[depth - 1] == irq.value));
    --depth;
    hardware().eithreshold = depth == 0 ? 0 : handling[depth - 1];
  }
  unsigned numbers() { return capacity(); }
  irq_number number(unsigned i) { return {1 + i}; }
  irq_number impossible() { return {impossible_number}; }
  std::uint32_t impossible_number{0};
  std::uint32_t handling[8]{};
  unsigned depth{};
};

}  // namespace

TEST_CASE("lines of hvip obey the virtual interrupt laws") {
  for (std::uint32_t const impossible : {0U, 2U, 6U, 10U, 12U, 64U, 65U, 73U, ~0U}) {
    hvip_guest bench;
    bench.impossible_number = impossible;
    CHECK(laws::first_broken_virt_irq_law(bench) == 0);
    CHECK(bench.harts.mistakes == none);
  }
}

TEST_CASE("a guest interrupt file obeys the virtual interrupt laws") {
  for (unsigned const identities : {63U, 127U, 255U}) {
    for (std::uint32_t const impossible : {0U, identities + 1, 2048U, ~0U}) {
      imsic_guest bench{identities};
      bench.impossible_number = impossible;
      CHECK(laws::first_broken_virt_irq_law(bench) == 0);
      CHECK(bench.harts.mistakes == none);
      CHECK(bench.harts.self().vsiselect == imsic_guest::select);
    }
  }
}

TEST_CASE("a hart with an APLIC that delivers by wire obeys the interrupt controller laws") {
  for (std::uint32_t const iprio_bits : {0x1U, 0x3U, 0x7U, 0xffU}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      aplic_direct_bench bench{sources, iprio_bits};
      CHECK(laws::first_broken_irq_controller_law(bench) == 0);
      CHECK(bench.device.mistakes == none);
      CHECK(bench.harts.mistakes == none);
    }
  }
}

TEST_CASE("a hart with an APLIC that delivers by messages obeys the interrupt controller laws") {
  for (unsigned const identities : {63U, 255U, 2047U}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      aplic_msi_bench bench{sources, identities};
      CHECK(laws::first_broken_irq_controller_law(bench) == 0);
      CHECK(bench.device.mistakes == none);
      CHECK(bench.harts.mistakes == none);
    }
  }
}

TEST_CASE("a hart with a PLIC obeys the interrupt controller laws") {
  for (std::uint32_t const priority_bits : {0x1U, 0x3U, 0x7U, 0xffU, 0x1ffU, 0xf0U, ~0U}) {
    for (unsigned const sources : {31U, 95U, 1023U}) {
      for (std::uint64_t const first_id : {0ULL, 5ULL, 0x1'0000'0000ULL}) {
        for (std::uint32_t const gap : {0U, 2U, 9U, 10U, 63U, 64U}) {
          plic_bench bench{sources, priority_bits, first_id, false};
          bench.gap_number = gap;
          CHECK(laws::first_broken_irq_controller_law(bench) == 0);
          CHECK(bench.device.mistakes == none);
          CHECK(bench.harts.mistakes == none);
        }
      }
    }
  }
}

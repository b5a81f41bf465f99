// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/psci_client.hpp>
#include <axhal/arch/aarch64/psci_server.hpp>
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/host/firmware.hpp>
#include <axhal/arch/riscv64/sbi_firmware.hpp>
#include <axhal/arch/riscv64/sbi_server.hpp>
#include <axhal/arch/x86_64/acpi_firmware.hpp>
#include <axhal/conformance/firmware_laws.hpp>

#include "support/firmware_archetype.hpp"
#include "support/simulated_pc_power.hpp"
#include "support/simulated_sbi.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::aarch64;

struct host_machine {
  host::firmware<4>& firmware;
  static constexpr std::uint64_t running_cpu() { return 0; }
  static constexpr std::uint64_t stopped_cpu() { return 2; }
  static constexpr std::uint64_t unknown_cpu() { return 4; }
  [[nodiscard]] constexpr bool was_started(std::uint64_t id) const { return firmware.received(id).has_value(); }
  [[nodiscard]] constexpr bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) const {
    return firmware.received(id) == host::cpu_start{entry, argument};
  }
};

[[maybe_unused]] auto* const laws_on_archetype =
    &laws::first_broken_firmware_law<test::firmware_archetype, host_machine>;

TEST_CASE("host::firmware obeys the firmware laws", "[conformance][firmware]") {
  constexpr auto run = [] {
    host::firmware<4> f;
    host_machine m{f};
    return laws::first_broken_firmware_law(f, m, host_phys{0x4020'0000});
  };
  STATIC_REQUIRE(run() == 0);
  CHECK(run() == 0);
}

/// A machine whose firmware is the PSCI server that guests see: both halves of PSCI against each other.
struct psci_machine {
  psci_server<4> server{};
  psci_action started{};

  std::uint64_t call(std::uint64_t x0, std::uint64_t x1, std::uint64_t x2, std::uint64_t x3) {
    psci_action const a = server.call(vcpu_number{0}, x0, x1, x2, x3, [](guest_phys) { return true; });
    if (a.what == psci_action::kind::start_vcpu) started = a;
    return a.result;
  }

  static std::uint64_t running_cpu() { return 0x8000'0000; }  // MPIDR as read: bit 31 is one
  static std::uint64_t stopped_cpu() { return 0x8000'0003; }
  static std::uint64_t unknown_cpu() { return 0x8000'0104; }
  bool was_started(std::uint64_t id) const {
    return started.what == psci_action::kind::start_vcpu && started.target.value == (id & 0xff);
  }
  bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) const {
    return was_started(id) && started.entry.value == entry.value && started.context == argument;
  }
};
struct conduit {
  psci_machine* machine;
  std::uint64_t call(std::uint64_t f, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    return machine->call(f, a, b, c);
  }
};

TEST_CASE("aarch64::psci_client obeys the firmware laws", "[conformance][firmware]") {
  psci_machine m;
  psci_client<conduit> f{conduit{&m}};
  CHECK(f.version() == std::uint32_t{0x1'0001});
  CHECK(laws::first_broken_firmware_law(f, m, host_phys{0x4020'0000}) == 0);
}

struct simulated_machine {
  using firmware = test::simulated_sbi<simulated_machine>;
  static std::uint64_t running_cpu() { return 0; }
  static std::uint64_t stopped_cpu() { return 2; }
  static std::uint64_t unknown_cpu() { return 4; }
  static bool was_started(std::uint64_t id) { return firmware::m.harts.at(id).was_started; }
  static bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) {
    auto const& h = firmware::m.harts.at(id);
    return h.was_started && h.entry == entry.value && h.opaque == argument;
  }
};

TEST_CASE("riscv64::sbi_firmware obeys the firmware laws", "[conformance][firmware]") {
  simulated_machine::firmware::m = {};
  simulated_machine m;
  riscv64::sbi_firmware<simulated_machine::firmware> f;
  CHECK(laws::first_broken_firmware_law(f, m, host_phys{0x8020'0000}) == 0);
}

/// Both halves of SBI against each other: the firmware is the server that guests see.
struct sbi_machine {
  struct memory {
    static bool contains(guest_range) { return true; }
    template <typename F>
    static void for_each(guest_phys, std::uint64_t, F&&) {}
  };
  static inline riscv64::sbi_server<4> server{};
  static inline riscv64::sbi_action started{};

  static riscv64::sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t a0, std::uint64_t a1,
                                      std::uint64_t a2, std::uint64_t a3, std::uint64_t a4, std::uint64_t a5) {
    memory ram;
    host::console<> console;
    auto const a = server.call(vcpu_number{0}, {eid, fid, a0, a1, a2, a3, a4, a5}, ram, console);
    if (a.what == riscv64::sbi_action::kind::start_vcpu) started = a;
    return a.result;
  }

  static std::uint64_t running_cpu() { return 0; }
  static std::uint64_t stopped_cpu() { return 3; }
  static std::uint64_t unknown_cpu() { return 4; }
  static bool was_started(std::uint64_t id) {
    return started.what == riscv64::sbi_action::kind::start_vcpu && started.target.value == id;
  }
  static bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) {
    return was_started(id) && started.entry.value == entry.value && started.context == argument;
  }
};

TEST_CASE("riscv64::sbi_firmware obeys the firmware laws against sbi_server", "[conformance][firmware]") {
  sbi_machine m;
  riscv64::sbi_firmware<sbi_machine> f;
  CHECK(laws::first_broken_firmware_law(f, m, host_phys{0x8020'0000}) == 0);
  CHECK(riscv64::sbi_client<sbi_machine>::spec_version() == std::uint64_t{0x200'0000});
}

/// A PC with four CPUs, of which the first has booted.
struct pc_machine {
  struct tag {};
  using pc = test::simulated_pc_power<tag>;
  static std::uint64_t running_cpu() { return 4; }
  static std::uint64_t stopped_cpu() { return 0x21; }
  static std::uint64_t unknown_cpu() { return 0x30; }
  static bool was_started(std::uint64_t id) {
    for (std::size_t i = 0; i < pc::bus::m.apics.size(); ++i) {
      if (pc::bus::m.apics[i].id == id) return pc::bus::m.apics[i].inits != 0;
    }
    return false;
  }
  static bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) {
    for (std::size_t i = 0; i < pc::bus::m.apics.size(); ++i) {
      auto const& seen = pc::m.seen[i];
      if (pc::bus::m.apics[i].id == id) return seen.began && seen.entry == entry.value && seen.argument == argument;
    }
    return false;
  }
};

TEST_CASE("x86_64::acpi_firmware obeys the firmware laws", "[conformance][firmware]") {
  using pc = pc_machine::pc;
  for (bool const x2apic : {false, true}) {
    pc::reset({4, 0x10, 0x21, 0x22});
    for (auto& a : pc::bus::m.apics) a.base_msr |= x2apic ? 0x400 : 0;
    x86_64::local_apic<pc::access> apic{
        pc::access{x2apic, x86_64::xapic_access<pc::bus::window, pc::bus::cpu>{pc::bus::window{}}}};
    x86_64::start_mailbox mailbox;
    pc::m.mailbox = &mailbox;
    pc::firmware<4> f{apic, {}, host_phys{0x7000}, mailbox, hertz{3'000'000'000}};
    for (std::uint32_t const id : {4U, 0x10U, 0x21U, 0x22U}) REQUIRE(f.add_cpu(id));
    pc_machine m;
    CHECK(laws::first_broken_firmware_law(f, m, host_phys{0x20'0000}) == 0);
    CHECK(pc::bus::m.mistakes.empty());
  }
}

}  // namespace

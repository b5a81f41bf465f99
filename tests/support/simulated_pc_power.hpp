// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/simulated_apics.hpp"

#include <axhal/arch/x86_64/acpi_firmware.hpp>
#include <axhal/arch/x86_64/local_apic_access.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace axhal::test {

/// A PC as far as ending it and starting its CPUs goes: what is written to its ports, which registers obey, and what
/// CPUs do after INIT and start-up. Each look at the TSC takes a microsecond. `Tag` keeps machines of different tests
/// apart.
template <typename Tag>
struct simulated_pc_power {
  using bus = simulated_apics<Tag>;
  struct halted {};  ///< thrown by HLT
  struct written {
    std::uint64_t where{};
    std::uint64_t value{};
    unsigned size{};
    friend bool operator==(written const&, written const&) = default;
  };
  struct cpu_seen {
    bool began{};
    std::uint32_t page{};
    std::uint64_t entry{}, argument{};
  };
  struct state {
    std::vector<written> ports{}, memory{};
    std::uint16_t pm1a{}, pm1b{};  ///< at 604H and 608H
    std::uint16_t smi_answers{};   ///< looks at PM1a until SCI_EN is set after a command; 0 is never
    bool commanded{};
    std::uint8_t keyboard{};  ///< the status port
    std::uint32_t configuration{};
    unsigned halts{}, clis{};
    unsigned deaf_start_ups{};  ///< so many are not heard
    bool dead{};                ///< no CPU that is started ever answers
    std::vector<cpu_seen> seen{};
    x86_64::start_mailbox* mailbox{};
  };
  static inline state m{};

  static void reset(std::vector<std::uint32_t> const& ids) {
    bus::reset(ids);
    m = {};
    m.seen.resize(ids.size());
    bus::m.apics[0].base_msr |= 0x100;
  }

  /// What the other CPUs do meanwhile: one that had an INIT begins at its first start-up that it hears.
  static void others_run() {
    for (std::size_t i = 0; i < bus::m.apics.size(); ++i) {
      auto& a = bus::m.apics[i];
      if (m.dead || m.seen[i].began || a.inits == 0 || a.start_ups.size() <= m.deaf_start_ups) continue;
      if (m.mailbox == nullptr) continue;
      m.seen[i] = {true, a.start_ups[m.deaf_start_ups], m.mailbox->entry.load(), m.mailbox->argument.load()};
      m.mailbox->taken.store(1);
    }
  }

  struct cpu : bus::cpu {
    static std::uint8_t in8(std::uint16_t port) { return port == 0x64 ? m.keyboard : port == 0xcf9 ? 0x91 : 0; }
    static std::uint16_t in16(std::uint16_t port) {
      if (m.commanded && m.smi_answers != 0 && --m.smi_answers == 0) m.pm1a |= 1;
      return port == 0x604 ? m.pm1a : port == 0x608 ? m.pm1b : std::uint16_t{0xffff};
    }
    static std::uint32_t in32(std::uint16_t) { return 0xffff'ffff; }
    static void out8(std::uint16_t port, std::uint8_t value) {
      m.ports.push_back({port, value, 1});
      if (port == 0xb2) m.commanded = true;
    }
    static void out16(std::uint16_t port, std::uint16_t value) { m.ports.push_back({port, value, 2}); }
    static void out32(std::uint16_t port, std::uint32_t value) { m.ports.push_back({port, value, 4}); }
    static std::uint64_t rdtsc() {
      bus::pass(1000);
      others_run();
      return bus::m.tsc;
    }
    static void cli() { ++m.clis; }
    static void halt() {
      if (++m.halts == 3) throw halted{};
    }
    static void relax() {}
  };
  /// Registers in memory.
  struct window {
    explicit window(std::uintptr_t at) : base{at} {}
    std::uintptr_t base;
    static std::uint8_t read8(std::uint64_t) { return 0; }
    static std::uint32_t read32(std::uint64_t) { return 0; }
    void write8(std::uint64_t offset, std::uint8_t value) const { m.memory.push_back({base + offset, value, 1}); }
    void write32(std::uint64_t offset, std::uint32_t value) const { m.memory.push_back({base + offset, value, 4}); }
  };
  using access = x86_64::either_apic_access<x86_64::xapic_access<typename bus::window, typename bus::cpu>,
                                            x86_64::x2apic_access<typename bus::cpu>>;
  template <unsigned MaxCpus>
  using firmware = x86_64::acpi_firmware<cpu, access, MaxCpus, window>;
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/host/cpu.hpp>
#include <axhal/arch/x86_64/apic_interrupts.hpp>
#include <axhal/arch/x86_64/io_apics.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/vdev/io_apic.hpp>

#include "support/simulated_apics.hpp"

#include <cstdint>
#include <string>

namespace axhal::test {

/// A machine with two I/O APICs, whose lines are 0 to 23 and 32 to 63, on the bus of `simulated_apics<Tag>`. The I/O
/// APIC is the library's own model of the device, which is tested against the data sheet apart from any driver; here it
/// can also be an old one, without an EOI register.
template <typename Tag>
struct apic_machine {
  using bus = simulated_apics<Tag>;
  struct sink {
    void deliver(vdev::interrupt_message const& m) {
      if (m.logical) bus::wrong("a logical destination");
      bus::deliver({m.destination, static_cast<unsigned>(m.delivery), m.vector, m.level});
    }
  };
  using small = vdev::io_apic<sink, 24>;
  using large = vdev::io_apic<sink, 32>;
  struct devices {
    small first{sink{}, 1};
    large second{sink{}, 2};
    bool old{};         ///< version 0x11
    unsigned writes{};  ///< of redirection entries
    unsigned eois{};    ///< by the EOI register
    std::uint32_t selected{};
  };
  struct window {
    devices* all{};
    unsigned which{};  ///< 0, 1, or 2 where nothing answers
    std::uint32_t read32(std::uint64_t offset) const {
      if (which > 1) return 0xffff'ffff;
      auto const word =
          static_cast<std::uint32_t>(which == 0 ? all->first.read(offset, 4) : all->second.read(offset, 4));
      return all->old && offset == 0x10 && all->selected == 1 ? (word & ~0xffU) | 0x11 : word;
    }
    void write32(std::uint64_t offset, std::uint32_t value) const {
      if (offset == 0) all->selected = value;
      if (offset == 0x10 && all->selected >= 0x10) ++all->writes;
      if (offset == 0x40) {
        if (all->old) bus::wrong("the EOI register of an I/O APIC that has none");
        ++all->eois;
      }
      if (which == 0) all->first.write(offset, 4, value);
      if (which == 1) all->second.write(offset, 4, value);
    }
    static std::uint8_t read8(std::uint64_t) { return bus::wrong("a byte was read"), std::uint8_t{}; }
    static void write8(std::uint64_t, std::uint8_t) { bus::wrong("a byte was written"); }
  };
  /// What the gates of the CPU that runs have taken.
  struct gates {
    static result<std::uint8_t, irq_error> take() { return bus::take(); }
  };
  using access = x86_64::either_apic_access<x86_64::xapic_access<typename bus::window, typename bus::cpu>,
                                            x86_64::x2apic_access<typename bus::cpu>>;
  using io = x86_64::io_apics<window, typename bus::cpu, 4, 96>;
  using driver = x86_64::apic_interrupts<access, io, gates, typename bus::cpu, 4>;
  static constexpr std::uint32_t second_base = 32;
  static access access_of(bool x2apic) {
    return {x2apic, x86_64::xapic_access<typename bus::window, typename bus::cpu>{typename bus::window{}}};
  }

  explicit apic_machine(bool x2apic = false, bool old = false) {
    bus::reset({3, 7, 9});
    for (auto& a : bus::m.apics) a.base_msr = x2apic ? 0xfee0'0c00 : 0xfee0'0800;
    bus::m.end_broadcast = [this](unsigned vector) {
      all.first.eoi(static_cast<std::uint8_t>(vector));
      all.second.eoi(static_cast<std::uint8_t>(vector));
    };
    all.old = old;
    local = x86_64::local_apic<access>{access_of(x2apic)};
  }
  apic_machine(apic_machine const&) = delete;
  apic_machine& operator=(apic_machine const&) = delete;

  /// Adds both I/O APICs and opens CPUs 0 and 1. False when something is refused.
  [[nodiscard]] bool start() {
    if (!io_apics.add({&all, 0}, 0) || !io_apics.add({&all, 1}, second_base)) return false;
    for (std::uint32_t const cpu : {0U, 1U}) {
      bus::m.cpu = cpu;
      if (!irqs.init_cpu({cpu})) return false;
    }
    bus::m.cpu = 0;
    all.writes = 0;
    all.eois = 0;
    return true;
  }
  void set_line(std::uint32_t gsi, bool up) {
    if (gsi < second_base) {
      all.first.set_level(gsi, up);
    } else {
      all.second.set_level(gsi - second_base, up);
    }
  }
  [[nodiscard]] std::uint64_t entry(std::uint32_t gsi) const {
    return gsi < second_base ? all.first.entry_of(gsi) : all.second.entry_of(gsi - second_base);
  }

  devices all{};
  x86_64::local_apic<access> local{access_of(false)};
  io io_apics{};
  driver irqs{local, io_apics};
};

}  // namespace axhal::test

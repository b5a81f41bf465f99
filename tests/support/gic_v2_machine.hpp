// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/gic_v2.hpp>
#include <axhal/arch/aarch64/gich.hpp>
#include <axhal/arch/aarch64/vgic_v2.hpp>
#include <axhal/arch/host/cpu.hpp>

#include "support/simulated_gic_v2.hpp"

namespace axhal::test {

/// A machine with a simulated GICv2, the real drivers on it, and one guest with a virtual distributor. vCPU n runs on
/// CPU n.
template <unsigned Vcpus = 2, unsigned Spis = 64>
struct gic_v2_machine {
  using list_registers = aarch64::gich<hypervisor_window>;

  explicit gic_v2_machine(unsigned vcpus = Vcpus, unsigned lr_count = 4)
      : hardware{Vcpus, Spis / 32, lr_count}, vgic{vcpus} {
    static_cast<void>(gic.init_distributor());
    for (unsigned v = Vcpus; v-- > 0;) {
      on(v);
      static_cast<void>(gic.init_cpu({v}));
      static_cast<void>(lr().init());
      // The guest opens its interface to everything.
      hardware.write_guest(0x00, 1);
      hardware.write_guest(0x04, 0xff);
    }
  }

  void on(unsigned v) { hardware.cpu = v; }
  list_registers& lr() { return registers[hardware.cpu]; }
  vcpu_number self() const { return {hardware.cpu}; }

  // --- the guest ---

  std::uint32_t load(std::uint64_t offset, unsigned bytes = 4) {
    return static_cast<std::uint32_t>(vgic.read(self(), lr(), offset, bytes));
  }
  /// A store and what the hypervisor does before the guest runs on.
  std::uint32_t store(std::uint64_t offset, std::uint32_t value, unsigned bytes = 4) {
    std::uint32_t const kick = vgic.write(self(), lr(), offset, bytes, value);
    return kick | enter();
  }
  /// GICV_IAR: the number, and for SGIs the source; 1023 when there is nothing.
  std::uint32_t take() { return hardware.read_guest(0x0c); }
  void finish(std::uint32_t raw) { hardware.write_guest(0x10, raw); }
  void deactivate(std::uint32_t raw) { hardware.write_guest(0x1000, raw); }
  /// A guest that wants everything from its distributor.
  void open_distributor() {
    store(0x000, 1);
    for (std::uint64_t w = 0; w < 1 + Spis / 32; ++w) store(0x100 + w * 4, ~0U);
    for (std::uint64_t i = 32; i < 32 + Spis; i += 4) store(0x800 + i, 0x0101'0101);
  }

  // --- the hypervisor ---

  std::uint32_t enter() { return vgic.flush(self(), lr(), gic); }
  std::uint32_t leave() { return vgic.sync(self(), lr()); }
  /// An exit for whatever reason, and back.
  std::uint32_t round_trip() {
    std::uint32_t const kick = leave();
    return kick | enter();
  }

  simulated_gic_v2 hardware;
  aarch64::gic_v2<distributor_window, cpu_window, host::cpu> gic{{&hardware}, {&hardware}};
  list_registers registers[8]{list_registers{{&hardware}}, list_registers{{&hardware}}, list_registers{{&hardware}},
                              list_registers{{&hardware}}, list_registers{{&hardware}}, list_registers{{&hardware}},
                              list_registers{{&hardware}}, list_registers{{&hardware}}};
  aarch64::vgic_v2<Vcpus, Spis> vgic;
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_tree_parts.hpp"
#include "host_devices.hpp"

#include <axhal/arch/riscv64/isa.hpp>
#include <axhal/arch/riscv64/vplic.hpp>
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

/// What a guest's tree says of its CPUs: as much of the machine's own as guests have.
struct guest_cpu_facts {
  axhal::boot::tree_node cpu;  ///< of the machine's tree
  axhal::riscv64::h_features features;
  std::uint32_t timebase;
};

/// Calls `f(name)` for each extension that the machine's CPU has, by "riscv,isa-extensions" or the older "riscv,isa".
template <typename F>
void each_extension(axhal::boot::tree_node const& cpu, F f) {
  if (auto const list = cpu.property("riscv,isa-extensions")) {
    for (axhal::text const name : list->strings()) f(name);
  } else if (auto const isa = cpu.property("riscv,isa")) {
    if (auto const text = isa->string()) axhal::riscv64::for_each_extension(*text, f);
  }
}

/// One CPU, with its interrupt controller of handle `intc`.
inline void write_guest_cpu(axhal::boot::device_tree_writer& tree, guest_cpu_facts const& facts, std::uint32_t number,
                            std::uint32_t intc) {
  tree.begin_node("cpu", number);
  tree.property_strings("device_type", "cpu");
  tree.property_strings("compatible", "riscv");
  tree.property_cells("reg", number);
  tree.property_strings("status", "okay");
  tree.property_strings("riscv,isa-base", "rv64i");

  axhal::riscv64::isa_string isa;
  char names[512];
  std::size_t size = 0;
  each_extension(facts.cpu, [&](axhal::text name) {
    if (!axhal::riscv64::is_offered_to_guests(name, facts.features) || name.size >= sizeof names - size) return;
    isa.add(name);
    for (char const c : name) names[size++] = c;
    names[size++] = 0;
  });
  tree.property_strings("riscv,isa", isa.get());
  tree.property("riscv,isa-extensions", {reinterpret_cast<std::uint8_t const*>(names), size});
  for (axhal::text const copied : {axhal::text{"mmu-type"}, axhal::text{"riscv,cbom-block-size"},
                                   axhal::text{"riscv,cboz-block-size"}, axhal::text{"riscv,cbop-block-size"}}) {
    if (auto const p = facts.cpu.property(copied)) tree.property(copied, p->value);
  }

  tree.begin_node("interrupt-controller");
  tree.property_cells("#interrupt-cells", 1);
  tree.property_flag("interrupt-controller");
  tree.property_strings("compatible", "riscv,cpu-intc");
  tree.property_cells("phandle", intc);
  tree.end_node();
  tree.end_node();
}

/// Writes the device tree of the guest's machine: the part of QEMU's own virt machine that the hypervisor offers, at
/// the same addresses and interrupt numbers, so that kernels made for that machine run unchanged.
inline axhal::result<axhal::bytes, axhal::boot::tree_write_error> write_guest_tree(axhal::mutable_bytes out,
                                                                                   guest_tree_facts const& facts,
                                                                                   guest_cpu_facts const& cpus) {
  constexpr std::uint32_t plic = 1;
  constexpr std::uint32_t first_intc = 2;
  axhal::boot::device_tree_writer tree{out};
  tree.begin_node("");
  tree.property_strings("compatible", "riscv-virtio");
  tree.property_strings("model", "axhal virtual machine");
  tree.property_cells("#address-cells", 2);
  tree.property_cells("#size-cells", 2);
  write_chosen_and_memory(tree, facts, "/soc/serial@10000000");

  tree.begin_node("cpus");
  tree.property_cells("#address-cells", 1);
  tree.property_cells("#size-cells", 0);
  tree.property_cells("timebase-frequency", cpus.timebase);
  for (std::uint32_t cpu = 0; cpu < facts.vcpus; ++cpu) write_guest_cpu(tree, cpus, cpu, first_intc + cpu);
  tree.end_node();

  tree.begin_node("soc");
  tree.property_cells("#address-cells", 2);
  tree.property_cells("#size-cells", 2);
  tree.property_strings("compatible", "simple-bus");
  tree.property_flag("ranges");

  tree.begin_node("plic", board::plic.start.value);
  tree.property_strings("compatible", "sifive,plic-1.0.0", "riscv,plic0");
  tree.property_flag("interrupt-controller");
  tree.property_cells("#interrupt-cells", 1);
  tree.property_cells("#address-cells", 0);
  tree.property_u64s("reg", board::plic.start.value, board::plic.size);
  // Context 2v is M-mode's, which no guest has, 2v+1 S-mode's external interrupt.
  constexpr std::uint32_t none = ~std::uint32_t{0};
  tree.property_cells("interrupts-extended", first_intc, none, first_intc, axhal::riscv64::interrupt::sei);
  tree.property_cells("riscv,ndev", board::plic_sources);
  tree.property_cells("phandle", plic);
  tree.end_node();

  tree.begin_node("serial", board::uart.start.value);
  tree.property_strings("compatible", "ns16550a");
  tree.property_u64s("reg", board::uart.start.value, board::uart.size);
  tree.property_cells("interrupt-parent", plic);
  tree.property_cells("interrupts", board::uart_irq.value);
  tree.property_cells("clock-frequency", static_cast<std::uint32_t>(board::uart_clock.value));
  tree.end_node();

  tree.end_node();
  tree.end_node();
  return tree.finish();
}

}  // namespace example

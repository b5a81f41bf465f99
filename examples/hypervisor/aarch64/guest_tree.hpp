// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_tree_parts.hpp"
#include "host_devices.hpp"

#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

/// Writes the device tree of the guest's machine: the part of QEMU's own virt machine that the hypervisor offers, at
/// the same addresses and interrupt numbers, so that kernels made for that machine run unchanged.
inline axhal::result<axhal::bytes, axhal::boot::tree_write_error> write_guest_tree(axhal::mutable_bytes out,
                                                                                   guest_tree_facts const& facts) {
  constexpr std::uint32_t gic = 1;
  constexpr std::uint32_t clock = 2;
  constexpr std::uint32_t spi = 0, ppi = 1;
  constexpr std::uint32_t level_high = 4;
  constexpr auto ppi_number = [](axhal::irq_number n) { return n.value - 16; };
  std::uint32_t const ppi_level = ((1u << facts.vcpus) - 1) << 8 | level_high;

  axhal::boot::device_tree_writer tree{out};
  tree.begin_node("");
  tree.property_strings("compatible", "linux,dummy-virt");
  tree.property_strings("model", "axhal virtual machine");
  tree.property_cells("#address-cells", 2);
  tree.property_cells("#size-cells", 2);
  tree.property_cells("interrupt-parent", gic);

  write_chosen_and_memory(tree, facts, "/pl011@9000000");

  tree.begin_node("cpus");
  tree.property_cells("#address-cells", 1);
  tree.property_cells("#size-cells", 0);
  for (std::uint32_t cpu = 0; cpu < facts.vcpus; ++cpu) {
    tree.begin_node("cpu", cpu);
    tree.property_strings("device_type", "cpu");
    tree.property_strings("compatible", "arm,armv8");
    tree.property_cells("reg", cpu);
    tree.property_strings("enable-method", "psci");
    tree.end_node();
  }
  tree.end_node();

  tree.begin_node("psci");
  tree.property_strings("compatible", "arm,psci-1.0", "arm,psci-0.2");
  tree.property_strings("method", "hvc");
  tree.end_node();

  tree.begin_node("timer");
  tree.property_strings("compatible", "arm,armv8-timer");
  tree.property_flag("always-on");
  tree.property_cells("interrupts", ppi, ppi_number(board::secure_timer_irq), ppi_level, ppi,
                      ppi_number(board::physical_timer_irq), ppi_level, ppi, ppi_number(board::virtual_timer_irq),
                      ppi_level, ppi, ppi_number(board::hypervisor_timer_irq), ppi_level);
  tree.end_node();

  tree.begin_node("intc", board::gic_distributor.start.value);
  tree.property_strings("compatible", "arm,cortex-a15-gic");
  tree.property_flag("interrupt-controller");
  tree.property_cells("#interrupt-cells", 3);
  tree.property_cells("#address-cells", 2);
  tree.property_cells("#size-cells", 2);
  tree.property_u64s("reg", board::gic_distributor.start.value, board::gic_distributor.size,
                     board::gic_cpu_interface.start.value, board::gic_cpu_interface.size);
  tree.property_cells("phandle", gic);
  tree.end_node();

  tree.begin_node("apb-pclk");
  tree.property_strings("compatible", "fixed-clock");
  tree.property_cells("#clock-cells", 0);
  tree.property_cells("clock-frequency", static_cast<std::uint32_t>(board::uart_clock.value));
  tree.property_strings("clock-output-names", "clk24mhz");
  tree.property_cells("phandle", clock);
  tree.end_node();

  tree.begin_node("pl011", board::uart.start.value);
  tree.property_strings("compatible", "arm,pl011", "arm,primecell");
  tree.property_u64s("reg", board::uart.start.value, board::uart.size);
  tree.property_cells("interrupts", spi, board::uart_irq.value - 32, level_high);
  tree.property_cells("clocks", clock, clock);
  tree.property_strings("clock-names", "uartclk", "apb_pclk");
  tree.end_node();

  tree.end_node();
  return tree.finish();
}

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../device_check.hpp"
#include "../host_memory.hpp"
#include "../tree_source.hpp"
#include "host_interrupts.hpp"

#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/arch/riscv64/sbi_extensions.hpp>
#include <axhal/board/qemu_virt_riscv64.hpp>
#include <axhal/board/qemu_virt_riscv64_platform.hpp>
#include <axhal/boot/device_tree.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace example {

/// The machine's own devices.
class host_devices {
 public:
  using platform = axhal::board::qemu_virt_riscv64_platform<>;
  using cpu = platform::cpu;
  using console_type = platform::console;
  using clock = platform::clock;
  using interrupts = platform::irq_controller;

  host_devices() = default;
  host_devices(host_devices const&) = delete;
  host_devices& operator=(host_devices const&) = delete;

  console_type console{{}};
  clock timer{{}, false};

 private:
  axhal::board::qemu_virt_riscv64_harts harts_{};
  host_interrupts external_{};

 public:
  interrupts irqs{axhal::cpu_number{0}, external_.controller(), external_.controller()};

  /// The number of the UART's interrupt.
  static constexpr axhal::irq_number uart_irq = axhal::riscv64::hart_irq::external(board::uart_irq.value);

  /// The interrupt controller's name, for the log.
  [[nodiscard]] axhal::text controller_name() const { return external_.name(); }
  /// This CPU's node in the machine's device tree. `detect` has found it.
  [[nodiscard]] axhal::boot::tree_node const& cpu_node() const { return *cpu_node_; }

  /// Bytes that one instruction of Zicbom acts on, a power of two; 0 where this CPU has none.
  [[nodiscard]] std::size_t cache_block() const {
    std::uint64_t const size = number_in(*cpu_node_, "riscv,cbom-block-size", 0);
    return std::has_single_bit(size) && size <= axhal::frame_size ? static_cast<std::size_t>(size) : 0;
  }

  /// The devices are where this image has them, firmware has what it calls, and the clock's rate is known.
  [[nodiscard]] axhal::result<void, trouble> detect(tree_source const& source, boot_facts const& facts) {
    auto const tree = source.tree();
    using axhal::failure;
    if (auto const r = check_device(tree, "ns16550a", 0, board::uart.start, "the UART is not where this image has it");
        !r) {
      return r;
    }
    if (auto const missing = missing_firmware(); !missing.empty()) {
      return failure{trouble{missing, 0, 0, "firmware does not have this SBI extension, try a newer one"}};
    }
    auto const cpus = tree.find("/cpus");
    if (!cpus) return failure{trouble{"the device tree has no CPUs"}};
    std::uint64_t const rate = number_in(*cpus, "timebase-frequency", 0);
    if (rate == 0) return failure{trouble{"the device tree does not tell the clock's rate"}};
    for (auto const& node : cpus->children()) {
      if (node.base_name() == axhal::text{"cpu"} && number_in(node, "reg", ~std::uint64_t{0}) == facts.cpu) {
        cpu_node_ = node;
      }
    }
    if (!cpu_node_) return failure{trouble{"the device tree does not have this hart", facts.cpu}};
    if (!harts_.add(facts.cpu)) return failure{trouble{"this hart cannot be counted", facts.cpu}};
    timer = clock{{rate}, cpu::has<axhal::riscv64::csr::stimecmp>()};
    return external_.detect(tree, *cpu_node_, harts_);
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_interrupts() {
    if (auto const r = external_.set_up(cpu::hardware_id()); !r) return r;
    if (!console.init(board::uart_clock, 115200)) return axhal::failure{trouble{"the UART cannot do 115200 baud"}};
    irqs.init();
    for (auto const irq : {axhal::riscv64::hart_irq::timer, uart_irq}) {
      if (!irqs.enable(irq)) return axhal::failure{trouble{"there is no interrupt", irq.value, irqs.line_count()}};
    }
    console.enable_receive_interrupt();
    return {};
  }
  void tear_down_interrupts() {
    console.set_interrupts(0);
    irqs.disable_cpu();
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_timer() {
    timer.cancel();
    return {};
  }
  void tear_down_timer() { timer.cancel(); }

 private:
  /// The name of an extension that this image calls and firmware does not have; empty when it has all.
  [[nodiscard]] static axhal::text missing_firmware() {
    using e = axhal::riscv64::sbi_extension;
    using firmware = axhal::riscv64::sbi_client<cpu>;
    if (!firmware::spec_version()) return axhal::riscv64::sbi_extension_name(e::base);
    for (e const needed : {e::time, e::ipi, e::rfence, e::hsm, e::srst}) {
      if (!firmware::has(needed)) return axhal::riscv64::sbi_extension_name(needed);
    }
    return {};
  }

  axhal::result<axhal::boot::tree_node, bool> cpu_node_{axhal::failure{false}};
};

}  // namespace example

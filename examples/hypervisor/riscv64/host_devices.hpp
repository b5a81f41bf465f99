// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../device_check.hpp"
#include "../host_memory.hpp"

#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/hart_map.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/plic.hpp>
#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/arch/riscv64/sbi_extensions.hpp>
#include <axhal/board/qemu_virt_riscv64.hpp>
#include <axhal/boot/device_tree.hpp>
#include <axhal/console/ns16550.hpp>
#include <axhal/core/mmio.hpp>

#include <cstdint>

namespace example {

using board = axhal::board::qemu_virt_riscv64;
using hart_map = axhal::riscv64::hart_map<board::max_cpus>;

/// External interrupts by the PLIC, software interrupts by firmware: the machine with aia=none.
class behind_plic {
 public:
  using external = axhal::riscv64::plic<axhal::fixed_mmio<board::plic.start.value>, board::max_cpus, 128>;
  using ipi = axhal::riscv64::firmware_ipi<axhal::riscv64::cpu, board::max_cpus>;

  explicit behind_plic(hart_map const& harts) : sender{harts} {}

  [[nodiscard]] static axhal::text name_with_sstc() { return "H extension with Sstc, PLIC"; }
  [[nodiscard]] static axhal::text name_without_sstc() { return "H extension without Sstc, PLIC"; }
  [[nodiscard]] static axhal::result<void, trouble> detect(axhal::boot::device_tree const& tree) {
    return check_device(tree, "sifive,plic-1.0.0", 0, board::plic.start, "there is no PLIC where this image has it");
  }
  [[nodiscard]] axhal::result<void, trouble> set_up(std::uint64_t hartid) {
    if (!controller.init(board::external_sources) ||
        !controller.init_cpu(axhal::cpu_number{0}, board::supervisor_context(hartid))) {
      return axhal::failure{trouble{"the PLIC does not have this hart's context", hartid}};
    }
    return {};
  }

  external controller{{}};
  ipi sender;
};

/// The machine's own devices. `Behind` is the interrupt controller behind the hart.
template <typename Behind>
class host_devices {
 public:
  using cpu = axhal::riscv64::cpu;
  using console_type = axhal::console::ns16550<axhal::fixed_mmio<board::uart.start.value>>;
  using clock = axhal::riscv64::either_clock<cpu>;
  using interrupts = axhal::riscv64::hart_interrupts<cpu, typename Behind::external, typename Behind::ipi>;

  host_devices() = default;
  host_devices(host_devices const&) = delete;
  host_devices& operator=(host_devices const&) = delete;

  console_type console{{}};
  clock timer{{}, false};

 private:
  hart_map harts_{};
  Behind behind_{harts_};

 public:
  interrupts irqs{axhal::cpu_number{0}, behind_.controller, behind_.sender};

  /// The number of the UART's interrupt.
  static constexpr axhal::irq_number uart_irq = axhal::riscv64::hart_irq::external(board::uart_irq.value);

  /// The CPU's node in the machine's device tree; it was found in `detect`.
  [[nodiscard]] axhal::boot::tree_node const& cpu_node() const { return *cpu_node_; }

  /// The devices are where this image has them, firmware has what it calls, and the clock's rate is known.
  [[nodiscard]] axhal::result<void, trouble> detect(axhal::boot::device_tree const& tree, boot_facts const& facts) {
    using axhal::failure;
    auto const console_there =
        check_device(tree, "ns16550a", 0, board::uart.start, "the UART is not where this image has it");
    if (!console_there) return console_there;
    if (auto const r = Behind::detect(tree); !r) return r;
    if (auto const missing = missing_firmware(); !missing.empty()) {
      return failure{trouble{missing, 0, 0, "firmware lacks an SBI extension"}};
    }
    auto const cpus = tree.find("/cpus");
    if (!cpus) return failure{trouble{"the device tree has no CPUs"}};
    auto const rate = cpus->property("timebase-frequency");
    auto const hertz = rate ? rate->number() : axhal::result<std::uint64_t, axhal::boot::tree_error>{std::uint64_t{}};
    if (!hertz || *hertz == 0) return failure{trouble{"the device tree does not tell the clock's rate"}};
    for (auto const& node : cpus->children()) {
      auto const id = node.property("reg");
      auto const number = id ? id->number() : axhal::result<std::uint64_t, axhal::boot::tree_error>{~std::uint64_t{}};
      if (node.base_name() == axhal::text{"cpu"} && number && *number == facts.cpu) cpu_node_ = node;
    }
    if (!cpu_node_) return failure{trouble{"the device tree does not have this hart", facts.cpu}};
    if (!harts_.add(facts.cpu)) return failure{trouble{"this hart cannot be counted", facts.cpu}};
    timer = clock{{*hertz}, cpu::has<axhal::riscv64::csr::stimecmp>()};
    return {};
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_interrupts() {
    if (auto const r = behind_.set_up(*harts_.hartid_of(axhal::cpu_number{0})); !r) return r;
    static_cast<void>(console.init(board::uart_clock, 115200));
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
    axhal::riscv64::sbi_extension_set const needed{e::base, e::time, e::ipi, e::rfence, e::hsm, e::srst};
    axhal::text first;
    needed.without(axhal::riscv64::sbi_client<cpu>::extensions()).for_each([&](e missing) {
      if (first.empty()) first = axhal::riscv64::sbi_extension_name(missing);
    });
    return first;
  }

  axhal::result<axhal::boot::tree_node, bool> cpu_node_{axhal::failure{false}};
};

}  // namespace example

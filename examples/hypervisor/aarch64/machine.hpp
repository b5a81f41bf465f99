// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_devices.hpp"
#include "target.hpp"

#include "../host_memory.hpp"
#include "../log.hpp"
#include "../virtual_machine.hpp"

#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/boot/phases.hpp>

#include <cstdint>

namespace example {

/// What the first instructions know.
struct boot_facts {
  axhal::host_range image{};
  axhal::host_phys tree{};
};

/// The machine, brought up in the six phases of `boot::phases`.
class machine {
 public:
  using error = trouble;
  using vm_type = virtual_machine<target>;
  using role = axhal::boot::cpu_role;

  explicit machine(boot_facts facts) : facts_{facts} {}

  [[nodiscard]] auto log() { return logger<host_devices::console_type>{devices_.console}; }

  // --- phase 1: which machine is this ---

  [[nodiscard]] axhal::result<void, error> detect_platform() {
    constexpr std::uint64_t largest_tree = 2 * axhal::mib;
    auto const tree = axhal::boot::device_tree::open(bytes_at({facts_.tree, largest_tree}));
    if (!tree) return axhal::failure{error{"the device tree of the machine is damaged at", tree.error().offset}};
    tree_ = tree->blob();
    if (auto const r = check("arm,pl011", 0, board::uart.start, "the UART is not where this image has it"); !r)
      return r;
    if (auto const r = check("arm,cortex-a15-gic", 0, board::gic_distributor.start,
                             "there is no GICv2 distributor where this image has it (-M virt,gic-version=2)");
        !r) {
      return r;
    }
    if (auto const r = check("arm,cortex-a15-gic", 1, board::gic_cpu_interface.start,
                             "the GIC's CPU interface is not where this image has it");
        !r) {
      return r;
    }
    if (auto const r = check("arm,cortex-a15-gic", 2, board::gic_virtual_control.start,
                             "the GIC has no virtualization (-M virt,virtualization=on)");
        !r) {
      return r;
    }
    return check("arm,cortex-a15-gic", 3, board::gic_virtual_cpu.start,
                 "the GIC's virtual CPU interface is not where this image has it");
  }
  void forget_platform() { tree_ = {}; }

  // --- phase 2: what memory is there ---

  [[nodiscard]] axhal::result<void, error> map_memory() { return take_memory(frames_, tree(), facts_.image); }
  void unmap_memory() {}

  // --- phase 3: this CPU's exception vectors and virtualization; its translation is on since the first instructions
  // ---

  [[nodiscard]] axhal::result<void, error> set_up_architecture(role) {
    if (auto const on = virt_.enable(); !on) {
      return axhal::failure{error{"this CPU cannot run guests", static_cast<std::uint64_t>(on.error())}};
    }
    return {};
  }
  void tear_down_architecture(role) { virt_.disable(); }

  // --- phase 4: interrupt controller ---

  [[nodiscard]] axhal::result<void, error> set_up_interrupts(role) {
    auto& gic = devices_.gic;
    if (!gic.init_distributor() || !gic.init_cpu(axhal::cpu_number{0}))
      return axhal::failure{error{"the GIC is no GICv2"}};
    if (!devices_.gich.init()) return axhal::failure{error{"the GIC's virtual interface control is not there"}};
    for (auto const irq :
         {board::maintenance_irq, board::hypervisor_timer_irq, board::virtual_timer_irq, board::uart_irq}) {
      if (!gic.enable(irq))
        return axhal::failure{error{"the GIC does not have interrupt", irq.value, gic.line_count()}};
    }
    devices_.console.enable_receive_interrupt();
    return {};
  }
  void tear_down_interrupts(role) {
    devices_.console.set_interrupts(0);
    devices_.gic.disable_cpu();
  }

  // --- phase 5: clock ---

  [[nodiscard]] axhal::result<void, error> set_up_timer(role) {
    using clock = host_devices::clock;
    if (clock::frequency().value == 0)
      return axhal::failure{error{"firmware has not set the counter's frequency (CNTFRQ_EL0)"}};
    clock::enable();
    return {};
  }
  void tear_down_timer(role) { host_devices::clock::cancel(); }

  // --- phase 6: per-CPU state ---

  [[nodiscard]] axhal::result<void, error> set_up_cpu(role) {
    axhal::aarch64::cpu::set_per_cpu_base(this);
    return {};
  }
  void tear_down_cpu(role) { axhal::aarch64::cpu::set_per_cpu_base(nullptr); }

  // --- then ---

  /// Runs the guest that the boot loader brought, and reports how it went.
  void run_guest() {
    auto const order = read_order(tree());
    if (!order) return report(order.error());
    vm_type vm{frames_, virt_, devices_};
    if (auto const made = vm.create(*order); !made) return report(made.error());
    log()("EL2 ",
          (axhal::aarch64::cpu::read<axhal::aarch64::sysreg::hcr_el2>() >> 34 & 1) != 0 ? axhal::text{"with VHE"}
                                                                                        : axhal::text{"without VHE"},
          "; guest of ", vm.memory().size / axhal::mib, " MiB and ", order->vcpus, " vCPU");
    vm_type::handler answers{{devices_, vm.memory()}, {}};
    vm.run(answers);
    finish(vm, answers);
    vm.destroy();
  }

  void report(error const& e) {
    auto out = log();
    out.begin();
    out.write("error: ");
    if (!e.about.empty()) {
      out.write(e.about);
      out.write(": ");
    }
    out.write(e.what);
    if (e.a != 0 || e.b != 0) {
      out.write(" (");
      out.write(e.a);
      if (e.b != 0) {
        out.write(", ");
        out.write(e.b);
      }
      out.write(")");
    }
    out.end();
  }

 private:
  /// The device tree; it was found whole in phase 1.
  [[nodiscard]] axhal::boot::device_tree tree() const { return *axhal::boot::device_tree::open(tree_); }

  /// A device whose address the tree and this image must agree on.
  [[nodiscard]] axhal::result<void, error> check(axhal::text compatible, std::size_t i, axhal::host_phys expected,
                                                 axhal::text what) {
    auto const all = tree();
    auto const node = all.find_compatible(compatible);
    if (!node) return axhal::failure{error{what, expected.value}};
    auto const where = axhal::boot::device_range(all, *node, i);
    if (!where) return axhal::failure{error{what, expected.value}};
    if (where->start != expected) return axhal::failure{error{what, where->start.value, expected.value}};
    return {};
  }

  void finish(vm_type const& vm, vm_type::handler const& answers) {
    auto out = log();
    out.write("\r\naxhal: exits");
    answers.counters.each([&](axhal::exit_kind kind, std::uint64_t count) {
      out.write(" ");
      out.write(axhal::name_of(kind));
      out.write("=");
      out.write(count);
    });
    out.write("\r\n");
    switch (answers.end()) {
      case guest_end::power_off: return out("verdict=power-off");
      case guest_end::reset: return out("verdict=reset");
      case guest_end::crash:
      case guest_end::none: break;
    }
    out("the guest was stopped at PC ", hex{vm.vcpu().elr}, ", PSTATE ", hex{vm.vcpu().spsr}, ", syndrome ",
        hex{answers.last_word()});
    out("verdict=crash");
  }

  boot_facts facts_;
  host_devices devices_{};
  axhal::bytes tree_{};
  frame_allocator frames_{};
  vm_type::virt_ext virt_{};
};

}  // namespace example

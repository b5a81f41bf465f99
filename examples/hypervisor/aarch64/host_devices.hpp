// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../device_check.hpp"
#include "../host_memory.hpp"
#include "../tree_source.hpp"

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/board/qemu_virt_aarch64.hpp>
#include <axhal/board/qemu_virt_aarch64_platform.hpp>
#include <axhal/hal.hpp>

namespace example {

using board = axhal::board::qemu_virt_aarch64;

/// Whether EL2 has VHE is looked up where it matters, so that one image serves both.
inline constexpr auto el2_use = axhal::aarch64::el2_mode::either;

/// The machine's own devices.
struct host_devices {
  using platform = axhal::board::qemu_virt_aarch64_platform<axhal::aarch64::el2_mode::nvhe>;
  using console_type = platform::console;
  using gic_type = platform::irq_controller;
  using gich_type = platform::get<axhal::option_kind::virt_irq>;
  using clock = platform::clock;

  console_type console{{}};
  gic_type gic{{}, {}};
  gich_type gich{{}};
  clock timer{};

  /// The devices are where this image has them.
  [[nodiscard]] static axhal::result<void, trouble> detect(tree_source const& source, boot_facts const&) {
    auto const tree = source.tree();
    struct {
      axhal::text compatible;
      std::size_t range;
      axhal::host_phys expected;
      axhal::text what;
    } const wanted[] = {
        {"arm,pl011", 0, board::uart.start, "the UART is not where this image has it"},
        {"arm,cortex-a15-gic", 0, board::gic_distributor.start,
         "there is no GICv2 distributor where this image has it (-M virt,gic-version=2)"},
        {"arm,cortex-a15-gic", 1, board::gic_cpu_interface.start,
         "the GIC's CPU interface is not where this image has it"},
        {"arm,cortex-a15-gic", 2, board::gic_virtual_control.start,
         "the GIC has no virtualization (-M virt,virtualization=on)"},
        {"arm,cortex-a15-gic", 3, board::gic_virtual_cpu.start,
         "the GIC's virtual CPU interface is not where this image has it"},
    };
    for (auto const& w : wanted) {
      if (auto const r = check_device(tree, w.compatible, w.range, w.expected, w.what); !r) return r;
    }
    return {};
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_interrupts() {
    using axhal::failure;
    if (!gic.init_distributor() || !gic.init_cpu(axhal::cpu_number{0})) return failure{trouble{"the GIC is no GICv2"}};
    if (!gich.init()) return failure{trouble{"the GIC's virtual interface control is not there"}};
    for (auto const irq :
         {board::maintenance_irq, board::hypervisor_timer_irq, board::virtual_timer_irq, board::uart_irq}) {
      if (!gic.enable(irq)) return failure{trouble{"the GIC does not have interrupt", irq.value, gic.line_count()}};
    }
    console.enable_receive_interrupt();
    return {};
  }
  void tear_down_interrupts() {
    console.set_interrupts(0);
    gic.disable_cpu();
  }

  [[nodiscard]] static axhal::result<void, trouble> set_up_timer() {
    if (clock::frequency().value == 0)
      return axhal::failure{trouble{"firmware has not set the counter's frequency (CNTFRQ_EL0)"}};
    clock::enable();
    return {};
  }
  static void tear_down_timer() { clock::cancel(); }
};

}  // namespace example

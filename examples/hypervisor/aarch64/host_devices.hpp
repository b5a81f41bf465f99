// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/generic_timer.hpp>
#include <axhal/arch/aarch64/gic_v2.hpp>
#include <axhal/arch/aarch64/gich.hpp>
#include <axhal/arch/aarch64/insn.hpp>
#include <axhal/board/qemu_virt_aarch64.hpp>
#include <axhal/console/pl011.hpp>
#include <axhal/core/mmio.hpp>

namespace example {

using board = axhal::board::qemu_virt_aarch64;

/// The machine's own devices, at addresses that are known when the program is compiled.
template <axhal::aarch64::el2_mode Mode>
struct host_devices {
  template <axhal::host_range Where>
  using window = axhal::fixed_mmio<Where.start.value>;

  using console_type = axhal::console::pl011<window<board::uart>>;
  using gic_type =
      axhal::aarch64::gic_v2<window<board::gic_distributor>, window<board::gic_cpu_interface>, axhal::aarch64::cpu>;
  using gich_type = axhal::aarch64::gich<window<board::gic_virtual_control>>;
  using clock = axhal::aarch64::generic_timer<axhal::aarch64::cpu, Mode>;

  console_type console{{}};
  gic_type gic{{}, {}};
  gich_type gich{{}};
};

}  // namespace example

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

/// Whether EL2 has VHE is looked up where it matters, so that one image serves both.
inline constexpr auto el2_use = axhal::aarch64::el2_mode::either;

/// The machine's own devices, at addresses that are known when the program is compiled.
struct host_devices {
  template <axhal::host_range Where>
  using window = axhal::fixed_mmio<Where.start.value>;

  using console_type = axhal::console::pl011<window<board::uart>>;
  using gic_type =
      axhal::aarch64::gic_v2<window<board::gic_distributor>, window<board::gic_cpu_interface>, axhal::aarch64::cpu>;
  using gich_type = axhal::aarch64::gich<window<board::gic_virtual_control>>;
  using clock = axhal::aarch64::generic_timer<axhal::aarch64::cpu, el2_use>;

  console_type console{{}};
  gic_type gic{{}, {}};
  gich_type gich{{}};
};

}  // namespace example

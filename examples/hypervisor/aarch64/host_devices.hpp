// SPDX-License-Identifier: BSL-1.0
#pragma once

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
};

}  // namespace example

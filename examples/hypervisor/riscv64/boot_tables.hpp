// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../boot_map.hpp"
#include "host_devices.hpp"

#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/core/address.hpp>

namespace example {

/// The hypervisor's own translations, computed by the compiler. Sv39's lower half reaches the first 256 GiB.
struct boot_translation : boot_map<board> {
  using format = axhal::riscv64::sv39;

  /// Where image.ld places the tables: at the start of the read-only block.
  static constexpr axhal::host_phys base = image::rodata;
};

}  // namespace example

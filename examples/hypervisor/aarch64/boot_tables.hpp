// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../boot_map.hpp"
#include "host_devices.hpp"

#include <axhal/core/address.hpp>

namespace example {

/// The hypervisor's own translations, computed by the compiler. 39 bits of addresses reach the first 512 GiB.
template <axhal::aarch64::el2_mode Mode>
struct boot_translation : boot_map<board> {
  using format = typename axhal::board::qemu_virt_aarch64_platform<Mode>::paging;

  /// Where image.ld places the tables: nVHE's at the start of the read-only block, VHE's 64 KiB above.
  static constexpr axhal::host_phys base = image::rodata + (Mode == axhal::aarch64::el2_mode::vhe ? 0x1'0000 : 0);
};

}  // namespace example

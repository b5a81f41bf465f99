// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../boot_map.hpp"
#include "host_devices.hpp"

#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/core/address.hpp>
#include <axhal/paging/boot_tables.hpp>

namespace example {

/// The hypervisor's own translations, computed by the compiler. Devices lie between RAM and RAM, so the map is not the
/// one of boards that have them below; what is said of the image is.
struct boot_translation {
  using format = axhal::x86_64::paging_4_level;
  using parts = boot_map<board>;
  using image = board::image;

  static constexpr axhal::host_phys after_devices = board::devices.start + board::devices.size;
  static constexpr axhal::paging::boot_region<axhal::host_virt> map[] = {
      axhal::paging::boot_identity({board::ram, image::text - board::ram}, parts::data),
      axhal::paging::boot_identity({image::text, image::block}, parts::code),
      axhal::paging::boot_identity({image::rodata, image::block}, parts::constants),
      axhal::paging::boot_identity({image::data, board::devices.start - image::data}, parts::data),
      axhal::paging::boot_identity(board::devices, parts::device),
      axhal::paging::boot_identity({after_devices, reachable - after_devices}, parts::data),
  };

  /// Where image.ld places the tables: at the start of the read-only block.
  static constexpr axhal::host_phys base = image::rodata;
};

}  // namespace example

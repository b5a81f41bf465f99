// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_devices.hpp"

#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/paging/boot_tables.hpp>

namespace example {

/// The hypervisor's own translations, computed by the compiler: devices, RAM, and W^X for the image's three blocks.
/// Sv39's lower half reaches the first 256 GiB.
struct boot_translation {
  using format = axhal::riscv64::sv39;
  using image = board::image;

  static constexpr axhal::page_attributes device{axhal::read_write, axhal::memory_type::device};
  static constexpr axhal::page_attributes data{axhal::read_write, axhal::memory_type::normal};
  static constexpr axhal::page_attributes code{axhal::read_execute, axhal::memory_type::normal};
  static constexpr axhal::page_attributes constants{axhal::access::read, axhal::memory_type::normal};

  static constexpr axhal::paging::boot_region<axhal::host_virt> map[] = {
      axhal::paging::boot_identity(board::devices, device),
      axhal::paging::boot_identity({board::ram, image::text - board::ram}, data),
      axhal::paging::boot_identity({image::text, image::block}, code),
      axhal::paging::boot_identity({image::rodata, image::block}, constants),
      axhal::paging::boot_identity({image::data, reachable - image::data}, data),
  };

  /// Where image.ld places the tables: at the start of the read-only block.
  static constexpr axhal::host_phys base = image::rodata;
};

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_devices.hpp"

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/paging/boot_tables.hpp>

namespace example {

/// The hypervisor's own translations, computed by the compiler: devices, RAM, and W^X for the image's three blocks. 39
/// bits of addresses reach the first 512 GiB.
template <axhal::aarch64::el2_mode Mode>
struct boot_translation {
  using format = typename axhal::board::qemu_virt_aarch64_platform<Mode>::paging;
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

  /// Where image.ld places the tables: nVHE's at the start of the read-only block, VHE's 64 KiB above.
  static constexpr axhal::host_phys base = image::rodata + (Mode == axhal::aarch64::el2_mode::vhe ? 0x1'0000 : 0);
};

}  // namespace example

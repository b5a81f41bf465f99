// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_memory.hpp"

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/paging/boot_tables.hpp>

namespace example {

/// What the hypervisor's own translations map, each address to itself, on a board: devices, RAM, and W^X for the
/// image's three blocks.
template <typename Board>
struct boot_map {
  using image = typename Board::image;

  static constexpr axhal::page_attributes device{axhal::read_write, axhal::memory_type::device};
  static constexpr axhal::page_attributes data{axhal::read_write, axhal::memory_type::normal};
  static constexpr axhal::page_attributes code{axhal::read_execute, axhal::memory_type::normal};
  static constexpr axhal::page_attributes constants{axhal::access::read, axhal::memory_type::normal};

  static constexpr axhal::paging::boot_region<axhal::host_virt> map[] = {
      axhal::paging::boot_identity(Board::devices, device),
      axhal::paging::boot_identity({Board::ram, image::text - Board::ram}, data),
      axhal::paging::boot_identity({image::text, image::block}, code),
      axhal::paging::boot_identity({image::rodata, image::block}, constants),
      axhal::paging::boot_identity({image::data, reachable - image::data}, data),
  };
};

}  // namespace example

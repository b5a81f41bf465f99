// SPDX-License-Identifier: BSL-1.0
// A guest's memory: one 2 MiB page where there can be one, split when a part of it gets other rights, nothing left
// behind.
#include <axhal/arch/host/paging.hpp>
#include <axhal/core/units.hpp>
#include <axhal/memory/frame_pool.hpp>
#include <axhal/paging/page_table.hpp>

#include <cstdio>

using namespace axhal;

int main() {
  static memory::frame_pool<16> frames;
  std::size_t const before = frames.free_frames();
  paging::page_table<host::paging, memory::frame_pool<16>> space{frames};
  if (!space.create()) return 1;

  guest_phys const start{0x4000'0000};
  bool sound = space.map(start, host_phys{0x8000'0000}, 2 * mib, {read_write}).has_value();
  sound = sound && space.query(start)->level == 1;
  sound = sound && space.protect(start + 4 * kib, 4 * kib, {access::read}).has_value();
  sound = sound && space.query(start)->level == 0;
  sound = sound && space.translate(start + 0x1234) == host_phys{0x8000'1234};
  sound =
      sound && space.map(start, host_phys{0}, 4 * kib, {read_write}) == failure{paging::paging_error::already_mapped};
  std::printf("tables in use: %zu\n", before - frames.free_frames());

  sound = sound && space.unmap(start, 2 * mib).has_value();
  space.destroy();
  std::printf("after unmap and destroy: %zu\n", before - frames.free_frames());
  return sound && frames.free_frames() == before ? 0 : 1;
}

// SPDX-License-Identifier: BSL-1.0
// EXPECT: boot tables: the map takes more than 16 frames
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/paging/boot_tables.hpp>

using format = axhal::aarch64::stage1_el2<axhal::aarch64::el2_mode::nvhe, 39>;
using region = axhal::paging::boot_region<axhal::host_virt>;
constexpr axhal::page_attributes rw{axhal::read_write, axhal::memory_type::normal};
#if defined(AXHAL_CORRECT)
constexpr region map[] = {region{{0}, {0}, 0x1000, rw}};
#else
constexpr region map[] = {region{{0}, {0x1000}, 0x200'0000, rw}};
#endif
constexpr auto tables = axhal::paging::make_boot_tables<format, map, axhal::host_phys{0x4050'0000}>();

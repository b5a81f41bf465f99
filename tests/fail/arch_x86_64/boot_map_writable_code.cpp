// SPDX-License-Identifier: BSL-1.0
// The hardware would take such a page; the host's format does not.
// EXPECT: boot tables: the format cannot express the attributes of a region
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/paging/boot_tables.hpp>

#if defined(AXHAL_CORRECT)
constexpr auto rights = axhal::read_execute;
#else
constexpr auto rights = axhal::read_write_execute;
#endif
constexpr axhal::paging::boot_region<axhal::host_virt> map[] = {
    {{0x20'0000}, {0x20'0000}, 0x1000, {rights, axhal::memory_type::normal}}};
constexpr auto tables =
    axhal::paging::make_boot_tables<axhal::x86_64::paging_4_level, map, axhal::host_phys{0x50'0000}>();

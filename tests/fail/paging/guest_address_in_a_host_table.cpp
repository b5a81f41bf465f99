// SPDX-License-Identifier: BSL-1.0
// EXPECT: (host_virt|guest_phys)_space
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/paging/page_table.hpp>

using format = axhal::aarch64::stage1_el2<axhal::aarch64::el2_mode::nvhe>;
#if defined(AXHAL_CORRECT)
using input = axhal::host_virt;
#else
using input = axhal::guest_phys;
#endif
bool map(axhal::paging::page_table<format, axhal::host::counting_frames<4>>& table, input at) {
  return table.query(at).has_value();
}

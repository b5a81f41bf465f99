// SPDX-License-Identifier: BSL-1.0
// EXPECT: TlbMaintenance
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/page_table.hpp>

#if defined(AXHAL_CORRECT)
using tlb = axhal::host::recording_tlb<axhal::guest_phys>;
#else
using tlb = axhal::host::recording_tlb<axhal::host_virt>;  // forgets host addresses, the table holds the guest's
#endif
bool has_root(
    axhal::paging::page_table<axhal::aarch64::stage2<40>, axhal::host::counting_frames<4>, tlb> const& table) {
  return table.is_live();
}

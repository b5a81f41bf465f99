// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// G-stage: guest-physical to host-physical, through hgatp: Sv39x4, Sv48x4 or Sv57x4 with 3, 4 or 5 levels (RISC-V
/// Privileged Architecture, "H" Extension for Hypervisor Support, "Guest Physical Address Translation").
///
/// Two bits wider than its namesake: the root has 2048 entries, 16 KiB, aligned to 16 KiB. A guest-physical address
/// beyond `gpa_bits` faults. The manual checks every access of a guest as one of U-mode, so each leaf has U 1; G is
/// reserved here, and 0. Every set of rights with a reading or an executing right is exact. A guest's own MXR does not
/// open a page that is for execution alone, the hypervisor's sstatus.MXR does: it stays 0.
template <unsigned Levels, svpbmt Types = svpbmt::absent>
struct stage2 : table_format<Types> {
  static_assert(Levels >= 3 && Levels <= 5, "stage2: Sv39x4, Sv48x4 and Sv57x4 have 3, 4 and 5 levels");

  using format = table_format<Types>;
  using entry = typename format::entry;
  using input_address = guest_phys;

  static constexpr unsigned levels = Levels;
  static constexpr unsigned index_bits(unsigned level) { return level == Levels - 1 ? 11 : 9; }
  static constexpr unsigned largest_leaf_level = Levels - 1;
  /// How wide the guest-physical addresses are that it translates: 41, 50 or 59 bits.
  static constexpr unsigned gpa_bits = 12 + 9 * Levels + 2;
  /// The MODE of hgatp for this format.
  static constexpr unsigned mode = translation_mode::sv39 + (Levels - 3);

  static constexpr bool representable(page_attributes a) { return format::can_express(a); }
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned) { return format::make_leaf(pa, a, true); }

  /// The value of hgatp for the tables at `root` and the machine `id`, which has at most as many bits as the hart
  /// (`vmid_bits`).
  [[nodiscard]] static constexpr std::uint64_t hgatp(host_phys root, vmid id) {
    return riscv64::hgatp::f_mode::make(mode) | riscv64::hgatp::f_vmid::make(id.value) |
           riscv64::hgatp::f_ppn::make(root.value >> 12);
  }
};

using sv39x4 = stage2<3>;
using sv48x4 = stage2<4>;
using sv57x4 = stage2<5>;
using sv39x4_svpbmt = stage2<3, svpbmt::present>;
using sv48x4_svpbmt = stage2<4, svpbmt::present>;
using sv57x4_svpbmt = stage2<5, svpbmt::present>;

static_assert(PagingPolicy<sv39x4> && PagingPolicy<sv48x4> && PagingPolicy<sv57x4>);
static_assert(PagingPolicy<sv39x4_svpbmt> && PagingPolicy<sv48x4_svpbmt> && PagingPolicy<sv57x4_svpbmt>);
static_assert(sv39x4::gpa_bits == 41 && sv48x4::gpa_bits == 50 && sv57x4::gpa_bits == 59);

}  // namespace axhal::riscv64

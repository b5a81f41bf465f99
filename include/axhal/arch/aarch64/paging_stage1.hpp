// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/arch/aarch64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// The memory types of this library as indices into MAIR_EL2 (ARM DDI 0487, "MAIR_EL2, Memory Attribute Indirection
/// Register", D24.2).
struct memory_attributes {
  static constexpr unsigned index_normal = 0;    ///< write-back, read- and write-allocate, inner and outer
  static constexpr unsigned index_uncached = 1;  ///< normal, non-cacheable
  static constexpr unsigned index_device = 2;    ///< Device-nGnRE

  /// The value of MAIR_EL2 that the indices mean.
  static constexpr std::uint64_t mair_el2 = std::uint64_t{0xff} << (8 * index_normal) |
                                            std::uint64_t{0x44} << (8 * index_uncached) |
                                            std::uint64_t{0x04} << (8 * index_device);
};

/// Stage 1 of the hypervisor's own addresses, 4 KiB granule, `VaBits` bits from 0 (TTBR0_EL2)
/// (ARM DDI 0487, "Stage 1 translation", D8.1, and "VMSAv8-64 descriptor formats", D8.3).
///
/// `Mode` tells which regime walks the table. `nvhe` is EL2 alone, with one privilege: AP[1] is RES1 and XN is the one
/// bit that forbids execution. `vhe` is EL2&0 (HCR_EL2.E2H 1), which reads descriptors as EL1&0 does: AP[1] would let
/// EL0 in, PXN forbids EL2 to execute and UXN EL0. Nothing here is for EL0. No page is writable and executable.
template <el2_mode Mode, unsigned VaBits = 48>
struct stage1_el2 {
  static_assert(VaBits >= 31 && VaBits <= 48, "stage1_el2: host-virtual addresses have 31 to 48 bits");

  using entry = std::uint64_t;
  using input_address = host_virt;

  static constexpr el2_mode mode = Mode;
  static constexpr unsigned va_bits = VaBits;
  static constexpr unsigned levels = VaBits <= 39 ? 3 : 4;
  static constexpr unsigned index_bits(unsigned level) {
    return level < levels - 1 ? 9 : VaBits - 12 - 9 * (levels - 1);
  }
  static constexpr unsigned largest_leaf_level = 2;
  static constexpr unsigned output_bits = 48;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;

  // clang-format off
  using f_valid    = descriptor::f_valid;
  using f_table    = descriptor::f_table;
  using f_attrindx = bit_field<unsigned, 4, 2>;
  using f_ap1      = bit_field<bool,        6>;    // nVHE: RES1; VHE: EL0 has access
  using f_ap2      = bit_field<bool,        7>;    // read only
  using f_sh       = descriptor::f_sh;
  using f_af       = descriptor::f_af;
  using f_address  = descriptor::f_address;
  using f_pxn      = bit_field<bool,       53>;    // nVHE: RES0
  using f_xn       = bit_field<bool,       54>;    // VHE: UXN
  // clang-format on
  static_assert(disjoint_fields<f_valid, f_table, f_attrindx, f_ap1, f_ap2, f_sh, f_af, f_address, f_pxn, f_xn>);

  static constexpr bool representable(page_attributes a) {
    bool const writes = has(a.rights, access::write);
    bool const executes = has(a.rights, access::execute);
    return has(a.rights, access::read) && !(writes && executes) && !(a.type == memory_type::device && executes);
  }

  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned level) {
    bool const executes = has(a.rights, access::execute);
    entry e = f_valid::make(true) | f_af::make(true) | f_address::make(pa.value >> 12);
    e = f_table::with(e, level == 0);
    e = f_ap2::with(e, !has(a.rights, access::write));
    if constexpr (Mode == el2_mode::vhe) {
      e = f_xn::with(f_pxn::with(e, !executes), true);
    } else {
      e = f_xn::with(f_ap1::with(e, true), !executes);
    }
    switch (a.type) {
      case memory_type::normal:
        return f_sh::with(f_attrindx::with(e, memory_attributes::index_normal), descriptor::inner_shareable);
      case memory_type::normal_uncached:
        return f_sh::with(f_attrindx::with(e, memory_attributes::index_uncached), descriptor::outer_shareable);
      case memory_type::device: break;
    }
    return f_sh::with(f_attrindx::with(e, memory_attributes::index_device), descriptor::outer_shareable);
  }
  static constexpr entry table(host_phys pa) {
    return f_valid::make(true) | f_table::make(true) | f_address::make(pa.value >> 12);
  }

  static constexpr bool is_present(entry e) { return f_valid::get(e); }
  static constexpr bool is_leaf(entry e, unsigned level) { return f_valid::get(e) && f_table::get(e) == (level == 0); }
  static constexpr host_phys target(entry e, unsigned) { return {f_address::get(e) << 12}; }
  static constexpr page_attributes attributes(entry e) {
    access rights = access::read;
    if (!f_ap2::get(e)) rights = rights | access::write;
    if (!(Mode == el2_mode::vhe ? f_pxn::get(e) : f_xn::get(e))) rights = rights | access::execute;
    unsigned const index = f_attrindx::get(e);
    if (index == memory_attributes::index_normal) return {rights, memory_type::normal};
    return {rights, index == memory_attributes::index_uncached ? memory_type::normal_uncached : memory_type::device};
  }

  /// TCR_EL2 for this format. With `nvhe` the register has the layout of a regime with one range; with `vhe` that of
  /// TCR_EL1, and walks through TTBR1_EL2 are off (ARM DDI 0487, "TCR_EL2, Translation Control Register", D24.2).
  // clang-format off
  struct tcr {
    using f_t0sz  = bit_field<std::uint64_t,  5,  0>;
    using f_irgn0 = bit_field<std::uint64_t,  9,  8>;
    using f_orgn0 = bit_field<std::uint64_t, 11, 10>;
    using f_sh0   = bit_field<std::uint64_t, 13, 12>;
    using f_tg0   = bit_field<std::uint64_t, 15, 14>;    // 0: 4 KiB
    // E2H 0
    using f_ps    = bit_field<std::uint64_t, 18, 16>;
    static constexpr std::uint64_t res1 = std::uint64_t{1} << 31 | std::uint64_t{1} << 23;
    // E2H 1
    using f_t1sz  = bit_field<std::uint64_t, 21, 16>;
    using f_epd1  = bit_field<bool,              23>;
    using f_tg1   = bit_field<std::uint64_t, 31, 30>;    // 2: 4 KiB
    using f_ips   = bit_field<std::uint64_t, 34, 32>;
    static_assert(disjoint_fields<f_t0sz, f_irgn0, f_orgn0, f_sh0, f_tg0, f_ps, bit_field<bool, 23>, bit_field<bool, 31>>);
    static_assert(disjoint_fields<f_t0sz, f_irgn0, f_orgn0, f_sh0, f_tg0, f_t1sz, f_epd1, f_tg1, f_ips>);
  };
  // clang-format on

  /// The value of TCR_EL2; `physical_bits` is the machine's physical address size.
  [[nodiscard]] static constexpr std::uint64_t tcr_el2(unsigned physical_bits) {
    using t = tcr;
    std::uint64_t const low = t::f_t0sz::make(64 - VaBits) | t::f_irgn0::make(walk_attributes::irgn) |
                              t::f_orgn0::make(walk_attributes::orgn) | t::f_sh0::make(walk_attributes::sh) |
                              t::f_tg0::make(0);
    std::uint64_t const size = encode_physical_size(physical_bits);
    if constexpr (Mode == el2_mode::vhe) {
      return low | t::f_t1sz::make(64 - VaBits) | t::f_epd1::make(true) | t::f_tg1::make(2) | t::f_ips::make(size);
    } else {
      return low | t::f_ps::make(size) | t::res1;
    }
  }
};

static_assert(PagingPolicy<stage1_el2<el2_mode::nvhe>> && PagingPolicy<stage1_el2<el2_mode::vhe, 39>>);

}  // namespace axhal::aarch64

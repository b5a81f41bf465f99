// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Stage 2 of EL1&0: guest-physical to host-physical, 4 KiB granule, addresses of `IpaBits` bits
/// (ARM DDI 0487, "Stage 2 translation", D8.1, and "VMSAv8-64 descriptor formats", D8.3).
///
/// Up to 16 tables are concatenated at the starting level where that saves a level:
///
/// | IpaBits | starts at | tables at the root | VTCR_EL2.SL0 |
/// |---|---|---|---|
/// | 32..34 | level 2 | 4, 8, 16 | 0 |
/// | 35..39 | level 1 | 1 | 1 |
/// | 40..43 | level 1 | 2, 4, 8, 16 | 1 |
/// | 44..48 | level 0 | 1 | 2 |
///
/// A start at level 0 needs a machine with physical addresses of 44 bits or more; and no `IpaBits` may exceed the
/// machine's physical address size. The manual counts levels from the root, the policy from the smallest page: its
/// level `l` is the manual's level `3 - l`.
template <unsigned IpaBits>
struct stage2 {
  static_assert(IpaBits >= 32 && IpaBits <= 48, "stage2: guest-physical addresses have 32 to 48 bits");

  using entry = std::uint64_t;
  using input_address = guest_phys;

  static constexpr unsigned ipa_bits = IpaBits;
  static constexpr unsigned levels = IpaBits <= 34 ? 2 : IpaBits <= 43 ? 3 : 4;
  static constexpr unsigned index_bits(unsigned level) {
    return level < levels - 1 ? 9 : IpaBits - 12 - 9 * (levels - 1);
  }
  /// 2 MiB or 1 GiB: level 0 of the manual has no blocks in this format.
  static constexpr unsigned largest_leaf_level = levels - 1 < 2 ? levels - 1 : 2;
  static constexpr unsigned output_bits = 48;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;

  // clang-format off
  using f_valid    = descriptor::f_valid;
  using f_table    = descriptor::f_table;
  using f_memattr  = bit_field<unsigned, 5, 2>;    // without FEAT_S2FWB
  using f_s2ap     = bit_field<unsigned, 7, 6>;    // bit 0 read, bit 1 write
  using f_sh       = descriptor::f_sh;
  using f_af       = descriptor::f_af;
  using f_address  = descriptor::f_address;
  using f_xn       = bit_field<bool,       54>;    // XN[1] where there is FEAT_XNX: neither EL1 nor EL0 executes
  // clang-format on
  static_assert(disjoint_fields<f_valid, f_table, f_memattr, f_s2ap, f_sh, f_af, f_address, f_xn>);

  // "Stage 2 memory type and Cacheability attributes", D8.6.5
  static constexpr unsigned memattr_device_ngnre = 0b0001;
  static constexpr unsigned memattr_normal_nc = 0b0101;
  static constexpr unsigned memattr_normal_wb = 0b1111;

  /// Whatever a guest can do it does by reading too: write-only and execute-only have no use here. Nothing is executed
  /// from device memory, where a speculative fetch would be an access.
  static constexpr bool representable(page_attributes a) {
    return has(a.rights, access::read) && !(a.type == memory_type::device && has(a.rights, access::execute));
  }

  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned level) {
    entry e = f_valid::make(true) | f_af::make(true) | f_address::make(pa.value >> 12);
    e = f_table::with(e, level == 0);
    e = f_s2ap::with(e, (has(a.rights, access::read) ? 1U : 0U) | (has(a.rights, access::write) ? 2U : 0U));
    e = f_xn::with(e, !has(a.rights, access::execute));
    switch (a.type) {
      case memory_type::normal: return f_sh::with(f_memattr::with(e, memattr_normal_wb), descriptor::inner_shareable);
      case memory_type::normal_uncached:
        return f_sh::with(f_memattr::with(e, memattr_normal_nc), descriptor::outer_shareable);
      case memory_type::device: break;
    }
    return f_sh::with(f_memattr::with(e, memattr_device_ngnre), descriptor::outer_shareable);
  }
  static constexpr entry table(host_phys pa) {
    return f_valid::make(true) | f_table::make(true) | f_address::make(pa.value >> 12);
  }

  static constexpr bool is_present(entry e) { return f_valid::get(e); }
  static constexpr bool is_leaf(entry e, unsigned level) { return f_valid::get(e) && f_table::get(e) == (level == 0); }
  static constexpr host_phys target(entry e, unsigned) { return {f_address::get(e) << 12}; }
  static constexpr page_attributes attributes(entry e) {
    access rights = access::none;
    if ((f_s2ap::get(e) & 1) != 0) rights = rights | access::read;
    if ((f_s2ap::get(e) & 2) != 0) rights = rights | access::write;
    if (!f_xn::get(e)) rights = rights | access::execute;
    unsigned const attr = f_memattr::get(e);
    if (attr == memattr_normal_wb) return {rights, memory_type::normal};
    return {rights, attr == memattr_normal_nc ? memory_type::normal_uncached : memory_type::device};
  }

  /// VTCR_EL2 for this format (ARM DDI 0487, "VTCR_EL2, Virtualization Translation Control Register", D24.2).
  // clang-format off
  struct vtcr {
    using f_t0sz  = bit_field<std::uint64_t,  5,  0>;
    using f_sl0   = bit_field<std::uint64_t,  7,  6>;
    using f_irgn0 = bit_field<std::uint64_t,  9,  8>;
    using f_orgn0 = bit_field<std::uint64_t, 11, 10>;
    using f_sh0   = bit_field<std::uint64_t, 13, 12>;
    using f_tg0   = bit_field<std::uint64_t, 15, 14>;    // 0: 4 KiB
    using f_ps    = bit_field<std::uint64_t, 18, 16>;
    using f_vs    = bit_field<bool,              19>;
    static constexpr std::uint64_t res1 = std::uint64_t{1} << 31;
    static_assert(disjoint_fields<f_t0sz, f_sl0, f_irgn0, f_orgn0, f_sh0, f_tg0, f_ps, f_vs, bit_field<bool, 31>>);
  };
  // clang-format on

  /// The value of VTCR_EL2: `physical_bits` is the machine's physical address size, `vmid_bits` 8 or 16.
  [[nodiscard]] static constexpr std::uint64_t vtcr_el2(unsigned physical_bits, unsigned vmid_bits) {
    using v = vtcr;
    return v::res1 | v::f_t0sz::make(64 - IpaBits) | v::f_sl0::make(levels - 2) |
           v::f_irgn0::make(walk_attributes::irgn) | v::f_orgn0::make(walk_attributes::orgn) |
           v::f_sh0::make(walk_attributes::sh) | v::f_tg0::make(0) |
           v::f_ps::make(encode_physical_size(physical_bits)) | v::f_vs::make(vmid_bits > 8);
  }

  /// True when a machine with physical addresses of `physical_bits` bits translates this format.
  [[nodiscard]] static constexpr bool is_supported(unsigned physical_bits) {
    return IpaBits <= physical_bits && (levels < 4 || physical_bits >= 44);
  }
};

static_assert(PagingPolicy<stage2<32>> && PagingPolicy<stage2<40>> && PagingPolicy<stage2<48>>);
static_assert(stage2<40>::index_bits(2) == 10, "two tables are concatenated at level 1");

}  // namespace axhal::aarch64

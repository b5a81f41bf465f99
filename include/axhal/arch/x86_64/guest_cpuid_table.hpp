// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/cpuid_exit.hpp>
#include <axhal/arch/x86_64/guest_cpuid.hpp>
#include <axhal/arch/x86_64/guest_features.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/msr.hpp>

#include <bit>
#include <cstdint>

/// The CPUID of a guest, made of the host's and of what its owner says. Every leaf that is not named here is zero: the
/// monitor's (5), performance counters (0AH), memory and cache allocation (0FH, 10H), SGX (12H), processor trace (14H),
/// AMX (1DH, 1EH), SVM (8000_000AH), memory encryption (8000_001FH) among them.
namespace axhal::x86_64 {
namespace detail {

template <CpuidInstruction I>
struct cpuid_table_builder {
  guest_cpuid_policy const& policy;
  host_features const host;
  guest_cpuid table{};

  static constexpr std::uint32_t last_hypervisor = 0x4000'0010;
  static constexpr std::uint32_t tsc_leaf = 0x15;
  static constexpr std::uint32_t frequencies = 0x16;

  [[nodiscard]] constexpr bool is_amd() const { return host.vendor() == cpu_vendor::amd; }
  [[nodiscard]] constexpr std::uint32_t word(feature_word w) const { return guest_word(host, policy, w); }
  [[nodiscard]] constexpr std::uint32_t cores() const { return policy.vcpus == 0 ? 1 : policy.vcpus; }
  /// Bits of an APIC ID that tell the cores of the package apart.
  [[nodiscard]] constexpr unsigned core_bits() const { return static_cast<unsigned>(std::bit_width(cores() - 1)); }
  /// The package's cores less one: AMD's leaves count them, Intel's the IDs that they might have.
  [[nodiscard]] constexpr std::uint32_t addressable() const {
    return is_amd() ? cores() - 1 : (std::uint32_t{1} << core_bits()) - 1;
  }
  [[nodiscard]] static constexpr std::uint32_t at_most(std::uint32_t value, std::uint32_t limit) {
    return value < limit ? value : limit;
  }

  /// Leaf 0, leaf 8000_0000H, leaf 4000_0000H: limits and names.
  constexpr void limits() {
    std::uint32_t basic = host.max_basic();
    // Frequencies are the guest's, so they can be told where the host has no words for its own.
    if (!is_amd() && policy.tsc_khz != 0 && basic < frequencies) basic = frequencies;
    table.limit(host.vendor(), basic, last_hypervisor, host.max_extended());
    cpuid_result name = I::cpuid(0, 0);
    name.eax = table.last(0);
    table.set(0, name);
    cpuid_result extended = I::cpuid(guest_cpuid::extended_base, 0);
    extended.eax = table.last(guest_cpuid::extended_base);
    table.set(guest_cpuid::extended_base, extended);
    // "axhalaxhalax"
    table.set(guest_cpuid::hypervisor_base, {last_hypervisor, 0x6168'7861, 0x6878'616c, 0x7861'6c61});
    table.set(last_hypervisor, {.eax = policy.tsc_khz, .ebx = policy.apic_khz});
  }

  constexpr void basic_features() {
    cpuid_result const one = I::cpuid(1, 0);
    std::uint32_t const clflush = one.ebx & 0xff00;
    std::uint32_t const brand = one.ebx & 0xff;
    std::uint32_t const ids = at_most(addressable() + 1, 0xff) << 16;
    table.set(1, {one.eax, brand | clflush | ids, word(feature_word::leaf_1_ecx), word(feature_word::leaf_1_edx)},
              cpuid_identity::initial_apic_id);
    if (host.has_leaf(2)) table.set(2, I::cpuid(2, 0));
    table.set(6, {.eax = word(feature_word::leaf_6_eax), .ecx = word(feature_word::leaf_6_ecx)});
    if (!host.has_leaf(7) || !table.split(7, 2)) return;
    std::uint32_t const more = word(feature_word::leaf_7_1_eax);
    table.set(7, 0,
              {more != 0 ? 1U : 0U, word(feature_word::leaf_7_ebx), word(feature_word::leaf_7_ecx),
               word(feature_word::leaf_7_edx)});
    table.set(7, 1, {.eax = more});
  }

  /// Leaf 4, leaf 8000_001DH: caches of one core are its own, and what more share here is shared by all of the package.
  constexpr void caches(std::uint32_t leaf) {
    constexpr unsigned most = 6;
    constexpr std::uint32_t type = 0x1f;
    if (!host.has_leaf(leaf) || !table.split(leaf, most)) return;
    std::uint32_t const sharing = at_most(addressable(), 0xfff);
    for (unsigned n = 0; n < most; ++n) {
      cpuid_result r = I::cpuid(leaf, n);
      if ((r.eax & type) == 0) return;
      bool const last_level = (r.eax >> 5 & 7) >= 3;
      // Bits 13:0 describe the cache itself.
      r.eax = (r.eax & 0x3fff) | (last_level ? sharing << 14 : 0);
      if (leaf == 4) r.eax |= at_most(sharing, 0x3f) << 26;
      table.set(leaf, n, r);
    }
  }

  /// Leaves 0BH and 1FH: one thread to a core, all cores to the package.
  constexpr void topology(std::uint32_t leaf) {
    if (!host.has_leaf(leaf) || !table.split(leaf, 2, cpuid_identity::x2apic_id)) return;
    constexpr std::uint32_t level_smt = 1U << 8;
    constexpr std::uint32_t level_core = 2U << 8;
    table.set(leaf, 0, {.eax = 0, .ebx = 1, .ecx = level_smt});
    table.set(leaf, 1, {.eax = core_bits(), .ebx = cores(), .ecx = level_core});
  }

  /// Leaf 0DH. Sizes by what XCR0 is at the moment are filled in when the guest asks. No supervisor states.
  constexpr void xsave() {
    std::uint64_t const states = guest_xcr0(host, policy.xcr0);
    auto const count = static_cast<unsigned>(std::bit_width(states));
    if (states == 0 || !table.split(0xd, count)) return;
    auto const subleaf = [](std::uint32_t leaf, std::uint32_t n) { return I::cpuid(leaf, n); };
    std::uint32_t const all = xsave_bytes(subleaf, states, false);
    table.set(0xd, 0,
              {static_cast<std::uint32_t>(states & 0xffff'ffff), all, all, static_cast<std::uint32_t>(states >> 32)});
    table.set(0xd, 1, {.eax = word(feature_word::leaf_d_1_eax)});
    for (unsigned n = 2; n < count; ++n) {
      if ((states >> n & 1) != 0) table.set(0xd, n, I::cpuid(0xd, n));
    }
  }

  /// Leaves 15H and 16H: the core crystal's clock is that of the APIC timer.
  constexpr void frequency() {
    if (is_amd() || policy.tsc_khz == 0) return;
    constexpr std::uint32_t khz_in_32_bits = 0xffff'ffff / 1000;
    std::uint32_t const crystal = policy.apic_khz;
    if (crystal != 0 && crystal <= khz_in_32_bits) table.set(tsc_leaf, {crystal, policy.tsc_khz, crystal * 1000, 0});
    std::uint32_t const mhz = at_most(policy.tsc_khz / 1000, 0xffff);
    table.set(frequencies, {.eax = mhz, .ebx = mhz, .ecx = at_most(crystal / 1000, 0xffff)});
  }

  constexpr void extended_features() {
    constexpr std::uint32_t base = guest_cpuid::extended_base;
    auto const copy = [&](std::uint32_t leaf) {
      if (host.has_leaf(leaf)) table.set(leaf, I::cpuid(leaf, 0));
    };
    cpuid_result one = host.has_leaf(base + 1) ? I::cpuid(base + 1, 0) : cpuid_result{};
    one.ecx = word(feature_word::extended_1_ecx);
    one.edx = word(feature_word::extended_1_edx);
    table.set(base + 1, one);
    for (std::uint32_t n = 2; n <= 6; ++n) copy(base + n);  // the brand, caches and TLBs
    table.set(base + 7, {.edx = word(feature_word::extended_7_edx)});
    sizes();
    copy(base + 0x19);
    copy(base + 0x1a);
    if (!is_amd()) return;
    if (host.has(feature::topology_extensions)) {
      caches(base + 0x1d);
      table.set(base + 0x1e, {}, cpuid_identity::extended_apic_id);
    }
    if (host.has_leaf(base + 0x21)) {
      // LFENCE serializes; a null selector clears the base; breakpoints in nested data are not seen.
      constexpr std::uint32_t properties = 1U << 0 | 1U << 2 | 1U << 6;
      table.set(base + 0x21, {.eax = I::cpuid(base + 0x21, 0).eax & properties});
    }
  }

  /// Leaf 8000_0008H.
  constexpr void sizes() {
    constexpr std::uint32_t leaf = guest_cpuid::extended_base + 8;
    std::uint32_t physical = host.physical_bits();
    if (policy.physical_bits >= 32) physical = at_most(physical, policy.physical_bits);
    std::uint32_t const linear = at_most(host.linear_bits(), policy.la57 ? 57 : 48);
    std::uint32_t const count = is_amd() ? at_most(cores() - 1, 0xff) | core_bits() << 12 : 0;
    table.set(leaf, {.eax = linear << 8 | physical, .ebx = word(feature_word::extended_8_ebx), .ecx = count});
  }

  constexpr guest_cpuid build() {
    limits();
    basic_features();
    if (!is_amd()) caches(4);
    topology(0xb);
    xsave();
    frequency();
    topology(0x1f);
    extended_features();
    return table;
  }
};

}  // namespace detail

/// The table of a guest on this host. CPUID is asked a few dozen times, and never again.
template <CpuidInstruction I>
[[nodiscard]] constexpr guest_cpuid make_guest_cpuid(guest_cpuid_policy const& policy) {
  return detail::cpuid_table_builder<I>{policy, host_features::read<I>()}.build();
}

}  // namespace axhal::x86_64

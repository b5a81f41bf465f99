// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

/// Which values control registers take, and what a new value does beside it (Intel SDM vol. 2, "MOV - Move to/from
/// Control Registers"; vol. 3, "Control Registers", "Loading Control Registers with PAE Paging", "Operations that
/// Invalidate TLBs and Paging-Structure Caches"; AMD64 APM vol. 2, "System-Control Registers"). Pure.
namespace axhal::x86_64 {

/// What a guest's CPUID makes of its control registers.
struct offered_control {
  std::uint64_t cr4{};         ///< bits that can be set
  std::uint64_t efer{};        ///< likewise; LMA among them
  unsigned physical_bits{36};  ///< of addresses: 32 to 52

  /// `cpuid(leaf, subleaf) -> cpuid_result` is the guest's.
  template <typename F>
  [[nodiscard]] static constexpr offered_control of(F const& cpuid);
};

/// The registers that rules look at.
struct control_state {
  std::uint64_t cr0{};
  std::uint64_t cr3{};
  std::uint64_t cr4{};
  std::uint64_t efer{};
  bool cs_l{};  ///< CS.L, which counts as soon as long mode is active
  friend constexpr bool operator==(control_state const&, control_state const&) = default;

  [[nodiscard]] constexpr bool paging() const { return cr0::f_pg::get(cr0); }
  [[nodiscard]] constexpr bool long_mode() const { return efer::f_lma::get(efer); }
  /// "PAE paging": four page-directory-pointer entries are in the processor.
  [[nodiscard]] constexpr bool pae_paging() const { return paging() && cr4::f_pae::get(cr4) && !long_mode(); }
};

/// The registers after a write that is allowed.
struct control_change {
  control_state now{};
  bool loads_pdptes{};  ///< unless these are refused
  bool forgets{};       ///< cached translations do not count any more
  friend constexpr bool operator==(control_change const&, control_change const&) = default;
};

/// The write is a #GP(0).
struct control_refused {
  friend constexpr bool operator==(control_refused, control_refused) = default;
};

namespace detail {

inline constexpr std::uint64_t no_flush = std::uint64_t{1} << 63;

struct offered_bit {
  std::uint64_t bit;
  cpu_feature by;
};
inline constexpr offered_bit offered_cr4_bits[] = {
    {cr4::f_vme::mask, feature::vme},           {cr4::f_pvi::mask, feature::vme},
    {cr4::f_tsd::mask, feature::tsc},           {cr4::f_de::mask, feature::de},
    {cr4::f_pse::mask, feature::pse},           {cr4::f_pae::mask, feature::pae},
    {cr4::f_mce::mask, feature::mce},           {cr4::f_pge::mask, feature::pge},
    {cr4::f_osfxsr::mask, feature::fxsr},       {cr4::f_osxmmexcpt::mask, feature::sse},
    {cr4::f_umip::mask, feature::umip},         {cr4::f_la57::mask, feature::la57},
    {cr4::f_vmxe::mask, feature::vmx},          {cr4::f_smxe::mask, feature::smx},
    {cr4::f_fsgsbase::mask, feature::fsgsbase}, {cr4::f_pcide::mask, feature::pcid},
    {cr4::f_osxsave::mask, feature::xsave},     {cr4::f_smep::mask, feature::smep},
    {cr4::f_smap::mask, feature::smap},         {cr4::f_pke::mask, feature::pku},
    {cr4::f_cet::mask, feature::cet_ss},        {cr4::f_cet::mask, feature::cet_ibt},
    {cr4::f_pks::mask, feature::pks},
};
inline constexpr offered_bit offered_efer_bits[] = {
    {efer::f_sce::mask, feature::syscall}, {efer::f_lme::mask, feature::lm},   {efer::f_lma::mask, feature::lm},
    {efer::f_nxe::mask, feature::nx},      {efer::f_svme::mask, feature::svm}, {efer::f_ffxsr::mask, feature::ffxsr},
    {efer::f_tce::mask, feature::tce},
};

/// A change of one of these bits of CR4 loads the PDPTEs, with PAE paging before and after.
inline constexpr std::uint64_t cr4_loads_pdptes =
    cr4::f_pse::mask | cr4::f_pae::mask | cr4::f_pge::mask | cr4::f_smep::mask;
/// A change of one of these makes cached translations wrong. PCIDE only when it is cleared.
inline constexpr std::uint64_t cr4_forgets =
    cr4_loads_pdptes | cr4::f_smap::mask | cr4::f_pke::mask | cr4::f_la57::mask | cr4::f_pks::mask;

}  // namespace detail

template <typename F>
constexpr offered_control offered_control::of(F const& cpuid) {
  // RDPMC is there without the leaf that describes its counters.
  offered_control offered{.cr4 = cr4::f_pce::mask};
  // Five leaves for two dozen bits: asked once each.
  cpuid_result const one = cpuid(1, 0);
  cpuid_result const seven = cpuid(7, 0);
  cpuid_result const extended = cpuid(0x8000'0001, 0);
  auto const has = [&](cpu_feature f) {
    auto const source = source_of(f.word);
    cpuid_result const& from = source.leaf == 1 ? one : source.leaf == 7 ? seven : extended;
    return (register_of(from, source.which) & f.mask()) != 0;
  };
  for (auto const& o : detail::offered_cr4_bits) {
    if (has(o.by)) offered.cr4 |= o.bit;
  }
  for (auto const& o : detail::offered_efer_bits) {
    if (has(o.by)) offered.efer |= o.bit;
  }
  unsigned const bits = cpuid(0x8000'0008, 0).eax & 0xff;
  if (bits >= 32 && bits <= 52) offered.physical_bits = bits;
  return offered;
}

/// MOV to CR0, and what LMSW and CLTS make of it. Bits that do not exist are ignored below bit 32.
[[nodiscard]] constexpr result<control_change, control_refused> after_cr0_write(control_state const& before,
                                                                                std::uint64_t value) {
  using refused = failure<control_refused>;
  if ((value >> 32) != 0) return refused{{}};
  control_change change{before};
  control_state& now = change.now;
  now.cr0 = (value & cr0::defined) | cr0::f_et::mask;
  if (cr0::f_pg::get(value) && !cr0::f_pe::get(value)) return refused{{}};
  if (cr0::f_nw::get(value) && !cr0::f_cd::get(value)) return refused{{}};
  if (!cr0::f_wp::get(value) && cr4::f_cet::get(before.cr4)) return refused{{}};
  if (now.paging() && !before.paging() && efer::f_lme::get(before.efer)) {
    if (!cr4::f_pae::get(before.cr4) || before.cs_l) return refused{{}};
    now.efer |= efer::f_lma::mask;
  }
  if (!now.paging() && before.paging()) {
    if (cr4::f_pcide::get(before.cr4) || (before.long_mode() && before.cs_l)) return refused{{}};
    now.efer &= ~efer::f_lma::mask;
  }
  std::uint64_t const changed = before.cr0 ^ now.cr0;
  constexpr std::uint64_t loads = cr0::f_pg::mask | cr0::f_cd::mask | cr0::f_nw::mask;
  change.loads_pdptes = now.pae_paging() && (changed & loads) != 0;
  change.forgets = (changed & (cr0::f_pg::mask | cr0::f_wp::mask)) != 0;
  return change;
}

/// MOV to CR3. Bit 63 is never kept: with PCIDE it says that translations may stay.
[[nodiscard]] constexpr result<control_change, control_refused> after_cr3_write(control_state const& before,
                                                                                std::uint64_t value,
                                                                                unsigned physical_bits) {
  control_change change{before, before.pae_paging(), true};
  if (cr4::f_pcide::get(before.cr4) && (value & detail::no_flush) != 0) {
    change.forgets = false;
    value &= ~detail::no_flush;
  }
  // Outside of long mode no more than 32 bits can be written.
  if ((value & ~low_bits(physical_bits)) != 0) return failure<control_refused>{{}};
  change.now.cr3 = value;
  return change;
}

/// MOV to CR4.
[[nodiscard]] constexpr result<control_change, control_refused> after_cr4_write(control_state const& before,
                                                                                std::uint64_t value,
                                                                                std::uint64_t offered) {
  using refused = failure<control_refused>;
  if ((value & ~offered) != 0) return refused{{}};
  std::uint64_t const changed = before.cr4 ^ value;
  if (before.long_mode()) {
    if (!cr4::f_pae::get(value)) return refused{{}};
    if (cr4::f_la57::get(changed)) return refused{{}};
  }
  bool const sets_pcide = cr4::f_pcide::get(changed & value);
  if (sets_pcide && (!before.long_mode() || (before.cr3 & 0xfff) != 0)) return refused{{}};
  if (cr4::f_cet::get(value) && !cr0::f_wp::get(before.cr0)) return refused{{}};
  control_change change{before};
  change.now.cr4 = value;
  change.loads_pdptes = change.now.pae_paging() && (changed & detail::cr4_loads_pdptes) != 0;
  change.forgets = (changed & detail::cr4_forgets) != 0 || (cr4::f_pcide::get(changed) && !sets_pcide);
  return change;
}

/// WRMSR to IA32_EFER. LMA is the processor's to write: what the guest says of it is ignored.
[[nodiscard]] constexpr result<control_change, control_refused> after_efer_write(control_state const& before,
                                                                                 std::uint64_t value,
                                                                                 std::uint64_t offered) {
  if ((value & ~offered) != 0) return failure<control_refused>{{}};
  control_change change{before};
  change.now.efer = (value & ~efer::f_lma::mask) | (before.efer & efer::f_lma::mask);
  std::uint64_t const changed = change.now.efer ^ before.efer;
  if (efer::f_lme::get(changed) && before.paging()) return failure<control_refused>{{}};
  change.forgets = efer::f_nxe::get(changed);
  return change;
}

/// True when the processor takes `entry` as one of the four of PAE paging (Intel SDM vol. 3, "PDPTE Registers", table
/// "Format of a PAE Page-Directory-Pointer-Table Entry").
[[nodiscard]] constexpr bool is_valid_pdpte(std::uint64_t entry, unsigned physical_bits) {
  constexpr std::uint64_t low_reserved = 0x1e6;
  return (entry & 1) == 0 || (entry & (low_reserved | ~low_bits(physical_bits))) == 0;
}

/// XSETBV of register 0: `offered` is what CPUID's leaf 0DH has (Intel SDM vol. 2, "XSETBV"; vol. 1, "Enabling the
/// XSAVE Feature Set and XSAVE-Enabled Features").
[[nodiscard]] constexpr bool is_valid_xcr0(std::uint64_t value, std::uint64_t offered) {
  using namespace xcr0;
  constexpr std::uint64_t avx_512 = f_opmask::mask | f_zmm_hi256::mask | f_hi16_zmm::mask;
  constexpr std::uint64_t mpx = f_bndregs::mask | f_bndcsr::mask;
  constexpr std::uint64_t amx = f_tilecfg::mask | f_tiledata::mask;
  auto const all_or_none = [&](std::uint64_t bits) { return (value & bits) == 0 || (value & bits) == bits; };
  if ((value & ~offered) != 0 || !f_x87::get(value)) return false;
  if (f_avx::get(value) && !f_sse::get(value)) return false;
  if ((value & avx_512) != 0 && !f_avx::get(value)) return false;
  return all_or_none(avx_512) && all_or_none(mpx) && all_or_none(amx);
}

}  // namespace axhal::x86_64

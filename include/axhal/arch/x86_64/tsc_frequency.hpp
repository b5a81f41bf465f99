// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// The instruction CPUID. Models: x86_64::cpu, tables in tests.
template <typename I>
concept CpuidAccess = requires(std::uint32_t leaf, std::uint32_t subleaf) {
  { I::cpuid(leaf, subleaf) } -> std::same_as<cpuid_result>;
};

/// Bits that CPUID has about time (Intel SDM vol. 2, "CPUID"; AMD64 APM vol. 3, "Obtaining Processor Information Via
/// the CPUID Instruction").
namespace cpuid_time {
using f_tsc = bit_field<bool, 4, 4, std::uint32_t>;             ///< leaf 1, EDX
using f_tsc_deadline = bit_field<bool, 24, 24, std::uint32_t>;  ///< leaf 1, ECX
using f_hypervisor = bit_field<bool, 31, 31, std::uint32_t>;    ///< leaf 1, ECX
using f_arat = bit_field<bool, 2, 2, std::uint32_t>;            ///< leaf 6, EAX: the APIC timer never stops
using f_tsc_adjust = bit_field<bool, 1, 1, std::uint32_t>;      ///< leaf 7, EBX
using f_invariant_tsc = bit_field<bool, 8, 8, std::uint32_t>;   ///< leaf 8000'0007, EDX
inline constexpr std::uint32_t tsc_and_crystal = 0x15;
inline constexpr std::uint32_t processor_frequency = 0x16;
inline constexpr std::uint32_t first_hypervisor = 0x4000'0000;  ///< EAX: the highest leaf of the hypervisor's
inline constexpr std::uint32_t hypervisor_timing = 0x4000'0010;
inline constexpr std::uint32_t first_extended = 0x8000'0000;  ///< EAX: the highest extended leaf
inline constexpr std::uint32_t power_management = 0x8000'0007;
}  // namespace cpuid_time

/// What a processor has for keeping time.
struct time_features {
  bool tsc{};           ///< there is a time-stamp counter
  bool invariant{};     ///< it runs at one rate in all P-, C- and T-states
  bool tsc_deadline{};  ///< the local APIC's timer can compare with it
  bool tsc_adjust{};    ///< IA32_TSC_ADJUST is there
  bool arat{};          ///< the local APIC's timer runs in every C-state
  friend constexpr bool operator==(time_features const&, time_features const&) = default;
};

/// Reads `time_features` from CPUID. Leaves that this processor does not have count as zero.
template <CpuidAccess I>
[[nodiscard]] constexpr time_features find_time_features() {
  using namespace cpuid_time;
  std::uint32_t const highest = I::cpuid(0, 0).eax;
  cpuid_result const one = highest >= 1 ? I::cpuid(1, 0) : cpuid_result{};
  cpuid_result const six = highest >= 6 ? I::cpuid(6, 0) : cpuid_result{};
  cpuid_result const seven = highest >= 7 ? I::cpuid(7, 0) : cpuid_result{};
  std::uint32_t const extended = I::cpuid(first_extended, 0).eax;
  // A processor without extended leaves answers with whatever its highest leaf has.
  bool const has_power = extended >= power_management && extended <= first_extended + 0xffff;
  cpuid_result const power = has_power ? I::cpuid(power_management, 0) : cpuid_result{};
  return {f_tsc::get(one.edx), f_invariant_tsc::get(power.edx), f_tsc_deadline::get(one.ecx),
          f_tsc_adjust::get(seven.ebx), f_arat::get(six.eax)};
}

/// Where a frequency is from.
enum class frequency_source : std::uint8_t {
  none,        ///< CPUID does not tell
  crystal,     ///< leaf 15H: the crystal's frequency and the ratio, exact
  nominal,     ///< leaf 16H: the processor's base frequency in whole megahertz, off by up to half of one
  hypervisor,  ///< leaf 40000010H: what the hypervisor below promises, in kilohertz
};

/// What CPUID tells of frequencies. A frequency of 0 is not told.
struct cpuid_frequencies {
  hertz tsc{};
  frequency_source tsc_from{frequency_source::none};
  hertz apic_timer{};  ///< of the local APIC's timer before its divider
  friend constexpr bool operator==(cpuid_frequencies const&, cpuid_frequencies const&) = default;
};

/// Reads the frequencies that CPUID tells. A hypervisor's word goes first, as it may have scaled the counter; then leaf
/// 15H, then leaf 16H (Intel SDM vol. 3, "Time-Stamp Counter", "Determining the Processor Base Frequency"; the timing
/// leaf is the one that several hypervisors share). `nominal` is good for a sanity check rather than for a clock: where
/// there is a reference, measure.
template <CpuidAccess I>
[[nodiscard]] constexpr cpuid_frequencies find_frequencies() {
  using namespace cpuid_time;
  cpuid_frequencies found{};
  std::uint32_t const highest = I::cpuid(0, 0).eax;
  if (highest >= 1 && f_hypervisor::get(I::cpuid(1, 0).ecx)) {
    std::uint32_t const last = I::cpuid(first_hypervisor, 0).eax;
    if (last >= hypervisor_timing && last <= first_hypervisor + 0xffff) {
      cpuid_result const timing = I::cpuid(hypervisor_timing, 0);
      if (timing.eax != 0) {
        found.tsc = {std::uint64_t{timing.eax} * 1000};
        found.tsc_from = frequency_source::hypervisor;
        found.apic_timer = {std::uint64_t{timing.ebx} * 1000};
        return found;
      }
    }
  }
  cpuid_result const ratio_leaf = highest >= tsc_and_crystal ? I::cpuid(tsc_and_crystal, 0) : cpuid_result{};
  bool const has_ratio = ratio_leaf.eax != 0 && ratio_leaf.ebx != 0;
  if (has_ratio && ratio_leaf.ecx != 0) {
    found.tsc = {ratio{ratio_leaf.ebx, ratio_leaf.eax}.floor(ratio_leaf.ecx)};
    found.tsc_from = frequency_source::crystal;
    found.apic_timer = {ratio_leaf.ecx};
    return found;
  }
  std::uint64_t const megahertz = highest >= processor_frequency ? I::cpuid(processor_frequency, 0).eax & 0xffff : 0;
  if (megahertz == 0) return found;
  found.tsc = {megahertz * 1'000'000};
  found.tsc_from = frequency_source::nominal;
  // The crystal is what the ratio makes of the base frequency.
  if (has_ratio) found.apic_timer = {ratio{ratio_leaf.eax, ratio_leaf.ebx}.floor(found.tsc.value)};
  return found;
}

/// IA32_TSC_ADJUST of this CPU: what was added to its counter since reset. Zero on a machine whose firmware left the
/// counters alone; CPUs whose values differ do not show the same time (Intel SDM vol. 3, "IA32_TSC_ADJUST Register and
/// TSC Offset Analysis"). Zero where there is no such register. Precondition: `features` are this CPU's.
template <typename I>
[[nodiscard]] std::uint64_t tsc_adjustment(time_features const& features) {
  return features.tsc_adjust ? I::read_msr(msr::tsc_adjust) : 0;
}

}  // namespace axhal::x86_64

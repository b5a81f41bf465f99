// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/local_apic_access.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// What `enter_apic_mode` needs. Models: x86_64::cpu, registers in tests.
template <typename I>
concept ApicModeAccess = requires(std::uint32_t number, std::uint64_t value) {
  { I::read_msr(number) } -> std::same_as<std::uint64_t>;
  { I::write_msr(number, value) } -> std::same_as<void>;
  { I::cpuid(number, number) } -> std::same_as<cpuid_result>;
};

/// How this CPU's local APIC is to be reached.
struct apic_mode {
  bool x2apic{};
  bool boot_cpu{};   ///< this is the processor that booted
  host_phys page{};  ///< of the registers in xAPIC mode
  friend constexpr bool operator==(apic_mode const&, apic_mode const&) = default;
};

/// Turns this CPU's local APIC on, in x2APIC mode when `prefer_x2apic` says so and the CPU has it; on every CPU, with
/// the same answer (Intel SDM vol. 3, "Enabling or Disabling the Local APIC", "x2APIC State Transitions"). `absent`
/// when CPUID knows no local APIC then.
///
/// IA32_APIC_BASE.EN is set and never cleared: some processors cannot set it again, and a way back from x2APIC mode
/// leads through it. What firmware has put into x2APIC mode therefore stays there, whatever is preferred.
template <ApicModeAccess I>
[[nodiscard]] result<apic_mode, apic_error> enter_apic_mode(bool prefer_x2apic) {
  constexpr std::uint32_t processor_features = 1;
  using f_apic = bit_field<bool, 9, 9, std::uint32_t>;      // EDX
  using f_x2apic = bit_field<bool, 21, 21, std::uint32_t>;  // ECX
  std::uint64_t base = I::read_msr(apic_base::msr);
  // CPUID says that there is an APIC only while EN is set: what firmware turned off is known when it is on again.
  if (!apic_base::f_en::get(base)) {
    base = apic_base::f_en::with(base, true);
    I::write_msr(apic_base::msr, base);
  }
  cpuid_result const features = I::cpuid(processor_features, 0);
  if (!f_apic::get(features.edx)) return failure{apic_error::absent};
  if (prefer_x2apic && f_x2apic::get(features.ecx) && !apic_base::f_extd::get(base)) {
    base = apic_base::f_extd::with(base, true);
    I::write_msr(apic_base::msr, base);
  }
  return apic_mode{apic_base::f_extd::get(base), apic_base::f_bsp::get(base),
                   host_phys{apic_base::f_base::get(base) << 12}};
}

}  // namespace axhal::x86_64

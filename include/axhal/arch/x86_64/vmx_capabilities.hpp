// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/ept_capabilities.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/vmx_controls.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/virt_ext.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// IA32_VMX_BASIC (Intel SDM vol. 3D, Appendix A, "Basic VMX Information").
namespace vmx_basic {
using f_revision = bit_field<std::uint32_t, 30, 0>;  ///< begins every VMCS region
using f_size = bit_field<std::uint16_t, 44, 32>;     ///< bytes of a region, at most 4096
using f_memory_type = bit_field<std::uint8_t, 53, 50>;
using f_string_io_information = bit_field<bool, 54>;  ///< exits of INS and OUTS tell address size and segment
using f_true_controls = bit_field<bool, 55>;
inline constexpr std::uint8_t write_back = 6;
}  // namespace vmx_basic

/// IA32_VMX_MISC ("Miscellaneous Data").
namespace vmx_misc {
using f_timer_rate = bit_field<std::uint8_t, 4, 0>;  ///< the preemption timer counts where this bit of the TSC changes
using f_stores_lma = bit_field<bool, 5>;             ///< exits keep EFER.LMA in "IA-32e mode guest"
using f_zero_length_events = bit_field<bool, 30>;    ///< software events may be injected with length 0
}  // namespace vmx_misc

/// CPUID.1:ECX[5]: the CPU has VMX.
using f_cpuid_vmx = bit_field<bool, 5, 5, std::uint32_t>;

/// How the capabilities are read. `read_msr` is only asked for MSRs that exist.
template <typename I>
concept VmxCapabilityInstructions = requires(std::uint32_t n) {
  { I::read_msr(n) } -> std::same_as<std::uint64_t>;
  { I::cpuid(n, n) } -> std::same_as<cpuid_result>;
};

/// What a CPU with VMX says that it can do (Intel SDM vol. 3D, Appendix A, "VMX Capability Reporting Facility").
struct vmx_capabilities {
  std::uint64_t basic{};
  std::uint64_t misc{};
  vmx_allowed allowed[vmx_control_words]{};  ///< by `vmx_control_word`
  std::uint64_t cr0_fixed0{};
  std::uint64_t cr0_fixed1{};
  std::uint64_t cr4_fixed0{};
  std::uint64_t cr4_fixed1{};
  std::uint64_t ept_vpid{};
  std::uint8_t physical_bits{36};  ///< MAXPHYADDR

  /// Precondition: `f_cpuid_vmx` is set.
  template <VmxCapabilityInstructions I>
  [[nodiscard]] static vmx_capabilities read() {
    vmx_capabilities c;
    c.basic = I::read_msr(msr::vmx_basic);
    bool const is_true = vmx_basic::f_true_controls::get(c.basic);
    auto const at = [&](vmx_control_word w) -> vmx_allowed& { return c.allowed[static_cast<unsigned>(w)]; };
    at(vmx_control_word::pin_based) = {I::read_msr(is_true ? msr::vmx_true_pinbased_ctls : msr::vmx_pinbased_ctls)};
    at(vmx_control_word::processor_based) = {
        I::read_msr(is_true ? msr::vmx_true_procbased_ctls : msr::vmx_procbased_ctls)};
    at(vmx_control_word::exit) = {I::read_msr(is_true ? msr::vmx_true_exit_ctls : msr::vmx_exit_ctls)};
    at(vmx_control_word::entry) = {I::read_msr(is_true ? msr::vmx_true_entry_ctls : msr::vmx_entry_ctls)};
    std::uint32_t const primary = at(vmx_control_word::processor_based).may_be_one();
    if ((primary & processor_based::activate_secondary) != 0) {
      at(vmx_control_word::secondary) = {I::read_msr(msr::vmx_procbased_ctls2)};
      std::uint32_t const second = at(vmx_control_word::secondary).may_be_one();
      if ((second & (secondary::enable_ept | secondary::enable_vpid)) != 0) {
        c.ept_vpid = I::read_msr(msr::vmx_ept_vpid_cap);
      }
    }
    c.misc = I::read_msr(msr::vmx_misc);
    c.cr0_fixed0 = I::read_msr(msr::vmx_cr0_fixed0);
    c.cr0_fixed1 = I::read_msr(msr::vmx_cr0_fixed1);
    c.cr4_fixed0 = I::read_msr(msr::vmx_cr4_fixed0);
    c.cr4_fixed1 = I::read_msr(msr::vmx_cr4_fixed1);
    if (I::cpuid(0x8000'0000, 0).eax >= 0x8000'0008) {
      c.physical_bits = static_cast<std::uint8_t>(I::cpuid(0x8000'0008, 0).eax);
    }
    return c;
  }

  /// Translations with a tag can be forgotten.
  [[nodiscard]] constexpr bool forgets_by_vpid() const {
    using cap = ept_vpid_cap;
    return cap::f_invvpid::get(ept_vpid) && (cap::f_invvpid_single::get(ept_vpid) || cap::f_invvpid_all::get(ept_vpid));
  }
  /// The bits of CR0 that have to be one in a guest: PE and PG are free (unrestricted guest).
  [[nodiscard]] constexpr std::uint64_t guest_cr0_ones() const {
    return cr0_fixed0 & ~(cr0::f_pe::mask | cr0::f_pg::mask);
  }
  /// The bits of CR4 that have to be one in a guest: VMXE.
  [[nodiscard]] constexpr std::uint64_t guest_cr4_ones() const { return cr4_fixed0; }
};

/// What has to be there beside the controls; the name of the first that is missing, empty when none is.
template <typename Ept>
[[nodiscard]] constexpr text missing_beside_controls(vmx_capabilities const& c) {
  if (vmx_basic::f_memory_type::get(c.basic) != vmx_basic::write_back) return "a VMCS in write-back memory";
  if (vmx_basic::f_size::get(c.basic) > 4096) return "a VMCS of one page";
  if (!Ept::is_supported(c.ept_vpid)) return "EPT as this program's tables have it (levels, page sizes, INVEPT)";
  if (!vmx_misc::f_stores_lma::get(c.misc)) return "exits that keep EFER.LMA";
  if (!vmx_basic::f_string_io_information::get(c.basic)) return "information about INS and OUTS";
  return {};
}

/// What was found on a CPU, or why no guest can run: the kind of failure, and in words what is missing.
struct vmx_support {
  bool ok{};
  virt_error error{};
  text missing;
  vmx_capabilities capabilities{};
  vmx_controls controls{};
};

/// Looks, and changes nothing. `Ept` is the format of the second-stage tables.
template <typename Ept, VmxCapabilityInstructions I>
[[nodiscard]] vmx_support find_vmx() {
  auto const without = [](virt_error e, text what) { return vmx_support{false, e, what, {}, {}}; };
  if (!f_cpuid_vmx::get(I::cpuid(1, 0).ecx)) return without(virt_error::absent, "VT-x");
  std::uint64_t const control = I::read_msr(msr::feature_control);
  if (feature_control::f_lock::get(control) && !feature_control::f_vmx_outside_smx::get(control)) {
    return without(virt_error::locked, "VT-x, which firmware has locked off");
  }
  vmx_capabilities const c = vmx_capabilities::read<I>();
  vmx_choice choice = choose_controls(c.allowed);
  if (!c.forgets_by_vpid())
    choice.controls.words[static_cast<unsigned>(vmx_control_word::secondary)] &= ~secondary::enable_vpid;
  text const missing = choice.missing.empty() ? missing_beside_controls<Ept>(c) : choice.missing;
  if (!missing.empty()) return without(virt_error::missing_part, missing);
  return {.ok = true, .error = {}, .missing = {}, .capabilities = c, .controls = choice.controls};
}

}  // namespace axhal::x86_64

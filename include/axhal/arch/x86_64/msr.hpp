// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Numbers of model-specific registers, by the manuals' names without IA32_ (Intel SDM vol. 4, "Architectural MSRs";
/// AMD64 APM vol. 2, "MSR Cross-Reference").
namespace msr {
inline constexpr std::uint32_t tsc = 0x10;
inline constexpr std::uint32_t platform_id = 0x17;
inline constexpr std::uint32_t apic_base = 0x1b;
inline constexpr std::uint32_t feature_control = 0x3a;
inline constexpr std::uint32_t tsc_adjust = 0x3b;
inline constexpr std::uint32_t spec_ctrl = 0x48;
inline constexpr std::uint32_t pred_cmd = 0x49;
inline constexpr std::uint32_t bios_sign_id = 0x8b;
inline constexpr std::uint32_t mtrrcap = 0xfe;
inline constexpr std::uint32_t arch_capabilities = 0x10a;
inline constexpr std::uint32_t sysenter_cs = 0x174;
inline constexpr std::uint32_t sysenter_esp = 0x175;
inline constexpr std::uint32_t sysenter_eip = 0x176;
inline constexpr std::uint32_t mcg_cap = 0x179;
inline constexpr std::uint32_t mcg_status = 0x17a;
inline constexpr std::uint32_t misc_enable = 0x1a0;
inline constexpr std::uint32_t debugctl = 0x1d9;
inline constexpr std::uint32_t mtrr_physbase0 = 0x200;  ///< then mask 0, base 1, and so on
inline constexpr std::uint32_t mtrr_fix64k_00000 = 0x250;
inline constexpr std::uint32_t mtrr_fix16k_80000 = 0x258;
inline constexpr std::uint32_t mtrr_fix16k_a0000 = 0x259;
inline constexpr std::uint32_t mtrr_fix4k_c0000 = 0x268;
inline constexpr std::uint32_t mtrr_fix4k_f8000 = 0x26f;
inline constexpr std::uint32_t pat = 0x277;
inline constexpr std::uint32_t mtrr_def_type = 0x2ff;
inline constexpr std::uint32_t vmx_basic = 0x480;
inline constexpr std::uint32_t vmx_pinbased_ctls = 0x481;
inline constexpr std::uint32_t vmx_procbased_ctls = 0x482;
inline constexpr std::uint32_t vmx_exit_ctls = 0x483;
inline constexpr std::uint32_t vmx_entry_ctls = 0x484;
inline constexpr std::uint32_t vmx_misc = 0x485;
inline constexpr std::uint32_t vmx_cr0_fixed0 = 0x486;
inline constexpr std::uint32_t vmx_cr0_fixed1 = 0x487;
inline constexpr std::uint32_t vmx_cr4_fixed0 = 0x488;
inline constexpr std::uint32_t vmx_cr4_fixed1 = 0x489;
inline constexpr std::uint32_t vmx_vmcs_enum = 0x48a;
inline constexpr std::uint32_t vmx_procbased_ctls2 = 0x48b;
inline constexpr std::uint32_t vmx_ept_vpid_cap = 0x48c;
inline constexpr std::uint32_t vmx_true_pinbased_ctls = 0x48d;
inline constexpr std::uint32_t vmx_true_procbased_ctls = 0x48e;
inline constexpr std::uint32_t vmx_true_exit_ctls = 0x48f;
inline constexpr std::uint32_t vmx_true_entry_ctls = 0x490;
inline constexpr std::uint32_t tsc_deadline = 0x6e0;
inline constexpr std::uint32_t x2apic_first = 0x800;  ///< register n of the local APIC is at 0x800 + n / 16
inline constexpr std::uint32_t x2apic_last = 0x8ff;
inline constexpr std::uint32_t xss = 0xda0;
inline constexpr std::uint32_t efer = 0xc000'0080;
inline constexpr std::uint32_t star = 0xc000'0081;
inline constexpr std::uint32_t lstar = 0xc000'0082;
inline constexpr std::uint32_t cstar = 0xc000'0083;
inline constexpr std::uint32_t sfmask = 0xc000'0084;
inline constexpr std::uint32_t fs_base = 0xc000'0100;
inline constexpr std::uint32_t gs_base = 0xc000'0101;
inline constexpr std::uint32_t kernel_gs_base = 0xc000'0102;
inline constexpr std::uint32_t tsc_aux = 0xc000'0103;
inline constexpr std::uint32_t vm_cr = 0xc001'0114;
inline constexpr std::uint32_t vm_hsave_pa = 0xc001'0117;
}  // namespace msr

/// IA32_FEATURE_CONTROL (Intel SDM vol. 3, "Enabling and Entering VMX Operation").
namespace feature_control {
using f_lock = bit_field<bool, 0>;
using f_vmx_inside_smx = bit_field<bool, 1>;
using f_vmx_outside_smx = bit_field<bool, 2>;
}  // namespace feature_control

/// VM_CR (AMD64 APM vol. 2, "VM_CR MSR").
namespace vm_cr {
using f_r_init = bit_field<bool, 1>;
using f_lock = bit_field<bool, 3>;    ///< SVMDIS cannot be changed
using f_svmdis = bit_field<bool, 4>;  ///< EFER.SVME cannot be set
}  // namespace vm_cr

/// What the processor did not do, and raised a general-protection exception for: there is no such MSR, or not this
/// value.
struct msr_refused {
  friend constexpr bool operator==(msr_refused, msr_refused) = default;
};

/// What CPUID answers.
struct cpuid_result {
  std::uint32_t eax{};
  std::uint32_t ebx{};
  std::uint32_t ecx{};
  std::uint32_t edx{};
  friend constexpr bool operator==(cpuid_result const&, cpuid_result const&) = default;
};

}  // namespace axhal::x86_64

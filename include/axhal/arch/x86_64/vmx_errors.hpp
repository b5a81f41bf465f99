// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The name of a VM-instruction error, the number that VMfailValid leaves behind (Intel SDM vol. 3C, "VM Instruction
/// Error Numbers"). 0 is what VMfailInvalid is told as here: there was no VMCS to leave a number in.
[[nodiscard]] constexpr text vm_instruction_error_name(std::uint32_t number) {
  switch (number) {
    case 0: return "no current VMCS";
    case 1: return "VMCALL executed in VMX root operation";
    case 2: return "VMCLEAR with invalid physical address";
    case 3: return "VMCLEAR with VMXON pointer";
    case 4: return "VMLAUNCH with non-clear VMCS";
    case 5: return "VMRESUME with non-launched VMCS";
    case 6: return "VMRESUME after VMXOFF";
    case 7: return "VM entry with invalid control fields";
    case 8: return "VM entry with invalid host-state fields";
    case 9: return "VMPTRLD with invalid physical address";
    case 10: return "VMPTRLD with VMXON pointer";
    case 11: return "VMPTRLD with incorrect VMCS revision identifier";
    case 12: return "VMREAD or VMWRITE with unsupported VMCS component";
    case 13: return "VMWRITE to read-only VMCS component";
    case 15: return "VMXON executed in VMX root operation";
    case 16: return "VM entry with invalid executive-VMCS pointer";
    case 17: return "VM entry with non-launched executive VMCS";
    case 18: return "VM entry with executive-VMCS pointer not VMXON pointer";
    case 19: return "VMCALL with non-clear VMCS";
    case 20: return "VMCALL with invalid VM-exit control fields";
    case 22: return "VMCALL with incorrect MSEG revision identifier";
    case 23: return "VMXOFF under dual-monitor treatment of SMIs and SMM";
    case 24: return "VMCALL with invalid SMM-monitor features";
    case 25: return "VM entry with invalid VM-execution control fields in executive VMCS";
    case 26: return "VM entry with events blocked by MOV SS";
    case 28: return "invalid operand to INVEPT or INVVPID";
    default: return "VM-instruction error without a name";
  }
}

/// Basic exit reasons (Intel SDM vol. 3D, Appendix C, "VMX Basic Exit Reasons").
enum class vmx_reason : std::uint16_t {
  exception_or_nmi = 0,
  external_interrupt = 1,
  triple_fault = 2,
  init_signal = 3,
  startup_ipi = 4,
  io_smi = 5,
  other_smi = 6,
  interrupt_window = 7,
  nmi_window = 8,
  task_switch = 9,
  cpuid = 10,
  getsec = 11,
  hlt = 12,
  invd = 13,
  invlpg = 14,
  rdpmc = 15,
  rdtsc = 16,
  rsm = 17,
  vmcall = 18,
  vmclear = 19,
  vmlaunch = 20,
  vmptrld = 21,
  vmptrst = 22,
  vmread = 23,
  vmresume = 24,
  vmwrite = 25,
  vmxoff = 26,
  vmxon = 27,
  control_register = 28,
  mov_dr = 29,
  io_instruction = 30,
  rdmsr = 31,
  wrmsr = 32,
  invalid_guest_state = 33,
  msr_loading = 34,
  mwait = 36,
  monitor_trap_flag = 37,
  monitor = 39,
  pause = 40,
  machine_check_at_entry = 41,
  tpr_below_threshold = 43,
  apic_access = 44,
  virtualized_eoi = 45,
  gdtr_or_idtr = 46,
  ldtr_or_tr = 47,
  ept_violation = 48,
  ept_misconfiguration = 49,
  invept = 50,
  rdtscp = 51,
  preemption_timer = 52,
  invvpid = 53,
  wbinvd = 54,
  xsetbv = 55,
  apic_write = 56,
  rdrand = 57,
  invpcid = 58,
  vmfunc = 59,
  encls = 60,
  rdseed = 61,
  page_modification_log_full = 62,
  xsaves = 63,
  xrstors = 64,
};

/// The reason's name in a report.
[[nodiscard]] constexpr text name_of(vmx_reason reason) {
  switch (reason) {
    case vmx_reason::exception_or_nmi: return "exception or NMI";
    case vmx_reason::external_interrupt: return "external interrupt";
    case vmx_reason::triple_fault: return "triple fault";
    case vmx_reason::init_signal: return "INIT signal";
    case vmx_reason::startup_ipi: return "start-up IPI";
    case vmx_reason::io_smi: return "I/O SMI";
    case vmx_reason::other_smi: return "SMI";
    case vmx_reason::interrupt_window: return "interrupt window";
    case vmx_reason::nmi_window: return "NMI window";
    case vmx_reason::task_switch: return "task switch";
    case vmx_reason::cpuid: return "CPUID";
    case vmx_reason::getsec: return "GETSEC";
    case vmx_reason::hlt: return "HLT";
    case vmx_reason::invd: return "INVD";
    case vmx_reason::invlpg: return "INVLPG";
    case vmx_reason::rdpmc: return "RDPMC";
    case vmx_reason::rdtsc: return "RDTSC";
    case vmx_reason::rsm: return "RSM";
    case vmx_reason::vmcall: return "VMCALL";
    case vmx_reason::vmclear: return "VMCLEAR";
    case vmx_reason::vmlaunch: return "VMLAUNCH";
    case vmx_reason::vmptrld: return "VMPTRLD";
    case vmx_reason::vmptrst: return "VMPTRST";
    case vmx_reason::vmread: return "VMREAD";
    case vmx_reason::vmresume: return "VMRESUME";
    case vmx_reason::vmwrite: return "VMWRITE";
    case vmx_reason::vmxoff: return "VMXOFF";
    case vmx_reason::vmxon: return "VMXON";
    case vmx_reason::control_register: return "control-register access";
    case vmx_reason::mov_dr: return "MOV DR";
    case vmx_reason::io_instruction: return "I/O instruction";
    case vmx_reason::rdmsr: return "RDMSR";
    case vmx_reason::wrmsr: return "WRMSR";
    case vmx_reason::invalid_guest_state: return "VM entry refused the guest's state";
    case vmx_reason::msr_loading: return "VM entry could not load an MSR";
    case vmx_reason::mwait: return "MWAIT";
    case vmx_reason::monitor_trap_flag: return "monitor trap flag";
    case vmx_reason::monitor: return "MONITOR";
    case vmx_reason::pause: return "PAUSE";
    case vmx_reason::machine_check_at_entry: return "machine check at VM entry";
    case vmx_reason::tpr_below_threshold: return "TPR below threshold";
    case vmx_reason::apic_access: return "APIC access";
    case vmx_reason::virtualized_eoi: return "virtualized EOI";
    case vmx_reason::gdtr_or_idtr: return "access to GDTR or IDTR";
    case vmx_reason::ldtr_or_tr: return "access to LDTR or TR";
    case vmx_reason::ept_violation: return "EPT violation";
    case vmx_reason::ept_misconfiguration: return "EPT misconfiguration";
    case vmx_reason::invept: return "INVEPT";
    case vmx_reason::rdtscp: return "RDTSCP";
    case vmx_reason::preemption_timer: return "preemption timer";
    case vmx_reason::invvpid: return "INVVPID";
    case vmx_reason::wbinvd: return "WBINVD";
    case vmx_reason::xsetbv: return "XSETBV";
    case vmx_reason::apic_write: return "APIC write";
    case vmx_reason::rdrand: return "RDRAND";
    case vmx_reason::invpcid: return "INVPCID";
    case vmx_reason::vmfunc: return "VMFUNC";
    case vmx_reason::encls: return "ENCLS";
    case vmx_reason::rdseed: return "RDSEED";
    case vmx_reason::page_modification_log_full: return "page-modification log full";
    case vmx_reason::xsaves: return "XSAVES";
    case vmx_reason::xrstors: return "XRSTORS";
  }
  return "exit without a name";
}

/// The exit-reason field (Intel SDM vol. 3C, "Basic VM-Exit Information").
namespace vmx_exit_word {
inline constexpr std::uint32_t entry_failed = 1U << 31;
/// What is told of an entry that did not even begin (VMfail): no exit reason has bit 30, which is reserved.
inline constexpr std::uint32_t instruction_failed = 1U << 30;
[[nodiscard]] constexpr vmx_reason basic(std::uint32_t word) { return static_cast<vmx_reason>(word & 0xffff); }
}  // namespace vmx_exit_word

}  // namespace axhal::x86_64

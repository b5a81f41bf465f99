// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/descriptor_tables.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_capabilities.hpp>
#include <axhal/arch/x86_64/vmx_context.hpp>
#include <axhal/arch/x86_64/vmx_controls.hpp>
#include <axhal/arch/x86_64/vmx_exit.hpp>
#include <axhal/arch/x86_64/vmx_state.hpp>
#include <axhal/core/address.hpp>

#include <concepts>
#include <cstdint>

/// What a VMCS is filled with. It is the current one in all functions.
namespace axhal::x86_64 {

/// What the host's part of a VMCS is read from.
template <typename I>
concept HostStateInstructions = VmcsInstructions<I> && requires(std::uint32_t n) {
  { I::read_cr0() } -> std::same_as<std::uint64_t>;
  { I::read_cr3() } -> std::same_as<std::uint64_t>;
  { I::read_cr4() } -> std::same_as<std::uint64_t>;
  { I::read_msr(n) } -> std::same_as<std::uint64_t>;
  { I::cs_selector() } -> std::same_as<std::uint16_t>;
  { I::tr_selector() } -> std::same_as<std::uint16_t>;
  { I::gdt().base } -> std::convertible_to<std::uint64_t>;
  { I::idt().base } -> std::convertible_to<std::uint64_t>;
};

/// The base that a 64-bit TSS descriptor of two words holds (Intel SDM vol. 3, "TSS Descriptor in 64-bit mode").
[[nodiscard]] constexpr std::uint64_t tss_base(std::uint64_t low, std::uint64_t high) {
  return (low >> 16 & 0xff'ffff) | (low >> 56) << 24 | (high & 0xffff'ffff) << 32;
}

/// The host as it is now on this CPU: what an exit brings back, at `rip`. RSP is written with each entry. SYSENTER's
/// registers are cleared: the host has no user mode (Intel SDM vol. 3C, "Host-State Area").
///
/// Precondition: the GDT in use has the host's data segment where `host_gdt` has it, and TR holds a TSS.
template <HostStateInstructions I>
void write_host_state(std::uint64_t rip) {
  vmcs_set<I>(vmcs::host_cr0, I::read_cr0());
  vmcs_set<I>(vmcs::host_cr3, I::read_cr3());
  vmcs_set<I>(vmcs::host_cr4, I::read_cr4());
  vmcs_set<I>(vmcs::host_cs_selector, I::cs_selector());
  vmcs_set<I>(vmcs::host_ss_selector, host_gdt::data_selector);
  vmcs_set<I>(vmcs::host_ds_selector, host_gdt::data_selector);
  vmcs_set<I>(vmcs::host_es_selector, host_gdt::data_selector);
  vmcs_set<I>(vmcs::host_fs_selector, 0);
  vmcs_set<I>(vmcs::host_gs_selector, 0);
  std::uint16_t const tr = I::tr_selector();
  std::uint64_t const gdt = I::gdt().base;
  auto const* const descriptor = reinterpret_cast<std::uint64_t const*>(gdt + (tr & 0xfff8U));
  vmcs_set<I>(vmcs::host_tr_selector, tr);
  vmcs_set<I>(vmcs::host_tr_base, tss_base(descriptor[0], descriptor[1]));
  vmcs_set<I>(vmcs::host_fs_base, I::read_msr(msr::fs_base));
  vmcs_set<I>(vmcs::host_gs_base, I::read_msr(msr::gs_base));
  vmcs_set<I>(vmcs::host_gdtr_base, gdt);
  vmcs_set<I>(vmcs::host_idtr_base, I::idt().base);
  vmcs_set<I>(vmcs::host_sysenter_cs, 0);
  vmcs_set<I>(vmcs::host_sysenter_esp, 0);
  vmcs_set<I>(vmcs::host_sysenter_eip, 0);
  vmcs_set<I>(vmcs::host_pat, I::read_msr(msr::pat));
  vmcs_set<I>(vmcs::host_efer, I::read_msr(msr::efer));
  vmcs_set<I>(vmcs::host_rip, rip);
}

/// The controls, for a vCPU that is loaded on this CPU: its translation, its time and its windows as it has them.
template <VmcsInstructions I>
void write_controls(vmx_state& v, vmx_capabilities const& caps, vmx_controls const& chosen, host_phys msr_bitmap) {
  v.timer_value = 0;
  std::uint32_t pin = chosen[vmx_control_word::pin_based] & ~pin_based::preemption_timer;
  if (chosen.slices() && v.slice != 0) {
    pin |= pin_based::preemption_timer;
    std::uint64_t const ticks = v.slice >> vmx_misc::f_timer_rate::get(caps.misc);
    v.timer_value = ticks > 0xffff'ffff ? 0xffff'ffff : static_cast<std::uint32_t>(ticks);
  }
  std::uint32_t exits = chosen[vmx_control_word::exit];
  if (v.timer_value == 0 && (pin & pin_based::preemption_timer) != 0) v.timer_value = 1;
  if ((pin & pin_based::preemption_timer) == 0) exits &= ~exit_control::save_preemption_timer;
  vmcs_set<I>(vmcs::pin_based_controls, pin);
  vmcs_set<I>(vmcs::exit_controls, exits);
  if (v.timer_value != 0) vmcs_set<I>(vmcs::preemption_timer_value, v.timer_value);

  std::uint32_t processor = chosen[vmx_control_word::processor_based];
  if (v.wants_interrupt_window()) processor |= processor_based::interrupt_window_exiting;
  if (v.nmi_offered) processor |= processor_based::nmi_window_exiting;
  v.processor_controls = processor;
  vmcs_set<I>(vmcs::processor_based_controls, processor);
  std::uint32_t second = chosen[vmx_control_word::secondary];
  // VPID 0 is the host's, and refused.
  if (v.vpid == 0) second &= ~secondary::enable_vpid;
  vmcs_set<I>(vmcs::secondary_controls, second);
  if (chosen.vpid()) vmcs_set<I>(vmcs::vpid, v.vpid);
  vmcs_set<I>(vmcs::ept_pointer, v.eptp);
  vmcs_set<I>(vmcs::tsc_offset, std::uint64_t{0} - v.time_offset.value);
  vmcs_set<I>(vmcs::msr_bitmaps, msr_bitmap.value);
  vmcs_set<I>(vmcs::exception_bitmap, vmx_exception_bitmap);
  vmcs_set<I>(vmcs::page_fault_error_code_mask, 0);
  vmcs_set<I>(vmcs::page_fault_error_code_match, 0);
  vmcs_set<I>(vmcs::cr3_target_count, 0);
  vmcs_set<I>(vmcs::exit_msr_store_count, 0);
  vmcs_set<I>(vmcs::exit_msr_load_count, 0);
  vmcs_set<I>(vmcs::entry_msr_load_count, 0);
  vmcs_set<I>(vmcs::cr0_guest_host_mask, vmx_masks::cr0);
  vmcs_set<I>(vmcs::cr4_guest_host_mask, vmx_masks::cr4);
}

/// A segment register of the guest: ES, CS, SS, DS, FS, GS, LDTR, TR.
template <VmcsInstructions I>
void write_segment(unsigned n, segment_register const& s) {
  vmcs_segment_fields const f = segment_fields(n);
  I::vmwrite(f.selector, s.selector);
  I::vmwrite(f.limit, s.limit);
  I::vmwrite(f.access_rights, vmcs_access_rights::from_attributes(s.attributes));
  I::vmwrite(f.base, s.base);
}

/// The guest's first state, `v.start`, and the reset values of what it does not name (Intel SDM vol. 3, "Processor
/// State After Reset"). `entry` are the entry controls that were chosen.
template <VmxContextInstructions I>
void write_guest_state(vmx_state& v, std::uint32_t entry) {
  guest_entry const& s = v.start;
  constexpr std::uint64_t reset_dr7 = 0x400;
  constexpr std::uint64_t reset_pat = 0x0007'0406'0007'0406;
  constexpr unsigned fs = 4;
  constexpr unsigned gs = 5;
  constexpr unsigned ldtr = 6;
  constexpr unsigned tr = 7;
  vmcs_set<I>(vmcs::entry_controls, entry);
  vmcs_set<I>(vmcs::entry_interruption_information, 0);
  vmcs_set<I>(vmcs::entry_exception_error_code, 0);
  vmcs_set<I>(vmcs::entry_instruction_length, 0);
  vmx_context<I, false> c{v};
  c.set_cr0(s.cr0);
  c.set_cr3(s.cr3);
  c.set_cr4(s.cr4);
  c.set_efer(s.efer);
  c.set_pat(reset_pat);
  c.set_pdptes({});
  c.set_rip(s.rip);
  c.set_gpr(guest_entry::rsp, s.gpr[guest_entry::rsp]);
  c.set_rflags(s.rflags | rflags::reserved_one);
  write_segment<I>(static_cast<unsigned>(segment::cs), s.cs);
  write_segment<I>(static_cast<unsigned>(segment::ss), s.ss);
  write_segment<I>(static_cast<unsigned>(segment::ds), s.ds);
  write_segment<I>(static_cast<unsigned>(segment::es), s.ds);
  write_segment<I>(fs, s.ds);
  write_segment<I>(gs, s.ds);
  write_segment<I>(ldtr, s.ldtr);
  segment_register task = s.tr;
  // The processor has to be in a task; which of its two forms it is does not matter to who never switches tasks.
  if (!segment_attributes::f_p::get(task.attributes)) task = {0, segment_attributes::tss_busy, 0xffff, 0};
  write_segment<I>(tr, task);
  vmcs_set<I>(vmcs::guest_gdtr_base, s.gdtr.base);
  vmcs_set<I>(vmcs::guest_gdtr_limit, s.gdtr.limit);
  vmcs_set<I>(vmcs::guest_idtr_base, s.idtr.base);
  vmcs_set<I>(vmcs::guest_idtr_limit, s.idtr.limit);
  vmcs_set<I>(vmcs::guest_dr7, reset_dr7);
  vmcs_set<I>(vmcs::guest_debugctl, 0);
  vmcs_set<I>(vmcs::guest_sysenter_cs, 0);
  vmcs_set<I>(vmcs::guest_sysenter_esp, 0);
  vmcs_set<I>(vmcs::guest_sysenter_eip, 0);
  vmcs_set<I>(vmcs::guest_interruptibility_state, 0);
  vmcs_set<I>(vmcs::guest_activity_state, 0);
  vmcs_set<I>(vmcs::guest_pending_debug_exceptions, 0);
  vmcs_set<I>(vmcs::vmcs_link_pointer, ~std::uint64_t{0});
}

}  // namespace axhal::x86_64

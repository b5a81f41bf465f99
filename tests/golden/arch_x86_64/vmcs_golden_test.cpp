// SPDX-License-Identifier: BSL-1.0
// Numbers of the Intel SDM, volume 3, Appendices A to C and "Basic VM-Exit Information", written down by hand.
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_controls.hpp>
#include <axhal/arch/x86_64/vmx_errors.hpp>
#include <axhal/arch/x86_64/vmx_msr_bitmap.hpp>
#include <axhal/arch/x86_64/vmx_qualification.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace {
using namespace axhal;
using namespace axhal::x86_64;

TEST_CASE("Appendix B: encodings of VMCS fields", "[golden][vmx]") {
  STATIC_REQUIRE(vmcs::vpid.encoding == 0x0000);
  STATIC_REQUIRE(vmcs::guest_es_selector.encoding == 0x0800);
  STATIC_REQUIRE(vmcs::guest_cs_selector.encoding == 0x0802);
  STATIC_REQUIRE(vmcs::guest_ss_selector.encoding == 0x0804);
  STATIC_REQUIRE(vmcs::guest_ds_selector.encoding == 0x0806);
  STATIC_REQUIRE(vmcs::guest_fs_selector.encoding == 0x0808);
  STATIC_REQUIRE(vmcs::guest_gs_selector.encoding == 0x080a);
  STATIC_REQUIRE(vmcs::guest_ldtr_selector.encoding == 0x080c);
  STATIC_REQUIRE(vmcs::guest_tr_selector.encoding == 0x080e);
  STATIC_REQUIRE(vmcs::host_es_selector.encoding == 0x0c00);
  STATIC_REQUIRE(vmcs::host_cs_selector.encoding == 0x0c02);
  STATIC_REQUIRE(vmcs::host_ss_selector.encoding == 0x0c04);
  STATIC_REQUIRE(vmcs::host_ds_selector.encoding == 0x0c06);
  STATIC_REQUIRE(vmcs::host_fs_selector.encoding == 0x0c08);
  STATIC_REQUIRE(vmcs::host_gs_selector.encoding == 0x0c0a);
  STATIC_REQUIRE(vmcs::host_tr_selector.encoding == 0x0c0c);
  STATIC_REQUIRE(vmcs::msr_bitmaps.encoding == 0x2004);
  STATIC_REQUIRE(vmcs::exit_msr_store_address.encoding == 0x2006);
  STATIC_REQUIRE(vmcs::exit_msr_load_address.encoding == 0x2008);
  STATIC_REQUIRE(vmcs::entry_msr_load_address.encoding == 0x200a);
  STATIC_REQUIRE(vmcs::tsc_offset.encoding == 0x2010);
  STATIC_REQUIRE(vmcs::ept_pointer.encoding == 0x201a);
  STATIC_REQUIRE(vmcs::guest_physical_address.encoding == 0x2400);
  STATIC_REQUIRE(vmcs::vmcs_link_pointer.encoding == 0x2800);
  STATIC_REQUIRE(vmcs::guest_debugctl.encoding == 0x2802);
  STATIC_REQUIRE(vmcs::guest_pat.encoding == 0x2804);
  STATIC_REQUIRE(vmcs::guest_efer.encoding == 0x2806);
  STATIC_REQUIRE(vmcs::guest_pdpte0.encoding == 0x280a);
  STATIC_REQUIRE(vmcs::guest_pdpte1.encoding == 0x280c);
  STATIC_REQUIRE(vmcs::guest_pdpte2.encoding == 0x280e);
  STATIC_REQUIRE(vmcs::guest_pdpte3.encoding == 0x2810);
  STATIC_REQUIRE(vmcs::host_pat.encoding == 0x2c00);
  STATIC_REQUIRE(vmcs::host_efer.encoding == 0x2c02);
  STATIC_REQUIRE(vmcs::pin_based_controls.encoding == 0x4000);
  STATIC_REQUIRE(vmcs::processor_based_controls.encoding == 0x4002);
  STATIC_REQUIRE(vmcs::exception_bitmap.encoding == 0x4004);
  STATIC_REQUIRE(vmcs::page_fault_error_code_mask.encoding == 0x4006);
  STATIC_REQUIRE(vmcs::page_fault_error_code_match.encoding == 0x4008);
  STATIC_REQUIRE(vmcs::cr3_target_count.encoding == 0x400a);
  STATIC_REQUIRE(vmcs::exit_controls.encoding == 0x400c);
  STATIC_REQUIRE(vmcs::exit_msr_store_count.encoding == 0x400e);
  STATIC_REQUIRE(vmcs::exit_msr_load_count.encoding == 0x4010);
  STATIC_REQUIRE(vmcs::entry_controls.encoding == 0x4012);
  STATIC_REQUIRE(vmcs::entry_msr_load_count.encoding == 0x4014);
  STATIC_REQUIRE(vmcs::entry_interruption_information.encoding == 0x4016);
  STATIC_REQUIRE(vmcs::entry_exception_error_code.encoding == 0x4018);
  STATIC_REQUIRE(vmcs::entry_instruction_length.encoding == 0x401a);
  STATIC_REQUIRE(vmcs::secondary_controls.encoding == 0x401e);
  STATIC_REQUIRE(vmcs::vm_instruction_error.encoding == 0x4400);
  STATIC_REQUIRE(vmcs::exit_reason.encoding == 0x4402);
  STATIC_REQUIRE(vmcs::exit_interruption_information.encoding == 0x4404);
  STATIC_REQUIRE(vmcs::exit_interruption_error_code.encoding == 0x4406);
  STATIC_REQUIRE(vmcs::idt_vectoring_information.encoding == 0x4408);
  STATIC_REQUIRE(vmcs::idt_vectoring_error_code.encoding == 0x440a);
  STATIC_REQUIRE(vmcs::exit_instruction_length.encoding == 0x440c);
  STATIC_REQUIRE(vmcs::exit_instruction_information.encoding == 0x440e);
  STATIC_REQUIRE(vmcs::guest_es_limit.encoding == 0x4800);
  STATIC_REQUIRE(vmcs::guest_cs_limit.encoding == 0x4802);
  STATIC_REQUIRE(vmcs::guest_ss_limit.encoding == 0x4804);
  STATIC_REQUIRE(vmcs::guest_ds_limit.encoding == 0x4806);
  STATIC_REQUIRE(vmcs::guest_fs_limit.encoding == 0x4808);
  STATIC_REQUIRE(vmcs::guest_gs_limit.encoding == 0x480a);
  STATIC_REQUIRE(vmcs::guest_ldtr_limit.encoding == 0x480c);
  STATIC_REQUIRE(vmcs::guest_tr_limit.encoding == 0x480e);
  STATIC_REQUIRE(vmcs::guest_gdtr_limit.encoding == 0x4810);
  STATIC_REQUIRE(vmcs::guest_idtr_limit.encoding == 0x4812);
  STATIC_REQUIRE(vmcs::guest_es_access_rights.encoding == 0x4814);
  STATIC_REQUIRE(vmcs::guest_cs_access_rights.encoding == 0x4816);
  STATIC_REQUIRE(vmcs::guest_ss_access_rights.encoding == 0x4818);
  STATIC_REQUIRE(vmcs::guest_ds_access_rights.encoding == 0x481a);
  STATIC_REQUIRE(vmcs::guest_fs_access_rights.encoding == 0x481c);
  STATIC_REQUIRE(vmcs::guest_gs_access_rights.encoding == 0x481e);
  STATIC_REQUIRE(vmcs::guest_ldtr_access_rights.encoding == 0x4820);
  STATIC_REQUIRE(vmcs::guest_tr_access_rights.encoding == 0x4822);
  STATIC_REQUIRE(vmcs::guest_interruptibility_state.encoding == 0x4824);
  STATIC_REQUIRE(vmcs::guest_activity_state.encoding == 0x4826);
  STATIC_REQUIRE(vmcs::guest_sysenter_cs.encoding == 0x482a);
  STATIC_REQUIRE(vmcs::preemption_timer_value.encoding == 0x482e);
  STATIC_REQUIRE(vmcs::host_sysenter_cs.encoding == 0x4c00);
  STATIC_REQUIRE(vmcs::cr0_guest_host_mask.encoding == 0x6000);
  STATIC_REQUIRE(vmcs::cr4_guest_host_mask.encoding == 0x6002);
  STATIC_REQUIRE(vmcs::cr0_read_shadow.encoding == 0x6004);
  STATIC_REQUIRE(vmcs::cr4_read_shadow.encoding == 0x6006);
  STATIC_REQUIRE(vmcs::exit_qualification.encoding == 0x6400);
  STATIC_REQUIRE(vmcs::guest_linear_address.encoding == 0x640a);
  STATIC_REQUIRE(vmcs::guest_cr0.encoding == 0x6800);
  STATIC_REQUIRE(vmcs::guest_cr3.encoding == 0x6802);
  STATIC_REQUIRE(vmcs::guest_cr4.encoding == 0x6804);
  STATIC_REQUIRE(vmcs::guest_es_base.encoding == 0x6806);
  STATIC_REQUIRE(vmcs::guest_cs_base.encoding == 0x6808);
  STATIC_REQUIRE(vmcs::guest_ss_base.encoding == 0x680a);
  STATIC_REQUIRE(vmcs::guest_ds_base.encoding == 0x680c);
  STATIC_REQUIRE(vmcs::guest_fs_base.encoding == 0x680e);
  STATIC_REQUIRE(vmcs::guest_gs_base.encoding == 0x6810);
  STATIC_REQUIRE(vmcs::guest_ldtr_base.encoding == 0x6812);
  STATIC_REQUIRE(vmcs::guest_tr_base.encoding == 0x6814);
  STATIC_REQUIRE(vmcs::guest_gdtr_base.encoding == 0x6816);
  STATIC_REQUIRE(vmcs::guest_idtr_base.encoding == 0x6818);
  STATIC_REQUIRE(vmcs::guest_dr7.encoding == 0x681a);
  STATIC_REQUIRE(vmcs::guest_rsp.encoding == 0x681c);
  STATIC_REQUIRE(vmcs::guest_rip.encoding == 0x681e);
  STATIC_REQUIRE(vmcs::guest_rflags.encoding == 0x6820);
  STATIC_REQUIRE(vmcs::guest_pending_debug_exceptions.encoding == 0x6822);
  STATIC_REQUIRE(vmcs::guest_sysenter_esp.encoding == 0x6824);
  STATIC_REQUIRE(vmcs::guest_sysenter_eip.encoding == 0x6826);
  STATIC_REQUIRE(vmcs::host_cr0.encoding == 0x6c00);
  STATIC_REQUIRE(vmcs::host_cr3.encoding == 0x6c02);
  STATIC_REQUIRE(vmcs::host_cr4.encoding == 0x6c04);
  STATIC_REQUIRE(vmcs::host_fs_base.encoding == 0x6c06);
  STATIC_REQUIRE(vmcs::host_gs_base.encoding == 0x6c08);
  STATIC_REQUIRE(vmcs::host_tr_base.encoding == 0x6c0a);
  STATIC_REQUIRE(vmcs::host_gdtr_base.encoding == 0x6c0c);
  STATIC_REQUIRE(vmcs::host_idtr_base.encoding == 0x6c0e);
  STATIC_REQUIRE(vmcs::host_sysenter_esp.encoding == 0x6c10);
  STATIC_REQUIRE(vmcs::host_sysenter_eip.encoding == 0x6c12);
  STATIC_REQUIRE(vmcs::host_rsp.encoding == 0x6c14);
  STATIC_REQUIRE(vmcs::host_rip.encoding == 0x6c16);
}

TEST_CASE("a field's value is as wide as its encoding says", "[golden][vmx]") {
  STATIC_REQUIRE(std::is_same_v<decltype(vmcs::vpid)::value_type, std::uint16_t>);
  STATIC_REQUIRE(std::is_same_v<decltype(vmcs::exit_reason)::value_type, std::uint32_t>);
  STATIC_REQUIRE(std::is_same_v<decltype(vmcs::ept_pointer)::value_type, std::uint64_t>);
  STATIC_REQUIRE(std::is_same_v<decltype(vmcs::guest_rip)::value_type, std::uint64_t>);
  STATIC_REQUIRE(segment_fields(1).selector == 0x802);
  STATIC_REQUIRE(segment_fields(1).limit == 0x4802);
  STATIC_REQUIRE(segment_fields(1).access_rights == 0x4816);
  STATIC_REQUIRE(segment_fields(1).base == 0x6808);
  STATIC_REQUIRE(segment_fields(7).access_rights == 0x4822);
  STATIC_REQUIRE(segment_fields(7).base == 0x6814);
}

TEST_CASE("access rights: 64-bit code, flat data, 16-bit data, a busy TSS, none", "[golden][vmx]") {
  using namespace vmcs_access_rights;
  STATIC_REQUIRE(from_attributes(0xa9b) == 0xa09b);
  STATIC_REQUIRE(from_attributes(0xc93) == 0xc093);
  STATIC_REQUIRE(from_attributes(0x093) == 0x93);
  STATIC_REQUIRE(from_attributes(0x08b) == 0x8b);
  STATIC_REQUIRE(from_attributes(0) == 0x1'0000);
  STATIC_REQUIRE(to_attributes(0xa09b) == 0xa9b);
  STATIC_REQUIRE(to_attributes(0x1'c093) == 0xc13);
  STATIC_REQUIRE(f_dpl::get(0xc0f3) == 3);
}

TEST_CASE("VM-execution, VM-exit and VM-entry controls", "[golden][vmx]") {
  STATIC_REQUIRE(pin_based::preemption_timer == 0x40);
  STATIC_REQUIRE(pin_based::virtual_nmis == 0x20);
  STATIC_REQUIRE(processor_based::interrupt_window_exiting == 0x4);
  STATIC_REQUIRE(processor_based::tsc_offsetting == 0x8);
  STATIC_REQUIRE(processor_based::hlt_exiting == 0x80);
  STATIC_REQUIRE(processor_based::cr3_load_exiting == 0x8000);
  STATIC_REQUIRE(processor_based::cr8_load_exiting == 0x8'0000);
  STATIC_REQUIRE(processor_based::nmi_window_exiting == 0x40'0000);
  STATIC_REQUIRE(processor_based::unconditional_io_exiting == 0x100'0000);
  STATIC_REQUIRE(processor_based::use_msr_bitmaps == 0x1000'0000);
  STATIC_REQUIRE(processor_based::activate_secondary == 0x8000'0000);
  STATIC_REQUIRE(secondary::enable_ept == 0x2);
  STATIC_REQUIRE(secondary::enable_vpid == 0x20);
  STATIC_REQUIRE(secondary::unrestricted_guest == 0x80);
  STATIC_REQUIRE(exit_control::host_address_space_size == 0x200);
  STATIC_REQUIRE(exit_control::save_preemption_timer == 0x40'0000);
  STATIC_REQUIRE(entry_control::ia32e_mode_guest == 0x200);
  STATIC_REQUIRE(entry_control::load_efer == 0x8000);
}

TEST_CASE("exit qualifications", "[golden][vmx]") {
  // OUT DX, AL to 3F8; IN EAX, DX from CFC
  STATIC_REQUIRE(port_access_of(0x03f8'0000, 0) == port_access{.port = 0x3f8, .size = 1});
  STATIC_REQUIRE(port_access_of(0x0cfc'000b, 0) == port_access{.port = 0xcfc, .size = 4, .in = true});
  // REP OUTSW, 32-bit addresses, FS; INSB, 64-bit addresses
  STATIC_REQUIRE(
      port_access_of(0x01f0'0031, 0x2'0080) ==
      port_access{.port = 0x1f0, .size = 2, .string = true, .repeated = true, .address_size = 4, .seg = segment::fs});
  STATIC_REQUIRE(port_access_of(0x01f0'0018, 0x100) ==
                 port_access{.port = 0x1f0, .size = 1, .in = true, .string = true, .address_size = 8});
  // MOV CR8, R10; MOV RCX, CR8; LMSW of 1234
  STATIC_REQUIRE(vmx_cr_access::f_number::get(0xa08) == 8);
  STATIC_REQUIRE(vmx_cr_access::f_gpr::get(0xa08) == 10);
  STATIC_REQUIRE(vmx_cr_access::f_type::get(0xa08) == vmx_cr_access::kind::write);
  STATIC_REQUIRE(vmx_cr_access::f_type::get(0x118) == vmx_cr_access::kind::read);
  STATIC_REQUIRE(vmx_cr_access::f_type::get(0x20) == vmx_cr_access::kind::clts);
  STATIC_REQUIRE(vmx_cr_access::f_type::get(0x1234'0030) == vmx_cr_access::kind::lmsw);
  STATIC_REQUIRE(vmx_cr_access::f_lmsw_source::get(0x1234'0030) == 0x1234);
  // EPT violations: a write at its own address, a read of a guest's table, a load of PDPTEs, a fetch
  STATIC_REQUIRE(nested_fault_of(0x182, {0x1000}).wanted == access::write);
  STATIC_REQUIRE_FALSE(nested_fault_of(0x182, {0x1000}).walk);
  STATIC_REQUIRE(nested_fault_of(0x81, {0x1000}).walk);
  STATIC_REQUIRE(nested_fault_of(0x1, {0x1000}).walk);
  STATIC_REQUIRE(nested_fault_of(0x184, {0x1000}).wanted == access::execute);
  STATIC_REQUIRE(nested_fault_of(0x183, {0x1000}).wanted == read_write);
  // #DB: breakpoint 1 after breakpoint 0; a single step
  STATIC_REQUIRE(vmx_debug::dr6_after(0xffff'0ff1, 0x2) == 0xffff'0ff2);
  STATIC_REQUIRE(vmx_debug::dr6_after(0xffff'0ff0, 0x4000) == 0xffff'4ff0);
  STATIC_REQUIRE(vmx_debug::f_bd::get(0x2000));
}

TEST_CASE("Appendix C: basic exit reasons", "[golden][vmx]") {
  STATIC_REQUIRE(vmx_exit_word::basic(0) == vmx_reason::exception_or_nmi);
  STATIC_REQUIRE(vmx_exit_word::basic(7) == vmx_reason::interrupt_window);
  STATIC_REQUIRE(vmx_exit_word::basic(10) == vmx_reason::cpuid);
  STATIC_REQUIRE(vmx_exit_word::basic(12) == vmx_reason::hlt);
  STATIC_REQUIRE(vmx_exit_word::basic(18) == vmx_reason::vmcall);
  STATIC_REQUIRE(vmx_exit_word::basic(28) == vmx_reason::control_register);
  STATIC_REQUIRE(vmx_exit_word::basic(30) == vmx_reason::io_instruction);
  STATIC_REQUIRE(vmx_exit_word::basic(0x8000'0021) == vmx_reason::invalid_guest_state);
  STATIC_REQUIRE(vmx_exit_word::basic(48) == vmx_reason::ept_violation);
  STATIC_REQUIRE(vmx_exit_word::basic(52) == vmx_reason::preemption_timer);
  STATIC_REQUIRE(vmx_exit_word::basic(55) == vmx_reason::xsetbv);
  STATIC_REQUIRE(vmx_exit_word::basic(64) == vmx_reason::xrstors);
  CHECK(name_of(vmx_reason::task_switch) == "task switch");
  CHECK(name_of(static_cast<vmx_reason>(65)) == "exit without a name");
  // "VM Instruction Error Numbers"
  CHECK(vm_instruction_error_name(4) == "VMLAUNCH with non-clear VMCS");
  CHECK(vm_instruction_error_name(5) == "VMRESUME with non-launched VMCS");
  CHECK(vm_instruction_error_name(7) == "VM entry with invalid control fields");
  CHECK(vm_instruction_error_name(8) == "VM entry with invalid host-state fields");
  CHECK(vm_instruction_error_name(12) == "VMREAD or VMWRITE with unsupported VMCS component");
  CHECK(vm_instruction_error_name(26) == "VM entry with events blocked by MOV SS");
  CHECK(vm_instruction_error_name(28) == "invalid operand to INVEPT or INVVPID");
  CHECK(vm_instruction_error_name(14) == "VM-instruction error without a name");
}

TEST_CASE("the MSR bitmap denies what is no guest's own", "[golden][vmx]") {
  auto const map = std::make_unique<vmx_msr_bitmap>();
  map->deny_by_default(true);
  // Reads of 0 to 1fff, of c0000000 to c0001fff, then writes: 1 KiB each
  CHECK(map->bits[0x174 / 8] == 0x8f);  // SYSENTER_CS, ESP, EIP
  CHECK(map->bits[2048 + 0x174 / 8] == 0x8f);
  CHECK(map->bits[0x10 / 8] == 0xfe);          // TSC is read
  CHECK(map->bits[2048 + 0x10 / 8] == 0xff);   // and not written
  CHECK(map->bits[1024 + 0x80 / 8] == 0xe0);   // EFER, STAR, LSTAR, CSTAR, SFMASK
  CHECK(map->bits[3072 + 0x80 / 8] == 0xe1);   // EFER is not written
  CHECK(map->bits[1024 + 0x100 / 8] == 0xf0);  // FS, GS, KERNEL_GS_BASE, TSC_AUX
  CHECK(map->bits[3072 + 0x100 / 8] == 0xf0);
  CHECK(map->exits(0x3a, false));  // FEATURE_CONTROL
  CHECK(map->exits(0x480, false));
  CHECK(map->exits(0x2000, false));  // beyond the bitmap
  CHECK(map->exits(0xc001'0114, true));
  CHECK(map->exits(0xffff'ffff, true));
  CHECK_FALSE(map->exits(0x277, true));
  unsigned allowed = 0;
  for (std::uint8_t const byte : map->bits) allowed += 8U - static_cast<unsigned>(std::popcount(byte));
  CHECK(allowed == 26);
}

}  // namespace

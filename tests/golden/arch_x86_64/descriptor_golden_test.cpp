// SPDX-License-Identifier: BSL-1.0
// Descriptors of the host and segment registers of guests, from the figures of the Intel SDM, volume 3.
#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/descriptor_tables.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal::x86_64;

}  // namespace

TEST_CASE("the host's descriptors", "[golden][descriptor_tables]") {
  // "Segment Descriptor": limit 0xfffff, base 0, G 1, L 1, D 0, P 1, DPL 0, S 1, type 11: execute, read, accessed.
  CHECK(descriptor::kernel_code == 0x00af'9b00'0000'ffff);
  // The same with D/B 1, L 0, type 3: read, write, accessed.
  CHECK(descriptor::kernel_data == 0x00cf'9300'0000'ffff);
  // "Format of TSS and LDT Descriptors in 64-bit Mode": limit 103, type 9 (available), P 1; base in four pieces.
  CHECK(descriptor::tss_low(0xffff'8000'1234'5678) == 0x1200'8934'5678'0067);
  host_gdt gdt{};
  gdt.set_tss(0xffff'8000'1234'5678);
  CHECK(gdt.entries[0] == 0);
  CHECK(gdt.entries[host_gdt::code_selector / 8] == descriptor::kernel_code);
  CHECK(gdt.entries[host_gdt::data_selector / 8] == descriptor::kernel_data);
  CHECK(gdt.entries[host_gdt::tss_selector / 8 + 1] == 0xffff'8000);
}

TEST_CASE("the 64-bit task state segment", "[golden][descriptor_tables]") {
  // "64-Bit TSS Format": RSP0 at 4, IST1 at 36, the I/O map's base at 102; 104 bytes, and so no map within the limit.
  STATIC_CHECK(sizeof(task_state_segment) == 104);
  STATIC_CHECK(offsetof(task_state_segment, rsp) == 4);
  STATIC_CHECK(offsetof(task_state_segment, ist) == 36);
  STATIC_CHECK(offsetof(task_state_segment, io_map_base) == 102);
  CHECK(task_state_segment{}.io_map_base == 104);
}

TEST_CASE("interrupt gates", "[golden][descriptor_tables]") {
  // "64-Bit IDT Gate Descriptors": type 14, P 1, DPL 0; the offset in three pieces, IST in bits 34:32.
  auto const gate = idt_gate::to(0x1122'3344'5566'7788, 0x08, 3);
  CHECK(gate.low == 0x5566'8e03'0008'7788);
  CHECK(gate.high == 0x1122'3344);
  CHECK(idt_gate::to(0, 0, 0).low == 0x0000'8e00'0000'0000);
  STATIC_CHECK(sizeof(host_idt) == 4096);
}

TEST_CASE("segment attributes", "[golden][segment_register]") {
  // AMD64 APM vol. 2, "VMCB Layout": bits 47:40 and 55:52 of a descriptor, side by side.
  CHECK(segment_attributes::code_64 == ((0x9b) | (0xa << 8)));
  CHECK(segment_attributes::code_32 == ((0x9b) | (0xc << 8)));
  CHECK(segment_attributes::f_l::get(segment_attributes::code_64));
  CHECK_FALSE(segment_attributes::f_db::get(segment_attributes::code_64));
  CHECK(segment_attributes::f_db::get(segment_attributes::code_32));
  CHECK(segment_attributes::is_code(segment_attributes::code_16));
  CHECK_FALSE(segment_attributes::is_code(segment_attributes::data_32));
  CHECK(segment_attributes::is_usable(segment_attributes::data_16));
  CHECK_FALSE(segment_attributes::is_usable(segment_attributes::tss_busy));
  CHECK_FALSE(segment_attributes::is_usable(0));
  CHECK(segment_attributes::second_right(segment_attributes::data_16));
  CHECK(segment_attributes::expands_down(0x097));
  CHECK_FALSE(segment_attributes::expands_down(0x09f));  // conforming code has the same bit
  CHECK(scaled_limit(0xfffff, true) == 0xffff'ffff);
  CHECK(scaled_limit(0, true) == 0xfff);
  CHECK(scaled_limit(0xfffff, false) == 0xf'ffff);
}

TEST_CASE("event words", "[golden][guest_event]") {
  // "VM-Entry Interruption-Information Field" and EVENTINJ alike.
  CHECK(exception_event(exception::pf, 0x1f).word() == 0x8000'0b0e);
  CHECK(exception_event(exception::ud).word() == 0x8000'0306);
  CHECK(interrupt_event(0xec).word() == 0x8000'00ec);
  CHECK(nmi_event().word() == 0x8000'0202);
  auto const again = guest_event::of(0x8000'0b0e, 0x1f);
  CHECK(again == exception_event(exception::pf, 0x1f));
  // Without the bit an error code means nothing.
  CHECK(guest_event::of(0x8000'0306, 77).error_code == 0);
  // INT 0x80, two bytes long.
  guest_event const call{0x80, event_type::software_interrupt, false, 0, 2};
  CHECK(call.word() == 0x8000'0480);
}

TEST_CASE("control registers and MSRs that the host sets at boot", "[golden][control_registers]") {
  // PG, WP, NE, ET, PE; PAE; LME, NXE: what start.S writes.
  CHECK((cr0::f_pg::mask | cr0::f_wp::mask | cr0::f_ne::mask | cr0::f_et::mask | cr0::f_pe::mask) == 0x8001'0031);
  CHECK(cr4::f_pae::mask == 0x20);
  CHECK((efer::f_lme::mask | efer::f_nxe::mask) == (1 << 8 | 1 << 11));
  CHECK(cr0::defined == 0xe005'003f);
  CHECK((cr4::f_smep::mask | cr4::f_smap::mask | cr4::f_umip::mask | cr4::f_osxsave::mask) == 0x0034'0800);
  CHECK((cr4::f_vmxe::mask | cr4::f_la57::mask | cr4::f_pcide::mask) == 0x2'3000);
  CHECK(msr::pat == 0x277);
  CHECK(msr::efer == 0xc000'0080);
}

// SPDX-License-Identifier: BSL-1.0
#include "support/vmx_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <ios>
#include <string>

namespace {
using namespace axhal;
using namespace axhal::test::x86;

TEST_CASE("enabling switches VMX on, forgets, and can be undone") {
  vmx_bench b{{}, false};
  REQUIRE(b.ready);
  CHECK(the_vmx.in_root);
  CHECK((the_vmx.cr0 & 0x8000'0021) == 0x8000'0021);
  CHECK(cr4::f_vmxe::get(the_vmx.cr4));
  CHECK(the_vmx.msrs[msr::feature_control] == 5);
  CHECK(the_vmx.invepts.back() == sim_invalidation{2, 0});
  CHECK(the_vmx.invvpids.back() == sim_invalidation{2, 0});
  auto const f = vmx_bench::extension::probe();
  REQUIRE(f);
  CHECK(*f == virt_features{.vmid_bits = 16, .guest_address_bits = 40, .output_address_bits = 40});
  CHECK(vmx_bench::extension::missing().empty());
  vmx_bench::extension second;
  CHECK(second.enable() == failure{virt_error::wrong_mode});
  CHECK(the_vmx.refused_cr4 == 0);
  b.virt->disable();
  CHECK_FALSE(the_vmx.in_root);
  CHECK_FALSE(cr4::f_vmxe::get(the_vmx.cr4));
  CHECK(the_vmx.unknown_msrs == 0);
}

TEST_CASE("FEATURE_CONTROL is locked with VMX on where firmware has left it open") {
  the_vmx = {};
  the_vmx.msrs[msr::feature_control] = 0;
  vmx_bench::extension virt;
  REQUIRE(virt.enable());
  CHECK(the_vmx.msrs[msr::feature_control] == 5);
}

TEST_CASE("a VMCS holds the host as it is") {
  vmx_bench b;
  CHECK(field(vmcs::host_cr0) == the_vmx.cr0);
  CHECK(field(vmcs::host_cr3) == 0x5000);
  CHECK(field(vmcs::host_cr4) == the_vmx.cr4);
  CHECK(field(vmcs::host_cs_selector) == 8);
  CHECK(field(vmcs::host_ss_selector) == 0x10);
  CHECK(field(vmcs::host_tr_selector) == 0x18);
  CHECK(field(vmcs::host_tr_base) == 0xffff'8000'1234'5678);
  CHECK(field(vmcs::host_fs_base) == 0x1111);
  CHECK(field(vmcs::host_gs_base) == 0x2222);
  CHECK(field(vmcs::host_idtr_base) == 0x7000);
  CHECK(field(vmcs::host_efer) == 0xd01);
  CHECK(field(vmcs::host_rip) == 0x1234'5678);
  CHECK(the_vmx.without_vmcs == 0);
}

TEST_CASE("a VMCS holds its controls, tables and time") {
  vmx_bench b{real_mode_entry(0, 0x7c00), false};
  b.v->time_offset = {0x1000};
  b.v->slice = 3000;
  b.virt->load(*b.v);
  CHECK(field(vmcs::ept_pointer) == 0x901e);
  CHECK(field(vmcs::vpid) == 7);
  CHECK(field(vmcs::tsc_offset) == 0xffff'ffff'ffff'f000);
  CHECK(field(vmcs::pin_based_controls) == 0x7f);
  CHECK(field(vmcs::preemption_timer_value) == 3000);
  CHECK(field(vmcs::exception_bitmap) == 0x6'0002);  // #MC, #AC, #DB
  CHECK(field(vmcs::cr0_guest_host_mask) == 0x6000'0020);
  CHECK((field(vmcs::cr4_guest_host_mask) & 0x2000) != 0);
  CHECK((field(vmcs::msr_bitmaps) & 0xfff) == 0);
  b.virt->put(*b.v);
  b.v->slice = 0;
  b.virt->load(*b.v);
  CHECK(field(vmcs::pin_based_controls) == 0x3f);
  CHECK((field(vmcs::exit_controls) & exit_control::save_preemption_timer) == 0);
}

TEST_CASE("a guest begins with what it was given, in all three modes, and VM entry takes it") {
  struct line {
    guest_entry start;
    std::uint64_t cs_rights, cr0, cr4, efer;
    bool long_mode;
  };
  for (line const& l :
       {line{real_mode_entry(0xf000, 0xfff0), 0x9b, 0x30, 0x2040, 0, false},
        line{protected_mode_entry(0x10'0000, 0, {0x8000}), 0xc09b, 0x31, 0x2040, 0, false},
        line{long_mode_entry(0x10'0000, 0x9000, {0x8000}, {0x2'0000}), 0xa09b, 0x8000'0031, 0x2060, 0x500, true},
        line{plain_start({0x10'0000}, 0x1234), 0xc09b, 0x31, 0x2040, 0, false}}) {
    vmx_bench b{l.start};
    CHECK(field(vmcs::guest_rip) == l.start.rip);
    CHECK(field(vmcs::guest_cs_access_rights) == l.cs_rights);
    CHECK(field(vmcs::guest_cr0) == l.cr0);
    CHECK(field(vmcs::guest_cr4) == l.cr4);
    CHECK(field(vmcs::guest_efer) == l.efer);
    CHECK(((field(vmcs::entry_controls) & 0x200) != 0) == l.long_mode);
    CHECK(field(vmcs::guest_rflags) == 2);
    CHECK(field(vmcs::guest_dr7) == 0x400);
    CHECK(field(vmcs::vmcs_link_pointer) == ~std::uint64_t{0});
    // NE and VMXE are not the guest's
    CHECK(b.context().cr0() == l.start.cr0);
    CHECK(b.context().cr4() == l.start.cr4);
    CHECK(refused_guest_field<sim_vmx_cpu>(b.virt->capabilities()).empty());
  }
  vmx_bench b{plain_start({0x10'0000}, 0x1234)};
  CHECK(b.v->gpr[3] == 0x1234);
}

TEST_CASE("put keeps what exits do not switch, and load gives it back") {
  vmx_bench b;
  for (std::uint32_t n : {msr::star, msr::lstar, msr::cstar, msr::sfmask, msr::kernel_gs_base, msr::tsc_aux}) {
    the_vmx.msrs[n] = 0x100 + n;
  }
  the_vmx.cr2 = 0xc2;
  the_vmx.dr[0] = 0xd0;
  the_vmx.dr[3] = 0xd3;
  the_vmx.dr[6] = 0xd6;
  b.context().set_rip(0x4242);
  b.virt->put(*b.v);
  CHECK(the_vmx.current == 0);
  vmx_bench::vcpu other;
  other.handler = b.h.get();
  other.set_translation({0xa000}, {8});
  other.reset({0x1000}, 1);
  b.virt->load(other);
  CHECK(the_vmx.msrs[msr::lstar] == 0);
  CHECK(the_vmx.msrs[msr::tsc_aux] == 0);
  CHECK(the_vmx.cr2 == 0);
  CHECK(the_vmx.dr[0] == 0);
  CHECK(the_vmx.dr[6] == 0xffff'0ff0);
  b.virt->put(other);
  b.virt->load(*b.v);
  for (std::uint32_t n : {msr::star, msr::lstar, msr::cstar, msr::sfmask, msr::kernel_gs_base, msr::tsc_aux}) {
    CHECK(the_vmx.msrs[n] == 0x100 + n);
  }
  CHECK(the_vmx.cr2 == 0xc2);
  CHECK(the_vmx.dr[0] == 0xd0);
  CHECK(the_vmx.dr[3] == 0xd3);
  CHECK(the_vmx.dr[6] == 0xd6);
  CHECK(b.context().rip() == 0x4242);
}

TEST_CASE("the first entry launches, the next ones resume, and a put vCPU launches again") {
  vmx_bench b;
  CHECK(b.exit(vmx_reason::hlt, 0, 1) == resume::retry);
  CHECK(b.exit(vmx_reason::hlt, 0, 1) == resume::retry);
  b.virt->put(*b.v);
  b.virt->load(*b.v);
  CHECK(b.exit(vmx_reason::hlt, 0, 1) == resume::retry);
  CHECK(b.v->exit_name() == "external interrupt");
}

TEST_CASE("an entry that does not begin is told with the error's name, and the next one is made as it should be") {
  vmx_bench b;
  the_vmx.fails_with = 8;
  b.h->answers[0] = resume::stop;
  CHECK(b.exit(vmx_reason::hlt) == resume::stop);
  CHECK(b.h->seen[0].kind == exit_kind::unknown);
  CHECK(b.v->exit_name() == "VM entry with invalid host-state fields");
  CHECK(b.v->exit_info() == 8);
  b.h->answers[1] = resume::next_instruction;
  CHECK(b.exit(vmx_reason::hlt, 0, 1) == resume::retry);
  CHECK(b.h->seen[1].kind == exit_kind::idle);
  // The fast tier's resume fails
  the_vmx.guest = [&](guest_frame&) {
    set_field(vmcs::exit_reason, 12);
    set_field(vmcs::exit_instruction_length, 1);
    the_vmx.fails_with = 7;
  };
  b.virt->enter(*b.v);
  CHECK(b.v->exit_name() == "VM entry with invalid control fields");
}

TEST_CASE("an entry that refuses the guest's state names the field, and the host goes on") {
  struct line {
    std::uint32_t encoding;
    std::uint64_t value;
    text name;
  };
  for (line const& l : {
           line{vmcs::guest_cr0.encoding, 0x10, "CR0"},         // NE is not set
           line{vmcs::guest_cr0.encoding, 0x8000'0030, "CR0"},  // PG without PE
           line{vmcs::guest_cr4.encoding, 0x40, "CR4"},         // VMXE is not set
           line{vmcs::guest_cr4.encoding, 0xa040, "CR4"},       // bit 15
           line{vmcs::guest_cr4.encoding, 0x2'2040, "CR4.PCIDE outside of IA-32e mode"},
           line{vmcs::guest_cr3.encoding, std::uint64_t{1} << 40, "CR3"},
           line{vmcs::guest_debugctl.encoding, 4, "IA32_DEBUGCTL"},
           line{vmcs::guest_dr7.encoding, std::uint64_t{1} << 32, "DR7"},
           line{vmcs::guest_sysenter_esp.encoding, std::uint64_t{1} << 47, "IA32_SYSENTER_ESP"},
           line{vmcs::guest_sysenter_eip.encoding, std::uint64_t{1} << 63, "IA32_SYSENTER_EIP"},
           line{vmcs::guest_pat.encoding, 2, "IA32_PAT"},
           line{vmcs::guest_efer.encoding, 2, "IA32_EFER"},
           line{vmcs::guest_efer.encoding, 0x400, "IA32_EFER"},  // LMA outside of IA-32e mode
           line{vmcs::entry_controls.encoding, 0xd3ff, "CR0.PG, CR4.PAE of IA-32e mode"},
           line{vmcs::guest_cs_access_rights.encoding, 0x9c, "CS"},
           line{vmcs::guest_cs_access_rights.encoding, 0x1'009b, "CS"},
           line{vmcs::guest_cs_access_rights.encoding, 0xfb, "CS"},  // DPL 3, SS 0
           line{vmcs::guest_cs_base.encoding, std::uint64_t{1} << 32, "CS"},
           line{vmcs::guest_cs_limit.encoding, 0x10'0000, "CS"},  // G is 0
           line{vmcs::guest_ss_access_rights.encoding, 0x9b, "SS"},
           line{vmcs::guest_ss_access_rights.encoding, 0xf3, "CS"},  // both have to agree
           line{vmcs::guest_ds_access_rights.encoding, 0x92, "DS"},  // not accessed
           line{vmcs::guest_es_access_rights.encoding, 0x13, "ES"},  // not present, usable
           line{vmcs::guest_fs_base.encoding, std::uint64_t{1} << 47, "FS"},
           line{vmcs::guest_gs_access_rights.encoding, 0x193, "GS"},  // reserved bit 8
           line{vmcs::guest_tr_access_rights.encoding, 0x89, "TR"},   // available
           line{vmcs::guest_tr_selector.encoding, 4, "TR"},           // in the LDT
           line{vmcs::guest_tr_access_rights.encoding, 0x1'008b, "TR"},
           line{vmcs::guest_ldtr_access_rights.encoding, 0x8b, "LDTR"},
           line{vmcs::guest_gdtr_limit.encoding, 0x1'0000, "GDTR"},
           line{vmcs::guest_idtr_base.encoding, std::uint64_t{1} << 47, "IDTR"},
           line{vmcs::guest_rip.encoding, std::uint64_t{1} << 32, "RIP"},
           line{vmcs::guest_rflags.encoding, 0, "RFLAGS"},
           line{vmcs::guest_rflags.encoding, 0x8002, "RFLAGS"},
           line{vmcs::entry_interruption_information.encoding, 0x8000'0020,
                "RFLAGS.IF of a guest that takes an interrupt"},
           line{vmcs::guest_activity_state.encoding, 4, "activity state"},
           line{vmcs::guest_interruptibility_state.encoding, 1, "interruptibility state"},  // STI, IF 0
           line{vmcs::guest_interruptibility_state.encoding, 0x20, "interruptibility state"},
           line{vmcs::guest_pending_debug_exceptions.encoding, 0x10, "pending debug exceptions"},
           line{vmcs::vmcs_link_pointer.encoding, 0x1000, "VMCS link pointer"},
       }) {
    vmx_bench b;
    sim_vmx_cpu::vmwrite(l.encoding, l.value);
    b.h->answers[0] = resume::stop;
    CHECK(b.exit(0x8000'0021) == resume::stop);
    INFO("encoding " << std::hex << l.encoding << " value " << l.value << " named "
                     << std::string(b.v->refused_field().data, b.v->refused_field().size));
    CHECK(b.v->refused_field() == l.name);
    CHECK(b.h->count == 1);
    CHECK(b.h->seen[0].number == 0x8000'0021);
    CHECK(b.v->exit_name() == "VM entry refused the guest's state");
    // Another state, and it runs.
    b.virt->put(*b.v);
    b.v->set_start(real_mode_entry(0, 0x7c00));
    b.virt->load(*b.v);
    CHECK(b.v->refused_field().empty());
    CHECK(b.exit(vmx_reason::hlt, 0, 1) == resume::retry);
  }
}

TEST_CASE("PDPTEs are looked at with PAE paging alone") {
  vmx_bench b;
  set_field(vmcs::guest_pdpte2, 0x7);  // P with a reserved bit
  CHECK(refused_guest_field<sim_vmx_cpu>(b.virt->capabilities()).empty());
  set_field(vmcs::guest_cr0, 0x8000'0031);
  set_field(vmcs::guest_cr4, 0x2060);
  CHECK(refused_guest_field<sim_vmx_cpu>(b.virt->capabilities()) == "PDPTE");
  set_field(vmcs::guest_pdpte2, 0x6);
  CHECK(refused_guest_field<sim_vmx_cpu>(b.virt->capabilities()).empty());
}

TEST_CASE("other entries that fail have a name as well") {
  vmx_bench b;
  b.h->answers[0] = resume::stop;
  CHECK(b.exit(0x8000'0029) == resume::stop);
  CHECK(b.v->refused_field() == "machine check at VM entry");
}

TEST_CASE("a guest reaches TSC_AUX where it is switched with the guest") {
  for (bool const has : {true, false}) {
    the_vmx = {};
    if (!has) the_vmx.msrs[msr::vmx_procbased_ctls2] &= ~(std::uint64_t{secondary::enable_rdtscp} << 32);
    vmx_bench::extension virt;
    REQUIRE(virt.enable());
    vmx_bench::vcpu v;
    v.set_translation({0x9000}, {7});
    v.reset({0x1000}, 0);
    virt.load(v);
    auto const& map = *reinterpret_cast<vmx_msr_bitmap const*>(field(vmcs::msr_bitmaps));
    CHECK(map.exits(msr::tsc_aux, false) == !has);
    CHECK(map.exits(msr::tsc_aux, true) == !has);
    CHECK_FALSE(map.exits(msr::star, true));
  }
}

TEST_CASE("without VPIDs a guest has tag 0, and the control is off") {
  the_vmx = {};
  the_vmx.msrs[msr::vmx_procbased_ctls2] &= ~(std::uint64_t{secondary::enable_vpid} << 32);
  vmx_bench::extension virt;
  REQUIRE(virt.enable());
  vmx_bench::vcpu v;
  v.set_translation({0x9000}, {7});
  v.reset({0x1000}, 0);
  virt.load(v);
  CHECK((field(vmcs::secondary_controls) & secondary::enable_vpid) == 0);
  vmx_bench::slow{v}.forget_translations();
  CHECK(the_vmx.invvpids.empty());
  CHECK(vmx_bench::extension::probe()->vmid_bits == 0);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include "support/simulated_svm.hpp"

#include <axhal/arch/x86_64/extended_state.hpp>
#include <axhal/arch/x86_64/svm_context.hpp>
#include <axhal/arch/x86_64/svm_events.hpp>
#include <axhal/arch/x86_64/svm_features.hpp>
#include <axhal/arch/x86_64/svm_refusal.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>

using namespace axhal;
using namespace axhal::x86_64;
using namespace axhal::test;
using svm_sim::machine;

namespace {

using slow = svm_context<svm_sim::cpu, exit_tier::slow>;
using fast = svm_context<svm_sim::cpu, exit_tier::fast>;
static_assert(StoppedGuest<slow> && StoppedGuest<fast>);

constexpr svm_features plain{.revision = 1, .asids = 16, .edx = 1, .physical_address_bits = 40};
constexpr std::uint32_t interrupt_30 = 0x8000'0030;
constexpr std::uint32_t nmi_word = 0x8000'0202;

std::unique_ptr<svm_vcpu_state> started(guest_entry const& e = plain_start({0x1000}, 0)) {
  auto v = std::make_unique<svm_vcpu_state>();
  v->here = plain;
  v->set_start(e);
  v->set_translation({0x10'0000}, {1});
  v->block.control.clean = vmcb_clean::all;
  return v;
}
/// An exit from `rip`, as hardware leaves it.
void exits_at(svm_vcpu_state& v, std::uint64_t rip, std::uint32_t exitintinfo = 0, std::uint32_t error = 0) {
  v.block.save.rip = rip;
  v.block.control.exitcode = 0x60;
  v.block.control.eventinj = 0;
  v.block.control.exitintinfo = exitintinfo;
  v.block.control.exitintinfo_error_code = error;
  svm_events::after_exit(v);
}
bool sees_iret(svm_vcpu_state const& v) { return (v.block.control.intercepts[3] >> 20 & 1) != 0; }

}  // namespace

TEST_CASE("what of SVM a CPU has") {
  machine() = svm_sim::state::like_qemu();
  auto const f = find_svm<svm_sim::cpu>();
  REQUIRE(f);
  CHECK(*f == svm_features{1, 16, 0x1001'0001, 40, true});
  CHECK(f->nested_paging());
  CHECK_FALSE(f->nrip_save());
  CHECK_FALSE(f->vmcb_clean());
  CHECK_FALSE(f->flush_by_asid());
  CHECK_FALSE(f->decode_assists());
  CHECK_FALSE(f->pause_filter());
  CHECK(f->asid_bits() == 4);
  CHECK(svm_features{.asids = 15}.asid_bits() == 3);
  CHECK(svm_features{.asids = 0x8000}.asid_bits() == 15);
  CHECK(svm_features{.asids = 0}.asid_bits() == 0);
}

TEST_CASE("what is missing has a name") {
  auto const missing = [] { return find_svm<svm_sim::cpu>().error(); };
  machine() = svm_sim::state::like_qemu();
  machine().leaves[{0x8000'000a, 0}].edx &= ~1U;
  CHECK(missing() == svm_missing{virt_error::missing_part, "nested paging (NPT)"});
  machine() = svm_sim::state::like_qemu();
  machine().leaves[{0x8000'000a, 0}].ebx = 1;
  CHECK(missing() == svm_missing{virt_error::missing_part, "ASIDs for guests"});
  machine().msrs[0xc001'0114] = 0x18;
  CHECK(missing() == svm_missing{virt_error::locked, "SVM is switched off by firmware (VM_CR.SVMDIS)"});
  machine().leaves[{0x8000'0001, 0}].ecx = 0;
  CHECK(missing() == svm_missing{virt_error::absent, "SVM"});
  machine().leaves[{0x8000'0000, 0}].eax = 0x8000'0000;
  CHECK(missing() == svm_missing{virt_error::absent, "SVM"});
  machine().leaves[{0x8000'0000, 0}].eax = 0;
  CHECK(missing() == svm_missing{virt_error::absent, "SVM"});
}

TEST_CASE("states of XSAVE that guests are offered") {
  using s = extended_state;
  machine() = svm_sim::state::like_qemu();
  CHECK(s::offered<svm_sim::cpu>() == 0x207);
  // AVX-512 needs all its parts and AVX; AMX is not offered; what does not fit is not offered
  machine().leaves[{0xd, 0}].eax = 0x6'02e7;
  machine().leaves[{0xd, 5}] = {.eax = 64, .ebx = 1088};
  machine().leaves[{0xd, 6}] = {.eax = 512, .ebx = 1152};
  machine().leaves[{0xd, 7}] = {.eax = 1024, .ebx = 1664};
  CHECK(s::offered<svm_sim::cpu>() == 0x2e7);
  machine().leaves[{0xd, 7}].ebx = 3073;
  CHECK(s::offered<svm_sim::cpu>() == 0x207);
  machine().leaves[{0xd, 7}].ebx = 3072;
  CHECK(s::offered<svm_sim::cpu>() == 0x2e7);
  machine().leaves[{0xd, 2}].eax = 0xffff'ffff;
  CHECK(s::offered<svm_sim::cpu>() == 0x203);
  CHECK(s::enable<svm_sim::cpu>() == 0x203);
  CHECK(machine().cr4 == 0x4'0600);
  machine().leaves[{1, 0}].ecx = 0;
  machine().cr4 = 0;
  CHECK(s::enable<svm_sim::cpu>() == 0);
  CHECK(machine().cr4 == 0x600);
}

TEST_CASE("extended states go on and off the CPU whole, whatever XCR0 says") {
  using log = std::vector<std::string>;
  machine() = svm_sim::state::like_qemu();
  auto const s = std::make_unique<extended_state>();
  s->reset();
  CHECK(s->area[0] == 0x7f);
  CHECK(s->area[1] == 0x03);
  CHECK(s->area[24] == 0x80);
  CHECK(s->area[25] == 0x1f);
  CHECK(s->area[512] == 0);  // XSTATE_BV: all of it is initial
  s->load<svm_sim::cpu>(7, 1);
  CHECK(machine().log == log{"fninit", "xsetbv 7", "xrstor 7", "xsetbv 1"});
  CHECK(machine().xcr0 == 1);
  machine().log.clear();
  CHECK(s->save<svm_sim::cpu>(7) == 1);
  CHECK(machine().log == log{"xsetbv 7", "xsave 7"});
  machine().log.clear();
  s->load<svm_sim::cpu>(7, 7);
  CHECK(s->save<svm_sim::cpu>(7) == 7);
  CHECK(machine().log == log{"fninit", "xsetbv 7", "xrstor 7", "xsave 7"});
  machine().log.clear();
  s->load<svm_sim::cpu>(0, 1);
  CHECK(s->save<svm_sim::cpu>(0) == 1);
  CHECK(machine().log == log{"fninit", "fxrstor", "fxsave"});
}

TEST_CASE("control registers are what the guest believes, and clean bits go with them") {
  auto const v = started();
  slow c{*v};
  vmcb_control& control = v->block.control;

  c.set_efer(0x901);
  CHECK(v->block.save.efer == 0x1901);
  CHECK(c.efer() == 0x901);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::control_registers));
  control.clean = vmcb_clean::all;

  c.set_cr0(0x8000'0033);
  CHECK(v->block.save.cr0 == 0x8000'0033);
  CHECK(control.intercepts[0] == 0x0110'0100);
  c.set_cr0(0xc000'0033);
  CHECK(v->block.save.cr0 == 0x8000'0033);
  CHECK(c.cr0() == 0xc000'0033);
  CHECK(control.intercepts[0] == 0x0111'0101);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::control_registers & ~vmcb_clean::intercepts));
  c.set_cr0(0x8000'0033);
  CHECK(c.cr0() == 0x8000'0033);
  CHECK(control.intercepts[0] == 0x0110'0100);

  control.clean = vmcb_clean::all;
  c.set_cr2(5);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::cr2));
  control.clean = vmcb_clean::all;
  c.set_pat(0x0606'0606'0606'0606);
  CHECK(c.pat() == 0x0606'0606'0606'0606);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::nested));
  control.clean = vmcb_clean::all;
  c.set_cr3(0x5000);
  c.set_cr4(0x20);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::control_registers));
}

TEST_CASE("flushes: one guest's where the CPU can, else everybody's, and the widest stays") {
  auto const v = started();
  slow c{*v};
  auto& asked = v->block.control.tlb_control;
  v->flush_on_entry(false, false);
  CHECK(asked == tlb_control::nothing);
  c.forget_translations();
  CHECK(asked == tlb_control::everything);
  asked = tlb_control::nothing;
  v->here.edx |= 1U << 6;
  c.forget_translations();
  CHECK(asked == tlb_control::guest);
  v->flush_on_entry(true, false);
  CHECK(asked == tlb_control::everything);
  c.forget_translations();
  CHECK(asked == tlb_control::everything);
}

TEST_CASE("the end of an instruction") {
  auto const v = started();
  slow c{*v};
  auto& save = v->block.save;
  v->block.control.interruptibility = 1;
  save.rip = 0xffff'ffff;
  save.rflags = 0x1'0002;
  c.step_over(2);
  CHECK(save.rip == 1);  // 32-bit code
  CHECK(save.rflags == 2);
  CHECK(v->block.control.interruptibility == 0);
  CHECK(v->block.control.eventinj == 0);

  v->set_start(long_mode_entry(0xffff'ffff, 0, {0}, {0}));
  c.step_over(2);
  CHECK(save.rip == 0x1'0000'0001);
  save.rflags = 0x102;
  c.step_over(1);
  CHECK(v->block.control.eventinj == 0x8000'0301);
  CHECK(save.dr6 == 0xffff'4ff0);
  CHECK(save.rflags == 0x102);
}

TEST_CASE("modes by CS and EFER") {
  auto const v = started();
  slow const c{*v};
  CHECK(c.code() == code_size::bits_32);
  v->set_start(startup_entry(1));
  CHECK(c.code() == code_size::bits_16);
  v->set_start(long_mode_entry(0, 0, {0}, {0}));
  CHECK(c.code() == code_size::bits_64);
  v->block.save.of(segment::cs).attributes = 0xc9b;  // compatibility mode
  CHECK(c.code() == code_size::bits_32);
  v->block.save.of(segment::cs).attributes = 0xa9b;  // L means nothing without long mode
  v->block.save.efer = 0x1000;
  CHECK(c.code() == code_size::bits_16);
  v->block.save.cpl = 3;
  CHECK(c.cpl() == 3);
}

TEST_CASE("the fast tier has some registers out of reach, and asks the CPU for segments that are still there") {
  machine() = svm_sim::state::like_qemu();
  auto const v = started();
  v->block_address = {0x1234'5000};
  machine().loaded = v.get();
  machine().gs = {0, 0x93, 0, 0xffff'8000'0000'1000};
  fast f{*v};
  slow const s{*v};
  for (unsigned n = 0; n < 16; ++n) {
    CHECK(s.holds(n));
    CHECK(f.holds(n) == (n != 5 && n < 12));
  }
  CHECK(s.segment_base(segment::gs) == 0);
  CHECK(machine().log.empty());
  CHECK(f.segment_base(segment::ds) == 0);
  CHECK(machine().log.empty());
  CHECK(f.segment_base(segment::gs) == 0xffff'8000'0000'1000);
  CHECK(machine().log == std::vector<std::string>{"vmsave guest"});

  f.set_gpr(0, 10);
  f.set_gpr(4, 14);
  f.set_gpr(11, 21);
  CHECK(v->block.save.rax == 10);
  CHECK(v->block.save.rsp == 14);
  CHECK(v->gpr[11] == 21);
  CHECK(f.gpr(0) == 10);
  CHECK(f.gpr(4) == 14);
  CHECK(f.gpr(11) == 21);
}

TEST_CASE("an interrupt is offered, taken back, and told once when it was taken") {
  auto const v = started();
  slow c{*v};
  vmcb_control& control = v->block.control;
  CHECK_FALSE(c.take_accepted());
  c.offer_interrupt(0x30);
  CHECK(control.v_intr == 0x011f'0100);
  CHECK(control.v_intr_vector == 0x30);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::interrupts));
  CHECK_FALSE(c.take_accepted());
  c.offer_interrupt(0x41);
  CHECK(control.v_intr_vector == 0x41);
  c.withdraw_interrupt();
  CHECK(control.v_intr == 0x011f'0000);
  CHECK_FALSE(c.take_accepted());

  c.offer_interrupt(0x52);
  control.v_intr &= ~0x100U;  // what hardware does
  c.withdraw_interrupt();     // too late
  auto const taken = c.take_accepted();
  CHECK(taken);
  CHECK(taken.vector == 0x52);
  CHECK_FALSE(c.take_accepted());
}

TEST_CASE("the task priority is shown beside what is offered") {
  auto const v = started();
  slow c{*v};
  vmcb_control& control = v->block.control;
  c.offer_interrupt(0x30);
  control.clean = vmcb_clean::all;
  c.show_cr8(15);
  CHECK(control.v_intr == 0x011f'010f);
  CHECK(control.clean == (vmcb_clean::all & ~vmcb_clean::interrupts));
  c.show_cr8(3);
  CHECK(control.v_intr == 0x011f'0103);
  c.show_cr8(16 + 4);
  CHECK(control.v_intr == 0x011f'0104);
}

TEST_CASE("an event that an exit interrupted comes again") {
  auto const v = started();
  exits_at(*v, 0x2000, interrupt_30);
  CHECK(v->block.control.eventinj == interrupt_30);
  CHECK(v->block.control.exitintinfo == 0);
  exits_at(*v, 0x2000, 0x8000'0b0e, 0x13);
  CHECK(v->block.control.eventinj == 0x8000'0b0e);
  CHECK(v->block.control.eventinj_error_code == 0x13);
  // INT n, INT3 and INTO are executed again instead
  for (std::uint32_t const word : {0x8000'0480U, 0x8000'0303U, 0x8000'0304U}) {
    exits_at(*v, 0x2000, word);
    CHECK(v->block.control.eventinj == 0);
  }
  exits_at(*v, 0x2000, interrupt_30 & 0x7fff'ffff);
  CHECK(v->block.control.eventinj == 0);
}

TEST_CASE("an entry that was refused leaves everything for whoever asks why") {
  auto const v = started();
  v->block.control.eventinj = 0x8000'0120;
  v->entered = svm_entry_state::of(v->block);
  v->block.control.exitcode = 0x60;
  CHECK(v->refused_field().empty());
  v->block.control.exitcode = 0xffff'ffff;
  v->block.save.cr0 = 0xdead'0000'0000;  // as some emulators do
  v->block.save.rip = 0;
  svm_events::after_exit(*v);
  CHECK(v->block.control.eventinj == 0x8000'0120);
  CHECK(v->entry_refused());
  CHECK(v->refused_field() == text{"EVENTINJ"});
  CHECK(v->rip() == 0x1000);
}

TEST_CASE("an exception: RF and shadow, GD, and no error code in real mode") {
  auto const v = started();
  slow c{*v};
  auto& save = v->block.save;
  v->block.control.interruptibility = 1;
  save.rflags = 0x202;
  c.raise(exception_event(exception::ud));
  CHECK(save.rflags == 0x1'0202);
  CHECK(v->block.control.interruptibility == 0);

  exits_at(*v, 0x2000);
  save.rflags = 0x302;
  save.dr7 = 0x2400;
  c.step_over(1);
  CHECK(v->block.control.eventinj == 0x8000'0301);
  CHECK(save.rflags == 0x302);
  CHECK(save.dr7 == 0x400);

  v->set_start(startup_entry(1));
  c.raise(exception_event(exception::gp, 0));
  CHECK(v->block.control.eventinj == 0x8000'030d);
}

TEST_CASE("a second exception makes what the architecture makes of two") {
  auto const v = started();
  slow c{*v};
  std::uint32_t const& word = v->block.control.eventinj;
  c.raise(exception_event(exception::gp, 0));
  CHECK(word == 0x8000'0b0d);
  c.raise(exception_event(exception::np, 0x10));
  CHECK(word == 0x8000'0b08);
  CHECK(v->block.control.eventinj_error_code == 0);
  CHECK_FALSE(v->shut_down);
  c.raise(exception_event(exception::gp, 0));
  CHECK(word == 0);
  CHECK(v->shut_down);
  CHECK(v->attention);
}

TEST_CASE("an exception after an interrupt that was on its way replaces it; before an NMI it comes first") {
  auto const v = started();
  slow c{*v};
  exits_at(*v, 0x2000, interrupt_30);
  c.raise(exception_event(exception::pf, 2));
  CHECK(v->block.control.eventinj == 0x8000'0b0e);

  v->set_start(plain_start({0x1000}, 0));
  c.offer_nmi();
  CHECK(v->block.control.eventinj == nmi_word);
  c.raise(exception_event(exception::ud));
  CHECK(v->block.control.eventinj == 0x8000'0306);
  CHECK(v->attention);
  CHECK_FALSE(sees_iret(*v));
  exits_at(*v, 0x3000);
  CHECK(v->block.control.eventinj == nmi_word);
  CHECK_FALSE(v->attention);
}

TEST_CASE("an NMI masks NMIs to the end of its handler's IRET") {
  auto const v = started();
  slow c{*v};
  c.offer_nmi();
  CHECK(v->block.control.eventinj == nmi_word);
  CHECK(sees_iret(*v));
  c.offer_nmi();  // for later
  exits_at(*v, 0x7000);
  CHECK(v->block.control.eventinj == 0);
  CHECK_FALSE(v->attention);
  exits_at(*v, 0x7010);
  svm_events::see_iret(*v);
  CHECK_FALSE(sees_iret(*v));
  CHECK(v->attention);
  exits_at(*v, 0x7010);  // something else, before IRET was executed
  CHECK(v->block.control.eventinj == 0);
  CHECK(v->attention);
  exits_at(*v, 0x1000);
  CHECK(v->block.control.eventinj == nmi_word);
  CHECK(sees_iret(*v));
  CHECK_FALSE(v->attention);
  // and one that was never offered again does not come again
  exits_at(*v, 0x7010);
  svm_events::see_iret(*v);
  exits_at(*v, 0x1000);
  CHECK(v->block.control.eventinj == 0);
  CHECK_FALSE(v->attention);
  CHECK_FALSE(sees_iret(*v));
}

TEST_CASE("an NMI waits for a shadow and for an event that is on its way") {
  auto const v = started();
  slow c{*v};
  v->block.control.interruptibility = 1;
  c.offer_nmi();
  CHECK(v->block.control.eventinj == 0);
  CHECK(v->attention);
  v->block.control.interruptibility = 0;
  exits_at(*v, 0x2000, interrupt_30);
  CHECK(v->block.control.eventinj == interrupt_30);
  CHECK(v->attention);
  exits_at(*v, 0x2000);
  CHECK(v->block.control.eventinj == nmi_word);
  CHECK_FALSE(v->attention);
}

TEST_CASE("an NMI whose delivery was interrupted keeps its mask") {
  auto const v = started();
  slow c{*v};
  c.offer_nmi();
  c.offer_nmi();
  exits_at(*v, 0x1000, nmi_word);
  CHECK(v->block.control.eventinj == nmi_word);
  CHECK(v->interrupts.nmi_pending);
  exits_at(*v, 0x7000);
  CHECK(v->block.control.eventinj == 0);
}

TEST_CASE("an exception in the delivery of an interrupt comes before it, and it is offered again") {
  auto const v = started();
  slow c{*v};
  auto& control = v->block.control;
  for (bool const told : {false, true}) {
    c.offer_interrupt(0x30);
    control.v_intr &= ~v_intr::f_v_irq::mask;  // the guest took it
    control.v_intr_vector = 0;
    exits_at(*v, 0x2000, interrupt_30);
    CHECK(control.eventinj == interrupt_30);
    if (told) CHECK(c.take_accepted());
    c.raise(exception_event(exception::ac, 0));
    CHECK(control.eventinj == 0x8000'0b11);
    CHECK(v_intr::f_v_irq::get(control.v_intr) == !told);
    CHECK(control.v_intr_vector == (told ? 0 : 0x30));
    CHECK_FALSE(c.take_accepted());
    c.withdraw_interrupt();
  }
}

TEST_CASE("every reason for which VMRUN refuses a guest has a name") {
  auto const v = started(long_mode_entry(0x1000, 0, {0}, {0x2000}));
  auto const named = [&](auto&& spoil) {
    auto copy = std::make_unique<svm_vcpu_state>(*v);
    spoil(copy->block);
    return refused_field(svm_entry_state::of(copy->block), copy->block, plain);
  };
  CHECK(named([](vmcb&) {}) == text{"nothing that is known"});
  CHECK(named([](vmcb& b) { b.save.efer = 0; }) == text{"EFER.SVME is zero"});
  CHECK(named([](vmcb& b) { b.save.cr0 |= 1U << 29; }) == text{"CR0.NW is set, CR0.CD is not"});
  CHECK(named([](vmcb& b) { b.save.cr0 |= 3U << 29; }) == text{"nothing that is known"});
  CHECK(named([](vmcb& b) { b.save.cr0 |= 1ULL << 32; }) == text{"CR0[63:32]"});
  CHECK(named([](vmcb& b) { b.save.cr3 |= 1ULL << 40; }) == text{"CR3, reserved bits"});
  CHECK(named([](vmcb& b) { b.save.cr4 |= 1U << 13; }) == text{"CR4, reserved bits"});
  CHECK(named([](vmcb& b) { b.save.cr4 |= 1ULL << 24; }) == text{"CR4, reserved bits"});
  CHECK(named([](vmcb& b) { b.save.cr4 |= 0x0077'0fff; }) == text{"nothing that is known"});
  CHECK(named([](vmcb& b) { b.save.dr6 |= 1ULL << 63; }) == text{"DR6[63:32]"});
  CHECK(named([](vmcb& b) { b.save.dr7 |= 1ULL << 32; }) == text{"DR7[63:32]"});
  CHECK(named([](vmcb& b) { b.save.efer |= 1U << 9; }) == text{"EFER, reserved bits"});
  CHECK(named([](vmcb& b) { b.save.efer |= 1U << 19; }) == text{"EFER, reserved bits"});
  CHECK(named([](vmcb& b) { b.save.efer |= 0x36'f801; }) == text{"nothing that is known"});
  CHECK(named([](vmcb& b) { b.save.cr4 = 0; }) == text{"EFER.LME and CR0.PG without CR4.PAE"});
  CHECK(named([](vmcb& b) { b.save.cr0 &= ~1ULL; }) == text{"EFER.LME and CR0.PG without CR0.PE"});
  CHECK(named([](vmcb& b) { b.save.of(segment::cs).attributes = 0xe9b; }) == text{"CS.L and CS.D are both set"});
  CHECK(named([](vmcb& b) { b.control.intercepts[4] &= ~1U; }) == text{"the VMRUN intercept is not set"});
  CHECK(named([](vmcb& b) { b.control.iopm_base_pa = (1ULL << 40) - 0x2000; }) == text{"IOPM_BASE_PA"});
  CHECK(named([](vmcb& b) { b.control.iopm_base_pa = (1ULL << 40) - 0x3000; }) == text{"nothing that is known"});
  CHECK(named([](vmcb& b) { b.control.msrpm_base_pa = (1ULL << 40) - 0x1000; }) == text{"MSRPM_BASE_PA"});
  CHECK(named([](vmcb& b) { b.control.msrpm_base_pa = ~0xfffULL; }) == text{"MSRPM_BASE_PA"});
  CHECK(named([](vmcb& b) { b.control.guest_asid = 0; }) == text{"the guest's ASID is zero"});
  CHECK(named([](vmcb& b) { b.control.guest_asid = 16; }) == text{"the guest's ASID"});
  CHECK(named([](vmcb& b) { b.save.cr4 |= 1U << 23; }) == text{"CR4.CET without CR0.WP"});
  CHECK(named([](vmcb& b) { b.control.n_cr3 |= 1ULL << 40; }) == text{"N_CR3"});
  CHECK(named([](vmcb& b) { b.save.g_pat = 2; }) == text{"G_PAT"});
  CHECK(named([](vmcb& b) { b.save.g_pat |= 1ULL << 63; }) == text{"G_PAT"});
  for (std::uint32_t const word :
       {0x8000'0100U, 0x8000'0500U, 0x8000'0702U, 0x8000'0320U, 0x8000'0302U, 0x8000'0304U}) {
    CAPTURE(word);
    CHECK(named([&](vmcb& b) { b.control.eventinj = word; }) == text{"EVENTINJ"});
  }
  for (std::uint32_t const word : {0x8000'00ffU, 0x8000'0202U, 0x8000'0b0eU, 0x8000'0480U, 0x0000'0100U}) {
    CAPTURE(word);
    CHECK(named([&](vmcb& b) { b.control.eventinj = word; }) == text{"nothing that is known"});
  }
}

// SPDX-License-Identifier: BSL-1.0
#include "support/vmx_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::test::x86;

static_assert(StoppedGuest<vmx_bench::slow> && StoppedGuest<vmx_bench::fast>);
static_assert(TakesPdptes<vmx_bench::slow>);

constexpr std::uint64_t interrupts_on = 0x202;

[[nodiscard]] bool window() {
  return (field(vmcs::processor_based_controls) & processor_based::interrupt_window_exiting) != 0;
}
[[nodiscard]] bool nmi_window() {
  return (field(vmcs::processor_based_controls) & processor_based::nmi_window_exiting) != 0;
}

TEST_CASE("registers are where each tier has them") {
  vmx_bench b;
  for (unsigned n = 0; n < 16; ++n) {
    CHECK(vmx_bench::slow::holds(n));
    CHECK(vmx_bench::fast::holds(n) == (n != 5 && n < 12));
  }
  auto c = b.context();
  c.set_gpr(4, 0x1234);
  CHECK(field(vmcs::guest_rsp) == 0x1234);
  CHECK(c.gpr(4) == 0x1234);
  c.set_gpr(9, 0x99);
  CHECK(b.v->gpr[9] == 0x99);
  CHECK(c.gpr(9) == 0x99);
}

TEST_CASE("the mode is CS's and EFER's, the privilege level SS's") {
  vmx_bench b;
  auto const c = b.context();
  CHECK(c.code() == code_size::bits_16);
  set_field(vmcs::guest_cs_access_rights, 0xc09b);
  CHECK(c.code() == code_size::bits_32);
  set_field(vmcs::guest_cs_access_rights, 0xa09b);  // L counts in long mode alone
  CHECK(c.code() == code_size::bits_16);
  set_field(vmcs::guest_efer, 0x500);
  CHECK(c.code() == code_size::bits_64);
  set_field(vmcs::guest_ss_access_rights, 0xc0f3);
  CHECK(c.cpl() == 3);
  set_field(vmcs::guest_ss_access_rights, 0x1'0060);  // unusable: DPL counts still
  CHECK(c.cpl() == 3);
  set_field(vmcs::guest_fs_base, 0x5555);
  set_field(vmcs::guest_fs_selector, 0x33);
  set_field(vmcs::guest_fs_limit, 0xffff'ffff);
  set_field(vmcs::guest_fs_access_rights, 0xc0f3);
  CHECK(c.segment_of(segment::fs) == segment_register{0x33, 0xcf3, 0xffff'ffff, 0x5555});
  CHECK(c.segment_base(segment::fs) == 0x5555);
}

TEST_CASE("an instruction's end moves RIP, and ends RF, shadows and a step") {
  vmx_bench b;
  auto c = b.context();
  set_field(vmcs::guest_rip, 0xffff'fffe);
  set_field(vmcs::guest_rflags, 0x1'0002);
  set_field(vmcs::guest_interruptibility_state, 9);  // STI; NMIs stay blocked
  c.step_over(3);
  CHECK(field(vmcs::guest_rip) == 1);
  CHECK(field(vmcs::guest_rflags) == 2);
  CHECK(field(vmcs::guest_interruptibility_state) == 8);
  CHECK(field(vmcs::guest_pending_debug_exceptions) == 0);
  set_field(vmcs::guest_rflags, 0x102);
  c.step_over(2);
  CHECK(field(vmcs::guest_rflags) == 0x102);
  CHECK(field(vmcs::guest_pending_debug_exceptions) == 0x4000);
  set_field(vmcs::guest_rflags, 2);
  set_field(vmcs::guest_efer, 0x500);
  set_field(vmcs::guest_cs_access_rights, 0xa09b);
  set_field(vmcs::guest_rip, 0xffff'fffe);
  c.step_over(3);
  CHECK(field(vmcs::guest_rip) == 0x1'0000'0001);
}

TEST_CASE("a step's exception comes before interrupts and NMIs") {
  vmx_bench b;
  auto c = b.context();
  auto const window = [] { return (field(vmcs::processor_based_controls) & (1U << 2)) != 0; };
  auto const nmi_window = [] { return (field(vmcs::processor_based_controls) & (1U << 22)) != 0; };
  // Placed before the step, ...
  set_field(vmcs::guest_rflags, 0x302);
  c.offer_interrupt(0x30);
  CHECK(vmx_bench::event() == 0x8000'0030);
  c.step_over(2);
  CHECK(field(vmcs::guest_pending_debug_exceptions) == 0x4000);
  CHECK(vmx_bench::event() == 0);
  CHECK(window());
  // ... and offered after it.
  c.offer_interrupt(0x31);
  c.offer_nmi();
  CHECK(vmx_bench::event() == 0);
  CHECK(nmi_window());
  CHECK_FALSE(c.take_accepted());
  // The exception was delivered.
  set_field(vmcs::guest_pending_debug_exceptions, 0);
  c.on_nmi_window();
  CHECK(vmx_bench::event() == 0x8000'0202);
  vmx_bench::delivered();
  CHECK_FALSE(c.on_interrupt_window());
  CHECK(vmx_bench::event() == 0x8000'0031);
}

TEST_CASE("control registers: what the guest wrote is what it reads; hardware has its own bits") {
  vmx_bench b;
  auto c = b.context();
  c.set_cr0(0xe000'0011);  // PG, CD, NW, ET, PE
  CHECK(c.cr0() == 0xe000'0011);
  CHECK(field(vmcs::guest_cr0) == 0x8000'0031);
  CHECK(field(vmcs::cr0_read_shadow) == 0xe000'0011);
  c.set_cr0(0x8000'0031);  // NE as well
  CHECK(c.cr0() == 0x8000'0031);
  // The guest changes what is its own, without an exit
  set_field(vmcs::guest_cr0, 0x8001'003b);
  CHECK(c.cr0() == 0x8001'003b);
  c.set_cr4(0x20);
  CHECK(c.cr4() == 0x20);
  CHECK(field(vmcs::guest_cr4) == (0x2020 | cr4::f_mce::mask));
  the_vmx.cr4 &= ~cr4::f_mce::mask;
  c.set_cr4(0x20 | cr4::f_mce::mask);
  CHECK(c.cr4() == (0x20 | cr4::f_mce::mask));
  c.set_efer(0xd01);
  CHECK(c.efer() == 0xd01);
  CHECK((field(vmcs::entry_controls) & 0x200) != 0);
  c.set_efer(0x100);
  CHECK((field(vmcs::entry_controls) & 0x200) == 0);
  c.set_pdptes({{1, 2, 3, 4}});
  CHECK(field(vmcs::guest_pdpte0) == 1);
  CHECK(field(vmcs::guest_pdpte3) == 4);
  CHECK(vmx_bench::slow::pdpte(2) == 3);
  c.set_cr2(0x77);
  CHECK(the_vmx.cr2 == 0x77);
  c.forget_translations();
  CHECK(the_vmx.invvpids.back() == sim_invalidation{1, 7});
}

TEST_CASE("a raised exception is what the entry delivers; in real mode without its error code") {
  vmx_bench b;
  auto c = b.context();
  c.raise(exception_event(exception::gp, 0));
  CHECK(vmx_bench::event() == 0x8000'030d);
  CHECK((field(vmcs::guest_rflags) & 0x1'0000) != 0);  // RF: a breakpoint on it was taken
  vmx_bench::delivered();
  set_field(vmcs::guest_cr0, 0x31);
  set_field(vmcs::guest_interruptibility_state, 2);
  c.raise(exception_event(exception::pf, 6));
  CHECK(vmx_bench::event() == 0x8000'0b0e);
  CHECK(field(vmcs::entry_exception_error_code) == 6);
  CHECK(field(vmcs::guest_interruptibility_state) == 0);
}

TEST_CASE("an exception that comes while another one is delivered makes what the architecture makes of both") {
  vmx_bench b;
  set_field(vmcs::guest_cr0, 0x31);
  auto c = b.context();
  vmx_bench::interrupted(exception_event(exception::pf, 2));
  CHECK(c.keep_interrupted_event());
  CHECK(vmx_bench::event() == 0x8000'0b0e);
  CHECK(field(vmcs::entry_exception_error_code) == 2);
  c.raise(exception_event(exception::pf, 0));
  CHECK(vmx_bench::event() == 0x8000'0b08);  // #DF
  CHECK_FALSE(b.v->shut_down);
  c.raise(exception_event(exception::gp, 0));
  CHECK(b.v->shut_down);
  CHECK(b.slow_exit(vmx_reason::cpuid, 0, 2) == resume::stop);
  CHECK(b.h->triple_faults == 1);
  CHECK(b.h->count == 0);
}

TEST_CASE("interrupted events are delivered again: their kind, code and length") {
  vmx_bench b;
  set_field(vmcs::guest_cr0, 0x31);
  auto c = b.context();
  vmx_bench::interrupted({.vector = 0x80, .type = event_type::software_interrupt});
  set_field(vmcs::exit_instruction_length, 2);
  c.keep_interrupted_event();
  CHECK(vmx_bench::event() == 0x8000'0480);
  CHECK(field(vmcs::entry_instruction_length) == 2);
  vmx_bench::interrupted(nmi_event());
  set_field(vmcs::guest_interruptibility_state, 8);
  c.keep_interrupted_event();
  CHECK(vmx_bench::event() == 0x8000'0202);
  CHECK(field(vmcs::guest_interruptibility_state) == 0);
  set_field(vmcs::idt_vectoring_information, 0);
  CHECK_FALSE(c.keep_interrupted_event());
}

TEST_CASE("an offered interrupt is taken at once, or waits for its window") {
  vmx_bench b;
  auto c = b.context();
  c.offer_interrupt(0x20);  // IF is 0
  CHECK(window());
  CHECK(vmx_bench::event() == 0);
  CHECK_FALSE(c.take_accepted());
  set_field(vmcs::guest_rflags, interrupts_on);
  CHECK(b.slow_exit(vmx_reason::interrupt_window) == resume::retry);
  CHECK_FALSE(window());
  CHECK(vmx_bench::event() == 0x8000'0020);
  CHECK_FALSE(c.take_accepted());
  vmx_bench::delivered();
  auto const taken = c.take_accepted();
  CHECK(taken.any);
  CHECK(taken.vector == 0x20);
  CHECK_FALSE(c.take_accepted());
  // Another one replaces what was not taken, whether it waits or is placed
  c.offer_interrupt(0x30);
  CHECK(vmx_bench::event() == 0x8000'0030);
  c.offer_interrupt(0x31);
  CHECK(vmx_bench::event() == 0x8000'0031);
  c.withdraw_interrupt();
  CHECK(vmx_bench::event() == 0);
  CHECK_FALSE(c.take_accepted());
  set_field(vmcs::guest_interruptibility_state, 1);
  c.offer_interrupt(0x32);
  CHECK(window());
  c.withdraw_interrupt();
  CHECK_FALSE(window());
  set_field(vmcs::guest_interruptibility_state, 0);
  CHECK_FALSE(c.on_interrupt_window());
  CHECK(vmx_bench::event() == 0);
}

TEST_CASE("an offer that was placed makes room for an exception, and waits") {
  vmx_bench b;
  set_field(vmcs::guest_rflags, interrupts_on);
  auto c = b.context();
  c.offer_interrupt(0x20);
  c.raise(exception_event(exception::gp, 0));
  CHECK(vmx_bench::event() == 0x8000'030d);
  CHECK(window());
  vmx_bench::delivered();
  CHECK_FALSE(c.take_accepted());
  CHECK_FALSE(c.on_interrupt_window());
  CHECK(vmx_bench::event() == 0x8000'0020);
}

TEST_CASE("an interrupt whose delivery was interrupted was accepted, and is delivered again") {
  vmx_bench b;
  set_field(vmcs::guest_rflags, interrupts_on);
  auto c = b.context();
  c.offer_interrupt(0x20);
  vmx_bench::delivered();
  vmx_bench::interrupted(interrupt_event(0x20));
  c.keep_interrupted_event();
  CHECK(vmx_bench::event() == 0x8000'0020);
  auto const taken = c.take_accepted();
  CHECK(taken.any);
  CHECK(taken.vector == 0x20);
  // It is no offer any more: what is offered now waits behind it, and a withdrawal leaves it
  c.offer_interrupt(0x21);
  CHECK(window());
  c.withdraw_interrupt();
  CHECK(vmx_bench::event() == 0x8000'0020);
}

TEST_CASE("an exception in the delivery of an interrupt or an NMI comes before it") {
  vmx_bench b{real_mode_entry(0, 0x7c00)};
  set_field(vmcs::guest_rflags, interrupts_on);
  set_field(vmcs::guest_cr0, 0x31);
  auto c = b.context();
  c.offer_interrupt(0x20);
  vmx_bench::delivered();
  vmx_bench::interrupted(interrupt_event(0x20));
  c.keep_interrupted_event();
  c.raise(exception_event(exception::ac, 0));
  CHECK(vmx_bench::event() == 0x8000'0b11);
  CHECK(window());
  CHECK_FALSE(c.take_accepted());
  vmx_bench::delivered();
  CHECK_FALSE(c.on_interrupt_window());
  CHECK(vmx_bench::event() == 0x8000'0020);
  // The controller was told: it is not offered again.
  vmx_bench::delivered();
  vmx_bench::interrupted(interrupt_event(0x20));
  c.keep_interrupted_event();
  CHECK(c.take_accepted());
  c.raise(exception_event(exception::ac, 0));
  CHECK(vmx_bench::event() == 0x8000'0b11);
  CHECK_FALSE(window());

  vmx_bench::delivered();
  c.offer_nmi();
  vmx_bench::delivered();
  vmx_bench::interrupted(nmi_event());
  c.keep_interrupted_event();
  c.raise(exception_event(exception::ac, 0));
  CHECK(vmx_bench::event() == 0x8000'0b11);
  vmx_bench::delivered();
  c.on_nmi_window();
  CHECK(vmx_bench::event() == 0x8000'0202);
}

TEST_CASE("an interrupt that was taken and not asked for is told when another one is offered") {
  vmx_bench b;
  set_field(vmcs::guest_rflags, interrupts_on);
  auto c = b.context();
  c.offer_interrupt(0x20);
  vmx_bench::delivered();
  c.offer_interrupt(0x21);
  CHECK(c.take_accepted().vector == 0x20);
  CHECK_FALSE(c.take_accepted());
  vmx_bench::delivered();
  CHECK(c.take_accepted().vector == 0x21);
  // An exception of an exit after the interrupt was taken is no second event
  c.offer_interrupt(0x22);
  vmx_bench::delivered();
  c.raise(exception_event(exception::gp, 0));
  CHECK(vmx_bench::event() == 0x8000'030d);
  CHECK_FALSE(window());
  CHECK(c.take_accepted().vector == 0x22);
}

TEST_CASE("an offered NMI is taken at once, or after the one that is handled") {
  vmx_bench b;
  auto c = b.context();
  c.offer_nmi();
  CHECK(vmx_bench::event() == 0x8000'0202);
  c.offer_nmi();  // the same
  CHECK_FALSE(nmi_window());
  vmx_bench::delivered();
  set_field(vmcs::guest_interruptibility_state, 8);
  c.offer_nmi();
  CHECK(nmi_window());
  CHECK((vmx_bench::event() & 0x8000'0000) == 0);
  set_field(vmcs::guest_interruptibility_state, 0);
  CHECK(b.slow_exit(vmx_reason::nmi_window) == resume::retry);
  CHECK_FALSE(nmi_window());
  CHECK(vmx_bench::event() == 0x8000'0202);
  // An exception comes first
  c.raise(exception_event(exception::ud));
  CHECK(vmx_bench::event() == 0x8000'0306);
  CHECK(nmi_window());
  vmx_bench::delivered();
  c.on_nmi_window();
  CHECK(vmx_bench::event() == 0x8000'0202);
  // Taken: one exception later, or two, do not bring it back
  vmx_bench::delivered();
  c.raise(exception_event(exception::ud));
  CHECK_FALSE(nmi_window());
  c.raise(exception_event(exception::gp, 0));
  CHECK_FALSE(nmi_window());
}

TEST_CASE("offers outlive a rest, windows too; a new start forgets them") {
  vmx_bench b;
  auto c = b.context();
  c.offer_interrupt(0x20);
  b.virt->put(*b.v);
  b.virt->load(*b.v);
  CHECK(window());
  b.virt->put(*b.v);
  b.v->set_start(real_mode_entry(0, 0x7c00));
  b.virt->load(*b.v);
  CHECK_FALSE(window());
  CHECK_FALSE(c.take_accepted());
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/event_merge.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>
#include <axhal/arch/x86_64/vmcb.hpp>

#include <cstdint>

/// How a stopped guest is given events, by EVENTINJ and by virtual interrupts (AMD64 APM vol. 2, "Event Injection",
/// "Interrupt and Local APIC Support").
///
/// Exceptions, NMIs and what an exit interrupted go through EVENTINJ, one at a time. Interrupts are offered with V_IRQ:
/// hardware waits for IF and the interrupt shadow by itself and clears the bit when the guest takes one. So no exit is
/// needed to find the moment, unless the host wants to know it.
///
/// NMIs are masked from the delivery of one to the end of the IRET that follows. Until then IRET stops the guest; it is
/// executed after that exit, and the next exit from another place ends the mask.
namespace axhal::x86_64::svm_events {

/// In real mode no event pushes an error code.
[[gnu::always_inline]] constexpr void inject(svm_vcpu_state& v, guest_event const& e) {
  bool const protected_mode = cr0::f_pe::get(v.block.save.cr0);
  v.block.control.eventinj = protected_mode ? e.word() : e.word() & ~event_word::f_error_code_valid::mask;
  v.block.control.eventinj_error_code = e.error_code;
}
[[nodiscard, gnu::always_inline]] constexpr bool is_injecting(svm_vcpu_state const& v) {
  return event_word::f_valid::get(v.block.control.eventinj);
}

/// An exit has to look after NMIs: one waits, and nothing but the moment is in its way, or its handler may have ended.
constexpr void settle_attention(svm_vcpu_state& v) {
  svm_interrupts const& i = v.interrupts;
  v.attention = v.shut_down || i.iret_seen || (i.nmi_pending && !i.nmi_masked);
}

/// Injects the NMI that waits, if this is the moment.
constexpr void deliver_nmi(svm_vcpu_state& v) {
  svm_interrupts& i = v.interrupts;
  bool const shadow = guest_interruptibility::f_interrupt_shadow::get(v.block.control.interruptibility);
  if (i.nmi_pending && !i.nmi_masked && !shadow && !is_injecting(v)) {
    inject(v, nmi_event());
    i.nmi_pending = false;
    i.nmi_masked = true;
    set_intercept(v.block.control, svm_exit::iret, true);
  }
  settle_attention(v);
}

/// An interrupt whose delivery meets an exception is offered again, unless somebody was told that the guest has it.
constexpr void offer_again(svm_vcpu_state& v, guest_event const& e) {
  vmcb_control& c = v.block.control;
  bool const untold = v.interrupts.offered && v.interrupts.vector == e.vector && !v_intr::f_v_irq::get(c.v_intr);
  if (e.type != event_type::external_interrupt || !untold) return;
  c.v_intr |= v_intr::f_v_irq::mask;
  c.v_intr_vector = e.vector;
  c.clean &= ~vmcb_clean::interrupts;
}

/// An exception while another event waits for the entry. An NMI waits once more, and so does an interrupt; with all
/// others the architecture has its rules (`merge`), and at their end the guest shuts down.
constexpr void raise_second(svm_vcpu_state& v, guest_event const& e) {
  auto const first = guest_event::of(v.block.control.eventinj, v.block.control.eventinj_error_code);
  if (first.type == event_type::nmi) {
    v.interrupts.nmi_pending = true;
    v.interrupts.nmi_masked = false;
    set_intercept(v.block.control, svm_exit::iret, false);
    inject(v, e);
  } else if (auto const both = merge(first, e); both) {
    offer_again(v, first);
    inject(v, *both);
  } else {
    v.block.control.eventinj = 0;
    v.shut_down = true;
  }
  settle_attention(v);
}
/// What goes with an exception, and is not done by its injection: the interrupt shadow ends, and a fault sets RF in
/// what it pushes, so that a breakpoint on the instruction is not taken again (AMD64 APM vol. 2, "Resume Flag (RF)
/// Bit").
[[gnu::always_inline]] constexpr void raise(svm_vcpu_state& v, guest_event const& e) {
  v.block.control.interruptibility = 0;
  if (e.vector != static_cast<std::uint8_t>(exception::db)) v.block.save.rflags |= rflags::f_rf::mask;
  if (is_injecting(v)) [[unlikely]]
    return raise_second(v, e);
  inject(v, e);
}

/// An event that an exit interrupted is delivered by executing its instruction again: INT n, INT3, INTO. RIP is still
/// there (the manual's "EXITINTINFO" has type 3 for the last two).
[[nodiscard]] constexpr bool comes_again_by_itself(guest_event const& e) {
  if (e.type == event_type::software_interrupt) return true;
  bool const by_instruction =
      e.vector == static_cast<std::uint8_t>(exception::bp) || e.vector == static_cast<std::uint8_t>(exception::of);
  return e.type == event_type::hardware_exception && by_instruction;
}

/// After an exit, before anybody looks at it: an event that it interrupted is injected again, and NMIs are looked
/// after. An entry that was refused has done nothing, and leaves everything as it was.
constexpr void after_exit(svm_vcpu_state& v) {
  v.delivering = false;
  if (v.entry_refused()) return;
  svm_interrupts& i = v.interrupts;
  if (i.iret_seen && v.block.save.rip != i.iret_rip) {
    i.iret_seen = false;
    i.nmi_masked = false;
  }
  vmcb_control& c = v.block.control;
  if (event_word::f_valid::get(c.exitintinfo)) {
    v.delivering = true;
    auto const e = guest_event::of(c.exitintinfo, c.exitintinfo_error_code);
    if (!comes_again_by_itself(e)) inject(v, e);
    c.exitintinfo = 0;
  }
  deliver_nmi(v);
}

/// IRET, which is about to end an NMI's handler.
constexpr void see_iret(svm_vcpu_state& v) {
  v.interrupts.iret_seen = true;
  v.interrupts.iret_rip = v.block.save.rip;
  set_intercept(v.block.control, svm_exit::iret, false);
  settle_attention(v);
}

constexpr void offer_interrupt(svm_vcpu_state& v, std::uint8_t vector) {
  vmcb_control& c = v.block.control;
  c.v_intr |= v_intr::f_v_irq::mask;
  c.v_intr_vector = vector;
  c.clean &= ~vmcb_clean::interrupts;
  v.interrupts.offered = true;
  v.interrupts.vector = vector;
}
/// What was taken already stays taken, and is told by `take_accepted`.
constexpr void withdraw_interrupt(svm_vcpu_state& v) {
  vmcb_control& c = v.block.control;
  if (!v_intr::f_v_irq::get(c.v_intr)) return;
  c.v_intr &= ~v_intr::f_v_irq::mask;
  c.clean &= ~vmcb_clean::interrupts;
  v.interrupts.offered = false;
}
[[nodiscard]] constexpr accepted_interrupt take_accepted(svm_vcpu_state& v) {
  if (!v.interrupts.offered || v_intr::f_v_irq::get(v.block.control.v_intr)) return {};
  v.interrupts.offered = false;
  return {true, v.interrupts.vector};
}
/// Whether the host is told that the guest takes what was offered: VINTR stops it just before.
constexpr void request_room_event(svm_vcpu_state& v, bool on) {
  if (v.interrupts.wants_room == on) return;
  v.interrupts.wants_room = on;
  set_intercept(v.block.control, svm_exit::vintr, on);
}
/// The guest was stopped where it would have taken what was offered: the next entry gives it, and the offer is over.
/// False when something else comes first; then the same exit comes again.
[[nodiscard]] constexpr bool give_offered(svm_vcpu_state& v) {
  vmcb_control& c = v.block.control;
  if (is_injecting(v) || !v_intr::f_v_irq::get(c.v_intr)) return false;
  inject(v, interrupt_event(v.interrupts.vector));
  c.v_intr &= ~v_intr::f_v_irq::mask;
  c.clean &= ~vmcb_clean::interrupts;
  return true;
}
constexpr void offer_nmi(svm_vcpu_state& v) {
  v.interrupts.nmi_pending = true;
  deliver_nmi(v);
}

}  // namespace axhal::x86_64::svm_events

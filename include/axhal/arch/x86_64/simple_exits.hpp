// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

/// Instructions that stop a guest and have no operands. Each answer is `retry` with everything done, or what the
/// handler said; `length` is the instruction's, in bytes.
namespace axhal::x86_64 {

/// VMCALL, VMMCALL. Like a system call the hypervisor's is for the guest's kernel: from CPL 1 to 3 the instruction does
/// not exist.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::hypercall>
[[gnu::always_inline]] constexpr resume answer_hypercall(C& c, H& handler, unsigned length) {
  if (c.cpl() != 0) [[unlikely]] {
    c.raise(exception_event(exception::ud));
    return resume::retry;
  }
  guest_view<C> guest{c};
  return detail::stepped(c, handler(guest, exit::hypercall{guest.call_number(), 0, false}), length);
}

/// `answer_hypercall` for a handler that `AnswersAtOnce`: false, and nothing has happened, when this call is not one of
/// those.
template <StoppedGuest C, typename H>
  requires AnswersAtOnce<H, guest_view<C>>
[[gnu::always_inline]] constexpr bool answer_hypercall_at_once(C& c, H& handler, unsigned length) {
  if (c.cpl() != 0) return false;
  guest_view<C> guest{c};
  if (!handler.answer_at_once(guest, exit::hypercall{guest.call_number(), 0, false})) return false;
  c.step_over(length);
  return true;
}

/// HLT. The guest is behind it once the handler said `next_instruction`, and waits or not as the handler likes.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::idle>
constexpr resume answer_hlt(C& c, H& handler, unsigned length) {
  guest_view<C> guest{c};
  return detail::stepped(c, handler(guest, exit::idle{}), length);
}

/// PAUSE.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::yield>
constexpr resume answer_pause(C& c, H& handler, unsigned length) {
  guest_view<C> guest{c};
  return detail::stepped(c, handler(guest, exit::yield{}), length);
}

}  // namespace axhal::x86_64

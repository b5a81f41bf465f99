// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/cpuid_exit.hpp>
#include <axhal/arch/x86_64/device_access_exit.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/msr_exit.hpp>
#include <axhal/arch/x86_64/operand_memory.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/arch/x86_64/simple_exits.hpp>
#include <axhal/arch/x86_64/string_port_exit.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_context.hpp>
#include <axhal/arch/x86_64/vmx_errors.hpp>
#include <axhal/arch/x86_64/vmx_qualification.hpp>
#include <axhal/arch/x86_64/xsetbv_exit.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>

/// What an exit of VT-x means, and who answers it.
namespace axhal::x86_64 {

/// The exceptions of a guest that are exits: machine checks, which are the host's; and alignment checks and debug
/// exceptions, since a guest can make the delivery of one raise the next, for ever and with no instruction between
/// where an interrupt could be taken. Those two are given back to the guest.
inline constexpr std::uint32_t vmx_exception_bitmap = 1U << static_cast<unsigned>(exception::mc) |
                                                      1U << static_cast<unsigned>(exception::ac) |
                                                      1U << static_cast<unsigned>(exception::db);

namespace detail {

/// A guest of VT-x whose exit is answered.
template <typename I, typename Host, typename C, typename H>
struct vmx_answer {
  C& c;
  H& handler;

  [[nodiscard]] static unsigned length() { return vmcs_get<I>(vmcs::exit_instruction_length); }
  [[nodiscard]] static std::uint64_t qualification() { return vmcs_get<I>(vmcs::exit_qualification); }

  /// An exit with nothing to step over.
  template <typename E>
  resume told(E const& e) {
    guest_view<C> guest{c};
    auto const answer = handler(guest, e);
    return answer == resume::next_instruction ? resume::retry : answer;
  }
  /// The guest does not have this instruction.
  resume refuse(std::uint32_t word) {
    guest_view<C> guest{c};
    return stepped(c, handler(guest, exit::refused_instruction{word}), length());
  }
  resume step() {
    c.step_over(length());
    return resume::retry;
  }

  /// The guest's end, when it is one that the architecture knows.
  resume triple_fault(std::uint32_t word) {
    guest_view<C> guest{c};
    if constexpr (is_fast<H>) {
      return resume::slow;
    } else if constexpr (requires {
                           { handler.triple_fault(guest) } -> std::same_as<resume>;
                         }) {
      auto const answer = handler.triple_fault(guest);
      return answer == resume::next_instruction ? resume::retry : answer;
    } else {
      return told(exit::unknown{word});
    }
  }

  [[gnu::always_inline]] resume port() {
    std::uint64_t const q = qualification();
    unsigned const n = length();
    if (!vmx_io::f_string::get(q)) [[likely]]
      return answer_port(c, handler, port_access_of(q, 0), n);
    if constexpr (is_fast<H>) {
      return resume::slow;
    } else {
      guest_view<C> guest{c};
      operand_memory memory{c, guest, handler};
      return string_port(c, memory, handler, port_access_of(q, vmcs_get<I>(vmcs::exit_instruction_information)), n);
    }
  }

  resume control_register() {
    std::uint64_t const q = qualification();
    unsigned const number = vmx_cr_access::f_number::get(q);
    unsigned const gpr = vmx_cr_access::f_gpr::get(q);
    switch (vmx_cr_access::f_type::get(q)) {
      case vmx_cr_access::kind::write:
        if (!c.holds(gpr)) return resume::slow;
        return answer_cr_write(c, handler, number, c.gpr(gpr), length());
      case vmx_cr_access::kind::read: return answer_cr_read(c, handler, number, gpr, length());
      case vmx_cr_access::kind::clts: return answer_clts(c, handler, length());
      case vmx_cr_access::kind::lmsw: break;
    }
    return answer_lmsw(c, handler, vmx_cr_access::f_lmsw_source::get(q), length());
  }

  /// Device accesses, unless an event was being delivered: then there is no instruction to do.
  [[gnu::always_inline]] resume ept_violation() {
    std::uint64_t const q = qualification();
    bool const delivering = c.keep_interrupted_event();
    if (!delivering && vmx_ept_violation::f_nmi_unblocked::get(q)) c.block_nmis_again();
    nested_fault const fault = nested_fault_of(q, {vmcs_get<I>(vmcs::guest_physical_address)});
    if (!delivering) return answer_device_access(c, handler, fault);
    guest_view<C> guest{c};
    return told_as_fault(guest, handler, fault);
  }

  /// NMIs are the host's, and have been taken from it by the exit.
  resume exception_or_nmi() {
    std::uint32_t const word = vmcs_get<I>(vmcs::exit_interruption_information);
    // The host takes it once: where the exit is told is the slow tier's matter.
    if constexpr (is_fast<H>) {
      return resume::slow;
    } else {
      bool const delivering = c.keep_interrupted_event();
      if (!delivering && vmx_interruption::f_nmi_unblocked::get(word) &&
          event_word::f_vector::get(word) != static_cast<std::uint8_t>(exception::df)) {
        c.block_nmis_again();
      }
      if (event_word::f_type::get(word) == event_type::nmi) {
        Host::take_nmi();
        return told(exit::host_interrupt{});
      }
      return exception_of_guest(word);
    }
  }
  resume exception_of_guest(std::uint32_t word) {
    switch (static_cast<exception>(event_word::f_vector::get(word))) {
      case exception::mc: return told(exit::host_error{word});
      case exception::ac: c.raise(exception_event(exception::ac, 0)); return resume::retry;
      case exception::db: return debug_exception(word);
      default: return told(exit::unknown{word});
    }
  }
  /// What delivery would have done to DR6 and DR7 is done here ("Exit Qualification for Debug Exceptions"; "Debug
  /// Control Register (DR7)": GD is cleared whatever the reason). INT1 says nothing in DR6, and RIP is still there.
  resume debug_exception(std::uint32_t word) {
    guest_event e = exception_event(exception::db);
    e.type = event_word::f_type::get(word);
    if (e.type == event_type::privileged_software_exception) {
      e.length = static_cast<std::uint8_t>(length());
    } else {
      e.type = event_type::hardware_exception;
      I::template write_dr<6>(vmx_debug::dr6_after(I::template read_dr<6>(), qualification()));
    }
    vmcs_set<I>(vmcs::guest_dr7, vmcs_get<I>(vmcs::guest_dr7) & ~vmx_debug::dr7_gd);
    vmcs_set<I>(vmcs::guest_pending_debug_exceptions, 0);
    c.raise(e);
    return resume::retry;
  }

  /// A constant `word` leaves one case.
  [[gnu::always_inline]] resume run(std::uint32_t word) {
    if ((word & (vmx_exit_word::entry_failed | vmx_exit_word::instruction_failed)) != 0) {
      if constexpr (is_fast<H>) return resume::slow;
      return told(exit::unknown{word});
    }
    switch (vmx_exit_word::basic(word)) {
      case vmx_reason::vmcall: return answer_hypercall(c, handler, length());
      case vmx_reason::io_instruction: return port();
      case vmx_reason::ept_violation: return ept_violation();
      case vmx_reason::cpuid: return answer_cpuid<I>(c, handler, length());
      case vmx_reason::rdmsr: return answer_rdmsr(c, handler, length());
      case vmx_reason::wrmsr: return answer_wrmsr(c, handler, length());
      case vmx_reason::hlt: return answer_hlt(c, handler, length());
      case vmx_reason::pause: return answer_pause(c, handler, length());
      case vmx_reason::control_register: return control_register();
      case vmx_reason::xsetbv: return answer_xsetbv<I>(c, handler, length());
      case vmx_reason::interrupt_window: return c.on_interrupt_window() ? told(exit::host_interrupt{}) : resume::retry;
      case vmx_reason::nmi_window: c.on_nmi_window(); return resume::retry;
      case vmx_reason::external_interrupt: c.keep_interrupted_event(); return told(exit::host_interrupt{});
      case vmx_reason::preemption_timer:
        c.keep_interrupted_event();
        vmcs_set<I>(vmcs::preemption_timer_value, c.state().timer_value);
        return told(exit::host_interrupt{});
      case vmx_reason::exception_or_nmi: return exception_or_nmi();
      case vmx_reason::triple_fault: return triple_fault(word);
      // No guest has devices of the host: its memory is coherent without, and INVD must not lose the host's stores.
      case vmx_reason::invd:
      case vmx_reason::wbinvd: return step();
      case vmx_reason::rdpmc: return refused(c);  // there is no counter
      case vmx_reason::monitor:
      case vmx_reason::mwait:
      case vmx_reason::getsec:
      case vmx_reason::vmclear:
      case vmx_reason::vmlaunch:
      case vmx_reason::vmptrld:
      case vmx_reason::vmptrst:
      case vmx_reason::vmread:
      case vmx_reason::vmresume:
      case vmx_reason::vmwrite:
      case vmx_reason::vmxoff:
      case vmx_reason::vmxon:
      case vmx_reason::invept:
      case vmx_reason::invvpid:
      case vmx_reason::vmfunc:
      case vmx_reason::encls:
      case vmx_reason::xsaves:
      case vmx_reason::xrstors: return refuse(word);
      case vmx_reason::ept_misconfiguration: return told(exit::host_error{word});
      default: break;
    }
    // Task switches among them: nothing of the guest has changed, and no program that this backend is for makes them.
    c.keep_interrupted_event();
    return told(exit::unknown{word});
  }
};

}  // namespace detail

/// Answers the exit whose exit-reason field is `word`, of the guest whose VMCS is current. `I` are the CPU's
/// instructions; `Host::take_nmi()` has the host take an NMI that an exit has kept from it. In either tier; in the fast
/// one `slow` means that the slow tier can be asked the same again.
///
/// A handler with `triple_fault(guest) -> resume` is told of a guest that cannot be told of its faults any more; for
/// others that is `exit::unknown`, as are task switches and entries that the CPU refused, with `word` (`vmx_state` has
/// their names).
template <typename I, typename Host, typename C, typename H>
[[gnu::always_inline]] inline resume answer_vmx_exit(C c, H& handler, std::uint32_t word) {
  detail::vmx_answer<I, Host, C, H> answer{c, handler};
  // A fast tier has never answered `retry` with this set.
  if constexpr (!is_fast<H>) {
    if (c.state().shut_down) return answer.triple_fault(static_cast<std::uint32_t>(vmx_reason::triple_fault));
  }
  return answer.run(word);
}

}  // namespace axhal::x86_64

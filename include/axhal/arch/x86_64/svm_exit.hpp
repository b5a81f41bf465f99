// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/cpuid_exit.hpp>
#include <axhal/arch/x86_64/device_access_exit.hpp>
#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_fetch.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/intercepted_instruction.hpp>
#include <axhal/arch/x86_64/intercepted_length.hpp>
#include <axhal/arch/x86_64/msr_exit.hpp>
#include <axhal/arch/x86_64/operand_memory.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/arch/x86_64/simple_exits.hpp>
#include <axhal/arch/x86_64/string_port_exit.hpp>
#include <axhal/arch/x86_64/svm_context.hpp>
#include <axhal/arch/x86_64/svm_events.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/xsetbv_exit.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

/// What the exits of SVM mean. `C` is an `svm_context`. Answers are `retry` with everything done, or the handler's
/// `stop`, or in a fast tier `slow` with nothing done.
namespace axhal::x86_64 {

/// A handler that wants to know of a guest's triple fault: `triple_fault(guest) -> resume`. Others are told
/// `exit::unknown` with the exit code of SHUTDOWN. The guest cannot go on but by a reset.
template <typename H, typename Guest>
concept HearsTripleFaults = requires(H& h, Guest& guest) {
  { h.triple_fault(guest) } -> std::same_as<resume>;
};

namespace svm_exits {

/// The length of the instruction that stopped the guest, a `what`: from hardware where it tells the next RIP, else from
/// the guest's memory. The failure is the answer to the exit.
template <typename C, typename H>
[[nodiscard, gnu::always_inline]] inline result<unsigned, resume> length(C& c, H& handler, intercepted what) {
  if (c.vcpu->here.nrip_save()) return static_cast<unsigned>((c.control().nrip - c.rip()) & 15);
  return intercepted_length(c, handler, what);
}

/// Port accesses tell where the guest goes on, with nRIP save and without ("IOIO Intercept Information"). INS and OUTS
/// do not tell all that matters without decode assists, so their instruction is read in any case.
template <typename C, typename H>
[[gnu::always_inline]] inline resume port(C& c, H& handler) {
  std::uint64_t const info = c.control().exitinfo1;
  if (ioio_info::f_str::get(info)) [[unlikely]] {
    if constexpr (is_fast<H>) {
      return resume::slow;
    } else {
      bool const in = ioio_info::f_type::get(info);
      auto const i = intercepted_at_rip(c, handler, in ? intercepted::ins : intercepted::outs);
      if (!i) return i.error();
      // Another CPU of the guest has changed it: this one's permission was checked for another width.
      if (i->size != ioio_info::f_size::get(info)) return resume::retry;
      port_access const a{.port = ioio_info::f_port::get(info),
                          .size = i->size,
                          .in = in,
                          .string = true,
                          .repeated = i->rep != repeat::none,
                          .address_size = i->memory.address_size,
                          .seg = i->memory.seg};
      guest_view<C> guest{c};
      operand_memory memory{c, guest, handler};
      return string_port(c, memory, handler, a, i->length);
    }
  }
  port_access const a{
      .port = ioio_info::f_port::get(info), .size = ioio_info::f_size::get(info), .in = ioio_info::f_type::get(info)};
  return answer_port(c, handler, a, static_cast<unsigned>((c.control().exitinfo2 - c.rip()) & 15));
}

/// Device accesses, unless an event was being delivered: then there is no instruction to do.
template <typename C, typename H>
[[gnu::always_inline]] inline resume nested_page_fault(C& c, H& handler) {
  std::uint64_t const info = c.control().exitinfo1;
  access const wanted = npf_info::f_id::get(info)   ? access::execute
                        : npf_info::f_rw::get(info) ? access::write
                                                    : access::read;
  nested_fault const fault{{c.control().exitinfo2}, wanted, npf_info::f_walk::get(info)};
  if constexpr (!is_fast<H>) {
    if (c.vcpu->delivering) {
      guest_view<C> guest{c};
      return detail::told_as_fault(guest, handler, fault);
    }
  }
  return answer_device_access(c, handler, fault);
}

template <typename I, typename C, typename H>
[[gnu::always_inline]] inline resume cpuid(C& c, H& handler) {
  auto const n = length(c, handler, intercepted::cpuid);
  if (!n) return n.error();
  return answer_cpuid<I>(c, handler, *n);
}

template <typename C, typename H>
[[gnu::always_inline]] inline resume msr(C& c, H& handler) {
  bool const write = msr_info::f_write::get(c.control().exitinfo1);
  auto const n = length(c, handler, write ? intercepted::wrmsr : intercepted::rdmsr);
  if (!n) return n.error();
  return write ? answer_wrmsr(c, handler, *n) : answer_rdmsr(c, handler, *n);
}

template <typename C, typename H>
[[gnu::always_inline]] inline resume hypercall(C& c, H& handler) {
  auto const n = length(c, handler, intercepted::vmmcall);
  if (!n) return n.error();
  if constexpr (AnswersAtOnce<std::remove_cvref_t<decltype(handler_of(handler))>, guest_view<C>>) {
    if (answer_hypercall_at_once(c, handler_of(handler), *n)) return resume::retry;
  }
  return answer_hypercall(c, handler, *n);
}

template <typename C, typename H>
[[gnu::always_inline]] inline resume hlt(C& c, H& handler) {
  auto const n = length(c, handler, intercepted::hlt);
  if (!n) return n.error();
  return answer_hlt(c, handler, *n);
}

template <typename C, typename H>
inline resume pause(C& c, H& handler) {
  auto const n = length(c, handler, intercepted::pause);
  if (!n) return n.error();
  return answer_pause(c, handler, *n);
}

/// Instructions on control registers, which several exits have in common: they are read from the guest, with decode
/// assists too, since those say nothing of LMSW and SMSW.
template <typename C, typename H>
[[nodiscard]] resume control_register(C& c, H& handler) {
  auto const i =
      decode_at_rip(c, ram_of(handler), [](bytes code, code_size mode) { return decode_intercepted(code, mode); });
  guest_view<C> guest{c};
  if (!i) {
    // Not one of them any more: another CPU of the guest has changed it.
    if (i.error().why != undecoded::truncated) return resume::retry;
    return answer_refusal(c, guest, handler, i.error().refusal);
  }
  operand_memory memory{c, guest, handler};
  switch (i->what) {
    case intercepted::mov_to_cr: return answer_cr_write(c, handler, i->number, c.gpr(i->reg.number & 15U), i->length);
    case intercepted::mov_from_cr: return answer_cr_read(c, handler, i->number, i->reg.number, i->length);
    case intercepted::clts: return answer_clts(c, handler, i->length);
    case intercepted::smsw: return answer_smsw(c, memory, handler, *i);
    case intercepted::lmsw: {
      std::uint64_t value = i->has_memory ? 0 : c.gpr(i->reg.number & 15U);
      if (i->has_memory) {
        auto const loaded = memory.load(locate(c, i->memory, i->length), 2);
        if (!loaded) return loaded.error();
        value = *loaded;
      }
      return answer_lmsw(c, handler, value, i->length);
    }
    default: return resume::retry;
  }
}

/// An instruction that guests do not have. Handlers that let it pass have it stepped over where its length is known.
template <typename C, typename H>
[[nodiscard]] resume refused(C& c, H& handler) {
  guest_view<C> guest{c};
  auto const answer = handler(guest, exit::refused_instruction{c.control().exitcode});
  if (answer != resume::next_instruction) return answer;
  if (c.vcpu->here.nrip_save()) {
    c.step_over(static_cast<unsigned>((c.control().nrip - c.rip()) & 15));
    return resume::retry;
  }
  auto const i =
      decode_at_rip(c, ram_of(handler), [](bytes code, code_size mode) { return decode_intercepted(code, mode); });
  if (i) c.step_over(i->length);
  return resume::retry;
}

/// Exits that are answered by telling the handler a word: the guest has done nothing that could be stepped over.
template <typename C, typename H, typename Exit>
[[nodiscard]] constexpr resume told(C& c, H& handler, Exit const& e) {
  guest_view<C> guest{c};
  auto const answer = handler(guest, e);
  return answer == resume::next_instruction ? resume::retry : answer;
}

template <typename C, typename H>
[[nodiscard]] resume triple_fault(C& c, H& handler) {
  guest_view<C> guest{c};
  if constexpr (HearsTripleFaults<H, guest_view<C>>) {
    auto const answer = handler.triple_fault(guest);
    return answer == resume::next_instruction ? resume::retry : answer;
  } else {
    return told(c, handler, exit::unknown{static_cast<std::uint64_t>(svm_exit::shutdown)});
  }
}

/// INVD and WBINVD are done by doing nothing: what a guest writes is seen by everybody it shares memory with, caches or
/// not. The guest is behind it.
template <typename C, typename H>
[[nodiscard]] resume cache_flush(C& c, H& handler, intercepted what) {
  auto const n = length(c, handler, what);
  if (!n) return n.error();
  c.step_over(*n);
  return resume::retry;
}

/// Exits that no fast tier looks at.
template <typename I, typename C, typename H>
[[nodiscard]] resume rare(C& c, H& handler) {
  std::uint64_t const raw = c.control().exitcode;
  switch (exit_code(raw)) {
    case svm_exit::read_cr0:
    case svm_exit::write_cr0:
    case svm_exit::cr0_sel_write:
    case svm_exit::write_cr4:
    case svm_exit::read_cr8:
    case svm_exit::write_cr8: return control_register(c, handler);
    case svm_exit::xsetbv: {
      auto const n = length(c, handler, intercepted::xsetbv);
      if (!n) return n.error();
      return answer_xsetbv<I>(c, handler, *n);
    }
    case svm_exit::pause: return pause(c, handler);
    // The host has taken its NMI through its own gate by now, as it will its interrupts.
    case svm_exit::intr:
    case svm_exit::nmi: return told(c, handler, exit::host_interrupt{});
    case svm_exit::vintr:
      if (!c.vcpu->interrupts.wants_room) return told(c, handler, exit::unknown{raw});
      return svm_events::give_offered(*c.vcpu) ? told(c, handler, exit::host_interrupt{}) : resume::retry;
    case svm_exit::smi:
    case svm_exit::init:
    case svm_exit::exception_mc: return told(c, handler, exit::host_error{raw});
    case svm_exit::exception_db: c.raise(exception_event(exception::db)); return resume::retry;
    case svm_exit::exception_ac: c.raise(exception_event(exception::ac, 0)); return resume::retry;
    case svm_exit::iret: svm_events::see_iret(*c.vcpu); return resume::retry;
    case svm_exit::invd: return cache_flush(c, handler, intercepted::invd);
    case svm_exit::wbinvd: return cache_flush(c, handler, intercepted::wbinvd);
    case svm_exit::rdpmc: c.raise(exception_event(exception::gp, 0)); return resume::retry;
    case svm_exit::vmrun:
    case svm_exit::vmload:
    case svm_exit::vmsave:
    case svm_exit::stgi:
    case svm_exit::clgi:
    case svm_exit::skinit:
    case svm_exit::invlpga:
    case svm_exit::monitor:
    case svm_exit::mwait:
    case svm_exit::mwait_conditional:
    case svm_exit::rdpru:
    case svm_exit::mcommit: return refused(c, handler);
    case svm_exit::shutdown: return triple_fault(c, handler);
    default: return told(c, handler, exit::unknown{raw});
  }
}

}  // namespace svm_exits

/// Tells `handler` what the exit in `c` means; `I` is for XCR0, which is the guest's.
template <typename I, typename C, typename H>
[[nodiscard]] resume answer_svm_exit(C& c, H& handler) {
  switch (exit_code(c.control().exitcode)) {
    case svm_exit::ioio: return svm_exits::port(c, handler);
    case svm_exit::npf: return svm_exits::nested_page_fault(c, handler);
    case svm_exit::cpuid: return svm_exits::cpuid<I>(c, handler);
    case svm_exit::msr: return svm_exits::msr(c, handler);
    case svm_exit::vmmcall: return svm_exits::hypercall(c, handler);
    case svm_exit::hlt: return svm_exits::hlt(c, handler);
    default: break;
  }
  if constexpr (is_fast<H>) {
    return resume::slow;
  } else {
    return svm_exits::rare<I>(c, handler);
  }
}

}  // namespace axhal::x86_64

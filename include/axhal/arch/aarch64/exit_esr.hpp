// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/esr.hpp>
#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/guest_view.hpp>
#include <axhal/arch/aarch64/mmio_emulation.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// True for contexts that also come from other vectors than the synchronous one.
template <typename C>
concept KnowsVector = requires(C const& k) {
  { k.vector() } -> std::same_as<std::uint64_t>;
};

namespace detail {

/// A data abort without a usable syndrome, and every instruction abort.
template <TrapContext C, typename H>
constexpr resume decode_abort(C& c, H& handler, std::uint64_t syndrome, bool fetch) {
  guest_view<C> guest{c};
  bool const walk = abort_iss::f_s1ptw::get(syndrome);
  bool const write = !fetch && abort_iss::f_wnr::get(syndrome);
  auto const status = fault_status_of(abort_iss::f_fsc::get(syndrome));
  if (status == fault_status::external_abort) return handler(guest, exit::host_error{syndrome});
  // Nothing is cached of an address that has no memory, so maintenance of it is done.
  if (!fetch && !walk && abort_iss::f_cm::get(syndrome)) return resume::next_instruction;

  access const wanted = fetch && !walk ? access::execute : write ? access::write : access::read;
  guest_phys address{faulting_page(c.hpfar())};
  if (!hpfar_is_valid(syndrome)) {
    if (!may_answer<H>(exit_kind::memory_fault)) return resume::slow;
    auto const found = c.guest_address(c.far(), write);
    // The guest's own tables refuse by now: let it run into them.
    if (!found) return resume::retry;
    address = *found;
  } else if (!walk) {
    address.value |= c.far() & 0xfff;
  }
  if (!fetch && !walk && status == fault_status::translation) {
    if (!may_answer<H>(exit_kind::mmio_read) && !may_answer<H>(exit_kind::mmio_write)) return resume::slow;
    if constexpr (FetchContext<C>) {
      if (auto const access = fetch_access(c, syndrome)) return emulate(c, handler, *access, address);
    } else if (is_fast<H>) {
      return resume::slow;
    }
  }
  return handler(guest, exit::memory_fault{address, wanted, walk});
}

/// MSR, MRS and SYS.
template <TrapContext C, typename H>
constexpr resume decode_sysreg(C& c, H& handler, std::uint64_t syndrome) {
  namespace iss = sysreg_iss;
  guest_view<C> guest{c};
  std::uint32_t const id =
      encode_sysreg(iss::f_op0::get(syndrome), iss::f_op1::get(syndrome), iss::f_crn::get(syndrome),
                    iss::f_crm::get(syndrome), iss::f_op2::get(syndrome));
  std::uint8_t const rt = iss::f_rt::get(syndrome);
  if (!c.holds(rt)) return resume::slow;
  if (iss::f_read::get(syndrome)) return handler(guest, exit::register_read{id, rt});
  return handler(guest, exit::register_write{id, c.x(rt)});
}

/// Everything but the exits that `decode_call` and `decode_device_access` answer.
template <TrapContext C, typename H>
constexpr resume decode_rare(C& c, H& handler, std::uint64_t syndrome) {
  guest_view<C> guest{c};
  switch (esr::f_ec::get(syndrome)) {
    case exception_class::sysreg: return decode_sysreg(c, handler, syndrome);
    case exception_class::wfx:
      // A WFI with a time-out may end early like any other, so it is told as a pause.
      if (wfx_iss::f_ti::get(syndrome) == wfx_iss::instruction::wfi) return handler(guest, exit::idle{});
      return handler(guest, exit::yield{});
    case exception_class::fp_access: return handler(guest, exit::lazy_state{});
    case exception_class::data_abort: return decode_abort(c, handler, syndrome, false);
    case exception_class::instruction_abort: return decode_abort(c, handler, syndrome, true);
    case exception_class::smc64: return handler(guest, exit::hypercall{c.x(0), call_iss::f_imm16::get(syndrome), true});

    case exception_class::cp15_mcr:
    case exception_class::cp15_mcrr:
    case exception_class::cp14_mcr:
    case exception_class::cp14_ldc:
    case exception_class::cp14_mrrc:
    case exception_class::cp10_vmrs:
    case exception_class::hvc32:
    case exception_class::smc32:
    case exception_class::sysreg128:
    case exception_class::pointer_auth:
    case exception_class::pointer_auth_failed:
    case exception_class::branch_target:
    case exception_class::ls64:
    case exception_class::sve:
    case exception_class::sme:
    case exception_class::eret:
    case exception_class::tstart:
    case exception_class::memory_copy:
    case exception_class::guarded_stack: return handler(guest, exit::refused_instruction{syndrome});

    case exception_class::serror:
    case exception_class::granule_check: return handler(guest, exit::host_error{syndrome});

    // Routed to EL1, or impossible from a guest, with the controls that guests run with: told as they are.
    case exception_class::unknown:
    case exception_class::illegal_state:
    case exception_class::svc32:
    case exception_class::svc64:
    case exception_class::hvc64:
    case exception_class::instruction_abort_same:
    case exception_class::data_abort_same:
    case exception_class::pc_alignment:
    case exception_class::sp_alignment:
    case exception_class::fp32:
    case exception_class::fp64:
    case exception_class::breakpoint:
    case exception_class::breakpoint_same:
    case exception_class::software_step:
    case exception_class::software_step_same:
    case exception_class::watchpoint:
    case exception_class::watchpoint_same:
    case exception_class::bkpt32:
    case exception_class::vector_catch32:
    case exception_class::brk64:
    case exception_class::profiling: break;
  }
  return handler(guest, exit::unknown{syndrome});
}

}  // namespace detail

/// True for HVC from AArch64: the exits of `decode_call`.
[[nodiscard, gnu::always_inline]] constexpr bool is_call(std::uint64_t syndrome) {
  return esr::f_ec::get(syndrome) == exception_class::hvc64;
}

/// `decode` for a syndrome that `is_call`, for a fast tier to have inline.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
[[gnu::always_inline]] constexpr resume decode_call(C c, H& handler, std::uint64_t syndrome) {
  guest_view<C> guest{c};
  auto const answer = handler(guest, exit::hypercall{c.x(0), call_iss::f_imm16::get(syndrome), false});
  return answer == resume::next_instruction ? resume::retry : answer;
}

/// True for device accesses that the syndrome describes: a stage-2 translation fault, level 0 to 3, on a plain load or
/// store of one general register. The exits of `decode_device_access`.
[[nodiscard, gnu::always_inline]] constexpr bool is_device_access(std::uint64_t syndrome) {
  constexpr std::uint64_t levels = 3;
  constexpr std::uint64_t shape = esr::f_ec::mask | abort_iss::f_isv::mask | abort_iss::f_cm::mask |
                                  abort_iss::f_s1ptw::mask | (abort_iss::f_fsc::mask & ~levels);
  constexpr std::uint64_t device_access = esr::f_ec::make(exception_class::data_abort) | abort_iss::f_isv::make(true) |
                                          abort_iss::f_fsc::make(fsc_translation);
  return (syndrome & shape) == device_access;
}

/// `decode` for a syndrome that `is_device_access`, for a fast tier to have inline.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
[[gnu::always_inline]] constexpr resume decode_device_access(C c, H& handler, std::uint64_t syndrome) {
  std::uint8_t const rt = abort_iss::f_srt::get(syndrome);
  if (!c.holds(rt)) return resume::slow;
  guest_view<C> guest{c};
  guest_phys const address{faulting_page(c.hpfar()) | (c.far() & 0xfff)};
  auto const size = static_cast<std::uint8_t>(1U << abort_iss::f_sas::get(syndrome));
  if (abort_iss::f_wnr::get(syndrome)) {
    return handler(guest, exit::mmio_write{address, size, truncated(c.x(rt), size)});
  }
  return handler(guest, exit::mmio_read{address, size, rt < 31 ? rt : exit::mmio_read::no_register,
                                        abort_iss::f_sse::get(syndrome),
                                        static_cast<std::uint8_t>(abort_iss::f_sf::get(syndrome) ? 8 : 4)});
}

/// Tells `handler` what the exit in `c` means, in one call; two for an instruction that accesses two device registers.
/// Gives back what the handler answered: `resume::next_instruction` means that PC is still to be moved by
/// `instruction_size(esr)`.
///
/// Answered without the handler: cache maintenance of an address without memory (stepped over), and a fault that the
/// guest's own tables turn out to cause by now (`retry`). HVC has been stepped over by hardware, so for it
/// `next_instruction` comes back as `retry`: handlers answer hypercalls by HVC and by SMC alike.
///
/// A context that does not hold a register the exit needs answers `resume::slow`, and nothing has happened.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
constexpr resume decode(C c, H& handler) {
  if constexpr (KnowsVector<C>) {
    guest_view<C> guest{c};
    if (c.vector() == 1 || c.vector() == 2) return handler(guest, exit::host_interrupt{});
    if (c.vector() != 0) return handler(guest, exit::host_error{c.esr()});
  }
  std::uint64_t const syndrome = c.esr();
  if (is_call(syndrome)) return decode_call(c, handler, syndrome);
  if (is_device_access(syndrome)) return decode_device_access(c, handler, syndrome);
  return detail::decode_rare(c, handler, syndrome);
}

}  // namespace axhal::aarch64

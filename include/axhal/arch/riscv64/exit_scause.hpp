// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/guest_exception.hpp>
#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/guest_view.hpp>
#include <axhal/arch/riscv64/instruction.hpp>
#include <axhal/arch/riscv64/mmio_emulation.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/arch/riscv64/trapped_instruction.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::riscv64 {
namespace detail {

/// A guest-page fault that `is_device_access` does not know.
template <TrapContext C, typename H>
constexpr resume decode_guest_page_fault(C& c, H& handler, std::uint64_t cause) {
  guest_view<C> guest{c};
  if (htinst::is_walk(c.htinst())) {
    access const wanted = htinst::is_walk_write(c.htinst()) ? access::write : access::read;
    // Tables are aligned: the two low bits of their addresses are not in stval, but zero.
    return skipped<H>(c, handler(guest, exit::memory_fault{guest_phys{c.htval() << 2}, wanted, true}));
  }
  guest_phys const address = faulting_address(c.htval(), c.stval());
  access const wanted = wanted_by(cause, access::read);
  if (wanted != access::execute) {
    if (!may_answer<H>(exit_kind::mmio_read) && !may_answer<H>(exit_kind::mmio_write)) return resume::slow;
    auto const found = find_access(c, cause);
    if (found) return emulate(c, handler, found->access, guest_phys{address.value - found->distance});
    if (found.error() == no_access::vanished) return resume::retry;
    if (found.error() == no_access::unread && is_fast<H>) return resume::slow;
  }
  return skipped<H>(c, handler(guest, exit::memory_fault{address, wanted, false}));
}

/// A CSR instruction that trapped as virtual.
template <TrapContext C, typename H>
constexpr resume decode_csr_access(C& c, H& handler, std::uint32_t instruction) {
  guest_view<C> guest{c};
  auto const a = decode_csr_instruction(instruction);
  if (c.from_user()) {
    // What VU-mode may not touch is no virtual machine's business: the guest's kernel sees it as illegal.
    bool allowed = lowest_privilege(a.id) == 0;
    if (is_counter(a.id)) {
      allowed = (c.template read_vs<csr::scounteren>() >> (static_cast<unsigned>(a.id) & 31) & 1) != 0;
    }
    if (!allowed) return skipped<H>(c, handler(guest, exit::refused_instruction{instruction}));
  }
  if ((a.reads() && !c.holds(a.rd)) || (!a.immediate && !c.holds(a.source))) return resume::slow;
  std::uint64_t const operand = a.immediate ? 0 : c.x(a.source);
  auto const id = static_cast<std::uint32_t>(a.id);
  auto const read = [&] { return handler(guest, exit::register_read{id, a.rd}); };
  auto const write = [&] { return handler(guest, exit::register_write{id, a.value(guest.completed, operand)}); };
  if (!a.writes()) return stepped(c, read(), 4);
  if (!a.reads()) return stepped(c, write(), 4);
  if (is_fast<H>) return resume::slow;
  std::uint64_t const before = c.x(a.rd);
  return stepped(c, in_two_exits(read, write, [&] { c.set_x(a.rd, before); }), 4);
}

/// A virtual-instruction exception.
template <TrapContext C, typename H>
constexpr resume decode_virtual_instruction(C& c, H& handler) {
  guest_view<C> guest{c};
  auto const bits = trapped_instruction<H>(c);
  if (!bits) return bits.error();
  if ((*bits >> 32) == 0) {
    auto const instruction = static_cast<std::uint32_t>(*bits);
    switch (instruction) {
      case word::wfi:
        if (c.from_user()) break;
        return stepped(c, handler(guest, exit::idle{}), 4);
      case word::wrs_nto:
      case word::wrs_sto: return stepped(c, handler(guest, exit::yield{}), 4);
      default:
        if (is_csr_instruction(instruction)) return decode_csr_access(c, handler, instruction);
        break;
    }
  }
  return skipped<H>(c, handler(guest, exit::refused_instruction{*bits}));
}

/// An illegal-instruction exception: the first use of FP or vector registers since these were switched away, or an
/// instruction that the guest does not have. FS and VS count in both vsstatus, where they are the guest's own word, and
/// sstatus ("Virtual Supervisor Status (vsstatus) Register").
template <TrapContext C, typename H>
constexpr resume decode_illegal_instruction(C& c, H& handler) {
  guest_view<C> guest{c};
  auto const bits = trapped_instruction<H>(c);
  if (!bits) return bits.error();
  bool const short_enough = (*bits >> 32) == 0;
  auto const instruction = static_cast<std::uint32_t>(*bits);
  bool const fp = short_enough && uses_fp(instruction);
  bool const vector = short_enough && uses_vector(instruction);
  if (fp || vector) {
    using part = exit::lazy_state::part;
    constexpr auto off = context_status::off;
    std::uint64_t const guests = c.template read_vs<csr::vsstatus>();
    std::uint64_t const hosts = c.sstatus();
    bool const guest_allows =
        (!fp || sstatus::f_fs::get(guests) != off) && (!vector || sstatus::f_vs::get(guests) != off);
    if (guest_allows && vector && sstatus::f_vs::get(hosts) == off) {
      return skipped<H>(c, handler(guest, exit::lazy_state{part::vector}));
    }
    if (guest_allows && fp && sstatus::f_fs::get(hosts) == off)
      return skipped<H>(c, handler(guest, exit::lazy_state{part::fp}));
  }
  return skipped<H>(c, handler(guest, exit::refused_instruction{*bits}));
}

/// Everything but the exits that `decode_call` and `decode_device_access` answer.
template <TrapContext C, typename H>
constexpr resume decode_rare(C& c, H& handler, std::uint64_t cause) {
  guest_view<C> guest{c};
  if (scause::f_interrupt::get(cause)) {
    // It came between two instructions: there is none to step over.
    return stepped(c, handler(guest, exit::host_interrupt{}), 0);
  }
  switch (cause) {
    case scause::of(exception::instruction_guest_page):
    case scause::of(exception::load_guest_page):
    case scause::of(exception::store_guest_page): return decode_guest_page_fault(c, handler, cause);
    case scause::of(exception::virtual_instruction): return decode_virtual_instruction(c, handler);
    case scause::of(exception::illegal_instruction): return decode_illegal_instruction(c, handler);

    // The machine refused a physical address: the guest's tables and the host's had one for it.
    case scause::of(exception::instruction_access):
    case scause::of(exception::load_access):
    case scause::of(exception::store_access):
    case scause::of(exception::hardware_error): return skipped<H>(c, handler(guest, exit::host_error{cause}));

    // The guest's own. hedeleg gives them to it directly, but a machine may lack any bit of that register.
    case scause::of(exception::instruction_misaligned):
    case scause::of(exception::breakpoint):
    case scause::of(exception::load_misaligned):
    case scause::of(exception::store_misaligned):
    case scause::of(exception::ecall_u):
    case scause::of(exception::instruction_page):
    case scause::of(exception::load_page):
    case scause::of(exception::store_page):
    case scause::of(exception::software_check):
      take_exception(c, {.cause = cause, .return_address = c.pc(), .value = c.stval()});
      return resume::retry;

    // HS-mode's and M-mode's calls, double traps, reserved and custom causes: told as they are.
    default: return skipped<H>(c, handler(guest, exit::unknown{cause}));
  }
}

}  // namespace detail

/// True for ECALL from VS-mode: the exits of `decode_call`.
[[nodiscard, gnu::always_inline]] constexpr bool is_call(std::uint64_t cause) {
  return cause == scause::of(exception::ecall_vs);
}

/// `decode` for a cause that `is_call`, for a fast tier to have inline. The call's number is a7; SBI has the extension
/// there.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
[[gnu::always_inline]] constexpr resume decode_call(C c, H& handler) {
  constexpr unsigned a7 = 17;
  guest_view<C> guest{c};
  return detail::stepped(c, handler(guest, exit::hypercall{c.x(a7), 0, false}), 4);
}

/// `decode_call` for a handler that `AnswersAtOnce`: false, and nothing has happened, when this call is not one of
/// those.
template <TrapContext C, typename H>
  requires AnswersAtOnce<H, guest_view<C>>
[[gnu::always_inline]] constexpr bool answer_at_once(C c, H& handler) {
  constexpr unsigned a7 = 17;
  guest_view<C> guest{c};
  if (!handler.answer_at_once(guest, exit::hypercall{c.x(a7), 0, false})) return false;
  c.set_pc(c.pc() + 4);
  return true;
}

/// True for device accesses that htinst describes: a guest-page fault on a load or store of one general register,
/// compressed or not, at an aligned address. The exits of `decode_device_access`. `instruction` is htinst, `address` is
/// stval.
[[nodiscard, gnu::always_inline]] constexpr bool is_device_access(std::uint64_t cause, std::uint64_t instruction,
                                                                  std::uint64_t address) {
  // Everything but rd, rs2, funct3 and the immediate's bits is fixed: no distance in rs1, nothing in the upper half,
  // and LOAD or STORE with bit 1 as it pleases. What stands where the immediate was may be ignored.
  constexpr std::uint64_t shape = ~std::uint64_t{0xffff'ffff} | rv::f_rs1::mask | 0x7d;
  constexpr std::uint64_t widths_of_loads = 7;
  constexpr std::uint64_t reserved_in_stores = 4U << 12;
  std::uint64_t const funct3 = instruction >> 12 & 7;
  if (cause == scause::of(exception::load_guest_page)) {
    if ((instruction & shape) != 0x01 || funct3 == widths_of_loads) return false;
  } else if (cause != scause::of(exception::store_guest_page) || (instruction & (shape | reserved_in_stores)) != 0x21) {
    return false;
  }
  return (address & ((std::uint64_t{1} << (funct3 & 3)) - 1)) == 0;
}

namespace detail {

/// The view for a load that htinst describes: it looks there again when the value has come, so that a fast tier keeps
/// nothing of the instruction across the device's answer.
template <TrapContext C>
struct described_load : guest_view<C> {
  [[gnu::always_inline]] constexpr void complete_read(exit::mmio_read const&, std::uint64_t value) {
    auto const described = static_cast<std::uint32_t>(this->context.htinst());
    unsigned const unused = 64 - (8U << (rv::f_funct3::get(described) & 3));
    value <<= unused;
    bool const sign = (rv::f_funct3::get(described) & 4) == 0;
    this->completed = sign ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value) >> unused) : value >> unused;
    this->context.set_x(rv::f_rd::get(described), this->completed);
  }
};

/// Steps over the load or store that htinst describes, if `answer` says so.
template <TrapContext C>
[[gnu::always_inline]] constexpr resume stepped_over_described(C c, resume answer) {
  return answer == resume::next_instruction ? stepped(c, answer, 2 + (c.htinst() & 2)) : answer;
}

}  // namespace detail

/// `decode` for a guest-page fault that `is_device_access`, for a fast tier to have inline, of the same three words.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
[[gnu::always_inline]] constexpr resume decode_device_access(C c, H& handler, std::uint64_t cause,
                                                             std::uint64_t instruction, std::uint64_t address) {
  auto const described = static_cast<std::uint32_t>(instruction);
  auto const size = static_cast<std::uint8_t>(1U << (rv::f_funct3::get(described) & 3));
  guest_phys const at = detail::faulting_address(c.htval(), address);
  if (cause == scause::of(exception::store_guest_page)) {
    guest_view<C> guest{c};
    std::uint8_t const rs2 = rv::f_rs2::get(described);
    if (!c.holds(rs2)) return resume::slow;
    return detail::stepped_over_described(c, handler(guest, exit::mmio_write{at, size, truncated(c.x(rs2), size)}));
  }
  detail::described_load<C> guest{{c}};
  std::uint8_t const rd = rv::f_rd::get(described);
  if (!c.holds(rd)) return resume::slow;
  bool const sign = (rv::f_funct3::get(described) & 4) == 0;
  exit::mmio_read const e{at, size, rd != 0 ? rd : exit::mmio_read::no_register, sign, 8};
  return detail::stepped_over_described(c, handler(guest, e));
}

/// Tells `handler` what the exit in `c` means, in one call; two for an instruction that reads and writes (an AMO on a
/// device, a CSR instruction with both effects). Gives back what the handler answered, but never `next_instruction`:
/// PC has been moved past the instruction then, by 2 or 4 as it is long, and `retry` comes back. An instruction whose
/// length cannot be known is not stepped over.
///
/// Answered without the handler: exceptions that are the guest's own and were not delegated (the guest takes them), and
/// a trapped instruction that the guest's own tables do not show any more (`retry`: it meets its own fault).
///
/// A context that does not hold a register the exit needs answers `resume::slow`, and so does a fast tier for the
/// instructions that are two exits or whose bits it cannot read; nothing has happened then.
template <TrapContext C, typename H>
  requires ExitHandler<H, guest_view<C>>
constexpr resume decode(C c, H& handler) {
  std::uint64_t const cause = c.scause();
  if (is_call(cause)) return decode_call(c, handler);
  std::uint64_t const instruction = c.htinst();
  std::uint64_t const address = c.stval();
  if (is_device_access(cause, instruction, address)) {
    return decode_device_access(c, handler, cause, instruction, address);
  }
  return detail::decode_rare(c, handler, cause);
}

}  // namespace axhal::riscv64

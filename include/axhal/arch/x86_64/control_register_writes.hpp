// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_rules.hpp>
#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/intercepted_instruction.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>

/// Control registers that a guest reads and writes. A handler that answers for them has, beside `ExitHandler`,
/// `cpuid(leaf, subleaf) -> cpuid_result`, the guest's table, and `ram()`, a `GuestRam&`. Each answer is `retry` with
/// everything done, RIP included, or with a #GP(0) for the guest and nothing done. The privilege level is checked here
/// too: where the instruction is read from the guest's memory, it need not be the one that the processor has let pass.
namespace axhal::x86_64 {

/// The four entries that a processor keeps with PAE paging.
struct pdpte_set {
  std::uint64_t entry[4]{};
  friend constexpr bool operator==(pdpte_set const&, pdpte_set const&) = default;
};

/// A stopped guest whose PDPTEs have to be told to the extension (VT-x with EPT: the VMCS has them, and an entry does
/// not read the guest's tables). Others read them when they walk.
template <typename C>
concept TakesPdptes = StoppedGuest<C> && requires(C& c, pdpte_set const& p) {
  { c.set_pdptes(p) } -> std::same_as<void>;
};

namespace detail {

template <StoppedGuest C>
[[nodiscard]] constexpr control_state control_state_of(C const& c) {
  bool const l = segment_attributes::f_l::get(c.segment_of(segment::cs).attributes);
  return {.cr0 = c.cr0(), .cr3 = c.cr3(), .cr4 = c.cr4(), .efer = c.efer(), .cs_l = l};
}

template <typename H>
[[nodiscard]] constexpr auto guest_cpuid_of(H& handler) {
  return [&handler](std::uint32_t leaf, std::uint32_t subleaf) { return handler_of(handler).cpuid(leaf, subleaf); };
}

/// The table that CR3 names, as the processor would load it. Where no memory is, all bits read as ones.
template <GuestRam M>
[[nodiscard]] constexpr result<pdpte_set, control_refused> load_pdptes(M& ram, std::uint64_t cr3,
                                                                       unsigned physical_bits) {
  constexpr std::uint64_t base = 0xffff'ffe0;
  constexpr unsigned size = 32;
  std::uint8_t const* const table = ram.at({cr3 & base}, size);
  if (table == nullptr) return failure{control_refused{}};
  pdpte_set set{};
  for (unsigned n = 0; n < size; ++n) set.entry[n / 8] |= std::uint64_t{table[n]} << (8 * (n % 8));
  for (auto const entry : set.entry) {
    if (!is_valid_pdpte(entry, physical_bits)) return failure{control_refused{}};
  }
  return set;
}

/// What a write that the rules allow does, to the guest's memory's last word.
template <StoppedGuest C, typename H>
constexpr resume carried_out(C& c, H& handler, control_state const& before,
                             result<control_change, control_refused> const& change, unsigned length) {
  if (!change) return refused(c);
  control_state const& now = change->now;
  if (change->loads_pdptes) {
    unsigned const bits = offered_control::of(guest_cpuid_of(handler)).physical_bits;
    auto const entries = load_pdptes(handler_of(handler).ram(), now.cr3, bits);
    if (!entries) return refused(c);
    if constexpr (TakesPdptes<C>) c.set_pdptes(*entries);
  }
  if (now.cr0 != before.cr0) c.set_cr0(now.cr0);
  if (now.cr3 != before.cr3) c.set_cr3(now.cr3);
  if (now.cr4 != before.cr4) c.set_cr4(now.cr4);
  if (now.efer != before.efer) c.set_efer(now.efer);
  if (change->forgets) c.forget_translations();
  c.step_over(length);
  return resume::retry;
}

template <StoppedGuest C, typename H>
constexpr resume write_cr0(C& c, H& handler, std::uint64_t value, unsigned length) {
  auto const before = control_state_of(c);
  return carried_out(c, handler, before, after_cr0_write(before, value), length);
}
template <StoppedGuest C, typename H>
constexpr resume write_cr3(C& c, H& handler, std::uint64_t value, unsigned length) {
  auto const before = control_state_of(c);
  unsigned const bits = offered_control::of(guest_cpuid_of(handler)).physical_bits;
  return carried_out(c, handler, before, after_cr3_write(before, value, bits), length);
}
template <StoppedGuest C, typename H>
constexpr resume write_cr4(C& c, H& handler, std::uint64_t value, unsigned length) {
  auto const before = control_state_of(c);
  std::uint64_t const offered = offered_control::of(guest_cpuid_of(handler)).cr4;
  return carried_out(c, handler, before, after_cr4_write(before, value, offered), length);
}
template <StoppedGuest C, typename H>
constexpr resume write_efer(C& c, H& handler, std::uint64_t value, unsigned length) {
  auto const before = control_state_of(c);
  std::uint64_t const offered = offered_control::of(guest_cpuid_of(handler)).efer;
  return carried_out(c, handler, before, after_efer_write(before, value, offered), length);
}

/// The low word of `value` to the operand of `i`, byte by byte when it lies in two pages.
template <StoppedGuest C, OperandMemory M, typename H>
constexpr resume store_word(C& c, M& memory, H& handler, intercepted_instruction const& i, std::uint64_t value) {
  constexpr std::uint8_t word = 2;
  std::uint8_t const piece = in_one_page(locate(c, i.memory, i.length).linear, word) ? word : std::uint8_t{1};
  operand_place places[word]{};
  for (unsigned n = 0; n < word; n += piece) {
    auto const place = memory.find(locate(c, i.memory, i.length, n), piece, access::write);
    if (!place) return place.error();
    places[n] = *place;
  }
  guest_view<C> guest{c};
  for (unsigned n = 0; n < word; n += piece) {
    std::uint64_t const part = truncated(value >> (8 * n), piece);
    if (!places[n].device) {
      memory.write(places[n].address, piece, part);
      continue;
    }
    auto const answer = handler(guest, exit::mmio_write{places[n].address, piece, part});
    if (answer != resume::next_instruction) return answer;
  }
  return resume::next_instruction;
}

/// Outside of 64-bit mode the operand has 32 bits.
template <StoppedGuest C>
[[nodiscard]] constexpr std::uint64_t control_operand(C const& c, std::uint64_t value) {
  return c.code() == code_size::bits_64 ? value : value & 0xffff'ffff;
}

}  // namespace detail

/// MOV to CR0, CR3, CR4 or CR8 of the general register's `value`, whole. CR8 goes to the handler, as
/// `register_id::cr8`; CR2 never traps; other numbers do not exist, and are a #UD.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::register_write>
constexpr resume answer_cr_write(C& c, H& handler, unsigned number, std::uint64_t value, unsigned length) {
  if (c.cpl() != 0) return detail::refused(c);
  value = detail::control_operand(c, value);
  switch (number) {
    case 0: return detail::write_cr0(c, handler, value, length);
    case 3: return detail::write_cr3(c, handler, value, length);
    case 4: return detail::write_cr4(c, handler, value, length);
    case 8: {
      constexpr std::uint64_t priorities = 15;
      if (value > priorities) return detail::refused(c);
      guest_view<C> guest{c};
      return detail::stepped(c, handler(guest, exit::register_write{register_id::cr8, value}), length);
    }
    default: break;
  }
  c.raise(exception_event(exception::ud));
  return resume::retry;
}

/// MOV from CR0, CR2, CR3, CR4 or CR8 to general register `gpr` (0 to 15); likewise. `slow` when `gpr` is out of reach.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::register_read>
constexpr resume answer_cr_read(C& c, H& handler, unsigned number, unsigned gpr, unsigned length) {
  if (c.cpl() != 0) return detail::refused(c);
  gpr &= 15;
  if (!c.holds(gpr)) return resume::slow;
  std::uint64_t value = 0;
  switch (number) {
    case 0: value = c.cr0(); break;
    case 2: value = c.cr2(); break;
    case 3: value = c.cr3(); break;
    case 4: value = c.cr4(); break;
    case 8: {
      guest_view<C> guest{c};
      exit::register_read const e{register_id::cr8, static_cast<std::uint8_t>(gpr)};
      return detail::stepped(c, handler(guest, e), length);
    }
    default: c.raise(exception_event(exception::ud)); return resume::retry;
  }
  c.set_gpr(gpr, detail::control_operand(c, value));
  c.step_over(length);
  return resume::retry;
}

/// CLTS.
template <StoppedGuest C, typename H>
constexpr resume answer_clts(C& c, H& handler, unsigned length) {
  if (c.cpl() != 0) return detail::refused(c);
  return detail::write_cr0(c, handler, c.cr0() & ~cr0::f_ts::mask, length);
}

/// LMSW of the operand's `value`: the low four bits of CR0, of which PE cannot be cleared (Intel SDM vol. 2, "LMSW").
template <StoppedGuest C, typename H>
constexpr resume answer_lmsw(C& c, H& handler, std::uint64_t value, unsigned length) {
  if (c.cpl() != 0) return detail::refused(c);
  constexpr std::uint64_t written = cr0::f_mp::mask | cr0::f_em::mask | cr0::f_ts::mask;
  constexpr std::uint64_t set = written | cr0::f_pe::mask;
  return detail::write_cr0(c, handler, (c.cr0() & ~written) | (value & set), length);
}

/// SMSW, decoded: the low word of CR0 to memory or to a word of a register, as much of CR0 as a wider register takes
/// (Intel SDM vol. 2, "SMSW"), from any privilege level unless there is UMIP. `slow` in a fast tier when it goes to
/// memory, or to a register out of reach.
template <StoppedGuest C, OperandMemory M, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::mmio_write>
constexpr resume answer_smsw(C& c, M& memory, H& handler, intercepted_instruction const& i) {
  if (c.cpl() != 0 && cr4::f_umip::get(c.cr4())) return detail::refused(c);
  if (i.has_memory) {
    if constexpr (is_fast<H>) {
      return resume::slow;
    } else {
      auto const answer = detail::store_word(c, memory, handler, i, c.cr0());
      if (answer != resume::next_instruction) return answer;
    }
  } else {
    unsigned const gpr = i.reg.number & 15U;
    if (!c.holds(gpr)) return resume::slow;
    c.set_gpr(gpr, i.reg.written(c.gpr(gpr), c.cr0()));
  }
  c.step_over(i.length);
  return resume::retry;
}

}  // namespace axhal::x86_64

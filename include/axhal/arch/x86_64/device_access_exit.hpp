// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_fetch.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/mmio_decoder.hpp>
#include <axhal/arch/x86_64/mmio_emulation.hpp>
#include <axhal/arch/x86_64/operand_memory.hpp>
#include <axhal/arch/x86_64/quick_fetch.hpp>
#include <axhal/arch/x86_64/simple_move.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// Nested page faults and EPT violations: accesses to what is not mapped for the guest.
namespace axhal::x86_64 {

/// The fault as the processor describes it.
struct nested_fault {
  guest_phys address{};
  access wanted{};  ///< read, write, both where hardware says so, or execute
  bool walk{};      ///< the guest's tables lie there: the walk went to them, not the guest itself
};

namespace detail {

/// A fault that no device access is made of: there is no instruction to step over.
template <StoppedGuest C, typename H>
constexpr resume told_as_fault(guest_view<C>& guest, H& handler, nested_fault const& fault) {
  auto const answer = handler(guest, exit::memory_fault{fault.address, fault.wanted, fault.walk});
  return answer == resume::next_instruction ? resume::retry : answer;
}

/// The slow tier's way: any instruction that the decoder knows.
template <StoppedGuest C, typename H>
[[nodiscard]] resume access_by_decoder(C& c, H& handler, nested_fault const& fault) {
  guest_view<C> guest{c};
  if (fault.walk || has(fault.wanted, access::execute)) return told_as_fault(guest, handler, fault);
  auto const i =
      decode_at_rip(c, ram_of(handler), [](bytes code, code_size mode) { return decode_instruction(code, mode); });
  if (!i) {
    switch (i.error().why) {
      case undecoded::truncated: return answer_refusal(c, guest, handler, i.error().refusal);
      case undecoded::invalid: return resume::retry;  // it was changed since: the guest meets it
      case undecoded::unsupported: break;
    }
    return told_as_fault(guest, handler, fault);
  }
  operand_memory memory{c, guest, handler};
  return emulate(c, guest, memory, handler, *i, {fault.address, fault.wanted});
}

/// The fast tier's way: simple moves whose registers it holds, and code within reach.
template <StoppedGuest C, typename H>
[[nodiscard, gnu::always_inline]] inline resume access_at_once(C c, H& handler, nested_fault const& fault) {
  constexpr unsigned bytes_at_once = 8;
  if (!may_answer<H>(exit_kind::mmio_read) && !may_answer<H>(exit_kind::mmio_write)) return resume::slow;
  if (fault.walk) return resume::slow;
  std::uint8_t const* const code = code_within_reach(c, ram_of(handler), bytes_at_once);
  if (code == nullptr) return resume::slow;
  simple_move const m = decode_simple_move(load<std::uint64_t>(code));
  if (m.length == 0 || !c.holds(m.base)) return resume::slow;
  std::uint64_t at = c.gpr(m.base) + m.displacement;
  if (m.index != simple_move::no_index) {
    if (!c.holds(m.index)) return resume::slow;
    at += c.gpr(m.index) << m.scale_bits;
  }
  // Believed where direction and address agree with the fault, as `emulate` does; here from its first byte on.
  at &= page_offset;
  if (at != (fault.address.value & page_offset) || at > page_offset + 1 - m.size) return resume::slow;
  auto const size = static_cast<std::uint8_t>(m.size);
  guest_view<C> guest{c};
  auto const stepped = [&](resume answer) __attribute__((always_inline)) {
    if (answer != resume::next_instruction) return answer;
    c.step_over(m.length);
    return resume::retry;
  };
  if (m.is_load()) {
    if (!has(fault.wanted, access::read) || !c.holds(m.reg)) return resume::slow;
    auto const reg = static_cast<std::uint8_t>(m.reg);
    return stepped(handler(guest, exit::mmio_read{fault.address, size, reg, false, size}));
  }
  if (!has(fault.wanted, access::write)) return resume::slow;
  std::uint64_t value = m.immediate;
  if (!m.has_immediate()) {
    if (!c.holds(m.reg)) return resume::slow;
    value = c.gpr(m.reg);
  }
  return stepped(handler(guest, exit::mmio_write{fault.address, size, truncated(value, m.size)}));
}

}  // namespace detail

/// Answers a nested page fault or an EPT violation at an address where the guest has no memory.
///
/// The instruction is read through the guest's own tables, decoded and done with the handler's help (`emulate`): device
/// reads and writes, and the instruction is stepped over. Told as a `memory_fault`: what is not decoded, an access that
/// reaches into another page, an instruction fetch, a walk of the guest's tables (`walk`). An instruction that is not
/// there any more leaves the guest to try again; one that cannot be fetched gives it the fault of that fetch. Answers
/// `retry` when all is done, never `next_instruction`.
///
/// In the fast tier only `simple_move`s are done, in 64-bit code and with registers that the context holds; all else is
/// `slow`, and nothing has happened.
template <StoppedGuest C, typename H>
[[nodiscard, gnu::always_inline]] inline resume answer_device_access(C& c, H& handler, nested_fault const& fault) {
  if constexpr (is_fast<H>) {
    return detail::access_at_once(c, handler, fault);
  } else {
    return detail::access_by_decoder(c, handler, fault);
  }
}

}  // namespace axhal::x86_64

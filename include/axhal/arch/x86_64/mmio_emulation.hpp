// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/alu.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/string_emulation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// Device accesses: what the instruction asks for is done here, one device access at a time.
namespace axhal::x86_64 {
namespace detail {

/// Where the access that `fault` is about begins, when `i` makes it: in the direction that faulted, at an address with
/// the fault's low bits, and in one page. The bits above are the guest's tables' to say, and the fault has them.
template <EmulatedRegisters C>
[[nodiscard]] constexpr result<guest_phys, no_device_access> start_of(C const& c, instruction const& i,
                                                                      device_fault const& fault) {
  bool const same_direction =
      (i.reads_memory() && has(fault.wanted, access::read)) || (i.writes_memory() && has(fault.wanted, access::write));
  if (!same_direction) return failure{no_device_access{}};
  std::uint64_t const bits = i.has_bit_offset() ? i.bit_distance(c.gpr(i.reg.number)) : 0;
  memory_reference const at = locate(c, i.memory, i.length, bits);
  std::uint64_t const distance = (fault.address.value - at.linear.value) & page_offset;
  if (distance >= i.size || !in_one_page(at.linear, i.size)) return failure{no_device_access{}};
  return fault.address - distance;
}

/// The operand that is not in memory.
template <EmulatedRegisters C>
[[nodiscard]] constexpr std::uint64_t other_value(C const& c, instruction const& i) {
  switch (i.other) {
    case other_operand::reg: return i.reg.of(c.gpr(i.reg.number));
    case other_operand::immediate: return i.immediate;
    case other_operand::none: break;
  }
  return 0;
}

/// The read of the instruction's operand. A register is named when it becomes what was read and nothing else.
[[nodiscard]] constexpr exit::mmio_read read_of(instruction const& i, guest_phys start) {
  bool const moves = i.op == operation::mov || i.op == operation::movzx || i.op == operation::movsx;
  bool const whole = moves && i.reg.size >= 4;
  return {start, i.size, whole ? i.reg.number : exit::mmio_read::no_register, i.op == operation::movsx,
          whole ? i.reg.size : std::uint8_t{8}};
}

/// What an instruction that only reads does with `value`, which is extended as `read_of` says.
template <EmulatedRegisters C>
constexpr void take_value(C& c, instruction const& i, std::uint64_t value) {
  std::uint64_t const before = c.gpr(i.reg.number);
  switch (i.op) {
    case operation::mov:
    case operation::movzx:
    case operation::movsx: return set_register(c, i.reg, value);
    case operation::cmov: return set_register(c, i.reg, holds(i.cc, c.rflags()) ? value : i.reg.of(before));
    default: break;
  }
  std::uint64_t const other = other_value(c, i);
  alu_result const r =
      i.into_register ? alu(i.op, other, value, i.size, c.rflags()) : alu(i.op, value, other, i.size, c.rflags());
  c.set_rflags(r.rflags);
  if (i.into_register && i.op != operation::cmp) set_register(c, i.reg, r.value);
}

/// What an instruction that reads and writes makes of what it read.
struct modification {
  std::uint64_t written{};    ///< to memory
  std::uint64_t rflags{};     ///< after it
  bool sets_register{};       ///< a register changes as well
  register_operand reg{};     ///< which
  std::uint64_t reg_value{};  ///< to what
};

template <EmulatedRegisters C>
[[nodiscard]] constexpr modification modify(C const& c, instruction const& i, std::uint64_t value) {
  std::uint64_t const other = other_value(c, i);
  if (i.op == operation::cmpxchg) {
    register_operand const accumulator{0, i.size, false};
    alu_result const r = alu(i.op, accumulator.of(c.gpr(0)), value, i.size, c.rflags());
    // Memory gets a write in any case ("CMPXCHG").
    if (rflags::f_zf::get(r.rflags)) return {.written = other, .rflags = r.rflags};
    return {.written = value, .rflags = r.rflags, .sets_register = true, .reg = accumulator, .reg_value = value};
  }
  alu_result const r = alu(i.op, value, other, i.size, c.rflags());
  bool const swaps = i.op == operation::xchg || i.op == operation::xadd;
  return {.written = r.value, .rflags = r.rflags, .sets_register = swaps, .reg = i.reg, .reg_value = value};
}

/// Does an instruction with one operand in memory. Registers and flags change only after all its device accesses were
/// answered `next_instruction`.
template <EmulatedRegisters C, CompletingView G, typename H>
constexpr resume access_device(C& c, G& guest, H& handler, instruction const& i, guest_phys start) {
  auto const read = [&] {
    guest.completed = 0;
    return handler(guest, read_of(i, start));
  };
  auto const write = [&](std::uint64_t value) {
    return handler(guest, exit::mmio_write{start, i.size, truncated(value, i.size)});
  };
  if (!i.reads_memory()) {
    return write(i.op == operation::setcc ? std::uint64_t{holds(i.cc, c.rflags())} : other_value(c, i));
  }
  if (!i.writes_memory()) {
    auto const answer = read();
    if (answer == resume::next_instruction) take_value(c, i, guest.completed);
    return answer;
  }
  modification m{};
  auto const second = [&] {
    m = modify(c, i, guest.completed);
    return write(m.written);
  };
  auto const answer = in_two_exits(read, second, [] {});
  if (answer != resume::next_instruction) return answer;
  c.set_rflags(m.rflags);
  if (m.sets_register) set_register(c, m.reg, m.reg_value);
  return answer;
}

}  // namespace detail

/// Does the instruction that stopped the guest at a device, with the handler's help, and steps over it.
///
/// `i` was read from the guest's memory after it stopped, so it is a claim: it counts when direction and address agree
/// with the fault. Otherwise, and for an operand that reaches into another page, the handler is told a `memory_fault`.
/// `next_instruction` to all that the handler was told steps over the instruction and is `retry` here; other answers
/// come back as they are, with registers and flags as before the instruction, or before the element of a string
/// instruction. An instruction that reads and writes is told as a read and then a write, at one address. A fast tier
/// leaves such instructions, and strings, to the slow one.
template <EmulatedRegisters C, CompletingView G, OperandMemory M, typename H>
constexpr resume emulate(C& c, G& guest, M& memory, H& handler, instruction const& i, device_fault const& fault) {
  if (is_string(i.op)) return detail::emulate_string(c, guest, memory, handler, i, fault);
  auto const start = detail::start_of(c, i, fault);
  if (!start) return detail::told_as_fault(c, guest, handler, i, fault);
  if (is_fast<H> && i.reads_memory() && i.writes_memory()) return resume::slow;
  return detail::stepped(c, detail::access_device(c, guest, handler, i, *start), i.length);
}

}  // namespace axhal::x86_64

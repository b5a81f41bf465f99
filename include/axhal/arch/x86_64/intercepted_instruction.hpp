// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

/// Instructions that stop a guest by themselves, from their bytes: for processors that tell neither where the guest
/// goes on nor which registers it named (AMD APM vol. 2, "Next Sequential Instruction Pointer", "Decode Assists").
namespace axhal::x86_64 {

/// Which instruction.
enum class intercepted : std::uint8_t {
  cpuid,
  hlt,
  pause,
  rdmsr,
  wrmsr,
  rdtsc,
  rdtscp,
  rdpmc,
  invd,
  wbinvd,  ///< WBNOINVD too
  invlpg,
  invlpga,
  xsetbv,
  monitor,
  mwait,
  clts,
  smsw,
  lmsw,
  mov_from_cr,
  mov_to_cr,
  mov_from_dr,
  mov_to_dr,
  in,
  out,
  ins,
  outs,
  int_n,
  int3,
  icebp,  ///< INT1
  iret,
  rsm,
  vmcall,
  vmmcall,
  vmrun,
  vmload,
  vmsave,
  stgi,
  clgi,
  skinit,
};

/// An instruction that stops a guest. What a field does not say for an instruction is zero.
struct intercepted_instruction {
  intercepted what{};
  std::uint8_t length{};    ///< bytes, prefixes and all: 1 to 15
  std::uint8_t size{};      ///< bytes that go through a port (1, 2, 4), or the memory operand of SMSW and LMSW (2)
  std::uint8_t number{};    ///< of the control or debug register; of a port that stands in the instruction; of INT n
  bool has_number{};        ///< IN and OUT: the port is `number`, not DX
  bool has_memory{};        ///< `memory` counts: INVLPG, INS, OUTS, and SMSW and LMSW unless they have a register
  memory_operand memory{};  ///< of INS ES:rDI
  register_operand reg{};   ///< MOV of control and debug registers; SMSW and LMSW without memory
  repeat rep{};             ///< INS, OUTS
  friend constexpr bool operator==(intercepted_instruction const&, intercepted_instruction const&) = default;
};

namespace detail {

using decoded_intercept = result<intercepted_instruction, undecoded>;

[[nodiscard]] constexpr decoded_intercept finished(code_cursor const& c, prefixes const& p, intercepted_instruction i) {
  // None of them may be locked.
  if (p.lock) return failure{undecoded::invalid};
  if (c.ended) return failure{c.reason()};
  i.length = c.at;
  return i;
}

/// MOV of control and debug registers, 0F 20 to 0F 23: both operands are registers whatever ModRM.mod says.
[[nodiscard]] constexpr decoded_intercept decode_mov_special(code_cursor c, prefixes const& p, std::uint8_t opcode) {
  modrm const m = take_modrm(c);
  if (c.ended) return failure{c.reason()};
  bool const debug = (opcode & 1) != 0;
  bool const to = (opcode & 2) != 0;
  auto const number = static_cast<std::uint8_t>(m.reg | p.rex.r);
  // Some processors take LOCK with CR0 for CR8.
  if (p.lock && !debug) return failure{undecoded::unsupported};
  bool const exists = debug ? number < 8 : number == 0 || (number >= 2 && number <= 4) || number == 8;
  if (!exists) return failure{undecoded::invalid};
  intercepted_instruction i{.number = number};
  i.what = debug ? (to ? intercepted::mov_to_dr : intercepted::mov_from_dr)
                 : (to ? intercepted::mov_to_cr : intercepted::mov_from_cr);
  std::uint8_t const size = p.code == code_size::bits_64 ? 8 : 4;
  i.reg = {static_cast<std::uint8_t>(m.rm | p.rex.b), size, false};
  return finished(c, p, i);
}

/// Group 7, 0F 01, whose ModRM names an instruction when `mod` is 3.
[[nodiscard]] constexpr decoded_intercept decode_group_7(code_cursor c, prefixes const& p) {
  modrm const m = take_modrm(c);
  if (c.ended) return failure{c.reason()};
  bool const memory = m.mod != 3;
  if (m.reg == 4 || m.reg == 6) {
    intercepted_instruction i{.what = m.reg == 4 ? intercepted::smsw : intercepted::lmsw, .has_memory = memory};
    if (memory) {
      i.size = 2;
      i.memory = take_memory(c, p, m);
    } else {
      i.reg = {static_cast<std::uint8_t>(m.rm | p.rex.b), m.reg == 4 ? p.operand_bytes() : std::uint8_t{2}, false};
    }
    return finished(c, p, i);
  }
  if (memory) {
    if (m.reg != 7) return failure{undecoded::unsupported};  // SGDT, SIDT, LGDT, LIDT
    return finished(c, p, {.what = intercepted::invlpg, .has_memory = true, .memory = take_memory(c, p, m)});
  }
  // With these prefixes they are others, or none.
  if (p.operand_size || p.repeat != 0) return failure{undecoded::unsupported};
  auto const named = [&](intercepted what) { return finished(c, p, {.what = what}); };
  switch (m.reg << 3 | m.rm) {
    case 001: return named(intercepted::vmcall);
    case 010: return named(intercepted::monitor);
    case 011: return named(intercepted::mwait);
    case 021: return named(intercepted::xsetbv);
    case 030: return named(intercepted::vmrun);
    case 031: return named(intercepted::vmmcall);
    case 032: return named(intercepted::vmload);
    case 033: return named(intercepted::vmsave);
    case 034: return named(intercepted::stgi);
    case 035: return named(intercepted::clgi);
    case 036: return named(intercepted::skinit);
    case 037: return named(intercepted::invlpga);
    case 071: return named(intercepted::rdtscp);
    default: return failure{undecoded::unsupported};
  }
}

[[nodiscard]] constexpr decoded_intercept decode_intercepted_two_bytes(code_cursor c, prefixes const& p) {
  std::uint8_t const opcode = c.next();
  if (c.ended) return failure{c.reason()};
  auto const named = [&](intercepted what) { return finished(c, p, {.what = what}); };
  switch (opcode) {
    case 0x01: return decode_group_7(c, p);
    case 0x06: return named(intercepted::clts);
    case 0x08: return named(intercepted::invd);
    case 0x09: return named(intercepted::wbinvd);
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: return decode_mov_special(c, p, opcode);
    case 0x30: return named(intercepted::wrmsr);
    case 0x31: return named(intercepted::rdtsc);
    case 0x32: return named(intercepted::rdmsr);
    case 0x33: return named(intercepted::rdpmc);
    case 0xa2: return named(intercepted::cpuid);
    case 0xaa: return named(intercepted::rsm);
    default: return failure{undecoded::unsupported};
  }
}

/// IN, OUT, INS, OUTS: bit 0 of the opcode tells bytes from the others, bit 1 the direction.
[[nodiscard]] constexpr decoded_intercept decode_port(code_cursor c, prefixes const& p, std::uint8_t opcode) {
  constexpr std::uint8_t si = 6;
  constexpr std::uint8_t di = 7;
  bool const out = (opcode & 2) != 0;
  bool const string = opcode < 0x70;
  intercepted_instruction i{.what = out ? intercepted::out : intercepted::in};
  i.size = (opcode & 1) == 0 ? 1 : p.operand_bytes() == 2 ? 2 : 4;
  if (string) {
    i.what = out ? intercepted::outs : intercepted::ins;
    i.has_memory = true;
    i.memory = {
        .seg = out ? p.segment_of(segment::ds) : segment::es, .base = out ? si : di, .address_size = p.address_bytes()};
    i.rep = p.repeat == 0xf3 ? repeat::while_equal : p.repeat == 0xf2 ? repeat::while_not_equal : repeat::none;
  } else if (opcode < 0xe8) {
    i.has_number = true;
    i.number = c.next();
  }
  return finished(c, p, i);
}

}  // namespace detail

/// The instruction at the start of `code`, when it is one of those that `intercepted` names. `code` is what could be
/// fetched: `truncated` asks for more; bytes after the instruction do not matter. Total: any bytes have an answer.
[[nodiscard]] constexpr result<intercepted_instruction, undecoded> decode_intercepted(bytes code, code_size mode) {
  auto c = detail::code_cursor::over(code);
  detail::prefixes p{.code = mode};
  std::uint8_t const opcode = detail::take_prefixes(c, p);
  if (c.ended) return failure{c.reason()};
  auto const named = [&](intercepted what) { return detail::finished(c, p, {.what = what}); };
  switch (opcode) {
    case 0x0f: return detail::decode_intercepted_two_bytes(c, p);
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: return detail::decode_port(c, p, opcode);
    case 0x90:  // NOP without F3, XCHG with REX.B
      if (p.repeat != 0xf3 || p.rex.b != 0) return failure{undecoded::unsupported};
      return named(intercepted::pause);
    case 0xcc: return named(intercepted::int3);
    case 0xcd: {
      std::uint8_t const vector = c.next();
      return detail::finished(c, p, {.what = intercepted::int_n, .number = vector});
    }
    case 0xcf: return named(intercepted::iret);
    case 0xf1: return named(intercepted::icebp);
    case 0xf4: return named(intercepted::hlt);
    default: return failure{undecoded::unsupported};
  }
}

}  // namespace axhal::x86_64

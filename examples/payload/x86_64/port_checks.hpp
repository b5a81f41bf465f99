// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"

#include <cstdint>
#include <initializer_list>

// IN, OUT, INS and OUTS of all sizes. The UART's scratch register keeps what is written; where nothing is, ones are
// read.
namespace payload {

inline constexpr std::uint16_t scratch = com1 + 7;

inline void single_ports() {
  constexpr std::uint64_t full = 0x1122'3344'5566'7788;
  auto o = meets("OUT DX, AL", exception::none, CODE("out dx, al"), {.rax = 0xa5, .rdx = scratch | ones << 16});
  o = meets("IN AL, DX", exception::none, CODE("in al, dx"), {.rax = full, .rdx = scratch | ones << 16});
  check("IN AL keeps the rest of RAX", o.r.rax, 0x1122'3344'5566'77a5);
  check("IN AL keeps RDX", o.r.rdx, scratch | ones << 16);
  o = meets("IN AX, DX", exception::none, CODE("in ax, dx"), {.rax = full, .rdx = no_port});
  check("IN AX keeps the rest of RAX", o.r.rax, 0x1122'3344'5566'ffff);
  o = meets("IN EAX, DX", exception::none, CODE("in eax, dx"), {.rax = full, .rdx = no_port});
  check("IN EAX clears the rest of RAX", o.r.rax, 0xffff'ffff);
  o = meets("IN with REX.W", exception::none, CODE(".byte 0x48, 0xed"), {.rax = full, .rdx = no_port});
  check("IN with REX.W is of 32 bits", o.r.rax, 0xffff'ffff);
  o = meets("IN AL, a number", exception::none, CODE("in al, 0x21\n\tmov ah, al\n\tin al, 0x21"), {.rax = full});
  check("IN AL, a number, twice", o.r.rax & 0xff, o.r.rax >> 8 & 0xff);
  auto const mask = o.r.rax & 0xff;
  o = meets("OUT a number, AL", exception::none, CODE("out 0x21, al\n\tin al, 0x21"), {.rax = mask ^ 0x80});
  check("OUT a number, AL", o.r.rax, mask ^ 0x80);
  run(CODE("out 0x21, al"), {.rax = mask});
  for (auto const port : {no_port, std::uint16_t{0xffff}}) {
    meets("OUT to nobody", exception::none, CODE("out dx, al\n\tout dx, ax\n\tout dx, eax"), {.rdx = port});
  }
  o = meets("IN with prefixes", exception::none, CODE(".byte 0x2e, 0x67, 0x66, 0x40, 0xed\n\tmov r8d, 7"),
            {.rax = full, .rdx = no_port});
  check("IN with prefixes", o.r.rax, 0x1122'3344'5566'ffff);
  check("IN with prefixes: what follows", o.r.r8, 7);
}

inline void flags_and_registers() {
  constexpr std::uint64_t all = 0x8d5 | 0x400 | 2;  // CF, PF, AF, ZF, SF, OF; DF
  registers in{.rax = 1,
               .rcx = 2,
               .rdx = scratch,
               .rbx = 4,
               .rbp = 6,
               .rsi = 7,
               .rdi = 8,
               .r8 = 9,
               .r9 = 10,
               .r10 = 11,
               .r11 = 12,
               .r12 = 13,
               .r13 = 14,
               .r14 = 15,
               .r15 = 16};
  for (auto const flags : {all, std::uint64_t{2}}) {
    in.rflags = flags;
    auto const o = meets("exits keep registers", exception::none, CODE("out dx, al\n\tin al, dx\n\tout dx, al"), in);
    check("RFLAGS across exits", o.r.rflags, flags);
    registers after = o.r;
    after.rsp = 0;
    auto const* const a = &after.rax;
    auto const* const b = &in.rax;
    for (unsigned i = 0; i < 16; ++i) check("a register across exits", a[i], b[i]);
  }
}

alignas(4096) inline std::uint8_t buffer[0x3000];

inline void fill_buffer() {
  for (unsigned i = 0; i < sizeof buffer; ++i) buffer[i] = static_cast<std::uint8_t>(i * 7 + 1);
}
inline std::uint64_t sum_of(unsigned from, unsigned size) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < size; ++i) sum += buffer[from + i];
  return sum;
}

inline void port_strings(machine const& m) {
  auto const base = reinterpret_cast<std::uint64_t>(buffer);
  constexpr std::uint64_t df = 0x402;
  fill_buffer();
  cpu::out8(scratch, 0x5c);
  auto o = meets("INSB", exception::none, CODE("insb"), {.rcx = 9, .rdx = scratch, .rdi = base + 5});
  check("INSB: memory", buffer[5], 0x5c);
  check("INSB: RDI", o.r.rdi, base + 6);
  check("INSB: RCX", o.r.rcx, 9);
  o = meets("REP INSB", exception::none, CODE("rep insb"), {.rcx = 200, .rdx = scratch, .rdi = base + 0x100});
  check("REP INSB: memory", sum_of(0x100, 200), 200 * 0x5c);
  check("REP INSB: no more", buffer[0x100 + 200], static_cast<std::uint8_t>((0x100 + 200) * 7 + 1));
  check("REP INSB: RDI", o.r.rdi, base + 0x100 + 200);
  check("REP INSB: RCX", o.r.rcx, 0);
  o = meets("REP INSB downwards", exception::none, CODE("rep insb"),
            {.rcx = 3, .rdx = scratch, .rdi = base + 0x302, .rflags = df});
  check("REP INSB downwards: memory", sum_of(0x300, 3), 3 * 0x5c);
  check("REP INSB downwards: RDI", o.r.rdi, base + 0x2ff);
  check("REP INSB downwards: DF", o.r.rflags & 0x400, 0x400);
  o = meets("REP INSW", exception::none, CODE("rep insw"), {.rcx = 5, .rdx = no_port, .rdi = base + 0x401});
  check("REP INSW: memory", sum_of(0x401, 10), 10 * 0xff);
  check("REP INSW: RDI", o.r.rdi, base + 0x40b);
  o = meets("REP INSD", exception::none, CODE("rep insd"), {.rcx = 4, .rdx = no_port, .rdi = base + 0x501});
  check("REP INSD: memory", sum_of(0x501, 16), 16 * 0xff);
  o = meets("REP INSB, nothing", exception::none, CODE("rep insb"), {.rcx = 0, .rdx = scratch, .rdi = nowhere});
  check("REP INSB, nothing: RDI", o.r.rdi, nowhere);
  o = meets("REPNE INSB", exception::none, CODE(".byte 0xf2, 0x6c"), {.rcx = 2, .rdx = scratch, .rdi = base + 0x600});
  check("REPNE INSB: RCX", o.r.rcx, 0);
  check("REPNE INSB: memory", sum_of(0x600, 2), 2 * 0x5c);
  // Across a page, and with 32-bit addresses, of which the upper halves come out clear.
  o = meets("REP INSB across a page", exception::none, CODE("rep insb"),
            {.rcx = 8, .rdx = scratch, .rdi = base + 0xffc});
  check("REP INSB across a page: memory", sum_of(0xffc, 8), 8 * 0x5c);
  o = meets("INSW across a page", exception::none, CODE("insw"), {.rdx = no_port, .rdi = base + 0x1fff});
  check("INSW across a page: memory", sum_of(0x1fff, 2), 2 * 0xff);
  o = meets("REP INSB with 32-bit addresses", exception::none, CODE(".byte 0x67, 0xf3, 0x6c"),
            {.rcx = 4 | ones << 32, .rdx = scratch, .rdi = (base + 0x700) | ones << 32});
  check("REP INSB with 32-bit addresses: memory", sum_of(0x700, 4), 4 * 0x5c);
  check("REP INSB with 32-bit addresses: EDI", o.r.rdi, base + 0x704);
  check("REP INSB with 32-bit addresses: ECX", o.r.rcx, 0);

  buffer[0x800] = 1, buffer[0x801] = 2, buffer[0x802] = 3;
  o = meets("REP OUTSB", exception::none, CODE("rep outsb"), {.rcx = 3, .rdx = scratch, .rsi = base + 0x800});
  check("REP OUTSB: the last one", cpu::in8(scratch), 3);
  check("REP OUTSB: RSI", o.r.rsi, base + 0x803);
  check("REP OUTSB: RCX", o.r.rcx, 0);
  o = meets("REP OUTSB downwards", exception::none, CODE("rep outsb"),
            {.rcx = 3, .rdx = scratch, .rsi = base + 0x802, .rflags = df});
  check("REP OUTSB downwards: the last one", cpu::in8(scratch), 1);
  check("REP OUTSB downwards: RSI", o.r.rsi, base + 0x7ff);
  cpu::write_msr(axhal::x86_64::msr::fs_base, base);
  o = meets("OUTSB by FS", exception::none, CODE(".byte 0x64, 0x6e"), {.rdx = scratch, .rsi = 0x801});
  check("OUTSB by FS", cpu::in8(scratch), 2);
  cpu::write_msr(axhal::x86_64::msr::fs_base, 0);
  meets("REP OUTSD", exception::none, CODE("rep outsd"), {.rcx = 3, .rdx = no_port, .rsi = base});

  // Faults of the operand: nothing has happened, or what has happened is in the registers.
  o = meets("INSB to an address that is none", exception::gp, 0, CODE("insb"), {.rdx = scratch, .rdi = ones >> 1});
  o = meets("OUTSB from an address that is none", exception::gp, 0, CODE("outsb"), {.rdx = scratch, .rsi = ones >> 1});
  static_cast<void>(m);
}

inline void port_rights() {
  check("IN from ring 3", run(CODE("in al, dx"), {.rdx = scratch}, user_code).vector, exception::gp);
  check("OUT from ring 3", run(CODE("out dx, al"), {.rdx = scratch}, user_code).vector, exception::gp);
  check("REP INSB from ring 3", run(CODE("rep insb"), {.rcx = 1, .rdx = scratch}, user_code).vector, exception::gp);
  auto const o = meets("IN from ring 3 with IOPL 3", exception::none, CODE("out dx, al\n\txor eax, eax\n\tin al, dx"),
                       {.rax = 0x99, .rdx = scratch, .rflags = 0x3002}, user_code);
  check("IN from ring 3 with IOPL 3", o.r.rax, 0x99);
}

inline void port_checks(machine const& m) {
  single_ports();
  flags_and_registers();
  port_strings(m);
  port_rights();
}

}  // namespace payload

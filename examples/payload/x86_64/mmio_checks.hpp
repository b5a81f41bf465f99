// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"
#include "port_checks.hpp"

#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>
#include <initializer_list>

// Every form of access to a device's memory. Two registers behave like memory: the initial count of the local APIC's
// timer (32 bits, masked) and the I/O APIC's register select (8 bits).
namespace payload {

inline constexpr std::uint64_t word_at = local_apic + 0x380;
inline constexpr std::uint64_t byte_at = io_apic;

/// The register that is a word holds `before`; the code, with that address in RBX, leaves `after` there.
inline outcome on_word(axhal::text what, std::uint32_t before, std::uint32_t after, void const* code,
                       registers in = {}) {
  store32(word_at, before);
  if (in.rbx == 0) in.rbx = word_at;
  auto const o = meets(what, exception::none, code, in);
  check(what, load32(word_at), after);
  return o;
}
/// The same, of which a register comes out as `wanted`.
#define GIVES(what, o, reg, wanted) check(what, (o).r.reg, wanted)

inline void plain_moves() {
  constexpr std::uint64_t full = 0x1122'3344'5566'7788;
  auto o = on_word("MOV EAX, [RBX]", 0x8000'0010, 0x8000'0010, CODE("mov eax, [rbx]"), {.rax = full});
  GIVES("MOV EAX, [RBX]", o, rax, 0x8000'0010);
  o = on_word("MOV R15D, [R12]", 0x8000'0010, 0x8000'0010, CODE("mov r15d, [r12]"), {.r12 = word_at, .r15 = full});
  GIVES("MOV R15D, [R12]", o, r15, 0x8000'0010);
  o = on_word("MOV R8D, [R13]", 7, 7, CODE("mov r8d, [r13]"), {.r13 = word_at});
  GIVES("MOV R8D, [R13]", o, r8, 7);
  o = on_word("MOV EBP, [RBP]", 7, 7, CODE("mov ebp, [rbp]"), {.rbp = word_at});
  GIVES("MOV EBP, [RBP]", o, rbp, 7);
  o = on_word("MOV EDI, [RSP]", 7, 7, CODE("mov r8, rsp\n\tmov rsp, rbx\n\tmov edi, [rsp]\n\tmov rsp, r8"));
  GIVES("MOV EDI, [RSP]", o, rdi, 7);
  o = on_word("MOV with SIB", 7, 7, CODE("mov ecx, [r14 + r9*8 + 0x10]"), {.r9 = 2, .r14 = word_at - 0x20});
  GIVES("MOV with SIB", o, rcx, 7);
  o = on_word("MOV with a displacement of 32 bits", 7, 7, CODE("mov ecx, [rbx - 0x12345]"),
              {.rbx = word_at + 0x1'2345});
  GIVES("MOV with a displacement of 32 bits", o, rcx, 7);
  o = on_word("MOV with an absolute address", 7, 7, CODE(".byte 0xa1\n\t.quad 0xfee00380"), {.rax = full});
  GIVES("MOV with an absolute address", o, rax, 7);
  on_word("MOV to an absolute address", 7, 9, CODE(".byte 0xa3\n\t.quad 0xfee00380"), {.rax = 9});
  o = on_word("MOV with a 32-bit address", 7, 7, CODE(".byte 0x67, 0x8b, 0x03"), {.rbx = word_at | ones << 32});
  GIVES("MOV with a 32-bit address", o, rax, 7);
  cpu::write_msr(axhal::x86_64::msr::gs_base, word_at - 0x1000);
  o = on_word("MOV by GS", 7, 7, CODE("mov eax, gs:[rcx]"), {.rcx = 0x1000});
  GIVES("MOV by GS", o, rax, 7);
  cpu::write_msr(axhal::x86_64::msr::gs_base, 0);
  o = on_word("MOV with DS, which counts for nothing", 7, 7, CODE(".byte 0x3e, 0x2e, 0x8b, 0x03"));
  GIVES("MOV with DS, which counts for nothing", o, rax, 7);
  on_word("MOV [RBX], EAX", 1, 0x8765'4321, CODE("mov [rbx], eax"), {.rax = 0x1'8765'4321});
  on_word("MOV [R12], R14D", 1, 0x8765'4321, CODE("mov [r12], r14d"), {.r12 = word_at, .r14 = 0x8765'4321});
  on_word("MOV [RBX], a number", 1, 0x8765'4321, CODE("mov dword ptr [rbx], 0x87654321"));
  on_word("MOVNTI", 1, 0x1234, CODE("movnti [rbx], eax"), {.rax = 0x1234});
  o = on_word("MOVSXD", 0x8000'0010, 0x8000'0010, CODE("movsxd rdx, dword ptr [rbx]"));
  GIVES("MOVSXD", o, rdx, 0xffff'ffff'8000'0010);
  o = on_word("PUSH and POP of it by a register", 7, 7, CODE("mov eax, [rbx]\n\tpush rax\n\tpop rdx"));
  GIVES("PUSH and POP of it by a register", o, rdx, 7);
}

inline void arithmetic() {
  constexpr std::uint64_t cf = 1, zf = 0x40, sf = 0x80;
  on_word("AND [m], r", 0xf0f0, 0xf000, CODE("and [rbx], eax"), {.rax = 0xff00});
  on_word("OR [m], r", 0xf0f0, 0xfff0, CODE("or [rbx], eax"), {.rax = 0xff00});
  on_word("XOR [m], r", 0xf0f0, 0x0ff0, CODE("xor [rbx], eax"), {.rax = 0xff00});
  auto o = on_word("ADD [m], r", 0xffff'ffff, 1, CODE("add [rbx], eax"), {.rax = 2});
  check("ADD: CF", o.r.rflags & cf, cf);
  on_word("ADC [m], r", 5, 8, CODE("adc [rbx], eax"), {.rax = 2, .rflags = 3});
  o = on_word("SUB [m], r", 5, 0xffff'fffe, CODE("sub [rbx], eax"), {.rax = 7});
  check("SUB: CF, SF", o.r.rflags & (cf | sf | zf), cf | sf);
  on_word("SBB [m], r", 9, 6, CODE("sbb [rbx], eax"), {.rax = 2, .rflags = 3});
  on_word("ADD [m], a number of 8 bits", 5, 4, CODE("add dword ptr [rbx], -1"));
  on_word("AND [m], a number", 0xffff, 0x1234, CODE("and dword ptr [rbx], 0x7fff1234"));
  on_word("OR [m], a number with LOCK", 1, 0x8001, CODE("lock or dword ptr [rbx], 0x8000"));
  on_word("INC", 5, 6, CODE("inc dword ptr [rbx]"));
  on_word("DEC", 5, 4, CODE("dec dword ptr [rbx]"));
  on_word("NOT", 5, 0xffff'fffa, CODE("not dword ptr [rbx]"));
  o = on_word("NEG", 5, 0xffff'fffb, CODE("neg dword ptr [rbx]"));
  check("NEG: CF", o.r.rflags & cf, cf);
  o = on_word("AND r, [m]", 0xf0f0, 0xf0f0, CODE("and eax, [rbx]"), {.rax = 0xff00});
  GIVES("AND r, [m]", o, rax, 0xf000);
  o = on_word("ADD r, [m]", 3, 3, CODE("add r9d, [rbx]"), {.r9 = 0x1'0000'0004});
  GIVES("ADD r, [m]", o, r9, 7);
  o = on_word("SUB r, [m]", 3, 3, CODE("sub eax, [rbx]"), {.rax = 4});
  GIVES("SUB r, [m]", o, rax, 1);
  o = on_word("CMP [m], r", 5, 5, CODE("cmp [rbx], eax"), {.rax = 5});
  check("CMP [m], r: ZF", o.r.rflags & (zf | cf), zf);
  o = on_word("CMP r, [m]", 5, 5, CODE("cmp eax, [rbx]"), {.rax = 4});
  check("CMP r, [m]: CF", o.r.rflags & (zf | cf), cf);
  o = on_word("CMP [m], a number", 5, 5, CODE("cmp dword ptr [rbx], 6"));
  check("CMP [m], a number: CF", o.r.rflags & (zf | cf), cf);
  o = on_word("TEST [m], r", 5, 5, CODE("test [rbx], eax"), {.rax = 2});
  check("TEST [m], r: ZF", o.r.rflags & zf, zf);
  o = on_word("TEST [m], a number", 5, 5, CODE("test dword ptr [rbx], 4"));
  check("TEST [m], a number: ZF", o.r.rflags & zf, 0);
  o = on_word("XCHG", 5, 9, CODE("xchg [rbx], eax"), {.rax = 9});
  GIVES("XCHG", o, rax, 5);
  o = on_word("XADD", 5, 14, CODE("lock xadd [rbx], eax"), {.rax = 9});
  GIVES("XADD", o, rax, 5);
  o = on_word("CMPXCHG that matches", 5, 9, CODE("lock cmpxchg [rbx], ecx"), {.rax = 5, .rcx = 9});
  check("CMPXCHG that matches: ZF", o.r.rflags & zf, zf);
  o = on_word("CMPXCHG that does not", 5, 5, CODE("lock cmpxchg [rbx], ecx"), {.rax = 6, .rcx = 9});
  check("CMPXCHG that does not: ZF", o.r.rflags & zf, 0);
  GIVES("CMPXCHG that does not", o, rax, 5);
  o = on_word("BT", 8, 8, CODE("bt dword ptr [rbx], 3"));
  check("BT: CF", o.r.rflags & cf, cf);
  o = on_word("BTS", 1, 9, CODE("lock bts dword ptr [rbx], 3"));
  check("BTS: CF", o.r.rflags & cf, 0);
  o = on_word("BTR", 9, 1, CODE("lock btr dword ptr [rbx], 3"));
  check("BTR: CF", o.r.rflags & cf, cf);
  on_word("BTC", 9, 1, CODE("btc dword ptr [rbx], 3"));
  o = on_word("BT by a register beyond the word", 8, 8, CODE("bt dword ptr [rbx], eax"),
              {.rax = 128 + 3, .rbx = word_at - 16});
  check("BT by a register beyond the word: CF", o.r.rflags & cf, cf);
  o = on_word("CMOV that moves", 5, 5, CODE("cmovz eax, [rbx]"), {.rax = 1, .rflags = 0x42});
  GIVES("CMOV that moves", o, rax, 5);
  o = on_word("CMOV that does not", 5, 5, CODE("cmovz eax, [rbx]"), {.rax = 0x1'0000'0001});
  GIVES("CMOV that does not", o, rax, 1);
}

inline void bytes_and_words() {
  auto const select = [](std::uint8_t v) { run(CODE("mov [rbx], al"), {.rax = v, .rbx = byte_at}); };
  constexpr std::uint64_t full = 0x1122'3344'5566'7788;
  select(0x91);
  auto const gives = [&](axhal::text what, void const* code, std::uint64_t wanted) {
    auto const o = meets(what, exception::none, code, {.rax = full, .rbx = byte_at});
    check(what, o.r.rax, wanted);
  };
  gives("MOV AL, [m]", CODE("mov al, [rbx]"), 0x1122'3344'5566'7791);
  gives("MOV AH, [m]", CODE("mov ah, [rbx]"), 0x1122'3344'5566'9188);
  gives("MOVZX EAX, byte", CODE("movzx eax, byte ptr [rbx]"), 0x91);
  gives("MOVZX AX, byte", CODE("movzx ax, byte ptr [rbx]"), 0x1122'3344'5566'0091);
  gives("MOVZX RAX, byte", CODE("movzx rax, byte ptr [rbx]"), 0x91);
  gives("MOVSX EAX, byte", CODE("movsx eax, byte ptr [rbx]"), 0xffff'ff91);
  gives("MOVSX AX, byte", CODE("movsx ax, byte ptr [rbx]"), 0x1122'3344'5566'ff91);
  gives("MOVSX RAX, byte", CODE("movsx rax, byte ptr [rbx]"), 0xffff'ffff'ffff'ff91);
  gives("MOV AX, [m]", CODE("mov ax, [rbx]"), 0x1122'3344'5566'0091);
  gives("MOVZX EAX, word", CODE("movzx eax, word ptr [rbx]"), 0x91);
  gives("MOVSX RAX, word", CODE("movsx rax, word ptr [rbx]"), 0x91);
  gives("MOV EAX, [m]", CODE("mov eax, [rbx]"), 0x91);
  auto o = meets("MOV SIL", exception::none, CODE("mov sil, [rbx]\n\tmov r10b, [rbx]"), {.rbx = byte_at, .rsi = full});
  check("MOV SIL", o.r.rsi, 0x1122'3344'5566'7791);
  check("MOV R10B", o.r.r10, 0x91);
  auto const leaves = [&](axhal::text what, void const* code, std::uint8_t wanted, registers in = {}) {
    select(0x91);
    in.rbx = byte_at;
    auto const r = meets(what, exception::none, code, in);
    check(what, load32(byte_at) & 0xff, wanted);
    return r;
  };
  leaves("MOV [m], CH", CODE("mov [rbx], ch"), 0x12, {.rcx = 0x1234});
  leaves("MOV [m], DIL", CODE("mov [rbx], dil"), 0x34, {.rdi = 0x1234});
  leaves("MOV [m], R9B", CODE("mov [rbx], r9b"), 0x34, {.r9 = 0x1234});
  leaves("MOV byte [m], a number", CODE("mov byte ptr [rbx], 0x77"), 0x77);
  leaves("SETcc", CODE("setz [rbx]"), 1, {.rflags = 0x42});
  leaves("AND byte [m]", CODE("and byte ptr [rbx], 0x0f"), 0x01);
  leaves("OR byte [m]", CODE("or [rbx], dl"), 0x97, {.rdx = 6});
  o = leaves("XCHG byte", CODE("xchg [rbx], dh"), 0x55, {.rdx = 0x5500});
  check("XCHG byte", o.r.rdx, 0x9100);
  o = leaves("TEST byte", CODE("test byte ptr [rbx], 0x80"), 0x91);
  check("TEST byte: ZF", o.r.rflags & 0x40, 0);
  o = leaves("CMP byte", CODE("cmp [rbx], al"), 0x91, {.rax = 0x91});
  check("CMP byte: ZF", o.r.rflags & 0x40, 0x40);
}

inline void strings() {
  auto const base = reinterpret_cast<std::uint64_t>(buffer);
  auto const word = [&](unsigned at) { return load32(base + at); };
  auto o = on_word("STOSD", 1, 0x99, CODE("stosd"), {.rax = 0x99, .rdi = word_at});
  GIVES("STOSD: RDI", o, rdi, word_at + 4);
  o = on_word("REP STOSD", 1, 0x99, CODE("rep stosd"), {.rax = 0x99, .rcx = 1, .rdi = word_at});
  GIVES("REP STOSD: RCX", o, rcx, 0);
  o = on_word("REP STOSD of none", 1, 1, CODE("rep stosd"), {.rax = 0x99, .rcx = 0, .rdi = word_at});
  GIVES("REP STOSD of none: RDI", o, rdi, word_at);
  o = on_word("LODSD", 0x8000'0001, 0x8000'0001, CODE("lodsd"), {.rax = ones, .rsi = word_at});
  GIVES("LODSD", o, rax, 0x8000'0001);
  GIVES("LODSD: RSI", o, rsi, word_at + 4);
  o = on_word("MOVSD from it", 0x1234, 0x1234, CODE("movsd"), {.rsi = word_at, .rdi = base + 0x40});
  check("MOVSD from it: memory", word(0x40), 0x1234);
  GIVES("MOVSD from it: RDI", o, rdi, base + 0x44);
  store32(base + 0x50, 0x777);
  o = on_word("MOVSD to it, downwards", 0x1234, 0x777, CODE("movsd"),
              {.rsi = base + 0x50, .rdi = word_at, .rflags = 0x402});
  GIVES("MOVSD to it, downwards: RSI", o, rsi, base + 0x4c);
  GIVES("MOVSD to it, downwards: RDI", o, rdi, word_at - 4);
  o = on_word("SCASD", 0x55, 0x55, CODE("scasd"), {.rax = 0x55, .rdi = word_at});
  check("SCASD: ZF", o.r.rflags & 0x40, 0x40);
  store32(base + 0x60, 0x55);
  o = on_word("CMPSD", 0x55, 0x55, CODE("cmpsd"), {.rsi = base + 0x60, .rdi = word_at});
  check("CMPSD: ZF", o.r.rflags & 0x40, 0x40);
  // The I/O APIC's window is one register at one address; here it is its select, byte by byte, up.
  store32(base + 0x70, 0x0403'0201);
  o = meets("REP MOVSB to one page", exception::none, CODE("rep movsb"),
            {.rcx = 1, .rsi = base + 0x72, .rdi = byte_at});
  check("REP MOVSB to one page", load32(byte_at) & 0xff, 3);
}

/// Code of a 32-bit segment, in compatibility mode.
inline void compatibility() {
  auto const on = [](axhal::text what, std::uint32_t before, std::uint32_t after, void const* code, registers in,
                     std::uint16_t cs) {
    store32(word_at, before);
    in.rsp = reinterpret_cast<std::uint64_t>(code_stack) + sizeof code_stack;
    auto const o = meets(what, exception::none, code, in, cs);
    check(what, load32(word_at), after);
    check(what, o.cs, cs);
    return o;
  };
  for (auto const cs : {kernel_code_32, user_code_32}) {
    auto o = on("32-bit code: MOV", 5, 5, CODE(".byte 0x8b, 0x03"), {.rbx = word_at}, cs);  // mov eax, [ebx]
    GIVES("32-bit code: MOV", o, rax, 5);
    on("32-bit code: INC in one byte, and MOV", 5, 8, CODE(".byte 0x40, 0x89, 0x03"), {.rax = 7, .rbx = word_at}, cs);
    o = on("32-bit code: an absolute address", 5, 5, CODE(".byte 0xa1\n\t.long 0xfee00380"), {}, cs);
    GIVES("32-bit code: an absolute address", o, rax, 5);
    o = on("32-bit code: no base", 5, 5, CODE(".byte 0x8b, 0x0d\n\t.long 0xfee00380"), {}, cs);
    GIVES("32-bit code: no base", o, rcx, 5);
    on("32-bit code: REP STOSD", 5, 6, CODE(".byte 0xf3, 0xab"), {.rax = 6, .rcx = 1, .rdi = word_at}, cs);
    o = on("32-bit code: CPUID", 5, 5, CODE(".byte 0x0f, 0xa2, 0xb9\n\t.long 77"), {.rax = 0}, cs);
    GIVES("32-bit code: what follows CPUID", o, rcx, 77);
  }
  auto const base = reinterpret_cast<std::uint64_t>(buffer);
  cpu::out8(scratch, 0x21);
  buffer[0] = buffer[1] = 0;
  auto const o = on("32-bit code: REP INSB", 5, 5, CODE(".byte 0xf3, 0x6c"), {.rcx = 2, .rdx = scratch, .rdi = base},
                    kernel_code_32);
  GIVES("32-bit code: REP INSB", o, rdi, base + 2);
  check("32-bit code: REP INSB, memory", sum_of(0, 2), 2 * 0x21);
}

inline void mmio_checks(machine const& m) {
  store32(local_apic + 0x320, 0x1'0000);  // the timer is masked
  plain_moves();
  arithmetic();
  bytes_and_words();
  strings();
  compatibility();
  store32(word_at, 0);
  if (!m.is_ours()) return;
  // What has no device and no memory reads as ones.
  auto o = meets("a load from nowhere", exception::none, CODE("mov rax, [rbx]"), {.rbx = nowhere});
  check("a load from nowhere", o.r.rax, ones);
  meets("a store to nowhere", exception::none, CODE("mov [rbx], rax"), {.rbx = nowhere});
  o = meets("a misaligned load of the I/O APIC", exception::none, CODE("mov eax, [rbx]"), {.rbx = byte_at + 1});
  check("a misaligned load of the I/O APIC", o.r.rax, 0);
}

}  // namespace payload

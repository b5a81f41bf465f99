// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>

// Loads, stores and atomic operations that reach a device, in every form.
namespace payload {

namespace uart_at {
inline constexpr std::uint64_t data = uart, ier = uart + 1, iir = uart + 2, lcr = uart + 3, mcr = uart + 4,
                               lsr = uart + uart_lsr, msr = uart + 6, scr = uart + 7;
}  // namespace uart_at

/// The PLIC's register of 32 bits that this guest may write as it likes: what the enable bits of sources 32 to 63 are.
inline constexpr std::uint64_t word_register = plic_enable + 4;
inline constexpr std::uint64_t priority_register = plic + 4 * 7;

// One instruction; a register that keeps its old value has 0x55 in every byte.
#define LOAD(insn, at)                                                    \
  [] {                                                                    \
    std::uint64_t loaded = 0x5555'5555'5555'5555;                         \
    asm volatile(insn " %0, 0(%1)" : "+&r"(loaded) : "r"(at) : "memory"); \
    return loaded;                                                        \
  }()
#define STORE(insn, at, value) asm volatile(insn " %z0, 0(%1)" ::"rJ"(std::uint64_t{value}), "r"(at) : "memory")
// Compressed forms want a0 to a5, and offsets of their own.
#define COMPRESSED_LOAD(insn, at)                                \
  [] {                                                           \
    register std::uint64_t a0 asm("a0") = 0x5555'5555'5555'5555; \
    register std::uint64_t a1 asm("a1") = at;                    \
    asm volatile(insn : "+r"(a0) : "r"(a1) : "memory");          \
    return a0;                                                   \
  }()
#define COMPRESSED_STORE(insn, at, value)             \
  [] {                                                \
    register std::uint64_t a0 asm("a0") = value;      \
    register std::uint64_t a1 asm("a1") = at;         \
    asm volatile(insn ::"r"(a0), "r"(a1) : "memory"); \
  }()

/// Widths and signs. The scratch register of the UART has eight bits, that of the PLIC 32.
inline void widths() {
  STORE("sb", uart_at::scr, 0x9c);
  check("lb", LOAD("lb", uart_at::scr), 0xffff'ffff'ffff'ff9c);
  check("lbu", LOAD("lbu", uart_at::scr), 0x9c);
  STORE("sb", uart_at::scr, 0x163);
  check("sb stores a byte", LOAD("lb", uart_at::scr), 0x63);
  STORE("sb", uart_at::scr, 0);
  check("sb of x0", LOAD("lbu", uart_at::scr), 0);
  // Wider loads reach the register at their first byte; the registers behind it are not read. Reading LSR at every
  // width is what drivers without a register width do.
  STORE("sh", uart_at::mcr, 0x10b);
  check("sh, lh", LOAD("lh", uart_at::mcr), 0x0b);
  check("lhu", LOAD("lhu", uart_at::mcr), 0x0b);
  STORE("sw", uart_at::mcr, 0x10003);
  check("sw, lw at the UART", LOAD("lw", uart_at::mcr), 0x03);
  check("lwu at the UART", LOAD("lwu", uart_at::mcr), 0x03);
  STORE("sb", uart_at::mcr, 0x0b);
  // DLAB makes the registers 0 and 1 the divisor; nothing can be printed meanwhile.
  STORE("sb", uart_at::lcr, 0x83);
  STORE("sd", uart_at::data, 0x0101'0000'0000'0037);
  auto const wide = LOAD("ld", uart_at::data);
  STORE("sb", uart_at::data, 0x21);
  auto const first = LOAD("lb", uart_at::data);
  auto const compressed = COMPRESSED_LOAD("c.ld a0, 0(a1)", uart_at::data);
  auto const with_offset = COMPRESSED_LOAD("c.ld a0, 248(a1)", uart_at::data - 248);
  COMPRESSED_STORE("c.sd a0, 0(a1)", uart_at::data, 0x17);
  auto const stored = LOAD("lbu", uart_at::data);
  COMPRESSED_STORE("c.sd a0, 128(a1)", uart_at::data - 128, 0x18);
  auto const stored_with_offset = LOAD("lbu", uart_at::data);
  STORE("sb", uart_at::data, 1);
  STORE("sb", uart_at::ier, 0);
  STORE("sb", uart_at::lcr, 0x03);
  check("sd, ld at the UART", wide, 0x37);
  check("lb at the UART's first register", first, 0x21);
  check("c.ld", compressed, 0x21);
  check("c.ld with an offset", with_offset, 0x21);
  check("c.sd", stored, 0x17);
  check("c.sd with an offset", stored_with_offset, 0x18);

  STORE("sw", word_register, 0x8000'0001);
  check("lw of bit 31", LOAD("lw", word_register), 0xffff'ffff'8000'0001);
  check("lwu of bit 31", LOAD("lwu", word_register), 0x8000'0001);
  check("c.lw of bit 31", COMPRESSED_LOAD("c.lw a0, 0(a1)", word_register), 0xffff'ffff'8000'0001);
  check("c.lw with an offset", COMPRESSED_LOAD("c.lw a0, 124(a1)", word_register - 124), 0xffff'ffff'8000'0001);
  COMPRESSED_STORE("c.sw a0, 0(a1)", word_register, 0x1'4000'0002);
  check("c.sw", LOAD("lw", word_register), 0x4000'0002);
  COMPRESSED_STORE("c.sw a0, 68(a1)", word_register - 68, 0x2000'0004);
  check("c.sw with an offset", LOAD("lw", word_register), 0x2000'0004);
  check(
      "lw with an offset below",
      [] {
        std::uint64_t v;
        asm volatile("lw %0, -2048(%1)" : "=r"(v) : "r"(word_register + 2048) : "memory");
        return v;
      }(),
      0x2000'0004);
  STORE("sw", word_register, 0);
  check("sw of x0", LOAD("lw", word_register), 0);
}

/// The forms that have sp as their base, and loads into every register, stores from every one, by every base.
inline void registers_of_accesses() {
  // c.lwsp a0, 0(sp); c.swsp a0, 0(sp); c.ldsp a0, 8(sp); c.sdsp a0, 8(sp), between c.mv sp, a1 and the way back.
  constexpr std::uint32_t sp_from_a1 = 0x812e;
  auto const with_sp = [](std::uint32_t compressed, std::uint64_t a0, std::uint64_t a1) {
    return code{sp_from_a1 | compressed << 16}(a0, a1);
  };
  store32(word_register, 0x8000'0010);
  check("c.lwsp", with_sp(0x4502, 0, word_register), 0xffff'ffff'8000'0010);
  with_sp(0xc02a, 0x77, word_register);
  check("c.swsp", load32(word_register), 0x77);
  store8(uart_at::lcr, 0x83);
  store8(uart_at::data, 0x42);
  auto const loaded = with_sp(0x6522, 0, uart_at::data - 8);
  with_sp(0xe42a, 0x43, uart_at::data - 8);
  auto const stored = load8(uart_at::data);
  store8(uart_at::data, 1);
  store8(uart_at::lcr, 0x03);
  check("c.ldsp", loaded, 0x42);
  check("c.sdsp", stored, 0x43);

  for (std::uint32_t r = 1; r < 32; ++r) {
    store8(uart_at::scr, 0x80 + r);
    constexpr std::uint32_t a0 = 10, a1 = 11;
    std::uint32_t const load = 0x0000'4003 | a1 << 15 | r << 7;  // lbu r, 0(a1)
    std::uint32_t const back = 0x0000'0013 | r << 15 | a0 << 7;  // mv a0, r
    check("a load into each register", code{load, back}(0, uart_at::scr), 0x80 + r);
    std::uint32_t const value = 0x0000'0013 | a0 << 15 | r << 7;  // mv r, a0
    if (r != a1) {
      code{value, 0x0000'0023 | r << 20 | a1 << 15}(0x40 + r, uart_at::scr);  // sb r, 0(a1)
      check("a store from each register", load8(uart_at::scr), 0x40 + r);
    }
    std::uint32_t const base = 0x0000'0013 | a1 << 15 | r << 7;  // mv r, a1
    if (r != a0) {
      code{base, 0x0000'0023 | a0 << 20 | r << 15}(0x20 + r, uart_at::scr);  // sb a0, 0(r)
      check("a store by each base", load8(uart_at::scr), 0x20 + r);
    }
    check("a load by each base", code{base, 0x0000'4003 | r << 15 | a0 << 7}(0, uart_at::scr), load8(uart_at::scr));
  }
  // A load into x0 is still a load: of IIR, which forgets that the transmitter is empty.
  store8(uart_at::ier, 2);
  asm volatile("lbu x0, 0(%0)" ::"r"(uart_at::iir) : "memory");
  check("a load into x0 reads the device", load8(uart_at::iir) & 0xf, 1);
  store8(uart_at::ier, 0);
}

#define AMO(insn, at, operand)                                                                         \
  [] {                                                                                                 \
    std::uint64_t old = 0x5555'5555'5555'5555;                                                         \
    asm volatile(insn " %0, %1, (%2)" : "+&r"(old) : "r"(std::uint64_t{operand}), "r"(at) : "memory"); \
    return old;                                                                                        \
  }()

/// Atomic operations on a device are a load and a store.
inline void atomics(machine const& m) {
  store32(word_register, 0x8000'0000);
  check("amoadd.w: old", AMO("amoadd.w", word_register, 3), 0xffff'ffff'8000'0000);
  check("amoadd.w: new", load32(word_register), 0x8000'0003);
  check("amoswap.w.aqrl: old", AMO("amoswap.w.aqrl", word_register, 0x0f), 0xffff'ffff'8000'0003);
  check("amoxor.w: old", AMO("amoxor.w", word_register, 0x1'0000'00ff), 0x0f);
  check("amoor.w: old", AMO("amoor.w", word_register, 0x100), 0xf0);
  check("amoand.w: old", AMO("amoand.w", word_register, 0x1f0), 0x1f0);
  check("amomax.w: old", AMO("amomax.w", word_register, ones), 0x1f0);
  check("amomax.w: -1 is less", load32(word_register), 0x1f0);
  check("amomaxu.w: old", AMO("amomaxu.w", word_register, ones), 0x1f0);
  check("amomaxu.w: 2^32 - 1 is more", load32(word_register), 0xffff'ffff);
  check("amomin.w: old", AMO("amomin.w", word_register, 5), ones);
  check("amomin.w: -1 is less", load32(word_register), 0xffff'ffff);
  check("amominu.w: old", AMO("amominu.w", word_register, 5), ones);
  check("amominu.w: 5 is less", load32(word_register), 5);
  store32(word_register, 0);
  if (!m.is_ours()) return;
  // A reservation is of memory; a device has none.
  faults("lr.w from a device", cause::load_access, word_register, [] {
    asm volatile("lr.w t0, (%0)" ::"r"(word_register) : "t0", "memory");
  });
  std::uint64_t gave_up = 1;
  auto const conditional = cause_of([&] {
    asm volatile("sc.w %0, %1, (%2)" : "+&r"(gave_up) : "r"(0x99), "r"(word_register) : "memory");
  });
  check("sc.w to a device fails or faults",
        gave_up != 0 && (conditional == cause::none || conditional == cause::store_access), 1);
  check("sc.w left the device alone", load32(word_register), 0);
}

/// Registers of the PLIC are words: other sizes and places read zero and write nothing.
inline void odd_sizes(machine const& m) {
  if (!m.is_ours()) return;
  store32(word_register, 0x8765'4321);
  check("lb of a PLIC register", LOAD("lb", word_register), 0);
  check("lhu of a PLIC register", LOAD("lhu", word_register), 0);
  check("lh in a PLIC register", LOAD("lh", word_register + 2), 0);
  check("ld of two PLIC registers", LOAD("ld", word_register - 4), 0);
  STORE("sb", word_register, 0xff);
  STORE("sh", word_register + 2, 0xffff);
  STORE("sd", word_register - 4, ones);
  check("odd stores to PLIC registers", load32(word_register), 0x8765'4321);
  store32(word_register, 0);
  check("the UART's page behind its registers", LOAD("lw", uart + 0x20), 0);
  STORE("sw", uart + 0xfc, 1);
}

/// No driver loads a device's register into an FP register.
inline void floating_point_accesses(machine const& m) {
  if (!m.is_ours()) return;
  set<csr::sstatus>(axhal::riscv64::sstatus::f_fs::mask);
  check("fld from a device", cause_of_word(0x0005'b507, 0, word_register - 4), cause::load_access);
  check("fsw to a device", cause_of_word(0x00a5'a027, 0, word_register), cause::store_access);
  check("c.fld from a device", cause_of_word(0x0001'2188, 0, uart_at::data), cause::load_access);
  clear<csr::sstatus>(axhal::riscv64::sstatus::f_fs::mask);
}

/// The UART's own ways that a driver relies on.
inline void uart_ways() {
  store8(uart_at::ier, 0);
  check("LSR: the transmitter is empty", load8(uart_at::lsr) & 0x60, 0x60);
  store8(uart_at::ier, 0xff);
  check("IER has four bits", load8(uart_at::ier), 0x0f);
  store8(uart_at::ier, 0);
  store8(uart_at::iir, 0xc7);  // FCR: FIFOs on and empty, trigger at 14
  check("IIR: FIFOs on, nothing pending", load8(uart_at::iir), 0xc1);
  // Nothing is printed while the transmitter is not on the wire.
  store8(uart_at::mcr, 0x10);
  auto const lines_down = load8(uart_at::msr);
  store8(uart_at::mcr, 0x1f);
  auto const lines_up = load8(uart_at::msr);
  store8(uart_at::data, 0xa7);
  auto const ready = load8(uart_at::lsr);
  auto const byte = LOAD("lb", uart_at::data);
  auto const taken = load8(uart_at::lsr);
  store8(uart_at::mcr, 0x0b);
  (void)load8(uart_at::msr);
  check("loop-back: no modem line is up", lines_down & 0xf0, 0);
  check("loop-back: the guest's own lines", lines_up & 0xf0, 0xf0);
  check("loop-back: data ready", ready & 1, 1);
  check("loop-back: the byte, sign-extended", byte, 0xffff'ffff'ffff'ffa7);
  check("loop-back: taken", taken & 1, 0);
  store8(uart_at::iir, 0);
  check("IIR: FIFOs off", load8(uart_at::iir), 0x01);
}

inline void devices(machine const& m) {
  widths();
  registers_of_accesses();
  atomics(m);
  odd_sizes(m);
  uart_ways();
}

}  // namespace payload

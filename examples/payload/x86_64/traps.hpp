// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../checks.hpp"
#include "guest.hpp"

#include <cstdint>

namespace payload {

/// What start.S has on its stack when it calls `on_trap`.
struct stopped {
  std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  std::uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

}  // namespace payload

extern "C" {
void enter_code(payload::stopped const* frame);
void left_code();
extern std::uint64_t left_code_stack;
}

// Code that runs with registers of its own, and what it met.
namespace payload {

/// Exceptions by their vectors.
namespace exception {
inline constexpr std::uint64_t de = 0, db = 1, nmi = 2, bp = 3, ud = 6, nm = 7, df = 8, ss = 12, gp = 13, pf = 14,
                               mf = 16, ac = 17, xm = 19;
inline constexpr std::uint64_t none = ones;  ///< the code came to its end
}  // namespace exception

inline constexpr std::uint16_t kernel_code = 0x08, kernel_data = 0x10, kernel_code_32 = 0x18, user_data = 0x23,
                               user_code = 0x2b, user_code_32 = 0x33;
/// Every piece of code ends by this interrupt.
inline constexpr std::uint64_t end_vector = 0x80;

/// Registers as code gets them, and as it leaves them.
struct registers {
  std::uint64_t rax{}, rcx{}, rdx{}, rbx{}, rsp{}, rbp{}, rsi{}, rdi{}, r8{}, r9{}, r10{}, r11{}, r12{}, r13{}, r14{},
      r15{};
  std::uint64_t rflags = 2;
};

/// How code came to its end, or by which exception it was stopped.
struct outcome {
  registers r;
  std::uint64_t vector{}, error{}, cr2{};
  std::uint64_t offset{};  ///< of RIP from the code's start
  std::uint64_t cs{};
};

/// Interrupts that were taken, in their order, and where.
inline constexpr unsigned log_size = 64;
inline std::uint32_t volatile taken_count[256];
inline struct {
  std::uint8_t volatile vector[log_size];
  std::uint64_t volatile rip[log_size];
  std::uint32_t volatile size;
} interrupt_log;
/// Where each single step was.
inline struct {
  std::uint64_t volatile rip[log_size];
  std::uint32_t volatile size;
  bool volatile on;
} steps;
/// Tells the interrupt controller of the end; set by whoever set it up.
inline void (*volatile end_of_interrupt)(std::uint64_t vector) = nullptr;

inline bool volatile code_runs;
inline std::uint64_t code_start;
inline outcome* code_outcome;

inline void leave_code(stopped& f) {
  outcome& o = *code_outcome;
  o.r = {f.rax, f.rcx, f.rdx, f.rbx, f.rsp, f.rbp, f.rsi, f.rdi,   f.r8,
         f.r9,  f.r10, f.r11, f.r12, f.r13, f.r14, f.r15, f.rflags};
  o.vector = f.vector == end_vector ? exception::none : f.vector;
  o.error = f.error;
  o.cr2 = cpu::read_cr2();
  o.offset = f.rip - code_start;
  o.cs = f.cs;
  code_runs = false;
  f.rip = reinterpret_cast<std::uint64_t>(&left_code);
  f.cs = kernel_code;
  f.rflags = 2;
  f.rsp = left_code_stack;
  f.ss = kernel_data;
}

[[noreturn]] inline void die(stopped const& f) {
  print("AXHAL-GUEST failed=an exception that was not caused on purpose: ");
  print_number(f.vector);
  print(" at 0x");
  print_number(f.rip, 16);
  print(", error code 0x");
  print_number(f.error, 16);
  print(", CR2 0x");
  print_number(cpu::read_cr2(), 16);
  print("\r\nAXHAL-GUEST verdict=failed\r\n");
  power_off();
}

inline void note_interrupt(stopped const& f) {
  auto const n = f.vector & 0xff;
  taken_count[n] = taken_count[n] + 1;
  if (auto const at = interrupt_log.size; at < log_size) {
    interrupt_log.vector[at] = static_cast<std::uint8_t>(n);
    interrupt_log.rip[at] = f.rip;
    interrupt_log.size = at + 1;
  }
}

inline void answer_trap(stopped& f) {
  if (f.vector == exception::nmi) return note_interrupt(f);
  if (f.vector == exception::db && code_runs && steps.on) {
    if (auto const at = steps.size; at < log_size) {
      steps.rip[at] = f.rip - code_start;
      steps.size = at + 1;
      return;
    }
  }
  if (f.vector < 32 || f.vector == end_vector) {
    if (!code_runs) die(f);
    return leave_code(f);
  }
  note_interrupt(f);
  if (end_of_interrupt != nullptr) end_of_interrupt(f.vector);
}

alignas(16) inline std::uint8_t code_stack[0x4000];

/// Runs code that ends by `int 0x80`, with these registers, at the privilege and in the mode of code segment `cs`. RSP
/// is a stack where it is not said.
inline outcome run(void const* code, registers const& in = {}, std::uint16_t cs = kernel_code) {
  outcome out;
  code_outcome = &out;
  code_start = reinterpret_cast<std::uint64_t>(code);
  stopped f{in.r15, in.r14,
            in.r13, in.r12,
            in.r11, in.r10,
            in.r9,  in.r8,
            in.rdi, in.rsi,
            in.rbp, in.rbx,
            in.rdx, in.rcx,
            in.rax, 0,
            0,      code_start,
            cs,     in.rflags,
            in.rsp, (cs & 3) != 0 ? user_data : kernel_data};
  if (f.rsp == 0) f.rsp = reinterpret_cast<std::uint64_t>(code_stack) + sizeof code_stack;
  code_runs = true;
  asm volatile("" ::: "memory");
  enter_code(&f);
  asm volatile("" ::: "memory");
  return out;
}

/// A piece of code for `run`, in Intel's syntax. Labels 1 to 6 are free.
#define CODE(...)                                                                       \
  [] {                                                                                  \
    std::uint64_t code_at;                                                              \
    asm(".pushsection .text.code, \"ax\"\n7:\n\t.intel_syntax noprefix\n\t" __VA_ARGS__ \
        "\n\t.att_syntax prefix\n\tint $0x80\n\t.popsection\n\tmovq $7b, %0"            \
        : "=r"(code_at));                                                               \
    return reinterpret_cast<void const*>(code_at);                                      \
  }()

/// Checks that code meets this exception at its first instruction, or none at all.
inline outcome meets(axhal::text what, std::uint64_t vector, void const* code, registers const& in = {},
                     std::uint16_t cs = kernel_code) {
  outcome const o = run(code, in, cs);
  check(what, o.vector, vector);
  if (vector != exception::none && o.vector == vector && vector != exception::bp) check(what, o.offset, 0);
  return o;
}
/// The same, with this error code.
inline outcome meets(axhal::text what, std::uint64_t vector, std::uint64_t error, void const* code,
                     registers const& in = {}, std::uint16_t cs = kernel_code) {
  outcome const o = meets(what, vector, code, in, cs);
  check(what, o.error, error);
  return o;
}

}  // namespace payload

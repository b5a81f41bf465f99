// SPDX-License-Identifier: BSL-1.0
// A guest that tries everything: every number of a control and status register, every privileged instruction, every
// form of load and store at every offset of its devices, calls of every number that matters with arguments of every
// kind. What comes back does not matter; that the hypervisor and this guest live on does.

#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

using namespace payload;

namespace {

/// Instructions that wait to be executed, each with the return behind it and the values that it gets in a0 and a1. Many
/// at a time: to make new code visible is what takes an emulator longest.
class batch {
 public:
  void add(std::uint32_t word, std::uint64_t a0 = 0, std::uint64_t a1 = 0) {
    lines_[count_] = {word, 0x0000'8067};
    values_[count_] = {a0, a1};
    if (++count_ == size) run();
  }
  /// Executes all, in their order. What one does to its registers is dropped, and an exception steps over it.
  void run() {
    asm volatile("fence.i" ::: "memory");
    for (unsigned i = 0; i < count_; ++i) {
      register std::uint64_t a0 asm("a0") = values_[i].a0;
      register std::uint64_t a1 asm("a1") = values_[i].a1;
      asm volatile("jalr %2"
                   : "+r"(a0), "+r"(a1)
                   : "r"(&lines_[i])
                   : "ra", "s0", "s1", "a2", "a3", "a4", "a5", "memory");
    }
    count_ = 0;
  }

 private:
  static constexpr unsigned size = 4096;
  struct line {
    std::uint32_t instruction, back;
  };
  struct arguments {
    std::uint64_t a0, a1;
  };
  line lines_[size];
  arguments values_[size];
  unsigned count_;
};
constinit batch instructions{};

constexpr std::uint32_t system = 0x73, a0 = 10 << 15, into_a0 = 10 << 7, from_a1 = 11 << 15;
constexpr std::uint32_t funct3(std::uint32_t n) { return n << 12; }

/// True for what this guest would only break itself with: its vectors, its stack for traps, its translation, and the
/// interrupts that it does not take.
constexpr bool is_own_state(std::uint32_t number) {
  return number == 0x100 || number == 0x105 || number == 0x140 || number == 0x180;
}

void registers() {
  for (std::uint32_t number = 0; number < 0x1000; ++number) {
    std::uint32_t const word = system | number << 20;
    instructions.add(word | funct3(2) | into_a0);  // csrr a0
    if (is_own_state(number)) continue;
    for (std::uint64_t const value : {ones, std::uint64_t{0x5555'aaaa'0f0f'1234}, std::uint64_t{0}}) {
      instructions.add(word | funct3(1) | a0 | into_a0, value);  // csrrw a0, a0
      instructions.add(word | funct3(2) | a0, value);            // csrs
      instructions.add(word | funct3(3) | a0, value);            // csrc
    }
    for (std::uint32_t kind = 5; kind < 8; ++kind) instructions.add(word | funct3(kind) | 31 << 15 | into_a0);
    instructions.add(word | funct3(1) | a0, 0);
  }
  instructions.run();
  write<csr::sie>(0);
  write<csr::sip>(0);
  set_timer(ones);
}

/// Fences, returns, waits and the hypervisor's own loads and stores, with addresses that are nobody's and one that is
/// ours.
void privileged() {
  for (std::uint32_t number = 0; number < 0x1000; ++number) {
    // ECALL is swept by itself; SRET and WFI would be obeyed.
    if (number == 0 || number == 0x102 || number == 0x105) continue;
    instructions.add(system | number << 20);
    instructions.add(system | number << 20 | a0, ram + 0x10'0000);
    for (std::uint64_t const at : {nowhere, ones}) {
      instructions.add(system | number << 20 | a0 | into_a0, at);
      instructions.add(system | number << 20 | funct3(4) | a0 | into_a0, at);
    }
  }
  // Cache-block operations.
  for (std::uint32_t number = 0; number < 0x1000; number += 1) {
    for (std::uint64_t const at : {nowhere, plic, uart + 7}) instructions.add(0x0000'200f | number << 20 | a0, at);
  }
  instructions.run();
}

/// Every load, store and atomic operation there is room for, of general and FP registers, at `at`.
void forms(std::uint64_t at) {
  constexpr std::uint32_t load = 0x03, load_fp = 0x07, store = 0x23, store_fp = 0x27, atomic = 0x2f;
  constexpr std::uint32_t from_a0 = 10 << 20;
  for (std::uint32_t width = 0; width < 8; ++width) {
    for (std::uint32_t const opcode : {load, load_fp})
      instructions.add(opcode | funct3(width) | from_a1 | into_a0, 0, at);
    for (std::uint32_t const opcode : {store, store_fp})
      instructions.add(opcode | funct3(width) | from_a1 | from_a0, ones, at);
    for (std::uint32_t operation = 0; operation < 0x80; ++operation) {
      instructions.add(atomic | funct3(width) | from_a1 | from_a0 | into_a0 | operation << 25, ones, at);
      instructions.add(atomic | funct3(width) | from_a1 | into_a0 | operation << 25, 0, at);
    }
  }
  // Quadrant 0 of the compressed ones, with a1 as the base: 11 bits are free.
  for (std::uint32_t free = 0; free < 0x800; ++free) {
    std::uint32_t const word = (free & 0x1f) << 2 | 3 << 7 | (free >> 5) << 10;
    instructions.add(word | 0x0001'0000, 0, at);
  }
  instructions.run();
}

template <typename T>
void touch(std::uint64_t at, T value) {
  if constexpr (sizeof(T) == 1) {
    asm volatile("sb %0, 0(%1)\n\tlbu %0, 0(%1)\n\tlb %0, 0(%1)" : "+r"(value) : "r"(at) : "memory");
  } else if constexpr (sizeof(T) == 2) {
    asm volatile("sh %0, 0(%1)\n\tlhu %0, 0(%1)\n\tlh %0, 0(%1)" : "+r"(value) : "r"(at) : "memory");
  } else if constexpr (sizeof(T) == 4) {
    asm volatile("sw %0, 0(%1)\n\tlwu %0, 0(%1)\n\tlw %0, 0(%1)" : "+r"(value) : "r"(at) : "memory");
  } else {
    asm volatile("sd %0, 0(%1)\n\tld %0, 0(%1)" : "+r"(value) : "r"(at) : "memory");
  }
}

/// Every width at every `step`th offset, aligned or not.
void device(std::uint64_t base, std::uint64_t first, std::uint64_t end, std::uint64_t step = 1) {
  for (std::uint64_t const value : {ones, std::uint64_t{0x5555'aaaa'0f0f'1234}, std::uint64_t{0}}) {
    for (std::uint64_t at = base + first; at < base + end; at += step) {
      touch<std::uint8_t>(at, static_cast<std::uint8_t>(value));
      touch<std::uint16_t>(at, static_cast<std::uint16_t>(value));
      touch<std::uint32_t>(at, static_cast<std::uint32_t>(value));
      touch<std::uint64_t>(at, value);
    }
  }
}

void wake_uart() {
  store8(uart + 3, 0x03);
  store8(uart + 4, 0x0b);
  store8(uart + 2, 0);
  store8(uart + 1, 0);
}

void devices() {
  device(plic, 0, 0x1100);       // priorities and pending bits
  device(plic, 0x1f80, 0x2200);  // enables of the first contexts
  device(plic, 0x2200, 0x20'0000, 0xfe3);
  device(plic, 0x20'0000, 0x20'0020);
  device(plic, 0x20'0ff0, 0x20'1020);  // threshold and claim
  device(plic, 0x20'1020, 0x60'0000, 0x3ff1);
  device(plic, 0x5f'fff0, 0x60'0010);  // the end, and beyond
  device(uart, 1, 0x120);              // all but the data register
  device(nowhere, 0, 0x40);
  forms(plic_enable + 4);
  forms(plic_claim);
  // The base is below the registers that are meant, which also end as they were.
  forms(uart + 0x40);
  forms(nowhere);
  wake_uart();
}

/// True for calls that end or suspend this hart, or fill our memory with what we have not asked for.
bool ends(std::uint64_t extension, std::uint64_t function) {
  auto const is = [=](sbi e) { return extension == static_cast<std::uint64_t>(e); };
  return is(sbi::srst) || is(sbi::susp) || (is(sbi::hsm) && function != 0 && function != 2) ||
         (is(sbi::pmu) && function == 7) || extension == 8;
}

std::uint64_t calls(machine const& m) {
  constexpr sbi extensions[] = {sbi::base,
                                sbi::time,
                                sbi::ipi,
                                sbi::rfence,
                                sbi::hsm,
                                sbi::dbcn,
                                sbi::pmu,
                                sbi::cppc,
                                sbi::nacl,
                                sbi::sta,
                                sbi::legacy_clear_ipi,
                                sbi::legacy_remote_sfence_vma};
  // None of these is the size of something that could be printed.
  constexpr std::uint64_t arguments[] = {
      0,         ones,        ones - 1,         nowhere, std::uint64_t{1} << 63, std::uint64_t{1} << 32,
      ones >> 1, 0xffff'ffff, ram + 0x4000'0000};
  std::uint64_t made = 0;
  for (sbi const extension : extensions) {
    auto const number = static_cast<std::uint64_t>(extension);
    for (std::uint64_t function = 0; function < 9; ++function) {
      if (ends(number, function)) continue;
      // OpenSBI prints whatever memory it is shown, and stops itself at counters that nobody has.
      if ((extension == sbi::dbcn || extension == sbi::pmu) && !m.is_ours()) continue;
      for (auto const a : arguments) {
        for (auto const b : arguments) {
          for (auto const c : arguments) {
            call(number, function, a, b, c, a, b);
            ++made;
          }
        }
      }
      call(number | std::uint64_t{1} << 32, function, 0, ones, 1);
      call(number, function | std::uint64_t{1} << 32, 0, ones, 1);
    }
  }
  for (std::uint64_t reason = 2; reason < 0x1'0000'0000; reason = reason * 3 + 1) {
    call(sbi::srst, 0, reason + 1, 0);
    call(sbi::srst, 0, 0, reason);
    call(sbi::srst, reason, 0, 0);
    call(sbi::hsm, 3, reason < 0x8000'0000 ? reason : 2, 0, 0);
    call(sbi::hsm, 4 + reason, 0, 0, 0);
    made += 5;
  }
  for (std::uint64_t extension = 1; extension != 0; extension <<= 1) {
    if (ends(extension, 0)) continue;
    call(extension, 0, ones, ones, ones, ones, ones);
    call(~extension, ones, extension, extension, extension);
    made += 2;
  }
  set_timer(ones);
  clear<csr::sip>(2);
  return made;
}

}  // namespace

extern "C" void on_trap(stopped&) { note_exception(read<csr::scause>()); }

extern "C" void payload_main(std::uint64_t, std::uint64_t tree) {
  machine const m{tree};
  set<csr::sstatus>(std::uint64_t{1} << 13 | std::uint64_t{1} << 9);  // FP and vector, where they are
  registers();
  print("AXHAL-GUEST registers=ok\r\n");
  privileged();
  print("AXHAL-GUEST privileged=ok\r\n");
  devices();
  print("\r\nAXHAL-GUEST devices=ok\r\n");
  auto const made = calls(m);
  wake_uart();
  print("\r\nAXHAL-GUEST calls=");
  print_number(made);
  print("\r\nAXHAL-GUEST exceptions=");
  print_number(caught.count);
  print("\r\nAXHAL-GUEST verdict=ok\r\n");
  power_off();
}

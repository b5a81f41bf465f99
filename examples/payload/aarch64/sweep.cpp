// SPDX-License-Identifier: BSL-1.0
// A guest that tries everything: every system register encoding, every offset of its devices in every width, hypercalls
// of every number that matters. What comes back does not matter; that the hypervisor and this guest live on does.

#include "guest.hpp"

using namespace payload;

namespace {

std::uint64_t volatile exceptions;

/// Instructions that wait to be executed, each with the RET behind it and the value that it gets in X0. Many at a time:
/// to make new code visible is what takes an emulator longest.
class batch {
 public:
  void add(std::uint32_t word, std::uint64_t value) {
    code_[2 * count_] = word;
    code_[2 * count_ + 1] = 0xd65f'03c0;
    values_[count_] = value;
    if (++count_ == size) run();
  }
  /// Executes all, in their order. What one does to X0 is dropped, and an exception steps over it.
  void run() {
    for (auto const& line : code_) asm volatile("dc cvau, %0" ::"r"(&line) : "memory");
    asm volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" ::: "memory");
    for (unsigned i = 0; i < count_; ++i) {
      register std::uint64_t x0 asm("x0") = values_[i];
      asm volatile("blr %1" : "+r"(x0) : "r"(&code_[2 * i]) : "x30", "x1", "x2", "x3", "memory");
    }
    count_ = 0;
  }

 private:
  static constexpr unsigned size = 4096;
  alignas(4096) std::uint32_t code_[2 * size];
  std::uint64_t values_[size];
  unsigned count_;
};
constinit batch instructions{};

constexpr std::uint32_t system_instruction(bool read, unsigned op0, unsigned op1, unsigned crn, unsigned crm,
                                           unsigned op2) {
  return 0xd500'0000u | (read ? 1u << 21 : 0) | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}

/// True for what this guest would only break itself with: its own translation, vectors, stack, timers' masks are its
/// own business, and the hypervisor never sees them.
constexpr bool is_own_state(unsigned op0, unsigned op1, unsigned crn) {
  return op0 == 3 && ((op1 == 0 && (crn <= 10 || crn == 12 || crn == 13)) || (op1 == 3 && (crn == 4 || crn == 13)));
}

void registers() {
  for (unsigned encoding = 0; encoding < 1u << 15; ++encoding) {
    unsigned const op0 = 2 + (encoding >> 14), op1 = encoding >> 11 & 7, crn = encoding >> 7 & 15,
                   crm = encoding >> 3 & 15, op2 = encoding & 7;
    instructions.add(system_instruction(true, op0, op1, crn, crm, op2), 0);
    if (is_own_state(op0, op1, crn)) continue;
    instructions.add(system_instruction(false, op0, op1, crn, crm, op2), ~std::uint64_t{0});
    instructions.add(system_instruction(false, op0, op1, crn, crm, op2), 0);
  }
  instructions.run();
}

/// Cache, translation and TLB instructions on an address that is nobody's and on one that is ours.
void maintenance() {
  for (unsigned encoding = 0; encoding < 1u << 14; ++encoding) {
    unsigned const op1 = encoding >> 11 & 7, crn = encoding >> 7 & 15, crm = encoding >> 3 & 15, op2 = encoding & 7;
    if (crn != 7 && crn != 8) continue;
    instructions.add(system_instruction(false, 1, op1, crn, crm, op2), nowhere);
  }
  instructions.run();
}

template <typename T>
void touch(std::uint64_t at, T value) {
  if constexpr (sizeof(T) == 1) {
    asm volatile("strb %w0, [%1]\n\tldrb %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
  } else if constexpr (sizeof(T) == 2) {
    asm volatile("strh %w0, [%1]\n\tldrh %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
  } else if constexpr (sizeof(T) == 4) {
    asm volatile("str %w0, [%1]\n\tldr %w0, [%1]" : "+r"(value) : "r"(at) : "memory");
  } else {
    asm volatile("str %0, [%1]\n\tldr %0, [%1]" : "+r"(value) : "r"(at) : "memory");
  }
}

void device(std::uint64_t base, std::uint64_t size, std::uint64_t first) {
  constexpr std::uint64_t values[] = {~std::uint64_t{0}, 0x5555'aaaa'0f0f'1234, 0};
  for (std::uint64_t value : values) {
    for (std::uint64_t at = base + first; at < base + size; ++at) {
      touch<std::uint8_t>(at, static_cast<std::uint8_t>(value));
      if (at % 2 == 0) touch<std::uint16_t>(at, static_cast<std::uint16_t>(value));
      if (at % 4 == 0) touch<std::uint32_t>(at, static_cast<std::uint32_t>(value));
      if (at % 8 == 0) touch<std::uint64_t>(at, value);
      if (at % 16 == 0)
        asm volatile("stp %0, %0, [%1]\n\tldp x2, x3, [%1]" ::"r"(value), "r"(at) : "x2", "x3", "memory");
      if (at % 16 == 0) {
        // Where the first one faults the second one is off by one register; it is an address of the same kind.
        std::uint64_t moved = at, loaded;
        asm volatile("ldr %0, [%1], #8\n\tstr %0, [%1, #-8]!" : "=&r"(loaded), "+r"(moved)::"memory");
      }
    }
  }
}

void calls() {
  // All but those that end or suspend this vCPU.
  constexpr std::uint64_t bases[] = {0x8000'0000, 0x8400'0000, 0xc400'0000, 0xc000'0000, 0, 0xffff'ff00};
  constexpr std::uint64_t arguments[] = {0, ~std::uint64_t{0}, 0x4000'0000};
  for (std::uint64_t const base : bases) {
    for (std::uint64_t n = 0; n < 64; ++n) {
      auto const function = base + n;
      bool const ends = (function & 0xbfff'ffff) == 0x8400'0001 || (function & 0xbfff'ffff) == 0x8400'0002 ||
                        (function & 0xbfff'ffff) == 0x8400'0008 || (function & 0xbfff'ffff) == 0x8400'0009;
      if (ends) continue;
      for (std::uint64_t const argument : arguments) {
        hvc(function, argument, argument, argument);
        smc(function, argument);
        hvc(function | std::uint64_t{0xffff'ffff} << 32, argument, ~argument, argument);
      }
    }
  }
}

}  // namespace

extern "C" void on_sync(std::uint64_t) {
  std::uint64_t elr;
  asm volatile("mrs %0, elr_el1" : "=r"(elr));
  exceptions = exceptions + 1;
  asm volatile("msr elr_el1, %0" ::"r"(elr + 4));
}
extern "C" void on_irq(std::uint64_t) {}

extern "C" void payload_main() {
  store32(uart + 0x30, 0x301);
  registers();
  print("AXHAL-GUEST registers=ok\r\n");
  maintenance();
  print("AXHAL-GUEST maintenance=ok\r\n");
  device(gicd, 0x1000, 0);
  device(uart, 0x1000, 4);  // all but the data register
  device(nowhere, 0x100, 0);
  device(gicc + 0x2000, 0x100, 0);
  store32(uart + 0x30, 0x301);
  print("\r\nAXHAL-GUEST devices=ok\r\n");
  calls();
  store32(uart + 0x30, 0x301);
  print("AXHAL-GUEST exceptions=");
  print_number(exceptions);
  print("\r\nAXHAL-GUEST verdict=ok\r\n");
  power_off();
}

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../console.hpp"

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/sbi.hpp>

#include <cstdint>

// What a program in S-mode has of its machine: registers, devices at the addresses of QEMU's virt machine, SBI calls.
namespace payload {

using axhal::riscv64::csr;

inline constexpr std::uint64_t plic = 0x0c00'0000;
inline constexpr std::uint64_t uart = 0x1000'0000;
inline constexpr std::uint64_t ram = 0x8000'0000;
inline constexpr std::uint64_t nowhere = 0x0b00'0000;  ///< no device, no memory
inline constexpr std::uint64_t ones = ~std::uint64_t{0};

inline constexpr std::uint32_t uart_irq = 10;
/// Registers of the PLIC for S-mode of hart 0, which is context 1.
inline constexpr std::uint64_t plic_pending = plic + 0x1000;
inline constexpr std::uint64_t plic_enable = plic + 0x2000 + 0x80;
inline constexpr std::uint64_t plic_threshold = plic + 0x20'0000 + 0x1000;
inline constexpr std::uint64_t plic_claim = plic_threshold + 4;

inline constexpr unsigned uart_lsr = 5;

inline void store8(std::uint64_t at, std::uint32_t value) {
  asm volatile("sb %0, 0(%1)" ::"r"(value), "r"(at) : "memory");
}
inline void store32(std::uint64_t at, std::uint32_t value) {
  asm volatile("sw %0, 0(%1)" ::"r"(value), "r"(at) : "memory");
}
inline std::uint8_t load8(std::uint64_t at) {
  std::uint64_t value;
  asm volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(at) : "memory");
  return static_cast<std::uint8_t>(value);
}
inline std::uint32_t load32(std::uint64_t at) {
  std::uint64_t value;
  asm volatile("lwu %0, 0(%1)" : "=r"(value) : "r"(at) : "memory");
  return static_cast<std::uint32_t>(value);
}

template <csr Id>
std::uint64_t read() {
  std::uint64_t value;
  asm volatile("csrr %0, %1" : "=r"(value) : "i"(static_cast<unsigned>(Id)) : "memory");
  return value;
}
template <csr Id>
void write(std::uint64_t value) {
  asm volatile("csrw %0, %1" ::"i"(static_cast<unsigned>(Id)), "r"(value) : "memory");
}
template <csr Id>
void set(std::uint64_t bits) {
  asm volatile("csrs %0, %1" ::"i"(static_cast<unsigned>(Id)), "r"(bits) : "memory");
}
template <csr Id>
void clear(std::uint64_t bits) {
  asm volatile("csrc %0, %1" ::"i"(static_cast<unsigned>(Id)), "r"(bits) : "memory");
}

using sbi = axhal::riscv64::sbi_extension;

/// What a call returns, as a0 and a1 hold it.
struct call_result {
  std::uint64_t error, value;
};

inline call_result call(std::uint64_t extension, std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0,
                        std::uint64_t c = 0, std::uint64_t d = 0, std::uint64_t e = 0) {
  register std::uint64_t a0 asm("a0") = a;
  register std::uint64_t a1 asm("a1") = b;
  register std::uint64_t a2 asm("a2") = c;
  register std::uint64_t a3 asm("a3") = d;
  register std::uint64_t a4 asm("a4") = e;
  register std::uint64_t a6 asm("a6") = function;
  register std::uint64_t a7 asm("a7") = extension;
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
  return {a0, a1};
}
inline call_result call(sbi extension, std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0,
                        std::uint64_t c = 0, std::uint64_t d = 0, std::uint64_t e = 0) {
  return call(static_cast<std::uint64_t>(extension), function, a, b, c, d, e);
}

/// Asks for a timer interrupt when `time` has come; all ones: never.
inline void set_timer(std::uint64_t deadline) { call(sbi::time, 0, deadline); }

inline void put(std::uint8_t byte) {
  while ((load8(uart + uart_lsr) & 0x20) == 0) asm volatile("");
  store8(uart, byte);
}

inline void power_off() {
  call(sbi::srst, 0, 0, 0);
  for (;;) asm volatile("wfi");
}

}  // namespace payload

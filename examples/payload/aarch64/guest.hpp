// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../console.hpp"

#include <cstdint>

// What a program at EL1 has of its machine: registers, devices at the addresses of QEMU's virt machine, calls to PSCI.
namespace payload {

inline constexpr std::uint64_t gicd = 0x0800'0000;
inline constexpr std::uint64_t gicc = 0x0801'0000;
inline constexpr std::uint64_t uart = 0x0900'0000;
inline constexpr std::uint64_t nowhere = 0x0b00'0000;  ///< no device, no memory

inline void store32(std::uint64_t at, std::uint32_t value) {
  asm volatile("str %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}
inline void store8(std::uint64_t at, std::uint32_t value) {
  asm volatile("strb %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}
inline std::uint32_t load32(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}

/// Four arguments and four results, as SMCCC passes them.
struct call_result {
  std::uint64_t x0, x1, x2, x3;
};

inline call_result hvc(std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
  register std::uint64_t x0 asm("x0") = function;
  register std::uint64_t x1 asm("x1") = a;
  register std::uint64_t x2 asm("x2") = b;
  register std::uint64_t x3 asm("x3") = c;
  asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  return {x0, x1, x2, x3};
}
inline call_result smc(std::uint64_t function, std::uint64_t a = 0) {
  register std::uint64_t x0 asm("x0") = function;
  register std::uint64_t x1 asm("x1") = a;
  register std::uint64_t x2 asm("x2") = 0;
  register std::uint64_t x3 asm("x3") = 0;
  asm volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  return {x0, x1, x2, x3};
}

inline void put(std::uint8_t byte) { store32(uart, byte); }

inline void power_off() {
  hvc(0x8400'0008);
  for (;;) asm volatile("wfi");
}

}  // namespace payload

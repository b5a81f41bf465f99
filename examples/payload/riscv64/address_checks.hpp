// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "device_checks.hpp"
#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

// Addresses where nothing is, and accesses that are not aligned.
namespace payload {

inline void unmapped(machine const& m) {
  auto const end = ram + m.memory_size();
  for (std::uint64_t const at : {nowhere, nowhere + 0x1'2348, end, std::uint64_t{0x7f'ffff'f000},
                                 std::uint64_t{1} << 40, std::uint64_t{1} << 55, ones - 7}) {
    faults("load from nowhere", cause::load_access, at, [at] {
      asm volatile("ld t0, 0(%0)" ::"r"(at) : "t0", "memory");
    });
    faults("byte from nowhere", cause::load_access, at, [at] { (void)load8(at); });
    faults("store to nowhere", cause::store_access, at, [at] { store32(at, 1); });
    faults("amoadd at nowhere", cause::store_access, at, [at] {
      asm volatile("amoadd.w t0, zero, (%0)" ::"r"(at) : "t0", "memory");
    });
    faults("lr at nowhere", cause::load_access, at, [at] { asm volatile("lr.w t0, (%0)" ::"r"(at) : "t0", "memory"); });
    faults("jump to nowhere", cause::fetch_access, at & ~std::uint64_t{3}, [at] {
      asm volatile("la t0, 1f\n\tsd t0, 0(%0)\n\tjr %1\n1:" ::"r"(&return_to), "r"(at & ~std::uint64_t{3})
                   : "t0", "memory");
    });
  }
  faults("compressed load from nowhere", cause::load_access, nowhere,
         [] { COMPRESSED_LOAD("c.lw a0, 0(a1)", nowhere); });
  faults("compressed store to nowhere", cause::store_access, nowhere,
         [] { COMPRESSED_STORE("c.sd a0, 0(a1)", nowhere, 1); });
  faults("a refused load leaves its register", cause::load_access,
         [] { check("a refused load leaves its register", LOAD("lw", nowhere), 0x5555'5555'5555'5555); });
  // Code runs from memory alone. Where stval is not the device's first byte, the jump has run into it.
  if (m.is_ours()) {
    faults("jump into a device", cause::fetch_access, uart, [] {
      asm volatile("la t0, 1f\n\tsd t0, 0(%0)\n\tjr %1\n1:" ::"r"(&return_to), "r"(uart) : "t0", "memory");
    });
  }
}

/// Accesses that are not aligned: memory does them or says that it does not; a device is never read in halves.
inline void misaligned(machine const& m) {
  alignas(16) static std::uint8_t bytes[32];
  for (unsigned i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  auto const at = reinterpret_cast<std::uint64_t>(bytes);
  std::uint64_t value = 0x0807'0605'0403'0201;
  auto const load = cause_of([&] { asm volatile("ld %0, 1(%1)" : "+&r"(value) : "r"(at) : "memory"); });
  check("misaligned load works or says so", load == cause::none || load == cause::load_misaligned, 1);
  check("misaligned load", value, 0x0807'0605'0403'0201);
  auto const store = cause_of([&] { asm volatile("sd %0, 17(%1)" ::"r"(value), "r"(at) : "memory"); });
  check("misaligned store works or says so", store == cause::none || store == cause::store_misaligned, 1);
  if (store == cause::none) check("misaligned store", bytes[17] == 1 && bytes[24] == 8 && bytes[25] == 25, 1);
  auto const atomic = cause_of([&] { asm volatile("amoadd.w t0, zero, (%0)" ::"r"(at + 2) : "t0", "memory"); });
  check("misaligned AMO works or says so",
        atomic == cause::none || atomic == cause::store_misaligned || atomic == cause::store_access ||
            atomic == cause::load_misaligned,  // (QEMU's way)
        1);

  auto const end = ram + m.memory_size();
  auto const across = cause_of([&] { asm volatile("ld t0, -4(%0)" ::"r"(end) : "t0", "memory"); });
  check("a load across the end of memory", across == cause::load_access || across == cause::load_misaligned, 1);
  auto const stored = cause_of([&] { asm volatile("sd zero, -4(%0)" ::"r"(end) : "memory"); });
  check("a store across the end of memory", stored == cause::store_access || stored == cause::store_misaligned, 1);
  auto const before = cause_of([&] { asm volatile("ld t0, -4(%0)" ::"r"(ram) : "t0", "memory"); });
  check("a load across the start of memory", before == cause::load_access || before == cause::load_misaligned, 1);
  if (!m.is_ours()) return;
  // The PLIC is asked for a place where it has no register, or is not asked at all.
  store32(word_register, 0x1111'1111);
  std::uint64_t half = 0;
  auto const device = cause_of([&] { asm volatile("lw %0, 1(%1)" : "+&r"(half) : "r"(word_register) : "memory"); });
  check("misaligned load from a device",
        device == cause::none || device == cause::load_access || device == cause::load_misaligned, 1);
  check("misaligned load from a device: nothing", half, 0);
  auto const written = cause_of([] { asm volatile("sw %0, 2(%1)" ::"r"(ones), "r"(word_register) : "memory"); });
  check("misaligned store to a device",
        written == cause::none || written == cause::store_access || written == cause::store_misaligned, 1);
  check("misaligned store leaves the device", load32(word_register), 0x1111'1111);
  store32(word_register, 0);
}

inline void addresses(machine const& m) {
  unmapped(m);
  misaligned(m);
}

}  // namespace payload

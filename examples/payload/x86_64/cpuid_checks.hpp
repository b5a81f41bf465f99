// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"

#include <cstdint>
#include <initializer_list>

// CPUID: what it says, what it must not say, and how long the instruction is.
namespace payload {

inline void hidden_features() {
  auto const one = cpu::cpuid(1), seven = cpu::cpuid(7), extended = cpu::cpuid(0x8000'0001);
  auto const absent = [](axhal::text what, std::uint32_t word, unsigned bit) { check(what, word >> bit & 1, 0); };
  absent("CPUID: no MONITOR", one.ecx, 3);
  absent("CPUID: no VMX", one.ecx, 5);
  absent("CPUID: no SMX", one.ecx, 6);
  absent("CPUID: no PDCM", one.ecx, 15);
  absent("CPUID: no SGX", seven.ebx, 2);
  absent("CPUID: no MPX", seven.ebx, 14);
  absent("CPUID: no CET", seven.ecx, 7);
  absent("CPUID: no five levels", seven.ecx, 16);
  absent("CPUID: no SVM", extended.ecx, 2);
  absent("CPUID: no SKINIT", extended.ecx, 12);
  absent("CPUID: no instruction-based sampling", extended.ecx, 10);
  for (std::uint32_t const leaf : {0x5U, 0xaU, 0xfU, 0x10U, 0x12U, 0x14U, 0x8000'000aU, 0x8000'001fU}) {
    if (leaf > cpu::cpuid(leaf & 0x8000'0000).eax) continue;
    auto const r = cpu::cpuid(leaf);
    check("CPUID: a leaf that is hidden", std::uint64_t{r.eax} | r.ebx | r.ecx | r.edx, 0);
  }
  check("CPUID: the local APIC is there", one.edx >> 9 & 1, 1);
  check("CPUID: x2APIC", one.ecx >> 21 & 1, 1);
  check("CPUID: TSC deadline", one.ecx >> 24 & 1, 1);
  check("CPUID: the APIC ID", one.ebx >> 24, 0);
  check("CPUID: the hypervisor's last leaf", cpu::cpuid(0x4000'0000).eax, 0x4000'0010);
  auto const beyond = cpu::cpuid(0x4000'0011);
  auto const last = cpu::cpuid(cpu::cpuid(0).eax);
  bool const like_the_last = beyond == last;
  bool const zero = (beyond.eax | beyond.ebx | beyond.ecx | beyond.edx) == 0;
  check("CPUID: beyond the last leaf", zero || like_the_last, 1);
}

inline void cpuid_by_state(machine const& m) {
  constexpr std::uint64_t osxsave = 1 << 18;
  auto const cr4 = cpu::read_cr4();
  cpu::write_cr4(cr4 & ~osxsave);
  check("CPUID: OSXSAVE is clear like CR4's", cpu::cpuid(1).ecx >> 27 & 1, 0);
  if (!m.has_xsave()) return cpu::write_cr4(cr4);
  cpu::write_cr4(cr4 | osxsave);
  check("CPUID: OSXSAVE is set like CR4's", cpu::cpuid(1).ecx >> 27 & 1, 1);
  auto const xcr0 = cpu::xgetbv(0);
  auto const states = cpu::cpuid(0xd, 0);
  cpu::xsetbv(0, 1);
  check("CPUID: the XSAVE area of x87", cpu::cpuid(0xd, 0).ebx, 576);
  cpu::xsetbv(0, 3);
  check("CPUID: the XSAVE area of SSE", cpu::cpuid(0xd, 0).ebx, 576);
  if (m.has_avx()) {
    cpu::xsetbv(0, 7);
    check("CPUID: the XSAVE area of AVX", cpu::cpuid(0xd, 0).ebx, 832);
    check("CPUID: AVX's own size", cpu::cpuid(0xd, 2).eax, 256);
    check("CPUID: AVX's own place", cpu::cpuid(0xd, 2).ebx, 576);
  }
  check("CPUID: the largest area does not follow XCR0", cpu::cpuid(0xd, 0).ecx, states.ecx);
  check("CPUID: states that can be had have x87 and SSE", states.eax & 3, 3);
  cpu::xsetbv(0, xcr0);
  cpu::write_cr4(cr4);
}

/// The instruction after it is where it should be, and registers are written whole.
inline void cpuid_forms() {
  struct form {
    axhal::text what;
    void const* code;
  };
  form const forms[] = {
      {"CPUID, plain", CODE("cpuid\n\tmov r11d, 0x11223344")},
      {"CPUID with REX", CODE(".byte 0x4f, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
      {"CPUID with an operand size", CODE(".byte 0x66, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
      {"CPUID with an address size", CODE(".byte 0x67, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
      {"CPUID with a segment", CODE(".byte 0x64, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
      {"CPUID with six prefixes", CODE(".byte 0x2e, 0x66, 0x67, 0x3e, 0x65, 0x48, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
      {"CPUID with thirteen prefixes", CODE(".fill 12, 1, 0x3e\n\t.byte 0x48, 0x0f, 0xa2\n\tmov r11d, 0x11223344")},
  };
  auto const plain = cpu::cpuid(0);
  for (auto const& f : forms) {
    auto const o = meets(f.what, exception::none, f.code,
                         {.rax = 0xffff'ffff'0000'0000, .rcx = ones << 32, .rdx = ones, .rbx = ones, .r11 = ones});
    check(f.what, o.r.r11, 0x1122'3344);
    check(f.what, o.r.rax, plain.eax);
    check(f.what, o.r.rbx, plain.ebx);
    check(f.what, o.r.rcx, plain.ecx);
    check(f.what, o.r.rdx, plain.edx);
  }
  meets("an instruction of 16 bytes", exception::gp, CODE(".fill 14, 1, 0x3e\n\t.byte 0x0f, 0xa2"));
}

inline void cpuid_checks(machine const& m) {
  check("CPUID: there is leaf 1", m.last_basic() >= 1, 1);
  check("CPUID: there is leaf 80000008", m.last_extended() >= 0x8000'0008, 1);
  auto const features = cpu::cpuid(0x8000'0001);
  check("CPUID: long mode", features.edx >> 29 & 1, 1);
  cpuid_by_state(m);
  cpuid_forms();
  if (!m.is_ours()) return;
  hidden_features();
  std::uint64_t const told = cpu::cpuid(0x4000'0010).eax, measured = m.tsc_per_ms();
  check("CPUID: the TSC's rate", told > measured - measured / 20 && told < measured + measured / 20, 1);
}

}  // namespace payload

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"

#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>
#include <initializer_list>

// Model-specific registers: those that a guest has, those that it must not have, and values that none takes.
namespace payload {

namespace msr = axhal::x86_64::msr;

inline constexpr std::uint64_t non_canonical = std::uint64_t{1} << 47;

inline outcome read_msr_code(std::uint64_t number) {
  return run(CODE("rdmsr"), {.rax = ones, .rcx = number, .rdx = ones});
}
inline outcome write_msr_code(std::uint64_t number, std::uint64_t value) {
  return run(CODE("wrmsr"), {.rax = value & 0xffff'ffff, .rcx = number, .rdx = value >> 32});
}
inline void keeps_msr(axhal::text what, std::uint32_t number, std::uint64_t value) {
  auto const before = cpu::read_msr(number);
  check(what, write_msr_code(number, value).vector, exception::none);
  auto const o = read_msr_code(number);
  check(what, o.vector, exception::none);
  check(what, o.r.rdx << 32 | o.r.rax, value);
  cpu::write_msr(number, before);
}
inline void refuses_value(axhal::text what, std::uint32_t number, std::uint64_t value) {
  auto const before = cpu::read_msr(number);
  auto const o = write_msr_code(number, value);
  check(what, o.vector, exception::gp);
  check(what, o.error, 0);
  check(what, cpu::read_msr(number), before);
}

inline void system_call_registers(machine const& m) {
  keeps_msr("MSR: STAR", msr::star, 0x0018'0008'1234'5678);
  keeps_msr("MSR: LSTAR", msr::lstar, 0xffff'8000'1234'5678);
  keeps_msr("MSR: CSTAR", msr::cstar, 0x1234'5678);
  keeps_msr("MSR: SFMASK", msr::sfmask, 0x4'7700);
  keeps_msr("MSR: FS_BASE", msr::fs_base, 0x0000'7fff'ffff'fff8);
  keeps_msr("MSR: GS_BASE", msr::gs_base, 0xffff'8000'0000'0008);
  keeps_msr("MSR: KERNEL_GS_BASE", msr::kernel_gs_base, 0x1122'3344'5566);
  keeps_msr("MSR: SYSENTER_CS", msr::sysenter_cs, 0x10);
  keeps_msr("MSR: SYSENTER_ESP", msr::sysenter_esp, 0x1234'5678);
  keeps_msr("MSR: SYSENTER_EIP", msr::sysenter_eip, 0x1234'5679);
  if ((cpu::cpuid(0x8000'0001).edx >> 27 & 1) != 0) {
    keeps_msr("MSR: TSC_AUX", msr::tsc_aux, 0x1234'5678);
    cpu::write_msr(msr::tsc_aux, 0x77);
    auto const o = meets("RDTSCP", exception::none, CODE("rdtscp"), {.rax = ones, .rcx = ones, .rdx = ones});
    check("RDTSCP: TSC_AUX", o.r.rcx, 0x77);
    check("RDTSCP: upper halves", (o.r.rax | o.r.rdx) >> 32, 0);
  }
  // SVM lets a guest have these without an exit, so that an emulated processor is as generous there as it is itself.
  if (!m.is_intel()) return;
  for (auto const number : {msr::lstar, msr::cstar, msr::fs_base, msr::gs_base, msr::kernel_gs_base, msr::sysenter_esp,
                            msr::sysenter_eip}) {
    refuses_value("MSR: an address that is none", number, non_canonical);
  }
}

inline void efer_and_pat(machine const& m) {
  constexpr std::uint64_t sce = 1, lme = 1 << 8, lma = 1 << 10, nxe = 1 << 11;
  auto const efer = cpu::read_msr(msr::efer);
  check("EFER: long mode", efer & (lme | lma), lme | lma);
  check("EFER: no SVME", efer >> 12 & 1, 0);
  for (auto const bits : {sce, nxe, sce | nxe, std::uint64_t{0}}) {
    check("EFER, written", write_msr_code(msr::efer, lme | lma | bits).vector, exception::none);
    check("EFER", cpu::read_msr(msr::efer), lme | lma | bits);
  }
  cpu::write_msr(msr::efer, efer);
  keeps_msr("MSR: PAT", msr::pat, 0x0007'0405'0100'0406);
  if (!m.is_strict()) return;
  refuses_value("EFER: a reserved bit", msr::efer, efer | 1 << 9);
  refuses_value("EFER: a reserved bit above 32", msr::efer, efer | std::uint64_t{1} << 63);
  refuses_value("EFER: LME changes while paging is on", msr::efer, efer & ~lme);
  if (m.is_ours()) refuses_value("EFER: SVME is not there", msr::efer, efer | 1 << 12);
  refuses_value("PAT: a reserved type", msr::pat, 0x0007'0405'0100'0402);
  refuses_value("PAT: another", msr::pat, 0x0307'0405'0100'0406);
  refuses_value("PAT: not even three bits", msr::pat, 0x0807'0405'0100'0406);
}

inline void memory_types(machine const& m) {
  check("MTRR: there are", cpu::cpuid(1).edx >> 12 & 1, 1);
  auto const cap = cpu::read_msr(msr::mtrrcap);
  check("MTRR: variable ranges", (cap & 0xff) >= 2 && (cap & 0xff) <= 16, 1);
  check("MTRR: fixed ranges", cap >> 8 & 1, 1);
  keeps_msr("MTRR: a fixed range", msr::mtrr_fix64k_00000, 0x0605'0401'0006'0606);
  keeps_msr("MTRR: the last fixed range", msr::mtrr_fix4k_f8000, 0x0606'0606'0606'0605);
  keeps_msr("MTRR: a base", msr::mtrr_physbase0 + 6, 0x4000'0001);
  keeps_msr("MTRR: a mask", msr::mtrr_physbase0 + 7, 0xf'c000'0800);
  if (!m.is_strict()) return;
  check("MTRR: capabilities, written", write_msr_code(msr::mtrrcap, cap).vector, exception::gp);
  refuses_value("MTRR: a fixed range of a type that is none", msr::mtrr_fix64k_00000, 0x0606'0606'0606'0602);
  refuses_value("MTRR: a base of a type that is none", msr::mtrr_physbase0, 0x4000'0003);
  refuses_value("MTRR: a default of a type that is none", msr::mtrr_def_type, 0xc07);
  refuses_value("MTRR: a reserved bit of the default", msr::mtrr_def_type, 0x1'0c06);
}

inline void apic_base(machine const& m) {
  auto const base = cpu::read_msr(msr::apic_base);
  check("APIC_BASE: at its place, on, of the first processor", base & ~std::uint64_t{0xff}, local_apic | 0x900);
  check("APIC_BASE, written", write_msr_code(msr::apic_base, base).vector, exception::none);
  if (!m.is_strict()) return;
  refuses_value("APIC_BASE: a reserved bit", msr::apic_base, base | 1);
  refuses_value("APIC_BASE: beyond physical addresses", msr::apic_base, base | std::uint64_t{1} << 60);
  if (m.has_x2apic()) refuses_value("APIC_BASE: x2APIC mode while off", msr::apic_base, local_apic | 0x500);
}

/// What is above 32 bits in the registers of RDMSR and WRMSR does not count. (QEMU's SVM looks into the map of
/// registers that are intercepted by all of RCX, and finds nothing.)
inline void upper_halves() {
  constexpr std::uint64_t upper = ones << 32;
  auto const before = cpu::read_msr(msr::pat);
  auto o = meets("RDMSR with upper halves", exception::none, CODE("rdmsr"),
                 {.rax = upper, .rcx = msr::pat | upper, .rdx = upper});
  check("RDMSR with upper halves", o.r.rdx << 32 | o.r.rax, before);
  meets("WRMSR with upper halves", exception::none, CODE("wrmsr"),
        {.rax = 0x0004'0406 | upper, .rcx = msr::pat | upper, .rdx = 0x0007'0401 | upper});
  check("WRMSR with upper halves", cpu::read_msr(msr::pat), 0x0007'0401'0004'0406);
  cpu::write_msr(msr::pat, before);
}

inline void time_stamp() {
  auto const a = cpu::rdtsc();
  auto const o = read_msr_code(msr::tsc);
  auto const b = cpu::rdtsc();
  auto const by_msr = o.r.rdx << 32 | o.r.rax;
  check("MSR: the TSC", a <= by_msr && by_msr <= b, 1);
}

/// Registers of others, and numbers that nobody has.
inline void refused_registers() {
  constexpr std::uint32_t numbers[] = {msr::feature_control,
                                       0x9e,
                                       0xc1,
                                       0xc8,
                                       0x186,
                                       0x38d,
                                       0x38f,
                                       0x480,
                                       0x481,
                                       0x48c,
                                       0x491,
                                       0x570,
                                       0xd90,
                                       0x1fff,
                                       0x4567,
                                       0x2000,
                                       msr::xss,
                                       0xc000'0000,
                                       0xc000'2000,
                                       msr::vm_cr,
                                       msr::vm_hsave_pa,
                                       0xc001'0111,
                                       0xc001'0112,
                                       0xc001'0117,
                                       0xc001'1030,
                                       0x4000'0000,
                                       0x4000'0001,
                                       0x8000'0000,
                                       0xffff'ffff};
  for (auto const number : numbers) {
    auto const r = read_msr_code(number);
    check("an MSR that is not the guest's, read", r.vector, exception::gp);
    check("an MSR that is not the guest's, read: the error code", r.error, 0);
    check("an MSR that is not the guest's, read: where", r.offset, 0);
    auto const w = write_msr_code(number, 0);
    check("an MSR that is not the guest's, written", w.vector, exception::gp);
    check("an MSR that is not the guest's, written: where", w.offset, 0);
  }
}

inline void msr_checks(machine const& m) {
  system_call_registers(m);
  efer_and_pat(m);
  memory_types(m);
  apic_base(m);
  if (m.is_intel() || !m.is_ours()) upper_halves();
  if (m.is_intel()) time_stamp();  // QEMU's processors do not have it as an MSR
  check("RDMSR from ring 3", run(CODE("rdmsr"), {.rcx = msr::pat}, user_code).vector, exception::gp);
  check("WRMSR from ring 3", run(CODE("wrmsr"), {.rcx = msr::pat}, user_code).vector, exception::gp);
  auto const o = meets("RDMSR with prefixes", exception::none, CODE(".byte 0x66, 0x2e, 0x48, 0x0f, 0x32\n\tmov r8d, 5"),
                       {.rcx = msr::efer});
  check("RDMSR with prefixes: what follows", o.r.r8, 5);
  if (m.is_ours()) refused_registers();
}

}  // namespace payload

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"

#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>
#include <initializer_list>

// Control registers, XCR0, debug registers, and instructions that a guest must not have.
namespace payload {

inline void control_registers(machine const& m) {
  auto const set_cr0 = CODE("mov cr0, rax"), set_cr3 = CODE("mov cr3, rax"), set_cr4 = CODE("mov cr4, rax");
  auto const cr0 = cpu::read_cr0(), cr3 = cpu::read_cr3(), cr4 = cpu::read_cr4();
  constexpr std::uint64_t pe = 1, mp = 2, em = 4, ts = 8, et = 16, ne = 32, wp = 1 << 16, am = 1 << 18, nw = 1 << 29,
                          cd = 1 << 30, pg = std::uint64_t{1} << 31;
  check("CR0 at first", cr0, pg | wp | ne | et | mp | pe);
  auto const takes = [&](axhal::text what, std::uint64_t value, std::uint64_t wanted) {
    check(what, run(set_cr0, {.rax = value}).vector, exception::none);
    check(what, cpu::read_cr0(), wanted);
  };
  takes("CR0.WP clear", cr0 & ~wp, cr0 & ~wp);
  takes("CR0.AM", cr0 | am, cr0 | am);
  takes("CR0.TS", cr0 | ts, cr0 | ts);
  takes("CR0.EM and MP", (cr0 & ~mp) | em, (cr0 & ~mp) | em);
  takes("CR0.ET cannot be cleared", cr0 & ~et, cr0);
  takes("CR0.CD", cr0 | cd, cr0 | cd);
  takes("CR0 as it was", cr0, cr0);
  // NE belongs to the guest even where the host needs it set.
  takes("CR0.NE clear", cr0 & ~ne, cr0 & ~ne);
  takes("CR0.NE", cr0, cr0);
  if (m.is_strict()) {
    auto const refuses = [&](axhal::text what, std::uint64_t value) {
      auto const o = meets(what, exception::gp, 0, set_cr0, {.rax = value});
      check(what, o.r.rax, value);
      check(what, cpu::read_cr0(), cr0);
    };
    refuses("CR0: NW without CD", cr0 | nw);
    refuses("CR0: PG without PE", cr0 & ~pe);
    refuses("CR0: PG cleared by 64-bit code", cr0 & ~pg);
    // QEMU ignores these, with SVM as without.
    if (m.is_intel()) refuses("CR0: bits above 32", cr0 | std::uint64_t{1} << 32);
  }

  constexpr std::uint64_t tsd = 4, de = 8, pae = 32, mce = 64, pge = 128, osfxsr = 512;
  auto const takes4 = [&](axhal::text what, std::uint64_t value) {
    check(what, run(set_cr4, {.rax = value}).vector, exception::none);
    check(what, cpu::read_cr4(), value);
  };
  takes4("CR4.PGE", cr4 | pge);
  takes4("CR4.DE, MCE", cr4 | de | mce);
  takes4("CR4.OSFXSR", cr4 | osfxsr);
  takes4("CR4.TSD", cr4 | tsd);
  check("RDTSC with TSD from ring 3", run(CODE("rdtsc"), {}, user_code).vector, exception::gp);
  check("RDTSC with TSD from ring 0", run(CODE("rdtsc")).vector, exception::none);
  takes4("CR4 as it was", cr4);
  check("RDTSC from ring 3", run(CODE("rdtsc"), {}, user_code).vector, exception::none);
  auto const refuses4 = [&](axhal::text what, std::uint64_t value) {
    meets(what, exception::gp, 0, set_cr4, {.rax = value});
    check(what, cpu::read_cr4(), cr4);
  };
  if (m.is_strict()) {
    refuses4("CR4: PAE cleared in 64-bit mode", cr4 & ~pae);
    refuses4("CR4: bit 15", cr4 | 1 << 15);
    refuses4("CR4: a bit above 32", cr4 | std::uint64_t{1} << 40);
    // Those of QEMU take it, and the next entry of a guest is refused.
    if (m.is_intel()) {
      check("CR3: bits above physical addresses", run(set_cr3, {.rax = cr3 | std::uint64_t{1} << 60}).vector,
            exception::gp);
    }
  }
  if (m.is_ours()) {
    refuses4("CR4: VMXE is not there", cr4 | 1 << 13);
    refuses4("CR4: SMXE is not there", cr4 | 1 << 14);
    refuses4("CR4: LA57 is not there", cr4 | 1 << 12);
  }
  check("CR3, written", run(set_cr3, {.rax = cr3}).vector, exception::none);
  check("CR3 with PWT and PCD", run(set_cr3, {.rax = cr3 | 0x18}).vector, exception::none);
  check("CR3 with PWT and PCD", cpu::read_cr3(), cr3 | 0x18);
  cpu::write_cr3(cr3);
  auto const o = run(CODE("mov r14, cr0\n\tmov r13, cr4\n\tmov rsp, cr3\n\tmov rbp, cr3"));
  check("MOV R14, CR0", o.r.r14, cr0);
  check("MOV R13, CR4", o.r.r13, cr4);
  check("MOV RBP, CR3", o.r.rbp, cr3);
  struct form {
    axhal::text what;
    void const* code;
  };
  form const forms[] = {{"MOV from CR0, ring 3", CODE("mov rax, cr0")},
                        {"MOV to CR0, ring 3", CODE("mov cr0, rax")},
                        {"MOV to CR3, ring 3", CODE("mov cr3, rax")},
                        {"MOV to CR4, ring 3", CODE("mov cr4, rax")},
                        {"CLTS, ring 3", CODE("clts")},
                        {"LMSW, ring 3", CODE("lmsw ax")},
                        {"HLT, ring 3", CODE("hlt")},
                        {"CLI, ring 3", CODE("cli")},
                        {"INVLPG, ring 3", CODE("invlpg [rax]")},
                        {"MOV to DR7, ring 3", CODE("mov dr7, rax")},
                        {"MOV from DR6, ring 3", CODE("mov rax, dr6")},
                        {"LGDT, ring 3", CODE("lgdt [rsp - 16]")},
                        {"LTR, ring 3", CODE("ltr ax")}};
  for (auto const& f : forms) meets(f.what, exception::gp, 0, f.code, {.rax = cr0}, user_code);
  if (m.is_intel()) {
    // QEMU's processors let them pass.
    meets("WBINVD, ring 3", exception::gp, 0, CODE("wbinvd"), {}, user_code);
    meets("INVD, ring 3", exception::gp, 0, CODE("invd"), {}, user_code);
  }
  for (auto const code : {CODE("mov rax, cr1"), CODE("mov cr5, rax"), CODE("mov cr15, rax")}) {
    meets("a control register that does not exist", exception::ud, code);
  }
}

inline void status_word() {
  auto const cr0 = cpu::read_cr0();
  auto o = meets("SMSW", exception::none, CODE("smsw rax"), {.rax = ones});
  check("SMSW", o.r.rax & 0xffff, cr0 & 0xffff);
  std::uint16_t word = 0;
  o = meets("SMSW to memory", exception::none, CODE("smsw [rbx]"), {.rbx = reinterpret_cast<std::uint64_t>(&word)});
  asm volatile("" ::: "memory");
  check("SMSW to memory", word, cr0 & 0xffff);
  o = meets("LMSW", exception::none, CODE("lmsw ax"), {.rax = (cr0 & 0xffff) | 8});
  check("LMSW sets TS", cpu::read_cr0(), cr0 | 8);
  meets("x87 with TS", exception::nm, CODE("fld1"));
  check("WAIT with TS and MP", run(CODE("fwait")).vector, exception::nm);
  meets("CLTS", exception::none, CODE("clts"));
  check("CLTS", cpu::read_cr0(), cr0);
  meets("LMSW without PE", exception::none, CODE("lmsw ax"), {.rax = cr0 & 0xfffe});
  check("LMSW does not clear PE", cpu::read_cr0(), cr0);
  cpu::write_cr0((cr0 & ~std::uint64_t{2}) | 4);
  meets("x87 with EM", exception::nm, CODE("fld1"));
  cpu::write_cr0(cr0);
  meets("x87", exception::none, CODE("fninit"));
}

inline void extended_control(machine const& m) {
  constexpr std::uint64_t osxsave = 1 << 18;
  auto const cr4 = cpu::read_cr4();
  auto const set = CODE("xsetbv"), get = CODE("xgetbv");
  if (!m.has_xsave()) return;
  cpu::write_cr4(cr4 & ~osxsave);
  meets("XSETBV without OSXSAVE", exception::ud, set, {.rax = 1});
  meets("XGETBV without OSXSAVE", exception::ud, get);
  cpu::write_cr4(cr4 | osxsave | 0x600);
  auto o = meets("XGETBV", exception::none, get, {.rax = ones, .rdx = ones});
  auto const xcr0 = o.r.rdx << 32 | o.r.rax;
  check("XCR0 has x87", xcr0 & 1, 1);
  for (std::uint64_t const value : {0ULL, 2ULL, 5ULL, 0x8000'0003ULL, 1ULL << 63 | 3, 0x23ULL}) {
    check("XSETBV with a value that is none", run(set, {.rax = value & 0xffff'ffff, .rdx = value >> 32}).vector,
          exception::gp);
  }
  check("XSETBV of another register", run(set, {.rax = 3, .rcx = 1}).vector, exception::gp);
  check("XSETBV from ring 3", run(set, {.rax = 3}, user_code).vector, exception::gp);
  check("XGETBV from ring 3", run(get, {}, user_code).vector, exception::none);
  check("XCR0 after all this", cpu::xgetbv(0), xcr0);
  meets("XSETBV", exception::none, set, {.rax = 3});
  check("XSETBV", cpu::xgetbv(0), 3);
  if (m.has_avx()) {
    meets("AVX without its state", exception::ud, CODE("vpxor ymm0, ymm0, ymm0"));
    meets("XSETBV with AVX", exception::none, set, {.rax = 7});
    meets("AVX", exception::none, CODE("vpxor ymm0, ymm0, ymm0"));
  }
}

inline void debug_registers() {
  auto const o = run(CODE("mov dr0, rax\n\tmov dr3, rcx\n\tmov rdx, dr0\n\tmov rbx, dr3"),
                     {.rax = 0x1234'5678'9abc, .rcx = 0x1111});
  check("DR0", o.r.rdx, 0x1234'5678'9abc);
  check("DR3", o.r.rbx, 0x1111);
  check("DR7 at first", run(CODE("mov rax, dr7")).r.rax, 0x400);
  meets("DR7: bits above 32", exception::gp, CODE("mov dr7, rax"), {.rax = std::uint64_t{1} << 32 | 0x400});
  // An instruction breakpoint on something that leaves the machine, which is met before it is done.
  auto const code = CODE("nop\n\t1: cpuid\n\tmov r8d, 1");
  cpu::write_dr<0>(reinterpret_cast<std::uint64_t>(code) + 1);
  cpu::write_dr<6>(0xffff'0ff0);
  cpu::write_dr<7>(0x401 | 2);
  auto const broken = run(code);
  cpu::write_dr<7>(0x400);
  check("a breakpoint on CPUID", broken.vector, exception::db);
  check("a breakpoint on CPUID: before it", broken.offset, 1);
  check("a breakpoint on CPUID: DR6", cpu::read_dr<6>() & 0xf, 1);
  // One on data, met behind the access; the exits between do not lose it.
  static std::uint64_t volatile watched;
  cpu::write_dr<1>(reinterpret_cast<std::uint64_t>(&watched));
  cpu::write_dr<6>(0xffff'0ff0);
  cpu::write_dr<7>(0x400 | 0xc | 0xd0'0000 << 0);
  auto const seen = run(CODE("mov rcx, 3\n\t1: xor eax, eax\n\tcpuid\n\tmov [rsi], rdi\n\tmov r8d, 1"),
                        {.rsi = reinterpret_cast<std::uint64_t>(&watched), .rdi = 1});
  cpu::write_dr<7>(0x400);
  check("a breakpoint on data", seen.vector, exception::db);
  check("a breakpoint on data: behind it", seen.r.r8, 0);
  check("a breakpoint on data: DR6", cpu::read_dr<6>() & 0xf, 2);
  cpu::write_dr<6>(0xffff'0ff0);
}

inline void hidden_instructions(machine const& m) {
  struct form {
    axhal::text what;
    void const* code;
  };
  form const undefined[] = {
      {"UD2", CODE("ud2")},
      {"VMXON", CODE(".byte 0xf3, 0x0f, 0xc7, 0x30")},
      {"VMPTRLD", CODE(".byte 0x0f, 0xc7, 0x30")},
      {"VMCLEAR", CODE(".byte 0x66, 0x0f, 0xc7, 0x30")},
      {"VMXOFF", CODE(".byte 0x0f, 0x01, 0xc4")},
      {"VMLAUNCH", CODE(".byte 0x0f, 0x01, 0xc2")},
      {"VMRESUME", CODE(".byte 0x0f, 0x01, 0xc3")},
      {"VMREAD", CODE(".byte 0x0f, 0x78, 0xc1")},
      {"VMWRITE", CODE(".byte 0x0f, 0x79, 0xc1")},
      {"INVEPT", CODE(".byte 0x66, 0x0f, 0x38, 0x80, 0x00")},
      {"INVVPID", CODE(".byte 0x66, 0x0f, 0x38, 0x81, 0x00")},
      {"VMRUN", CODE(".byte 0x0f, 0x01, 0xd8")},
      {"VMLOAD", CODE(".byte 0x0f, 0x01, 0xda")},
      {"VMSAVE", CODE(".byte 0x0f, 0x01, 0xdb")},
      {"STGI", CODE(".byte 0x0f, 0x01, 0xdc")},
      {"CLGI", CODE(".byte 0x0f, 0x01, 0xdd")},
      {"INVLPGA", CODE(".byte 0x0f, 0x01, 0xdf")},
      {"RSM", CODE(".byte 0x0f, 0xaa")},
      {"PUSH CS", CODE(".byte 0x0e")},
      {"LOCK without a cause", CODE(".byte 0xf0, 0x90")},
  };
  for (auto const& f : undefined) {
    // QEMU's processors of AMD's take these for instructions of another group.
    bool const is_pointer = f.what.starts_with("VMXON") || f.what.starts_with("VMPTR") || f.what.starts_with("VMCLEAR");
    if (is_pointer && !m.is_intel()) continue;
    meets(f.what, exception::ud, f.code, {.rax = 0x100'0000});
    // Where SVM is on, though the guest has none, the ring is looked at before what is intercepted.
    auto const o = run(f.code, {.rax = 0x100'0000}, user_code);
    check(f.what, o.vector == exception::ud || (m.is_ours() && !m.is_intel() && o.vector == exception::gp), 1);
  }
  auto const vmcall = CODE(".byte 0x0f, 0x01, 0xc1"), vmmcall = CODE(".byte 0x0f, 0x01, 0xd9");
  meets("VMCALL from ring 3", exception::ud, vmcall, {}, user_code);
  meets("VMMCALL from ring 3", exception::ud, vmmcall, {}, user_code);
  meets("WBINVD", exception::none, CODE("wbinvd"));
  check("RDPMC from ring 3", run(CODE("rdpmc"), {}, user_code).vector != exception::none, 1);
  if (!m.is_ours()) return;
  auto const call = m.is_intel() ? vmcall : vmmcall;
  auto o = meets("a call for the version", exception::none, call, {.rax = 0, .rcx = 6, .rbx = 5, .r15 = 7});
  check("a call for the version", o.r.rax != ones && o.r.rax != 0, 1);
  check("a call keeps RBX", o.r.rbx, 5);
  check("a call keeps RCX", o.r.rcx, 6);
  check("a call keeps R15", o.r.r15, 7);
  o = meets("a call that is none", exception::none, call, {.rax = 0x1234});
  check("a call that is none", o.r.rax, ones);
  meets("INVD", exception::none, CODE("invd"));
  check("RDPMC", run(CODE("rdpmc")).vector, exception::gp);
  check("MONITOR", run(CODE("monitor"), {.rax = reinterpret_cast<std::uint64_t>(code_stack)}).vector, exception::ud);
  check("MWAIT", run(CODE("mwait")).vector, exception::ud);
}

inline void control_checks(machine const& m) {
  control_registers(m);
  status_word();
  extended_control(m);
  debug_registers();
  hidden_instructions(m);
}

}  // namespace payload

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "apic.hpp"
#include "port_checks.hpp"

#include <cstdint>
#include <initializer_list>

extern "C" {
void visit_real_mode();
extern std::uint8_t low_start[], low_end[];
extern std::uint8_t low_results[];
extern std::uint64_t pdpt[512];
}

// Exceptions of the guest's own, its pages and rings, and what an exit must leave as it was.
namespace payload {

inline void exceptions(machine const& m) {
  check("INT3", run(CODE("int3")).vector, exception::bp);
  check("INT3: behind it", run(CODE("int3")).offset, 1);
  check("INT 3 of two bytes", run(CODE(".byte 0xcd, 3")).offset, 2);
  check("INT1", run(CODE(".byte 0xf1")).vector, exception::db);
  check("DIV by zero", run(CODE("xor ecx, ecx\n\tdiv ecx")).vector, exception::de);
  meets("UD2", exception::ud, CODE("ud2"));
  meets("an address that is none", exception::gp, 0, CODE("mov rax, [rbx]"), {.rbx = std::uint64_t{1} << 63});
  if (m.is_intel())
    meets("a stack that is none", exception::ss, 0, CODE("push rax"), {.rsp = std::uint64_t{1} << 63 | 8});
  meets("a selector beyond the table", exception::gp, 0x1230, CODE("mov ds, ax"), {.rax = 0x1230});
  forget_interrupts();
  auto const o = run(CODE("mov eax, 1\n\tint 0x77\n\tmov ecx, 2"));
  check("INT n", taken_count[0x77], 1);
  check("INT n: before and behind", o.r.rax << 4 | o.r.rcx, 0x12);
}

// --- pages ---

inline constexpr std::uint64_t window = 0x1'0000'0000;  ///< pages of 4 KiB, which each check maps as it likes
alignas(4096) inline std::uint64_t window_directory[512], window_table[512];
alignas(4096) inline std::uint8_t page_a[4096], page_b[4096];
inline constexpr std::uint64_t present = 1, writable = 2, for_user = 4, dirty = 0x40, accessed = 0x20,
                               no_execute = std::uint64_t{1} << 63;

inline void map(unsigned page, std::uint64_t entry) {
  window_table[page] = entry;
  cpu::invlpg(window + page * 0x1000);
}
template <typename T>
std::uint64_t address_of(T& object) {
  return reinterpret_cast<std::uint64_t>(&object);
}

inline void pages(machine const& m) {
  window_directory[0] = address_of(window_table) | 7;
  pdpt[4] = address_of(window_directory) | 7;
  auto const read = CODE("mov rax, [rbx]"), write = CODE("mov [rbx], rax"), jump = CODE("jmp rbx");
  auto const fault = [&](axhal::text what, std::uint64_t error, void const* code, std::uint64_t at,
                         std::uint16_t cs = kernel_code) {
    auto const o = run(code, {.rbx = at}, cs);
    check(what, o.vector, exception::pf);
    check(what, o.error, error);
    check(what, o.cr2, at);
  };
  map(0, 0);
  fault("a page that is not there, read", 0, read, window + 0x123);
  fault("a page that is not there, written", 2, write, window + 0x123);
  fault("a page that is not there, read by ring 3", 4, read, window + 8, user_code);
  map(0, address_of(page_a) | present | for_user);
  fault("a page that is not writable", 3, write, window + 0x10);
  fault("a page that is not writable, for ring 3", 7, write, window + 0x10, user_code);
  meets("a page that is not writable, read", exception::none, read, {.rbx = window});
  check("A is set", window_table[0] & (accessed | dirty), accessed);
  cpu::write_cr0(cpu::read_cr0() & ~std::uint64_t{1 << 16});
  meets("a page that is not writable, without WP", exception::none, write, {.rbx = window + 0x20});
  cpu::write_cr0(cpu::read_cr0() | 1 << 16);
  check("D is set", window_table[0] & dirty, dirty);
  map(0, address_of(page_a) | present | writable);
  fault("ring 0's page, read by ring 3", 5, read, window, user_code);
  cpu::write_msr(axhal::x86_64::msr::efer, cpu::read_msr(axhal::x86_64::msr::efer) | 1 << 11);
  map(0, address_of(page_a) | present | writable | no_execute);
  fault("a page without code", 0x11, jump, window + 0x40);
  map(0, address_of(page_a) | present | writable | std::uint64_t{1} << 51);
  if (m.is_intel()) fault("a reserved bit", 9, read, window);
  // A device behind the guest's own tables, and an operand that ends in another page.
  map(0, local_apic | present | writable | 0x18);
  map(1, 0);
  auto o = meets("a device behind a page of 4 KiB", exception::none, CODE("mov eax, [rbx]"), {.rbx = window + 0xf0});
  check("a device behind a page of 4 KiB", o.r.rax, load32(local_apic + 0xf0));
  map(0, address_of(page_a) | present | writable);
  o = run(CODE("rep insb"), {.rcx = 8, .rdx = scratch, .rdi = window + 0xffd});
  check("REP INSB into a page that is not there", o.vector, exception::pf);
  check("REP INSB into a page that is not there: the error code", o.error, 2);
  check("REP INSB into a page that is not there: CR2", o.cr2, window + 0x1000);
  check("REP INSB into a page that is not there: RCX", o.r.rcx, 5);
  check("REP INSB into a page that is not there: RDI", o.r.rdi, window + 0x1000);
  map(0, address_of(page_a) | present);
  o = run(CODE("insb"), {.rdx = scratch, .rdi = window});
  check("INSB into a page that is not writable", o.vector << 8 | o.error, exception::pf << 8 | 3);
  map(0, 0);
  o = run(CODE("outsb"), {.rdx = scratch, .rsi = window + 5});
  check("OUTSB from a page that is not there", o.vector << 8 | o.error, exception::pf << 8);
  check("OUTSB from a page that is not there: CR2", o.cr2, window + 5);
  o = run(CODE("movsd"), {.rsi = window + 5, .rdi = local_apic + 0x380});
  check("MOVSD to a device from a page that is not there", o.vector << 8 | o.error, exception::pf << 8);

  // Code that ends in another page, whose frame is elsewhere.
  map(0, address_of(page_b) | present | writable);
  map(1, address_of(page_a) | present | writable);
  auto const put_code = [](std::initializer_list<std::uint8_t> code, unsigned before) {
    unsigned n = 0;
    for (auto const byte : code) {
      (n < before ? page_b[0x1000 - before + n] : page_a[n - before]) = byte;
      ++n;
    }
  };
  auto const go = CODE("jmp r15");
  put_code({0x44, 0x8b, 0x83, 0x80, 0x03, 0x00, 0x00, 0xcd, 0x80}, 3);  // mov r8d, [rbx + 0x380]
  store32(local_apic + 0x380, 0x77);
  o = run(go, {.rbx = local_apic, .r15 = window + 0xffd});
  check("a device access that ends in another page", o.vector, exception::none);
  check("a device access that ends in another page", o.r.r8, 0x77);
  put_code({0x0f, 0xa2, 0xcd, 0x80}, 1);  // cpuid
  o = run(go, {.rax = 0, .r15 = window + 0xfff});
  check("CPUID in two pages", o.vector, exception::none);
  check("CPUID in two pages", o.r.rax, cpu::cpuid(0).eax);
  put_code({0xec, 0xcd, 0x80}, 1);  // in al, dx
  o = run(go, {.rax = 0, .rdx = no_port, .r15 = window + 0xfff});
  check("IN at a page's end", o.r.rax, 0xff);
  map(1, 0);
  put_code({0x44, 0x8b, 0x83, 0x80, 0x03, 0x00, 0x00, 0xcd, 0x80}, 3);
  o = run(go, {.rbx = local_apic, .r15 = window + 0xffd});
  check("code that ends in a page that is not there", o.vector, exception::pf);
  check("code that ends in a page that is not there: CR2", o.cr2, window + 0x1000);
  check("code that ends in a page that is not there: RIP", o.offset + reinterpret_cast<std::uint64_t>(go),
        window + 0xffd);
}

// --- rings ---

inline void system_calls() {
  namespace msr = axhal::x86_64::msr;
  auto const efer = cpu::read_msr(msr::efer);
  auto const user = CODE("syscall\n\tmov r10, 5");
  cpu::write_msr(msr::efer, efer & ~std::uint64_t{1});
  meets("SYSCALL without SCE", exception::ud, user, {}, user_code);
  cpu::write_msr(msr::efer, efer | 1);
  cpu::write_msr(msr::star, std::uint64_t{0x18 | 3} << 48 | std::uint64_t{kernel_code} << 32);
  cpu::write_msr(msr::lstar, reinterpret_cast<std::uint64_t>(CODE("mov r8, cs\n\tmov r9, rcx\n\tmov r12, r11\n\t"
                                                                  "mov edx, 0x2a8\n\tin al, dx\n\tsysretq")));
  cpu::write_msr(msr::sfmask, 0x200);
  auto const o = run(user, {.rflags = 0x203}, user_code);
  check("SYSCALL and SYSRET", o.vector, exception::none);
  check("SYSCALL: ring 0", o.r.r8, kernel_code);
  check("SYSCALL: RCX is the next instruction", o.r.r9, reinterpret_cast<std::uint64_t>(user) + 2);
  check("SYSCALL: R11 is RFLAGS", o.r.r12 & 0xfff, 0x203);
  check("SYSRET: ring 3", o.cs, user_code);
  check("SYSRET: behind SYSCALL", o.r.r10, 5);
  cpu::write_msr(msr::efer, efer);
  // SWAPGS.
  cpu::write_msr(msr::gs_base, 0x1111);
  cpu::write_msr(msr::kernel_gs_base, 0x2222);
  meets("SWAPGS", exception::none, CODE("swapgs\n\txor eax, eax\n\tcpuid"));
  check("SWAPGS", cpu::read_msr(msr::gs_base), 0x2222);
  check("SWAPGS", cpu::read_msr(msr::kernel_gs_base), 0x1111);
  cpu::write_msr(msr::gs_base, 0);
}

// --- what exits leave ---

inline void leave_often() {
  for (unsigned i = 0; i < 20; ++i) {
    static_cast<void>(cpu::cpuid(1));
    static_cast<void>(cpu::in8(scratch));
    static_cast<void>(load32(local_apic + 0xf0));
    static_cast<void>(run(CODE("rdmsr"), {.rcx = 0x277}));
    static_cast<void>(run(CODE("mov eax, [rbx]\n\tadd [rbx], eax"), {.rbx = local_apic + 0x380}));
    static_cast<void>(run(CODE("rdmsr"), {.rcx = 0x1234'5678}));
    cpu::write_cr0(cpu::read_cr0());
  }
}

inline void floating_point(machine const& m) {
  cpu::write_cr4(cpu::read_cr4() | 0x600);
  alignas(64) static std::uint8_t in[512], out[512];
  for (unsigned i = 0; i < 512; ++i) in[i] = static_cast<std::uint8_t>(i * 5 + 3);
  alignas(16) static std::uint8_t area[512];
  std::uint32_t const status = 0x5f80;  // rounds up
  asm volatile("fninit\n\tfldpi\n\tfldl2e\n\tldmxcsr %0" ::"m"(status));
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tmovups 16*\\n(%0), %%xmm\\n\n\t.endr" ::"r"(in)
               : "memory");
  leave_often();
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tmovups %%xmm\\n, 16*\\n(%0)\n\t.endr" ::"r"(out)
               : "memory");
  for (unsigned i = 0; i < 256; ++i) check("an SSE register across exits", out[i], in[i]);
  asm volatile("fxsave64 %0" : "=m"(area));
  check("MXCSR across exits", axhal::boot::detail::load_le<std::uint32_t>({area, 512}, 24), status);
  check("x87's stack across exits", axhal::boot::detail::load_le<std::uint64_t>({area, 512}, 32),
        0xb8aa'3b29'5c17'f0bc);
  check("x87's stack across exits", axhal::boot::detail::load_le<std::uint64_t>({area, 512}, 48),
        0xc90f'daa2'2168'c235);
  if (!m.has_avx() || (cpu::read_cr4() >> 18 & 1) == 0 || (cpu::xgetbv(0) & 4) == 0) return;
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tvmovups 32*\\n(%0), %%ymm\\n\n\t.endr" ::"r"(in)
               : "memory");
  leave_often();
  asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tvmovups %%ymm\\n, 32*\\n(%0)\n\t.endr" ::"r"(out)
               : "memory");
  for (unsigned i = 0; i < 512; ++i) check("an AVX register across exits", out[i], in[i]);
}

/// One step behind each instruction, whoever does it.
inline void single_steps() {
  struct form {
    axhal::text what;
    void const* code;
    unsigned length;
    registers in;
  };
  form const forms[] = {
      {"a step over NOP", CODE("nop\n\tnop"), 1, {}},
      {"a step over CPUID", CODE("cpuid\n\tnop"), 2, {}},
      {"a step over IN", CODE("in al, dx\n\tnop"), 1, {.rdx = scratch}},
      {"a step over OUT", CODE("out dx, al\n\tnop"), 1, {.rdx = scratch}},
      {"a step over RDMSR", CODE("rdmsr\n\tnop"), 2, {.rcx = 0x277}},
      {"a step over a device's load", CODE("mov eax, [rbx]\n\tnop"), 2, {.rbx = local_apic + 0xf0}},
      {"a step over a device's OR", CODE("or [rbx], eax\n\tnop"), 2, {.rbx = local_apic + 0x380}},
      {"a step over MOV CR0", CODE("mov cr0, rax\n\tnop"), 3, {.rax = 0x8001'0033}},
      {"a step over INSB", CODE("insb\n\tnop"), 1, {.rdx = scratch, .rdi = address_of(page_a)}},
  };
  for (auto const& f : forms) {
    registers in = f.in;
    in.rflags = 0x102;
    steps.size = 0;
    steps.on = true;
    auto const o = run(f.code, in);
    steps.on = false;
    check(f.what, o.vector, exception::none);
    check(f.what, steps.size, 2);
    check(f.what, steps.rip[0], f.length);
    check(f.what, steps.rip[1], f.length + 1);
    check(f.what, cpu::read_dr<6>() >> 14 & 1, 1);
  }
}

/// An interrupt that waits is taken behind the instruction that follows STI, not before.
inline void shadows() {
  auto const where = [](axhal::text what, void const* code, std::uint64_t wanted, registers const& in = {}) {
    forget_interrupts();
    apic_command(self | 0x51);
    check(what, run(code, in).vector, exception::none);
    check(what, interrupt_log.size, 1);
    check(what, interrupt_log.rip[0] - reinterpret_cast<std::uint64_t>(code), wanted);
  };
  where("STI, NOP", CODE("sti\n\tnop\n\tnop\n\tcli"), 2);
  where("STI, IN", CODE("sti\n\tin al, dx\n\tnop\n\tcli"), 2, {.rdx = scratch});
  where("STI, CPUID", CODE("sti\n\tcpuid\n\tnop\n\tcli"), 3);
  where("STI, HLT", CODE("sti\n\thlt\n\tnop\n\tcli"), 2);
  where("STI, a device's load", CODE("sti\n\tmov eax, [rbx]\n\tnop\n\tcli"), 3, {.rbx = local_apic + 0xf0});
  forget_interrupts();
  apic_command(self | 0x51);
  run(CODE("sti\n\tcli"));
  check("STI, CLI: no room", taken_count[0x51], 0);
  run(CODE("sti\n\tnop\n\tcli"));
  check("STI, NOP, CLI", taken_count[0x51], 1);
}

inline void real_mode(machine const& m) {
  auto const size = static_cast<unsigned>(low_end - low_start);
  auto const low = [](unsigned at) { return load32(0x8000 + at); };
  auto* const place = reinterpret_cast<std::uint8_t volatile*>(std::uint64_t{0x8000});
  std::uint8_t const* from = low_start;
  asm("" : "+r"(from));
  for (unsigned i = 0; i < size; ++i) place[i] = from[i];
  auto const kept = load32(0x10'0010);
  store32(0x10'0010, 0x1234'abcd);
  cpu::out8(scratch, 0x3c);
  visit_real_mode();
  auto const results = static_cast<unsigned>(low_results - low_start);
  check("real mode: an interrupt of its own", low(results), 1);
  check("real mode: CPUID", low(results + 4), cpu::cpuid(0).ebx);
  check("real mode: IN", low(results + 8) & 0x9f, 0);
  check("real mode: REP INSB", low(results + 12), 0x3c3c'3c3c);
  check("real mode: DI and CX", low(results + 16), 0x8000 + results + 16);
  check("real mode: SMSW has no PE", low(results + 20) & 1, 0);
  check("real mode: beyond 1 MiB", low(results + 24), 0x1234'abcd);
  store32(0x10'0010, kept);
  check("back from real mode", cpu::read_msr(axhal::x86_64::msr::efer) >> 10 & 1, 1);
  static_cast<void>(m);
}

inline void state_checks(machine const& m) {
  exceptions(m);
  pages(m);
  system_calls();
  floating_point(m);
  single_steps();
  shadows();
  real_mode(m);
}

}  // namespace payload

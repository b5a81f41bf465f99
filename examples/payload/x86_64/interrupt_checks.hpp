// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "apic.hpp"

#include <cstdint>
#include <initializer_list>

// Interrupts: to itself, by priority, NMI, of the APIC's timer in all its modes, in both modes of the APIC.
namespace payload {

inline void expect_interrupt(machine const& m, axhal::text what, unsigned vector, std::uint32_t count) {
  cpu::sti();
  static_cast<void>(m.wait_for([=] { return taken_count[vector] >= count; }));
  cpu::cli();
  check(what, taken_count[vector], count);
}

inline void to_itself(machine const& m) {
  forget_interrupts();
  apic_command(self | 0x51);
  check("an IPI to itself waits", apic_bit(apic_reg::irr, 0x51), 1);
  check("an IPI to itself is not taken while IF is 0", taken_count[0x51], 0);
  expect_interrupt(m, "an IPI to itself", 0x51, 1);
  check("nothing waits behind it", apic_bit(apic_reg::irr, 0x51), 0);
  check("its end was told", apic_bit(apic_reg::isr, 0x51), 0);
  apic_command(asserted | 0x51);
  expect_interrupt(m, "an IPI to its own ID", 0x51, 2);
  if (!apic_by_msr) {
    apic_write(apic_reg::dfr, ones & 0xffff'ffff);
    apic_write(apic_reg::ldr, 0x0200'0000);
    store32(local_apic + apic_reg::icr_high, 0x0200'0000);
    store32(local_apic + apic_reg::icr, asserted | 0x800 | 0x51);
    expect_interrupt(m, "an IPI to its logical ID", 0x51, 3);
    store32(local_apic + apic_reg::icr_high, 0x0400'0000);
    store32(local_apic + apic_reg::icr, asserted | 0x800 | 0x51);
    m.pause(1);
    check("an IPI to somebody else", apic_bit(apic_reg::irr, 0x51), 0);
  }
  // Two of a kind are one; the higher class comes first, the higher vector of a class too.
  forget_interrupts();
  for (auto const vector : {0x41U, 0x51U, 0x58U, 0x51U, 0x91U}) apic_command(self | vector);
  expect_interrupt(m, "the lowest one", 0x41, 1);
  check("four interrupts", interrupt_log.size, 4);
  constexpr std::uint8_t order[] = {0x91, 0x58, 0x51, 0x41};
  for (unsigned i = 0; i < 4; ++i) check("interrupts by their priorities", interrupt_log.vector[i], order[i]);
}

inline void task_priority(machine const& m) {
  auto const set_cr8 = CODE("mov cr8, rax"), get_cr8 = CODE("mov rax, cr8");
  forget_interrupts();
  run(set_cr8, {.rax = 5});
  check("TPR follows CR8", apic_read(apic_reg::tpr), 0x50);
  check("CR8", run(get_cr8).r.rax, 5);
  check("PPR follows TPR", apic_read(apic_reg::ppr) & 0xf0, 0x50);
  apic_command(self | 0x5f);
  apic_command(self | 0x61);
  expect_interrupt(m, "above the task's priority", 0x61, 1);
  check("not above the task's priority", taken_count[0x5f], 0);
  apic_write(apic_reg::tpr, 0x4f);
  check("CR8 follows TPR", run(get_cr8).r.rax, 4);
  expect_interrupt(m, "above the task's priority by now", 0x5f, 1);
  apic_write(apic_reg::tpr, 0xff);
  apic_command(self | 0xf1);
  cpu::sti();
  m.pause(1);
  cpu::cli();
  check("the highest priority masks all", taken_count[0xf1], 0);
  run(set_cr8, {.rax = 0});
  expect_interrupt(m, "CR8 of zero lets all", 0xf1, 1);
  if (m.is_strict()) {
    check("MOV CR8 of 16", run(set_cr8, {.rax = 16}).vector, exception::gp);
    check("MOV CR8 of more than 32 bits", run(set_cr8, {.rax = std::uint64_t{1} << 32}).vector, exception::gp);
  }
  check("CR8 after that", run(get_cr8).r.rax, 0);
  check("MOV to CR8 from ring 3", run(set_cr8, {}, user_code).vector, exception::gp);
  check("MOV from CR8 from ring 3", run(get_cr8, {}, user_code).vector, exception::gp);
  auto const o = run(CODE("mov cr8, r15\n\tmov r9, cr8"), {.r15 = 3});
  check("MOV CR8 with R15 and R9", o.r.r9, 3);
  run(set_cr8, {.rax = 0});
}

inline void non_maskable(machine const& m) {
  forget_interrupts();
  apic_command(asserted | mode_nmi);
  static_cast<void>(m.wait_for([] { return taken_count[2] != 0; }));
  check("an NMI to itself comes while IF is 0", taken_count[2], 1);
  apic_command(asserted | mode_nmi);
  static_cast<void>(m.wait_for([] { return taken_count[2] > 1; }));
  check("a second NMI", taken_count[2], 2);
  // As a message of the timer's entry, which has no such mode on every processor, it is left out.
}

inline void apic_timer(machine const& m) {
  using namespace apic_reg;
  forget_interrupts();
  apic_write(lvt_timer, 0x52);
  apic_write(initial_count, 50'000);
  expect_interrupt(m, "the timer, once", 0x52, 1);
  cpu::sti();
  m.pause(2);
  cpu::cli();
  check("the timer, not twice", taken_count[0x52], 1);
  check("the timer has come to zero", apic_read(current_count), 0);
  check("what was counted from stays", apic_read(initial_count), 50'000);
  apic_write(lvt_timer, periodic | 0x52);
  apic_write(initial_count, 100'000);
  cpu::sti();
  static_cast<void>(m.wait_for([] { return taken_count[0x52] >= 4; }));
  cpu::cli();
  check("the timer, again and again", taken_count[0x52] >= 4, 1);
  apic_write(initial_count, 0);
  auto const stopped_at = taken_count[0x52];
  cpu::sti();
  m.pause(2);
  cpu::cli();
  check("a count of zero stops it", taken_count[0x52] <= stopped_at + 1, 1);
  // Masked it counts all the same.
  apic_write(lvt_timer, masked | 0x53);
  apic_write(initial_count, 0xffff'ffff);
  auto const first = apic_read(current_count);
  m.pause(1);
  auto const second = apic_read(current_count);
  check("the count goes down", second < first, 1);
  apic_write(initial_count, 10'000);
  cpu::sti();
  m.pause(2);
  cpu::cli();
  check("a masked timer does not interrupt", taken_count[0x53], 0);
  // A halted processor goes on.
  forget_interrupts();
  apic_write(lvt_timer, 0x52);
  apic_write(initial_count, 100'000);
  auto const o = run(CODE("sti\n\t1: hlt\n\t2: cli\n\tlea rax, 2b[rip]"));
  check("HLT ends with the timer", o.vector, exception::none);
  check("HLT: one interrupt", taken_count[0x52], 1);
  check("HLT is behind it when it is taken", interrupt_log.rip[0] == o.r.rax || interrupt_log.rip[0] == o.r.rax - 1, 1);
  if (m.is_told("no-deadline") || !m.has_tsc_deadline()) return;
  forget_interrupts();
  apic_write(lvt_timer, by_deadline | 0x55);
  constexpr std::uint32_t deadline = axhal::x86_64::msr::tsc_deadline;
  auto const when = cpu::rdtsc() + 20 * m.tsc_per_ms();
  cpu::write_msr(deadline, when);
  check("the deadline is kept", cpu::read_msr(deadline), when);
  expect_interrupt(m, "the deadline", 0x55, 1);
  check("it has come", cpu::rdtsc() >= when, 1);
  // Bochs keeps it.
  if (m.is_ours()) check("the deadline is gone", cpu::read_msr(deadline), 0);
  cpu::write_msr(deadline, 1);
  expect_interrupt(m, "a deadline of the past", 0x55, 2);
  cpu::write_msr(deadline, cpu::rdtsc() + 50 * m.tsc_per_ms());
  cpu::write_msr(deadline, 0);
  cpu::sti();
  m.pause(60);
  cpu::cli();
  check("a deadline that was taken back", taken_count[0x55], 2);
  cpu::write_msr(deadline, cpu::rdtsc() + m.tsc_per_ms());
  run(CODE("sti\n\thlt\n\tcli"));
  check("HLT ends with the deadline", taken_count[0x55], 3);
  apic_write(lvt_timer, masked);
}

/// Registers of its own: what can be written, and what is said of it.
inline void apic_registers(machine const& m) {
  using namespace apic_reg;
  check("APIC: the ID", apic_read(id), 0);
  auto const v = apic_read(version);
  check("APIC: the version", (v & 0xff) >= 0x10 && (v & 0xff) < 0x20, 1);
  check("APIC: entries of the vector table", (v >> 16 & 0xff) >= 3, 1);
  check("APIC: SVR", apic_read(svr) & 0x1ff, 0x1ff);
  if (!apic_by_msr) {
    apic_write(ldr, 0xff00'0000);
    check("APIC: LDR", apic_read(ldr), 0xff00'0000);
    apic_write(ldr, 0x0100'0000);
  }
  if (!m.is_ours()) return;
  apic_write(esr, 0);
  apic_write(esr, 0);
  check("APIC: no error", apic_read(esr), 0);
  apic_command(self | 5);
  apic_write(esr, 0);
  check("APIC: a vector that cannot be sent", apic_read(esr), 0x20);
  apic_write(esr, 0);
  // Switched off by software: entries are masked, nothing is taken.
  forget_interrupts();
  apic_write(svr, spurious_vector);
  check("APIC: off by software, its entries are masked", apic_read(lvt_lint1) & masked, masked);
  apic_command(self | 0x51);
  cpu::sti();
  m.pause(1);
  cpu::cli();
  check("APIC: off by software, nothing is sent", taken_count[0x51], 0);
  set_up_apic();
}

inline void wide_apic(machine const& m) {
  // A local APIC of Bochs's that was off stays off until a reset, as those on a bus of their own did.
  if (!m.has_x2apic() || (m.is_intel() && !m.is_ours())) return;
  using axhal::x86_64::msr::apic_base;
  auto const base = cpu::read_msr(apic_base);
  auto const read = CODE("rdmsr"), write = CODE("wrmsr");
  check("x2APIC: no registers as MSRs before", run(read, {.rcx = 0x802}).vector, exception::gp);
  check("x2APIC: switched on", run(write, {.rax = base | 0x400, .rcx = apic_base}).vector, exception::none);
  apic_by_msr = true;
  check("x2APIC: the ID", apic_read(apic_reg::id), 0);
  check("x2APIC: LDR", apic_read(apic_reg::ldr), 1);
  set_up_apic();
  apic_registers(m);
  to_itself(m);
  task_priority(m);
  non_maskable(m);
  apic_timer(m);
  forget_interrupts();
  cpu::write_msr(0x83f, 0x51);
  expect_interrupt(m, "x2APIC: the IPI register of its own", 0x51, 1);
  check("x2APIC: the ID is not to be written", run(write, {.rcx = 0x802}).vector, exception::gp);
  if (m.is_strict()) {
    check("x2APIC: an end that is not zero", run(write, {.rax = 1, .rcx = 0x80b}).vector, exception::gp);
    check("x2APIC: reserved bits of SVR", run(write, {.rax = 1 << 20, .rcx = 0x80f}).vector, exception::gp);
    check("x2APIC: the IPI register is not to be read", run(read, {.rcx = 0x83f}).vector, exception::gp);
    check("x2APIC: no DFR", run(read, {.rcx = 0x80e}).vector, exception::gp);
    check("x2APIC: no upper half of ICR", run(read, {.rcx = 0x831}).vector, exception::gp);
  }
  check("x2APIC: not back to xAPIC mode at once", run(write, {.rax = base, .rcx = apic_base}).vector, exception::gp);
  check("x2APIC: off", run(write, {.rax = base & ~std::uint64_t{0x800}, .rcx = apic_base}).vector, exception::none);
  check("x2APIC: off, CPUID has no APIC", m.is_ours() ? cpu::cpuid(1).edx >> 9 & 1 : 0, 0);
  check("x2APIC: back", run(write, {.rax = base, .rcx = apic_base}).vector, exception::none);
  apic_by_msr = false;
  set_up_apic();
  check("x2APIC: the page is back", apic_read(apic_reg::svr), 0x1ff);
}

inline void interrupt_checks(machine const& m) {
  set_up_pics();
  set_up_apic();
  apic_registers(m);
  to_itself(m);
  task_priority(m);
  non_maskable(m);
  apic_timer(m);
  wide_apic(m);
}

}  // namespace payload

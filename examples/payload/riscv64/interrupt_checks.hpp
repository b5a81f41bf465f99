// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "device_checks.hpp"
#include "machine.hpp"
#include "sbi_checks.hpp"
#include "traps.hpp"

#include <axhal/arch/riscv64/csr.hpp>

#include <cstdint>

// Software and timer interrupts, and the waits that they end. External ones are in plic_checks.hpp.
namespace payload {

namespace irq = axhal::riscv64::interrupt;

inline std::uint32_t volatile irq_count[64];
/// What the last external interrupt was, and how many more times it is completed before its reason goes away.
inline std::uint32_t volatile last_claim, leave_asserted;

/// Answers an interrupt and takes its reason away.
inline void take_interrupt(std::uint64_t number) {
  irq_count[number & 63] = irq_count[number & 63] + 1;
  if (number == irq::ssi) clear<csr::sip>(irq::bit(irq::ssi));
  if (number == irq::sti) {
    set_timer(ones);
    clear<csr::sie>(irq::bit(irq::sti));
  }
  if (number == irq::sei) {
    last_claim = load32(plic_claim);
    if (leave_asserted != 0) {
      leave_asserted = leave_asserted - 1;
    } else {
      (void)load8(uart_at::iir);
    }
    store32(plic_claim, last_claim);
  }
}

inline std::uint64_t now() { return read<csr::time>(); }
inline bool is_pending(unsigned number) { return (read<csr::sip>() & irq::bit(number)) != 0; }
inline void interrupts_on() { set<csr::sstatus>(2); }
inline void interrupts_off() { clear<csr::sstatus>(2); }

inline constexpr std::uint64_t second = 10'000'000;

/// Waits until `number` has come `count` times, or two seconds have passed.
inline void wait_for(unsigned number, std::uint32_t count, axhal::text what) {
  auto const end = now() + 2 * second;
  while (irq_count[number] < count && now() < end) asm volatile("nop");
  check(what, irq_count[number], count);
}
template <typename F>
void wait_until(axhal::text what, F f) {
  auto const end = now() + 2 * second;
  while (!f() && now() < end) asm volatile("nop");
  check(what, f(), 1);
}
/// Long enough for what must not come.
inline void pass(std::uint64_t ticks) {
  auto const end = now() + ticks;
  while (now() < end) asm volatile("nop");
}

inline void software_interrupts() {
  write<csr::sie>(irq::bit(irq::ssi));
  interrupts_on();
  call(sbi::ipi, 0, 1, 0);
  wait_for(irq::ssi, 1, "send_ipi to self");
  call(sbi::ipi, 0, 0, ones);
  wait_for(irq::ssi, 2, "send_ipi to all");
  set<csr::sip>(irq::bit(irq::ssi));
  wait_for(irq::ssi, 3, "SSIP set by hand");
  interrupts_off();
  call(sbi::ipi, 0, 1, 0);
  check("SSIP shows while interrupts are off", is_pending(irq::ssi), 1);
  call(sbi::ipi, 0, 1, 0);
  clear<csr::sip>(irq::bit(irq::ssi));
  check("SSIP cleared by hand", is_pending(irq::ssi), 0);
  interrupts_on();
  pass(1000);
  check("and is not taken", irq_count[irq::ssi], 3);
  call(sbi::ipi, 0, 0, 0);
  pass(1000);
  check("an empty mask interrupts nobody", irq_count[irq::ssi], 3);
  interrupts_off();
  write<csr::sie>(0);
}

inline void timer() {
  auto const first = now();
  std::uint64_t last = first;
  bool forward = true;
  for (unsigned i = 0; i < 10'000; ++i) {
    auto const t = now();
    forward = forward && t >= last;
    last = t;
  }
  check("time does not go back", forward, 1);
  check("time passes", last > first, 1);

  set_timer(ones);
  check("no timer at first", is_pending(irq::sti), 0);
  for (std::uint32_t i = 1; i <= 3; ++i) {
    auto const due = now() + 5000;
    set_timer(due);
    set<csr::sie>(irq::bit(irq::sti));
    interrupts_on();
    wait_for(irq::sti, i, "set_timer");
    check("set_timer: not before its time", now() >= due, 1);
    interrupts_off();
  }
  check("set_timer: not pending after", is_pending(irq::sti), 0);
  set_timer(0);
  check("a time that has passed is pending at once", is_pending(irq::sti), 1);
  clear<csr::sip>(irq::bit(irq::sti));
  check("STIP is not the guest's to clear", is_pending(irq::sti), 1);
  set_timer(now() + second * 1000);
  check("a new time clears it", is_pending(irq::sti), 0);
  set_timer(now() + 100);
  pass(2000);
  check("STIP shows while interrupts are off", is_pending(irq::sti), 1);
  set_timer(ones);
  check("all ones: never", is_pending(irq::sti), 0);
  // 2^63 and what is beyond are future, not past.
  set_timer(std::uint64_t{1} << 63);
  check("2^63 is the future", is_pending(irq::sti), 0);
  set_timer(ones - 1);
  check("2^64 - 2 is the future", is_pending(irq::sti), 0);
  set<csr::sie>(irq::bit(irq::sti));
  interrupts_on();
  pass(100'000);
  check("a parked timer does not ring", irq_count[irq::sti], 3);
  interrupts_off();
  clear<csr::sie>(irq::bit(irq::sti));
  set_timer(ones);
}

inline void compare_register(machine const& m) {
  if (!m.has("sstc")) return;
  write<csr::stimecmp>(ones);
  check("stimecmp", read<csr::stimecmp>(), ones);
  auto const before = irq_count[irq::sti];
  for (std::uint32_t i = 1; i <= 3; ++i) {
    write<csr::stimecmp>(now() + 3000);
    set<csr::sie>(irq::bit(irq::sti));
    interrupts_on();
    wait_for(irq::sti, before + i, "stimecmp");
    interrupts_off();
    write<csr::stimecmp>(ones);
  }
  write<csr::stimecmp>(0);
  wait_until("stimecmp in the past", [] { return is_pending(irq::sti); });
  write<csr::stimecmp>(now() + second * 1000);
  wait_until("stimecmp in the future", [] { return !is_pending(irq::sti); });
  // One deadline, by two ways: the later one counts.
  set_timer(now() + second * 1000);
  write<csr::stimecmp>(0);
  wait_until("stimecmp after set_timer", [] { return is_pending(irq::sti); });
  set_timer(ones);
  wait_until("set_timer after stimecmp", [] { return !is_pending(irq::sti); });
}

/// WFI and the like: with interrupts on, off, and with what is pending already.
inline void waits(machine const& m) {
  auto const before = irq_count[irq::sti];
  auto due = now() + 20'000;
  set_timer(due);
  set<csr::sie>(irq::bit(irq::sti));
  interrupts_on();
  while (irq_count[irq::sti] == before) asm volatile("wfi");
  interrupts_off();
  check("WFI ends with the timer", irq_count[irq::sti], before + 1);
  check("WFI: not before its time", now() >= due, 1);

  due = now() + 20'000;
  set_timer(due);
  set<csr::sie>(irq::bit(irq::sti));
  while (!is_pending(irq::sti)) asm volatile("wfi");
  check("WFI ends while interrupts are off", now() >= due, 1);
  asm volatile("wfi");
  check("WFI with something pending", is_pending(irq::sti), 1);
  check("it was not taken", irq_count[irq::sti], before + 1);

  check("hart_suspend with something pending", error_of(sbi::hsm, 3, 0), success);
  due = now() + 20'000;
  set_timer(due);
  check("hart_suspend ends with the timer", error_of(sbi::hsm, 3, 0), success);
  check("hart_suspend: it is pending", is_pending(irq::sti), 1);
  check("hart_suspend: not before its time", now() >= due, 1);
  due = now() + 20'000;
  set_timer(due);
  std::uint64_t there[4] = {ones, ones, ones, ones};
  check("hart_suspend that forgets", suspend_here(0x0123'4567'89ab'cdef, there), success);
  check("hart_suspend that forgets: a0 is the hart", there[0], 0);
  check("hart_suspend that forgets: a1 is what it was given", there[1], 0x0123'4567'89ab'cdef);
  check("hart_suspend that forgets: satp", there[2], 0);
  check("hart_suspend that forgets: interrupts are off", there[3] & 2, 0);
  check("hart_suspend that forgets: not before its time", now() >= due, 1);
  check("hart_suspend that forgets: what woke it is pending", is_pending(irq::sti), 1);
  set_timer(ones);
  set<csr::sie>(irq::bit(irq::ssi));
  set<csr::sip>(irq::bit(irq::ssi));
  check("hart_suspend that forgets, with something pending", suspend_here(0, there), success);
  check("hart_suspend that forgets: it is pending", is_pending(irq::ssi), 1);
  clear<csr::sip>(irq::bit(irq::ssi));
  write<csr::sie>(0);

  set<csr::sie>(irq::bit(irq::ssi));
  set<csr::sip>(irq::bit(irq::ssi));
  asm volatile("wfi");
  check("WFI with a software interrupt pending", is_pending(irq::ssi), 1);
  clear<csr::sip>(irq::bit(irq::ssi));
  clear<csr::sie>(irq::bit(irq::ssi));
  if (m.has("zawrs")) {
    // Without a reservation a wait for its end has ended.
    set_timer(now() + 20'000);
    set<csr::sie>(irq::bit(irq::sti));
    check("wrs.nto", cause_of_word(0x00d0'0073), cause::none);
    check("wrs.sto", cause_of_word(0x01d0'0073), cause::none);
    clear<csr::sie>(irq::bit(irq::sti));
    set_timer(ones);
  }
}

inline void interrupts(machine const& m) {
  software_interrupts();
  timer();
  compare_register(m);
  waits(m);
}

}  // namespace payload

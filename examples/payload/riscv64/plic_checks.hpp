// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "device_checks.hpp"
#include "interrupt_checks.hpp"
#include "machine.hpp"

#include <cstdint>

// The PLIC: its registers, and the UART's interrupt through it.
namespace payload {

/// The PLIC's registers, without any interrupt.
inline void plic_registers(machine const& m) {
  for (std::uint32_t p = 0; p < 8; ++p) {
    store32(priority_register, p);
    check("a priority", load32(priority_register), p);
    store32(plic_threshold, p);
    check("a threshold", load32(plic_threshold), p);
  }
  store32(priority_register, 0);
  store32(plic_threshold, 0);
  check("source 0 has no priority", (store32(plic, 7), load32(plic)), 0);
  check("claim with nothing pending", load32(plic_claim), 0);
  store32(plic_claim, 5);
  store32(plic_claim, 0xffff'ffff);
  auto const pending = load32(plic_pending);
  store32(plic_pending, 0xffff'ffff);
  check("pending bits are not the guest's to write", load32(plic_pending), pending);
  if (!m.is_ours()) return;
  store32(plic_enable, 0xffff'ffff);
  check("source 0 cannot be enabled", load32(plic_enable), 0xffff'fffe);
  store32(plic_enable, 0);
  store32(priority_register, 0xffff'ffff);
  check("priorities have three bits", load32(priority_register), 7);
  store32(priority_register, 0);
  store32(plic + 0x2000, 0xffff'ffff);
  check("a context that the guest has not: enables", load32(plic + 0x2000), 0);
  store32(plic + 0x20'0000, 7);
  check("a context that the guest has not: threshold", load32(plic + 0x20'0000), 0);
  check("a context that the guest has not: claim", load32(plic + 0x20'0004), 0);
  store32(plic + 4 * 96, 7);
  check("a source that the guest has not: priority", load32(plic + 4 * 96), 0);
  store32(plic_enable + 4 * 3, 0xffff'ffff);
  check("a source that the guest has not: enable", load32(plic_enable + 4 * 3), 0);
}

/// The UART's transmitter, empty and asked to say so: the line is high until IIR is read.
inline void line_up() { store8(uart_at::ier, 2); }
inline void line_down() {
  (void)load8(uart_at::iir);
  store8(uart_at::ier, 0);
}

/// Claims and completes whatever is pending.
inline void drain() {
  while (auto const left = load32(plic_claim)) store32(plic_claim, left);
}

inline void external_interrupts(machine const& m) {
  constexpr std::uint32_t bit = 1u << uart_irq;
  constexpr std::uint64_t priority = plic + 4 * uart_irq;
  store8(uart_at::ier, 0);
  store32(priority, 1);
  store32(plic_enable, bit);
  store32(plic_threshold, 0);
  // The line was high before, and what a gateway has forwarded stays.
  check("a request from before", load32(plic_pending) & bit, bit);
  drain();
  write<csr::sie>(irq::bit(irq::sei));
  interrupts_on();
  line_up();
  wait_for(irq::sei, 1, "the UART's interrupt");
  check("it was claimed", last_claim, uart_irq);
  check("nothing is pending after", load32(plic_pending) & bit, 0);
  line_down();

  interrupts_off();
  line_up();
  check("IIR's reason", is_pending(irq::sei), 1);
  check("SEIP is not the guest's to clear", (clear<csr::sip>(irq::bit(irq::sei)), is_pending(irq::sei)), 1);
  check("it is pending in the PLIC", load32(plic_pending) & bit, bit);
  std::uint64_t there[4];
  check("hart_suspend that forgets, with SEIP", suspend_here(0, there), success);
  check("hart_suspend that forgets: SEIP stays", is_pending(irq::sei), 1);
  write<csr::sie>(irq::bit(irq::sei));
  check("claimed by hand", load32(plic_claim), uart_irq);
  check("claimed: no longer pending", load32(plic_pending) & bit, 0);
  check("claimed: SEIP is gone", is_pending(irq::sei), 0);
  check("claimed: no second claim", load32(plic_claim), 0);
  line_down();
  store32(plic_claim, uart_irq);
  check("completed: SEIP stays away", is_pending(irq::sei), 0);

  // Priority, threshold and enable hold it back, and let it through when they change.
  store32(plic_threshold, 1);
  line_up();
  check("a threshold of its priority holds it back", is_pending(irq::sei), 0);
  store32(plic_threshold, 0);
  check("a lower threshold lets it through", is_pending(irq::sei), 1);
  store32(priority, 0);
  check("priority 0 never interrupts", is_pending(irq::sei), 0);
  store32(priority, 7);
  check("priority 7", is_pending(irq::sei), 1);
  store32(plic_threshold, 7);
  check("threshold 7 holds everything back", is_pending(irq::sei), 0);
  store32(plic_threshold, 6);
  check("threshold 6 does not", is_pending(irq::sei), 1);
  if (m.is_ours()) {
    // (QEMU's own PLIC looks at its enable bits when something else changes.)
    store32(plic_enable, 0);
    check("not enabled", is_pending(irq::sei), 0);
    check("not enabled: nothing to claim", load32(plic_claim), 0);
    check("not enabled: pending all the same", load32(plic_pending) & bit, bit);
    store32(plic_enable, bit);
    check("enabled again", is_pending(irq::sei), 1);
    store32(plic_threshold, 7);
    check("a claim does not look at the threshold", load32(plic_claim), uart_irq);
    // A completion counts only for a source that is enabled; the line is still high.
    store32(plic_enable, 0);
    store32(plic_claim, uart_irq);
    store32(plic_enable, bit);
    store32(plic_threshold, 0);
    check("a completion that does not count", is_pending(irq::sei), 0);
    store32(plic_claim, uart_irq);
    check("high at its completion: pending again", is_pending(irq::sei), 1);
    leave_asserted = 3;
    auto const before = irq_count[irq::sei];
    interrupts_on();
    wait_for(irq::sei, before + 4, "a line that stays high interrupts again");
    interrupts_off();
  }
  line_down();
  store32(plic_threshold, 0);
  drain();
  check("nothing is left", is_pending(irq::sei), 0);

  // The wait for it.
  auto const waited = irq_count[irq::sei];
  line_up();
  asm volatile("wfi");
  interrupts_on();
  wait_for(irq::sei, waited + 1, "WFI and an external interrupt");
  line_down();
  interrupts_off();

  // Received bytes, by loop-back.
  store8(uart_at::iir, 0x07);
  store8(uart_at::mcr, 0x1b);
  store8(uart_at::ier, 1);
  store8(uart_at::data, 0x5a);
  auto const pending = is_pending(irq::sei);
  auto const reason = load8(uart_at::iir);
  auto const byte = load8(uart_at::data);
  auto const after = load8(uart_at::iir);
  store8(uart_at::ier, 0);
  store8(uart_at::mcr, 0x0b);
  store8(uart_at::iir, 0);
  check("a received byte interrupts", pending, 1);
  check("a received byte: IIR", reason & 0x07, 4);  // with or without the timeout
  check("a received byte", byte, 0x5a);
  check("a received byte: IIR after", after & 0x0f, 1);
  drain();
  write<csr::sie>(0);
  store32(plic_enable, 0);
  store32(priority, 0);
}

inline void external(machine const& m) {
  plic_registers(m);
  external_interrupts(m);
}

}  // namespace payload

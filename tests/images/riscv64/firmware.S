// SPDX-License-Identifier: BSL-1.0
// Firmware that nobody has any more, or that nobody should have: what an image says in its hands is tested with it. It
// runs in M-mode where the emulator puts what `-bios` names, readies the hart as OpenSBI does, and starts the kernel in
// S-mode with the hart id and the device tree. On one hart only.
//
// SBI_VERSION 1 is SBI 0.1: legacy calls and nothing else, so that an image cannot even ask what there is.
// SBI_VERSION 2 is SBI 0.2: BASE, and by its word TIME, IPI and RFENCE, but neither HSM nor SRST nor DBCN.
// DAMAGES_TREE  wipes the length of the device tree's strings, as a loader that writes over the tree might.
// FILL          bytes that make this file so long that the emulator puts the kernel elsewhere than behind OpenSBI.
//
// Of the calls themselves it has two: the questions of BASE that every client asks, and the legacy shutdown. An image
// that goes on with the word of this firmware is told that everything else is not supported.

  .equ  test_finisher, 0x100000   // the emulator's device that ends it; 0x5555: with status 0
  .equ  not_supported, -2         // SBI_ERR_NOT_SUPPORTED

  .section .text, "ax"
  .globl _start
_start:
  // a0: the hart id, a1: the device tree, a2: the emulator's word on what to start (struct fw_dynamic_info).
  lla   t0, on_trap
  csrw  mtvec, t0
  lla   sp, stack_top
  csrw  mscratch, sp

  // All memory for S-mode and below: one region, a naturally aligned power of two that spans everything.
  li    t0, -1
  csrw  pmpaddr0, t0
  li    t0, 0x1f                  // R, W, X, NAPOT
  csrw  pmpcfg0, t0

  // Every trap is the kernel's, but a call from S-mode (cause 9) and those of M-mode. A CSR that the hart does not have
  // is found by the illegal instruction that reading it is, so cause 2 must arrive there.
  li    t0, 0xf0b5ff
  csrw  medeleg, t0
  li    t0, 0x222                 // supervisor software, timer and external interrupts
  csrw  mideleg, t0
  li    t0, -1
  csrw  mcounteren, t0

#ifdef DAMAGES_TREE
  sw    zero, 32(a1)              // size_dt_strings
#endif

  // To the kernel: mstatus.MPP = S, interrupts off.
  ld    t0, 16(a2)                // fw_dynamic_info.next_addr
  csrw  mepc, t0
  li    t0, 3 << 11
  csrc  mstatus, t0
  li    t0, 1 << 11
  csrs  mstatus, t0
  csrw  satp, zero
  mret

// Everything that is not delegated: calls from S-mode. Anything else is an error of this file's, and ends the emulator
// with status 1.
  .balign 4
on_trap:
  csrrw sp, mscratch, sp
  sd    t0, -8(sp)
  sd    t1, -16(sp)
  csrr  t0, mcause
  li    t1, 9
  bne   t0, t1, broken
  csrr  t0, mepc
  addi  t0, t0, 4
  csrw  mepc, t0

  li    t0, 8                     // legacy System Shutdown
  beq   a7, t0, shutdown
#if SBI_VERSION >= 2
  li    t0, 0x10                  // BASE
  beq   a7, t0, base
#endif
  li    a0, not_supported
back:
  ld    t0, -8(sp)
  ld    t1, -16(sp)
  csrrw sp, mscratch, sp
  mret

#if SBI_VERSION >= 2
base:
  li    t0, 3
  beq   a6, t0, probe_extension
  seqz  a1, a6                    // get_spec_version: 0.2; the implementation's numbers are nobody's
  slli  a1, a1, 1
  j     answer
probe_extension:
  lla   t0, extensions
1:
  ld    t1, 0(t0)
  addi  t0, t0, 8
  beqz  t1, 2f
  bne   t1, a0, 1b
2:
  snez  a1, t1
answer:
  li    a0, 0
  j     back

  .balign 8
extensions:
  .quad 0x10                      // BASE
  .quad 0x54494d45                // TIME
  .quad 0x735049                  // sPI: IPI
  .quad 0x52464e43                // RFNC: RFENCE
  .quad 0
#endif

shutdown:
  li    t1, 0x5555
  j     1f
broken:
  li    t1, (1 << 16) | 0x3333
1:
  li    t0, test_finisher
  sw    t1, 0(t0)
2:
  wfi
  j     2b

  .balign 16
stack:
  .zero 64
stack_top:
#ifdef FILL
  .zero FILL
#endif

  .section .note.GNU-stack, "", %progbits

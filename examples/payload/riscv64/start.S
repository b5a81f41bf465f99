// SPDX-License-Identifier: BSL-1.0
// A guest of our own: enters as a Linux Image does (a0 = hart id, a1 = device tree), runs in S-mode.

  .section .head, "ax"
  .globl _start
  .option norvc
_start:
  j     1f
  nop
  .quad 0x200000                // text_offset
  .quad __image_size
  .quad 0                       // flags: little endian
  .long 2                       // version 0.2
  .long 0
  .quad 0
  .ascii "RISCV\0\0\0"
  .ascii "RSC\x05"
  .long 0
  .option rvc

1:
  csrw  sie, zero
  la    sp, __stack_top
  la    t0, __trap_stack_top
  csrw  sscratch, t0
  la    t0, __bss_start
  la    t1, __bss_end
2:
  bgeu  t0, t1, 3f
  sd    zero, 0(t0)
  addi  t0, t0, 8
  j     2b
3:
  la    t0, trap_entry
  csrw  stvec, t0
  call  payload_main
4:
  wfi
  j     4b

  // Every register but sp to or from 8(sp) ... 248(sp).
  .macro each_register op
  \op   x1, 8(sp)
  \op   x3, 24(sp)
  \op   x4, 32(sp)
  \op   x5, 40(sp)
  \op   x6, 48(sp)
  \op   x7, 56(sp)
  \op   x8, 64(sp)
  \op   x9, 72(sp)
  \op   x10, 80(sp)
  \op   x11, 88(sp)
  \op   x12, 96(sp)
  \op   x13, 104(sp)
  \op   x14, 112(sp)
  \op   x15, 120(sp)
  \op   x16, 128(sp)
  \op   x17, 136(sp)
  \op   x18, 144(sp)
  \op   x19, 152(sp)
  \op   x20, 160(sp)
  \op   x21, 168(sp)
  \op   x22, 176(sp)
  \op   x23, 184(sp)
  \op   x24, 192(sp)
  \op   x25, 200(sp)
  \op   x26, 208(sp)
  \op   x27, 216(sp)
  \op   x28, 224(sp)
  \op   x29, 232(sp)
  \op   x30, 240(sp)
  \op   x31, 248(sp)
  .endm

  .text
// A trap from S or U, on a stack of its own: what ran may have anything in sp. sscratch holds the stack's top.
  .balign 4
trap_entry:
  csrrw sp, sscratch, sp
  addi  sp, sp, -256
  each_register sd
  csrr  t0, sscratch
  sd    t0, 16(sp)
  addi  t0, sp, 256
  csrw  sscratch, t0
  mv    a0, sp
  call  on_trap
  each_register ld
  ld    sp, 16(sp)
  sret

// void leave_c(): callee-saved registers, gp, tp and ra to the stack, and sp to where back_to_c finds it.
  .macro leave_c
  addi  sp, sp, -256
  each_register sd
  la    t0, c_stack
  sd    sp, 0(t0)
  .endm
  // The result is in a0.
  .macro back_to_c
  la    t0, c_stack
  ld    sp, 0(t0)
  sd    a0, 80(sp)
  each_register ld
  addi  sp, sp, 256
  ret
  .endm

// uint64_t run_code(code, a0, a1): calls code that may change every register, and that ends by a jump to code_done.
  .globl run_code, code_done
run_code:
  leave_c
  mv    t0, a0
  mv    a0, a1
  mv    a1, a2
  jr    t0
code_done:
  back_to_c

// uint64_t run_user(code, a0): runs code in U-mode until its first trap, whose handler returns to user_left.
  .globl run_user, user_left
run_user:
  leave_c
  csrw  sepc, a0
  li    t0, 0x100               // SPP
  csrc  sstatus, t0
  mv    a0, a1
  sret
user_left:
  back_to_c

// uint64_t suspend_here(opaque, uint64_t out[4]): suspends this hart so that it forgets everything but memory, and comes
// back by the address that it has given: then out has a0, a1, satp and sstatus as they were there, and the result is
// zero. Otherwise it is the call's error.
  .globl suspend_here
suspend_here:
  leave_c
  la    t0, suspend_out
  sd    a1, 0(t0)
  mv    a2, a0
  li    a0, 0x80000000          // the default kind that does not retain
  la    a1, 5f
  li    a7, 0x48534d            // HSM
  li    a6, 3                   // hart_suspend
  ecall
  j     6f
  .balign 4
5:
  la    t0, suspend_out
  ld    t0, 0(t0)
  sd    a0, 0(t0)
  sd    a1, 8(t0)
  csrr  t1, satp
  sd    t1, 16(t0)
  csrr  t1, sstatus
  sd    t1, 24(t0)
  la    t0, __trap_stack_top
  csrw  sscratch, t0
  la    t0, trap_entry
  csrw  stvec, t0
  li    a0, 0
6:
  back_to_c

// void walk_registers(uint64_t out[32], device): gives register n the value n * 0x0101010101010101, leaves this machine
// by a call and by a load from the device, and writes down what all of them are then.
  .globl walk_registers
walk_registers:
  leave_c
  mv    sp, a0
  mv    x31, a1
  li    x30, 0x0101010101010101
  .irp  n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
  li    x\n, \n
  mul   x\n, x\n, x30
  .endr
  li    a7, 0x10                // BASE
  li    a6, 0                   // get_spec_version
  ecall
  lbu   x30, 0(x31)
  each_register sd
  back_to_c

  .bss
  .balign 8
c_stack:
  .quad 0
suspend_out:
  .quad 0

  .section .note.GNU-stack, "", %progbits

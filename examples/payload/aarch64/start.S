// SPDX-License-Identifier: BSL-1.0
// A guest of our own: enters as a Linux Image does (X0 = device tree), runs at EL1 with its MMU off.

  .section .head, "ax"
  .globl _start
_start:
  b     1f
  .long 0
  .quad 0                       // text_offset
  .quad __image_size
  .quad 0xa                     // flags: little endian, 4 KiB pages, anywhere
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

1:
  adrp  x1, __stack_top
  add   x1, x1, :lo12:__stack_top
  mov   sp, x1
  adrp  x1, __bss_start
  add   x1, x1, :lo12:__bss_start
  adrp  x2, __bss_end
  add   x2, x2, :lo12:__bss_end
2:
  cmp   x1, x2
  b.hs  3f
  stp   xzr, xzr, [x1], #16
  b     2b
3:
  adr   x1, vectors
  msr   vbar_el1, x1
  isb
  bl    payload_main
4:
  wfi
  b     4b

// Exceptions: caller-saved registers to the stack, then C++ with the counter as it was at the vector's third instruction.
// `on_sync` may change the return address.
  .macro vector handler
  .balign 128
  sub   sp, sp, #192
  stp   x0, x1, [sp]
  mrs   x0, cntvct_el0
  stp   x2, x3, [sp, #16]
  stp   x4, x5, [sp, #32]
  stp   x6, x7, [sp, #48]
  stp   x8, x9, [sp, #64]
  stp   x10, x11, [sp, #80]
  stp   x12, x13, [sp, #96]
  stp   x14, x15, [sp, #112]
  stp   x16, x17, [sp, #128]
  stp   x18, x30, [sp, #144]
  bl    \handler
  b     leave
  .endm

  .text
  .balign 2048
vectors:
  .rept 4
  .balign 128
  b     .
  .endr
  vector on_sync
  vector on_irq
  .rept 10
  .balign 128
  b     .
  .endr

leave:
  ldp   x0, x1, [sp]
  ldp   x2, x3, [sp, #16]
  ldp   x4, x5, [sp, #32]
  ldp   x6, x7, [sp, #48]
  ldp   x8, x9, [sp, #64]
  ldp   x10, x11, [sp, #80]
  ldp   x12, x13, [sp, #96]
  ldp   x14, x15, [sp, #112]
  ldp   x16, x17, [sp, #128]
  ldp   x18, x30, [sp, #144]
  add   sp, sp, #192
  eret

  .section .note.GNU-stack, "", %progbits

// SPDX-License-Identifier: BSL-1.0
// The first instructions on AArch64. The image begins with the header of the Linux boot protocol ("Booting AArch64 Linux"),
// so that any loader that can start a Linux Image can start it: X0 holds the device tree, MMU and data cache are off.

  .section .head, "ax"
  .globl _start
_start:
  b     1f
  .long 0
  .quad 0                       // text_offset: at the 2 MiB boundary
  .quad __image_size            // bytes from _start to the end of .bss
  .quad 0x2                     // flags: little endian, 4 KiB pages, near the base of RAM
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

1:
  mov   x19, x0
  adrp  x1, __stack_top
  add   x1, x1, :lo12:__stack_top
  mov   sp, x1
  // .bss; the sizes are multiples of 16
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
  // What the caches may hold of the data block is older than what was just stored past them.
  adrp  x1, __data_start
  add   x1, x1, :lo12:__data_start
  adrp  x2, __stack_top
  add   x2, x2, :lo12:__stack_top
  mrs   x3, ctr_el0
  ubfx  x3, x3, #16, #4
  mov   x4, #4
  lsl   x4, x4, x3
4:
  dc    ivac, x1
  add   x1, x1, x4
  cmp   x1, x2
  b.lo  4b
  dsb   sy
  mov   x0, x19
  adrp  x1, _start              // where the image really is, for the check against where it was linked
  mov   x29, #0
  mov   x30, #0
  bl    hypervisor_main
5:
  wfi
  b     5b

  .section .note.GNU-stack, "", %progbits

// SPDX-License-Identifier: BSL-1.0
// The first instructions on RISC-V. The image begins with the header of the Linux boot protocol ("Boot image header in
// RISC-V Linux"), so that any loader that can start a Linux Image can start it: a0 holds the hart id, a1 the device
// tree, the MMU is off.

  .section .head, "ax"
  .option norvc
  .globl _start
_start:
  j     1f
  nop
  .quad 0x200000                // text_offset: at the second 2 MiB boundary of RAM
  .quad __image_size            // bytes from _start to the end of .bss
  .quad 0                       // flags: little endian
  .long 2                       // version 0.2
  .long 0
  .quad 0
  .ascii "RISCV\0\0\0"
  .ascii "RSC\x05"
  .long 0

1:
  // Only the first hart comes here; firmware keeps the others until they are started.
  csrw  sie, zero
  lla   sp, __stack_top
  // .bss; the sizes are multiples of 16
  lla   t0, __bss_start
  lla   t1, __bss_end
2:
  bgeu  t0, t1, 3f
  sd    zero, 0(t0)
  sd    zero, 8(t0)
  addi  t0, t0, 16
  j     2b
3:
  lla   a2, _start              // where the image really is, for the check against where it was linked
  li    s0, 0
  li    ra, 0
  call  hypervisor_main
4:
  wfi
  j     4b

  .section .note.GNU-stack, "", %progbits

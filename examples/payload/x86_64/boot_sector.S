// SPDX-License-Identifier: BSL-1.0
// A guest of 512 bytes in real mode: what firmware loads to 0x7c00 of a machine and enters there. It prints through the
// serial port, takes an interrupt by a vector of its own, asks CPUID, reads a string of ports, visits protected mode,
// and halts for good.

  .set COM1, 0x3f8

  .code16
  .section .head, "ax"
  .globl _start
_start:
  ljmpw $0, $1f
1:
  cli
  cld
  xorw  %ax, %ax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %ss
  movw  $0x7c00, %sp
  movw  $0x83, %ax              // 115200 baud, 8 bits
  movw  $COM1 + 3, %dx
  outb  %al, %dx
  movw  $1, %ax
  movw  $COM1, %dx
  outw  %ax, %dx                // both halves of the divisor
  movw  $COM1 + 1, %dx
  xorw  %ax, %ax
  outb  %al, %dx
  movw  $COM1 + 3, %dx
  movb  $3, %al
  outb  %al, %dx
  movw  $text_real, %si
  call  print

  // A vector of its own prints too.
  movw  $on_interrupt, 0x61 * 4
  movw  $0, 0x61 * 4 + 2
  movw  $text_vector, %si
  int   $0x61

  // CPUID says whose machine it is: "axhalaxhalax", or what a bare machine has there.
  movl  $0x40000000, %eax
  cpuid
  movl  %ebx, name
  movl  %ecx, name + 4
  movl  %edx, name + 8
  cmpl  $0x61687861, %ebx       // "axha"
  jne   2f
  movw  $text_cpuid, %si
  call  print
2:
  // The scratch register, written once and read as a string.
  movw  $COM1 + 7, %dx
  movb  $'o', %al
  outb  %al, %dx
  movw  $string, %di
  movw  $4, %cx
  rep insb
  cmpl  $0x6f6f6f6f, string
  jne   failed
  movw  $text_string, %si
  call  print

  // Protected mode and back, with its stack as it was.
  lgdtw gdt_pointer
  movl  %cr0, %eax
  orb   $1, %al
  movl  %eax, %cr0
  ljmpw $8, $3f
  .code32
3:
  movw  $16, %ax
  movw  %ax, %ds
  movl  $0x12345678, 0x100000   // beyond what real mode reaches
  movl  0x100000, %ebx
  ljmpl $24, $4f
  .code16
4:
  movw  $32, %ax
  movw  %ax, %ds
  movl  %cr0, %eax
  andb  $0xfe, %al
  movl  %eax, %cr0
  ljmpw $0, $5f
5:
  xorw  %ax, %ax
  movw  %ax, %ds
  cmpl  $0x12345678, %ebx
  jne   failed
  movw  $text_protected, %si
  call  print
  movw  $text_ok, %si
  jmp   6f
failed:
  movw  $text_failed, %si
6:
  call  print
7:
  cli
  hlt
  jmp   7b

// Prints the text at SI, up to its zero.
print:
  lodsb
  testb %al, %al
  jz    9f
  movb  %al, %ah
  movw  $COM1 + 5, %dx
8:
  inb   %dx, %al
  testb $0x20, %al
  jz    8b
  movb  %ah, %al
  movw  $COM1, %dx
  outb  %al, %dx
  jmp   print
9:
  ret

on_interrupt:
  call  print
  iretw

text_real:
  .asciz "AXHAL-GUEST real-mode=ok\r\n"
text_vector:
  .asciz "AXHAL-GUEST vector=ok\r\n"
text_cpuid:
  .ascii "AXHAL-GUEST machine="
name:
  .asciz "            \r\n"
text_string:
  .asciz "AXHAL-GUEST string=ok\r\n"
text_protected:
  .asciz "AXHAL-GUEST protected-mode=ok\r\n"
text_ok:
  .asciz "AXHAL-GUEST verdict=ok\r\n"
text_failed:
  .asciz "AXHAL-GUEST verdict=failed\r\n"
string:
  .long 0

  .balign 8
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff      // code, 32-bit
  .quad 0x00cf93000000ffff      // data
  .quad 0x00009b000000ffff      // code, 16-bit
  .quad 0x000093000000ffff      // data, 16-bit
gdt_pointer:
  .word . - gdt - 1
  .long gdt

  .org  510
  .byte 0x55, 0xaa

  .section .note.GNU-stack, "", %progbits

// SPDX-License-Identifier: BSL-1.0
// The first instructions on x86_64. Any Multiboot loader can start the image: a flat file whose header says where it
// goes. The CPU is in protected mode without paging, EAX holds the loader's magic number, EBX its information
// (Multiboot Specification 0.6.96, 3.2 "Machine state").

  .set MAGIC, 0x1badb002
  .set FLAGS, 0x10003           // modules on pages, a memory map, and the addresses below
  .set IA32_PAT, 0x277
  .set EFER, 0xc0000080
  .set COM1, 0x3f8

  .section .head, "ax"
  .code32
  .globl _start
_start:
  jmp   1f
  .balign 4
multiboot:
  .long MAGIC
  .long FLAGS
  .long -(MAGIC + FLAGS)
  .long multiboot               // header_addr
  .long _start                  // load_addr
  .long 0                       // load_end_addr: all of the file
  .long __image_end             // bss_end_addr: what no module may lie in
  .long _start                  // entry_addr
1:
  cli
  cld
  movl  $__stack_top, %esp
  movl  %eax, %esi
  movl  %ebx, %ebp

  // 8 data bits, no parity, one stop bit: what is said before the console is set up is readable too. The rate stays.
  movw  $(COM1 + 3), %dx
  movb  $3, %al
  outb  %al, %dx

  // Long mode, no-execute pages and pages of 1 GiB: the tables want all three.
  movl  $0x80000000, %eax
  cpuid
  cmpl  $0x80000001, %eax
  jb    refuse
  movl  $0x80000001, %eax
  cpuid
  andl  $(1 << 29 | 1 << 26 | 1 << 20), %edx
  cmpl  $(1 << 29 | 1 << 26 | 1 << 20), %edx
  jne   refuse

  // CR4.PAE alone; CR3; EFER.LME and NXE; IA32_PAT as `pat_layout` has it; CR0.PG, WP, NE, ET, PE.
  movl  $0x20, %eax
  movl  %eax, %cr4
  movl  $__boot_tables, %eax
  movl  %eax, %cr3
  movl  $EFER, %ecx
  rdmsr
  orl   $(1 << 8 | 1 << 11), %eax
  wrmsr
  movl  $IA32_PAT, %ecx
  movl  $0x00070106, %eax
  movl  %eax, %edx
  wrmsr
  movl  $0x80010031, %eax
  movl  %eax, %cr0
  lgdt  first_gdt_pointer
  ljmpl $8, $long_mode

  // Says so and stops: nothing else works without. An emulator may take what follows the text's end for its own end.
refuse:
  movl  $refused_text, %esi
2:
  lodsb
  testb %al, %al
  jz    5f
  movb  %al, %ah
  movw  $(COM1 + 5), %dx
3:
  inb   %dx, %al
  testb $0x20, %al
  jz    3b
  movb  %ah, %al
  movw  $COM1, %dx
  outb  %al, %dx
  jmp   2b
5:
  movl  $8, %ecx
  movw  $0x8900, %dx
  rep outsb
4:
  hlt
  jmp   4b

  .code64
long_mode:
  xorl  %eax, %eax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %fs
  movw  %ax, %gs
  movw  $16, %ax
  movw  %ax, %ss
  movl  $__stack_top, %esp
  // .bss, to its end: the loader may have left something there
  movl  $__bss_start, %edi
  movl  $__bss_end, %ecx
  subl  %edi, %ecx
  xorl  %eax, %eax
  movl  %esi, %edx
  rep stosb
  movl  %edx, %edi
  movl  %ebp, %esi
  xorl  %ebp, %ebp
  call  hypervisor_main
5:
  hlt
  jmp   5b

  .balign 8
first_gdt:
  .quad 0
  .quad 0x00af9b000000ffff
  .quad 0x00cf93000000ffff
first_gdt_pointer:
  .word . - first_gdt - 1
  .long first_gdt
refused_text:
  .asciz "axhal: error: this CPU does not have long mode with no-execute pages and pages of 1 GiB\r\n"
  .ascii "Shutdown"

  .section .note.GNU-stack, "", %progbits

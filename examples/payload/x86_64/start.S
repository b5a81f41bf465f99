// SPDX-License-Identifier: BSL-1.0
// A guest of our own: entered as a Multiboot image (32-bit protected mode, EAX the loader's magic number, EBX its
// information), it runs in 64-bit mode on tables of its own that map 4 GiB where they are.

  .set MAGIC, 0x1badb002
  .set FLAGS, 0x10003           // modules on pages, a memory map, and the addresses below
  .set EFER, 0xc0000080
  .set CODE_64, 0x08            // selectors of `gdt`
  .set DATA, 0x10
  .set USER_DATA, 0x23
  .set REAL_CODE, 0x48
  .set REAL_DATA, 0x50

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
  .long __image_end             // bss_end_addr
  .long _start                  // entry_addr
1:
  cli
  cld
  movl  $__stack_top, %esp
  movl  %eax, %esi
  movl  %ebx, %ebp
  call  enter_long_mode
  .code64
  // .bss, to its end: the loader may have left something there
  movl  $__bss_start, %edi
  movl  $__bss_end, %ecx
  subl  %edi, %ecx
  xorl  %eax, %eax
  movl  %esi, %edx
  rep stosb
  // One gate for each vector, by one stub of 16 bytes each.
  movl  $idt, %edi
  movl  $stubs, %eax
  xorl  %ecx, %ecx
2:
  movw  %ax, (%rdi)
  movw  $CODE_64, 2(%rdi)
  movw  $0xee01, 4(%rdi)        // present, DPL 3, interrupt gate, IST 1
  movl  %eax, %ebx
  shrl  $16, %ebx
  movw  %bx, 6(%rdi)
  movl  $0, 8(%rdi)
  addl  $16, %eax
  addl  $16, %edi
  incl  %ecx
  cmpl  $256, %ecx
  jne   2b
  movb  $2, idt + 2 * 16 + 4    // NMI and double faults have stacks of their own
  movb  $3, idt + 8 * 16 + 4
  lidt  idt_pointer
  movl  $tss, %eax
  movw  %ax, gdt + 0x38 + 2
  shrl  $16, %eax
  movb  %al, gdt + 0x38 + 4
  movb  %ah, gdt + 0x38 + 7
  movw  $0x38, %ax
  ltr   %ax
  movl  %edx, %edi
  movl  %ebp, %esi
  xorl  %ebp, %ebp
  call  payload_main
3:
  hlt
  jmp   3b

// Returns to its 32-bit caller in 64-bit mode: EAX, EBX, ECX and EDX are changed.
  .code32
enter_long_mode:
  popl  %ebx
  movl  $0x20, %eax             // CR4.PAE
  movl  %eax, %cr4
  movl  $pml4, %eax
  movl  %eax, %cr3
  movl  $EFER, %ecx
  rdmsr
  orl   $(1 << 8), %eax         // LME
  wrmsr
  movl  $0x80010033, %eax       // PG, WP, NE, ET, MP, PE
  movl  %eax, %cr0
  lgdt  gdt_pointer
  ljmpl $CODE_64, $4f
  .code64
4:
  movw  $DATA, %ax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %ss
  movw  %ax, %fs
  movw  %ax, %gs
  movl  %ebx, %ebx              // what is above 32 bits is anything, after a change of mode
  movl  %esp, %esp
  movl  %esi, %esi
  movl  %ebp, %ebp
  jmp   *%rbx

  .text
  .code64
// Every stub makes the same frame: an error code, or zero in its place, and the vector.
  .balign 16
stubs:
  .set  vector, 0
  .rept 256
  .balign 16
  .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
  .else
  pushq $0
  .endif
  pushq $vector
  jmp   trap
  .set  vector, vector + 1
  .endr

trap:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rbx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movw  $USER_DATA, %ax         // whoever goes on, at whichever privilege, may have this one
  movw  %ax, %ds
  movw  %ax, %es
  cld
  movq  %rsp, %rdi
  movq  %rsp, %rbx
  andq  $-16, %rsp
  call  on_trap
  movq  %rbx, %rsp
restore:
  popq  %r15
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %r11
  popq  %r10
  popq  %r9
  popq  %r8
  popq  %rdi
  popq  %rsi
  popq  %rbp
  popq  %rbx
  popq  %rdx
  popq  %rcx
  popq  %rax
  addq  $16, %rsp
  iretq

// void enter_code(stopped const* frame): goes on as the frame says. Whoever puts `left_code` in a later frame, with the
// stack that is kept here, ends it.
  .globl enter_code, left_code, left_code_stack
enter_code:
  movw  $USER_DATA, %ax
  movw  %ax, %ds
  movw  %ax, %es
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushq %rdi
  movq  %rsp, left_code_stack
  movq  %rdi, %rsp
  jmp   restore
left_code:
  popq  %rdi
  popq  %r15
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %rbp
  popq  %rbx
  ret

// void visit_real_mode(): 64-bit mode, compatibility mode, protected mode without paging, 16-bit protected mode, real
// mode, where `real_mode_body` runs, and all the way back. The page of `low_page` has a copy of what lies from
// `low_start` to `low_end`.
  .set LOW, 0x8000
  .globl visit_real_mode, low_start, low_end
visit_real_mode:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq  %rsp, real_mode_stack
  pushfq
  popq  real_mode_flags
  cli
  ljmpl *compatibility_pointer
  .code32
5:
  movl  %cr0, %eax
  andl  $0x7fffffff, %eax       // PG off: out of long mode
  movl  %eax, %cr0
  movl  $EFER, %ecx
  rdmsr
  andl  $~(1 << 8), %eax
  wrmsr
  movl  $0x7000, %esp
  ljmpl $REAL_CODE, $(LOW + (low_protected - low_start))
  .code16
low_start:
low_protected:
  movw  $REAL_DATA, %ax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %ss
  lidtl %cs:(LOW + (low_idt - low_start))
  movl  %cr0, %eax
  andb  $0xfe, %al              // PE
  movl  %eax, %cr0
  ljmpw $0, $(LOW + (low_real - low_start))
low_real:
  xorw  %ax, %ax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %ss
  movw  $0x7000, %sp
  // Vector 0x60 of the interrupt table is ours.
  movw  $(LOW + (low_vector - low_start)), 0x60 * 4
  movw  %ax, 0x60 * 4 + 2
  movl  $0, LOW + (low_results - low_start)
  int   $0x60
  // What leaves the machine: CPUID, a port with a 16-bit register, a string of ports.
  xorl  %eax, %eax
  cpuid
  movl  %ebx, LOW + (low_results - low_start) + 4
  movw  $0x3fd, %dx
  inb   %dx, %al
  movzbl %al, %eax
  movl  %eax, LOW + (low_results - low_start) + 8
  movw  $0x3ff, %dx
  movw  $(LOW + (low_results - low_start) + 12), %di
  movw  $4, %cx
  cld
  rep insb
  movw  %di, LOW + (low_results - low_start) + 16
  movw  %cx, LOW + (low_results - low_start) + 18
  smsww %ax
  movzwl %ax, %eax
  movl  %eax, LOW + (low_results - low_start) + 20
  // Segments of another base, as `base + offset` beyond 1 MiB with A20 open.
  movw  $0xffff, %ax
  movw  %ax, %ds
  movl  0x20, %eax
  movl  %eax, %es:LOW + (low_results - low_start) + 24
  movw  %cs, %ax
  movw  %ax, %ds
  movl  %cr0, %eax
  orb   $1, %al
  movl  %eax, %cr0
  lgdtl LOW + (low_gdt - low_start)
  ljmpl $0x18, $back_in_protected_mode
low_vector:
  incl  LOW + (low_results - low_start)
  iretw
  .balign 8
low_idt:
  .word 0x3ff
  .long 0
low_gdt:
  .word gdt_end - gdt - 1
  .long gdt
  .balign 8
  .globl low_results
low_results:
  .fill 8, 4, 0
low_end:
  .code32
back_in_protected_mode:
  movw  $DATA, %ax
  movw  %ax, %ds
  movw  %ax, %es
  movw  %ax, %ss
  movl  $__stack_top - 0x8000, %esp
  movl  %cr4, %esi
  call  enter_long_mode
  .code64
  movl  %esi, %eax
  movq  %rax, %cr4
  lidt  idt_pointer
  movq  real_mode_stack, %rsp
  popq  %r15
  popq  %r14
  popq  %r13
  popq  %r12
  popq  %rbp
  popq  %rbx
  pushq real_mode_flags
  popfq
  ret

  .section .rodata
  .balign 8
compatibility_pointer:
  .long 5b
  .word 0x18

  .data
  .balign 8
  .globl gdt
gdt:
  .quad 0
  .quad 0x00af9b000000ffff      // 0x08: code, 64-bit
  .quad 0x00cf93000000ffff      // 0x10: data
  .quad 0x00cf9b000000ffff      // 0x18: code, 32-bit
  .quad 0x00cff3000000ffff      // 0x20: data of ring 3; code of 64 bits behind it, as SYSRET wants it
  .quad 0x00affb000000ffff      // 0x28
  .quad 0x00cffb000000ffff      // 0x30: code of ring 3, 32-bit
  .quad 0x0000890000000067      // 0x38: the task state, whose base is filled in below
  .quad 0
  .quad 0x00009b000000ffff      // 0x48: code, 16-bit, base 0
  .quad 0x000093000000ffff      // 0x50: data, 16-bit, base 0
  .quad 0x00cf92000000ffff      // 0x58: data, not accessed yet
gdt_end:
gdt_pointer:
  .word . - gdt - 1
  .quad gdt
  .globl idt_pointer
idt_pointer:
  .word 256 * 16 - 1
  .quad idt

  .balign 16
  .globl tss
tss:
  .long 0
  .quad trap_stacks + 0x4000, 0, 0    // RSP0
  .quad 0
  .quad trap_stacks + 0x4000, trap_stacks + 0x8000, trap_stacks + 0xc000, 0, 0, 0, 0
  .quad 0
  .word 0, 0x68

// Pages of 2 MiB: present, writable, for users too. Devices, from 3 GiB on, are not cached.
  .balign 4096
  .globl pml4, pdpt
pml4:
  .quad pdpt + 7
  .fill 511, 8, 0
pdpt:
  .quad pd + 7, pd + 0x1007, pd + 0x2007, pd + 0x3007
  .fill 508, 8, 0
pd:
  .set n, 0
  .rept 1536
  .quad n * 0x200000 + 0x87
  .set n, n + 1
  .endr
  .rept 512
  .quad n * 0x200000 + 0x9f
  .set n, n + 1
  .endr

  .bss
  .balign 4096
idt:
  .skip 4096
trap_stacks:
  .skip 0xc000
left_code_stack:
  .quad 0
real_mode_stack:
  .quad 0
real_mode_flags:
  .quad 0

  .section .note.GNU-stack, "", %progbits

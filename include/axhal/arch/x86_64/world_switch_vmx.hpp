// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__x86_64__)
#error "axhal/arch/x86_64/world_switch_vmx.hpp emits x86-64 instructions; only an x86-64 build may include it"
#endif

#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_extension.hpp>

#include <cstddef>
#include <cstdint>

// How a guest of VT-x is entered and left.
//
//   enter_vmx(frame, launched)      host: callee-saved registers on the stack, the frame's address above them: there
//        |                          RSP is put by exits. Guest: all registers but RSP from the frame
//        v  VMLAUNCH or VMRESUME
//   guest runs
//        v  exit: RIP is the stub of the tier, RFLAGS is 2: interrupts are masked
//   RAX to RDX, RSI, RDI, R8 to R11 to the frame; call Tier::on_exit(frame)
//        |
//        +-- returned the frame:    fast tier answered. Those registers back, VMRESUME. RBP and R12 to R15 were never
//        |                          touched: the compiler keeps them, as the calling convention asks.
//        +-- returned null:         slow tier. They go to the frame, the host's come back, and enter_vmx returns.

static_assert(offsetof(axhal::x86_64::guest_frame, gpr) == 0);
static_assert(axhal::x86_64::vmcs::host_rsp.encoding == 0x6c14);

extern "C" {
/// Runs the guest in `frame`, whose VMCS is current and was `launched` or not, until the fast tier leaves an exit to
/// the slow one: 0. 1 and 2: it was not entered (`vmx_entry`). Interrupts are masked; the VMCS has
/// `vmx_exit_stub<Tier>::address()` as the host's RIP.
std::uint32_t axhal_x86_64_enter_vmx(axhal::x86_64::guest_frame* frame, std::uint32_t launched);
/// Where the stub goes that leaves an exit to the slow tier, and one whose guest cannot be resumed. Not functions.
void axhal_x86_64_leave_vmx();
void axhal_x86_64_fail_vmx();
}

asm(R"(
  .ifndef axhal_x86_64_world_switch_vmx_once
  .set axhal_x86_64_world_switch_vmx_once, 1
  .pushsection .text.axhal_x86_64_world_switch_vmx,"axG",@progbits,axhal_x86_64_world_switch_vmx,comdat
  .weak axhal_x86_64_enter_vmx
  .type axhal_x86_64_enter_vmx, @function
  .balign 16
axhal_x86_64_enter_vmx:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushq %rdi
  movl $0x6c14, %eax
  vmwrite %rsp, %rax
  jbe 2f
  movq %rdi, %rax
  testl %esi, %esi
  movq 8(%rax), %rcx
  movq 16(%rax), %rdx
  movq 24(%rax), %rbx
  movq 40(%rax), %rbp
  movq 48(%rax), %rsi
  movq 56(%rax), %rdi
  movq 64(%rax), %r8
  movq 72(%rax), %r9
  movq 80(%rax), %r10
  movq 88(%rax), %r11
  movq 96(%rax), %r12
  movq 104(%rax), %r13
  movq 112(%rax), %r14
  movq 120(%rax), %r15
  movq (%rax), %rax
  jnz 1f
  vmlaunch
  jmp axhal_x86_64_fail_vmx
1:
  vmresume
  jmp axhal_x86_64_fail_vmx
2:
  movl $1, %eax
  jmp 3f
  .size axhal_x86_64_enter_vmx, . - axhal_x86_64_enter_vmx

  .weak axhal_x86_64_fail_vmx
  .type axhal_x86_64_fail_vmx, @function
axhal_x86_64_fail_vmx:
  movl $1, %eax
  jc 1f
  movl $2, %eax
1:
  jmp 2f

  .weak axhal_x86_64_leave_vmx
  .type axhal_x86_64_leave_vmx, @function
axhal_x86_64_leave_vmx:
  xorl %eax, %eax
2:
  movq (%rsp), %rdi
  movq %rbp, 40(%rdi)
  movq %r12, 96(%rdi)
  movq %r13, 104(%rdi)
  movq %r14, 112(%rdi)
  movq %r15, 120(%rdi)
3:
  popq %rdi
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size axhal_x86_64_leave_vmx, . - axhal_x86_64_leave_vmx
  .popsection
  .endif
)");

namespace axhal::x86_64 {

/// Where exits come to, made once for each `Tier`; it calls the tier's function directly.
template <VmxExitTier Tier>
struct vmx_exit_stub {
  /// The host's RIP for a VMCS.
  [[nodiscard, gnu::noinline]] static std::uint64_t address() {
    std::uint64_t stub;
    asm volatile(R"(
  .pushsection .text.axhal_x86_64_vmx_stubs,"ax?",@progbits
  .balign 16
1:
  pushq %%rax
  movq 8(%%rsp), %%rax
  movq %%rcx, 8(%%rax)
  movq %%rdx, 16(%%rax)
  movq %%rbx, 24(%%rax)
  movq %%rsi, 48(%%rax)
  movq %%rdi, 56(%%rax)
  movq %%r8, 64(%%rax)
  movq %%r9, 72(%%rax)
  movq %%r10, 80(%%rax)
  movq %%r11, 88(%%rax)
  popq (%%rax)
  movq %%rax, %%rdi
  call %P[on_exit]
  testq %%rax, %%rax
  jz axhal_x86_64_leave_vmx
  movq 8(%%rax), %%rcx
  movq 16(%%rax), %%rdx
  movq 24(%%rax), %%rbx
  movq 48(%%rax), %%rsi
  movq 56(%%rax), %%rdi
  movq 64(%%rax), %%r8
  movq 72(%%rax), %%r9
  movq 80(%%rax), %%r10
  movq 88(%%rax), %%r11
  movq (%%rax), %%rax
  vmresume
  jmp axhal_x86_64_fail_vmx
  .popsection
  leaq 1b(%%rip), %[stub]
)"
                 : [stub] "=r"(stub)
                 : [on_exit] "i"(&Tier::on_exit));
    return stub;
  }
};

/// Models `VmxWorldSwitch`.
struct vmx_world_switch {
  template <VmxExitTier Tier>
  [[nodiscard]] static std::uint64_t exit_rip() {
    return vmx_exit_stub<Tier>::address();
  }
  [[nodiscard]] static vmx_entry enter(guest_frame& frame, bool launched) {
    return static_cast<vmx_entry>(axhal_x86_64_enter_vmx(&frame, launched ? 1 : 0));
  }
  /// Through the host's own gate, whose IRET ends the blocking of NMIs (Intel SDM vol. 3C, "Loading Host State": an NMI
  /// that causes an exit blocks NMIs).
  static void take_nmi() { asm volatile("int $2" ::: "memory"); }
};
static_assert(VmxWorldSwitch<vmx_world_switch>);
static_assert(static_cast<unsigned>(vmx_entry::fail_invalid) == 1 && static_cast<unsigned>(vmx_entry::fail_valid) == 2);

}  // namespace axhal::x86_64

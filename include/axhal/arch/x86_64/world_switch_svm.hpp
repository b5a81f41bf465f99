// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__x86_64__)
#error "axhal/arch/x86_64/world_switch_svm.hpp emits x86-64 instructions; only an x86-64 build may include it"
#endif

#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>

#include <cstddef>
#include <cstdint>

// How a guest is entered and left with SVM.
//
//   run(vcpu, vmcb)                 host: RSP, RBP, the vCPU and the VMCB's address on the stack
//        |                          guest: RBP and R12 to R15 from the frame, once
//        v
//   RCX, RDX, RBX, RSI, RDI, R8 to R11 from the frame; VMRUN takes RAX and RSP from the VMCB
//        |
//   guest runs
//        |
//   VMRUN is over: the host's RSP is back, and RAX holds the VMCB's address. The same registers to the frame;
//   call Tier::on_exit(vcpu)
//        |
//        +-- returned the vCPU:     fast tier answered. VMRUN again. RBP and R12 to R15 were never touched: the
//        |                          compiler keeps them, as the calling convention asks.
//        +-- returned null:         slow tier. RBP and R12 to R15 to the frame, and run returns.
//
// GIF is 0 all the time outside of the guest, and IF is 1, so that VMRUN lets physical interrupts stop the guest (AMD64
// APM vol. 2, "Virtualizing INTR": the host's IF counts while V_INTR_MASKING is set).

static_assert(offsetof(axhal::x86_64::guest_frame, gpr) == 0);

namespace axhal::x86_64 {

/// The loop above, made once for each `Tier` and calling it directly. `Tier::on_exit(vcpu)` gives the vCPU back to run
/// the guest again, or null for the slow tier.
template <typename Tier>
struct svm_world_switch {
  /// Runs the guest until the fast tier leaves an exit to the slow tier; then the frame is complete. `vmcb` is the
  /// physical address of the vCPU's. GIF is 0, IF is 1, the guest's VMLOAD state is loaded.
  [[gnu::noinline]] static void run(svm_vcpu_state* vcpu, std::uint64_t vmcb) {
    guest_frame* frame = vcpu;
    asm volatile(R"(
  movq %%rsp, %%rax
  subq $128, %%rsp
  andq $-16, %%rsp
  pushq %%rax
  pushq %%rbp
  pushq %%rsi
  pushq %%rdi
  movq %%rdi, %%rax
  movq 40(%%rax), %%rbp
  movq 96(%%rax), %%r12
  movq 104(%%rax), %%r13
  movq 112(%%rax), %%r14
  movq 120(%%rax), %%r15
1:
  movq 8(%%rax), %%rcx
  movq 16(%%rax), %%rdx
  movq 24(%%rax), %%rbx
  movq 48(%%rax), %%rsi
  movq 56(%%rax), %%rdi
  movq 64(%%rax), %%r8
  movq 72(%%rax), %%r9
  movq 80(%%rax), %%r10
  movq 88(%%rax), %%r11
  movq 8(%%rsp), %%rax
  vmrun %%rax
  movq (%%rsp), %%rax
  movq %%rcx, 8(%%rax)
  movq %%rdx, 16(%%rax)
  movq %%rbx, 24(%%rax)
  movq %%rsi, 48(%%rax)
  movq %%rdi, 56(%%rax)
  movq %%r8, 64(%%rax)
  movq %%r9, 72(%%rax)
  movq %%r10, 80(%%rax)
  movq %%r11, 88(%%rax)
  movq %%rax, %%rdi
  call %P[on_exit]
  testq %%rax, %%rax
  jnz 1b
  popq %%rax
  movq %%rbp, 40(%%rax)
  movq %%r12, 96(%%rax)
  movq %%r13, 104(%%rax)
  movq %%r14, 112(%%rax)
  movq %%r15, 120(%%rax)
  popq %%rsi
  popq %%rbp
  popq %%rsp
)"
                 : "+D"(frame), "+S"(vmcb)
                 : [on_exit] "i"(&on_exit)
                 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
  }

 private:
  static guest_frame* on_exit(guest_frame* frame) { return Tier::on_exit(static_cast<svm_vcpu_state*>(frame)); }
};

}  // namespace axhal::x86_64

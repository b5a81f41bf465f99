// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__riscv) || __riscv_xlen != 64
#error "axhal/arch/riscv64/world_switch.hpp emits RV64 instructions; only a 64-bit RISC-V build may include it"
#endif

#include <axhal/arch/riscv64/guest_frame.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

// How a guest is entered and left.
//
//   enter_guest(frame)              host: callee-saved registers on the stack; sp, gp, tp kept in the frame
//        |                          guest: x1..x31 from the frame, sepc, sstatus, hstatus
//        v
//   guest runs                      sscratch points at the frame; it is zero whenever the host runs, so that the one
//        |                          vector tells the host's own traps from exits
//        v  vector
//   ra, sp, t0..t6, a0..a7 to the frame; sp = host's; call Tier::on_exit(frame)
//        |
//        +-- returned the frame:    fast tier answered. Those registers back, SRET. s0..s11 were never touched: the
//        |                          compiler keeps them, as the calling convention asks.
//        +-- returned null:         slow tier. s0..s11 and the trap's registers to the frame, the host's callee-saved
//                                   registers back, and enter_guest returns.

static_assert(offsetof(axhal::riscv64::guest_frame, x) == 0);
static_assert(offsetof(axhal::riscv64::guest_frame, host_sp) == 256);
static_assert(offsetof(axhal::riscv64::guest_frame, host_gp) == 264);
static_assert(offsetof(axhal::riscv64::guest_frame, host_tp) == 272);
static_assert(offsetof(axhal::riscv64::guest_frame, sepc) == 280);
static_assert(offsetof(axhal::riscv64::guest_frame, sstatus) == 288);
static_assert(offsetof(axhal::riscv64::guest_frame, hstatus) == 296);
static_assert(offsetof(axhal::riscv64::guest_frame, scause) == 304);
static_assert(offsetof(axhal::riscv64::guest_frame, stval) == 312);
static_assert(offsetof(axhal::riscv64::guest_frame, htval) == 320);
static_assert(offsetof(axhal::riscv64::guest_frame, htinst) == 328);

extern "C" {
/// Runs the guest in `frame` until the fast tier leaves an exit to the slow tier; then the frame is complete.
/// Interrupts are masked in HS-mode, stvec holds `vectors<Tier>::address()`, sscratch is zero.
void axhal_riscv64_enter_guest(axhal::riscv64::guest_frame* frame);
/// Where the vector goes that leaves an exit to the slow tier: sp is the host's stack, gp and tp are the host's, the
/// guest's are in the frame. Not a function.
void axhal_riscv64_leave_guest();
}

asm(R"(
  .ifndef axhal_riscv64_world_switch_once
  .set axhal_riscv64_world_switch_once, 1
  .pushsection .text.axhal_riscv64_world_switch,"axG",%progbits,axhal_riscv64_world_switch,comdat
  .weak axhal_riscv64_enter_guest
  .type axhal_riscv64_enter_guest, %function
  .balign 4
axhal_riscv64_enter_guest:
  addi sp, sp, -112
  sd a0, 0(sp)
  sd ra, 8(sp)
  sd s0, 16(sp)
  sd s1, 24(sp)
  sd s2, 32(sp)
  sd s3, 40(sp)
  sd s4, 48(sp)
  sd s5, 56(sp)
  sd s6, 64(sp)
  sd s7, 72(sp)
  sd s8, 80(sp)
  sd s9, 88(sp)
  sd s10, 96(sp)
  sd s11, 104(sp)
  sd sp, 256(a0)
  sd gp, 264(a0)
  sd tp, 272(a0)
  ld t0, 280(a0)
  ld t1, 288(a0)
  ld t2, 296(a0)
  csrw sepc, t0
  csrw sstatus, t1
  csrw 0x600, t2
  csrw sscratch, a0
  ld ra, 8(a0)
  ld sp, 16(a0)
  ld gp, 24(a0)
  ld tp, 32(a0)
  ld t0, 40(a0)
  ld t1, 48(a0)
  ld t2, 56(a0)
  ld s0, 64(a0)
  ld s1, 72(a0)
  ld a1, 88(a0)
  ld a2, 96(a0)
  ld a3, 104(a0)
  ld a4, 112(a0)
  ld a5, 120(a0)
  ld a6, 128(a0)
  ld a7, 136(a0)
  ld s2, 144(a0)
  ld s3, 152(a0)
  ld s4, 160(a0)
  ld s5, 168(a0)
  ld s6, 176(a0)
  ld s7, 184(a0)
  ld s8, 192(a0)
  ld s9, 200(a0)
  ld s10, 208(a0)
  ld s11, 216(a0)
  ld t3, 224(a0)
  ld t4, 232(a0)
  ld t5, 240(a0)
  ld t6, 248(a0)
  ld a0, 80(a0)
  sret
  .size axhal_riscv64_enter_guest, . - axhal_riscv64_enter_guest

  .weak axhal_riscv64_leave_guest
  .type axhal_riscv64_leave_guest, %function
axhal_riscv64_leave_guest:
  ld a0, 0(sp)
  sd s0, 64(a0)
  sd s1, 72(a0)
  sd s2, 144(a0)
  sd s3, 152(a0)
  sd s4, 160(a0)
  sd s5, 168(a0)
  sd s6, 176(a0)
  sd s7, 184(a0)
  sd s8, 192(a0)
  sd s9, 200(a0)
  sd s10, 208(a0)
  sd s11, 216(a0)
  csrr t0, sepc
  csrr t1, sstatus
  csrr t2, 0x600
  sd t0, 280(a0)
  sd t1, 288(a0)
  sd t2, 296(a0)
  csrr t0, scause
  csrr t1, stval
  csrr t2, 0x643
  csrr t3, 0x64a
  sd t0, 304(a0)
  sd t1, 312(a0)
  sd t2, 320(a0)
  sd t3, 328(a0)
  ld ra, 8(sp)
  ld s0, 16(sp)
  ld s1, 24(sp)
  ld s2, 32(sp)
  ld s3, 40(sp)
  ld s4, 48(sp)
  ld s5, 56(sp)
  ld s6, 64(sp)
  ld s7, 72(sp)
  ld s8, 80(sp)
  ld s9, 88(sp)
  ld s10, 96(sp)
  ld s11, 104(sp)
  addi sp, sp, 112
  ret
  .size axhal_riscv64_leave_guest, . - axhal_riscv64_leave_guest
  .popsection
  .endif
)");

namespace axhal::riscv64 {

/// What the vector calls: the fast tier, and the end of the road for the host's own traps.
///
/// `on_exit` gets the frame of the stopped guest with ra, sp, t0..t6 and a0..a7 in it (s0..s11, sepc and the trap's
/// other registers are still in their registers) and returns it to run the guest again, or null for the slow tier.
/// `on_host_fault()` does not return.
/// `uses_gp_and_tp`: the fast tier's code may use gp (a program linked with relaxation around `__global_pointer$`) or
/// tp (`cpu::hardware_id`, `cpu::per_cpu_base`, thread-local variables). When it is false the guest's own values stay
/// in these two, which spares an exit six instructions.
template <typename T>
concept ExitTier = requires(guest_frame* frame) {
  { T::on_exit(frame) } -> std::same_as<guest_frame*>;
  { T::on_host_fault() } -> std::same_as<void>;
  { T::uses_gp_and_tp } -> std::convertible_to<bool>;
};

/// The trap vector for one kind of exit handler, in direct mode (RISC-V Privileged Architecture, "Supervisor Trap
/// Vector Base Address (stvec) Register"). It is made once for each `Tier` and calls the tier's functions directly.
template <ExitTier Tier>
struct vectors {
  /// What stvec has to hold.
  [[nodiscard, gnu::noinline]] static std::uint64_t address() {
    std::uint64_t vector;
    asm volatile(R"(
  .pushsection .text.axhal_riscv64_vectors,"ax?",%%progbits
  .balign 4
1:
  csrrw sp, sscratch, sp
  beqz sp, 3f
  sd ra, 8(sp)
  sd t0, 40(sp)
  sd t1, 48(sp)
  sd t2, 56(sp)
  sd a0, 80(sp)
  sd a1, 88(sp)
  sd a2, 96(sp)
  sd a3, 104(sp)
  sd a4, 112(sp)
  sd a5, 120(sp)
  sd a6, 128(sp)
  sd a7, 136(sp)
  sd t3, 224(sp)
  sd t4, 232(sp)
  sd t5, 240(sp)
  sd t6, 248(sp)
  csrrw t0, sscratch, zero
  sd t0, 16(sp)
  mv a0, sp
  .if %c[switch_gp_tp]
  sd gp, 24(sp)
  sd tp, 32(sp)
  ld gp, 264(sp)
  ld tp, 272(sp)
  .endif
  ld sp, 256(sp)
  call %[on_exit]
  beqz a0, 2f
  csrw sscratch, a0
  .if %c[switch_gp_tp]
  ld gp, 24(a0)
  ld tp, 32(a0)
  .endif
  ld ra, 8(a0)
  ld sp, 16(a0)
  ld t0, 40(a0)
  ld t1, 48(a0)
  ld t2, 56(a0)
  ld a1, 88(a0)
  ld a2, 96(a0)
  ld a3, 104(a0)
  ld a4, 112(a0)
  ld a5, 120(a0)
  ld a6, 128(a0)
  ld a7, 136(a0)
  ld t3, 224(a0)
  ld t4, 232(a0)
  ld t5, 240(a0)
  ld t6, 248(a0)
  ld a0, 80(a0)
  sret
2:
  .if %c[switch_gp_tp] == 0
  ld a0, 0(sp)
  sd gp, 24(a0)
  sd tp, 32(a0)
  ld gp, 264(a0)
  ld tp, 272(a0)
  .endif
  tail axhal_riscv64_leave_guest
3:
  csrrw sp, sscratch, zero
  tail %[host_fault]
  .popsection
  lla %[vector], 1b
)"
                 : [vector] "=r"(vector)
                 : [on_exit] "S"(&Tier::on_exit), [host_fault] "S"(&Tier::on_host_fault),
                   [switch_gp_tp] "i"(Tier::uses_gp_and_tp ? 1 : 0));
    return vector;
  }
};

}  // namespace axhal::riscv64

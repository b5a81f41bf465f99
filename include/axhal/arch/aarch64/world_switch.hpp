// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__aarch64__)
#error "axhal/arch/aarch64/world_switch.hpp emits A64 instructions; only an AArch64 build may include it"
#endif

#include <axhal/arch/aarch64/guest_frame.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

// How a guest is entered and left.
//
//   enter_guest(frame)              host: callee-saved registers on the stack, SP kept in the frame
//        |                          guest: X0..X30 from the frame, ELR_EL2, SPSR_EL2
//        v
//   guest runs                      SP_EL2 points at the frame, so a vector can store without a free register
//        |
//        v  vector (one slot of 32 instructions)
//   X0..X18, X30 to the frame; SP = host's; bl Tier::on_sync(frame)
//        |
//        +-- returned the frame:    fast tier answered. X0..X18, X30 back, ERET. X19..X29 were never touched: the
//        |                          compiler keeps them, as the procedure call standard asks.
//        +-- returned null:         slow tier. X19..X29, ELR, SPSR, ESR, FAR, HPFAR to the frame, the host's
//                                   callee-saved registers back, and enter_guest returns.

static_assert(offsetof(axhal::aarch64::guest_frame, x) == 0);
static_assert(offsetof(axhal::aarch64::guest_frame, host_sp) == 248);
static_assert(offsetof(axhal::aarch64::guest_frame, elr) == 256);
static_assert(offsetof(axhal::aarch64::guest_frame, spsr) == 264);
static_assert(offsetof(axhal::aarch64::guest_frame, esr) == 272);
static_assert(offsetof(axhal::aarch64::guest_frame, far) == 280);
static_assert(offsetof(axhal::aarch64::guest_frame, hpfar) == 288);
static_assert(offsetof(axhal::aarch64::guest_frame, vector) == 296);

extern "C" {
/// Runs the guest in `frame` until the fast tier leaves an exit to the slow tier; then the frame is complete. The frame
/// is 16-byte aligned. Interrupts are masked at EL2, VBAR_EL2 holds `vectors<Tier>::address()`.
void axhal_aarch64_enter_guest(axhal::aarch64::guest_frame* frame);
/// Where vectors go that leave an exit to the slow tier: W1 is the vector's number, SP the host's stack. Not a
/// function.
void axhal_aarch64_leave_guest();
}

asm(R"(
  .ifndef axhal_aarch64_world_switch_once
  .set axhal_aarch64_world_switch_once, 1
  .pushsection .text.axhal_aarch64_world_switch,"axG",%progbits,axhal_aarch64_world_switch,comdat
  .weak axhal_aarch64_enter_guest
  .type axhal_aarch64_enter_guest, %function
  .balign 16
axhal_aarch64_enter_guest:
  stp x29, x30, [sp, #-112]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  str x0, [sp, #96]
  mov x1, sp
  str x1, [x0, #248]
  ldp x2, x3, [x0, #256]
  msr elr_el2, x2
  msr spsr_el2, x3
  ldp x19, x20, [x0, #152]
  ldp x21, x22, [x0, #168]
  ldp x23, x24, [x0, #184]
  ldp x25, x26, [x0, #200]
  ldp x27, x28, [x0, #216]
  ldp x29, x30, [x0, #232]
  mov sp, x0
  ldp x2, x3, [sp, #16]
  ldp x4, x5, [sp, #32]
  ldp x6, x7, [sp, #48]
  ldp x8, x9, [sp, #64]
  ldp x10, x11, [sp, #80]
  ldp x12, x13, [sp, #96]
  ldp x14, x15, [sp, #112]
  ldp x16, x17, [sp, #128]
  ldr x18, [sp, #144]
  ldp x0, x1, [sp]
  eret
  dsb nsh
  isb
  .size axhal_aarch64_enter_guest, . - axhal_aarch64_enter_guest

  .weak axhal_aarch64_leave_guest
  .type axhal_aarch64_leave_guest, %function
axhal_aarch64_leave_guest:
  ldr x0, [sp, #96]
  stp x19, x20, [x0, #152]
  stp x21, x22, [x0, #168]
  stp x23, x24, [x0, #184]
  stp x25, x26, [x0, #200]
  stp x27, x28, [x0, #216]
  str x29, [x0, #232]
  mrs x2, elr_el2
  mrs x3, spsr_el2
  stp x2, x3, [x0, #256]
  mrs x2, esr_el2
  mrs x3, far_el2
  stp x2, x3, [x0, #272]
  mrs x2, hpfar_el2
  stp x2, x1, [x0, #288]
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #112
  ret
  .size axhal_aarch64_leave_guest, . - axhal_aarch64_leave_guest
  .popsection
  .endif
)");

namespace axhal::aarch64 {

/// What the vectors call: the fast tier, and the end of the road for the host's own exceptions.
///
/// `on_sync` and `on_irq` get the frame of the stopped guest with X0..X18 and X30 in it (X19..X29, ELR_EL2, SPSR_EL2
/// and the syndrome are still in their registers) and return it to run the guest again, or null for the slow tier.
/// `on_host_fault(which)` does not return; `which` is the vector's index: 0..3 with SP_EL0, 4..7 with SP_EL2
/// (synchronous, IRQ, FIQ, SError). Exits from a guest's AArch32 EL0 are left to the slow tier.
template <typename T>
concept ExitTier = requires(guest_frame* frame, std::uint64_t which) {
  { T::on_sync(frame) } -> std::same_as<guest_frame*>;
  { T::on_irq(frame) } -> std::same_as<guest_frame*>;
  { T::on_host_fault(which) } -> std::same_as<void>;
};

/// The exception vectors for one kind of exit handler (ARM DDI 0487, "Exception vectors", D1.3.1). The table is made
/// once for each `Tier`; it calls the tier's functions directly.
template <ExitTier Tier>
struct vectors {
  /// What VBAR_EL2 has to hold.
  [[nodiscard, gnu::noinline]] static std::uint64_t address() {
    std::uint64_t table;
    asm volatile(R"(
  .pushsection .text.axhal_aarch64_vectors,"ax?",%%progbits
  .macro axhal_host_vector which
    .balign 128
    mov x0, #\which
    b %c[host_fault]
  .endm
  .macro axhal_save_guest
    .balign 128
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    str x18, [sp, #144]
    str x30, [sp, #240]
    mov x0, sp
    ldr x1, [x0, #248]
    mov sp, x1
  .endm
  .macro axhal_guest_vector tier, number
    axhal_save_guest
    bl \tier
    cbz x0, 2f
    mov sp, x0
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldr x18, [sp, #144]
    ldr x30, [sp, #240]
    ldp x0, x1, [sp]
    eret
  2:
    mov w1, #\number
    b axhal_aarch64_leave_guest
  .endm
  .macro axhal_leave_vector number
    axhal_save_guest
    mov w1, #\number
    b axhal_aarch64_leave_guest
  .endm

  .balign 2048
1:
  axhal_host_vector 0
  axhal_host_vector 1
  axhal_host_vector 2
  axhal_host_vector 3
  axhal_host_vector 4
  axhal_host_vector 5
  axhal_host_vector 6
  axhal_host_vector 7
  axhal_guest_vector %c[on_sync], 0
  axhal_guest_vector %c[on_irq], 1
  axhal_leave_vector 2
  axhal_leave_vector 3
  axhal_leave_vector 0
  axhal_leave_vector 1
  axhal_leave_vector 2
  axhal_leave_vector 3
  .balign 128
  .purgem axhal_host_vector
  .purgem axhal_save_guest
  .purgem axhal_guest_vector
  .purgem axhal_leave_vector
  .popsection
  adrp %[table], 1b
  add %[table], %[table], :lo12:1b
)"
                 : [table] "=r"(table)
                 : [on_sync] "S"(&Tier::on_sync), [on_irq] "S"(&Tier::on_irq), [host_fault] "S"(&Tier::on_host_fault));
    return table;
  }
};

}  // namespace axhal::aarch64

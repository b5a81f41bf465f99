// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstddef>
#include <cstdint>

/// The virtual machine control block (AMD64 APM vol. 2, appendix "VMCB Layout").
namespace axhal::x86_64 {

/// V_TPR and its neighbours: how virtual interrupts are shown to the guest ("Injecting Virtual (INTR) Interrupts").
namespace v_intr {
using f_v_tpr = bit_field<std::uint8_t, 7, 0, std::uint32_t>;
using f_v_irq = bit_field<bool, 8, 8, std::uint32_t>;  ///< one is there; cleared when the guest takes it
using f_v_gif = bit_field<bool, 9, 9, std::uint32_t>;
using f_v_intr_prio = bit_field<std::uint8_t, 19, 16, std::uint32_t>;
using f_v_ign_tpr = bit_field<bool, 20, 20, std::uint32_t>;
using f_v_intr_masking = bit_field<bool, 24, 24, std::uint32_t>;  ///< IF and CR8 of the guest are its own
using f_v_gif_enable = bit_field<bool, 25, 25, std::uint32_t>;
}  // namespace v_intr

/// The word with the interrupt shadow.
namespace guest_interruptibility {
using f_interrupt_shadow = bit_field<bool, 0>;
}

/// The word that turns nested paging on ("Enabling Nested Paging").
namespace nested_control {
using f_np_enable = bit_field<bool, 0>;
}

/// What the processor may take from its own copy of a VMCB instead of memory ("VMCB State Caching"). Whoever writes a
/// field clears its bit until the next entry.
namespace vmcb_clean {
inline constexpr std::uint32_t intercepts = 1U << 0;  ///< intercepts, TSC_OFFSET, pause filter
inline constexpr std::uint32_t maps = 1U << 1;        ///< IOPM_BASE_PA, MSRPM_BASE_PA
inline constexpr std::uint32_t asid = 1U << 2;
inline constexpr std::uint32_t interrupts = 1U << 3;         ///< V_TPR and its neighbours, V_INTR_VECTOR
inline constexpr std::uint32_t nested = 1U << 4;             ///< N_CR3, G_PAT, NP_ENABLE
inline constexpr std::uint32_t control_registers = 1U << 5;  ///< CR0, CR3, CR4, EFER
inline constexpr std::uint32_t debug_registers = 1U << 6;
inline constexpr std::uint32_t tables = 1U << 7;    ///< GDTR, IDTR
inline constexpr std::uint32_t segments = 1U << 8;  ///< CS, DS, SS, ES, and CPL
inline constexpr std::uint32_t cr2 = 1U << 9;
inline constexpr std::uint32_t all = (1U << 10) - 1;
}  // namespace vmcb_clean

/// Appendix B, "VMCB Layout, Control Area".
struct vmcb_control {
  std::uint32_t intercepts[6];  ///< bit n of the whole is exit code n
  std::uint8_t reserved_018[0x24];
  std::uint16_t pause_filter_threshold;
  std::uint16_t pause_filter_count;
  std::uint64_t iopm_base_pa;
  std::uint64_t msrpm_base_pa;
  std::uint64_t tsc_offset;
  std::uint32_t guest_asid;
  enum tlb_control tlb_control;
  std::uint8_t reserved_05d[3];
  std::uint32_t v_intr;
  std::uint8_t v_intr_vector;
  std::uint8_t reserved_065[3];
  std::uint64_t interruptibility;
  std::uint64_t exitcode;
  std::uint64_t exitinfo1;
  std::uint64_t exitinfo2;
  std::uint32_t exitintinfo;  ///< `event_word`
  std::uint32_t exitintinfo_error_code;
  std::uint64_t nested_control;
  std::uint64_t avic_apic_bar;
  std::uint64_t ghcb;
  std::uint32_t eventinj;  ///< `event_word`
  std::uint32_t eventinj_error_code;
  std::uint64_t n_cr3;
  std::uint64_t virtualization_enables;
  std::uint32_t clean;
  std::uint32_t reserved_0c4;
  std::uint64_t nrip;
  std::uint8_t bytes_fetched;
  std::uint8_t guest_instruction[15];
  std::uint8_t reserved_0e0[0x320];
};
static_assert(offsetof(vmcb_control, intercepts) == 0x000);
static_assert(offsetof(vmcb_control, pause_filter_threshold) == 0x03c);
static_assert(offsetof(vmcb_control, pause_filter_count) == 0x03e);
static_assert(offsetof(vmcb_control, iopm_base_pa) == 0x040);
static_assert(offsetof(vmcb_control, msrpm_base_pa) == 0x048);
static_assert(offsetof(vmcb_control, tsc_offset) == 0x050);
static_assert(offsetof(vmcb_control, guest_asid) == 0x058);
static_assert(offsetof(vmcb_control, tlb_control) == 0x05c);
static_assert(offsetof(vmcb_control, v_intr) == 0x060);
static_assert(offsetof(vmcb_control, v_intr_vector) == 0x064);
static_assert(offsetof(vmcb_control, interruptibility) == 0x068);
static_assert(offsetof(vmcb_control, exitcode) == 0x070);
static_assert(offsetof(vmcb_control, exitinfo1) == 0x078);
static_assert(offsetof(vmcb_control, exitinfo2) == 0x080);
static_assert(offsetof(vmcb_control, exitintinfo) == 0x088);
static_assert(offsetof(vmcb_control, exitintinfo_error_code) == 0x08c);
static_assert(offsetof(vmcb_control, nested_control) == 0x090);
static_assert(offsetof(vmcb_control, avic_apic_bar) == 0x098);
static_assert(offsetof(vmcb_control, ghcb) == 0x0a0);
static_assert(offsetof(vmcb_control, eventinj) == 0x0a8);
static_assert(offsetof(vmcb_control, eventinj_error_code) == 0x0ac);
static_assert(offsetof(vmcb_control, n_cr3) == 0x0b0);
static_assert(offsetof(vmcb_control, virtualization_enables) == 0x0b8);
static_assert(offsetof(vmcb_control, clean) == 0x0c0);
static_assert(offsetof(vmcb_control, nrip) == 0x0c8);
static_assert(offsetof(vmcb_control, bytes_fetched) == 0x0d0);
static_assert(offsetof(vmcb_control, guest_instruction) == 0x0d1);
static_assert(sizeof(vmcb_control) == 0x400);

/// Appendix B, "VMCB Layout, State Save Area", where it is not encrypted. What is marked (s) is only read by VMLOAD and
/// written by VMSAVE; the rest by VMRUN and exits.
struct vmcb_save {
  segment_register segments[6];  ///< ES, CS, SS, DS, FS (s), GS (s), as `segment` counts them
  segment_register gdtr;
  segment_register ldtr;  ///< (s)
  segment_register idtr;
  segment_register tr;  ///< (s)
  std::uint8_t reserved_0a0[0x2b];
  std::uint8_t cpl;
  std::uint32_t reserved_0cc;
  std::uint64_t efer;
  std::uint8_t reserved_0d8[0x70];
  std::uint64_t cr4;
  std::uint64_t cr3;
  std::uint64_t cr0;
  std::uint64_t dr7;
  std::uint64_t dr6;
  std::uint64_t rflags;
  std::uint64_t rip;
  std::uint8_t reserved_180[0x58];
  std::uint64_t rsp;
  std::uint64_t s_cet;
  std::uint64_t ssp;
  std::uint64_t isst_addr;
  std::uint64_t rax;
  std::uint64_t star;            ///< (s)
  std::uint64_t lstar;           ///< (s)
  std::uint64_t cstar;           ///< (s)
  std::uint64_t sfmask;          ///< (s)
  std::uint64_t kernel_gs_base;  ///< (s)
  std::uint64_t sysenter_cs;     ///< (s)
  std::uint64_t sysenter_esp;    ///< (s)
  std::uint64_t sysenter_eip;    ///< (s)
  std::uint64_t cr2;
  std::uint8_t reserved_248[0x20];
  std::uint64_t g_pat;
  std::uint64_t dbgctl;
  std::uint64_t br_from;
  std::uint64_t br_to;
  std::uint64_t last_excp_from;
  std::uint64_t last_excp_to;
  std::uint8_t reserved_298[0x968];

  [[nodiscard, gnu::always_inline]] constexpr segment_register& of(segment s) {
    return segments[static_cast<unsigned>(s) % 6];
  }
  [[nodiscard, gnu::always_inline]] constexpr segment_register const& of(segment s) const {
    return segments[static_cast<unsigned>(s) % 6];
  }
};
static_assert(sizeof(segment_register) == 16 && offsetof(segment_register, selector) == 0 &&
              offsetof(segment_register, attributes) == 2 && offsetof(segment_register, limit) == 4 &&
              offsetof(segment_register, base) == 8);
static_assert(offsetof(vmcb_save, segments) == 0x000);
static_assert(offsetof(vmcb_save, gdtr) == 0x060);
static_assert(offsetof(vmcb_save, ldtr) == 0x070);
static_assert(offsetof(vmcb_save, idtr) == 0x080);
static_assert(offsetof(vmcb_save, tr) == 0x090);
static_assert(offsetof(vmcb_save, cpl) == 0x0cb);
static_assert(offsetof(vmcb_save, efer) == 0x0d0);
static_assert(offsetof(vmcb_save, cr4) == 0x148);
static_assert(offsetof(vmcb_save, cr3) == 0x150);
static_assert(offsetof(vmcb_save, cr0) == 0x158);
static_assert(offsetof(vmcb_save, dr7) == 0x160);
static_assert(offsetof(vmcb_save, dr6) == 0x168);
static_assert(offsetof(vmcb_save, rflags) == 0x170);
static_assert(offsetof(vmcb_save, rip) == 0x178);
static_assert(offsetof(vmcb_save, rsp) == 0x1d8);
static_assert(offsetof(vmcb_save, s_cet) == 0x1e0);
static_assert(offsetof(vmcb_save, ssp) == 0x1e8);
static_assert(offsetof(vmcb_save, isst_addr) == 0x1f0);
static_assert(offsetof(vmcb_save, rax) == 0x1f8);
static_assert(offsetof(vmcb_save, star) == 0x200);
static_assert(offsetof(vmcb_save, lstar) == 0x208);
static_assert(offsetof(vmcb_save, cstar) == 0x210);
static_assert(offsetof(vmcb_save, sfmask) == 0x218);
static_assert(offsetof(vmcb_save, kernel_gs_base) == 0x220);
static_assert(offsetof(vmcb_save, sysenter_cs) == 0x228);
static_assert(offsetof(vmcb_save, sysenter_esp) == 0x230);
static_assert(offsetof(vmcb_save, sysenter_eip) == 0x238);
static_assert(offsetof(vmcb_save, cr2) == 0x240);
static_assert(offsetof(vmcb_save, g_pat) == 0x268);
static_assert(offsetof(vmcb_save, dbgctl) == 0x270);
static_assert(offsetof(vmcb_save, br_from) == 0x278);
static_assert(offsetof(vmcb_save, br_to) == 0x280);
static_assert(offsetof(vmcb_save, last_excp_from) == 0x288);
static_assert(offsetof(vmcb_save, last_excp_to) == 0x290);
static_assert(sizeof(vmcb_save) == 0xc00);

/// One page of write-back memory, which the processor knows by its physical address. Everything is zero to begin with.
struct alignas(4096) vmcb {
  vmcb_control control{};
  vmcb_save save{};
};
static_assert(offsetof(vmcb, save) == 0x400 && sizeof(vmcb) == 4096);

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__x86_64__)
#error "axhal/arch/x86_64/insn.hpp emits x86-64 instructions; only an x86-64 build may include it"
#endif

#include <axhal/arch/x86_64/insn_virt.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/tlb_operations.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// The operand of LGDT and LIDT (Intel SDM vol. 3, "Memory-Management Registers").
struct [[gnu::packed]] descriptor_table {
  std::uint16_t limit{};  ///< bytes, less one
  std::uint64_t base{};
};
static_assert(sizeof(descriptor_table) == 10);

/// The CPU this code runs on, as instructions (Intel SDM vol. 2; AMD64 APM vol. 3). Needs 64-bit mode at privilege
/// level 0.
struct cpu : virt_instructions {
  // --- I/O ports ---

  [[nodiscard]] static std::uint8_t in8(std::uint16_t port) {
    std::uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
  }
  [[nodiscard]] static std::uint16_t in16(std::uint16_t port) {
    std::uint16_t value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
  }
  [[nodiscard]] static std::uint32_t in32(std::uint16_t port) {
    std::uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
  }
  static void out8(std::uint16_t port, std::uint8_t value) {
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
  }
  static void out16(std::uint16_t port, std::uint16_t value) {
    asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
  }
  static void out32(std::uint16_t port, std::uint32_t value) {
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
  }

  // --- model-specific registers, CPUID, the time-stamp counter ---

  /// Precondition: there is such an MSR, else the host takes a #GP.
  [[nodiscard]] static std::uint64_t read_msr(std::uint32_t number) {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number) : "memory");
    return std::uint64_t{high} << 32 | low;
  }
  /// Precondition: the MSR takes this value.
  static void write_msr(std::uint32_t number, std::uint64_t value) {
    asm volatile("wrmsr" ::"c"(number), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
  }
  /// The same where the CPU may refuse. The #GP is caught by the exception table (world_switch_host.hpp), which has to
  /// be in use.
  [[nodiscard]] static result<std::uint64_t, msr_refused> try_read_msr(std::uint32_t number) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::uint32_t refused = 0;
    asm volatile(R"(
1:
  rdmsr
2:
  .pushsection axhal_x86_64_fixups, "a?", @progbits
  .balign 4
  .long 1b - ., 3f - .
  .popsection
  .pushsection .text.axhal_x86_64_fixups, "ax?", @progbits
3:
  movl $1, %[refused]
  jmp 2b
  .popsection
)"
                 : "+a"(low), "+d"(high), [refused] "+r"(refused)
                 : "c"(number)
                 : "memory");
    if (refused != 0) return failure{msr_refused{}};
    return std::uint64_t{high} << 32 | low;
  }
  static result<void, msr_refused> try_write_msr(std::uint32_t number, std::uint64_t value) {
    std::uint32_t refused = 0;
    asm volatile(R"(
1:
  wrmsr
2:
  .pushsection axhal_x86_64_fixups, "a?", @progbits
  .balign 4
  .long 1b - ., 3f - .
  .popsection
  .pushsection .text.axhal_x86_64_fixups, "ax?", @progbits
3:
  movl $1, %[refused]
  jmp 2b
  .popsection
)"
                 : [refused] "+r"(refused)
                 : "c"(number), "a"(static_cast<std::uint32_t>(value)), "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
    if (refused != 0) return failure{msr_refused{}};
    return {};
  }
  [[nodiscard]] static cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    cpuid_result r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf) : "memory");
    return r;
  }
  /// The time-stamp counter, not before the loads that come before.
  [[nodiscard, gnu::always_inline]] static std::uint64_t rdtsc() {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return std::uint64_t{high} << 32 | low;
  }
  [[nodiscard]] static std::uint64_t xgetbv(std::uint32_t index) {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
    return std::uint64_t{high} << 32 | low;
  }
  /// Precondition: CR4.OSXSAVE is set and the value is one that the CPU takes.
  static void xsetbv(std::uint32_t index, std::uint64_t value) {
    asm volatile("xsetbv" ::"c"(index), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
  }

  // --- control and debug registers ---

  [[nodiscard]] static std::uint64_t read_cr0() {
    std::uint64_t value;
    asm volatile("movq %%cr0, %0" : "=r"(value)::"memory");
    return value;
  }
  [[nodiscard]] static std::uint64_t read_cr2() {
    std::uint64_t value;
    asm volatile("movq %%cr2, %0" : "=r"(value)::"memory");
    return value;
  }
  [[nodiscard]] static std::uint64_t read_cr3() {
    std::uint64_t value;
    asm volatile("movq %%cr3, %0" : "=r"(value)::"memory");
    return value;
  }
  [[nodiscard]] static std::uint64_t read_cr4() {
    std::uint64_t value;
    asm volatile("movq %%cr4, %0" : "=r"(value)::"memory");
    return value;
  }
  static void write_cr0(std::uint64_t value) { asm volatile("movq %0, %%cr0" ::"r"(value) : "memory"); }
  static void write_cr2(std::uint64_t value) { asm volatile("movq %0, %%cr2" ::"r"(value) : "memory"); }
  static void write_cr3(std::uint64_t value) { asm volatile("movq %0, %%cr3" ::"r"(value) : "memory"); }
  static void write_cr4(std::uint64_t value) { asm volatile("movq %0, %%cr4" ::"r"(value) : "memory"); }

  /// DR0 to DR3, DR6 and DR7.
  template <unsigned N>
  [[nodiscard]] static std::uint64_t read_dr() {
    static_assert(N < 4 || N == 6 || N == 7, "cpu::read_dr: there is no such debug register");
    std::uint64_t value;
    asm volatile("movq %%dr%c1, %0" : "=r"(value) : "i"(N) : "memory");
    return value;
  }
  template <unsigned N>
  static void write_dr(std::uint64_t value) {
    static_assert(N < 4 || N == 6 || N == 7, "cpu::write_dr: there is no such debug register");
    asm volatile("movq %0, %%dr%c1" ::"r"(value), "i"(N) : "memory");
  }

  // --- descriptor tables ---

  static void lgdt(descriptor_table const& t) { asm volatile("lgdt %0" ::"m"(t) : "memory"); }
  static void lidt(descriptor_table const& t) { asm volatile("lidt %0" ::"m"(t) : "memory"); }
  [[nodiscard]] static descriptor_table gdt() {
    descriptor_table t;
    asm volatile("sgdt %0" : "=m"(t));
    return t;
  }
  [[nodiscard]] static descriptor_table idt() {
    descriptor_table t;
    asm volatile("sidt %0" : "=m"(t));
    return t;
  }
  static void ltr(std::uint16_t selector) { asm volatile("ltr %0" ::"r"(selector) : "memory"); }
  [[nodiscard]] static std::uint16_t tr_selector() {
    std::uint16_t selector;
    asm volatile("str %0" : "=r"(selector));
    return selector;
  }
  [[nodiscard]] static std::uint16_t cs_selector() {
    std::uint16_t selector;
    asm volatile("movw %%cs, %0" : "=rm"(selector));
    return selector;
  }
  /// CS becomes `code`; SS, DS, ES, FS and GS `data`, which takes the bases of FS and GS.
  static void load_segments(std::uint16_t code, std::uint16_t data) {
    asm volatile(R"(
  pushq %[code]
  leaq 1f(%%rip), %%rax
  pushq %%rax
  lretq
1:
  movw %w[data], %%ss
  movw %w[data], %%ds
  movw %w[data], %%es
  movw %w[data], %%fs
  movw %w[data], %%gs
)" ::[code] "r"(std::uint64_t{code}),
                 [data] "r"(std::uint32_t{data})
                 : "rax", "memory");
  }

  // --- translations and caches ---

  static void invlpg(std::uint64_t address) { asm volatile("invlpg (%0)" ::"r"(address) : "memory"); }
  static void invpcid(invpcid_type type, std::uint64_t pcid, std::uint64_t address) {
    struct {
      std::uint64_t pcid;
      std::uint64_t address;
    } const descriptor{pcid, address};
    asm volatile("invpcid %0, %1" ::"m"(descriptor), "r"(static_cast<std::uint64_t>(type)) : "memory");
  }
  static void wbinvd() { asm volatile("wbinvd" ::: "memory"); }

  // --- extended states: `area` is aligned to 64 bytes and as large as CPUID leaf 0xd says ---

  static void fninit() { asm volatile("fninit" ::: "memory"); }
  static void xsave(void* area, std::uint64_t states) {
    asm volatile("xsave64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(states)),
                 "d"(static_cast<std::uint32_t>(states >> 32))
                 : "memory");
  }
  static void xrstor(void const* area, std::uint64_t states) {
    asm volatile("xrstor64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(states)),
                 "d"(static_cast<std::uint32_t>(states >> 32))
                 : "memory");
  }
  /// 512 bytes, aligned to 16.
  static void fxsave(void* area) { asm volatile("fxsave64 (%0)" ::"r"(area) : "memory"); }
  static void fxrstor(void const* area) { asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory"); }

  // --- CpuPolicy ---

  template <barrier B>
  static void order() {
    if constexpr (B == barrier::full) {
      asm volatile("mfence" ::: "memory");
    } else if constexpr (B == barrier::load || B == barrier::store) {
      // Loads are not passed by loads, nor stores by stores (Intel SDM vol. 3, "Memory Ordering").
      asm volatile("" ::: "memory");
    } else if constexpr (B == barrier::device) {
      asm volatile("mfence\n\tlfence" ::: "memory");
    } else {
      static_assert(B == barrier::instruction);
      static_cast<void>(cpuid(0));
    }
  }

  struct irq_state {
    bool enabled;
  };
  static void sti() { asm volatile("sti" ::: "memory"); }
  static void cli() { asm volatile("cli" ::: "memory"); }
  [[nodiscard]] static irq_state mask_interrupts() {
    bool const enabled = !interrupts_masked();
    cli();
    return {enabled};
  }
  static void restore_interrupts(irq_state s) {
    if (s.enabled) sti();
  }
  [[nodiscard]] static bool interrupts_masked() {
    std::uint64_t flags;
    asm volatile("pushfq\n\tpopq %0" : "=r"(flags)::"memory");
    return !rflags::f_if::get(flags);
  }
  /// Lets the CPU take the interrupts that wait for it, whose vectors their gates remember (`taken_vectors`); then
  /// interrupts are masked.
  static void open_interrupt_window() { asm volatile("sti\n\tnop\n\tcli" ::: "memory"); }
  /// HLT ends with an interrupt that is taken, so masked ones are let in for the time of it: their gates remember
  /// them. Interrupts are masked again when it returns if they were.
  static void wait_for_interrupt() {
    irq_state const before{!interrupts_masked()};
    asm volatile("sti\n\thlt\n\tcli" ::: "memory");
    restore_interrupts(before);
  }
  /// HLT as it is: until the next interrupt, which comes only when interrupts are not masked.
  static void halt() { asm volatile("hlt" ::: "memory"); }
  static void relax() { asm volatile("pause" ::: "memory"); }

  /// The local APIC's id (CPUID leaf 0xb where there is one, else leaf 1).
  [[nodiscard]] static std::uint64_t hardware_id() {
    if (cpuid(0).eax >= 0xb) {
      if (auto const r = cpuid(0xb); r.ebx != 0) return r.edx;
    }
    return cpuid(1).ebx >> 24;
  }
  /// GS has the base. Not to be asked while a guest's GS is loaded.
  [[nodiscard]] static void* per_cpu_base() { return reinterpret_cast<void*>(read_msr(msr::gs_base)); }
  static void set_per_cpu_base(void* base) { write_msr(msr::gs_base, reinterpret_cast<std::uint64_t>(base)); }
};
static_assert(CpuPolicy<cpu>);
static_assert(HostTlbInstructions<cpu> && PcidInstructions<cpu> && EptInstructions<cpu> && VpidInstructions<cpu>);

}  // namespace axhal::x86_64

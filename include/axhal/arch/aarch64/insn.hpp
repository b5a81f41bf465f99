// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__aarch64__)
#error "axhal/arch/aarch64/insn.hpp emits A64 instructions; only an AArch64 build may include it"
#endif

#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::aarch64 {

/// FP and SIMD registers of one context: V0..V31, FPCR, FPSR. Filled and loaded by `cpu::save_fp` and `cpu::load_fp`.
struct alignas(16) fp_registers {
  std::uint64_t v[64];
  std::uint64_t fpcr;
  std::uint64_t fpsr;
};
static_assert(offsetof(fp_registers, fpcr) == 512 && offsetof(fp_registers, fpsr) == 520);

/// The CPU this code runs on, as instructions (ARM DDI 0487). Needs EL2; `fp` functions need an untrapped FP unit.
struct cpu {
  // --- system registers ---

  template <sysreg Id>
  [[nodiscard]] static std::uint64_t read() {
    std::uint64_t value;
    asm volatile("mrs %0, S%c1_%c2_C%c3_C%c4_%c5"
                 : "=r"(value)
                 : "i"(op0(Id)), "i"(op1(Id)), "i"(crn(Id)), "i"(crm(Id)), "i"(op2(Id)));
    return value;
  }
  template <sysreg Id>
  static void write(std::uint64_t value) {
    asm volatile("msr S%c1_%c2_C%c3_C%c4_%c5, %x0"
                 :
                 : "rZ"(value), "i"(op0(Id)), "i"(op1(Id)), "i"(crn(Id)), "i"(crm(Id)), "i"(op2(Id))
                 : "memory");
  }

  // --- barriers ---

  static void isb() { asm volatile("isb" ::: "memory"); }
  static void dsb_sy() { asm volatile("dsb sy" ::: "memory"); }
  static void dsb_ish() { asm volatile("dsb ish" ::: "memory"); }
  static void dsb_ishst() { asm volatile("dsb ishst" ::: "memory"); }

  template <barrier B>
  static void order() {
    if constexpr (B == barrier::full) {
      asm volatile("dmb ish" ::: "memory");
    } else if constexpr (B == barrier::load) {
      asm volatile("dmb ishld" ::: "memory");
    } else if constexpr (B == barrier::store) {
      asm volatile("dmb ishst" ::: "memory");
    } else if constexpr (B == barrier::device) {
      dsb_sy();
    } else {
      static_assert(B == barrier::instruction);
      isb();
    }
  }

  // --- translation maintenance: raw Xt operands ---

  static void tlbi_ipas2e1is(std::uint64_t xt) { asm volatile("tlbi ipas2e1is, %0" ::"r"(xt) : "memory"); }
  static void tlbi_ipas2le1is(std::uint64_t xt) { asm volatile("tlbi ipas2le1is, %0" ::"r"(xt) : "memory"); }
  static void tlbi_vmalle1is() { asm volatile("tlbi vmalle1is" ::: "memory"); }
  static void tlbi_vmalls12e1is() { asm volatile("tlbi vmalls12e1is" ::: "memory"); }
  static void tlbi_alle1is() { asm volatile("tlbi alle1is" ::: "memory"); }
  static void tlbi_vae1is(std::uint64_t xt) { asm volatile("tlbi vae1is, %0" ::"r"(xt) : "memory"); }
  static void tlbi_vae2is(std::uint64_t xt) { asm volatile("tlbi vae2is, %0" ::"r"(xt) : "memory"); }
  static void tlbi_vale2is(std::uint64_t xt) { asm volatile("tlbi vale2is, %0" ::"r"(xt) : "memory"); }
  static void tlbi_alle2is() { asm volatile("tlbi alle2is" ::: "memory"); }

  // --- caches ---

  /// Smallest data-cache line of all caches up to the point of coherency, in bytes (CTR_EL0.DminLine).
  [[nodiscard]] static std::uint64_t data_cache_line() {
    return std::uint64_t{4} << ((read<sysreg::ctr_el0>() >> 16) & 15);
  }

  /// Writes dirty lines of `[start, start + size)` back to the point of coherency and keeps them: before a device that
  /// does not look into caches reads the range. Completes before it returns, as the two below do.
  static void clean(void const* start, std::size_t size) {
    each_line(start, size, [](std::uint64_t at) { asm volatile("dc cvac, %0" ::"r"(at) : "memory"); });
  }
  /// The same, and drops them, so that an observer with its caches off sees what was stored, and what it stores is
  /// seen.
  static void clean_invalidate(void const* start, std::size_t size) {
    each_line(start, size, [](std::uint64_t at) { asm volatile("dc civac, %0" ::"r"(at) : "memory"); });
  }
  /// Drops lines without writing them back: after a device that does not look into caches has written the range. Start
  /// and size are multiples of `data_cache_line()`; the neighbours' bytes in a line would be lost.
  static void invalidate(void const* start, std::size_t size) {
    each_line(start, size, [](std::uint64_t at) { asm volatile("dc ivac, %0" ::"r"(at) : "memory"); });
  }
  /// Makes instructions stored to memory visible to instruction fetches of all CPUs in the inner shareable domain.
  static void invalidate_instruction_cache() { asm volatile("ic ialluis\n\tdsb ish\n\tisb" ::: "memory"); }

  // --- CpuPolicy ---

  struct irq_state {
    std::uint64_t daif;
  };
  [[nodiscard]] static irq_state mask_interrupts() {
    irq_state const before{read<sysreg::daif>()};
    asm volatile("msr daifset, #3" ::: "memory");
    return before;
  }
  static void restore_interrupts(irq_state s) { write<sysreg::daif>(s.daif); }
  [[nodiscard]] static bool interrupts_masked() { return (read<sysreg::daif>() & 0x80) != 0; }
  static void wait_for_interrupt() { asm volatile("dsb sy\n\twfi" ::: "memory"); }
  static void relax() { asm volatile("yield" ::: "memory"); }
  /// MPIDR_EL1's affinity fields Aff3, Aff2, Aff1, Aff0 in place; flag bits are zero.
  [[nodiscard]] static std::uint64_t hardware_id() { return read<sysreg::mpidr_el1>() & 0xff'00ff'ffff; }
  [[nodiscard]] static void* per_cpu_base() { return reinterpret_cast<void*>(read<sysreg::tpidr_el2>()); }
  static void set_per_cpu_base(void* base) { write<sysreg::tpidr_el2>(reinterpret_cast<std::uint64_t>(base)); }

  // --- calls to firmware (SMCCC, ARM DEN0028) ---

  /// One SMC with up to three arguments; X4..X17 are given up to the callee, as SMCCC 1.0 allows.
  struct smc {
    [[nodiscard]] static std::uint64_t call(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
      register std::uint64_t x0 asm("x0") = function;
      register std::uint64_t x1 asm("x1") = a;
      register std::uint64_t x2 asm("x2") = b;
      register std::uint64_t x3 asm("x3") = c;
      asm volatile("smc #0"
                   : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                   :
                   : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                     "memory");
      return x0;
    }
  };
  /// The same by HVC: what a program at EL1 has when there is a hypervisor below it.
  struct hvc {
    [[nodiscard]] static std::uint64_t call(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
      register std::uint64_t x0 asm("x0") = function;
      register std::uint64_t x1 asm("x1") = a;
      register std::uint64_t x2 asm("x2") = b;
      register std::uint64_t x3 asm("x3") = c;
      asm volatile("hvc #0"
                   : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                   :
                   : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                     "memory");
      return x0;
    }
  };

  // --- the guest's view of memory ---

  /// Walks stage 1 of the loaded guest (AT S1E1R, AT S1E1W) and gives the guest-physical address behind `va`, or the
  /// access that its tables refuse. PAR_EL1 belongs to the guest and is kept.
  [[nodiscard]] static result<guest_phys, access> guest_stage1(std::uint64_t va, bool write) {
    std::uint64_t const kept = read<sysreg::par_el1>();
    if (write) {
      asm volatile("at s1e1w, %0" ::"r"(va) : "memory");
    } else {
      asm volatile("at s1e1r, %0" ::"r"(va) : "memory");
    }
    auto const found = translated(va, kept);
    if (!found) return failure{write ? access::write : access::read};
    return guest_phys{*found};
  }

  /// The instruction word that the loaded guest has at `pc`, through both of its translation stages (AT S12E1R), or
  /// `access::execute` where it has none to read. `at(host_phys)` is the pointer at which the program
  /// finds a byte of guests' memory, and null for what is none: the walk is that of a load and may end at a device.
  template <typename At>
  [[nodiscard]] static result<std::uint32_t, access> guest_instruction(std::uint64_t pc, At at) {
    if ((pc & 3) != 0) return failure{access::execute};
    std::uint64_t const kept = read<sysreg::par_el1>();
    asm volatile("at s12e1r, %0" ::"r"(pc) : "memory");
    auto const found = translated(pc, kept);
    if (!found) return failure{access::execute};
    auto const* word = static_cast<std::uint32_t const volatile*>(at(host_phys{*found}));
    if (word == nullptr) return failure{access::execute};
    // A guest whose caches are off has stored its code past ours.
    asm volatile("dc civac, %0\n\tdsb sy" ::"r"(word) : "memory");
    return *word;
  }

  // --- FP and SIMD (general code is built without them, hence the directives) ---

  static void save_fp(fp_registers& to) {
    asm volatile(
        ".arch_extension fp\n\t.arch_extension simd\n\t"
        "stp q0, q1, [%1]\n\tstp q2, q3, [%1, #32]\n\tstp q4, q5, [%1, #64]\n\tstp q6, q7, [%1, #96]\n\t"
        "stp q8, q9, [%1, #128]\n\tstp q10, q11, [%1, #160]\n\tstp q12, q13, [%1, #192]\n\tstp q14, q15, [%1, #224]\n\t"
        "stp q16, q17, [%1, #256]\n\tstp q18, q19, [%1, #288]\n\tstp q20, q21, [%1, #320]\n\tstp q22, q23, [%1, "
        "#352]\n\t"
        "stp q24, q25, [%1, #384]\n\tstp q26, q27, [%1, #416]\n\tstp q28, q29, [%1, #448]\n\tstp q30, q31, [%1, "
        "#480]\n\t"
        : "=m"(to)
        : "r"(&to)
        : "memory");
    // FPCR and FPSR by number: assemblers refuse the names where general code has no FP.
    asm volatile("mrs %0, S3_3_C4_C4_0\n\tmrs %1, S3_3_C4_C4_1" : "=&r"(to.fpcr), "=r"(to.fpsr));
  }
  static void load_fp(fp_registers const& from) {
    asm volatile(
        ".arch_extension fp\n\t.arch_extension simd\n\t"
        "ldp q0, q1, [%0]\n\tldp q2, q3, [%0, #32]\n\tldp q4, q5, [%0, #64]\n\tldp q6, q7, [%0, #96]\n\t"
        "ldp q8, q9, [%0, #128]\n\tldp q10, q11, [%0, #160]\n\tldp q12, q13, [%0, #192]\n\tldp q14, q15, [%0, #224]\n\t"
        "ldp q16, q17, [%0, #256]\n\tldp q18, q19, [%0, #288]\n\tldp q20, q21, [%0, #320]\n\tldp q22, q23, [%0, "
        "#352]\n\t"
        "ldp q24, q25, [%0, #384]\n\tldp q26, q27, [%0, #416]\n\tldp q28, q29, [%0, #448]\n\tldp q30, q31, [%0, "
        "#480]\n\t"
        "msr S3_3_C4_C4_0, %1\n\tmsr S3_3_C4_C4_1, %2"
        :
        : "r"(&from), "r"(from.fpcr), "r"(from.fpsr)
        : "memory");
  }

 private:
  template <typename F>
  static void each_line(void const* start, std::size_t size, F f) {
    std::uint64_t const line = data_cache_line();
    auto const first = reinterpret_cast<std::uint64_t>(start);
    for (std::uint64_t at = first & ~(line - 1); at < first + size; at += line) f(at);
    dsb_sy();
  }

  /// The output address of the AT instruction before, or nothing; puts the guest's PAR_EL1 back.
  [[nodiscard]] static result<std::uint64_t, bool> translated(std::uint64_t va, std::uint64_t kept) {
    isb();
    std::uint64_t const par = read<sysreg::par_el1>();
    write<sysreg::par_el1>(kept);
    if ((par & 1) != 0) return failure{false};
    return (par & 0x000f'ffff'ffff'f000) | (va & 0xfff);
  }

  static constexpr unsigned op0(sysreg r) { return static_cast<unsigned>(r) >> 14; }
  static constexpr unsigned op1(sysreg r) { return (static_cast<unsigned>(r) >> 11) & 7; }
  static constexpr unsigned crn(sysreg r) { return (static_cast<unsigned>(r) >> 7) & 15; }
  static constexpr unsigned crm(sysreg r) { return (static_cast<unsigned>(r) >> 3) & 15; }
  static constexpr unsigned op2(sysreg r) { return static_cast<unsigned>(r) & 7; }
};
static_assert(CpuPolicy<cpu> && SysregAccess<cpu> && TlbInstructions<cpu>);

}  // namespace axhal::aarch64

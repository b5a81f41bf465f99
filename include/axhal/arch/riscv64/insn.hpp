// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__riscv) || __riscv_xlen != 64
#error "axhal/arch/riscv64/insn.hpp emits RV64 instructions; only a 64-bit RISC-V build may include it"
#endif

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// FP registers of one context: f0..f31 and fcsr. Filled and loaded by `cpu::save_fp` and `cpu::load_fp`.
struct fp_registers {
  std::uint64_t f[32];
  std::uint64_t fcsr;
};
static_assert(offsetof(fp_registers, fcsr) == 256);

/// What `cpu` needs to know of the hart it runs on and cannot ask hardware for; tp points at it.
struct hart_local {
  std::uint64_t hartid{};
  void* per_cpu_base{};
};

/// The hart this code runs on, as instructions (RISC-V Unprivileged and Privileged Architecture). Needs HS-mode.
///
/// Instructions of extensions that an assembler may not know are spelled by their encoding, so that no `-march` is
/// asked of the program.
struct cpu {
  // --- control and status registers ---

  template <csr Id>
  [[nodiscard]] static std::uint64_t read() {
    std::uint64_t value;
    asm volatile("csrr %0, %1" : "=r"(value) : "i"(static_cast<unsigned>(Id)) : "memory");
    return value;
  }
  template <csr Id>
  static void write(std::uint64_t value) {
    static_assert(!is_read_only(Id), "cpu::write: this register is read-only");
    asm volatile("csrw %1, %0" ::"rK"(value), "i"(static_cast<unsigned>(Id)) : "memory");
  }
  template <csr Id>
  static void set(std::uint64_t bits) {
    static_assert(!is_read_only(Id), "cpu::set: this register is read-only");
    asm volatile("csrs %1, %0" ::"rK"(bits), "i"(static_cast<unsigned>(Id)) : "memory");
  }
  template <csr Id>
  static void clear(std::uint64_t bits) {
    static_assert(!is_read_only(Id), "cpu::clear: this register is read-only");
    asm volatile("csrc %1, %0" ::"rK"(bits), "i"(static_cast<unsigned>(Id)) : "memory");
  }
  /// Writes `value` and returns what was there, in one step.
  template <csr Id>
  static std::uint64_t swap(std::uint64_t value) {
    std::uint64_t before;
    asm volatile("csrrw %0, %2, %1" : "=r"(before) : "rK"(value), "i"(static_cast<unsigned>(Id)) : "memory");
    return before;
  }
  /// True when reading `Id` does not trap, as `runs` finds out.
  template <csr Id>
  [[nodiscard]] static bool has() {
    return runs<static_cast<std::uint32_t>(Id) << 20 | 0x2073>();  // csrrs x0, Id, x0
  }
  /// True when FP registers have 64 bits (D), which `save_fp` and `load_fp` take for granted. sstatus.FS is not off; f0
  /// is lost.
  [[nodiscard]] static bool has_double_fp() { return runs<0xf200'0053>(); }  // fmv.d.x f0, x0
  /// True when `Instruction` does not trap. The trap is caught: for the time of one instruction stvec points past it.
  /// Interrupts are masked, and what a trap writes (sepc, scause, stval, htval, htinst; SPP, SPIE, SPV, GVA) is lost.
  template <std::uint32_t Instruction>
  [[nodiscard]] static bool runs() {
    std::uint64_t found;
    std::uint64_t vector;
    asm volatile(R"(
  li %[found], 0
  lla %[vector], 1f
  csrrw %[vector], stvec, %[vector]
  .4byte %[instruction]
  li %[found], 1
  .balign 4
1:
  csrw stvec, %[vector]
)"
                 : [found] "=&r"(found), [vector] "=&r"(vector)
                 : [instruction] "i"(Instruction)
                 : "memory");
    return found != 0;
  }

  // --- barriers ---

  template <barrier B>
  static void order() {
    if constexpr (B == barrier::full) {
      asm volatile("fence rw, rw" ::: "memory");
    } else if constexpr (B == barrier::load) {
      asm volatile("fence r, rw" ::: "memory");
    } else if constexpr (B == barrier::store) {
      asm volatile("fence w, w" ::: "memory");
    } else if constexpr (B == barrier::device) {
      asm volatile("fence iorw, iorw" ::: "memory");
    } else {
      static_assert(B == barrier::instruction);
      fence_i();
    }
  }
  /// Makes this hart's stores visible to its own instruction fetches. Other harts need one of their own (SBI RFENCE).
  static void fence_i() { asm volatile(".insn i 0x0f, 1, x0, x0, 0" ::: "memory"); }

  // --- caches ---

  /// Writes the lines of `[start, start + size)` back to memory and drops them (CBO.FLUSH, Zicbom): before an observer
  /// that does not look into caches reads the range. `block` is the size of a line, a power of two (the device tree's
  /// "riscv,cbom-block-size"). Completes before it returns. Precondition: the hart has Zicbom, and firmware lets
  /// supervisors use it.
  static void flush(void const* start, std::size_t size, std::size_t block) {
    auto const first = reinterpret_cast<std::uint64_t>(start);
    for (std::uint64_t at = first & ~(block - 1); at < first + size; at += block) {
      asm volatile(".insn i 0x0f, 2, x0, %0, 2" ::"r"(at) : "memory");
    }
    order<barrier::device>();
  }

  // --- translation maintenance: raw register operands ---

  static void sfence_vma() { asm volatile("sfence.vma" ::: "memory"); }
  static void sfence_vma(std::uint64_t address) { asm volatile("sfence.vma %0" ::"r"(address) : "memory"); }
  static void sfence_vma_asid(std::uint64_t asid) { asm volatile("sfence.vma x0, %0" ::"r"(asid) : "memory"); }
  static void sfence_vma(std::uint64_t address, std::uint64_t asid) {
    asm volatile("sfence.vma %0, %1" ::"r"(address), "r"(asid) : "memory");
  }
  static void hfence_gvma() { asm volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory"); }
  static void hfence_gvma(std::uint64_t shifted) {
    asm volatile(".insn r 0x73, 0, 0x31, x0, %0, x0" ::"r"(shifted) : "memory");
  }
  static void hfence_gvma_vmid(std::uint64_t vmid) {
    asm volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"(vmid) : "memory");
  }
  static void hfence_gvma(std::uint64_t shifted, std::uint64_t vmid) {
    asm volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(shifted), "r"(vmid) : "memory");
  }
  static void hfence_vvma() { asm volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory"); }
  static void hfence_vvma(std::uint64_t address) {
    asm volatile(".insn r 0x73, 0, 0x11, x0, %0, x0" ::"r"(address) : "memory");
  }
  static void hfence_vvma_asid(std::uint64_t asid) {
    asm volatile(".insn r 0x73, 0, 0x11, x0, x0, %0" ::"r"(asid) : "memory");
  }
  static void hfence_vvma(std::uint64_t address, std::uint64_t asid) {
    asm volatile(".insn r 0x73, 0, 0x11, x0, %0, %1" ::"r"(address), "r"(asid) : "memory");
  }

  // --- CpuPolicy ---

  struct irq_state {
    std::uint64_t sie;
  };
  [[nodiscard]] static irq_state mask_interrupts() {
    std::uint64_t before;
    asm volatile("csrrci %0, sstatus, 2" : "=r"(before)::"memory");
    return {before & sstatus::f_sie::mask};
  }
  static void restore_interrupts(irq_state s) { set<csr::sstatus>(s.sie); }
  [[nodiscard]] static bool interrupts_masked() { return !sstatus::f_sie::get(read<csr::sstatus>()); }
  /// Waits for an interrupt that sie enables, whether or not sstatus masks it.
  static void wait_for_interrupt() { asm volatile("fence iorw, iorw\n\twfi" ::: "memory"); }
  /// PAUSE (Zihintpause), a hint that every hart takes.
  static void relax() { asm volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory"); }

  /// Says which hart this is; the boot code's first act. `here` outlives every other use of `cpu` on this hart.
  static void set_hart(hart_local* here) { asm volatile("mv tp, %0" ::"r"(here) : "memory"); }
  [[nodiscard]] static std::uint64_t hardware_id() { return hart()->hartid; }
  [[nodiscard]] static void* per_cpu_base() { return hart()->per_cpu_base; }
  static void set_per_cpu_base(void* base) { hart()->per_cpu_base = base; }

  // --- firmware ---

  /// A call of the supervisor binary interface (SBI, "Binary Encoding"). Clobbers a0 and a1 alone.
  static sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t v0 = 0, std::uint64_t v1 = 0,
                             std::uint64_t v2 = 0, std::uint64_t v3 = 0, std::uint64_t v4 = 0, std::uint64_t v5 = 0) {
    register std::uint64_t a0 asm("a0") = v0;
    register std::uint64_t a1 asm("a1") = v1;
    register std::uint64_t a2 asm("a2") = v2;
    register std::uint64_t a3 asm("a3") = v3;
    register std::uint64_t a4 asm("a4") = v4;
    register std::uint64_t a5 asm("a5") = v5;
    register std::uint64_t a6 asm("a6") = fid;
    register std::uint64_t a7 asm("a7") = eid;
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7) : "memory");
    return {static_cast<std::int64_t>(a0), a1};
  }

  // --- guests ---

  /// No SC of what runs here next succeeds because of an LR before this: an SC to a word of no meaning ends what is
  /// reserved (RISC-V Unprivileged Architecture, "Zalrsc", on context switches).
  static void end_reservation() {
    std::uint32_t unused;
    asm volatile(".insn r 0x2f, 2, 0x0c, x0, %0, x0" ::"r"(&unused) : "memory");
  }

  /// Two bytes at the guest's virtual address, read as the guest would fetch them (HLVX.HU): through its own tables and
  /// the second stage, with the rights of the mode in hstatus.SPVP. A fault is caught, as in `runs`.
  [[nodiscard]] static result<std::uint16_t, access> guest_halfword(std::uint64_t address) {
    std::uint64_t value;
    std::uint64_t found;
    std::uint64_t vector;
    asm volatile(R"(
  li %[found], 0
  lla %[vector], 1f
  csrrw %[vector], stvec, %[vector]
  .insn r 0x73, 4, 0x32, %[value], %[address], x3
  li %[found], 1
  .balign 4
1:
  csrw stvec, %[vector]
)"
                 : [value] "=&r"(value), [found] "=&r"(found), [vector] "=&r"(vector)
                 : [address] "r"(address)
                 : "memory");
    if (found == 0) return failure{access::execute};
    return static_cast<std::uint16_t>(value);
  }
  /// The instruction at the guest's virtual address: 16 bits when it is a compressed one, else 32.
  [[nodiscard]] static result<std::uint32_t, access> guest_instruction(std::uint64_t pc) {
    auto const low = guest_halfword(pc);
    if (!low) return failure{low.error()};
    if ((*low & 3) != 3) return std::uint32_t{*low};
    auto const high = guest_halfword(pc + 2);
    if (!high) return failure{high.error()};
    return std::uint32_t{*high} << 16 | *low;
  }

  // --- FP registers; the state must not be off (sstatus.FS) ---

  static void save_fp(fp_registers& to) {
    asm volatile(R"(
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  .insn s 0x27, 3, x\n, (8 * \n)(%0)
  .endr
)" ::"r"(to.f)
                 : "memory");
    to.fcsr = read<csr::fcsr>();
  }
  static void load_fp(fp_registers const& from) {
    write<csr::fcsr>(from.fcsr);
    asm volatile(R"(
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  .insn i 0x07, 3, x\n, %0, (8 * \n)
  .endr
)" ::"r"(from.f)
                 : "memory");
  }

 private:
  [[nodiscard]] static hart_local* hart() {
    hart_local* here;
    asm volatile("mv %0, tp" : "=r"(here));
    return here;
  }
};
static_assert(CpuPolicy<cpu> && CsrProbe<cpu>);

}  // namespace axhal::riscv64

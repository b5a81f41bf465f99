// SPDX-License-Identifier: BSL-1.0
// Does to a hypervisor what Linux does not: every access width and sign, wrong calls, faults on purpose, unknown
// registers.

#include "../checks.hpp"
#include "guest.hpp"

using namespace payload;

namespace {

struct exception {
  std::uint64_t count, esr, far, elr;
};
exception volatile caught;
std::uint64_t volatile return_to;  // where an exception returns instead of the next instruction; 0: next instruction
std::uint32_t volatile irq_count[1024];

unsigned exception_class() { return static_cast<unsigned>(caught.esr >> 26) & 63; }

/// Runs `f` and checks that it causes exactly one exception of class `ec`.
template <typename F>
void faults(axhal::text what, unsigned ec, F f) {
  auto const before = caught.count;
  caught.esr = 0;
  f();
  check(what, caught.count - before, 1);
  check(what, exception_class(), ec);
}

constexpr unsigned ec_undefined = 0x00;
constexpr unsigned ec_instruction_abort = 0x21;
constexpr unsigned ec_data_abort = 0x25;
constexpr std::uint64_t not_supported = ~std::uint64_t{0};
constexpr std::uint64_t invalid_parameters = ~std::uint64_t{1};
constexpr std::uint64_t already_on = ~std::uint64_t{3};

void psci() {
  check("PSCI_VERSION", hvc(0x8400'0000).x0, 0x1'0001);
  check("PSCI_VERSION by SMC", smc(0x8400'0000).x0, 0x1'0001);
  check("PSCI_FEATURES(CPU_ON)", hvc(0x8400'000a, 0xc400'0003).x0, 0);
  check("PSCI_FEATURES(nonsense)", hvc(0x8400'000a, 0x8400'00ff).x0, not_supported);
  check("AFFINITY_INFO(self)", hvc(0xc400'0004, 0, 0).x0, 0);
  check("AFFINITY_INFO(nobody)", hvc(0xc400'0004, 0x77, 0).x0, invalid_parameters);
  check("CPU_ON(self)", hvc(0xc400'0003, 0, 0x4020'0000, 0).x0, already_on);
  check("CPU_ON(nobody)", hvc(0xc400'0003, 0xff'0000'0000, 0x4020'0000, 0).x0, invalid_parameters);
  check("SMCCC_VERSION", hvc(0x8000'0000).x0 >= 0x1'0001, 1);
  check("unknown hypercall", hvc(0xdead'beef).x0, not_supported);
  check("unknown hypercall by SMC", smc(0x1234'5678).x0, not_supported);
  check("hypercall of all ones", hvc(~std::uint64_t{0}).x0, not_supported);
  register std::uint64_t x0 asm("x0") = 0x8400'0000;
  asm volatile("hvc #0xffff" : "+r"(x0)::"x1", "x2", "x3", "memory");
  check("HVC with an immediate of its own lives", 1, 1);
}

// PL011 identification, DDI 0183 3.3.14: PeriphID0..3 = 11 10 r4 00, PCellID0..3 = 0d f0 05 b1.
constexpr std::uint64_t periph_id = uart + 0xfe0;
constexpr std::uint64_t pcell_id = uart + 0xff0;

#define LOAD(insn, reg, at)                                                    \
  [] {                                                                         \
    std::uint64_t loaded = 0x5555'5555'5555'5555;                              \
    asm volatile(insn " %" reg "0, [%1]" : "+r"(loaded) : "r"(at) : "memory"); \
    return loaded;                                                             \
  }()

void mmio() {
  check("ldrb", LOAD("ldrb", "w", pcell_id + 12), 0xb1);
  check("ldrh", LOAD("ldrh", "w", pcell_id + 12), 0xb1);
  check("ldr w", LOAD("ldr", "w", pcell_id + 12), 0xb1);
  check("ldr x", LOAD("ldr", "x", pcell_id + 8) & 0xff, 0x05);
  check("ldrsb w", LOAD("ldrsb", "w", pcell_id + 12), 0xffff'ffb1);
  check("ldrsb x", LOAD("ldrsb", "x", pcell_id + 12), 0xffff'ffff'ffff'ffb1);
  check("ldrsh w", LOAD("ldrsh", "w", pcell_id + 12), 0xb1);
  check("ldrsh x", LOAD("ldrsh", "x", pcell_id + 12), 0xb1);
  check("ldrsw", LOAD("ldrsw", "x", pcell_id + 12), 0xb1);

  // No valid syndrome: the hypervisor has to look at the instruction.
  std::uint64_t at = pcell_id, v = 0, w = 0;
  asm volatile("ldr %w0, [%1], #4" : "=r"(v), "+r"(at)::"memory");
  check("post-index value", v, 0x0d);
  check("post-index address", at, pcell_id + 4);
  asm volatile("ldr %w0, [%1, #4]!" : "=r"(v), "+r"(at)::"memory");
  check("pre-index value", v, 0x05);
  check("pre-index address", at, pcell_id + 8);
  asm volatile("ldrsb %0, [%1, #4]!" : "=r"(v), "+r"(at)::"memory");
  check("pre-index sign", v, 0xffff'ffff'ffff'ffb1);
  at = periph_id;
  asm volatile("ldp %w0, %w1, [%2]" : "=&r"(v), "=&r"(w) : "r"(at) : "memory");
  check("ldp first", v, 0x11);
  check("ldp second", w, 0x10);
  asm volatile("ldp %w0, %w1, [%2], #8" : "=&r"(v), "=&r"(w), "+&r"(at)::"memory");
  check("ldp post-index first", v, 0x11);
  check("ldp post-index address", at, periph_id + 8);
  register std::uint64_t kept asm("x25") = 0;  // a callee-saved register: out of the fast tier's reach
  asm volatile("ldrb %w0, [%1]" : "=r"(kept) : "r"(pcell_id + 12) : "memory");
  check("ldrb into X25", kept, 0xb1);
  asm volatile("ldr xzr, [%0]" ::"r"(pcell_id) : "memory");
  store32(uart + 0x24, 0x1234);  // IBRD, 16 bits
  check("str, ldr", load32(uart + 0x24), 0x1234);
  std::uint64_t const ibrd = uart + 0x24;
  at = ibrd;
  asm volatile("str %w1, [%0], #-4" : "+r"(at) : "r"(0x4321) : "memory");
  check("str post-index address", at, ibrd - 4);
  check("str post-index", load32(ibrd), 0x4321);
  asm volatile("stp %w0, %w1, [%2]" ::"r"(0x21), "r"(0x15), "r"(ibrd) : "memory");
  check("stp first", load32(ibrd), 0x21);
  check("stp second", load32(uart + 0x28), 0x15);
  asm volatile("str wzr, [%0]" ::"r"(ibrd) : "memory");
  check("str wzr", load32(ibrd), 0);

  check("GICD_TYPER lives", load32(gicd + 4) != 0, 1);
  (void)LOAD("ldr", "x", gicd + 8);
  (void)LOAD("ldrb", "w", gicd + 0xfff);
  store32(gicd + 0xffc, ~0u);
  store8(gicd + 0x427, 0x80);
  check("GICD_IPRIORITYR by byte", load32(gicd + 0x424) >> 24, 0x80);
}

void refused() {
  faults("load from nowhere", ec_data_abort, [] { (void)load32(nowhere); });
  check("load from nowhere: FAR", caught.far, nowhere);
  check("load from nowhere: DFSC is a synchronous external abort", caught.esr & 0x3f, 0x10);
  faults("store to nowhere", ec_data_abort, [] { store32(nowhere + 8, 1); });
  check("store to nowhere: WnR", (caught.esr >> 6) & 1, 1);
  faults("post-index load from nowhere", ec_data_abort, [] {
    std::uint64_t at = nowhere, v;
    asm volatile("ldr %0, [%1], #8" : "=r"(v), "+r"(at)::"memory");
    check("post-index load from nowhere leaves its base", at, nowhere);
  });
  faults("exclusive load from a device", ec_data_abort, [] {
    std::uint32_t v;
    asm volatile("ldxr %w0, [%1]" : "=r"(v) : "r"(uart + 0x18) : "memory");
  });
  faults("past the end of memory", ec_data_abort, [] { (void)load32(0x7f'ffff'f000); });
  faults("jump to nowhere", ec_instruction_abort, [] {
    asm volatile("adr x9, 1f\n\tstr x9, [%0]\n\tbr %1\n1:" ::"r"(&return_to), "r"(nowhere) : "x9", "memory");
  });
  faults("implementation-defined register", ec_undefined, [] {
    std::uint64_t v;
    asm volatile("mrs %0, S3_0_C15_C2_0" : "=r"(v));
  });
  faults("write to an implementation-defined register", ec_undefined, [] { asm volatile("msr S3_3_C15_C2_1, xzr"); });
  faults("EL2 register", ec_undefined, [] {
    std::uint64_t v;
    asm volatile("mrs %0, hcr_el2" : "=r"(v));
  });
  faults("GICv3 system register", ec_undefined, [] {
    std::uint64_t v;
    asm volatile("mrs %0, S3_0_C12_C12_5" : "=r"(v));  // ICC_SRE_EL1
  });
  faults("performance monitor", ec_undefined, [] {
    std::uint64_t v;
    asm volatile("mrs %0, pmcr_el0" : "=r"(v));
  });
  faults("pointer-authentication key", ec_undefined, [] { asm volatile("msr S3_0_C2_C1_0, xzr"); });
  // With SVE enabled for EL1, so that it is not EL1's own control that refuses.
  asm volatile("msr cpacr_el1, %0\n\tisb" ::"r"(std::uint64_t{0x33} << 16));
  faults("SVE", ec_undefined, [] { asm volatile(".inst 0x04bf5020" ::: "x0"); });  // rdvl x0, #1
  faults("undefined instruction", ec_undefined, [] { asm volatile(".inst 0"); });
  asm volatile("msr oslar_el1, xzr");
  asm volatile("msr mdscr_el1, xzr");
  check("debug registers are harmless", 1, 1);

  std::uint64_t v;
  asm volatile("mrs %0, id_aa64pfr0_el1" : "=r"(v));
  check("ID: no EL2, no EL3", v & 0xff00, 0);
  check("ID: no GIC system registers", (v >> 24) & 15, 0);
  check("ID: no SVE", (v >> 32) & 15, 0);
  asm volatile("mrs %0, id_aa64isar1_el1" : "=r"(v));
  check("ID: no pointer authentication", v & 0xff00'0ff0, 0);
  asm volatile("mrs %0, S3_0_C0_C7_7" : "=r"(v));
  check("ID: unallocated reads zero", v, 0);
  asm volatile("mrs %0, mpidr_el1" : "=r"(v));
  check("MPIDR", v & 0xff'00ff'ffff, 0);
}

void floating_point() {
  std::uint64_t v = 3 << 20;
  asm volatile("msr cpacr_el1, %0\n\tisb" ::"r"(v));
  asm volatile(".arch_extension fp\n\t.arch_extension simd\n\tfmov d0, %0\n\tfmov d31, %0\n\tfadd d0, d0, d31" ::"r"(
      0x3ff0'0000'0000'0000));
  hvc(0x8400'0000);
  asm volatile(".arch_extension fp\n\tfmov %0, d0" : "=r"(v));
  check("1.0 + 1.0 across a hypercall", v, 0x4000'0000'0000'0000);
}

std::uint64_t counter() {
  std::uint64_t v;
  asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v)::"memory");
  return v;
}

void wait_for(unsigned irq, std::uint32_t count, axhal::text what) {
  std::uint64_t frequency;
  asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
  auto const end = counter() + frequency * 2;
  while (irq_count[irq] < count && counter() < end) asm volatile("nop");
  check(what, irq_count[irq], count);
}

void interrupts() {
  store32(gicd, 1);
  store32(gicc + 4, 0xf0);
  store32(gicc, 1);
  store32(gicd + 0x100, 0xffff'ffff);
  asm volatile("msr daifclr, #2");

  store32(gicd + 0xf00, 0x0200'0000 | 5);
  wait_for(5, 1, "SGI to self");
  store32(gicd + 0xf00, 0x0001'0000 | 6);
  store32(gicd + 0xf00, 0x0001'0000 | 7);
  wait_for(6, 1, "SGI by target list");
  wait_for(7, 1, "second SGI");

  store32(gicd + 0x104, 1u << 8);  // line 40
  store32(gicd + 0x828, 0x0101'0101);
  store32(gicd + 0x204, 1u << 8);
  wait_for(40, 1, "SPI made pending by software");
  store32(gicd + 0x184, 1u << 8);
  store32(gicd + 0x204, 1u << 8);
  check("a disabled line stays pending", (load32(gicd + 0x204) >> 8) & 1, 1);
  check("and is not taken", irq_count[40], 1);
  store32(gicd + 0x284, 1u << 8);
  check("until it is cleared", (load32(gicd + 0x204) >> 8) & 1, 0);

  for (std::uint32_t i = 1; i <= 3; ++i) {
    asm volatile("msr cntv_cval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb" ::"r"(counter() + 1000), "r"(std::uint64_t{1}));
    wait_for(27, i, "virtual timer");
  }
  for (std::uint32_t i = 1; i <= 2; ++i) {
    asm volatile("msr cntp_tval_el0, %0\n\tmsr cntp_ctl_el0, %1\n\tisb" ::"r"(std::uint64_t{1000}),
                 "r"(std::uint64_t{1}));
    wait_for(30, i, "physical timer");
  }
  asm volatile("msr cntv_cval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb\n\twfi" ::"r"(counter() + 100'000),
               "r"(std::uint64_t{1}));
  wait_for(27, 4, "WFI ends with the timer");
  // A timer parked in the far future does not ring, and costs the hypervisor nothing.
  std::uint64_t const never = ~std::uint64_t{0};
  asm volatile("msr cntp_cval_el0, %0\n\tmsr cntp_ctl_el0, %1\n\tisb" ::"r"(never), "r"(std::uint64_t{1}));
  auto const later = counter() + 100'000;
  while (counter() < later) asm volatile("nop");
  check("a parked timer does not ring", irq_count[30], 2);
  asm volatile("msr cntp_ctl_el0, xzr");
  std::uint64_t physical;
  asm volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(physical)::"memory");
  check("the physical counter is the guest's time", physical <= counter(), 1);
}

}  // namespace

extern "C" void on_sync(std::uint64_t) {
  std::uint64_t esr, far, elr;
  asm volatile("mrs %0, esr_el1\n\tmrs %1, far_el1\n\tmrs %2, elr_el1" : "=r"(esr), "=r"(far), "=r"(elr));
  caught.count = caught.count + 1;
  caught.esr = esr;
  caught.far = far;
  caught.elr = elr;
  auto const target = return_to != 0 ? return_to : elr + 4;
  return_to = 0;
  asm volatile("msr elr_el1, %0" ::"r"(target));
}

extern "C" void on_irq(std::uint64_t) {
  auto const iar = load32(gicc + 0xc);
  auto const irq = iar & 0x3ff;
  if (irq == 1023) return;
  irq_count[irq] = irq_count[irq] + 1;
  if (irq == 27) asm volatile("msr cntv_ctl_el0, xzr");
  if (irq == 30) asm volatile("msr cntp_ctl_el0, xzr\n\tisb");
  store32(gicc + 0x10, iar);
}

extern "C" void payload_main() {
  store32(uart + 0x30, 0x301);
  psci();
  mmio();
  refused();
  floating_point();
  interrupts();
  conclude();
}

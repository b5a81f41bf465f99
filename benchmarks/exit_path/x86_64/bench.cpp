// SPDX-License-Identifier: BSL-1.0
// A guest that measures what its exits cost, in instructions that the hypervisor executes.
//
// The TSC counts instructions under QEMU's `-icount shift=0,sleep=off` and under Bochs, one each. A figure is the
// difference between a loop with the operation and the same loop without it. Whether the emulator counts an instruction
// that leaves the guest, an exception tells whose handler is known: what it counts there is taken off everywhere.

#include "../counting.hpp"
#include "guest.hpp"

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

using namespace payload;
namespace msr = axhal::x86_64::msr;

extern "C" {
/// Steps over a load of two bytes that met a page fault: three instructions.
void step_over_load();
/// Lets interrupts come until a vector does that leads to `spin_over`; the TSC as its first instruction has it.
std::uint64_t spin();
void spin_over();
/// The same after a store to a register of the local APIC: what the TSC counts from the fourth instruction before the
/// store.
std::uint64_t send_ipi(std::uint64_t at, std::uint32_t value);
}
asm(R"(
  .text
step_over_load:
  addq $8, %rsp
  addq $2, (%rsp)
  iretq

send_ipi:
  pushq %rbx
  movq %rsp, kept_stack(%rip)
  sti
  nop
  rdtsc
  shlq $32, %rdx
  orq %rax, %rdx
  movq %rdx, %rbx
  movl %esi, (%rdi)
1:
  jmp 1b

spin:
  pushq %rbx
  xorl %ebx, %ebx
  movq %rsp, kept_stack(%rip)
  sti
2:
  jmp 2b

spin_over:
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  subq %rbx, %rax
  movq kept_stack(%rip), %rsp
  popq %rbx
  ret

  .local kept_stack
  .comm kept_stack, 8, 8
)");

namespace {

/// An entry of the IDT (AMD64 APM vol. 2, "Interrupt and Trap Gates").
struct gate {
  std::uint16_t low;
  std::uint16_t selector;
  std::uint16_t attributes;
  std::uint16_t middle;
  std::uint32_t high;
  std::uint32_t reserved;
};
/// Has a vector lead to `handler`, by an interrupt gate on the stack in use.
void set_gate(unsigned vector, void (*handler)()) {
  struct [[gnu::packed]] {
    std::uint16_t limit;
    gate* base;
  } table{};
  asm volatile("sidt %0" : "=m"(table));
  auto const at = reinterpret_cast<std::uint64_t>(handler);
  table.base[vector & 255] = {static_cast<std::uint16_t>(at),       8, 0x8e00, static_cast<std::uint16_t>(at >> 16),
                              static_cast<std::uint32_t>(at >> 32), 0};
}

constexpr std::uint64_t no_page = 0x80'0000'0000;  ///< beyond what start.S maps
constexpr std::uint16_t com1_lsr = com1 + 5;

constexpr unsigned rounds = 20;

std::uint64_t counter() { return cpu::rdtsc(); }

/// What `rounds` times `f` take, at least: an interrupt of the hypervisor's own may come into any of them.
template <typename F>
std::uint64_t measure(F f) {
  constexpr unsigned times = 50;
  std::uint64_t least = ~std::uint64_t{0};
  for (unsigned n = 0; n < times; ++n) {
    std::uint64_t const ticks = ticks_of<rounds>(counter, f);
    if (ticks < least) least = ticks;
  }
  return least;
}
std::uint64_t per_round(std::uint64_t with, std::uint64_t without) { return (with - without + rounds / 2) / rounds; }

/// 1 where the emulator counts the instruction that leaves the guest, 0 where it does not.
std::uint64_t own = 0;

/// What an exit costs that `with` makes and `without`, else the same, does not.
template <typename With, typename Without>
void exit_cost(axhal::text name, With with, Without without) {
  report(name, per_round(measure(with), measure(without)) - own);
}

/// A load that no page is there for.
void measure_own() {
  set_gate(14, step_over_load);
  std::uint64_t const at = no_page;
  auto const with = measure([=] { asm volatile("movl (%0), %%eax" ::"b"(at) : "rax", "memory"); });
  auto const without = measure([=] { asm volatile("" ::"b"(at) : "rax", "memory"); });
  own = per_round(with, without) - 3;
  report("check-fault", own);
}

void port_cost(axhal::text name, std::uint16_t port) {
  exit_cost(
      name, [=] { asm volatile("inb %%dx, %%al" ::"d"(port)
                               : "rax", "memory"); },
      [=] { asm volatile("" ::"d"(port)
                         : "rax", "memory"); });
}
void cpuid_cost(axhal::text name, std::uint32_t leaf) {
  exit_cost(
      name,
      [=] {
        std::uint32_t a = leaf, c = 0;
        asm volatile("cpuid" : "+a"(a), "+c"(c)::"rbx", "rdx", "memory");
      },
      [=] {
        std::uint32_t a = leaf, c = 0;
        asm volatile("" : "+a"(a), "+c"(c)::"rbx", "rdx", "memory");
      });
}
void rdmsr_cost(axhal::text name, std::uint32_t id) {
  exit_cost(
      name, [=] { asm volatile("rdmsr" ::"c"(id)
                               : "rax", "rdx", "memory"); },
      [=] { asm volatile("" ::"c"(id)
                         : "rax", "rdx", "memory"); });
}
void wrmsr_cost(axhal::text name, std::uint32_t id, std::uint32_t value) {
  exit_cost(
      name, [=] { asm volatile("wrmsr" ::"c"(id), "a"(value), "d"(0)
                               : "memory"); },
      [=] { asm volatile("" ::"c"(id), "a"(value), "d"(0)
                         : "memory"); });
}
void load_cost(axhal::text name, std::uint64_t at) {
  exit_cost(
      name, [=] { asm volatile("movl (%0), %%eax" ::"b"(at)
                               : "rax", "memory"); },
      [=] { asm volatile("" ::"b"(at)
                         : "rax", "memory"); });
}
void store_cost(axhal::text name, std::uint64_t at, std::uint32_t value) {
  exit_cost(
      name, [=] { asm volatile("movl %1, (%0)" ::"b"(at), "a"(value)
                               : "memory"); },
      [=] { asm volatile("" ::"b"(at), "a"(value)
                         : "memory"); });
}

/// Call 0 of the hypervisor, by the instruction that the guest's processor has for it.
void call_cost() {
  std::uint32_t a = 0, b, c, d;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
  bool const intel = b == 0x756e'6547;  // "Genu"
  auto const without = [] {
    std::uint64_t number = 0;
    asm volatile("" : "+a"(number)::"memory");
  };
  if (intel) {
    exit_cost(
        "hypercall",
        [] {
          std::uint64_t number = 0;
          asm volatile("vmcall" : "+a"(number)::"memory");
        },
        without);
  } else {
    exit_cost(
        "hypercall",
        [] {
          std::uint64_t number = 0;
          asm volatile("vmmcall" : "+a"(number)::"memory");
        },
        without);
  }
}

constexpr unsigned timer_vector = 0x40;
constexpr unsigned ipi_vector = 0x41;
constexpr unsigned shots = 500;
std::uint64_t latencies[shots];

/// `shot(n)` for many n: the least figure and the median.
template <typename Shot>
void latency(axhal::text least, axhal::text median, Shot shot) {
  for (unsigned i = 0; i < shots; ++i) latencies[i] = shot(i);
  sort(latencies, shots);
  report(least, latencies[0]);
  report(median, latencies[shots / 2]);
}

using apic = axhal::x86_64::apic_registers;

void apic_write(std::uint32_t offset, std::uint32_t value) { store32(local_apic + offset, value); }

/// The local APIC is in xAPIC mode.
void in_page() {
  apic_write(apic::svr, 0x1ff);  // enabled
  load_cost("apic-tpr-read", local_apic + apic::tpr);
  store_cost("apic-tpr-write", local_apic + apic::tpr, 0);
  store_cost("apic-eoi-write", local_apic + apic::eoi, 0);
  load_cost("io-apic-read", io_apic + 0x10);  // IOWIN

  latency("self-ipi-min", "self-ipi-median", [](unsigned) {
    std::uint64_t const t = send_ipi(local_apic + apic::icr, 1U << 18 | ipi_vector);
    apic_write(apic::eoi, 0);
    return t - 4 - own;
  });

  apic_write(apic::lvt_timer, 2U << 17 | timer_vector);  // TSC-deadline mode
  latency("apic-timer-min", "apic-timer-median", [](unsigned i) {
    std::uint64_t const deadline = counter() + 30'000 + i;
    cpu::write_msr(msr::tsc_deadline, deadline);
    std::uint64_t const t = spin() - deadline;
    apic_write(apic::eoi, 0);
    return t;
  });
}

/// The same registers as MSRs.
void in_msrs() {
  cpu::write_msr(msr::apic_base, cpu::read_msr(msr::apic_base) | 1U << 10);
  rdmsr_cost("x2apic-tpr-read", apic::msr(apic::tpr));
  wrmsr_cost("x2apic-tpr-write", apic::msr(apic::tpr), 0);
  wrmsr_cost("x2apic-eoi-write", apic::msr(apic::eoi), 0);
}

}  // namespace

extern "C" void on_trap(void*) {
  print("AXHAL-BENCH unexpected trap\r\n");
  power_off();
}

extern "C" void payload_main() {
  set_gate(timer_vector, spin_over);
  set_gate(ipi_vector, spin_over);
  auto const nops = measure([] { asm volatile(".rept 100\n\tnop\n\t.endr"); });
  auto const nothing = measure([] { asm volatile(""); });
  report("check-100-nops", per_round(nops, nothing));
  measure_own();
  port_cost("port-read-lsr", com1_lsr);
  port_cost("port-read-nobody", no_port);
  call_cost();
  cpuid_cost("cpuid-0", 0);
  cpuid_cost("cpuid-1", 1);
  rdmsr_cost("rdmsr-mtrrcap", msr::mtrrcap);
  in_page();
  in_msrs();
  report("done", 1);
  power_off();
}

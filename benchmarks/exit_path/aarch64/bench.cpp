// SPDX-License-Identifier: BSL-1.0
// A guest that measures what its exits cost, in instructions that the hypervisor executes.
//
// Run under `-icount shift=0,sleep=off` with a counter of 1 GHz, so that a tick of the virtual counter is an
// instruction. Each figure is the difference between a loop with the operation and the same loop without it. The
// instruction that causes the exit is counted by the emulator when it is HVC and not when it faults; the guest's own
// HVC is taken off.

#include "../counting.hpp"
#include "guest.hpp"

using namespace payload;

namespace {

constexpr unsigned rounds = 1000;

std::uint64_t volatile deadline;
std::uint64_t volatile arrived;

std::uint64_t counter() {
  std::uint64_t v;
  asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v)::"memory");
  return v;
}

template <typename F>
std::uint64_t measure(F f) {
  return ticks_of<rounds>(counter, f);
}

void timer() {
  store32(gicd, 1);
  store32(gicc + 4, 0xf0);
  store32(gicc, 1);
  store32(gicd + 0x100, 0xffff'ffff);
  asm volatile("msr daifclr, #2");
  constexpr unsigned shots = 101;
  std::uint64_t latency[shots];
  for (auto& l : latency) {
    arrived = 0;
    deadline = counter() + 5000;
    asm volatile("msr cntv_cval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb" ::"r"(deadline), "r"(std::uint64_t{1}));
    while (arrived == 0) asm volatile("nop");
    l = arrived - deadline;
  }
  sort(latency, shots);
  report("virtual-timer-to-vector-min", latency[0]);
  report("virtual-timer-to-vector-median", latency[shots / 2]);
}

}  // namespace

extern "C" void on_sync(std::uint64_t) {
  print("AXHAL-BENCH unexpected exception\r\n");
  power_off();
}

extern "C" void on_irq(std::uint64_t now) {
  auto const iar = load32(gicc + 0xc);
  if ((iar & 0x3ff) == 1023) return;
  asm volatile("msr cntv_ctl_el0, xzr");
  store32(gicc + 0x10, iar);
  arrived = now;
}

extern "C" void payload_main() {
  store32(uart + 0x30, 0x301);
  auto const hypercall_setup = measure([] {
    register std::uint64_t x0 asm("x0") = 0x8400'0000;
    asm volatile("" : "+r"(x0)::"x1", "x2", "x3", "memory");
  });
  auto const hypercall = measure([] {
    register std::uint64_t x0 asm("x0") = 0x8400'0000;
    asm volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
  });
  auto const load = [](std::uint64_t at) {
    auto const with = measure([at] {
      std::uint32_t v;
      asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(at) : "memory");
    });
    auto const without = measure([at] { asm volatile("" ::"r"(at) : "memory"); });
    return (with - without) / rounds;
  };
  auto const hundred_nops = measure([] { asm volatile(".rept 100\n\tnop\n\t.endr"); });
  auto const nothing = measure([] { asm volatile(""); });
  report("check-100-nops", (hundred_nops - nothing) / rounds);
  report("hvc-psci-version", (hypercall - hypercall_setup) / rounds - 1);
  report("gicd-typer-read", load(gicd + 4));
  report("gicd-iidr-read", load(gicd + 8));
  report("gicd-isenabler1-read", load(gicd + 0x104));
  report("uart-fr-read", load(uart + 0x18));
  timer();
  report("done", 1);
  power_off();
}

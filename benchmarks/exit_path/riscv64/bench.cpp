// SPDX-License-Identifier: BSL-1.0
// A guest that measures what its exits cost, in instructions that the hypervisor executes.
//
// Run under `-icount shift=0,sleep=off`, where an instruction takes a nanosecond and a tick of TIME, at 10 MHz, is 100
// instructions. Each figure is the difference between a loop with the operation and the same loop without it, over so
// many rounds that the two ticks by which a difference may be wrong are a fiftieth of an instruction. The instruction
// that causes the exit is counted by the emulator when it is ECALL and not when it faults; the guest's own ECALL is
// taken off.

#include "../counting.hpp"
#include "guest.hpp"
#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>

using namespace payload;

namespace {

constexpr unsigned rounds = 10'000;
constexpr std::uint64_t instructions_per_tick = 100;

std::uint64_t counter() { return read<csr::time>(); }

/// Instructions that a round of `f` takes.
template <typename F>
std::uint64_t measure(F f) {
  return ticks_of<rounds>(counter, f);
}
/// Instructions that one round of `with` has more than one of `without`.
std::uint64_t per_round(std::uint64_t with, std::uint64_t without) {
  return ((with - without) * instructions_per_tick + rounds / 2) / rounds;
}

std::uint64_t call_cost(std::uint64_t function, std::uint64_t argument) {
  auto const with = measure([=] {
    register std::uint64_t a0 asm("a0") = argument;
    register std::uint64_t a1 asm("a1");
    register std::uint64_t a6 asm("a6") = function;
    register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(sbi::base);
    asm volatile("ecall" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
  });
  auto const without = measure([=] {
    register std::uint64_t a0 asm("a0") = argument;
    register std::uint64_t a1 asm("a1");
    register std::uint64_t a6 asm("a6") = function;
    register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(sbi::base);
    asm volatile("" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
  });
  return per_round(with, without) - 1;
}

template <bool Byte>
std::uint64_t load_cost(std::uint64_t at) {
  auto const with = measure([=] {
    std::uint64_t v;
    if constexpr (Byte) {
      asm volatile("lbu %0, 0(%1)" : "=r"(v) : "r"(at) : "memory");
    } else {
      asm volatile("lw %0, 0(%1)" : "=r"(v) : "r"(at) : "memory");
    }
  });
  auto const without = measure([=] {
    std::uint64_t v;
    asm volatile("" : "=r"(v) : "r"(at) : "memory");
  });
  return per_round(with, without);
}

/// Waits for an interrupt with a vector of its own, and returns the instruction, counted from time zero, at which the
/// vector's first instruction was; 0 when something came in between, so that it cannot be known.
///
/// TIME tells the tick. Where in the tick it was, a loop tells that waits for the next one: it looks every three
/// instructions, and 3 and 100 have no common divisor, so that three ticks in a row leave one answer.
std::uint64_t wait_for_vector() {
  auto const usual = read<csr::stvec>();
  std::uint64_t tick, looks1 = 0, looks2 = 0, looks3 = 0, t1, t2;
  asm volatile(
      "la %[t1], 2f\n\t"
      "csrw stvec, %[t1]\n\t"
      "csrsi sstatus, 2\n"
      "1:\n\t"
      "j 1b\n\t"
      ".balign 4\n"
      "2:\n\t"
      "rdtime %[tick]\n"
      "3:\n\t"
      "addi %[looks1], %[looks1], 1\n\t"
      "rdtime %[t1]\n\t"
      "beq %[t1], %[tick], 3b\n"
      "4:\n\t"
      "addi %[looks2], %[looks2], 1\n\t"
      "rdtime %[t2]\n\t"
      "beq %[t2], %[t1], 4b\n"
      "5:\n\t"
      "addi %[looks3], %[looks3], 1\n\t"
      "rdtime %[t1]\n\t"
      "beq %[t1], %[t2], 5b"
      : [tick] "=&r"(tick), [looks1] "+&r"(looks1), [looks2] "+&r"(looks2), [looks3] "+&r"(looks3), [t1] "=&r"(t1),
        [t2] "=&r"(t2)::"memory");
  write<csr::stvec>(usual);
  if (t2 != tick + 2 || t1 != tick + 3) return 0;
  // The n-th look is 3 n - 1 instructions after the first RDTIME. The one that sees a tick is the first after it.
  std::uint64_t const looks[3] = {looks1, looks1 + looks2, looks1 + looks2 + looks3};
  std::uint64_t least = 0, most = ~std::uint64_t{0};
  for (std::uint64_t n = 0; n < 3; ++n) {
    std::uint64_t const last = (tick + n + 1) * instructions_per_tick - (3 * looks[n] - 1) + 2;
    if (last - 2 > least) least = last - 2;
    if (last < most) most = last;
  }
  return least == most ? least : 0;
}

/// Waits for a new tick, and then `instructions` more, at most 99.
void wait_in_tick(std::uint64_t instructions) {
  auto const tick = counter();
  while (counter() == tick) asm volatile("");
  std::uint64_t at;
  asm volatile(
      ".option push\n\t"
      ".option norvc\n\t"
      "la %[at], 1f\n\t"
      "sub %[at], %[at], %[bytes]\n\t"
      "jr %[at]\n\t"
      ".rept 99\n\t"
      "nop\n\t"
      ".endr\n"
      "1:\n\t"
      ".option pop"
      : [at] "=&r"(at)
      : [bytes] "r"(4 * instructions));
}

/// Deadlines that `arm` sets at every place within a tick: the emulator counts whole ticks from the moment at which a
/// deadline is set, and so rings late by as much as has passed of the tick then. The least figure is without that.
template <typename F>
void deadlines(axhal::text least, axhal::text median, F arm) {
  constexpr unsigned shots = 500;
  std::uint64_t latency[shots];
  write<csr::sie>(axhal::riscv64::interrupt::bit(axhal::riscv64::interrupt::sti));
  for (unsigned i = 0; i < shots; ++i) {
    std::uint64_t arrived, deadline;
    unsigned tries = 0;
    do {
      wait_in_tick(i % instructions_per_tick);
      deadline = counter() + 100;
      arm(deadline);
      arrived = wait_for_vector();
      arm(ones);
    } while (arrived == 0 && ++tries < 10);
    if (arrived == 0) {
      print("AXHAL-BENCH the timer's vector cannot be timed\r\n");
      power_off();
    }
    latency[i] = arrived - deadline * instructions_per_tick;
  }
  write<csr::sie>(0);
  sort(latency, shots);
  report(least, latency[0]);
  report(median, latency[shots / 2]);
}

}  // namespace

extern "C" void on_trap(stopped&) {
  print("AXHAL-BENCH unexpected trap\r\n");
  power_off();
}

extern "C" void payload_main(std::uint64_t, std::uint64_t tree) {
  machine const m{tree};
  auto const nops = measure([] { asm volatile(".rept 100\n\tnop\n\t.endr"); });
  auto const nothing = measure([] { asm volatile(""); });
  report("check-100-nops", per_round(nops, nothing));
  report("sbi-get-spec-version", call_cost(0, 0));
  report("sbi-probe-extension", call_cost(3, static_cast<std::uint64_t>(sbi::time)));
  report("plic-priority-read", load_cost<false>(plic + 4 * uart_irq));
  report("plic-claim-read", load_cost<false>(plic_claim));
  report("uart-lsr-read", load_cost<true>(uart + uart_lsr));
  deadlines("sbi-timer-to-vector-min", "sbi-timer-to-vector-median", set_timer);
  if (m.has("sstc")) {
    auto const written = measure([] { write<csr::stimecmp>(ones); });
    auto const unwritten = measure([] { asm volatile("" ::"r"(ones) : "memory"); });
    // One is the guest's own instruction.
    report("stimecmp-write", per_round(written, unwritten) - 1);
    deadlines("stimecmp-to-vector-min", "stimecmp-to-vector-median", write<csr::stimecmp>);
  }
  report("done", 1);
  power_off();
}

// SPDX-License-Identifier: BSL-1.0
// A guest that tries everything: model-specific registers, ports, CPUID, control registers, every offset of its
// interrupt controllers' pages, every opcode with memory of a device, calls. What comes back does not matter; that the
// hypervisor and this guest live on does.

#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

using namespace payload;

namespace {

std::uint64_t exceptions;

outcome attempt(void const* code, registers const& in = {}) {
  outcome const o = run(code, in);
  if (o.vector != exception::none) ++exceptions;
  return o;
}

struct range {
  std::uint32_t first, last;
};

// --- model-specific registers ---

/// What this guest would break itself with: the bases of its segments do no harm, EFER and the base of the local APIC
/// do.
bool is_own_state(std::uint32_t number) { return number == 0xc000'0080; }

void model_specific() {
  constexpr range ranges[] = {
      {0, 0x1fff}, {0x4000'0000, 0x4000'00ff}, {0xc000'0000, 0xc000'1fff}, {0xc001'0000, 0xc001'1fff}};
  auto const read = CODE("rdmsr"), write = CODE("wrmsr");
  for (auto const& r : ranges) {
    for (std::uint32_t number = r.first; number <= r.last; ++number) {
      auto const before = attempt(read, {.rcx = number | ones << 32});
      if (is_own_state(number)) continue;
      for (std::uint64_t const value : {ones, std::uint64_t{0}}) {
        attempt(write, {.rax = value & 0xffff'ffff, .rcx = number, .rdx = value >> 32});
      }
      if (before.vector == exception::none) {
        attempt(write, {.rax = before.r.rax, .rcx = number, .rdx = before.r.rdx});
      }
    }
  }
  // A number between the ranges that a bitmap has, one beyond.
  for (std::uint32_t number = 0x2000; number != 0; number <<= 1) {
    attempt(read, {.rcx = number});
    attempt(write, {.rcx = number});
    attempt(read, {.rcx = number - 1});
  }
}

}  // namespace

extern "C" void on_trap(stopped& f) { answer_trap(f); }

extern "C" void payload_main(std::uint64_t magic, std::uint64_t information) {
  wake_uart();
  machine const m{magic, information};
  model_specific();
  print("AXHAL-GUEST registers=ok\r\n");
  print("AXHAL-GUEST exceptions=");
  print_number(exceptions);
  print("\r\nAXHAL-GUEST verdict=ok\r\n");
  power_off();
}

// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__x86_64__)
#error "axhal/arch/x86_64/world_switch_host.hpp emits x86-64 instructions; only an x86-64 build may include it"
#endif

#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/taken_vectors.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

// How the host is entered from its own exceptions and interrupts.
//
//   gate n          256 stubs of 16 bytes each: push an error code where the CPU has not, push n
//     |
//   common          n >= 32, or NMI: the vector is remembered in `taken_vectors`, and the host goes on
//     |
//   exception       RIP in the exception table (axhal_x86_64_fixups): the host goes on at the fix-up
//     |             else: Tier::on_host_fault(trap), which does not return
//
// The exception table has pairs of 32-bit distances, each from its own place: to the instruction that may fault, and to
// where the host then goes on (`cpu::try_read_msr`).

namespace axhal::x86_64 {

/// What the host was doing when it took an exception, as its stack has it.
struct host_trap {
  std::uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11;
  std::uint64_t vector;
  std::uint64_t error_code;  ///< 0 for exceptions without one
  std::uint64_t rip;
  std::uint64_t cs;
  std::uint64_t rflags;
  std::uint64_t rsp;
  std::uint64_t ss;
};
static_assert(sizeof(host_trap) == 16 * 8);

/// Where the host's exceptions end that nobody expected. `on_host_fault(trap)` does not return.
template <typename T>
concept HostTier = requires(host_trap const& trap) {
  { T::on_host_fault(trap) } -> std::same_as<void>;
};

/// One entry of the exception table.
struct fixup {
  std::int32_t from;  ///< distance from here to the instruction
  std::int32_t to;    ///< distance from here to where the host goes on
};

extern "C" {
// Made by the linker for the section of that name, where there is one.
extern fixup const __start_axhal_x86_64_fixups[] __attribute__((weak, visibility("hidden")));
extern fixup const __stop_axhal_x86_64_fixups[] __attribute__((weak, visibility("hidden")));
}

/// Where the host goes on after an exception at `rip`; 0 when it was not to be expected.
[[nodiscard]] inline std::uint64_t fixup_of(std::uint64_t rip) {
  auto const place = [](std::int32_t const& distance) {
    return reinterpret_cast<std::uint64_t>(&distance) + static_cast<std::uint64_t>(std::int64_t{distance});
  };
  for (fixup const* f = __start_axhal_x86_64_fixups; f != __stop_axhal_x86_64_fixups; ++f) {
    if (place(f->from) == rip) return place(f->to);
  }
  return 0;
}

/// Bytes from one stub to the next.
inline constexpr std::size_t host_vector_size = 16;

/// The stubs of all vectors, made once for each `Tier`.
template <HostTier Tier>
struct host_vectors {
  /// Where the stub of vector 0 is.
  [[nodiscard, gnu::noinline]] static std::uint64_t address() {
    std::uint64_t vector;
    asm volatile(R"(
  .pushsection .text.axhal_x86_64_vectors,"ax?",%%progbits
  .balign 16
1:
  .set axhal_n, 0
  .rept 256
  .balign 16
  .if !(axhal_n == 8 || (axhal_n >= 10 && axhal_n <= 14) || axhal_n == 17 || axhal_n == 21 || axhal_n == 29 || axhal_n == 30)
  pushq $0
  .endif
  pushq $axhal_n
  jmp 2f
  .set axhal_n, axhal_n + 1
  .endr
  .balign 16
2:
  pushq %%r11
  pushq %%r10
  pushq %%r9
  pushq %%r8
  pushq %%rdi
  pushq %%rsi
  pushq %%rdx
  pushq %%rcx
  pushq %%rax
  cld
  movq %%rsp, %%rdi
  movq %%rsp, %%rax
  andq $-16, %%rsp
  subq $16, %%rsp
  movq %%rax, (%%rsp)
  call %P[on_trap]
  movq (%%rsp), %%rsp
  popq %%rax
  popq %%rcx
  popq %%rdx
  popq %%rsi
  popq %%rdi
  popq %%r8
  popq %%r9
  popq %%r10
  popq %%r11
  addq $16, %%rsp
  iretq
  .popsection
  leaq 1b(%%rip), %[vector]
)"
                 : [vector] "=r"(vector)
                 : [on_trap] "i"(&on_trap));
    return vector;
  }

 private:
  static void on_trap(host_trap& trap) {
    if (trap.vector >= 32 || trap.vector == static_cast<std::uint64_t>(exception::nmi)) {
      taken_vectors::remember(static_cast<std::uint8_t>(trap.vector));
      return;
    }
    if (std::uint64_t const at = fixup_of(trap.rip); at != 0) {
      trap.rip = at;
      return;
    }
    Tier::on_host_fault(trap);
  }
};

}  // namespace axhal::x86_64

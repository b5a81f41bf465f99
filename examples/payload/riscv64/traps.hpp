// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../checks.hpp"
#include "guest.hpp"

#include <cstdint>

extern "C" {
std::uint64_t run_code(void const* code, std::uint64_t a0, std::uint64_t a1);
std::uint64_t run_user(std::uint64_t code, std::uint64_t a0);
std::uint64_t suspend_here(std::uint64_t opaque, std::uint64_t* out);
void walk_registers(std::uint64_t* out, std::uint64_t device);
void code_done();
void user_left();
}

// Traps that are caused on purpose, and what they looked like.
namespace payload {

/// Exceptions by their numbers in scause ("Supervisor Cause (scause) Register").
namespace cause {
inline constexpr std::uint64_t fetch_misaligned = 0;
inline constexpr std::uint64_t fetch_access = 1;
inline constexpr std::uint64_t illegal = 2;
inline constexpr std::uint64_t breakpoint = 3;
inline constexpr std::uint64_t load_misaligned = 4;
inline constexpr std::uint64_t load_access = 5;
inline constexpr std::uint64_t store_misaligned = 6;
inline constexpr std::uint64_t store_access = 7;
inline constexpr std::uint64_t user_call = 8;
inline constexpr std::uint64_t fetch_page = 12;
inline constexpr std::uint64_t load_page = 13;
inline constexpr std::uint64_t store_page = 15;
inline constexpr std::uint64_t none = ones;  ///< no trap came
}  // namespace cause

struct exception {
  std::uint64_t count, cause, value, pc;
  bool from_user;
};
inline exception volatile caught;
/// Where an exception returns instead of the next instruction; 0: next instruction.
inline std::uint64_t volatile return_to;

/// Registers of what a trap stopped: x[n] is register n, and x[0] nothing.
struct stopped {
  std::uint64_t x[32];
};

/// Writes an exception down and steps over it; one in U-mode ends `run_user`.
inline void note_exception(std::uint64_t why) {
  constexpr std::uint64_t spp = axhal::riscv64::sstatus::f_spp::mask, mxr = axhal::riscv64::sstatus::f_mxr::mask;
  auto const pc = read<csr::sepc>();
  caught.count = caught.count + 1;
  caught.cause = why;
  caught.value = read<csr::stval>();
  caught.pc = pc;
  caught.from_user = (read<csr::sstatus>() & spp) == 0;
  if (caught.from_user) {
    set<csr::sstatus>(spp);
    write<csr::sepc>(reinterpret_cast<std::uint64_t>(&user_left));
  } else if (return_to != 0) {
    write<csr::sepc>(return_to);
  } else {
    auto const before = read<csr::sstatus>();
    set<csr::sstatus>(mxr);  // the page may be for execution only
    bool const compressed = (*reinterpret_cast<std::uint16_t const volatile*>(pc) & 3) != 3;
    write<csr::sstatus>(before);
    write<csr::sepc>(pc + (compressed ? 2 : 4));
  }
  return_to = 0;
}

/// Runs `f` and returns the cause of the exception that it met, or `cause::none`; more than one counts as -2.
template <typename F>
std::uint64_t cause_of(F f) {
  auto const before = caught.count;
  f();
  auto const met = caught.count - before;
  return met == 0 ? cause::none : met == 1 ? caught.cause : ones - 1;
}

/// Checks that `f` meets exactly one exception, of cause `wanted`.
template <typename F>
void faults(axhal::text what, std::uint64_t wanted, F f) {
  check(what, cause_of(f), wanted);
}
/// The same, and that stval is `value`.
template <typename F>
void faults(axhal::text what, std::uint64_t wanted, std::uint64_t value, F f) {
  caught.value = ~value;
  check(what, cause_of(f), wanted);
  check(what, caught.value, value);
}

/// A few instructions that are made while the guest runs.
class code {
 public:
  /// The words, and behind them the way back. A compressed instruction stands in its word with a C.NOP.
  template <typename... Words>
  explicit code(Words... words) {
    std::uint32_t const all[] = {static_cast<std::uint32_t>(words)...};
    unsigned n = 0;
    for (auto word : all) place_[n++] = word;
    place_[n] = jump(reinterpret_cast<std::uint64_t>(&code_done) - reinterpret_cast<std::uint64_t>(&place_[n]));
    asm volatile("fence.i" ::: "memory");
  }
  /// Runs it; the result is a0 as it is at the end.
  std::uint64_t operator()(std::uint64_t a0 = 0, std::uint64_t a1 = 0) const { return run_code(place_, a0, a1); }
  /// Where the first word is. All objects have the same place: one at a time.
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(place_); }

 private:
  static constexpr std::uint32_t jump(std::uint64_t offset) {
    auto const o = static_cast<std::uint32_t>(offset);
    return 0x6f | (o & 0x10'0000) << 11 | (o & 0x7fe) << 20 | (o & 0x800) << 9 | (o & 0xf'f000);
  }
  static inline std::uint32_t place_[8];
};

/// Calls code at `at` that changes a0 at most.
inline std::uint64_t run_plain(std::uint64_t at, std::uint64_t argument) {
  register std::uint64_t a0 asm("a0") = argument;
  asm volatile("jalr %1" : "+r"(a0) : "r"(at) : "ra", "memory");
  return a0;
}

/// An instruction's cause of exception, with a0 and a1 as they are given.
inline std::uint64_t cause_of_word(std::uint32_t word, std::uint64_t a0 = 0, std::uint64_t a1 = 0) {
  code const c{word};
  return cause_of([&] { c(a0, a1); });
}

/// CSRRS a0, number, zero and CSRRW zero, number, a0.
constexpr std::uint32_t read_csr(unsigned number) { return 0x0000'2573 | number << 20; }
constexpr std::uint32_t write_csr(unsigned number) { return 0x0005'1073 | number << 20; }

}  // namespace payload

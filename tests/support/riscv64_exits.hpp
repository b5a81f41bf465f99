// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/exit_recorder.hpp"
#include "support/riscv64_guest.hpp"

#include <axhal/arch/riscv64/exit_scause.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::test::rv {

struct answers_all : recorder {
  static constexpr exit_set fast =
      exits<exit::hypercall, exit::mmio_read, exit::mmio_write, exit::memory_fault, exit::register_read,
            exit::register_write, exit::refused_instruction, exit::lazy_state, exit::idle>;
};
struct calls_only : recorder {
  static constexpr exit_set fast = exits<exit::hypercall>;
};

inline constexpr std::uint64_t ecall_vs = 10;
inline constexpr std::uint64_t fetch_fault = 20;
inline constexpr std::uint64_t load_fault = 21;
inline constexpr std::uint64_t virtual_instruction = 22;
inline constexpr std::uint64_t store_fault = 23;
inline constexpr std::uint64_t illegal = 2;
inline constexpr std::uint64_t start = 0x8020'0000;
inline constexpr std::uint64_t vs_mode = 0x2'0000'0100;
inline constexpr std::uint64_t vu_mode = 0x2'0000'0000;

struct outcome {
  resume answer{};
  recorder told{};
  sim_guest guest{};
};

template <typename Context = slow_context>
constexpr outcome decoded(sim_guest guest, recorder r = recorder{}) {
  Context c{};
  c.guest = &guest;
  auto const answer = riscv64::decode(c, r);
  return {answer, r, guest};
}
/// In the fast tier, which answers what `answers_all` names.
constexpr outcome decoded_fast(sim_guest guest, recorder r = recorder{}) {
  answers_all handler;
  static_cast<recorder&>(handler) = r;
  fast_handler<answers_all> view{handler};
  auto const answer = riscv64::decode(fast_context{&guest}, view);
  return {answer, handler, guest};
}
constexpr recorder answering(resume answer) {
  recorder r;
  r.answers[0] = answer;
  return r;
}

constexpr seen_exit only(outcome const& o) { return o.told.count == 1 ? o.told.seen[0] : seen_exit{}; }

/// A guest that touched a device register at 0x1000_0000 + the low bits of stval.
constexpr sim_guest at_uart(std::uint64_t cause, std::uint64_t htinst, std::uint64_t offset = 0) {
  sim_guest g{
      .scause = cause, .stval = 0xffff'ffc6'0000'0000 + offset, .htval = (0x1000'0000 + offset) >> 2, .htinst = htinst};
  for (unsigned i = 1; i < 32; ++i) g.x[i] = 0x1111'1111'1111'1100 + i;
  return g;
}
constexpr sim_guest trapped(std::uint64_t cause, std::uint32_t instruction, std::uint64_t sstatus = vs_mode) {
  sim_guest g{.scause = cause, .stval = instruction, .sstatus = sstatus, .instruction = instruction};
  for (unsigned i = 1; i < 32; ++i) g.x[i] = 0x1111'1111'1111'1100 + i;
  return g;
}
/// The same on a machine that leaves stval zero.
constexpr sim_guest untold(std::uint64_t cause, std::uint32_t instruction, std::uint64_t sstatus = vs_mode) {
  auto g = trapped(cause, instruction, sstatus);
  g.stval = 0;
  return g;
}

}  // namespace axhal::test::rv

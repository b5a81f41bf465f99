// SPDX-License-Identifier: BSL-1.0
// Any syndrome, any registers, any instruction: at most two calls of the handler, no register that is out of reach, no
// change when the slow tier is asked for, and a guest that stays inside its own state.
#include "support/aarch64_guest.hpp"
#include "support/fuzz_input.hpp"

#include <axhal/arch/aarch64/exit_esr.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <cstdint>
#include <cstring>

using namespace axhal;
using namespace axhal::test;

namespace {

/// Answers as the fuzzer says, refuses as it says.
struct answering : recorder {
  static constexpr exit_set fast =
      exits<exit::hypercall, exit::mmio_read, exit::mmio_write, exit::register_read, exit::memory_fault>;
  std::uint64_t choices{};

  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    std::uint64_t const choice = choices;
    choices >>= 4;
    answers[count < room ? count : room - 1] = static_cast<resume>(choice & 3);
    bool const refuse = (choice & 7) == static_cast<unsigned>(resume::retry) + 4;
    resume const answer = recorder::operator()(guest, e);
    if (refuse) guest.inject({.what = static_cast<guest_fault::kind>(choice >> 3 & 1), .wanted = access::read});
    if constexpr (kind_of<Exit> == exit_kind::mmio_read || kind_of<Exit> == exit_kind::mmio_write) {
      require(e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8);
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      require(e.reg < 31 || e.reg == exit::mmio_read::no_register);
      require(e.register_size == 4 || e.register_size == 8);
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_write) require((e.value & ~low_bits(8U * e.size)) == 0);
    return answer;
  }
};

constexpr std::uint64_t abort_isv = 1ULL << 24;

sim_guest guest_from(fuzz_input& in) {
  sim_guest g;
  g.esr = in.next<std::uint64_t>();
  g.far = in.next<std::uint64_t>();
  g.hpfar = in.next<std::uint64_t>();
  g.pc = in.next<std::uint64_t>();
  g.pstate = in.next<std::uint64_t>();
  g.instruction = static_cast<std::uint32_t>(in.next<std::uint64_t>());
  std::uint64_t const flags = in.next<std::uint64_t>();
  g.stage1_refuses = (flags & 1) != 0;
  g.fetch_fails = (flags & 2) != 0;
  g.vector = flags >> 2 & 3;
  g.sctlr = in.next<std::uint64_t>();
  g.vbar = in.next<std::uint64_t>();
  // Most words are no exit at all: half of the time the class is a data abort, and half of these lack a syndrome.
  if ((flags & 32) != 0) {
    std::uint64_t const isv = (flags & 64) != 0 ? abort_isv : 0;
    g.esr = (g.esr & 0x00ff'ffff) | 0x24ULL << 26 | 1ULL << 25 | isv;
    if ((flags & 128) != 0) g.esr = (g.esr & ~0x1bcULL) | 0x04;
    if ((flags & 128) != 0) g.instruction = (g.instruction & ~0x0600'0000U) | 0x0800'0000U;
  }
  // One base address for all registers makes accesses that agree with FAR likely.
  std::uint64_t const near = (flags & 16) != 0 ? g.far : in.next<std::uint64_t>();
  // Immediate offsets of loads and stores are small: a register may be that far off.
  for (unsigned i = 0; i < 31; ++i) g.x[i] = near - sign_extend(flags >> 8 & 0xffff, 16) * (i & 1);
  g.sp_el0 = near;
  g.sp_el1 = near;
  return g;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  do {
    sim_guest const before = guest_from(in);
    std::uint64_t const choices = in.next<std::uint64_t>();

    sim_guest slow = before;
    answering slow_handler;
    slow_handler.choices = choices;
    slow_context c{};
    c.guest = &slow;
    resume const answer = aarch64::decode(c, slow_handler);
    require(slow_handler.count <= 2);
    require(slow_handler.count != 2 || slow_handler.seen[0].kind == slow_handler.seen[1].kind);
    require(slow_handler.count != 2 || slow_handler.answers[0] == resume::next_instruction);
    require(slow_handler.count != 0 || answer == resume::retry || answer == resume::next_instruction);

    sim_guest fast = before;
    answering fast_answers;
    fast_answers.choices = choices;
    fast_handler<answering> fast_view{fast_answers};
    resume const fast_answer = aarch64::decode(fast_context{&fast}, fast_view);
    require(fast_answers.count <= 1);
    require(fast.stray_registers == 0);
    if (fast_answers.count == 0 && fast_answer == resume::slow) {
      for (unsigned i = 0; i < 31; ++i) require(fast.x[i] == before.x[i]);
      require(fast.pc == before.pc && fast.pstate == before.pstate && fast.elr == before.elr);
    }
    // Where both tiers call the handler for a synchronous exit, they tell it the same.
    if (before.vector == 0 && fast_answers.count == 1) require(fast_answers.seen[0] == slow_handler.seen[0]);
  } while (in.size >= 8);
  return 0;
}

// SPDX-License-Identifier: BSL-1.0
// Any cause, any registers, any instruction: at most two calls of the handler, no register that is out of reach, no
// change when the slow tier is asked for, PC where it was or right behind the instruction or at the guest's vector.
#include "support/fuzz_input.hpp"
#include "support/riscv64_guest.hpp"

#include <axhal/arch/riscv64/exit_scause.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <cstdint>
#include <cstring>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::rv;

namespace {

/// Answers as the fuzzer says, refuses as it says.
struct answering : recorder {
  static constexpr exit_set fast =
      exits<exit::hypercall, exit::mmio_read, exit::mmio_write, exit::register_read, exit::register_write,
            exit::memory_fault, exit::refused_instruction, exit::lazy_state>;
  std::uint64_t choices{};
  bool injected{};

  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    std::uint64_t const choice = choices;
    choices >>= 5;
    answers[count < room ? count : room - 1] = static_cast<resume>(choice & 3);
    loads[count < room ? count : room - 1] = choice * 0x9e37'79b9'7f4a'7c15;
    resume const answer = recorder::operator()(guest, e);
    if ((choice & 7) == static_cast<unsigned>(resume::retry) + 4) {
      guest.inject({.what = static_cast<guest_fault::kind>((choice >> 3 & 3) % 3), .wanted = access::read});
      injected = true;
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_read || kind_of<Exit> == exit_kind::mmio_write) {
      require(e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8);
      // All of it in the page that the fault is about.
      require((e.address.value & 0xfff) + e.size <= 0x1000);
      require(e.address.value >> 12 == (guest.context.htval() << 2 | (guest.context.stval() & 3)) >> 12);
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      require((e.reg > 0 && e.reg < 32) || e.reg == exit::mmio_read::no_register);
      require(e.register_size == 8);
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_write) require((e.value & ~low_bits(8U * e.size)) == 0);
    if constexpr (kind_of<Exit> == exit_kind::register_read) require(e.id < 0x1000 && e.reg < 32);
    if constexpr (kind_of<Exit> == exit_kind::register_write) {
      require(e.id < 0x1000);
      require(!guest.context.from_user() || (e.id & 0x300) == 0);
    }
    return answer;
  }
};

sim_guest guest_from(fuzz_input& in) {
  sim_guest g;
  std::uint64_t const flags = in.next<std::uint64_t>();
  g.scause = in.next<std::uint64_t>();
  g.stval = in.next<std::uint64_t>();
  g.pc = in.next<std::uint64_t>() & ~1ULL;
  g.htinst = in.next<std::uint64_t>();
  g.instruction = static_cast<std::uint32_t>(in.next<std::uint64_t>());
  g.sstatus = in.next<std::uint64_t>();
  g.vsstatus = in.next<std::uint64_t>();
  g.vstvec = in.next<std::uint64_t>();
  g.scounteren = in.next<std::uint64_t>();
  g.fetch_fails = (flags & 1) != 0;
  // Most words are no cause at all, and the address that hardware gives is one and the same in stval and htval.
  if ((flags & 2) != 0) g.scause &= 31;
  if ((flags & 4) != 0) g.scause = 20 + (g.scause & 3);
  g.htval = (flags & 8) != 0 ? in.next<std::uint64_t>() : (g.stval & 0xfff) >> 2 | 0x400'0000;
  if ((g.htval << 2 & 0xffc) != (g.stval & 0xffc)) g.htval = (g.htval & ~0x3ffULL) | (g.stval & 0xfff) >> 2;
  constexpr std::uint32_t opcodes[] = {0x03, 0x23, 0x2f, 0x73, 0x07, 0x53, 0x57, 0x13};
  std::uint32_t const opcode = opcodes[flags >> 4 & 7];
  if ((flags & 128) != 0) g.instruction = (g.instruction & ~0x7fU) | opcode;
  if ((flags & 256) != 0) g.htinst = 0;
  if ((flags & 512) != 0) g.htinst = (g.htinst & 0xfff0'7f80) | opcode;
  if ((flags & 1024) != 0) g.htinst &= ~2ULL;
  if ((g.scause == 2 || g.scause == 22) && (flags & 2048) != 0) g.stval = (flags & 4096) != 0 ? 0 : g.instruction;
  // One base for all registers makes accesses that agree with stval likely; immediates are small.
  std::uint64_t const near = (flags & 8192) != 0 ? g.stval : in.next<std::uint64_t>();
  for (unsigned i = 1; i < 32; ++i) g.x[i] = near - sign_extend(flags >> 16 & 0xfff, 12) * (i & 1);
  return g;
}

bool same_registers(sim_guest const& a, sim_guest const& b) {
  for (unsigned i = 0; i < 32; ++i) {
    if (a.x[i] != b.x[i]) return false;
  }
  return true;
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
    resume const answer = riscv64::decode(c, slow_handler);
    require(answer != resume::next_instruction);
    require(slow_handler.count <= 2);
    require(slow.x[0] == 0);
    std::size_t const last = slow_handler.count - 1;
    if (slow_handler.count == 2) {
      require(slow_handler.answers[0] == resume::next_instruction);
      auto const first = slow_handler.seen[0].kind;
      auto const second = slow_handler.seen[1].kind;
      require(first == exit_kind::mmio_read ? second == exit_kind::mmio_write
                                            : first == exit_kind::register_read && second == exit_kind::register_write);
      require(slow_handler.seen[0].number == slow_handler.seen[1].number);
      if (slow_handler.answers[1] != resume::next_instruction) require(same_registers(slow, before));
    }
    if (slow_handler.count == 0) {
      // Its own exception, or an instruction that is not there any more.
      require(answer == resume::retry && same_registers(slow, before));
      bool const taken = slow.pc == (before.vstvec & ~3ULL) && slow.vscause == before.scause;
      bool const vanished = slow.pc == before.pc && slow.fetches == 1 && before.fetch_fails;
      require(taken || vanished);
    } else if (slow_handler.injected) {
      require(slow.pc == (before.vstvec & ~3ULL) && slow.vsepc == before.pc && (slow.sstatus & 0x100) != 0);
    } else if (slow_handler.answers[last] == resume::next_instruction && answer == resume::retry) {
      bool const interrupt = before.scause >> 63 != 0;
      require(slow.pc == before.pc + 4 || slow.pc == before.pc + 2 ||
              (slow.pc == before.pc && (interrupt || before.fetch_fails)));
    } else {
      require(slow.pc == before.pc);
    }

    sim_guest fast = before;
    answering fast_answers;
    fast_answers.choices = choices;
    fast_handler<answering> fast_view{fast_answers};
    resume const fast_answer = riscv64::decode(fast_context{&fast}, fast_view);
    require(fast_answers.count <= 1);
    require(fast.stray_registers == 0 && fast.fetches == 0);
    require(fast_answer != resume::next_instruction);
    if (fast_answers.count == 0 && fast_answer == resume::slow) {
      require(same_registers(fast, before));
      require(fast.pc == before.pc && fast.sstatus == before.sstatus && fast.vsepc == before.vsepc);
    }
    // Where both tiers call the handler, they tell it the same and leave the same guest.
    if (fast_answers.count == 1) {
      require(fast_answers.seen[0] == slow_handler.seen[0]);
      require(same_registers(fast, slow) && fast.vscause == slow.vscause);
      // An instruction whose length only the slow tier can find out is stepped over there.
      require(fast.pc == slow.pc || (fast_answer == resume::slow && fast.pc == before.pc));
    }
  } while (in.size >= 8);
  return 0;
}

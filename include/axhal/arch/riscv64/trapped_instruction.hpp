// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/instruction.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// The instruction that stopped the guest: its bits, and the way past it.
namespace axhal::riscv64::detail {

/// `next_instruction` means that PC moves on by `length`, which is done here: `retry` comes back for it.
template <TrapContext C>
[[gnu::always_inline]] constexpr resume stepped(C& c, resume answer, std::uint64_t length) {
  if (answer != resume::next_instruction) return answer;
  c.set_pc(c.pc() + length);
  return resume::retry;
}

/// The bits of an instruction that trapped as illegal or virtual: from stval, or fetched where hardware leaves that 0.
/// What was fetched may have been changed since, so it must not be trusted with more than the guest may do to itself.
/// Fails with the answer to the exit: `retry` when the guest's own tables refuse the fetch by now, so that it meets its
/// own fault; `slow` when a fast tier cannot fetch. 0 when nothing at all can be known.
template <typename H, TrapContext C>
[[nodiscard]] constexpr result<std::uint64_t, resume> trapped_instruction(C const& c) {
  std::uint64_t const bits = c.stval();
  if (bits != 0) return bits;
  if constexpr (FetchContext<C>) {
    auto const word = c.fetch(c.pc());
    if (!word) return failure{resume::retry};
    return std::uint64_t{*word};
  } else if constexpr (is_fast<H>) {
    return failure{resume::slow};
  } else {
    return std::uint64_t{0};
  }
}

/// Bytes of the instruction that stopped, whatever it is; 0 when that cannot be known.
template <TrapContext C>
[[nodiscard]] constexpr unsigned stopped_length(C const& c) {
  if (std::uint64_t const described = c.htinst(); (described & 1) != 0) {
    return instruction_size(static_cast<std::uint32_t>(described));
  }
  std::uint64_t const cause = c.scause();
  bool const has_bits =
      cause == scause::of(exception::illegal_instruction) || cause == scause::of(exception::virtual_instruction);
  if (has_bits && c.stval() != 0) return instruction_size(static_cast<std::uint32_t>(c.stval()));
  if constexpr (FetchContext<C>) {
    if (auto const word = c.fetch(c.pc())) return instruction_size(*word);
  }
  return 0;
}

/// The same as `stepped`, for an exit that nothing was done for: the handler wants the instruction left out. Where its
/// length cannot be known the exit is the slow tier's, or else happens again.
template <typename H, TrapContext C>
constexpr resume skipped(C& c, resume answer) {
  if (answer != resume::next_instruction) return answer;
  unsigned const length = stopped_length(c);
  if (length == 0) return is_fast<H> ? resume::slow : resume::retry;
  return stepped(c, answer, length);
}

}  // namespace axhal::riscv64::detail

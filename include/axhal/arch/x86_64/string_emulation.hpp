// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/alu.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// MOVS, CMPS, STOS, LODS and SCAS on devices, with repeat prefixes: element by element, as the manual has it
/// (Intel SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ - Repeat String Operation Prefix").
namespace axhal::x86_64 {

/// No more elements than this are done before the guest runs again and can take an interrupt. Registers tell how far a
/// repeated instruction has come, so the guest just executes it again.
inline constexpr unsigned string_batch = 64;

namespace detail {

/// How doing one element ended.
struct element_end {
  resume answer{};  ///< `next_instruction`: done
  bool stranger{};  ///< nothing was done: the element is no matter of devices, or lies in two pages
};

/// One string instruction of a guest.
template <EmulatedRegisters C, CompletingView G, OperandMemory M, typename H>
struct string_emulator {
  static constexpr std::uint8_t cx = 1;
  static constexpr std::uint8_t si = 6;
  static constexpr std::uint8_t di = 7;

  C& c;
  G& guest;
  M& memory;
  H& handler;
  instruction const& i;

  [[nodiscard]] constexpr bool uses_second() const { return i.op == operation::movs || i.op == operation::cmps; }
  [[nodiscard]] constexpr register_operand address_register(std::uint8_t n) const {
    return {n, i.memory.address_size, false};
  }
  [[nodiscard]] constexpr std::uint64_t count() const { return address_register(cx).of(c.gpr(cx)); }

  constexpr resume read(operand_place at, std::uint64_t& value) {
    if (!at.device) {
      value = truncated(memory.read(at.address, i.size), i.size);
      return resume::next_instruction;
    }
    guest.completed = 0;
    auto const answer = handler(guest, exit::mmio_read{at.address, i.size, exit::mmio_read::no_register, false, 8});
    value = guest.completed;
    return answer;
  }
  constexpr resume write(operand_place at, std::uint64_t value) {
    value = truncated(value, i.size);
    if (at.device) return handler(guest, exit::mmio_write{at.address, i.size, value});
    memory.write(at.address, i.size, value);
    return resume::next_instruction;
  }

  /// What the instruction makes of one element at `at` and, where it has two operands, `from`.
  constexpr resume transfer(operand_place at, operand_place from) {
    register_operand const accumulator{0, i.size, false};
    std::uint64_t first = accumulator.of(c.gpr(0));
    std::uint64_t value = 0;
    auto const compare = [&](resume answer) {
      if (answer == resume::next_instruction) c.set_rflags(alu(i.op, first, value, i.size, c.rflags()).rflags);
      return answer;
    };
    switch (i.op) {
      case operation::movs:
        return in_two_exits([&] { return read(from, value); }, [&] { return write(at, value); }, [] {});
      case operation::cmps:
        return compare(in_two_exits([&] { return read(from, first); }, [&] { return read(at, value); }, [] {}));
      case operation::scas: return compare(read(at, value));
      case operation::lods: {
        auto const answer = read(at, value);
        if (answer == resume::next_instruction) set_register(c, accumulator, value);
        return answer;
      }
      default: return write(at, first);
    }
  }

  /// rSI and rDI move by the element's size, up or down; a repeated instruction counts.
  constexpr void advance() {
    std::uint64_t const step = rflags::f_df::get(c.rflags()) ? std::uint64_t{0} - i.size : std::uint64_t{i.size};
    auto const move = [&](std::uint8_t n, std::uint64_t distance) {
      set_register(c, address_register(n), c.gpr(n) + distance);
    };
    if (i.op != operation::lods) move(di, step);
    if (uses_second() || i.op == operation::lods) move(si, step);
    if (i.rep != repeat::none) move(cx, ~std::uint64_t{0});
  }

  /// One element. All that can refuse is asked before the first device access. `fault` is only for the first one, which
  /// has to be where it was.
  constexpr element_end element(device_fault const* fault) {
    constexpr element_end not_ours{resume::retry, true};
    auto const at = locate(c, i.memory, i.length);
    auto const from = uses_second() ? locate(c, i.second, i.length) : at;
    if (!in_one_page(at.linear, i.size) || !in_one_page(from.linear, i.size)) return not_ours;
    // The source first, as the processor does.
    result<operand_place, resume> const source =
        uses_second() ? memory.find(from, i.size, access::read) : operand_place{};
    if (!source) return {source.error(), false};
    auto const place = memory.find(at, i.size, i.writes_memory() ? access::write : access::read);
    if (!place) return {place.error(), false};
    bool const device = place->device || (uses_second() && source->device);
    if (!device || (fault != nullptr && !agrees(*fault, *place, *source))) return not_ours;
    auto const answer = transfer(*place, *source);
    if (answer == resume::next_instruction) advance();
    return {answer, false};
  }

  /// True when the fault is about one of the places, in the direction in which the instruction goes there.
  [[nodiscard]] constexpr bool agrees(device_fault const& fault, operand_place at, operand_place from) const {
    auto const here = [&](operand_place p, access wanted) {
      return p.device && has(fault.wanted, wanted) && fault.address >= p.address && fault.address - p.address < i.size;
    };
    return here(at, i.writes_memory() ? access::write : access::read) || (uses_second() && here(from, access::read));
  }

  /// True when no element is left after the one that was just done.
  [[nodiscard]] constexpr bool ended() const {
    if (i.rep == repeat::none || count() == 0) return true;
    if (i.op != operation::cmps && i.op != operation::scas) return false;
    return rflags::f_zf::get(c.rflags()) != (i.rep == repeat::while_equal);
  }

  constexpr resume run(device_fault const& fault) {
    if (i.rep != repeat::none && count() == 0) return stepped(c, resume::next_instruction, i.length);
    unsigned const batch = rflags::f_tf::get(c.rflags()) ? 1 : string_batch;
    for (unsigned n = 0; n < batch; ++n) {
      auto const end = element(n == 0 ? &fault : nullptr);
      if (end.stranger) return n == 0 ? told_as_fault(c, guest, handler, i, fault) : resume::retry;
      if (end.answer != resume::next_instruction) return end.answer;
      if (ended()) return stepped(c, resume::next_instruction, i.length);
    }
    return resume::retry;
  }
};

template <EmulatedRegisters C, CompletingView G, OperandMemory M, typename H>
constexpr resume emulate_string(C& c, G& guest, M& memory, H& handler, instruction const& i,
                                device_fault const& fault) {
  if (is_fast<H>) return resume::slow;
  return string_emulator<C, G, M, H>{c, guest, memory, handler, i}.run(fault);
}

}  // namespace detail
}  // namespace axhal::x86_64

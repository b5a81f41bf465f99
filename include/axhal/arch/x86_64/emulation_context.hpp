// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>

/// What the emulation of an instruction needs of the guest, and what all its parts share.
namespace axhal::x86_64 {

/// The registers that instructions with a memory operand use: `AddressRegisters`, `set_gpr(n, v)` for n 0 to 15,
/// `rflags()`, `set_rflags(v)`, and `step_over(length)`: the guest goes on after an instruction of so many bytes. That
/// is what the end of an instruction is on the processor: RIP moves (in 32 bits outside of 64-bit mode), RF is cleared,
/// an interrupt shadow ends, and with TF set a debug exception is due.
template <typename C>
concept EmulatedRegisters = AddressRegisters<C> && requires(C& c, C const& k, unsigned n, std::uint64_t v) {
  { c.set_gpr(n, v) } -> std::same_as<void>;
  { k.rflags() } -> std::same_as<std::uint64_t>;
  { c.set_rflags(v) } -> std::same_as<void>;
  { c.step_over(n) } -> std::same_as<void>;
};

/// A handler's view of the guest that also keeps what the last read was completed with, extended as the exit says.
template <typename G>
concept CompletingView = GuestContext<G> && requires(G& g) {
  { g.completed } -> std::same_as<std::uint64_t&>;
};

/// Where an operand lies in guest-physical memory.
struct operand_place {
  guest_phys address{};
  bool device{};  ///< no memory of the guest is there: the handler is asked
  friend constexpr bool operator==(operand_place, operand_place) = default;
};

/// The operands of string instructions, of which the fault tells one place at most.
///
/// `find(reference, size, wanted)`: where the operand is. It does what hardware does before an access: segment limits
/// and rights, canonical addresses, the guest's page tables with their rights and their accessed and dirty bits. Where
/// one of them refuses, it makes the guest take the fault, and fails with the answer (`retry`, or `stop`). The operand
/// never reaches into another page. `read(address, size)` and `write(address, size, value)` are for places that are no
/// device.
template <typename M>
concept OperandMemory =
    requires(M& m, memory_reference r, unsigned size, access wanted, guest_phys at, std::uint64_t value) {
      { m.find(r, size, wanted) } -> std::same_as<result<operand_place, resume>>;
      { m.read(at, size) } -> std::same_as<std::uint64_t>;
      { m.write(at, size, value) } -> std::same_as<void>;
    };

/// The fault that stopped the guest: a nested page fault or an EPT violation where no memory is.
struct device_fault {
  guest_phys address{};
  access wanted{};  ///< `read`, `write`, or both where hardware says so of an instruction that does both
};

namespace detail {

/// The instruction does not make the access that the fault is about, or makes it in two pages.
struct no_device_access {};

inline constexpr std::uint64_t page_offset = 0xfff;

/// True when `size` bytes from `address` lie in one page.
[[nodiscard]] constexpr bool in_one_page(guest_virt address, unsigned size) {
  return (address.value & page_offset) + size <= page_offset + 1;
}

template <EmulatedRegisters C>
constexpr void set_register(C& c, register_operand r, std::uint64_t value) {
  c.set_gpr(r.number, r.written(c.gpr(r.number), value));
}

/// `next_instruction` means that the guest goes on after the instruction, which is done here: `retry` comes back for
/// it.
template <EmulatedRegisters C>
[[gnu::always_inline]] constexpr resume stepped(C& c, resume answer, unsigned length) {
  if (answer != resume::next_instruction) return answer;
  c.step_over(length);
  return resume::retry;
}

/// The fault is nothing that can be done here: the handler has the last word.
template <EmulatedRegisters C, typename G, typename H>
constexpr resume told_as_fault(C& c, G& guest, H& handler, instruction const& i, device_fault const& fault) {
  return stepped(c, handler(guest, exit::memory_fault{fault.address, fault.wanted, false}), i.length);
}

}  // namespace detail
}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/guest_exception.hpp>
#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/instruction.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::riscv64 {
namespace detail {

/// The bits of the instruction that stopped, as far as the cause has them; 0 when it has not.
template <TrapContext C>
[[nodiscard]] constexpr std::uint64_t known_instruction(C const& c) {
  switch (c.scause()) {
    case scause::of(exception::illegal_instruction):
    case scause::of(exception::virtual_instruction): return c.stval();
    case scause::of(exception::ecall_vs): return word::ecall;
    default: return 0;
  }
}

/// `guest_view::inject`, by value: a view that is never asked for its address stays in registers.
template <TrapContext C>
constexpr void inject(C context, guest_fault fault) {
  std::uint64_t const pc = context.pc();
  if (fault.what == guest_fault::kind::undefined_instruction) {
    take_exception(context, illegal_instruction(pc, known_instruction(context)));
    return;
  }
  std::uint64_t at = fault.address;
  access wanted = fault.wanted;
  if (at == 0) {
    at = context.stval();
    wanted = wanted_by(context.scause(), wanted);
  }
  bool const aligned = fault.what == guest_fault::kind::bus_error;
  take_exception(context, aligned ? access_fault(pc, at, wanted) : misaligned_access(pc, at, wanted));
}

}  // namespace detail

/// A stopped guest as an exit handler sees it (`GuestContext`), over either tier's context, which it holds by value: a
/// copy speaks of the same guest, and no address of one is ever stored. Arguments are a0 to a6, where SBI has the
/// function in a6 (`argument(6)`) and the extension in a7 (`exit::hypercall::number`); results are a0 and a1
/// (RISC-V SBI, "Binary Encoding").
template <TrapContext C>
struct guest_view {
  C context;
  std::uint64_t completed{};  ///< what the last read was completed with, as the register has it

  static constexpr unsigned a0 = 10;

  [[nodiscard]] constexpr std::uint64_t argument(unsigned n) const { return n <= 6 ? context.x(a0 + n) : 0; }
  [[gnu::always_inline]] constexpr void set_result(unsigned n, std::uint64_t value) {
    if (n <= 1) context.set_x(a0 + n, value);
  }
  [[gnu::always_inline]] constexpr void complete_read(exit::mmio_read const& e, std::uint64_t value) {
    completed = extended(e, value);
    context.set_x(e.reg, completed);  // no_register is a number that no register has
  }
  constexpr void complete_register_read(exit::register_read const& e, std::uint64_t value) {
    completed = value;
    context.set_x(e.reg, value);
  }

  /// The guest takes the architecture's exception in VS-mode. A fault without an address is one at the access that
  /// stopped the guest, and of its kind.
  [[gnu::always_inline]] constexpr void inject(guest_fault fault) { detail::inject(context, fault); }
};

}  // namespace axhal::riscv64

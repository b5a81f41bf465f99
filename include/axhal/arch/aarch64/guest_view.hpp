// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/esr.hpp>
#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::aarch64 {

namespace detail {

/// `guest_view::inject`, by value: a view that is never asked for its address stays in registers.
template <TrapContext C>
constexpr void inject(C context, std::uint64_t distance, guest_fault fault) {
  // HVC has been stepped over when it exits; every other instruction is still at PC.
  bool const past = esr::f_ec::get(context.esr()) == exception_class::hvc64;
  std::uint64_t const pc = context.pc() - (past ? 4 : 0);
  if (fault.what == guest_fault::kind::undefined_instruction) {
    take_exception(context, undefined_instruction(pc));
    return;
  }
  std::uint64_t const at = fault.address != 0 ? fault.address : context.far() + distance;
  bool const aligned = fault.what == guest_fault::kind::bus_error;
  take_exception(context, aligned ? bus_error(pc, context.pstate(), at, fault.wanted)
                                  : misaligned_access(pc, context.pstate(), at, fault.wanted));
}

}  // namespace detail

/// A stopped guest as an exit handler sees it (`GuestContext`), over either tier's context, which it holds by value: a
/// copy speaks of the same guest, and no address of one is ever stored. Arguments and results are X0 and up, as SMCCC
/// has them (Arm DEN0028, "SMC and HVC argument and result passing").
template <TrapContext C>
struct guest_view {
  C context;
  std::uint64_t distance{};  ///< how far past FAR the access is: the second half of a register pair

  [[nodiscard]] constexpr std::uint64_t argument(unsigned n) const { return n <= 6 ? context.x(n) : 0; }
  [[gnu::always_inline]] constexpr void set_result(unsigned n, std::uint64_t value) {
    if (n <= 3) context.set_x(n, value);
  }
  [[gnu::always_inline]] constexpr void complete_read(exit::mmio_read const& e, std::uint64_t value) {
    context.set_x(e.reg, extended(e, value));  // no_register is a number that no register has
  }
  constexpr void complete_register_read(exit::register_read const& e, std::uint64_t value) {
    context.set_x(e.reg, value);
  }

  /// The guest takes the architecture's exception at EL1. A bus error without an address is one at the access that
  /// stopped the guest.
  [[gnu::always_inline]] constexpr void inject(guest_fault fault) { detail::inject(context, distance, fault); }
};

}  // namespace axhal::aarch64

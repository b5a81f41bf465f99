// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Numbers in `exit::register_read::id` and `exit::register_write::id` that are no MSR's. The others are what ECX held;
/// a guest that asks for an MSR with a number from `first` on is refused before a handler hears of it.
namespace register_id {
inline constexpr std::uint32_t first = 0xffff'0000;
inline constexpr std::uint32_t cr8 = first + 8;  ///< the task priority: bits 7:4 of the local APIC's TPR
}  // namespace register_id

/// Which instruction stopped the guest, where it makes a difference to completions and refusals.
enum class stopped_by : std::uint8_t {
  other,
  msr_access,   ///< RDMSR, WRMSR: a value is in EDX:EAX, and a register that does not exist is a #GP
  port_string,  ///< INS: what a port gave does not go to RAX
};

/// A stopped guest as an exit handler sees it (`PortGuestContext`, `CompletingView`), over either tier's context, which
/// it holds by value: a copy speaks of the same guest, and no address of one is ever stored. Arguments are RBX, RCX,
/// RDX, RSI, RDI, R8 and R9, and the number of a call is in RAX; results are RAX, RBX, RCX and RDX. Outside of 64-bit
/// mode an argument is the register's lower half.
template <StoppedGuest C>
struct guest_view {
  C context;
  std::uint64_t completed{};  ///< what the last read was completed with, as the register has it
  stopped_by reason{};

  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t argument(unsigned n) const {
    constexpr std::uint8_t registers[] = {3, 1, 2, 6, 7, 8, 9};
    return n < sizeof registers ? narrowed(context.gpr(registers[n])) : 0;
  }
  [[gnu::always_inline]] constexpr void set_result(unsigned n, std::uint64_t value) {
    constexpr std::uint8_t registers[] = {0, 3, 1, 2};
    if (n < sizeof registers) context.set_gpr(registers[n], value);
  }
  /// The number of a call.
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t call_number() const { return narrowed(context.gpr(0)); }

  [[gnu::always_inline]] constexpr void complete_read(exit::mmio_read const& e, std::uint64_t value) {
    completed = extended(e, value);
    if (e.reg < 16) context.set_gpr(e.reg, completed);
  }
  /// An MSR's value is split over RAX and RDX, whose upper halves are cleared; a control register's goes to a general
  /// register, of which only the lower half exists outside of 64-bit mode.
  [[gnu::always_inline]] constexpr void complete_register_read(exit::register_read const& e, std::uint64_t value) {
    completed = value;
    if (reason == stopped_by::msr_access) {
      context.set_gpr(0, value & 0xffff'ffff);
      context.set_gpr(2, value >> 32);
    } else {
      context.set_gpr(e.reg & 15U, narrowed(value));
    }
  }
  /// One and two bytes leave the rest of RAX, four clear its upper half.
  [[gnu::always_inline]] constexpr void complete_port_read(exit::port_read const& e, std::uint64_t value) {
    std::uint64_t const whole = context.gpr(0);
    std::uint64_t kept = 0;
    // Masks by name: shifts by the size would be most of the work. One byte is the usual.
    if (e.size == 1) [[likely]] {
      completed = value & 0xff;
      kept = whole & ~std::uint64_t{0xff};
    } else if (e.size == 2) {
      completed = value & 0xffff;
      kept = whole & ~std::uint64_t{0xffff};
    } else {
      completed = value & 0xffff'ffff;
    }
    if (reason != stopped_by::port_string) context.set_gpr(0, kept | completed);
  }

  /// The guest takes the exception: #UD for an instruction that it does not have, #GP(0) for an MSR that it does not
  /// have and for an address where nothing answers, #AC(0) for one that is not aligned.
  [[gnu::always_inline]] constexpr void inject(guest_fault fault) {
    switch (fault.what) {
      case guest_fault::kind::bus_error: return context.raise(exception_event(exception::gp, 0));
      case guest_fault::kind::misaligned: return context.raise(exception_event(exception::ac, 0));
      case guest_fault::kind::undefined_instruction: break;
    }
    bool const msr = reason == stopped_by::msr_access;
    context.raise(msr ? exception_event(exception::gp, 0) : exception_event(exception::ud));
  }

 private:
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t narrowed(std::uint64_t value) const {
    return context.code() == code_size::bits_64 ? value : value & 0xffff'ffff;
  }
};

namespace detail {

/// #GP(0): what most refusals are.
template <StoppedGuest C>
constexpr resume refused(C& c) {
  c.raise(exception_event(exception::gp, 0));
  return resume::retry;
}

/// True when the registers are all within reach of this tier.
template <StoppedGuest C, typename... N>
[[nodiscard, gnu::always_inline]] constexpr bool all_held(C const& c, N... n) {
  return (c.holds(n) && ...);
}

}  // namespace detail
}  // namespace axhal::x86_64

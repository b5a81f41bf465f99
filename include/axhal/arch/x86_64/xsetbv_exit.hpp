// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_rules.hpp>
#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// Instructions for extended control registers: `xgetbv(index)` and `xsetbv(index, value)`.
template <typename I>
concept ExtendedControl = requires(std::uint32_t index, std::uint64_t value) {
  { I::xgetbv(index) } -> std::same_as<std::uint64_t>;
  { I::xsetbv(index, value) } -> std::same_as<void>;
};

/// XSETBV. While a guest is loaded XCR0 is its own, so a value that the guest's CPUID (leaf 0DH) offers and the manual
/// allows is written to the real one; all others, and all other registers, are a #GP(0) (Intel SDM vol. 2, "XSETBV").
template <ExtendedControl I, StoppedGuest C, typename H>
constexpr resume answer_xsetbv(C& c, H& handler, unsigned length) {
  if (!cr4::f_osxsave::get(c.cr4())) {
    c.raise(exception_event(exception::ud));
    return resume::retry;
  }
  auto const index = static_cast<std::uint32_t>(c.gpr(1) & 0xffff'ffff);
  std::uint64_t const value = c.gpr(2) << 32 | (c.gpr(0) & 0xffff'ffff);
  auto const states = handler_of(handler).cpuid(0xd, 0);
  std::uint64_t const offered = std::uint64_t{states.edx} << 32 | states.eax;
  if (c.cpl() != 0 || index != 0 || !is_valid_xcr0(value, offered)) return detail::refused(c);
  I::xsetbv(0, value);
  c.step_over(length);
  return resume::retry;
}

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/insn.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// A stopped guest as the fast tier sees it: X0..X18 and X30 are in the frame, all else is still in its registers, and
/// X19..X29 are the compiler's. Reads nothing that is not asked for.
template <el2_mode Mode>
struct live_context : loaded_el1<Mode, cpu> {
  guest_frame& frame;

  explicit live_context(guest_frame& f) : frame{f} {}

  [[nodiscard]] static std::uint64_t esr() { return cpu::read<sysreg::esr_el2>(); }
  [[nodiscard]] static std::uint64_t far() { return cpu::read<sysreg::far_el2>(); }
  [[nodiscard]] static std::uint64_t hpfar() { return cpu::read<sysreg::hpfar_el2>(); }
  [[nodiscard]] static std::uint64_t pc() { return cpu::read<sysreg::elr_el2>(); }
  static void set_pc(std::uint64_t value) { cpu::write<sysreg::elr_el2>(value); }
  [[nodiscard]] static std::uint64_t pstate() { return cpu::read<sysreg::spsr_el2>(); }
  static void set_pstate(std::uint64_t value) { cpu::write<sysreg::spsr_el2>(value); }

  /// X19..X29 are out of reach in this tier.
  [[nodiscard]] static constexpr bool holds(unsigned n) { return n < 19 || n > 29; }
  [[nodiscard]] std::uint64_t x(unsigned n) const { return n < 31 ? frame.x[n] : 0; }
  void set_x(unsigned n, std::uint64_t value) {
    if (n < 31) frame.x[n] = value;
  }
  [[nodiscard]] static result<guest_phys, access> guest_address(std::uint64_t va, bool write) {
    return cpu::guest_stage1(va, write);
  }
};
static_assert(TrapContext<live_context<el2_mode::nvhe>> && TrapContext<live_context<el2_mode::vhe>>);

}  // namespace axhal::aarch64

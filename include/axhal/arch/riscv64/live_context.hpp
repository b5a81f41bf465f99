// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/arch/riscv64/vs_state.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// A stopped guest as the fast tier sees it: ra, sp, t0..t6 and a0..a7 are in the frame, all else is still in its
/// registers, and s0..s11 are the compiler's. Reads nothing that is not asked for.
template <htinst_use Use = htinst_use::whole>
struct live_context : loaded_vs<cpu> {
  guest_frame& frame;

  explicit live_context(guest_frame& f) : frame{f} {}

  [[nodiscard]] static std::uint64_t scause() { return cpu::read<csr::scause>(); }
  [[nodiscard]] static std::uint64_t stval() { return cpu::read<csr::stval>(); }
  [[nodiscard]] static std::uint64_t htval() { return cpu::read<csr::htval>(); }
  [[nodiscard]] static std::uint64_t htinst() { return believed_htinst<Use>(cpu::read<csr::htinst>()); }
  [[nodiscard]] static std::uint64_t pc() { return cpu::read<csr::sepc>(); }
  static void set_pc(std::uint64_t value) { cpu::write<csr::sepc>(value); }
  [[nodiscard]] static std::uint64_t sstatus() { return cpu::read<csr::sstatus>(); }
  [[nodiscard]] static bool from_user() { return !riscv64::sstatus::f_spp::get(cpu::read<csr::sstatus>()); }
  static void set_user(bool user) {
    if (user) {
      cpu::clear<csr::sstatus>(riscv64::sstatus::f_spp::mask);
    } else {
      cpu::set<csr::sstatus>(riscv64::sstatus::f_spp::mask);
    }
  }

  /// gp, tp and s0..s11 are out of reach in this tier.
  [[nodiscard, gnu::always_inline]] static constexpr bool holds(unsigned n) {
    constexpr std::uint32_t held = [] {
      std::uint32_t bits = 0;
      for (unsigned i = 0; i < 32; ++i) bits |= std::uint32_t{!is_callee_saved(i) && i != 3 && i != 4} << i;
      return bits;
    }();
    return (held >> (n & 31) & 1) != 0;
  }
  [[nodiscard]] std::uint64_t x(unsigned n) const { return n < 32 ? frame.x[n] : 0; }
  /// x[0] is written like any other and made 0 again: that is shorter than to ask, unless the compiler knows.
  [[gnu::always_inline]] void set_x(unsigned n, std::uint64_t value) {
    if (n >= 32) return;
    frame.x[n] = value;
    if (!(__builtin_constant_p(n) && n != 0)) frame.x[0] = 0;
  }
};
static_assert(TrapContext<live_context<>>);

}  // namespace axhal::riscv64

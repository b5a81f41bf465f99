// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/exit_recorder.hpp"

#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/guest_view.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::test {

/// A stopped guest in plain memory.
struct sim_guest {
  std::uint64_t x[31]{};
  std::uint64_t esr{}, far{}, hpfar{}, pc{0x4020'0000}, pstate{0x3c5}, vector{};
  // EL1 registers that an exception touches
  std::uint64_t sctlr{0x30d0'0800}, spsr{}, elr{}, esr_el1{}, far_el1{}, vbar{0xffff'8000'0000'0800}, sp_el0{},
      sp_el1{};
  std::uint64_t stage1_offset{};  ///< guest-physical minus guest-virtual
  bool stage1_refuses{};
  unsigned walks{};             ///< how often stage 1 was asked
  std::uint32_t instruction{};  ///< what lies at `pc`
  bool fetch_fails{};
  unsigned stray_registers{};  ///< accesses to registers out of reach or EL1 registers nobody needs

  template <aarch64::sysreg Id>
  constexpr std::uint64_t& el1() {
    using aarch64::sysreg;
    if constexpr (Id == sysreg::sctlr_el1)
      return sctlr;
    else if constexpr (Id == sysreg::spsr_el1)
      return spsr;
    else if constexpr (Id == sysreg::elr_el1)
      return elr;
    else if constexpr (Id == sysreg::esr_el1)
      return esr_el1;
    else if constexpr (Id == sysreg::far_el1)
      return far_el1;
    else if constexpr (Id == sysreg::vbar_el1)
      return vbar;
    else if constexpr (Id == sysreg::sp_el0)
      return sp_el0;
    else {
      static_assert(Id == sysreg::sp_el1, "the simulated guest has no such register");
      return sp_el1;
    }
  }
};

/// The fast tier's reach: X19..X29 are somebody else's.
struct fast_context {
  sim_guest* guest;

  [[nodiscard]] constexpr std::uint64_t esr() const { return guest->esr; }
  [[nodiscard]] constexpr std::uint64_t far() const { return guest->far; }
  [[nodiscard]] constexpr std::uint64_t hpfar() const { return guest->hpfar; }
  [[nodiscard]] constexpr std::uint64_t pc() const { return guest->pc; }
  constexpr void set_pc(std::uint64_t v) { guest->pc = v; }
  [[nodiscard]] constexpr std::uint64_t pstate() const { return guest->pstate; }
  constexpr void set_pstate(std::uint64_t v) { guest->pstate = v; }
  [[nodiscard]] static constexpr bool holds(unsigned n) { return n < 19 || n > 29; }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const {
    if (!holds(n)) ++guest->stray_registers;
    return n < 31 ? guest->x[n] : 0;
  }
  constexpr void set_x(unsigned n, std::uint64_t v) {
    if (!holds(n)) ++guest->stray_registers;
    if (n < 31) guest->x[n] = v;
  }
  template <aarch64::sysreg Id>
  [[nodiscard]] constexpr std::uint64_t read_el1() const {
    return guest->template el1<Id>();
  }
  template <aarch64::sysreg Id>
  constexpr void write_el1(std::uint64_t v) {
    guest->template el1<Id>() = v;
  }
  [[nodiscard]] constexpr result<guest_phys, access> guest_address(std::uint64_t va, bool write) const {
    ++guest->walks;
    if (guest->stage1_refuses) return failure{write ? access::write : access::read};
    return guest_phys{va + guest->stage1_offset};
  }
};
static_assert(aarch64::TrapContext<fast_context> && !aarch64::FetchContext<fast_context>);

/// The slow tier's reach: all registers, the vector, and the guest's instruction.
struct slow_context : fast_context {
  [[nodiscard]] static constexpr bool holds(unsigned) { return true; }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const { return n < 31 ? guest->x[n] : 0; }
  constexpr void set_x(unsigned n, std::uint64_t v) {
    if (n < 31) guest->x[n] = v;
  }
  [[nodiscard]] constexpr std::uint64_t vector() const { return guest->vector; }
  [[nodiscard]] constexpr result<std::uint32_t, access> fetch(std::uint64_t at) const {
    if (guest->fetch_fails || at != guest->pc) return failure{access::execute};
    return guest->instruction;
  }
};
static_assert(aarch64::FetchContext<slow_context>);

}  // namespace axhal::test

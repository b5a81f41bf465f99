// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/exit_recorder.hpp"

#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/guest_view.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::test::rv {

using axhal::riscv64::csr;

/// A stopped guest in plain memory.
struct sim_guest {
  std::uint64_t x[32]{};
  std::uint64_t scause{}, stval{}, htval{}, htinst{}, pc{0x8020'0000};
  std::uint64_t sstatus{0x2'0000'0100};  ///< SPP, UXL 64; FS and VS off
  // Registers of VS-mode that an exception touches
  std::uint64_t vsstatus{0x2'0000'2002};  ///< FS initial, SIE
  std::uint64_t vsepc{}, vscause{}, vstval{}, vstvec{0xffff'ffff'8000'1000}, scounteren{};
  std::uint32_t instruction{};  ///< what lies at `pc`
  bool fetch_fails{};
  unsigned fetches{};          ///< how often the instruction was read
  unsigned stray_registers{};  ///< accesses to registers out of reach

  template <csr Id>
  constexpr std::uint64_t& vs() {
    if constexpr (Id == csr::vsstatus)
      return vsstatus;
    else if constexpr (Id == csr::vsepc)
      return vsepc;
    else if constexpr (Id == csr::vscause)
      return vscause;
    else if constexpr (Id == csr::vstval)
      return vstval;
    else if constexpr (Id == csr::scounteren)
      return scounteren;
    else {
      static_assert(Id == csr::vstvec, "the simulated guest has no such register");
      return vstvec;
    }
  }
};

/// The fast tier's reach: s0..s11 are somebody else's.
struct fast_context {
  sim_guest* guest;

  [[nodiscard]] constexpr std::uint64_t scause() const { return guest->scause; }
  [[nodiscard]] constexpr std::uint64_t stval() const { return guest->stval; }
  [[nodiscard]] constexpr std::uint64_t htval() const { return guest->htval; }
  [[nodiscard]] constexpr std::uint64_t htinst() const { return guest->htinst; }
  [[nodiscard]] constexpr std::uint64_t pc() const { return guest->pc; }
  constexpr void set_pc(std::uint64_t v) { guest->pc = v; }
  [[nodiscard]] constexpr std::uint64_t sstatus() const { return guest->sstatus; }
  [[nodiscard]] constexpr bool from_user() const { return (guest->sstatus & 0x100) == 0; }
  constexpr void set_user(bool user) { guest->sstatus = (guest->sstatus & ~0x100ULL) | (user ? 0 : 0x100); }
  [[nodiscard]] static constexpr bool holds(unsigned n) { return !axhal::riscv64::is_callee_saved(n); }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const {
    if (!holds(n)) ++guest->stray_registers;
    return n != 0 && n < 32 ? guest->x[n] : 0;
  }
  constexpr void set_x(unsigned n, std::uint64_t v) {
    if (!holds(n)) ++guest->stray_registers;
    if (n != 0 && n < 32) guest->x[n] = v;
  }
  template <csr Id>
  [[nodiscard]] constexpr std::uint64_t read_vs() const {
    return guest->template vs<Id>();
  }
  template <csr Id>
  constexpr void write_vs(std::uint64_t v) {
    guest->template vs<Id>() = v;
  }
};
static_assert(axhal::riscv64::TrapContext<fast_context> && !axhal::riscv64::FetchContext<fast_context>);

/// All registers, and no way to the guest's instructions.
struct blind_context : fast_context {
  [[nodiscard]] static constexpr bool holds(unsigned) { return true; }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const { return n != 0 && n < 32 ? guest->x[n] : 0; }
  constexpr void set_x(unsigned n, std::uint64_t v) {
    if (n != 0 && n < 32) guest->x[n] = v;
  }
};
static_assert(axhal::riscv64::TrapContext<blind_context> && !axhal::riscv64::FetchContext<blind_context>);

/// The slow tier's reach: all registers, and the guest's instruction.
struct slow_context : blind_context {
  [[nodiscard]] constexpr result<std::uint32_t, access> fetch(std::uint64_t at) const {
    ++guest->fetches;
    if (guest->fetch_fails || at != guest->pc) return failure{access::execute};
    return guest->instruction;
  }
};
static_assert(axhal::riscv64::FetchContext<slow_context>);

}  // namespace axhal::test::rv

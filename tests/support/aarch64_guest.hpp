// SPDX-License-Identifier: BSL-1.0
#pragma once

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

/// One exit as a handler saw it; fields that a kind does not have are zero.
struct seen_exit {
  exit_kind kind{};
  std::uint64_t number{};  ///< hypercall number, address, register id, raw word
  std::uint64_t value{};   ///< immediate, written value
  unsigned size{}, reg{}, register_size{};
  bool flag{};  ///< firmware conduit, sign extension, walk
  access wanted{access::none};
  friend constexpr bool operator==(seen_exit const&, seen_exit const&) = default;
};

constexpr seen_exit describe(exit::hypercall const& e) {
  return {.kind = exit_kind::hypercall, .number = e.number, .value = e.immediate, .flag = e.firmware_conduit};
}
constexpr seen_exit describe(exit::mmio_read const& e) {
  return {.kind = exit_kind::mmio_read,
          .number = e.address.value,
          .size = e.size,
          .reg = e.reg,
          .register_size = e.register_size,
          .flag = e.sign_extend};
}
constexpr seen_exit describe(exit::mmio_write const& e) {
  return {.kind = exit_kind::mmio_write, .number = e.address.value, .value = e.value, .size = e.size};
}
constexpr seen_exit describe(exit::memory_fault const& e) {
  return {.kind = exit_kind::memory_fault, .number = e.address.value, .flag = e.walk, .wanted = e.wanted};
}
constexpr seen_exit describe(exit::register_read const& e) {
  return {.kind = exit_kind::register_read, .number = e.id, .reg = e.reg};
}
constexpr seen_exit describe(exit::register_write const& e) {
  return {.kind = exit_kind::register_write, .number = e.id, .value = e.value};
}
constexpr seen_exit describe(exit::port_read const& e) {
  return {.kind = exit_kind::port_read, .number = e.port, .size = e.size};
}
constexpr seen_exit describe(exit::port_write const& e) {
  return {.kind = exit_kind::port_write, .number = e.port, .value = e.value, .size = e.size};
}
constexpr seen_exit describe(exit::idle const&) { return {.kind = exit_kind::idle}; }
constexpr seen_exit describe(exit::yield const&) { return {.kind = exit_kind::yield}; }
constexpr seen_exit describe(exit::lazy_state const&) { return {.kind = exit_kind::lazy_state}; }
constexpr seen_exit describe(exit::refused_instruction const& e) {
  return {.kind = exit_kind::refused_instruction, .number = e.raw};
}
constexpr seen_exit describe(exit::host_interrupt const&) { return {.kind = exit_kind::host_interrupt}; }
constexpr seen_exit describe(exit::host_error const& e) { return {.kind = exit_kind::host_error, .number = e.raw}; }
constexpr seen_exit describe(exit::unknown const& e) { return {.kind = exit_kind::unknown, .number = e.raw}; }

/// Writes down what it is told and answers as it is told to.
struct recorder {
  static constexpr std::size_t room = 4;
  seen_exit seen[room]{};
  std::size_t count{};
  resume answers[room]{resume::next_instruction, resume::next_instruction, resume::next_instruction,
                       resume::next_instruction};
  std::uint64_t loads[room]{};  ///< what reads give
  bool injects_on_retry{};      ///< an answer `retry` to a device access comes with a bus error

  template <typename Guest, typename Exit>
  constexpr resume operator()(Guest& guest, Exit const& e) {
    std::size_t const n = count < room ? count : room - 1;
    seen[n] = describe(e);
    ++count;
    constexpr bool reads = kind_of<Exit> == exit_kind::mmio_read;
    if (answers[n] == resume::next_instruction) {
      if constexpr (reads) guest.complete_read(e, loads[n]);
      if constexpr (kind_of<Exit> == exit_kind::register_read) guest.complete_register_read(e, loads[n]);
    } else if (answers[n] == resume::retry && injects_on_retry) {
      guest.inject({.what = guest_fault::kind::bus_error, .wanted = reads ? access::read : access::write});
    }
    return answers[n];
  }
};

}  // namespace axhal::test

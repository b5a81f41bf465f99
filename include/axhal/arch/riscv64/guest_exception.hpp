// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/core/access.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// An exception as the guest's VS-mode finds it.
struct guest_exception {
  std::uint64_t cause{};           ///< vscause
  std::uint64_t return_address{};  ///< vsepc
  std::uint64_t value{};           ///< vstval
  friend constexpr bool operator==(guest_exception const&, guest_exception const&) = default;
};

/// vsstatus in the handler of an exception that VS-mode takes from VU-mode (`from_user`) or from itself: SPP says where
/// from, SPIE holds what SIE was, SIE is 0, all else is kept ("Trap Entry" of the hypervisor extension, table "Value of
/// vsstatus field SPP after a trap into VS-mode"; "Supervisor Status (sstatus) Register").
///
/// SPELP and SDT stay as they are: guests have neither landing pads nor double traps (henvcfg.LPE and DTE are 0), so
/// both are read-only zero.
[[nodiscard]] constexpr std::uint64_t handler_status(std::uint64_t vsstatus, bool from_user) {
  vsstatus = sstatus::f_spp::with(vsstatus, !from_user);
  vsstatus = sstatus::f_spie::with(vsstatus, sstatus::f_sie::get(vsstatus));
  return sstatus::f_sie::with(vsstatus, false);
}

/// Makes the guest take `e` in VS-mode as its next step, exactly as hardware would: vsepc, vscause, vstval, vsstatus,
/// the mode, and PC from vstvec, whose vectors are for interrupts alone ("Supervisor Trap Vector Base Address (stvec)
/// Register").
template <TrapContext C>
constexpr void take_exception(C& c, guest_exception const& e) {
  c.template write_vs<csr::vsepc>(e.return_address);
  c.template write_vs<csr::vscause>(e.cause);
  c.template write_vs<csr::vstval>(e.value);
  c.template write_vs<csr::vsstatus>(handler_status(c.template read_vs<csr::vsstatus>(), c.from_user()));
  constexpr std::uint64_t mode = 3;
  c.set_pc(c.template read_vs<csr::vstvec>() & ~mode);
  c.set_user(false);
}

/// The exception of an instruction that does not exist, at `pc`. `instruction` is its bits, or 0 when they are not
/// known ("Supervisor Trap Value (stval) Register").
[[nodiscard]] constexpr guest_exception illegal_instruction(std::uint64_t pc, std::uint64_t instruction) {
  return {.cause = scause::of(exception::illegal_instruction), .return_address = pc, .value = instruction};
}

/// The exception of an access that nothing answers: an access fault on `wanted` of the guest-virtual `address` by the
/// instruction at `pc`.
[[nodiscard]] constexpr guest_exception access_fault(std::uint64_t pc, std::uint64_t address, access wanted) {
  exception const e = has(wanted, access::execute) ? exception::instruction_access
                      : has(wanted, access::write) ? exception::store_access
                                                   : exception::load_access;
  return {.cause = scause::of(e), .return_address = pc, .value = address};
}

/// The exception of an access that its target does not do at this alignment.
[[nodiscard]] constexpr guest_exception misaligned_access(std::uint64_t pc, std::uint64_t address, access wanted) {
  exception const e = has(wanted, access::execute) ? exception::instruction_misaligned
                      : has(wanted, access::write) ? exception::store_misaligned
                                                   : exception::load_misaligned;
  return {.cause = scause::of(e), .return_address = pc, .value = address};
}

/// What the instruction that stopped with `cause` wanted of memory; `otherwise` when the cause is not about memory. The
/// cause names the instruction's own kind, also where an AMO was reading or its page-table walk failed.
[[nodiscard]] constexpr access wanted_by(std::uint64_t cause, access otherwise) {
  switch (cause) {
    case scause::of(exception::instruction_access):
    case scause::of(exception::instruction_guest_page): return access::execute;
    case scause::of(exception::load_access):
    case scause::of(exception::load_guest_page): return access::read;
    case scause::of(exception::store_access):
    case scause::of(exception::store_guest_page): return access::write;
    default: return otherwise;
  }
}

}  // namespace axhal::riscv64

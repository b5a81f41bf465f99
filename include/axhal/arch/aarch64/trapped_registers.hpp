// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/id_registers.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// The last word about system registers that exit: what a guest gets that asks for one which nothing else answers.
///
/// A hypervisor asks those that own registers first (`virtual_physical_timer::owns`), then these functions, and injects
/// the fault they give back. docs/aarch64-registers.md has the whole table.
namespace axhal::aarch64 {

/// True for the self-hosted debug registers that exist on every ARMv8 CPU and exit by MDCR_EL2.TDA, TDOSA and TDRA: op0
/// 2 with op1 0 (EL1) or 3 (EL0) (ARM DDI 0487, "Debug registers", D24.3). Trace (op1 1) is not among them.
[[nodiscard]] constexpr bool is_debug_register(std::uint32_t id) {
  unsigned const op1 = id >> 11 & 7;
  unsigned const crn = id >> 7 & 15;
  unsigned const crm = id >> 3 & 15;
  unsigned const op2 = id & 7;
  if (id >> 14 != 2) return false;
  if (op1 == 3) return crn == 0 && op2 == 0 && (crm == 1 || crm == 4 || crm == 5);  // MDCCSR, DBGDTR, DBGDTRRX/TX
  if (op1 != 0) return false;
  if (crn == 0) {
    if (op2 >= 4) return true;  // DBGBVR, DBGBCR, DBGWVR, DBGWCR
    return (op2 == 2 && (crm == 0 || crm == 2 || crm == 3 || crm == 6)) ||
           (op2 == 0 && crm == 2);  // OSDTR, MDSCR, OSECCR, MDCCINT
  }
  if (crn == 1)
    return (op2 == 0 && crm == 0) || (op2 == 4 && (crm == 0 || crm == 1 || crm == 3 || crm == 4));  // MDRAR, OSLAR..
  return crn == 7 && op2 == 6 && (crm == 8 || crm == 9 || crm == 14);  // DBGCLAIMSET, DBGCLAIMCLR, DBGAUTHSTATUS
}

/// OSLSR_EL1 of a guest: the OS lock exists (OSLM) and is open. Locking it has no effect.
inline constexpr std::uint64_t oslsr_open = 8;

/// What the guest reads, or the fault it takes instead: ID registers as `id_registers.hpp` shows them, ACTLR_EL1 and
/// debug registers zero, everything else undefined (PMU, profiling, trace, RAS error records, GIC system registers,
/// pointer authentication keys, LOR, implementation-defined registers, write-only ones).
template <SysregAccess S>
[[nodiscard]] result<std::uint64_t, guest_fault> read_trapped_register(std::uint32_t id) {
  if (is_id_register(id)) return shown_id_register<S>(id);
  if (id == static_cast<std::uint32_t>(sysreg::actlr_el1)) return std::uint64_t{0};
  if (id == static_cast<std::uint32_t>(sysreg::oslsr_el1)) return oslsr_open;
  if (id == static_cast<std::uint32_t>(sysreg::oslar_el1)) return failure{guest_fault{}};
  if (is_debug_register(id)) return std::uint64_t{0};
  return failure{guest_fault{}};
}

/// What becomes of the guest's write: ignored where a read would give a value and the register can be written, else
/// undefined.
[[nodiscard]] constexpr result<void, guest_fault> write_trapped_register(std::uint32_t id) {
  if (id == static_cast<std::uint32_t>(sysreg::actlr_el1)) return {};
  if (id == static_cast<std::uint32_t>(sysreg::oslsr_el1)) return failure{guest_fault{}};
  if (is_debug_register(id)) return {};
  return failure{guest_fault{}};
}

}  // namespace axhal::aarch64

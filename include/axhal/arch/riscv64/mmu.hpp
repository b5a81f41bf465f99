// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/fences.hpp>
#include <axhal/core/address.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Translates this hart's own addresses with the tables at `root`, in the format `Stage1`. False when the hart has no
/// such format: a write of satp with an unsupported MODE changes nothing (RISC-V Privileged Architecture, "Supervisor
/// Address Translation and Protection (satp) Register"), so the next narrower format can be tried. A hart that has Sv57
/// has Sv48, and one that has Sv48 has Sv39.
///
/// Precondition: the tables map the running code, its stack and its data where they are.
template <typename Stage1, CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] bool enable_mmu(host_phys root, unsigned asid = 0) {
  // Entries that were stored just now are seen, and nothing that an earlier stage of boot translated is left.
  S::sfence_vma();
  S::template write<csr::satp>(Stage1::satp(root, asid));
  if (satp::f_mode::get(S::template read<csr::satp>()) != Stage1::mode) return false;
  S::sfence_vma();
  return true;
}

/// True when this hart has the format `Stage1`; satp is as before. Precondition: as for `enable_mmu`, and the tables
/// that are in use, if any, map the same.
template <typename Stage1, CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] bool supports_stage1(host_phys root) {
  std::uint64_t const kept = S::template read<csr::satp>();
  bool const taken = enable_mmu<Stage1, S>(root);
  S::template write<csr::satp>(kept);
  S::sfence_vma();
  return taken;
}

}  // namespace axhal::riscv64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi_action.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// Fences that act on the guest whose VMID is in hgatp. Models: the CPU's own instructions, recorders in tests.
template <typename S>
concept GuestFences = requires(std::uint64_t address, std::uint64_t asid) {
  { S::fence_i() } -> std::same_as<void>;
  { S::hfence_vvma() } -> std::same_as<void>;
  { S::hfence_vvma(address) } -> std::same_as<void>;
  { S::hfence_vvma_asid(asid) } -> std::same_as<void>;
  { S::hfence_vvma(address, asid) } -> std::same_as<void>;
};

/// Ranges of more pages than this are flushed as a whole: a guest cannot keep the host busy with a long one.
inline constexpr std::uint64_t guest_fence_pages = 64;

/// Does on this CPU what a guest asked its harts for: a guest's SFENCE.VMA is an HFENCE.VVMA of the hypervisor
/// (RISC-V Privileged Architecture, "Hypervisor Memory-Management Fence Instructions").
/// Precondition: hgatp holds the guest's VMID.
template <GuestFences S>
void run_guest_fence(sbi_fence const& f) {
  if (f.what == sbi_fence::kind::instructions) return S::fence_i();
  constexpr std::uint64_t page = 4096;
  bool const tagged = f.what == sbi_fence::kind::translations_asid;
  std::uint64_t const first = f.start.value / page;
  // The size is compared first: a range that is as long as the address space must not wrap below.
  if (f.size > guest_fence_pages * page) return tagged ? S::hfence_vvma_asid(f.asid) : S::hfence_vvma();
  std::uint64_t const pages = (f.start.value % page + f.size + page - 1) / page;
  for (std::uint64_t i = 0; i < pages; ++i) {
    std::uint64_t const address = (first + i) * page;
    if (tagged) {
      S::hfence_vvma(address, f.asid);
    } else {
      S::hfence_vvma(address);
    }
  }
}

}  // namespace axhal::riscv64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// The memory-management fences of this hart, with the operands of the instructions (RISC-V Privileged Architecture,
/// "Supervisor Memory-Management Fence Instruction" and "Hypervisor Memory-Management Fence Instructions"): no operand
/// means `x0`, which is all addresses or all tags, and never a register that holds 0. `hfence_gvma` takes a
/// guest-physical address shifted right by two.
template <typename I>
concept FenceInstructions = requires(std::uint64_t address, std::uint64_t tag) {
  { I::sfence_vma() } -> std::same_as<void>;
  { I::sfence_vma(address) } -> std::same_as<void>;
  { I::sfence_vma_asid(tag) } -> std::same_as<void>;
  { I::sfence_vma(address, tag) } -> std::same_as<void>;
  { I::hfence_gvma() } -> std::same_as<void>;
  { I::hfence_gvma(address) } -> std::same_as<void>;
  { I::hfence_gvma_vmid(tag) } -> std::same_as<void>;
  { I::hfence_gvma(address, tag) } -> std::same_as<void>;
  { I::hfence_vvma() } -> std::same_as<void>;
  { I::hfence_vvma(address) } -> std::same_as<void>;
  { I::hfence_vvma_asid(tag) } -> std::same_as<void>;
  { I::hfence_vvma(address, tag) } -> std::same_as<void>;
};

/// The `size` of a remote fence over all addresses; its start is then 0. SBI says it in the same way.
inline constexpr std::uint64_t every_address = ~std::uint64_t{0};

/// A way to fences on other harts, as SBI RFENCE offers. Each function returns when every hart of the set that `r`
/// stands for has executed such fences for the bytes `[start, start + size)`, plain addresses, a start that is a
/// multiple of the page; this hart may be one of them. It cannot fail: who wraps a call that can, decides there what
/// then.
template <typename R>
concept RemoteFences =
    std::copy_constructible<R> && requires(R const& r, std::uint64_t start, std::uint64_t size, std::uint64_t tag) {
      { r.remote_sfence_vma(start, size) } -> std::same_as<void>;
      { r.remote_sfence_vma_asid(start, size, tag) } -> std::same_as<void>;
      { r.remote_hfence_gvma_vmid(start, size, tag) } -> std::same_as<void>;
    };

/// For tables that no other hart walks: a machine of one hart, or a guest that is bound to this one.
struct this_hart_alone {
  static constexpr void remote_sfence_vma(std::uint64_t, std::uint64_t) {}
  static constexpr void remote_sfence_vma_asid(std::uint64_t, std::uint64_t, std::uint64_t) {}
  static constexpr void remote_hfence_gvma_vmid(std::uint64_t, std::uint64_t, std::uint64_t) {}
};
static_assert(RemoteFences<this_hart_alone>);

}  // namespace axhal::riscv64

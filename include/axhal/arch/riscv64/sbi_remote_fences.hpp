// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/fences.hpp>
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// Fences on other harts by firmware's RFENCE extension (SBI Specification 2.0, "RFENCE Extension"). A call returns
/// when every hart of `harts` has fenced; this hart may be among them.
///
/// A fence that firmware refuses leaves translations behind that are no longer true. `OnFailure` is called then, with
/// firmware's error, and does not return on a machine that goes on.
template <SbiCall S, std::invocable<sbi_error> OnFailure>
struct sbi_remote_fences {
  hart_mask harts{hart_mask::all()};             ///< those that execute the fences
  [[no_unique_address]] OnFailure on_failure{};  ///< called with firmware's error

  void remote_sfence_vma(std::uint64_t start, std::uint64_t size) const {
    check(sbi_client<S>::remote_sfence_vma(harts, {start}, size));
  }
  void remote_sfence_vma_asid(std::uint64_t start, std::uint64_t size, std::uint64_t asid) const {
    check(sbi_client<S>::remote_sfence_vma_asid(harts, {start}, size, asid));
  }
  void remote_hfence_gvma_vmid(std::uint64_t start, std::uint64_t size, std::uint64_t id) const {
    check(sbi_client<S>::remote_hfence_gvma_vmid(harts, {start}, size, vmid{static_cast<std::uint32_t>(id)}));
  }

 private:
  void check(typename sbi_client<S>::outcome done) const {
    if (!done) on_failure(done.error());
  }
};

}  // namespace axhal::riscv64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>

#include <concepts>
#include <cstdint>

/// Registers of a guest that stay on the CPU while it is loaded and that no exit touches.
namespace axhal::x86_64 {

/// MSRs that there are.
template <typename I>
concept MsrInstructions = requires(std::uint32_t n, std::uint64_t v) {
  { I::read_msr(n) } -> std::same_as<std::uint64_t>;
  { I::write_msr(n, v) } -> std::same_as<void>;
};

template <typename I>
concept DebugRegisterInstructions = requires(std::uint64_t v) {
  { I::template read_dr<0>() } -> std::same_as<std::uint64_t>;
  { I::template write_dr<3>(v) } -> std::same_as<void>;
};

/// What SYSCALL and SWAPGS use (Intel SDM vol. 4, "Architectural MSRs"). SVM switches them with VMLOAD and VMSAVE.
struct syscall_registers {
  std::uint64_t star{};
  std::uint64_t lstar{};
  std::uint64_t cstar{};
  std::uint64_t sfmask{};
  std::uint64_t kernel_gs_base{};
  friend constexpr bool operator==(syscall_registers const&, syscall_registers const&) = default;

  template <MsrInstructions I>
  void load() const {
    I::write_msr(msr::star, star);
    I::write_msr(msr::lstar, lstar);
    I::write_msr(msr::cstar, cstar);
    I::write_msr(msr::sfmask, sfmask);
    I::write_msr(msr::kernel_gs_base, kernel_gs_base);
  }
  template <MsrInstructions I>
  void save() {
    star = I::read_msr(msr::star);
    lstar = I::read_msr(msr::lstar);
    cstar = I::read_msr(msr::cstar);
    sfmask = I::read_msr(msr::sfmask);
    kernel_gs_base = I::read_msr(msr::kernel_gs_base);
  }
};

/// The breakpoints' addresses. DR7, which arms them, is switched by entries and exits, and so is DR6 with SVM.
struct breakpoint_addresses {
  std::uint64_t dr[4]{};
  friend constexpr bool operator==(breakpoint_addresses const&, breakpoint_addresses const&) = default;

  template <DebugRegisterInstructions I>
  void load() const {
    I::template write_dr<0>(dr[0]);
    I::template write_dr<1>(dr[1]);
    I::template write_dr<2>(dr[2]);
    I::template write_dr<3>(dr[3]);
  }
  template <DebugRegisterInstructions I>
  void save() {
    dr[0] = I::template read_dr<0>();
    dr[1] = I::template read_dr<1>();
    dr[2] = I::template read_dr<2>();
    dr[3] = I::template read_dr<3>();
  }
};

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// An MSR that a guest reaches without an exit.
struct guest_owned_msr {
  std::uint32_t number{};
  bool reads{};
  bool writes{};
};

/// The MSRs that are a guest's own while it is loaded. All others are exits.
///
/// - SYSENTER_CS, ESP, EIP, FS_BASE, GS_BASE, PAT: fields of the VMCS, switched by entries and exits.
/// - STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE, TSC_AUX: on the CPU, switched when the vCPU is loaded and put: the
/// host
///   uses none of them (it makes no system calls, and has no user mode to swap GS for).
/// - EFER is read, with LMA as the processor has it. Writes are checked: they could turn on what CPUID hides.
/// - TSC is read, with the guest's offset. A write would move every guest's time.
inline constexpr guest_owned_msr guest_owned_msrs[] = {
    {msr::tsc, true, false},           {msr::sysenter_cs, true, true}, {msr::sysenter_esp, true, true},
    {msr::sysenter_eip, true, true},   {msr::pat, true, true},         {msr::efer, true, false},
    {msr::star, true, true},           {msr::lstar, true, true},       {msr::cstar, true, true},
    {msr::sfmask, true, true},         {msr::fs_base, true, true},     {msr::gs_base, true, true},
    {msr::kernel_gs_base, true, true}, {msr::tsc_aux, true, true},
};

/// The MSR bitmap: a set bit is an exit (Intel SDM vol. 3C, "MSR-Bitmap Address"). Reads and then writes of the MSRs
/// 0 to 1FFFH and C0000000H to C0001FFFH; all others are exits without a bit.
struct alignas(4096) vmx_msr_bitmap {
  static constexpr std::size_t size = 4096;
  std::uint8_t bits[size]{};

  /// Everything is an exit, but for `guest_owned_msrs`; TSC_AUX only where it is switched (`has_tsc_aux`).
  constexpr void deny_by_default(bool has_tsc_aux) {
    for (std::uint8_t& b : bits) b = 0xff;
    for (guest_owned_msr const& m : guest_owned_msrs) {
      if (m.number == msr::tsc_aux && !has_tsc_aux) continue;
      if (m.reads) allow(m.number, false);
      if (m.writes) allow(m.number, true);
    }
  }
  [[nodiscard]] constexpr bool exits(std::uint32_t number, bool write) const {
    std::size_t const at = place(number, write);
    return at >= size * 8 || (bits[at / 8] >> (at % 8) & 1) != 0;
  }

 private:
  static constexpr std::uint32_t ranges = 0x2000;
  static constexpr std::uint32_t high = 0xc000'0000;

  /// The number of the bit; past the end for an MSR that has none.
  [[nodiscard]] static constexpr std::size_t place(std::uint32_t number, bool write) {
    std::size_t const half = write ? size * 4 : 0;
    if (number < ranges) return half + number;
    if (number >= high && number - high < ranges) return half + ranges + (number - high);
    return size * 8;
  }
  constexpr void allow(std::uint32_t number, bool write) {
    std::size_t const at = place(number, write);
    if (at >= size * 8) return;
    bits[at / 8] = static_cast<std::uint8_t>(bits[at / 8] & ~(1U << (at % 8)));
  }
};
static_assert(sizeof(vmx_msr_bitmap) == vmx_msr_bitmap::size);

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::x86_64 {
namespace detail {

/// `word` with `f` as `on` says.
[[nodiscard, gnu::always_inline]] constexpr std::uint32_t with_feature(std::uint32_t word, cpu_feature f, bool on) {
  return (word & ~f.mask()) | (on ? f.mask() : 0);
}

/// The bytes of an XSAVE area with the states of `enabled`, each of them at the offset that CPUID tells, or one after
/// the other (Intel SDM vol. 1, "XSAVE Area", "Standard Format", "Compacted Format"). `cpuid` is the guest's.
template <typename F>
[[nodiscard]] constexpr std::uint32_t xsave_bytes(F const& cpuid, std::uint64_t enabled, bool compacted) {
  constexpr std::uint32_t legacy_and_header = 576;
  constexpr std::uint32_t aligned = 2;  // in ECX of a state's subleaf
  std::uint32_t end = legacy_and_header;
  for (std::uint32_t n = 2; n < 63; ++n) {
    if ((enabled >> n & 1) == 0) continue;
    cpuid_result const state = cpuid(0xd, n);
    if (state.eax == 0) continue;
    std::uint32_t start = state.ebx;
    if (compacted) start = (state.ecx & aligned) != 0 ? (end + 63) & ~std::uint32_t{63} : end;
    if (start + state.eax > end) end = start + state.eax;
  }
  return end;
}

/// The size in EBX of leaf 0DH, subleaf 0 or 1, whose answer is `r` otherwise. Out of line: nobody asks often.
template <typename I, typename H>
[[nodiscard, gnu::noinline]] constexpr std::uint32_t xsave_area_now(H& handler, bool compacted, cpuid_result r) {
  auto const cpuid = [&](std::uint32_t l, std::uint32_t s) { return handler_of(handler).cpuid(l, s); };
  // Without XSAVE the leaf is empty, and there is no register to read.
  if (cpuid(0xd, 0).eax == 0) return r.ebx;
  if (compacted && (r.eax & (feature::xsavec.mask() | feature::xsaves.mask())) == 0) return r.ebx;
  return xsave_bytes(cpuid, I::xgetbv(0), compacted);
}

/// What the guest's own registers say in CPUID.
template <typename I, StoppedGuest C, typename H>
[[gnu::always_inline]] constexpr void patch_cpuid(C const& c, H& handler, std::uint32_t leaf, std::uint32_t subleaf,
                                                  cpuid_result& r) {
  if (leaf == 1) {
    r.ecx = with_feature(r.ecx, feature::osxsave, cr4::f_osxsave::get(c.cr4()));
  } else if (leaf == 7 && subleaf == 0) {
    r.ecx = with_feature(r.ecx, feature::ospke, cr4::f_pke::get(c.cr4()));
  } else if (leaf == 0xd && subleaf <= 1) {
    r.ebx = xsave_area_now<I>(handler, subleaf == 1, r);
  }
}

}  // namespace detail

/// CPUID: what the handler's `cpuid(leaf, subleaf)` says, with what depends on the guest's own CR4 and XCR0 filled in:
/// OSXSAVE, OSPKE, and the sizes of the XSAVE area. XCR0 is the guest's while it is loaded.
template <typename I, StoppedGuest C, typename H>
[[gnu::always_inline]] constexpr resume answer_cpuid(C& c, H& handler, unsigned length) {
  auto const leaf = static_cast<std::uint32_t>(c.gpr(0) & 0xffff'ffff);
  auto const subleaf = static_cast<std::uint32_t>(c.gpr(1) & 0xffff'ffff);
  cpuid_result r = handler_of(handler).cpuid(leaf, subleaf);
  detail::patch_cpuid<I>(c, handler, leaf, subleaf, r);
  c.set_gpr(0, r.eax);
  c.set_gpr(3, r.ebx);
  c.set_gpr(1, r.ecx);
  c.set_gpr(2, r.edx);
  c.step_over(length);
  return resume::retry;
}

}  // namespace axhal::x86_64

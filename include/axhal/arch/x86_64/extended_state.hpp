// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// How a CPU keeps and gives back the registers of x87, SSE and what came after them (Intel SDM vol. 1, "Managing State
/// Using the XSAVE Feature Set"; "FXSAVE and FXRSTOR Instructions" for CPUs without it).
template <typename I>
concept ExtendedStateInstructions = requires(std::uint32_t n, std::uint64_t v, void* area, void const* kept) {
  { I::cpuid(n, n) } -> std::same_as<cpuid_result>;
  { I::read_cr4() } -> std::same_as<std::uint64_t>;
  { I::write_cr4(v) } -> std::same_as<void>;
  { I::xgetbv(n) } -> std::same_as<std::uint64_t>;
  { I::xsetbv(n, v) } -> std::same_as<void>;
  { I::fninit() } -> std::same_as<void>;
  { I::xsave(area, v) } -> std::same_as<void>;
  { I::xrstor(kept, v) } -> std::same_as<void>;
  { I::fxsave(area) } -> std::same_as<void>;
  { I::fxrstor(kept) } -> std::same_as<void>;
};

/// The registers of x87, SSE, AVX, AVX-512 and protection keys of a guest that is not on a CPU, in the standard form of
/// XSAVE. They are switched eagerly, whenever the guest changes, and not by exits: the hypervisor uses none of them.
///
/// `limit` is what guests are offered on this machine (`enable`), and 0 on a CPU without XSAVE. All of it is switched
/// whatever the guest's XCR0 says, so that nothing of one guest is seen by the next, and a guest that takes a state
/// away and back finds it as it was.
struct alignas(64) extended_state {
  static constexpr std::uint32_t size = 4096;
  /// The states that guests may be offered. AMX's are left out: they are larger than everything else together.
  static constexpr std::uint64_t known = xcr0::f_x87::mask | xcr0::f_sse::mask | xcr0::f_avx::mask |
                                         xcr0::f_opmask::mask | xcr0::f_zmm_hi256::mask | xcr0::f_hi16_zmm::mask |
                                         xcr0::f_pkru::mask;

  std::uint8_t area[size]{};

  /// Everything as INIT leaves it after FNINIT: FCW 0x37f, MXCSR 0x1f80, all else zero.
  constexpr void reset() {
    for (std::uint8_t& byte : area) byte = 0;
    area[0] = 0x7f;
    area[1] = 0x03;
    area[24] = 0x80;
    area[25] = 0x1f;
  }

  /// The states of `known` that the CPU has and that fit into `area`; 0 without XSAVE. AVX-512's three come together or
  /// not at all, and not without AVX.
  template <ExtendedStateInstructions I>
  [[nodiscard]] static constexpr std::uint64_t offered() {
    constexpr std::uint32_t xsave = std::uint32_t{1} << 26;
    if ((I::cpuid(1, 0).ecx & xsave) == 0 || I::cpuid(0, 0).eax < 0xd) return 0;
    cpuid_result const main = I::cpuid(0xd, 0);
    std::uint64_t states = (std::uint64_t{main.edx} << 32 | main.eax) & known;
    for (std::uint32_t n = 2; n < 64; ++n) {
      if ((states >> n & 1) == 0) continue;
      cpuid_result const place = I::cpuid(0xd, n);
      if (std::uint64_t{place.ebx} + place.eax > size) states &= ~(std::uint64_t{1} << n);
    }
    constexpr std::uint64_t avx512 = xcr0::f_opmask::mask | xcr0::f_zmm_hi256::mask | xcr0::f_hi16_zmm::mask;
    if ((states & avx512) != avx512 || !xcr0::f_avx::get(states)) states &= ~avx512;
    return states;
  }

  /// Lets this CPU use the instructions that `load` and `save` need, and says what guests are offered: `limit` there.
  /// Precondition, there and here: EM and TS of the host's CR0 are clear.
  template <ExtendedStateInstructions I>
  [[nodiscard]] static constexpr std::uint64_t enable() {
    std::uint64_t const limit = offered<I>();
    std::uint64_t const wanted =
        cr4::f_osfxsr::mask | cr4::f_osxmmexcpt::mask | (limit != 0 ? cr4::f_osxsave::mask : 0);
    I::write_cr4(I::read_cr4() | wanted);
    return limit;
  }

  /// Onto the CPU, which from here on has the guest's XCR0. Precondition: `guest_xcr0` is part of `limit`.
  ///
  /// Some of AMD's processors leave the x87 pointers as they are when no exception is pending, which would be those of
  /// the guest before (AMD64 APM vol. 3, "Function 8000_0008h", RstrFpErrPtrs). FNINIT makes them zero.
  template <ExtendedStateInstructions I>
  void load(std::uint64_t limit, std::uint64_t guest_xcr0) const {
    I::fninit();
    if (limit == 0) return I::fxrstor(area);
    I::xsetbv(0, limit);
    I::xrstor(area, limit);
    if (guest_xcr0 != limit) I::xsetbv(0, guest_xcr0);
  }
  /// Off the CPU. Gives back the guest's XCR0.
  template <ExtendedStateInstructions I>
  [[nodiscard]] std::uint64_t save(std::uint64_t limit) {
    if (limit == 0) {
      I::fxsave(area);
      return xcr0::f_x87::mask;
    }
    std::uint64_t const guest_xcr0 = I::xgetbv(0);
    if (guest_xcr0 != limit) I::xsetbv(0, limit);
    I::xsave(area, limit);
    return guest_xcr0;
  }
};
static_assert(alignof(extended_state) == 64 && sizeof(extended_state) == extended_state::size);

}  // namespace axhal::x86_64

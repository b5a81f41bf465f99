// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/svm_features.hpp>
#include <axhal/arch/x86_64/vmcb.hpp>

#include <cstddef>
#include <cstdint>

/// What stops a guest.
namespace axhal::x86_64 {

/// The intercept words of a VMCB as one set: each exit code below 0xc0 is a bit.
struct intercept_set {
  std::uint32_t words[6]{};
  friend constexpr bool operator==(intercept_set const&, intercept_set const&) = default;

  template <typename... Code>
  [[nodiscard]] static constexpr intercept_set of(Code... codes) {
    intercept_set s{};
    (s.set(codes, true), ...);
    return s;
  }
  /// Precondition: `code` is below 0xc0.
  constexpr void set(svm_exit code, bool on) {
    auto const n = static_cast<std::uint32_t>(code);
    std::uint32_t const bit = 1U << n % 32;
    words[n / 32] = on ? words[n / 32] | bit : words[n / 32] & ~bit;
  }
  [[nodiscard]] constexpr bool contains(svm_exit code) const {
    auto const n = static_cast<std::uint32_t>(code);
    return n < 0xc0 && (words[n / 32] >> n % 32 & 1) != 0;
  }
};

/// What stops every guest, always.
///
/// Of the host's: INTR, NMI, INIT and #MC, or the guest would take them. SMIs go to firmware past everybody.
///
/// Of the guest's processor, because this library or a handler answers for it: CPUID, HLT, ports, MSRs, XSETBV,
/// VMMCALL; SHUTDOWN, which is the guest's triple fault.
///
/// CR0: writes that change more than TS and MP. Hardware checks what is written, but CD and NW would switch off the
/// caches of a processor that the guest does not own: they are kept beside the VMCB (`svm_context::set_cr0`). CR4: all
/// writes, because hardware checks against what the processor has, not against what the guest is offered. CR3 is the
/// guest's own, and INVLPG too: nested paging translates what comes out. CR8: the guest's local APIC is a handler's.
///
/// #DB and #AC, which the guest is given back: one that is raised by its own delivery would keep the processor busy for
/// ever, with no interrupt taken in between.
///
/// SVM's own instructions, SKINIT and INVLPGA: EFER.SVME is set while a guest runs, so they would work. MONITOR, MWAIT,
/// RDPRU, MCOMMIT and RDPMC: guests have none of these. INVD would undo writes of others; WBINVD would take everybody's
/// caches away.
///
/// Not stopped: RDTSC and RDTSCP (TSC_OFFSET), debug registers (switched), IRET (but see `svm_context::offer_nmi`),
/// INVPCID, task switches, and PAUSE where there is no filter: each would be an exit.
inline constexpr intercept_set guest_intercepts = intercept_set::of(
    svm_exit::intr, svm_exit::nmi, svm_exit::init, svm_exit::exception_mc, svm_exit::cpuid, svm_exit::hlt,
    svm_exit::ioio, svm_exit::msr, svm_exit::xsetbv, svm_exit::vmmcall, svm_exit::shutdown, svm_exit::cr0_sel_write,
    svm_exit::write_cr4, svm_exit::read_cr8, svm_exit::write_cr8, svm_exit::exception_db, svm_exit::exception_ac,
    svm_exit::vmrun, svm_exit::vmload, svm_exit::vmsave, svm_exit::stgi, svm_exit::clgi, svm_exit::skinit,
    svm_exit::invlpga, svm_exit::monitor, svm_exit::mwait, svm_exit::mwait_conditional, svm_exit::rdpru,
    svm_exit::mcommit, svm_exit::rdpmc, svm_exit::invd, svm_exit::wbinvd);

/// How many PAUSEs in a row make an exit, and how many cycles apart they may be, where there is a filter ("Pause
/// Intercept Filtering").
inline constexpr std::uint16_t pause_filter_count = 3000;
inline constexpr std::uint16_t pause_filter_threshold = 128;

/// Sets what stops the guest of `c`, for a CPU with `features`. What else its intercept words held is gone.
constexpr void set_intercepts(vmcb_control& c, svm_features const& features) {
  intercept_set wanted = guest_intercepts;
  wanted.set(svm_exit::pause, features.pause_filter());
  for (std::size_t n = 0; n < 6; ++n) c.intercepts[n] = wanted.words[n];
  c.pause_filter_count = features.pause_filter() ? pause_filter_count : std::uint16_t{0};
  c.pause_filter_threshold = features.pause_filter_threshold() ? pause_filter_threshold : std::uint16_t{0};
  c.clean = 0;
}

/// Sets or clears one intercept of a VMCB.
constexpr void set_intercept(vmcb_control& c, svm_exit code, bool on) {
  auto const n = static_cast<std::uint32_t>(code);
  std::uint32_t const bit = 1U << n % 32;
  c.intercepts[n / 32 % 6] = on ? c.intercepts[n / 32 % 6] | bit : c.intercepts[n / 32 % 6] & ~bit;
  c.clean &= ~vmcb_clean::intercepts;
}

/// The I/O permission map: a bit for each port, set where an access stops the guest, and three more for accesses that
/// begin at the last port ("I/O Permissions Map"). All of them stop.
struct alignas(4096) io_permission_map {
  std::uint8_t bits[0x3000]{};

  constexpr void deny_all() {
    for (std::uint8_t& byte : bits) byte = 0xff;
  }
  [[nodiscard]] constexpr bool stops(std::uint16_t port) const { return (bits[port / 8] >> port % 8 & 1) != 0; }
};
static_assert(sizeof(io_permission_map) == 3 * 4096);

/// The MSR permission map: two bits for each register of three ranges, the lower for reads, set where an access stops
/// the guest ("MSR Intercepts"). Numbers outside of the ranges always stop.
struct alignas(4096) msr_permission_map {
  std::uint8_t bits[0x2000]{};

  constexpr void deny_all() {
    for (std::uint8_t& byte : bits) byte = 0xff;
  }
  /// From here on the guest's reads, or writes, of `number` go to the processor. Numbers outside of the ranges keep
  /// stopping.
  constexpr void let_read(std::uint32_t number) { allow(number, 1); }
  constexpr void let_write(std::uint32_t number) { allow(number, 2); }
  [[nodiscard]] constexpr bool stops_read(std::uint32_t number) const { return stops(number, 1); }
  [[nodiscard]] constexpr bool stops_write(std::uint32_t number) const { return stops(number, 2); }

 private:
  static constexpr std::uint32_t nowhere = 0x2000 * 4;
  /// Which pair of bits belongs to `number`.
  [[nodiscard]] static constexpr std::uint32_t pair_of(std::uint32_t number) {
    constexpr std::uint32_t range = 0x2000;
    if (number < range) return number;
    if (number >= 0xc000'0000 && number < 0xc000'0000 + range) return range + (number - 0xc000'0000);
    if (number >= 0xc001'0000 && number < 0xc001'0000 + range) return 2 * range + (number - 0xc001'0000);
    return nowhere;
  }
  constexpr void allow(std::uint32_t number, unsigned which) {
    std::uint32_t const pair = pair_of(number);
    if (pair == nowhere) return;
    bits[pair / 4] = static_cast<std::uint8_t>(bits[pair / 4] & ~(which << pair % 4 * 2));
  }
  [[nodiscard]] constexpr bool stops(std::uint32_t number, unsigned which) const {
    std::uint32_t const pair = pair_of(number);
    return pair == nowhere || (bits[pair / 4] & which << pair % 4 * 2) != 0;
  }
};
static_assert(sizeof(msr_permission_map) == 2 * 4096);

/// MSRs that guests own: they are switched with the guest (VMLOAD and VMSAVE have them all), and hold nothing that is
/// not its own.
inline constexpr std::uint32_t guest_msrs[] = {
    msr::star,    msr::lstar,          msr::cstar,       msr::sfmask,       msr::fs_base,
    msr::gs_base, msr::kernel_gs_base, msr::sysenter_cs, msr::sysenter_esp, msr::sysenter_eip,
};

/// Everything stops but `guest_msrs`, reads of the TSC, which has the guest's offset, and TSC_AUX on a CPU that has it
/// (`vcpu_state::tsc_aux`).
constexpr void permit_guest_msrs(msr_permission_map& map, svm_features const& features) {
  map.deny_all();
  for (std::uint32_t const number : guest_msrs) {
    map.let_read(number);
    map.let_write(number);
  }
  map.let_read(msr::tsc);
  if (features.has_rdtscp) {
    map.let_read(msr::tsc_aux);
    map.let_write(msr::tsc_aux);
  }
}

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/extended_state.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/switched_registers.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// What one virtual CPU owns, whichever extension runs it. The frame comes first: it is where the world switches find
/// it. The extension has the rest in its VMCB or VMCS.
struct vcpu_state : guest_frame {
  extended_state fp{};
  std::uint64_t xcr0{xcr0::f_x87::mask};  ///< while the vCPU is off the CPU; on it, XCR0 is the guest's own
  std::uint64_t tsc_aux{};                ///< IA32_TSC_AUX, likewise; 0 on a CPU without RDTSCP
  breakpoint_addresses breakpoints{};     ///< likewise
  ticks time_offset{};                    ///< what is taken off the TSC for the guest (`guest_time::offset`)

  /// The part of `start` that every extension has here, and the reset values of what it does not name. Time goes on.
  constexpr void start_here(guest_entry const& start) {
    for (unsigned n = 0; n < 16; ++n) gpr[n] = start.gpr[n];
    fp.reset();
    xcr0 = xcr0::f_x87::mask;
    tsc_aux = 0;
    breakpoints = {};
  }
};

}  // namespace axhal::x86_64

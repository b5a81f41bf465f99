// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "host_cpu.hpp"

#include <axhal/arch/x86_64/guest_mtrrs.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace example {

/// The MSRs that a guest has beside those of its CPU's own state and its local APIC's: what kernels read to learn about
/// their machine. Whatever is not here is refused, and the guest takes a #GP.
class guest_registers {
  using msr_refused = axhal::x86_64::msr_refused;

 public:
  explicit guest_registers(guest_cpu const& cpu)
      : mtrrs_{cpu.physical_bits(), 0xc000'0000}, intel_{cpu.vendor() == axhal::x86_64::cpu_vendor::intel} {}

  /// `now` is the guest's time.
  [[nodiscard]] axhal::result<std::uint64_t, msr_refused> read(std::uint32_t id, axhal::ticks now) const {
    namespace msr = axhal::x86_64::msr;
    switch (id) {
      case msr::tsc: return now.value;
      // No error is ever recorded: there are no banks.
      case msr::mcg_cap:
      case msr::mcg_status:
      // No microcode was loaded.
      case msr::bios_sign_id: return std::uint64_t{0};
      case msr::misc_enable:
        if (intel_) return misc_enable;
        break;
      default: return mtrrs_.read(id);
    }
    return axhal::failure{msr_refused{}};
  }
  axhal::result<void, msr_refused> write(std::uint32_t id, std::uint64_t value) {
    namespace msr = axhal::x86_64::msr;
    switch (id) {
      // Kernels clear it before they ask for the microcode's number.
      case msr::bios_sign_id:
      case msr::mcg_status:
        if (value == 0) return {};
        break;
      case msr::misc_enable:
        // What it says cannot be changed; what it says already is taken.
        if (intel_ && value == misc_enable) return {};
        break;
      default: return mtrrs_.write(id, value);
    }
    return axhal::failure{msr_refused{}};
  }

 private:
  /// IA32_MISC_ENABLE: fast string operations; neither branch trace storage nor precise event sampling.
  static constexpr std::uint64_t misc_enable = 1U | 1U << 11 | 1U << 12;

  axhal::x86_64::guest_mtrrs mtrrs_;
  bool intel_;
};

}  // namespace example

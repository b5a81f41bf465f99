// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/core/address.hpp>
#include <axhal/policy/firmware.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Firmware that speaks SBI, as the hypervisor's own: starts and stops harts by HSM, ends the machine by SRST
/// (SBI Specification 2.0, "Hart State Management Extension" and "System Reset Extension").
///
/// Hardware ids are hart ids. A started hart finds its id in a0 and `argument` in a1, with satp 0 and interrupts
/// masked. Firmware without an extension is `unsupported`; only `power_off` has an older call to fall back on.
template <SbiCall S>
class sbi_firmware {
  using client = sbi_client<S>;

 public:
  result<void, firmware_error> start_cpu(std::uint64_t hardware_id, host_phys entry, std::uint64_t argument) {
    auto const done = client::hart_start(hardware_id, entry, argument);
    if (done) return {};
    if (done.error() == sbi_error::invalid_param) {
      // Firmware may say so of a hart that is between two states, too: then it is there, and on its way.
      auto const state = client::hart_get_status(hardware_id);
      if (state && *state != hart_state::stopped) return failure{firmware_error::already_on};
    }
    return failure{error_of(done.error())};
  }

  /// A hart that waits in a suspended state is `on`: it goes on by itself.
  [[nodiscard]] result<cpu_power, firmware_error> cpu_state(std::uint64_t hardware_id) {
    auto const state = client::hart_get_status(hardware_id);
    if (!state) return failure{error_of(state.error())};
    switch (*state) {
      case hart_state::stopped: return cpu_power::off;
      case hart_state::start_pending: return cpu_power::starting;
      case hart_state::started:
      case hart_state::stop_pending:
      case hart_state::suspended:
      case hart_state::suspend_pending:
      case hart_state::resume_pending: return cpu_power::on;
    }
    return failure{firmware_error::failed};
  }

  /// Returns only when firmware refused. Interrupts are masked when it is called.
  firmware_error stop_this_cpu() { return error_of(client::hart_stop()); }
  /// Returns only when firmware refused.
  firmware_error power_off() {
    sbi_error const e = client::system_reset(system_reset_type::shutdown);
    return error_of(e == sbi_error::not_supported ? client::legacy_shutdown() : e);
  }
  /// Returns only when firmware refused.
  firmware_error reset() { return error_of(client::system_reset(system_reset_type::cold_reboot)); }

 private:
  [[nodiscard]] static firmware_error error_of(sbi_error e) {
    switch (e) {
      case sbi_error::not_supported: return firmware_error::unsupported;
      case sbi_error::invalid_param: return firmware_error::bad_cpu;
      case sbi_error::already_available:
      case sbi_error::already_started: return firmware_error::already_on;
      case sbi_error::invalid_address: return firmware_error::bad_address;
      case sbi_error::denied: return firmware_error::denied;
      case sbi_error::failed:
      case sbi_error::already_stopped:
      case sbi_error::no_shmem:
      case sbi_error::success: return firmware_error::failed;
    }
    return firmware_error::failed;
  }
};

}  // namespace axhal::riscv64

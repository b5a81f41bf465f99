// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/firmware.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::host {

/// What a started CPU finds.
struct cpu_start {
  host_phys entry{};
  std::uint64_t argument{};
  friend constexpr bool operator==(cpu_start const&, cpu_start const&) = default;
};

/// Firmware of a simulated machine: hardware ids are 0 .. `MaxCpus` - 1, CPU 0 is on. What it was asked is kept for the
/// test to look at; `stop_this_cpu`, `power_off` and `reset` return, which tells the caller that they failed.
template <std::size_t MaxCpus = 4>
class firmware {
  static_assert(MaxCpus > 0, "host::firmware: a machine has one CPU at least");

 public:
  enum class event : std::uint8_t { none, stop, power_off, reset };

  /// Entry addresses below `memory_end` can be executed.
  constexpr explicit firmware(host_phys memory_end = {~std::uint64_t{0}}) : memory_end_{memory_end} {
    cpus_[0].power = cpu_power::on;
  }

  // --- FirmwarePolicy ---

  constexpr result<void, firmware_error> start_cpu(std::uint64_t hardware_id, host_phys entry, std::uint64_t argument) {
    if (hardware_id >= MaxCpus) return failure{firmware_error::bad_cpu};
    if (cpus_[hardware_id].power != cpu_power::off) return failure{firmware_error::already_on};
    if (entry >= memory_end_) return failure{firmware_error::bad_address};
    cpus_[hardware_id] = {cpu_power::starting, {entry, argument}};
    return {};
  }
  [[nodiscard]] constexpr result<cpu_power, firmware_error> cpu_state(std::uint64_t hardware_id) const {
    if (hardware_id >= MaxCpus) return failure{firmware_error::bad_cpu};
    return cpus_[hardware_id].power;
  }
  constexpr firmware_error stop_this_cpu() { return note(event::stop); }
  constexpr firmware_error power_off() { return note(event::power_off); }
  constexpr firmware_error reset() { return note(event::reset); }

  // --- the machine's side ---

  /// The CPU has begun to run.
  constexpr void arrived(std::uint64_t hardware_id) {
    if (hardware_id < MaxCpus) cpus_[hardware_id].power = cpu_power::on;
  }
  /// What a started CPU finds; `bad_cpu` when it was never started.
  [[nodiscard]] constexpr result<cpu_start, firmware_error> received(std::uint64_t hardware_id) const {
    if (hardware_id >= MaxCpus || hardware_id == 0 || cpus_[hardware_id].power == cpu_power::off) {
      return failure{firmware_error::bad_cpu};
    }
    return cpus_[hardware_id].start;
  }
  [[nodiscard]] constexpr event last_event() const { return last_; }

 private:
  struct one_cpu {
    cpu_power power{cpu_power::off};
    cpu_start start{};
  };
  constexpr firmware_error note(event e) {
    last_ = e;
    return firmware_error::failed;
  }

  one_cpu cpus_[MaxCpus]{};
  host_phys memory_end_;
  event last_{event::none};
};
static_assert(FirmwarePolicy<firmware<>>);

}  // namespace axhal::host

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"
#include "multiboot_source.hpp"

#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>
#include <axhal/arch/x86_64/tsc_frequency.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

struct pm_reference {
  std::uint16_t port;
  unsigned bits;
  [[nodiscard]] std::uint64_t now() const { return axhal::x86_64::cpu::in32(port) & axhal::low_bits(bits); }
  [[nodiscard]] unsigned width() const { return bits; }
  [[nodiscard]] static axhal::tick_rate rate() { return {3'579'545, 1}; }
};

/// What firmware tells of the machine by ACPI.
class host_firmware {
  using cpu = axhal::x86_64::cpu;
  using tables_type = axhal::boot::acpi_tables<identity_memory>;

 public:
  /// Finds the root of ACPI's tables. `memory` outlives this object.
  [[nodiscard]] axhal::result<void, trouble> read(identity_memory const& memory) {
    using axhal::failure;
    memory_ = &memory;
    auto const root = axhal::boot::find_root_pointer(memory);
    if (!root) return failure{damaged(root.error())};
    auto const tables = tables_type::open(memory, *root);
    if (!tables) return failure{damaged(tables.error())};
    root_ = *root;
    return {};
  }

  /// Both 8259s are silent from here on, whatever firmware left there.
  static void mask_8259s() {
    cpu::out8(board::pic_slave + 1, 0xff);
    cpu::out8(board::pic_master + 1, 0xff);
  }

  /// How fast the TSC runs, and the local APIC's timer where deadlines need it: by CPUID's word, or measured.
  template <typename LocalApic>
  [[nodiscard]] axhal::result<axhal::x86_64::tsc_rates, trouble> measure(LocalApic& apic, bool has_deadline) const {
    using axhal::failure;
    auto const known = axhal::x86_64::find_frequencies<cpu>();
    axhal::x86_64::tsc_rates rates{known.tsc, known.apic_timer};
    bool const measured = known.tsc_from == axhal::x86_64::frequency_source::none ||
                          known.tsc_from == axhal::x86_64::frequency_source::nominal;
    if (!measured && (has_deadline || rates.apic_timer.value != 0)) return rates;
    auto const table = fadt();
    if (!table) return failure{table.error()};
    pm_reference reference{static_cast<std::uint16_t>(table->pm_timer().address), table->pm_timer_bits()};
    if (measured) {
      auto const tsc = axhal::x86_64::measure_tsc<cpu>(reference);
      if (!tsc) return failure{trouble{"the time-stamp counter cannot be measured"}};
      rates.tsc = *tsc;
    }
    if (!has_deadline && rates.apic_timer.value == 0) {
      auto const timer = axhal::x86_64::measure_apic_timer(apic, reference);
      if (!timer) return failure{trouble{"the local APIC's timer cannot be measured"}};
      rates.apic_timer = *timer;
    }
    return rates;
  }

  /// Switches the machine off by ACPI's S5. Returns when that does not work.
  void power_off() const {
    auto const table = fadt();
    if (!table) return;
    auto const type = axhal::boot::find_sleep_type(tables(), table->dsdt(), 5);
    auto const control = table->pm1a_control();
    if (!type || control.space != axhal::boot::acpi_space::system_io || !control.is_present()) return;
    auto const port = static_cast<std::uint16_t>(control.address);
    cpu::out16(port, axhal::boot::acpi_sleep_type::enter(cpu::in16(port), type->a));
  }

  [[nodiscard]] axhal::result<axhal::boot::acpi_madt, trouble> madt() const { return open<axhal::boot::acpi_madt>(); }
  [[nodiscard]] axhal::result<axhal::boot::acpi_fadt, trouble> fadt() const { return open<axhal::boot::acpi_fadt>(); }

 private:
  [[nodiscard]] tables_type tables() const { return *tables_type::open(*memory_, root_); }
  template <typename Table>
  [[nodiscard]] axhal::result<Table, trouble> open() const {
    auto const found = tables().find(Table::signature);
    if (!found) return axhal::failure{damaged(found.error())};
    auto const table = Table::open(*found);
    if (!table) return axhal::failure{damaged(table.error())};
    return *table;
  }
  [[nodiscard]] static trouble damaged(axhal::boot::acpi_error e) {
    return {axhal::boot::to_text(e.what), e.offset, 0, "ACPI"};
  }

  identity_memory const* memory_{};
  axhal::boot::acpi_root root_{};
};

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"
#include "multiboot_source.hpp"

#include <axhal/arch/x86_64/acpi_pm_timer.hpp>
#include <axhal/arch/x86_64/acpi_power.hpp>
#include <axhal/arch/x86_64/i8259_host.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/pit_reference.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

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
    constexpr std::uint8_t harmless = 0x20;
    axhal::x86_64::i8259_host<cpu>::mask_all(harmless);
  }

  /// How fast the TSC runs, and the local APIC's timer where deadlines go by it: by CPUID's word, or measured by ACPI's
  /// timer, or by the 8254 where there is none.
  template <typename LocalApic>
  [[nodiscard]] axhal::result<axhal::x86_64::tsc_rates, trouble> measure(LocalApic& apic, bool has_deadline) const {
    auto const table = fadt();
    if (!table) return axhal::failure{table.error()};
    if (auto pm = axhal::x86_64::acpi_pm_timer<cpu>::of(*table)) return measure_by(*pm, apic, has_deadline);
    axhal::x86_64::pit_reference<cpu> pit;
    pit.start();
    auto const found = measure_by(pit, apic, has_deadline);
    pit.stop();
    return found;
  }

  /// Switches the machine off. Returns when that does not work.
  void power_off() const {
    static_cast<void>(axhal::x86_64::acpi_power<cpu>{axhal::x86_64::pc_power::find(tables())}.power_off());
  }

  [[nodiscard]] axhal::result<axhal::boot::acpi_madt, trouble> madt() const { return open<axhal::boot::acpi_madt>(); }
  [[nodiscard]] axhal::result<axhal::boot::acpi_fadt, trouble> fadt() const { return open<axhal::boot::acpi_fadt>(); }

 private:
  template <typename Reference, typename LocalApic>
  [[nodiscard]] static axhal::result<axhal::x86_64::tsc_rates, trouble> measure_by(Reference& reference,
                                                                                   LocalApic& apic, bool has_deadline) {
    auto const rates = axhal::x86_64::find_tsc_rates<cpu>(apic, !has_deadline, reference);
    if (!rates) return axhal::failure{trouble{"the time-stamp counter or the APIC's timer cannot be measured"}};
    return *rates;
  }
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

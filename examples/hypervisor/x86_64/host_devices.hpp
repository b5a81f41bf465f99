// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"
#include "host_cpu.hpp"
#include "host_firmware.hpp"
#include "multiboot_source.hpp"

#include <axhal/arch/x86_64/apic_irq.hpp>
#include <axhal/arch/x86_64/apic_mode.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>
#include <axhal/arch/x86_64/tsc_frequency.hpp>
#include <axhal/board/pc_platform.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace example {

/// The machine's own devices.
class host_devices {
 public:
  /// What does not depend on the extension is the same in both compositions.
  using platform = axhal::board::pc_platform<axhal::board::pc_svm>;
  using cpu = platform::cpu;
  using console_type = platform::console;
  using interrupts = platform::irq_controller;
  using clock = platform::clock;

  host_devices() = default;
  host_devices(host_devices const&) = delete;
  host_devices& operator=(host_devices const&) = delete;

  console_type console{{}};

 private:
  using apic_page = axhal::board::pc_apic_page;
  using apic_access = axhal::board::pc_apic_access;
  using local_apic = axhal::x86_64::local_apic<apic_access>;

  local_apic apic_{apic_access{false, apic_page{{}}}};
  axhal::board::pc_io_apics io_{};

 public:
  interrupts irqs{apic_, io_};
  clock timer{apic_, {}, false};

  /// The number of the UART's interrupt: its line of the ISA bus may be wired elsewhere.
  [[nodiscard]] axhal::irq_number uart_irq() const { return uart_irq_; }
  /// The CPU that guests see.
  [[nodiscard]] guest_cpu const& guest_processor() const { return guest_cpu_; }
  /// What a guest's clock is to show when its time begins.
  [[nodiscard]] axhal::nanoseconds wall_clock() const { return {read_cmos_time() * 1'000'000'000}; }
  [[nodiscard]] axhal::text controller_name() {
    return apic_.is_x2apic() ? axhal::text{"x2APIC"} : axhal::text{"xAPIC"};
  }
  [[nodiscard]] axhal::text timer_name() const {
    return timer.uses_tsc_deadline() ? axhal::text{"TSC deadline"} : axhal::text{"APIC timer"};
  }

  /// ACPI tells where the I/O APICs are, the CPU has what this image wants of it.
  [[nodiscard]] axhal::result<void, trouble> detect(multiboot_source const& source, boot_facts const&) {
    using axhal::failure;
    auto const host = axhal::x86_64::host_features::read<cpu>();
    harden_cpu(host);
    if (auto const r = firmware_.read(source.memory()); !r) return r;
    firmware_.mask_8259s();
    auto const mode = axhal::x86_64::enter_apic_mode<cpu>(true);
    if (!mode) return failure{trouble{"this CPU has no local APIC"}};
    if (!mode->x2apic && mode->page != board::local_apic.start)
      return failure{
          trouble{"the local APIC is not where this image has it", mode->page.value, board::local_apic.start.value}};
    apic_ = local_apic{apic_access{mode->x2apic, apic_page{{}}}};
    return {};
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_interrupts() {
    using axhal::failure;
    auto const madt = firmware_.madt();
    if (!madt) return failure{madt.error()};
    auto const window = [](axhal::host_phys at) { return axhal::mmio{static_cast<std::uintptr_t>(at.value)}; };
    if (!io_.add_all(*madt, window)) return failure{trouble{"an I/O APIC is not what ACPI's MADT says"}};
    if (!irqs.init_cpu({0})) return failure{trouble{"the local APIC does not answer"}};
    if (!console.init(board::uart_clock, 115200)) return failure{trouble{"the UART cannot do 115200 baud"}};
    uart_irq_ = axhal::x86_64::apic_irq::gsi(madt->route(board::com1_irq).gsi);
    for (auto const irq : {axhal::x86_64::apic_irq::timer, uart_irq_}) {
      if (!irqs.enable(irq)) return failure{trouble{"there is no interrupt", irq.value, irqs.line_count()}};
    }
    console.enable_receive_interrupt();
    return {};
  }
  void tear_down_interrupts() {
    console.set_interrupts(0);
    irqs.disable_cpu();
  }

  [[nodiscard]] axhal::result<void, trouble> set_up_timer() {
    using axhal::failure;
    auto const features = axhal::x86_64::find_time_features<cpu>();
    if (!features.tsc) return failure{trouble{"this CPU has no time-stamp counter"}};
    auto const rates = firmware_.measure(apic_, features.tsc_deadline);
    if (!rates) return failure{rates.error()};
    timer = clock{apic_, *rates, features.tsc_deadline};
    timer.init_cpu();
    guest_cpu_.set_up(timer.frequency());
    return {};
  }
  void tear_down_timer() { timer.cancel(); }

 private:
  host_firmware firmware_{};
  guest_cpu guest_cpu_{};
  axhal::irq_number uart_irq_{};
};

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#include "boot_tables.hpp"
#include "target.hpp"

#include "../log.hpp"
#include "../machine.hpp"

#include <axhal/arch/aarch64/hypervisor_controls.hpp>
#include <axhal/arch/aarch64/insn.hpp>
#include <axhal/arch/aarch64/mmu.hpp>
#include <axhal/arch/aarch64/psci_client.hpp>

#include <cstdint>

extern "C" char __image_start[];
extern "C" char __image_end[];

namespace example {
namespace {

using axhal::aarch64::cpu;
using axhal::aarch64::el2_mode;
using axhal::aarch64::sysreg;

template <el2_mode Mode>
constexpr auto tables_for =
    axhal::paging::make_boot_tables<typename boot_translation<Mode>::format, boot_translation<Mode>::map,
                                    boot_translation<Mode>::base>();
[[gnu::section(".boot_tables.nvhe"), gnu::aligned(0x1'0000), gnu::used]] constinit auto const nvhe_tables =
    tables_for<el2_mode::nvhe>;
[[gnu::section(".boot_tables.vhe"), gnu::aligned(0x1'0000), gnu::used]] constinit auto const vhe_tables =
    tables_for<el2_mode::vhe>;

/// The console before anything is known of the machine; it needs no state.
[[nodiscard]] auto early_console() { return host_devices::console_type{{}}; }

template <typename Firmware>
[[noreturn]] void power_off(Firmware firmware) {
  static_cast<void>(firmware.power_off());
  for (;;) cpu::wait_for_interrupt();
}

/// Puts EL2 into one of its two uses and turns its MMU on.
template <el2_mode Mode>
void enter_translation() {
  using controls = axhal::aarch64::hypervisor_controls<Mode>;
  using translation = boot_translation<Mode>;
  cpu::write<sysreg::hcr_el2>(controls::hcr_host);
  cpu::isb();
  cpu::write<sysreg::cptr_el2>(controls::cptr_fp_trapped);
  axhal::aarch64::enable_mmu<typename translation::format, cpu, cpu>(translation::base,
                                                                     axhal::aarch64::physical_address_bits<cpu>());
}

/// True when the tables lie where they were computed for.
[[nodiscard]] bool tables_are_in_place() {
  auto const at = [](auto const& tables) { return reinterpret_cast<std::uint64_t>(&tables); };
  return at(nvhe_tables) == boot_translation<el2_mode::nvhe>::base.value &&
         at(vhe_tables) == boot_translation<el2_mode::vhe>::base.value;
}

}  // namespace

void on_host_fault(std::uint64_t which) {
  auto console = early_console();
  logger<decltype(console)> log{console};
  log("error: the hypervisor took an exception, vector ", which, ", syndrome ", hex{cpu::read<sysreg::esr_el2>()},
      ", at ", hex{cpu::read<sysreg::elr_el2>()}, ", address ", hex{cpu::read<sysreg::far_el2>()});
  power_off(axhal::aarch64::psci_client<cpu::smc>{});
}

}  // namespace example

/// Called by start.S: `tree` is what the loader passed, `where` the address that the image was loaded at.
extern "C" [[gnu::cold, gnu::externally_visible]] void hypervisor_main(std::uint64_t tree, std::uint64_t where) {
  using namespace example;
  auto console = early_console();
  logger<decltype(console)> log{console};
  if (((cpu::read<sysreg::currentel>() >> 2) & 3) != 2) {
    log("error: this image needs EL2, and was started below it (QEMU: -M virt,virtualization=on)");
    power_off(axhal::aarch64::psci_client<cpu::hvc>{});
  }
  if (where != board::image::text.value || !tables_are_in_place()) {
    log("error: the image was loaded at ", hex{where}, " and is linked for ", hex{board::image::text.value});
    power_off(axhal::aarch64::psci_client<cpu::smc>{});
  }
  machine<target>::vm_type::virt_ext::set_vectors();
  auto const start = reinterpret_cast<std::uint64_t>(__image_start);
  boot_facts const facts{{{start}, reinterpret_cast<std::uint64_t>(__image_end) - start}, {tree}, 0};
  if (((cpu::read<sysreg::id_aa64mmfr1_el1>() >> 8) & 15) != 0) {
    enter_translation<el2_mode::vhe>();
  } else {
    enter_translation<el2_mode::nvhe>();
  }
  run<target>(facts);
  power_off(axhal::aarch64::psci_client<cpu::smc>{});
}

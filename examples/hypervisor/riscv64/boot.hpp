// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "boot_tables.hpp"
#include "target.hpp"

#include "../log.hpp"
#include "../machine.hpp"

#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/mmu.hpp>
#include <axhal/arch/riscv64/sbi_firmware.hpp>

#include <cstdint>

extern "C" char __image_start[];
extern "C" char __image_end[];

namespace example {
namespace {

using axhal::riscv64::cpu;
using axhal::riscv64::csr;
using console_type = host_devices::console_type;

[[gnu::section(".boot_tables.sv39"), gnu::used]] constinit auto const tables =
    axhal::paging::make_boot_tables<boot_translation::format, boot_translation::map, boot_translation::base>();

/// The console before anything is known of the machine; it needs no state.
[[nodiscard]] auto early_console() { return console_type{{}}; }

[[noreturn]] void power_off() {
  static_cast<void>(axhal::riscv64::sbi_firmware<cpu>{}.power_off());
  for (;;) cpu::wait_for_interrupt();
}

}  // namespace

void on_host_fault() {
  auto console = early_console();
  logger<console_type> log{console};
  log("error: the hypervisor took a trap, cause ", hex{cpu::read<csr::scause>()}, ", at ", hex{cpu::read<csr::sepc>()},
      ", address ", hex{cpu::read<csr::stval>()});
  power_off();
}

/// What the first instructions call comes here: `hartid` and `tree` are what firmware passed, `where` the address that
/// the image was loaded at. Does not return.
template <typename Target>
[[noreturn, gnu::cold]] void boot(std::uint64_t hartid, std::uint64_t tree, std::uint64_t where) {
  axhal::riscv64::hart_local here{hartid, nullptr};
  cpu::set_hart(&here);
  auto console = early_console();
  logger<console_type> log{console};
  if (where != board::image::text.value || reinterpret_cast<std::uint64_t>(&tables) != boot_translation::base.value) {
    log("error: the image was loaded at ", hex{where}, " and is linked for ", hex{board::image::text.value});
    power_off();
  }
  machine<Target>::vm_type::virt_ext::set_vectors();
  if (!axhal::riscv64::enable_mmu<boot_translation::format, cpu>(boot_translation::base)) {
    log("error: this CPU does not have Sv39");
    power_off();
  }
  auto const start = reinterpret_cast<std::uint64_t>(__image_start);
  boot_facts const facts{{{start}, reinterpret_cast<std::uint64_t>(__image_end) - start}, {tree}, hartid};
  run<Target>(facts);
  power_off();
}

}  // namespace example

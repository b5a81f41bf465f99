// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../log.hpp"
#include "../machine.hpp"
#include "boot_tables.hpp"
#include "target.hpp"

#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/host_tables.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/paging/boot_tables.hpp>

#include <cstdint>

extern "C" char __image_start[];
extern "C" char __image_end[];

namespace example {
namespace {

using axhal::x86_64::cpu;
using console_type = host_devices::console_type;

[[gnu::section(".boot_tables.four_levels"), gnu::used]] constinit auto const tables =
    axhal::paging::make_boot_tables<boot_translation::format, boot_translation::map, boot_translation::base>();

/// What the host's own traps end in.
struct host_tier {
  [[noreturn]] static void on_host_fault(axhal::x86_64::host_trap const& trap) { example::on_host_fault(trap); }
};

constinit axhal::x86_64::host_tables host_tables{};

/// The console before anything is known of the machine; it needs no state.
[[nodiscard]] auto early_console() { return console_type{{}}; }

[[noreturn]] void stop() {
  host_firmware firmware;
  if (firmware.read(multiboot_source::memory())) firmware.power_off();
  // An emulator without such a power management takes this as the end.
  for (char const c : axhal::text{"Shutdown"}) cpu::out8(0x8900, static_cast<std::uint8_t>(c));
  cpu::cli();
  for (;;) cpu::halt();
}

}  // namespace

void on_host_fault(axhal::x86_64::host_trap const& trap) {
  auto console = early_console();
  logger<console_type> log{console};
  log("error: the hypervisor took exception ", trap.vector, " at ", hex{trap.rip}, ", error code ",
      hex{trap.error_code}, ", CR2 ", hex{cpu::read_cr2()}, ", RSP ", hex{trap.rsp});
  stop();
}

/// From the first instructions to the end: `magic` and `information` are what the loader passed.
[[noreturn, gnu::cold]] void boot(std::uint64_t magic, std::uint64_t information) {
  host_tables.use<host_tier>();
  auto console = early_console();
  logger<console_type> log{console};
  if (reinterpret_cast<std::uint64_t>(&tables) != boot_translation::base.value) {
    log("error: the image is not where it was linked for");
    stop();
  }
  auto const start = reinterpret_cast<std::uint64_t>(__image_start);
  boot_facts const facts{{{start}, reinterpret_cast<std::uint64_t>(__image_end) - start}, {information}, magic};
  // One look at the CPU decides which of two instantiations of everything runs.
  auto const host = axhal::x86_64::host_features::read<cpu>();
  if (host.has(axhal::x86_64::feature::svm)) {
    run<target<svm_road>>(facts);
  } else if (host.has(axhal::x86_64::feature::vmx)) {
    run<target<vt_x_road>>(facts);
  } else {
    log("error: this CPU has neither VT-x nor SVM (QEMU: -cpu max,+svm,+npt)");
  }
  stop();
}

}  // namespace example

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../console.hpp"

#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

// What a program has of a PC: ports, the pages of its interrupt controllers, ACPI's tables, its end.
namespace payload {

using axhal::x86_64::cpu;

inline constexpr std::uint64_t ones = ~std::uint64_t{0};
inline constexpr std::uint64_t io_apic = 0xfec0'0000;
inline constexpr std::uint64_t local_apic = 0xfee0'0000;
inline constexpr std::uint64_t nowhere = 0xf800'0000;  ///< no device, no memory
inline constexpr std::uint16_t com1 = 0x3f8;
inline constexpr std::uint16_t no_port = 0x2a8;  ///< nobody's

inline std::uint32_t load32(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("movl (%1), %0" : "=r"(value) : "r"(at) : "memory");
  return value;
}
inline void store32(std::uint64_t at, std::uint32_t value) {
  asm volatile("movl %0, (%1)" ::"r"(value), "r"(at) : "memory");
}

/// 115200 baud, 8 bits, no interrupts; whatever firmware left there.
inline void wake_uart() {
  cpu::out8(com1 + 1, 0);
  cpu::out8(com1 + 3, 0x83);
  cpu::out8(com1, 1);
  cpu::out8(com1 + 1, 0);
  cpu::out8(com1 + 3, 0x03);
  cpu::out8(com1 + 2, 0);
  cpu::out8(com1 + 4, 0x03);
}

inline void put(std::uint8_t byte) {
  while ((cpu::in8(com1 + 5) & 0x20) == 0) cpu::relax();
  cpu::out8(com1, byte);
}

/// Reads memory where it is: all of the first 4 GiB is mapped.
struct memory_view {
  [[nodiscard]] static axhal::bytes read(axhal::host_range where) {
    constexpr std::uint64_t mapped = 0x1'0000'0000;
    if (where.start.value >= mapped || where.size > mapped - where.start.value) return {};
    auto at = where.start.value;
    asm("" : "+r"(at));  // compilers take a number for an object of no size
    return {reinterpret_cast<std::uint8_t const*>(at), static_cast<std::size_t>(where.size)};
  }
};
static_assert(axhal::boot::MemoryReader<memory_view>);
inline constexpr memory_view memory{};

/// Ports of the machine's power management, all zero where ACPI's tables are not to be found or not sound.
struct power_management {
  std::uint16_t pm1a_event, pm1a_control, pm_timer;
  std::uint8_t sleep_type;
};
inline power_management find_power_management() {
  using namespace axhal::boot;
  auto const root = find_root_pointer(memory);
  if (!root) return {};
  auto const tables = acpi_tables<memory_view>::open(memory, *root);
  if (!tables) return {};
  auto const table = tables->find(acpi_fadt::signature);
  if (!table) return {};
  auto const f = acpi_fadt::open(*table);
  if (!f) return {};
  auto const s5 = find_sleep_type(*tables, f->dsdt(), 5);
  if (!s5) return {};
  constexpr std::size_t pm1a_event_block = 56;  // PM1a_EVT_BLK, which the reader has no use for
  return {static_cast<std::uint16_t>(detail::load_le<std::uint32_t>(table->content, pm1a_event_block)),
          static_cast<std::uint16_t>(f->pm1a_control().address), static_cast<std::uint16_t>(f->pm_timer().address),
          s5->a};
}

/// Switches the machine off by ACPI's S5.
inline void power_off() {
  while ((cpu::in8(com1 + 5) & 0x40) == 0) cpu::relax();
  auto const pm = find_power_management();
  if (auto const port = pm.pm1a_control; port != 0) {
    cpu::out16(port, axhal::boot::acpi_sleep_type::enter(cpu::in16(port), pm.sleep_type));
  }
  // One that has no such power management takes this as the end.
  for (char const c : axhal::text{"Shutdown"}) cpu::out8(0x8900, static_cast<std::uint8_t>(c));
  for (;;) {
    cpu::cli();
    cpu::halt();
  }
}

}  // namespace payload

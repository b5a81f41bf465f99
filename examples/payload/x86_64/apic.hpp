// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"

#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>
#include <initializer_list>

// The interrupt controllers, as the checks use them.
namespace payload {

/// Registers of the local APIC by their offsets in its page.
namespace apic_reg {
inline constexpr std::uint32_t id = 0x20, version = 0x30, tpr = 0x80, ppr = 0xa0, eoi = 0xb0, ldr = 0xd0, dfr = 0xe0,
                               svr = 0xf0, isr = 0x100, irr = 0x200, esr = 0x280, icr = 0x300, icr_high = 0x310,
                               lvt_timer = 0x320, lvt_lint0 = 0x350, lvt_lint1 = 0x360, lvt_error = 0x370,
                               initial_count = 0x380, current_count = 0x390, divide = 0x3e0;
}  // namespace apic_reg

inline bool volatile apic_by_msr;

inline std::uint32_t apic_read(std::uint32_t at) {
  if (apic_by_msr) return static_cast<std::uint32_t>(cpu::read_msr(0x800 + at / 16));
  return load32(local_apic + at);
}
inline void apic_write(std::uint32_t at, std::uint32_t value) {
  if (apic_by_msr) return cpu::write_msr(0x800 + at / 16, value);
  store32(local_apic + at, value);
}
/// A command that goes to this processor or to nobody: its own ID is 0.
inline void apic_command(std::uint32_t low) {
  if (apic_by_msr) return cpu::write_msr(0x830, low);
  store32(local_apic + apic_reg::icr_high, 0);
  store32(local_apic + apic_reg::icr, low);
}
/// Bit `vector` of a register of 256 bits.
inline bool apic_bit(std::uint32_t at, unsigned vector) {
  return (apic_read(at + vector / 32 * 16) >> vector % 32 & 1) != 0;
}

inline constexpr std::uint8_t spurious_vector = 0xff;
inline constexpr unsigned pic_vectors = 0x30;  ///< of the master; the slave's follow

inline void end_at_apic(std::uint64_t vector) {
  if (vector != spurious_vector) apic_write(apic_reg::eoi, 0);
}
inline void end_at_pic(std::uint64_t vector) {
  if (vector >= pic_vectors + 8) cpu::out8(0xa0, 0x20);
  cpu::out8(0x20, 0x20);
}

inline constexpr std::uint32_t self = 0x4'0000, masked = 0x1'0000, periodic = 0x2'0000, by_deadline = 0x4'0000,
                               asserted = 0x4000, mode_nmi = 0x400, mode_extint = 0x700;

/// Both 8259s with vectors of their own, and silent.
inline void set_up_pics() {
  constexpr struct {
    std::uint16_t port;
    std::uint8_t value;
  } words[] = {{0x20, 0x11}, {0x21, pic_vectors}, {0x21, 4},    {0x21, 1},   {0xa0, 0x11}, {0xa1, pic_vectors + 8},
               {0xa1, 2},    {0xa1, 1},           {0x21, 0xff}, {0xa1, 0xff}};
  for (auto const& w : words) cpu::out8(w.port, w.value);
}

inline void set_up_apic() {
  apic_write(apic_reg::svr, 0x100 | spurious_vector);
  apic_write(apic_reg::tpr, 0);
  apic_write(apic_reg::lvt_timer, masked | 0x52);
  apic_write(apic_reg::lvt_lint0, masked | mode_extint);
  apic_write(apic_reg::lvt_lint1, mode_nmi);
  apic_write(apic_reg::divide, 0xb);
  end_of_interrupt = end_at_apic;
}

inline std::uint32_t io_apic_read(std::uint32_t index) {
  store32(io_apic, index);
  return load32(io_apic + 0x10);
}
inline void io_apic_write(std::uint32_t index, std::uint32_t value) {
  store32(io_apic, index);
  store32(io_apic + 0x10, value);
}

/// Counter 0 of the 8254 in mode 2 or, with `mode` 0x30, in mode 0.
inline void start_pit(std::uint16_t count, std::uint8_t mode = 0x34) {
  cpu::out8(0x43, mode);
  cpu::out8(0x40, static_cast<std::uint8_t>(count & 0xff));
  cpu::out8(0x40, static_cast<std::uint8_t>(count >> 8));
}

inline void forget_interrupts() {
  for (auto& n : taken_count) n = 0;
  interrupt_log.size = 0;
}

}  // namespace payload

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/vgic_v2_lines.hpp>

#include <bit>
#include <cstdint>

/// What a guest finds at the addresses of its distributor (ARM IHI 0048B, "Distributor register descriptions", 4.3).
///
/// It is a GICv2 without the Security Extensions, with the identity of a GIC-400 (ARM DDI 0471). SGIs are always
/// enabled and edge-triggered, PPIs are level-triggered; both cannot be changed. Words are aligned; bytes reach
/// GICD_IPRIORITYR, GICD_ITARGETSR, GICD_CPENDSGIR and GICD_SPENDSGIR. Every other width, place and direction reads
/// zero and writes nothing.
namespace axhal::aarch64::vgic_access {

inline constexpr std::uint32_t iidr = 0x0200'143b;

/// The identification registers from 0xfd0, one byte a word.
[[nodiscard]] constexpr std::uint32_t identification(std::uint32_t index) {
  constexpr std::uint8_t bytes[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1};
  return index < 12 ? bytes[index] : 0;
}

/// True for registers whose value or effect depends on what is in list registers.
[[nodiscard]] constexpr bool concerns_state(std::uint64_t offset) {
  return (offset >= gicd::ispendr && offset < gicd::ipriorityr) ||
         (offset >= gicd::cpendsgir && offset < gicd::spendsgir + 16);
}

/// True for registers that have one byte a line and take accesses of one byte.
[[nodiscard]] constexpr bool has_bytes(std::uint64_t offset) {
  return (offset >= gicd::ipriorityr && offset < gicd::icfgr) ||
         (offset >= gicd::cpendsgir && offset < gicd::spendsgir + 16);
}

/// One byte of a register for which `has_bytes`.
template <unsigned Vcpus, unsigned Spis>
[[nodiscard]] constexpr std::uint32_t read_byte(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset) {
  if (offset < gicd::itargetsr) {
    auto const irq = static_cast<std::uint32_t>(offset - gicd::ipriorityr);
    return irq < lines.lines ? lines.priority(v, irq) : 0;
  }
  if (offset < gicd::icfgr) {
    auto const irq = static_cast<std::uint32_t>(offset - gicd::itargetsr);
    if (irq >= lines.lines || lines.vcpus() == 1) return 0;
    return irq < 32 ? 1U << v : lines.targets(irq);
  }
  auto const sgi = static_cast<std::uint32_t>(offset % lines.sgis);
  std::uint32_t const shown = (lines.word(v, 0).shown_pending >> sgi & 1) << lines.shown_source(v, sgi);
  return lines.sources(v, sgi) | shown;
}

/// A register with one bit a line, or the one of GICD_ICFGR with two.
template <unsigned Vcpus, unsigned Spis>
[[nodiscard]] constexpr std::uint32_t read_bits(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset) {
  auto const w = static_cast<unsigned>(offset % 0x80 / 4);
  if (offset >= gicd::nsacr) return 0;
  if (offset >= gicd::ppisr) {
    // GIC-400: the PPI wires are 25 to 31, in bits 9 to 15.
    if (offset == gicd::ppisr) return lines.word(v, 0).level >> 16 & 0xfe00;
    return w < lines.words ? lines.word(v, w).level : 0;
  }
  if (offset >= gicd::icfgr) {
    auto const half = static_cast<unsigned>((offset - gicd::icfgr) / 4);
    if (half / 2 >= lines.words) return 0;
    std::uint32_t const edge = lines.word(v, half / 2).edge >> half % 2 * 16;
    std::uint32_t spread = 0;
    for (unsigned i = 0; i < 16; ++i) spread |= (edge >> i & 1) << (2 * i + 1);
    return spread;
  }
  if (w >= lines.words) return 0;
  vgic_word const& l = lines.word(v, w);
  switch (offset / 0x80 * 0x80) {
    case gicd::igroupr: return l.group;
    case gicd::isenabler:
    case gicd::icenabler: return l.enabled;
    case gicd::ispendr:
    case gicd::icpendr: return l.pending() | l.shown_pending;
    case gicd::isactiver:
    case gicd::icactiver: return l.active;
    default: return 0;
  }
}

/// What vCPU `v` loads with `size` bytes at `offset` of its distributor.
template <unsigned Vcpus, unsigned Spis>
[[nodiscard]] constexpr std::uint32_t read(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset,
                                           unsigned size) {
  if (size == 4 && offset % 4 == 0 && offset < gicd::size) {
    switch (offset) {
      case gicd::ctlr: return lines.control();
      case gicd::typer:
        return gicd_typer::f_it_lines_number::make(lines.words - 1) | gicd_typer::f_cpu_number::make(lines.vcpus() - 1);
      case gicd::iidr: return iidr;
      default: break;
    }
    if (has_bytes(offset)) {
      std::uint32_t word = 0;
      for (unsigned i = 0; i < 4; ++i) word |= read_byte(lines, v, offset + i) << i * 8;
      return word;
    }
    if (offset >= gicd::pidr4) return identification(static_cast<std::uint32_t>((offset - gicd::pidr4) / 4));
    return offset >= gicd::igroupr ? read_bits(lines, v, offset) : 0;
  }
  return size == 1 && has_bytes(offset) ? read_byte(lines, v, offset) : 0;
}

template <unsigned Vcpus, unsigned Spis>
std::uint32_t write_byte(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset, std::uint32_t value) {
  if (offset < gicd::itargetsr) {
    auto const irq = static_cast<std::uint32_t>(offset - gicd::ipriorityr);
    if (irq >= lines.lines) return 0;
    auto const priority = static_cast<std::uint8_t>(value & lines.priority_mask);
    if (lines.priority(v, irq) == priority) return 0;
    lines.priority(v, irq) = priority;
    // In a list register it is still the old one.
    return lines.touch(v, irq / 32, lines.word(v, irq / 32).shown & 1U << irq % 32);
  }
  if (offset < gicd::icfgr) {
    auto const irq = static_cast<std::uint32_t>(offset - gicd::itargetsr);
    if (irq < 32 || irq >= lines.lines) return 0;
    lines.set_targets(irq, value & 0xff);
    return lines.touch(v, irq / 32, 1U << irq % 32);
  }
  auto const sgi = static_cast<std::uint32_t>(offset % lines.sgis);
  if (offset >= gicd::spendsgir) return lines.add_sources(v, sgi, value & 0xff);
  lines.remove_sources(v, sgi, value & 0xff);
  vgic_word& l = lines.word(v, 0);
  if ((value >> lines.shown_source(v, sgi) & 1) != 0) l.shown_latched &= ~(1U << sgi);
  return lines.touch(v, 0, 1U << sgi);
}

template <unsigned Vcpus, unsigned Spis>
std::uint32_t write_bits(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset, std::uint32_t value) {
  if (offset >= gicd::ppisr) return 0;
  if (offset >= gicd::icfgr) {
    auto const half = static_cast<unsigned>((offset - gicd::icfgr) / 4);
    if (half < 2 || half / 2 >= lines.words) return 0;
    unsigned const shift = half % 2 * 16;
    std::uint32_t edge = 0;
    for (unsigned i = 0; i < 16; ++i) edge |= (value >> (2 * i + 1) & 1) << i;
    vgic_word& l = lines.word(v, half / 2);
    l.edge = (l.edge & ~(0xffffU << shift)) | edge << shift;
    return lines.touch(v, half / 2, 0xffffU << shift);
  }
  auto const w = static_cast<unsigned>(offset % 0x80 / 4);
  if (w >= lines.words) return 0;
  vgic_word& l = lines.word(v, w);
  std::uint32_t const not_sgi = w == 0 ? value & ~lines.sgi_mask : value;
  switch (offset / 0x80 * 0x80) {
    case gicd::igroupr: {
      std::uint32_t const changed = l.group ^ value;
      l.group = value;
      return lines.touch(v, w, changed);
    }
    case gicd::isenabler: {
      std::uint32_t const changed = value & ~l.enabled;
      l.enabled |= value;
      return lines.touch(v, w, changed);
    }
    case gicd::icenabler: {
      std::uint32_t const changed = not_sgi & l.enabled;
      l.enabled &= ~not_sgi;
      return lines.touch(v, w, changed);
    }
    case gicd::ispendr: l.latch |= not_sgi; return lines.touch(v, w, not_sgi);
    case gicd::icpendr: {
      // What a physical interrupt made pending is like a level: only its device takes it back.
      std::uint32_t const bits = not_sgi & ~l.hardware;
      l.latch &= ~bits;
      l.shown_latched &= ~bits;
      return lines.touch(v, w, bits & l.shown);
    }
    case gicd::isactiver: l.active |= value & ~l.shown; return 0;
    case gicd::icactiver:
      l.active &= ~value | l.shown;
      // Where it is shown, the list register has to be emptied first.
      l.release |= value & l.shown;
      return lines.touch(v, w, value);
    default: return 0;
  }
}

template <unsigned Vcpus, unsigned Spis>
std::uint32_t write_sgir(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint32_t value) {
  std::uint32_t const sgi = gicd_sgir::f_sgi_int_id::get(value);
  switch (gicd_sgir::f_target_list_filter::get(value)) {
    case gicd_sgir::to_list: return lines.send_sgi(v, gicd_sgir::f_cpu_target_list::get(value), sgi);
    case gicd_sgir::to_others: return lines.send_sgi(v, ~(1U << v), sgi);
    case gicd_sgir::to_self: return lines.send_sgi(v, 1U << v, sgi);
    default: return 0;
  }
}

/// Vcpu `v` stores `size` bytes at `offset` of its distributor. Returns the vCPUs, one bit each, that have something to
/// do because of it.
template <unsigned Vcpus, unsigned Spis>
std::uint32_t write(vgic_lines<Vcpus, Spis>& lines, unsigned v, std::uint64_t offset, unsigned size,
                    std::uint32_t value) {
  if (size == 4 && offset % 4 == 0 && offset < gicd::size) {
    if (offset == gicd::sgir) return write_sgir(lines, v, value);
    if (offset == gicd::ctlr) return lines.set_control(value);
    if (has_bytes(offset)) {
      std::uint32_t kick = 0;
      for (unsigned i = 0; i < 4; ++i) kick |= write_byte(lines, v, offset + i, value >> i * 8 & 0xff);
      return kick;
    }
    return offset >= gicd::igroupr ? write_bits(lines, v, offset, value) : 0;
  }
  return size == 1 && has_bytes(offset) ? write_byte(lines, v, offset, value & 0xff) : 0;
}

}  // namespace axhal::aarch64::vgic_access

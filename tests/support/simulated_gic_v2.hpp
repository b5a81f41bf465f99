// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

/// A GICv2 with the Virtualization Extensions and without the Security Extensions, written from ARM IHI 0048B for
/// tests: it shares no code with the drivers it checks. `cpu` says whose banked registers an access reaches.
///
/// `mistakes` collects what the architecture forbids software to do.
class simulated_gic_v2 {
 public:
  static constexpr unsigned max_cpus = 8;

  explicit simulated_gic_v2(unsigned cpus = 2, unsigned spi_words = 2, unsigned list_registers = 4)
      : cpus_{cpus}, lines_{32 + 32 * spi_words}, list_registers_{list_registers}, shared_(lines_) {
    for (auto& i : interfaces_) i.banked.resize(32);
  }

  unsigned cpu{};  ///< the CPU that accesses come from
  std::vector<std::string> mistakes{};
  std::uint8_t priority_bits{0xf8};  ///< what the distributor keeps of a priority
  std::uint8_t first_target{1};      ///< the target bit of CPU 0; those of others follow, and wrap
  bool has_fixed_ppis{true};
  std::uint32_t arch_rev{2};

  // --- wires ---

  void set_line(unsigned irq, bool high) {
    line& l = line_at(irq);
    if (high && !l.level && l.edge) l.latch = true;
    l.level = high;
  }
  bool is_active(unsigned irq) { return line_at(irq).active; }
  /// The IRQ output of this CPU's interface.
  bool irq_output() { return best(interfaces_[cpu]) < lines_; }
  /// The virtual IRQ output to the guest on this CPU.
  bool virtual_irq_output() { return best_virtual() < list_registers_; }
  /// The maintenance interrupt of this CPU.
  bool maintenance() { return (interfaces_[cpu].hcr & 1) != 0 && misr() != 0; }

  // --- windows ---

  std::uint32_t read_distributor(std::uint64_t offset, unsigned size);
  void write_distributor(std::uint64_t offset, unsigned size, std::uint32_t value);
  std::uint32_t read_cpu(std::uint64_t offset);
  void write_cpu(std::uint64_t offset, std::uint32_t value);
  std::uint32_t read_hypervisor(std::uint64_t offset);
  void write_hypervisor(std::uint64_t offset, std::uint32_t value);
  std::uint32_t read_guest(std::uint64_t offset);
  void write_guest(std::uint64_t offset, std::uint32_t value);

  unsigned accesses{};  ///< to the hypervisor's window; tests of cost compare it

 private:
  struct line {
    bool enabled{}, level{}, latch{}, active{}, edge{};
    bool group{};
    std::uint8_t priority{}, targets{};
    std::uint8_t sources{};  // SGIs
  };
  struct interface {
    std::vector<line> banked{};
    std::uint32_t ctlr{}, pmr{};
    std::vector<unsigned> running{};  // priorities that are active, most urgent last
    std::uint32_t hcr{}, vmcr{0x004c0000}, vapr{};
    std::uint32_t lr[64]{};
  };

  void mistake(std::string what) { mistakes.push_back(std::move(what)); }
  line& line_at(unsigned irq) { return irq < 32 ? interfaces_[cpu].banked[irq] : shared_[irq]; }
  std::uint8_t target_bit(unsigned of) const { return static_cast<std::uint8_t>(1U << (of + first_target - 1) % 8); }
  unsigned cpu_of_target(unsigned bit) const { return (bit + 8 + 1 - first_target) % 8; }

  bool is_pending(line const& l, unsigned irq) const {
    return irq < 16 ? l.sources != 0 : l.latch || (l.level && !l.edge);
  }
  unsigned best(interface& i) {
    unsigned found = 1023;
    if ((ctlr_ & 1) == 0 || (i.ctlr & 1) == 0) return found;
    for (unsigned irq = 0; irq < lines_; ++irq) {
      line& l = line_at(irq);
      bool const mine = irq < 32 || cpus_ == 1 || (l.targets & target_bit(cpu)) != 0;
      if (!l.enabled || l.active || l.group || !mine || !is_pending(l, irq)) continue;
      if (found == 1023 || l.priority < line_at(found).priority) found = irq;
    }
    if (found == 1023) return found;
    unsigned const priority = line_at(found).priority;
    if (priority >= i.pmr || (!i.running.empty() && priority >= i.running.back())) return 1023;
    return found;
  }
  void deactivate_physical(unsigned irq) {
    line& l = line_at(irq);
    if (!l.active) mistake("deactivates " + std::to_string(irq) + ", which is not active");
    l.active = false;
  }

  // List registers, by the fields of 5.3.9.
  static unsigned lr_state(std::uint32_t lr) { return lr >> 28 & 3; }
  static unsigned lr_id(std::uint32_t lr) { return lr & 0x3ff; }
  static unsigned lr_priority(std::uint32_t lr) { return (lr >> 23 & 31) << 3; }
  static bool lr_hw(std::uint32_t lr) { return lr >> 31 != 0; }
  static bool lr_eoi(std::uint32_t lr) { return !lr_hw(lr) && (lr >> 19 & 1) != 0; }

  unsigned running_virtual() const {
    std::uint32_t const apr = interfaces_[cpu].vapr;
    for (unsigned i = 0; i < 32; ++i) {
      if ((apr >> i & 1) != 0) return i << 3;
    }
    return 256;
  }
  unsigned best_virtual() {
    interface& i = interfaces_[cpu];
    unsigned found = 64;
    if ((i.hcr & 1) == 0) return found;
    for (unsigned n = 0; n < list_registers_; ++n) {
      bool const group1 = (i.lr[n] >> 30 & 1) != 0;
      if (lr_state(i.lr[n]) != 1 || (i.vmcr >> (group1 ? 1 : 0) & 1) == 0) continue;
      if (found == 64 || lr_priority(i.lr[n]) < lr_priority(i.lr[found])) found = n;
    }
    if (found == 64) return found;
    unsigned const priority = lr_priority(i.lr[found]);
    unsigned const mask = (i.vmcr >> 27) << 3;
    return priority >= mask || priority >= running_virtual() ? 64 : found;
  }
  void deactivate_virtual(unsigned irq) {
    interface& i = interfaces_[cpu];
    for (unsigned n = 0; n < list_registers_; ++n) {
      if (lr_id(i.lr[n]) != irq || (lr_state(i.lr[n]) & 2) == 0) continue;
      if (lr_hw(i.lr[n])) deactivate_physical(i.lr[n] >> 10 & 0x3ff);
      i.lr[n] &= ~(2U << 28);
      return;
    }
    i.hcr += 1U << 27;
  }
  std::uint64_t eisr() const {
    std::uint64_t found = 0;
    for (unsigned n = 0; n < list_registers_; ++n) {
      std::uint32_t const lr = interfaces_[cpu].lr[n];
      if (lr_state(lr) == 0 && lr_eoi(lr)) found |= std::uint64_t{1} << n;
    }
    return found;
  }
  std::uint64_t elrsr() const {
    std::uint64_t found = 0;
    for (unsigned n = 0; n < list_registers_; ++n) {
      std::uint32_t const lr = interfaces_[cpu].lr[n];
      if (lr_state(lr) == 0 && !lr_eoi(lr)) found |= std::uint64_t{1} << n;
    }
    return found;
  }
  std::uint32_t misr() const {
    interface const& i = interfaces_[cpu];
    unsigned valid = 0;
    bool pending = false;
    for (unsigned n = 0; n < list_registers_; ++n) {
      valid += lr_state(i.lr[n]) != 0 ? 1U : 0U;
      pending = pending || (lr_state(i.lr[n]) & 1) != 0;
    }
    std::uint32_t why = 0;
    if (eisr() != 0) why |= 1;
    if ((i.hcr & 2) != 0 && valid <= 1) why |= 2;
    if ((i.hcr & 4) != 0 && i.hcr >> 27 != 0) why |= 4;
    if ((i.hcr & 8) != 0 && !pending) why |= 8;
    return why;
  }

  unsigned cpus_;
  unsigned lines_;
  unsigned list_registers_;
  std::uint32_t ctlr_{};
  std::vector<line> shared_;
  interface interfaces_[max_cpus]{};
};

inline std::uint32_t simulated_gic_v2::read_distributor(std::uint64_t offset, unsigned size) {
  bool const bytes = (offset >= 0x400 && offset < 0xc00) || (offset >= 0xf10 && offset < 0xf30);
  if (offset % size != 0 || offset >= 0x1000 || (size == 1 && !bytes)) mistake("bad distributor read");
  if (offset == 0) return ctlr_;
  if (offset == 4) return (cpus_ - 1) << 5 | (lines_ / 32 - 1);
  if (offset == 0xfe8) return arch_rev << 4 | 0xb;
  if (bytes) {
    std::uint32_t word = 0;
    for (unsigned i = 0; i < size; ++i) {
      auto const at = static_cast<unsigned>(offset) + i;
      std::uint32_t byte = 0;
      if (at >= 0xf10) {
        byte = line_at(at % 16).sources;
      } else if (unsigned const irq = at < 0x800 ? at - 0x400 : at - 0x800; irq < lines_) {
        if (at < 0x800) {
          byte = line_at(irq).priority;
        } else if (cpus_ > 1) {
          byte = irq < 32 ? target_bit(cpu) : line_at(irq).targets;
        }
      }
      word |= byte << i * 8;
    }
    return word;
  }
  std::uint32_t word = 0;
  if (offset >= 0xc00 && offset < 0xd00) {
    for (unsigned i = 0; i < 16; ++i) {
      unsigned const irq = static_cast<unsigned>(offset - 0xc00) * 4 + i;
      if (irq < lines_ && (irq < 16 || line_at(irq).edge)) word |= 2U << i * 2;
    }
    return word;
  }
  if (offset >= 0x80 && offset < 0x400) {
    for (unsigned i = 0; i < 32; ++i) {
      unsigned const irq = static_cast<unsigned>(offset % 0x80) * 8 + i;
      if (irq >= lines_) continue;
      line const& l = line_at(irq);
      bool bit = false;
      switch (offset >> 7) {
        case 1: bit = l.group; break;
        case 2:
        case 3: bit = l.enabled; break;
        case 4:
        case 5: bit = is_pending(l, irq); break;
        default: bit = l.active; break;
      }
      word |= static_cast<std::uint32_t>(bit) << i;
    }
  }
  return word;
}

inline void simulated_gic_v2::write_distributor(std::uint64_t offset, unsigned size, std::uint32_t value) {
  bool const bytes = (offset >= 0x400 && offset < 0xc00) || (offset >= 0xf10 && offset < 0xf30);
  if (offset % size != 0 || offset >= 0x1000 || (size == 1 && !bytes)) mistake("bad distributor write");
  if (offset == 0) ctlr_ = value & 3;
  if (offset == 0xf00) {
    if (((value >> 24) & 3) != 0) mistake("SGI filter not modelled");
    for (unsigned bit = 0; bit < 8; ++bit) {
      unsigned const to = cpu_of_target(bit);
      if ((value >> (16 + bit) & 1) == 0) continue;
      if (to >= cpus_) {
        mistake("SGI to a CPU that is not there");
        continue;
      }
      interfaces_[to].banked[value & 15].sources |= static_cast<std::uint8_t>(1U << cpu);
    }
  }
  if (bytes) {
    for (unsigned i = 0; i < size; ++i) {
      auto const at = static_cast<unsigned>(offset) + i;
      auto const byte = static_cast<std::uint8_t>(value >> i * 8);
      if (at >= 0xf20) {
        line_at(at % 16).sources |= byte;
      } else if (at >= 0xf10) {
        line_at(at % 16).sources &= static_cast<std::uint8_t>(~byte);
      } else if (unsigned const irq = at < 0x800 ? at - 0x400 : at - 0x800; irq < lines_) {
        if (at < 0x800) {
          line_at(irq).priority = byte & priority_bits;
        } else if (irq >= 32 && cpus_ > 1) {
          line_at(irq).targets = byte;
        }
      }
    }
    return;
  }
  if (offset >= 0xc00 && offset < 0xd00) {
    for (unsigned i = 0; i < 16; ++i) {
      unsigned const irq = static_cast<unsigned>(offset - 0xc00) * 4 + i;
      if (irq < 16 || irq >= lines_ || (irq < 32 && has_fixed_ppis)) continue;
      bool const edge = (value >> (i * 2 + 1) & 1) != 0;
      if (edge != line_at(irq).edge && line_at(irq).enabled) mistake("changes the trigger of an enabled line");
      line_at(irq).edge = edge;
    }
  }
  if (offset >= 0x80 && offset < 0x400) {
    for (unsigned i = 0; i < 32; ++i) {
      unsigned const irq = static_cast<unsigned>(offset % 0x80) * 8 + i;
      if (irq >= lines_) continue;
      line& l = line_at(irq);
      bool const bit = (value >> i & 1) != 0;
      if (offset >> 7 == 1) l.group = bit;
      if (!bit) continue;
      switch (offset >> 7) {
        case 2: l.enabled = true; break;
        case 3: l.enabled = irq < 16 && l.enabled; break;
        case 4: l.latch = irq >= 16; break;
        case 5: l.latch = false; break;
        case 6: l.active = true; break;
        case 7: l.active = false; break;
        default: break;
      }
    }
  }
}

inline std::uint32_t simulated_gic_v2::read_cpu(std::uint64_t offset) {
  interface& i = interfaces_[cpu];
  switch (offset) {
    case 0x00: return i.ctlr;
    case 0x04: return i.pmr;
    case 0x0c: {
      unsigned const irq = best(i);
      if (irq == 1023) return irq;
      line& l = line_at(irq);
      l.active = true;
      i.running.push_back(l.priority);
      if (irq >= 16) {
        l.latch = false;
        return irq;
      }
      unsigned from = 0;
      while ((l.sources >> from & 1) == 0) ++from;
      l.sources &= static_cast<std::uint8_t>(l.sources - 1);
      return irq | from << 10;
    }
    default: return 0;
  }
}

inline void simulated_gic_v2::write_cpu(std::uint64_t offset, std::uint32_t value) {
  interface& i = interfaces_[cpu];
  switch (offset) {
    case 0x00: i.ctlr = value & 0x3ff; break;
    case 0x04: i.pmr = value & priority_bits; break;
    case 0xd0: i.running.clear(); break;
    case 0x10:
      if (i.running.empty()) {
        mistake("EOI with nothing running");
      } else {
        i.running.pop_back();
      }
      if ((i.ctlr >> 9 & 1) == 0) deactivate_physical(value & 0x3ff);
      break;
    case 0x1000:
      if ((i.ctlr >> 9 & 1) == 0) mistake("DIR without EOImode");
      deactivate_physical(value & 0x3ff);
      break;
    default: break;
  }
}

inline std::uint32_t simulated_gic_v2::read_hypervisor(std::uint64_t offset) {
  interface& i = interfaces_[cpu];
  ++accesses;
  switch (offset) {
    case 0x00: return i.hcr;
    case 0x04: return 0x9000'0000U | (list_registers_ - 1);
    case 0x08: return i.vmcr;
    case 0x10: return misr();
    case 0x20: return static_cast<std::uint32_t>(eisr());
    case 0x24: return static_cast<std::uint32_t>(eisr() >> 32);
    case 0x30: return static_cast<std::uint32_t>(elrsr());
    case 0x34: return static_cast<std::uint32_t>(elrsr() >> 32);
    case 0xf0: return i.vapr;
    default: break;
  }
  if (offset < 0x100 || offset >= 0x200) return 0;
  auto const n = static_cast<unsigned>(offset - 0x100) / 4;
  return n < list_registers_ ? i.lr[n] : 0;
}

inline void simulated_gic_v2::write_hypervisor(std::uint64_t offset, std::uint32_t value) {
  interface& i = interfaces_[cpu];
  ++accesses;
  if (offset == 0x00) i.hcr = value;
  if (offset == 0x08) i.vmcr = value;
  if (offset == 0xf0) i.vapr = value;
  if (offset < 0x100 || offset >= 0x200) return;
  auto const n = static_cast<unsigned>(offset - 0x100) / 4;
  if (n >= list_registers_) return;
  i.lr[n] = value;
  if (lr_state(value) == 0) return;
  if (lr_id(value) >= 1020) mistake("list register with a special INTID");
  if (lr_hw(value) && lr_state(value) == 3) mistake("list register pending and active with HW");
  if (lr_hw(value) && (value >> 10 & 0x3ff) < 16) mistake("list register with a physical SGI");
  for (unsigned other = 0; other < list_registers_; ++other) {
    if (other != n && lr_state(i.lr[other]) != 0 && lr_id(i.lr[other]) == lr_id(value)) {
      mistake("two list registers with INTID " + std::to_string(lr_id(value)));
    }
  }
}

inline std::uint32_t simulated_gic_v2::read_guest(std::uint64_t offset) {
  interface& i = interfaces_[cpu];
  switch (offset) {
    case 0x00: return i.vmcr & 0x21f;
    case 0x04: return i.vmcr >> 27 << 3;
    case 0x0c: {
      unsigned const n = best_virtual();
      if (n == 64) return 1023;
      i.lr[n] ^= 3U << 28;
      i.vapr |= 1U << (lr_priority(i.lr[n]) >> 3);
      return lr_id(i.lr[n]) | (lr_hw(i.lr[n]) ? 0 : i.lr[n] & 7U << 10);
    }
    default: return 0;
  }
}

inline void simulated_gic_v2::write_guest(std::uint64_t offset, std::uint32_t value) {
  interface& i = interfaces_[cpu];
  switch (offset) {
    case 0x00: i.vmcr = (i.vmcr & ~0x21fU) | (value & 0x21f); break;
    case 0x04: i.vmcr = (i.vmcr & ~(31U << 27)) | (value >> 3 & 31) << 27; break;
    case 0x10:
      i.vapr &= i.vapr - 1;
      if ((i.vmcr >> 9 & 1) == 0) deactivate_virtual(value & 0x3ff);
      break;
    case 0x1000: deactivate_virtual(value & 0x3ff); break;
    default: break;
  }
}

/// The windows that drivers see.
struct distributor_window {
  simulated_gic_v2* gic;
  std::uint8_t read8(std::uint64_t o) { return static_cast<std::uint8_t>(gic->read_distributor(o, 1)); }
  std::uint32_t read32(std::uint64_t o) { return gic->read_distributor(o, 4); }
  void write8(std::uint64_t o, std::uint8_t v) { gic->write_distributor(o, 1, v); }
  void write32(std::uint64_t o, std::uint32_t v) { gic->write_distributor(o, 4, v); }
};
struct cpu_window {
  simulated_gic_v2* gic;
  std::uint8_t read8(std::uint64_t o) { return static_cast<std::uint8_t>(gic->read_cpu(o)); }
  std::uint32_t read32(std::uint64_t o) { return gic->read_cpu(o); }
  void write8(std::uint64_t o, std::uint8_t v) { gic->write_cpu(o, v); }
  void write32(std::uint64_t o, std::uint32_t v) { gic->write_cpu(o, v); }
};
struct hypervisor_window {
  simulated_gic_v2* gic;
  std::uint8_t read8(std::uint64_t o) { return static_cast<std::uint8_t>(gic->read_hypervisor(o)); }
  std::uint32_t read32(std::uint64_t o) { return gic->read_hypervisor(o); }
  void write8(std::uint64_t o, std::uint8_t v) { gic->write_hypervisor(o, v); }
  void write32(std::uint64_t o, std::uint32_t v) { gic->write_hypervisor(o, v); }
};
static_assert(MmioWindow<distributor_window> && MmioWindow<cpu_window> && MmioWindow<hypervisor_window>);

}  // namespace axhal::test

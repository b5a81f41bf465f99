// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/host/cpu.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace axhal::test {

/// A message on the way from an I/O APIC, a device or another CPU.
struct apic_bus_message {
  std::uint32_t destination{};
  unsigned mode{};
  std::uint8_t vector{};
  bool level{};
};

/// One local APIC as Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)" describes it, for physical
/// destinations; registers are named here by number, apart from the driver's own names.
struct simulated_local_apic {
  std::uint32_t id{};
  std::uint64_t base_msr{0xfee0'0800};
  std::uint32_t svr{0xff};
  std::uint32_t tpr{};
  bool isr[256]{}, tmr[256]{}, irr[256]{};
  std::uint32_t esr{}, esr_shown{};
  std::uint32_t lvt[7]{0x1'0000, 0x1'0000, 0x1'0000, 0x1'0000, 0x1'0000, 0x1'0000, 0x1'0000};
  std::uint32_t icr_high{}, icr_low{};
  unsigned busy_reads{};  ///< so many reads see the last command still on its way
  std::uint32_t initial{}, dcr{}, last_lvt{6};
  std::uint64_t timer_start{};
  std::uint64_t deadline{};
  bool timer_running{};
  unsigned inits{}, nmis{};
  std::vector<std::uint8_t> start_ups{};

  [[nodiscard]] bool x2apic() const { return (base_msr & 0x400) != 0; }
  [[nodiscard]] unsigned highest(bool const (&bits)[256]) const {
    for (unsigned v = 256; v-- > 0;) {
      if (bits[v]) return v;
    }
    return 0;
  }
  [[nodiscard]] unsigned ppr() const {
    unsigned const serving = highest(isr);
    return serving >> 4 > tpr >> 4 ? serving & 0xf0 : tpr;
  }
  /// What the CPU would take now, or 0.
  [[nodiscard]] unsigned deliverable() const {
    unsigned const wanted = highest(irr);
    return (svr & 0x100) != 0 && wanted >> 4 > ppr() >> 4 ? wanted : 0;
  }
};

/// Up to 8 CPUs with their local APICs on one bus. The CPU that "runs" is `cpu`; its registers are what a window or an
/// MSR shows. Static, as instructions are; `Tag` keeps machines of different tests apart.
template <typename Tag>
struct simulated_apics {
  struct machine {
    std::vector<simulated_local_apic> apics{};
    unsigned cpu{};
    std::vector<std::string> mistakes{};
    std::vector<std::string> order{};  ///< fences and commands
    std::function<void(unsigned vector)> end_broadcast{};
    std::uint64_t tsc{};
    std::uint64_t bus_per_tsc_n{1}, bus_per_tsc_d{1};
    bool raised_while_open{};  ///< a command was written while interrupts were let in
  };
  static inline machine m{};

  static void reset(std::vector<std::uint32_t> const& ids) {
    m = {};
    for (std::uint32_t const id : ids) {
      m.apics.emplace_back();
      m.apics.back().id = id;
    }
  }
  static simulated_local_apic& own() { return m.apics[m.cpu]; }
  static void wrong(std::string what) { m.mistakes.push_back(std::move(what)); }

  static void deliver(apic_bus_message const& message) {
    for (auto& a : m.apics) {
      bool const everybody = message.destination == (a.x2apic() ? 0xffff'ffffU : 0xffU);
      if (message.destination == a.id || everybody) accept(a, message);
    }
  }
  static void accept(simulated_local_apic& a, apic_bus_message const& message) {
    switch (message.mode) {
      case 0:
      case 1:
        if (message.vector < 16) {
          a.esr |= 0x40;
        } else if ((a.svr & 0x100) != 0) {
          a.irr[message.vector] = true;
          a.tmr[message.vector] = message.level;
        }
        return;
      case 4: ++a.nmis; return;
      case 5: ++a.inits; return;
      case 6: a.start_ups.push_back(message.vector); return;
      default: wrong("a message of mode " + std::to_string(message.mode));
    }
  }

  // --- what a CPU does ---

  /// The CPU takes the most urgent interrupt that is let through.
  static result<std::uint8_t, irq_error> take() {
    auto& a = own();
    unsigned const vector = a.deliverable();
    if (vector == 0) return failure{irq_error::spurious};
    a.irr[vector] = false;
    a.isr[vector] = true;
    return static_cast<std::uint8_t>(vector);
  }
  static void end_of_interrupt() {
    auto& a = own();
    unsigned const vector = a.highest(a.isr);
    if (vector == 0) {
      wrong("an end of interrupt without one in service");
      return;
    }
    a.isr[vector] = false;
    if (a.tmr[vector] && (a.svr & 0x1000) == 0 && m.end_broadcast) m.end_broadcast(vector);
  }

  // --- time ---

  static unsigned divider(simulated_local_apic const& a) {
    constexpr unsigned by_code[] = {2, 4, 8, 16, 32, 64, 128, 1};
    return by_code[(a.dcr >> 1 & 4) | (a.dcr & 3)];
  }
  static std::uint64_t bus_clock() { return m.tsc * m.bus_per_tsc_n / m.bus_per_tsc_d; }
  static std::uint32_t current_count(simulated_local_apic const& a) {
    if (!a.timer_running) return 0;
    std::uint64_t const gone = (bus_clock() - a.timer_start) / divider(a);
    return gone >= a.initial ? 0 : static_cast<std::uint32_t>(a.initial - gone);
  }
  static void fire(simulated_local_apic& a) {
    if ((a.lvt[0] & 0x1'0000) == 0) accept(a, {a.id, 0, static_cast<std::uint8_t>(a.lvt[0]), false});
  }
  /// Time goes by; timers fire.
  static void pass(std::uint64_t tsc_ticks) {
    m.tsc += tsc_ticks;
    for (auto& a : m.apics) {
      unsigned const mode = a.lvt[0] >> 17 & 3;
      if (mode == 0 && a.timer_running && current_count(a) == 0) {
        a.timer_running = false;
        fire(a);
      }
      if (mode == 2 && a.deadline != 0 && m.tsc >= a.deadline) {
        a.deadline = 0;
        fire(a);
      }
    }
  }

  // --- registers ---

  static int lvt_index(std::uint32_t offset) {
    switch (offset) {
      case 0x320: return 0;
      case 0x330: return 1;
      case 0x340: return 2;
      case 0x350: return 3;
      case 0x360: return 4;
      case 0x370: return 5;
      case 0x2f0: return 6;
      default: return -1;
    }
  }
  static bool has_lvt(simulated_local_apic const& a, int index) {
    return !((index == 2 && a.last_lvt < 4) || (index == 1 && a.last_lvt < 5) || (index == 6 && a.last_lvt < 6));
  }
  static std::uint32_t bitmap(bool const (&bits)[256], std::uint32_t word) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 32; ++i) value |= bits[word * 32 + i] ? 1U << i : 0;
    return value;
  }
  static std::uint32_t read(std::uint32_t offset) {
    auto& a = own();
    if (offset >= 0x100 && offset < 0x280) {
      std::uint32_t const word = (offset & 0x7f) / 16;
      return bitmap(offset < 0x180 ? a.isr : (offset < 0x200 ? a.tmr : a.irr), word);
    }
    if (int const i = lvt_index(offset); i >= 0) {
      if (!has_lvt(a, i)) wrong("a read of an LVT entry that is not there");
      return a.lvt[i];
    }
    switch (offset) {
      case 0x020: return a.x2apic() ? a.id : a.id << 24;
      case 0x030: return 0x14 | a.last_lvt << 16 | 1U << 24;
      case 0x080: return a.tpr;
      case 0x0a0: return a.ppr();
      case 0x0f0: return a.svr;
      case 0x280: return a.esr_shown;
      case 0x300:
        if (a.busy_reads > 0) {
          --a.busy_reads;
          return a.icr_low | 0x1000;
        }
        return a.icr_low;
      case 0x310: return a.icr_high;
      case 0x380: return a.initial;
      case 0x390: return current_count(a);
      case 0x3e0: return a.dcr;
      default: wrong("a read of register " + std::to_string(offset)); return 0;
    }
  }
  static void write(std::uint32_t offset, std::uint32_t value) {
    auto& a = own();
    if (int const i = lvt_index(offset); i >= 0) {
      if (!has_lvt(a, i)) wrong("a write of an LVT entry that is not there");
      if ((value & 0xff) < 16 && (value & 0x700) == 0) a.esr |= 0x40;
      if ((a.svr & 0x100) == 0) value |= 0x1'0000;
      if (i == 0 && ((a.lvt[0] ^ value) & 0x6'0000) != 0) {
        a.timer_running = false;
        a.deadline = 0;
        m.order.push_back("mode");
      }
      a.lvt[i] = value;
      return;
    }
    switch (offset) {
      case 0x080: a.tpr = value & 0xff; return;
      case 0x0b0:
        if (value != 0) wrong("an end of interrupt that is not 0");
        end_of_interrupt();
        return;
      case 0x0f0:
        a.svr = value;
        if ((value & 0x100) == 0) {
          for (auto& entry : a.lvt) entry |= 0x1'0000;
        }
        return;
      case 0x280:
        if (value != 0) wrong("ESR written with something");
        a.esr_shown = a.esr;
        a.esr = 0;
        return;
      case 0x300:
        a.icr_low = value;
        command(value, a.icr_high >> 24);
        return;
      case 0x310: a.icr_high = value; return;
      case 0x380:
        a.initial = value;
        a.timer_start = bus_clock();
        a.timer_running = value != 0 && (a.lvt[0] & 0x4'0000) == 0;
        return;
      case 0x3e0: a.dcr = value; return;
      default: wrong("a write of register " + std::to_string(offset));
    }
  }
  static void command(std::uint32_t value, std::uint32_t destination) {
    if (!host::cpu::interrupts_masked() && !own().x2apic()) m.raised_while_open = true;
    if (own().busy_reads > 0) wrong("a command while the last one is on its way");
    m.order.push_back("command");
    if ((value & 0xfff3'3000) != 0) wrong("reserved bits of a command");
    if ((value & 0x4000) == 0) wrong("a command that is not asserted");
    apic_bus_message message{destination, value >> 8 & 7, static_cast<std::uint8_t>(value), false};
    if (message.mode == 0 && message.vector < 16) own().esr |= 0x20;
    switch (value >> 18 & 3) {
      case 0: deliver(message); return;
      case 1: accept(own(), message); return;
      default:
        for (auto& a : m.apics) {
          if (&a != &own() || (value >> 18 & 3) == 2) accept(a, message);
        }
    }
  }

  /// The xAPIC page.
  struct window {
    static std::uint32_t read32(std::uint64_t offset) {
      if (own().x2apic()) wrong("the page was read in x2APIC mode");
      return read(static_cast<std::uint32_t>(offset));
    }
    static void write32(std::uint64_t offset, std::uint32_t value) {
      if (own().x2apic()) wrong("the page was written in x2APIC mode");
      write(static_cast<std::uint32_t>(offset), value);
    }
    static std::uint8_t read8(std::uint64_t) { return wrong("a byte was read"), std::uint8_t{}; }
    static void write8(std::uint64_t, std::uint8_t) { wrong("a byte was written"); }
  };

  /// Instructions of the CPU that runs.
  struct cpu : host::cpu {
    template <barrier B>
    static void order() {
      m.order.push_back(B == barrier::device ? "device" : "other");
    }
    static std::uint64_t rdtsc() { return m.tsc; }
    static std::uint64_t read_msr(std::uint32_t number) {
      auto& a = own();
      if (number == 0x1b) return a.base_msr;
      if (number == 0x6e0) return a.deadline;
      if (number < 0x800 || number > 0x8ff || !a.x2apic()) {
        wrong("an MSR that is not there was read");
        return 0;
      }
      if (number == 0x80e || number == 0x831 || number == 0x83f || number == 0x80b) wrong("#GP: read of an MSR");
      if (number == 0x830) return std::uint64_t{a.icr_high} << 32 | a.icr_low;
      return read((number - 0x800) * 16);
    }
    static void write_msr(std::uint32_t number, std::uint64_t value) {
      auto& a = own();
      if (number == 0x1b) {
        if ((a.base_msr & 0x800) != 0 && (value & 0x800) == 0) wrong("the APIC was turned off for good");
        if ((a.base_msr & 0x400) != 0 && (value & 0x400) == 0) wrong("#GP: a way back from x2APIC mode");
        if ((value & 0xc00) == 0x400) wrong("#GP: x2APIC mode without an APIC");
        if ((a.base_msr & 0x800) == 0 && (value & 0x400) != 0) wrong("#GP: x2APIC mode at once");
        a.base_msr = value;
        return;
      }
      if (number == 0x6e0) {
        m.order.push_back("deadline");
        // Without the mode, the MSR takes no value.
        a.deadline = (a.lvt[0] >> 17 & 3) == 2 ? value : 0;
        pass(0);
        return;
      }
      if (number < 0x800 || number > 0x8ff || !a.x2apic()) {
        wrong("an MSR that is not there was written");
        return;
      }
      if (number == 0x830) {
        a.icr_high = static_cast<std::uint32_t>(value >> 32);
        a.icr_low = static_cast<std::uint32_t>(value);
        command(a.icr_low, a.icr_high);
        return;
      }
      if (value >> 32 != 0) wrong("#GP: reserved bits of an MSR");
      if (number == 0x83f) {
        accept(a, {a.id, 0, static_cast<std::uint8_t>(value), false});
        return;
      }
      if (number == 0x802 || number == 0x80d || number == 0x80e || number == 0x831) wrong("#GP: write of an MSR");
      write((number - 0x800) * 16, static_cast<std::uint32_t>(value));
    }
  };
};

}  // namespace axhal::test

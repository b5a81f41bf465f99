// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

/// An HPET as the IA-PC HPET Specification 1.0a describes it, with registers by their numbers and apart from the
/// driver's names. `pass(n)` lets the counter run; a timer fires when the counter comes to be what it compares with.
struct simulated_hpet {
  struct timer {
    std::uint64_t capabilities{0x0000'00ff'0000'8030};  ///< periodic, 64 bits, messages, inputs 0 to 7
    std::uint64_t conf{0x4e};                           // nobody has cleared it
    std::uint64_t comparator{~std::uint64_t{0}};
    std::uint64_t period{};
    std::uint64_t message{};
    unsigned fired{};
  };
  bool wide{true};
  std::uint32_t period{69'841'279};
  std::vector<timer> timers{3};
  std::uint64_t counter{0x1'0000};
  std::uint64_t gen_conf{2};
  std::uint32_t status{7};
  unsigned read_takes{1};  ///< ticks
  bool broken{};           ///< the counter stands
  bool notes_passed{};     ///< a level whose time has passed is noted when its timer is configured, disabled or not
  std::vector<std::string> mistakes{};

  void pass(std::uint64_t ticks) {
    if ((gen_conf & 1) == 0 || broken) return;
    for (unsigned n = 0; n < timers.size(); ++n) {
      timer& t = timers[n];
      bool const narrow = !wide || (t.capabilities & 0x20) == 0 || (t.conf & 0x100) != 0;
      std::uint64_t const mask = narrow ? 0xffff'ffffU : ~std::uint64_t{0};
      std::uint64_t at = counter;
      std::uint64_t left = ticks;
      for (;;) {
        std::uint64_t const distance = (t.comparator - at) & mask;
        if (distance == 0 || distance > left) break;
        at += distance;
        left -= distance;
        fire(n);
        if ((t.conf & 8) == 0) break;
        if (t.period == 0) break;
        t.comparator = (t.comparator + t.period) & mask;
      }
    }
    counter += ticks;
    if (!wide) counter &= 0xffff'ffff;
  }
  void fire(unsigned n) {
    timer& t = timers[n];
    if ((t.conf & 2) != 0) status |= 1U << n;
    if ((t.conf & 4) != 0) ++t.fired;
  }

  std::uint32_t read(std::uint64_t offset) {
    pass(read_takes);
    std::uint64_t const word = register_at(offset & ~std::uint64_t{7});
    return static_cast<std::uint32_t>(offset % 8 == 0 ? word : word >> 32);
  }
  std::uint64_t register_at(std::uint64_t offset) {
    if (offset == 0) {
      return std::uint64_t{period} << 32 | 0x8086'8001 | (wide ? 0x2000U : 0U) |
             static_cast<std::uint64_t>(timers.size() - 1) << 8;
    }
    if (offset == 0x10) return gen_conf;
    if (offset == 0x20) return status;
    if (offset == 0xf0) return counter;
    std::uint64_t const n = (offset - 0x100) / 0x20;
    if (offset < 0x100 || n >= timers.size()) {
      mistakes.push_back("a read of " + std::to_string(offset));
      return 0;
    }
    timer const& t = timers[n];
    switch (offset % 0x20) {
      case 0: return t.capabilities | t.conf;
      case 8: return t.comparator;
      case 16: return t.message;
      default: mistakes.push_back("a read of a hole"); return 0;
    }
  }
  void write(std::uint64_t offset, std::uint32_t value) {
    if (offset == 0x10) {
      gen_conf = value;
      return;
    }
    if (offset == 0x20) {
      for (unsigned n = 0; n < timers.size(); ++n) {
        if ((value >> n & 1) != 0 && (timers[n].conf & 2) == 0) mistakes.emplace_back("the status of an edge");
      }
      status &= ~value;
      return;
    }
    std::uint64_t const n = (offset - 0x100) / 0x20;
    if (offset < 0x100 || n >= timers.size()) {
      mistakes.push_back("a write of " + std::to_string(offset));
      return;
    }
    timer& t = timers[n];
    switch (offset % 0x20) {
      case 0: write_conf(t, value); return;
      case 8:
        if ((t.conf & 8) != 0 && (t.conf & 0x40) == 0) {
          t.period = value;
          return;
        }
        t.conf &= ~std::uint64_t{0x40};
        t.comparator = narrow(t) ? value : (t.comparator & 0xffff'ffff'0000'0000) | value;
        return;
      case 12:
        if (narrow(t)) mistakes.push_back("the upper half of a comparator that has none");
        t.comparator = (t.comparator & 0xffff'ffff) | std::uint64_t{value} << 32;
        return;
      case 16: t.message = (t.message & 0xffff'ffff'0000'0000) | value; return;
      case 20: t.message = (t.message & 0xffff'ffff) | std::uint64_t{value} << 32; return;
      default: mistakes.push_back("a write of a hole");
    }
  }
  bool narrow(timer const& t) const { return !wide || (t.capabilities & 0x20) == 0 || (t.conf & 0x100) != 0; }
  void write_conf(timer& t, std::uint32_t value) {
    constexpr std::uint32_t writable = 0x7f4e;
    std::uint32_t allowed = value & writable;
    if ((t.capabilities & 0x10) == 0) allowed &= ~8U;
    if ((t.capabilities & 0x8000) == 0) allowed &= ~0x4000U;
    if ((value & 0x40) != 0 && (value & 8) == 0) mistakes.push_back("an accumulator of a timer that is not periodic");
    if ((t.capabilities >> 32 >> (allowed >> 9 & 31) & 1) == 0) allowed &= ~0x3e00U;
    bool const enables = (~t.conf & allowed & 4) != 0;
    t.conf = allowed;
    auto const n = static_cast<unsigned>(&t - timers.data());
    // Enabled with a level that is noted, it interrupts at once.
    if (enables && (status >> n & 1) != 0) ++t.fired;
    if (notes_passed && (allowed & 2) != 0 && static_cast<std::int64_t>(t.comparator - counter) < 0) status |= 1U << n;
  }
};

/// The window to a `simulated_hpet`, or to nothing.
struct hpet_window {
  simulated_hpet* device{};
  std::uint32_t read32(std::uint64_t offset) const { return device == nullptr ? ~0U : device->read(offset); }
  void write32(std::uint64_t offset, std::uint32_t value) const {
    if (device != nullptr) device->write(offset, value);
  }
  std::uint8_t read8(std::uint64_t) const { return device->mistakes.emplace_back("a byte"), std::uint8_t{}; }
  void write8(std::uint64_t, std::uint8_t) const { device->mistakes.emplace_back("a byte"); }
};

}  // namespace axhal::test

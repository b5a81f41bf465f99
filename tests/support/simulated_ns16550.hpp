// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/console.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace axhal::test {

/// A 16550 as the data sheet describes the chip, for its drivers: sending takes time, and what a driver must not do is
/// noted in `mistakes`. Knows nothing of the library's own registers; numbers and bits are written out.
class simulated_ns16550 {
 public:
  /// Registers `1 << shift` bytes apart, accessed by `width` bytes; a 16450 when there are no FIFOs.
  explicit simulated_ns16550(unsigned shift = 0, unsigned width = 1, bool fifos = true)
      : depth{fifos ? 16U : 1U}, shift_{shift}, width_{width}, chip_has_fifos_{fifos} {}

  struct window {
    simulated_ns16550* chip;
    std::uint8_t read8(std::uint64_t o) { return chip->read(o, 1); }
    std::uint32_t read32(std::uint64_t o) { return chip->read(o, 4); }
    void write8(std::uint64_t o, std::uint8_t v) { chip->write(o, 1, v); }
    void write32(std::uint64_t o, std::uint32_t v) { chip->write(o, 4, v); }
  };

  // --- the far end of the wire ---

  unsigned depth;
  result<std::uint8_t, console_error> take() {
    advance();
    if (wire.empty()) return failure{console_error::empty};
    std::uint8_t const b = wire.front();
    wire.pop_front();
    return b;
  }
  void send(std::uint8_t byte) { arrive(byte, 0); }
  /// `errors` as in LSR: 4 parity, 8 framing, 0x10 break.
  void arrive(std::uint8_t byte, std::uint8_t errors) {
    if (rx.size() >= room()) {
      lsr_errors |= 2;
      if (fifos_on()) return;
      rx.clear();
    }
    rx.push_back({byte, errors});
    if (rx.size() == 1) lsr_errors |= errors;
  }

  // --- what the driver has left behind ---

  struct word {
    std::uint8_t byte, errors;
  };
  std::deque<std::uint8_t> wire{};
  std::deque<std::uint8_t> tx{};
  std::deque<word> rx{};
  std::uint8_t ier{}, fcr{}, lcr{}, mcr{}, scr{}, lsr_errors{};
  std::uint16_t divisor{};
  std::vector<std::string> mistakes{};

  /// The interrupt line of the chip.
  [[nodiscard]] bool interrupts() const {
    return ((ier & 1) != 0 && !rx.empty()) || ((ier & 4) != 0 && lsr_errors != 0) || ((ier & 2) != 0 && tx.empty());
  }

  std::uint8_t read(std::uint64_t offset, unsigned width) {
    switch (number(offset, width)) {
      case 0: {
        if ((lcr & 0x80) != 0) return static_cast<std::uint8_t>(divisor);
        if (rx.empty()) return 0;
        std::uint8_t const byte = rx.front().byte;
        rx.pop_front();
        if (!rx.empty()) lsr_errors = static_cast<std::uint8_t>(lsr_errors | rx.front().errors);
        return byte;
      }
      case 1: return (lcr & 0x80) != 0 ? static_cast<std::uint8_t>(divisor >> 8) : ier;
      case 2: {
        unsigned id = 1;
        if ((ier & 4) != 0 && lsr_errors != 0) {
          id = 6;
        } else if ((ier & 1) != 0 && !rx.empty()) {
          id = 4;
        } else if ((ier & 2) != 0 && tx.empty()) {
          id = 2;
        }
        return static_cast<std::uint8_t>(id | (fifos_on() ? 0xc0U : 0U));
      }
      case 3: return lcr;
      case 4: return mcr;
      case 5: {
        // Who polls gives the chip time to send.
        if (++polls_ % 3 == 0) advance();
        unsigned const now = lsr_errors | (rx.empty() ? 0U : 1U) | (tx.empty() ? 0x60U : 0U);
        lsr_errors = 0;
        return static_cast<std::uint8_t>(now);
      }
      case 6: return 0xb0;
      case 7: return scr;
      default: return 0;
    }
  }
  void write(std::uint64_t offset, unsigned width, std::uint32_t wide) {
    auto const v = static_cast<std::uint8_t>(wide);
    if (wide > 0xff) mistakes.push_back("more than a byte written");
    switch (number(offset, width)) {
      case 0:
        if ((lcr & 0x80) != 0) {
          divisor = static_cast<std::uint16_t>((divisor & 0xff00U) | v);
        } else if (tx.size() >= room()) {
          mistakes.push_back("byte written with no room to send");
        } else {
          tx.push_back(v);
        }
        break;
      case 1:
        if ((lcr & 0x80) != 0) {
          divisor = static_cast<std::uint16_t>((divisor & 0xffU) | unsigned{v} << 8);
        } else {
          ier = v;
          if (v > 0x0f) mistakes.push_back("reserved bits of IER written");
        }
        break;
      case 2:
        if (!chip_has_fifos_) break;
        if ((v & 1) != (fcr & 1) || (v & 3) == 3) rx.clear();
        if ((v & 1) != (fcr & 1) || (v & 5) == 5) {
          if (!tx.empty()) mistakes.push_back("bytes that were put are thrown away");
          tx.clear();
        }
        fcr = v;
        break;
      case 3:
        if (!tx.empty()) mistakes.push_back("line changed while sending");
        lcr = v;
        break;
      case 4: mcr = v; break;
      case 5:
      case 6: mistakes.push_back("status register written"); break;
      case 7: scr = v; break;
      default: break;
    }
  }

 private:
  [[nodiscard]] bool fifos_on() const { return (fcr & 1) != 0; }
  [[nodiscard]] std::size_t room() const { return fifos_on() ? 16 : 1; }
  void advance() {
    if (tx.empty()) return;
    wire.push_back(tx.front());
    tx.pop_front();
  }
  unsigned number(std::uint64_t offset, unsigned width) {
    if (width != width_) mistakes.push_back("access of a wrong width");
    std::uint64_t const n = offset >> shift_;
    if (n << shift_ != offset || n > 7) {
      mistakes.push_back("access beside a register");
      return 8;
    }
    return static_cast<unsigned>(n);
  }

  unsigned shift_, width_;
  bool chip_has_fifos_;
  unsigned polls_{};
};
static_assert(MmioWindow<simulated_ns16550::window>);

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/console/pl011_registers.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/vdev/byte_sink.hpp>

#include <cstdint>

namespace axhal::vdev {

/// A PrimeCell UART PL011 as a guest sees it (ARM DDI 0183), revision r1p1 with FIFOs of 16: the one that QEMU's virt
/// machine has and Linux drives as "arm,pl011".
///
/// All registers are there. What differs from silicon, on purpose:
///   - bytes take no time: with a sink that is never full, the transmitter is always empty and never busy;
///   - a guest may send without setting UARTEN and TXE, as programs written for emulators do;
///   - the receive timeout, 32 bit times on the wire, has always passed already: data that waits raises RT at once;
///   - CTS, DSR and DCD are asserted (a cable is plugged in), but for loop-back, where the guest's own outputs are
///   seen.
/// Accesses that begin at a register's first byte reach it; others read zero and write nothing. Sizes are 1, 2, 4 or 8
/// bytes; any other number is safe and means nothing in particular.
///
/// `irq_level()` is the combined interrupt UARTINTR, a level: sample it after every call. Not synchronised.
template <ByteSink Sink>
class pl011 {
 public:
  static constexpr std::uint64_t size = 0x1000;  ///< bytes of guest-physical address space
  static constexpr unsigned depth = 16;          ///< of each FIFO

  constexpr explicit pl011(Sink sink) : sink_{sink} {}

  [[nodiscard]] constexpr Sink& sink() { return sink_; }

  // --- what the guest does ---

  /// The guest loads `bytes` bytes at `offset` of the device.
  [[nodiscard]] std::uint64_t read(std::uint64_t offset, unsigned bytes) {
    // Most exits of a booting guest are this one.
    if (offset == reg::fr) return flags_ & low_bits(8 * (bytes & 15));
    return read_slow(offset, bytes);
  }
  /// The guest stores `value` (its low `bytes` bytes) at `offset` of the device.
  void write(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (offset == reg::dr && !is_looped_back()) {
      send(static_cast<std::uint8_t>(value));
      return;
    }
    write_slow(offset, static_cast<std::uint32_t>(value & low_bits(8 * (bytes & 15))));
  }
  /// The level of the device's interrupt line.
  [[nodiscard]] constexpr bool irq_level() const { return (ris_ & imsc_) != 0; }

  // --- what the host does ---

  /// True when `receive` will not lose the next byte.
  [[nodiscard]] constexpr bool can_receive() const {
    return cr::f_rxe::get(cr_) && !is_looped_back() && rx_.size() < capacity();
  }
  /// A byte arrives from the host. With no room it is lost, as on a wire, and the guest finds an overrun; while the
  /// guest has its receiver off or looped back it is lost without a trace.
  constexpr void receive(std::uint8_t byte) {
    if (cr::f_rxe::get(cr_) && !is_looped_back()) take(byte);
  }
  /// A break arrives from the host (a terminal's "send break"; Linux: SysRq).
  constexpr void receive_break() {
    if (cr::f_rxe::get(cr_) && !is_looped_back()) take(dr::f_be::mask);
  }
  /// Gives the sink what it could not take before. Only sinks that can be full need it.
  constexpr void pump() {
    if constexpr (can_be_full) {
      bool const above = tx_.size() > transmit_level();
      while (tx_.size() > 0 && sink_.can_put()) sink_.put(tx_.pop());
      if (above && tx_.size() <= transmit_level()) ris_ |= irq::tx;
      update_flags();
    }
  }
  /// The device's reset: registers as in DDI 0183 table 3-1, FIFOs empty.
  constexpr void reset() { *this = pl011{sink_}; }

 private:
  // The register names of the driver's header, by short names.
  struct reg {
    static constexpr auto dr = console::pl011_reg::dr;
    static constexpr auto fr = console::pl011_reg::fr;
  };
  struct dr {
    using f_fe = console::pl011_dr::f_fe;
    using f_pe = console::pl011_dr::f_pe;
    using f_be = console::pl011_dr::f_be;
    using f_oe = console::pl011_dr::f_oe;
  };
  struct cr {
    using f_lbe = console::pl011_cr::f_lbe;
    using f_rxe = console::pl011_cr::f_rxe;
  };
  struct irq {
    static constexpr auto rx = console::pl011_irq::rx;
    static constexpr auto tx = console::pl011_irq::tx;
    static constexpr auto rt = console::pl011_irq::rt;
    static constexpr auto oe = console::pl011_irq::oe;
  };
  static constexpr bool can_be_full = FullByteSink<Sink>;
  static constexpr std::uint32_t cr_reset = 0x300;      // TXE and RXE
  static constexpr std::uint32_t cr_writable = 0xff87;  // bits 6:3 are reserved
  static constexpr std::uint32_t ifls_reset = 0x12;     // both at half full
  static constexpr std::uint32_t flags_reset = console::pl011_fr::f_txfe::mask | console::pl011_fr::f_rxfe::mask |
                                               console::pl011_fr::f_cts::mask | console::pl011_fr::f_dsr::mask |
                                               console::pl011_fr::f_dcd::mask;

  [[nodiscard]] constexpr bool is_looped_back() const { return cr::f_lbe::get(cr_); }
  [[nodiscard]] constexpr unsigned capacity() const { return console::pl011_lcr::f_fen::get(lcr_h_) ? depth : 1; }

  /// A FIFO level of UARTIFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of the depth; reserved values count as the last.
  [[nodiscard]] static constexpr unsigned level_of(std::uint32_t selector) {
    constexpr std::uint8_t levels[8] = {2, 4, 8, 12, 14, 14, 14, 14};
    return levels[selector & 7];
  }
  [[nodiscard]] constexpr unsigned receive_level() const { return capacity() == 1 ? 1 : level_of(ifls_ >> 3); }
  [[nodiscard]] constexpr unsigned transmit_level() const { return capacity() == 1 ? 0 : level_of(ifls_); }

  constexpr void send(std::uint8_t byte) {
    if constexpr (can_be_full) {
      if (tx_.size() > 0 || !sink_.can_put()) {
        queue(byte);
        return;
      }
    }
    sink_.put(byte);
    // In and out again: the level was passed on the way down.
    ris_ |= irq::tx;
  }

  constexpr void queue(std::uint8_t byte) {
    pump();
    if (tx_.size() == 0 && sink_.can_put()) {
      sink_.put(byte);
      ris_ |= irq::tx;
      return;
    }
    // A guest that writes without looking at TXFF loses the byte, as on silicon.
    if (tx_.size() < capacity()) tx_.push(byte);
    if (tx_.size() > transmit_level()) ris_ &= ~irq::tx;
    update_flags();
  }

  /// One received word: byte and error flags as DR has them.
  constexpr void take(std::uint32_t word) {
    if (rx_.size() >= capacity()) {
      lost_ = true;
      rsr_ |= console::pl011_rsr::f_oe::mask;
      ris_ |= irq::oe;
      return;
    }
    if (lost_) word |= dr::f_oe::mask;
    lost_ = false;
    // DR's error bits 10:8 and RIS's 9:7 stand in the same order: FE, PE, BE.
    ris_ |= (word & console::pl011_dr::damaged) >> 1;
    rx_.push(word);
    if (rx_.size() >= receive_level()) ris_ |= irq::rx;
    ris_ |= irq::rt;
    update_flags();
  }

  constexpr std::uint32_t take_out() {
    if (rx_.size() == 0) return 0;
    std::uint32_t const word = rx_.pop();
    rsr_ = (rsr_ & console::pl011_rsr::f_oe::mask) | ((word & console::pl011_dr::damaged) >> 8);
    if (rx_.size() < receive_level()) ris_ &= ~irq::rx;
    // What is left has been waiting long enough, even where the guest had cleared the timeout before.
    ris_ = rx_.size() == 0 ? ris_ & ~irq::rt : ris_ | irq::rt;
    update_flags();
    return word;
  }

  constexpr void update_flags() {
    using namespace console;
    std::uint32_t modem = pl011_fr::f_cts::mask | pl011_fr::f_dsr::mask | pl011_fr::f_dcd::mask;
    if (is_looped_back()) {
      modem = pl011_fr::f_cts::make(pl011_cr::f_rts::get(cr_)) | pl011_fr::f_dsr::make(pl011_cr::f_dtr::get(cr_)) |
              pl011_fr::f_dcd::make(pl011_cr::f_out1::get(cr_)) | pl011_fr::f_ri::make(pl011_cr::f_out2::get(cr_));
    }
    std::uint32_t const changed = flags_ ^ modem;
    if (pl011_fr::f_ri::get(changed)) ris_ |= pl011_irq::ri;
    if (pl011_fr::f_cts::get(changed)) ris_ |= pl011_irq::cts;
    if (pl011_fr::f_dcd::get(changed)) ris_ |= pl011_irq::dcd;
    if (pl011_fr::f_dsr::get(changed)) ris_ |= pl011_irq::dsr;
    flags_ = modem | pl011_fr::f_rxfe::make(rx_.size() == 0) | pl011_fr::f_rxff::make(rx_.size() >= capacity()) |
             pl011_fr::f_txfe::make(tx_.size() == 0) | pl011_fr::f_txff::make(tx_.size() >= capacity()) |
             pl011_fr::f_busy::make(tx_.size() != 0);
  }

  // Kept out of line, so that both tiers of exits share them and the fast paths stay leaves.
  [[gnu::noinline]] std::uint64_t read_slow(std::uint64_t offset, unsigned bytes);
  std::uint32_t read_register(std::uint64_t offset);
  [[gnu::noinline]] void write_slow(std::uint64_t offset, std::uint32_t value);
  constexpr void write_line_control(std::uint32_t value);

  Sink sink_;
  std::uint32_t flags_{flags_reset};
  std::uint32_t ris_{};
  std::uint32_t imsc_{};
  std::uint32_t cr_{cr_reset};
  std::uint32_t lcr_h_{};
  std::uint32_t ifls_{ifls_reset};
  std::uint32_t rsr_{};
  std::uint32_t ilpr_{};
  std::uint32_t ibrd_{};
  std::uint32_t fbrd_{};
  std::uint32_t dmacr_{};
  bool lost_{};  ///< the next byte that finds room carries the overrun flag
  detail::small_fifo<std::uint32_t, depth> rx_{};
  detail::small_fifo<std::uint8_t, depth> tx_{};
};

template <ByteSink Sink>
std::uint64_t pl011<Sink>::read_slow(std::uint64_t offset, unsigned bytes) {
  return read_register(offset) & low_bits(8 * (bytes & 15));
}

template <ByteSink Sink>
std::uint32_t pl011<Sink>::read_register(std::uint64_t offset) {
  using namespace console;
  switch (offset) {
    case pl011_reg::dr: return take_out();
    case pl011_reg::rsr: return rsr_;
    case pl011_reg::fr: return flags_;
    case pl011_reg::ilpr: return ilpr_;
    case pl011_reg::ibrd: return ibrd_;
    case pl011_reg::fbrd: return fbrd_;
    case pl011_reg::lcr_h: return lcr_h_;
    case pl011_reg::cr: return cr_;
    case pl011_reg::ifls: return ifls_;
    case pl011_reg::imsc: return imsc_;
    case pl011_reg::ris: return ris_;
    case pl011_reg::mis: return ris_ & imsc_;
    case pl011_reg::dmacr: return dmacr_;
    case pl011_reg::periph_id: return 0x11;       // part number 0x011, low byte
    case pl011_reg::periph_id + 4: return 0x10;   // designer 0x41, low half; part number, high half
    case pl011_reg::periph_id + 8: return 0x14;   // revision 1; designer, high half
    case pl011_reg::periph_id + 12: return 0x00;  // configuration
    case pl011_reg::pcell_id: return 0x0d;
    case pl011_reg::pcell_id + 4: return 0xf0;
    case pl011_reg::pcell_id + 8: return 0x05;
    case pl011_reg::pcell_id + 12: return 0xb1;
    default: return 0;
  }
}

template <ByteSink Sink>
void pl011<Sink>::write_slow(std::uint64_t offset, std::uint32_t value) {
  using namespace console;
  switch (offset) {
    case pl011_reg::dr:
      // Looped back: the byte goes round, but the transmitter still empties.
      if (pl011_cr::f_rxe::get(cr_)) take(value & 0xff);
      ris_ |= pl011_irq::tx;
      break;
    case pl011_reg::rsr: rsr_ = 0; break;
    case pl011_reg::ilpr: ilpr_ = value & 0xff; break;
    case pl011_reg::ibrd: ibrd_ = value & 0xffff; break;
    case pl011_reg::fbrd: fbrd_ = value & 0x3f; break;
    case pl011_reg::lcr_h: write_line_control(value & 0xff); break;
    case pl011_reg::cr:
      cr_ = value & cr_writable;
      update_flags();
      break;
    case pl011_reg::ifls: ifls_ = value & 0x3f; break;
    case pl011_reg::imsc: imsc_ = value & pl011_irq::all; break;
    case pl011_reg::icr: ris_ &= ~value; break;
    case pl011_reg::dmacr: dmacr_ = value & 7; break;
    default: break;
  }
}

template <ByteSink Sink>
constexpr void pl011<Sink>::write_line_control(std::uint32_t value) {
  using namespace console;
  std::uint32_t const before = lcr_h_;
  lcr_h_ = value;
  if (((before ^ value) & pl011_lcr::f_fen::mask) != 0) {
    // Switching between FIFOs and holding registers empties both; nothing that was sent is lost, if the sink can have
    // it.
    pump();
    rx_.clear();
    tx_.clear();
    ris_ &= ~(pl011_irq::rx | pl011_irq::rt);
  }
  bool const begins_break = pl011_lcr::f_brk::get(value) && !pl011_lcr::f_brk::get(before);
  if (begins_break && is_looped_back() && pl011_cr::f_rxe::get(cr_)) take(pl011_dr::f_be::mask);
  update_flags();
}

}  // namespace axhal::vdev

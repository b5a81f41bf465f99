// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/console/ns16550_registers.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/console.hpp>
#include <axhal/vdev/byte_sink.hpp>

#include <cstdint>

namespace axhal::vdev {

/// A 16550A as a guest sees it (PC16550D data sheet), with FIFOs of 16 and a register a byte: the one that QEMU's virt
/// machine and PCs have and Linux drives as "ns16550a".
///
/// All registers are there. What differs from silicon, on purpose:
///   - bytes take no time: with a sink that is never full, the transmitter is always empty;
///   - the receive timeout, four characters on the wire, has always passed already: data that waits raises at once;
///   - word length, parity, break and divisor are kept and mean nothing: bytes are bytes;
///   - CTS, DSR and DCD are asserted (a cable is plugged in), but for loop-back, where the guest's own outputs are
///   seen;
///   - OUT2 does not gate the interrupt, as on boards without an ISA bus.
/// An access of any size reaches the register at its first byte alone: its low byte, the others read zero. Offsets past
/// the eight registers read zero and write nothing.
///
/// `irq_level()` is INTR, a level: sample it after every call; reading RBR, IIR, LSR or MSR may change it as well as a
/// write. Not synchronised.
template <ByteSink Sink>
class ns16550 {
 public:
  static constexpr std::uint64_t size = 0x100;  ///< bytes of guest-physical address space
  static constexpr unsigned depth = 16;         ///< of each FIFO

  constexpr explicit ns16550(Sink sink) : sink_{sink} {}

  [[nodiscard]] constexpr Sink& sink() { return sink_; }

  // --- what the guest does ---

  /// The guest loads `bytes` bytes at `offset` of the device.
  [[nodiscard]] std::uint64_t read(std::uint64_t offset, [[maybe_unused]] unsigned bytes) {
    // Most exits of a booting guest are this one.
    if (offset == console::ns16550_reg::lsr && (lsr_ & errors) == 0) return lsr_;
    return read_slow(offset);
  }
  /// The guest stores `value` (its low `bytes` bytes) at `offset` of the device.
  void write(std::uint64_t offset, [[maybe_unused]] unsigned bytes, std::uint64_t value) {
    if (offset == console::ns16550_reg::thr && is_wired()) {
      send(static_cast<std::uint8_t>(value));
      return;
    }
    write_slow(offset, static_cast<std::uint8_t>(value));
  }
  /// The level of the device's interrupt line.
  [[nodiscard]] constexpr bool irq_level() const { return (raised_ & ier_) != 0; }

  // --- what the host does ---

  /// True when `receive` will not lose a byte.
  [[nodiscard]] constexpr bool can_receive() const { return !is_looped_back() && rx_.size() < capacity(); }
  /// A byte arrives from the host. With no room one is lost, as on a wire, and the guest finds an overrun: this one, or
  /// without FIFOs the one before. While the guest has looped itself back it is lost without a trace.
  constexpr void receive(std::uint8_t byte) {
    if (!is_looped_back()) take(byte);
  }
  /// Takes back the byte that the guest would read next, for a second way to the same console (firmware's calls).
  constexpr result<std::uint8_t, console_error> take_back() {
    if (rx_.size() == 0) return failure{console_error::empty};
    return take_out();
  }
  /// A break arrives from the host (a terminal's "send break"; Linux: SysRq).
  constexpr void receive_break() {
    if (!is_looped_back()) take(console::ns16550_lsr::f_bi::mask << 8);
  }
  /// Gives the sink what it could not take before. Only sinks that can be full need it.
  constexpr void pump() {
    if constexpr (FullByteSink<Sink>) {
      if (tx_.size() == 0) return;
      while (tx_.size() > 0 && sink_.can_put()) sink_.put(tx_.pop());
      if (tx_.size() == 0) note_empty();
    }
  }
  /// The device's reset: registers as in the data sheet's table I, FIFOs empty.
  constexpr void reset() { *this = ns16550{sink_}; }

 private:
  // Interrupts are kept in the order of IER's bits.
  static constexpr std::uint8_t received = console::ns16550_ier::erbfi;
  static constexpr std::uint8_t transmitter = console::ns16550_ier::etbei;
  static constexpr std::uint8_t line_status = console::ns16550_ier::elsi;
  static constexpr std::uint8_t modem_status = console::ns16550_ier::edssi;
  static constexpr std::uint8_t errors = console::ns16550_lsr::f_oe::mask | console::ns16550_lsr::damaged;
  static constexpr std::uint8_t transmitter_empty =
      console::ns16550_lsr::f_thre::mask | console::ns16550_lsr::f_temt::mask;
  static constexpr std::uint8_t plugged_in =
      console::ns16550_msr::f_cts::mask | console::ns16550_msr::f_dsr::mask | console::ns16550_msr::f_dcd::mask;
  static constexpr std::uint8_t mcr_writable = 0x1f;
  static constexpr std::uint16_t divisor_reset = 12;  // any but zero, by which guests divide

  [[nodiscard]] constexpr bool is_looped_back() const { return console::ns16550_mcr::f_loop::get(mcr_); }
  [[nodiscard]] constexpr bool has_divisor_open() const { return console::ns16550_lcr::f_dlab::get(lcr_); }
  /// What is written to register 0 goes to the sink.
  [[nodiscard]] constexpr bool is_wired() const { return !has_divisor_open() && !is_looped_back(); }
  [[nodiscard]] constexpr bool has_fifos() const { return console::ns16550_fcr::f_fifo_enable::get(fcr_); }
  [[nodiscard]] constexpr unsigned capacity() const { return has_fifos() ? depth : 1; }
  [[nodiscard]] constexpr unsigned receive_level() const {
    constexpr std::uint8_t levels[4] = {1, 4, 8, 14};
    return has_fifos() ? levels[console::ns16550_fcr::f_rcvr_trigger::get(fcr_)] : 1;
  }

  // Sums of small types are ints; these say that nothing is cut off.
  static constexpr void raise_bits(std::uint8_t& word, unsigned bits) { word = static_cast<std::uint8_t>(word | bits); }
  static constexpr void clear_bits(std::uint8_t& word, unsigned bits) {
    word = static_cast<std::uint8_t>(word & ~bits);
  }

  constexpr void note_empty() {
    raise_bits(lsr_, transmitter_empty);
    raise_bits(raised_, transmitter);
  }

  constexpr void send(std::uint8_t byte) {
    if constexpr (FullByteSink<Sink>) {
      if (tx_.size() > 0 || !sink_.can_put()) {
        queue(byte);
        return;
      }
    }
    sink_.put(byte);
    // In and out again: the transmitter was full and is empty.
    raise_bits(raised_, transmitter);
  }
  constexpr void queue(std::uint8_t byte)
    requires FullByteSink<Sink>
  {
    pump();
    if (tx_.size() == 0 && sink_.can_put()) {
      sink_.put(byte);
      note_empty();
      return;
    }
    // A guest that writes without looking at THRE loses the byte, as on silicon.
    if (tx_.size() < capacity()) tx_.push(byte);
    clear_bits(lsr_, transmitter_empty);
    clear_bits(raised_, transmitter);
  }

  /// One received word: byte, and above it the errors as LSR has them.
  constexpr void take(std::uint32_t word) {
    if (rx_.size() >= capacity()) {
      raise_bits(lsr_, console::ns16550_lsr::f_oe::mask);
      raise_bits(raised_, line_status);
      if (has_fifos()) return;
      // Without FIFOs the new byte destroys the old one.
      rx_.clear();
    }
    rx_.push(static_cast<std::uint16_t>(word));
    if (word >> 8 != 0) ++damaged_;
    if (rx_.size() == 1) show_front();
    raise_bits(lsr_, console::ns16550_lsr::f_dr::mask | fifo_error());
    raise_bits(raised_, received);
  }
  // Out of line, so that both ways to a byte share it.
  [[gnu::noinline]] constexpr std::uint8_t take_out() {
    if (rx_.size() == 0) return 0;
    std::uint16_t const word = rx_.pop();
    if (rx_.size() == 0) {
      clear_bits(lsr_, console::ns16550_lsr::f_dr::mask);
      clear_bits(raised_, received);
    } else {
      show_front();
    }
    return static_cast<std::uint8_t>(word);
  }
  /// LSR tells of errors with the byte that comes next.
  constexpr void show_front() {
    unsigned const wrong = rx_.front() >> 8;
    if (wrong == 0) return;
    --damaged_;
    raise_bits(lsr_, wrong);
    raise_bits(raised_, line_status);
  }
  /// LSR's last bit stands for errors in the FIFO that LSR has not been read with.
  [[nodiscard]] constexpr unsigned fifo_error() const {
    bool const any = has_fifos() && (damaged_ != 0 || (lsr_ & console::ns16550_lsr::damaged) != 0);
    return console::ns16550_lsr::f_fifo_error::make(any);
  }

  constexpr void clear_receiver() {
    rx_.clear();
    damaged_ = 0;
    clear_bits(lsr_, console::ns16550_lsr::f_dr::mask | console::ns16550_lsr::f_fifo_error::mask);
    clear_bits(raised_, received);
  }
  constexpr void clear_transmitter() {
    tx_.clear();
    note_empty();
  }

  /// The modem lines as they are now; what has changed is told by MSR and interrupts.
  constexpr void update_modem() {
    using namespace console;
    std::uint8_t lines = plugged_in;
    if (is_looped_back()) {
      lines = static_cast<std::uint8_t>(ns16550_msr::f_cts::make(ns16550_mcr::f_rts::get(mcr_)) |
                                        ns16550_msr::f_dsr::make(ns16550_mcr::f_dtr::get(mcr_)) |
                                        ns16550_msr::f_ri::make(ns16550_mcr::f_out1::get(mcr_)) |
                                        ns16550_msr::f_dcd::make(ns16550_mcr::f_out2::get(mcr_)));
    }
    unsigned changed = (msr_ ^ lines) & ~unsigned{ns16550_msr::changes};
    // Of the ring indicator only the end counts.
    if (ns16550_msr::f_ri::get(lines)) changed &= ~unsigned{ns16550_msr::f_ri::mask};
    msr_ = static_cast<std::uint8_t>(lines | (msr_ & ns16550_msr::changes) | changed >> 4);
    if (changed != 0) raise_bits(raised_, modem_status);
  }

  // Kept out of line, so that both tiers of exits share them and the fast paths stay leaves.
  [[gnu::noinline]] std::uint64_t read_slow(std::uint64_t offset);
  [[gnu::noinline]] void write_slow(std::uint64_t offset, std::uint8_t value);
  constexpr std::uint8_t identify();
  constexpr std::uint8_t read_line_status();
  constexpr void write_interrupt_enable(std::uint8_t value);
  constexpr void write_fifo_control(std::uint8_t value);

  Sink sink_;
  std::uint8_t lsr_{transmitter_empty};
  std::uint8_t raised_{transmitter};
  std::uint8_t ier_{};
  std::uint8_t fcr_{};
  std::uint8_t lcr_{};
  std::uint8_t mcr_{};
  std::uint8_t msr_{plugged_in};
  std::uint8_t scr_{};
  std::uint16_t divisor_{divisor_reset};
  std::uint16_t damaged_{};  ///< words in the FIFO with errors that LSR has not shown
  detail::small_fifo<std::uint16_t, depth> rx_{};
  detail::small_fifo<std::uint8_t, depth> tx_{};
};

template <ByteSink Sink>
std::uint64_t ns16550<Sink>::read_slow(std::uint64_t offset) {
  using namespace console;
  switch (offset) {
    case ns16550_reg::rbr: return has_divisor_open() ? static_cast<std::uint8_t>(divisor_) : take_out();
    case ns16550_reg::ier: return has_divisor_open() ? static_cast<std::uint8_t>(divisor_ >> 8) : ier_;
    case ns16550_reg::iir: return identify();
    case ns16550_reg::lcr: return lcr_;
    case ns16550_reg::mcr: return mcr_;
    case ns16550_reg::lsr: return read_line_status();
    case ns16550_reg::msr: {
      std::uint8_t const now = msr_;
      clear_bits(msr_, ns16550_msr::changes);
      clear_bits(raised_, modem_status);
      return now;
    }
    case ns16550_reg::scr: return scr_;
    default: return 0;
  }
}

template <ByteSink Sink>
void ns16550<Sink>::write_slow(std::uint64_t offset, std::uint8_t value) {
  using namespace console;
  switch (offset) {
    case ns16550_reg::thr:
      if (has_divisor_open()) {
        divisor_ = static_cast<std::uint16_t>((divisor_ & 0xff00U) | value);
      } else {
        // Looped back: the byte goes round, but the transmitter still empties.
        take(value);
        if (tx_.size() == 0) raise_bits(raised_, transmitter);
      }
      break;
    case ns16550_reg::ier:
      if (has_divisor_open()) {
        divisor_ = static_cast<std::uint16_t>((divisor_ & 0xffU) | unsigned{value} << 8);
      } else {
        write_interrupt_enable(value & ns16550_ier::all);
      }
      break;
    case ns16550_reg::fcr: write_fifo_control(value); break;
    case ns16550_reg::lcr: lcr_ = value; break;
    case ns16550_reg::mcr:
      mcr_ = value & mcr_writable;
      update_modem();
      break;
    case ns16550_reg::scr: scr_ = value; break;
    default: break;
  }
}

template <ByteSink Sink>
constexpr std::uint8_t ns16550<Sink>::identify() {
  using namespace console;
  unsigned const waiting = raised_ & ier_;
  std::uint8_t id = ns16550_iir::none;
  if ((waiting & line_status) != 0) {
    id = ns16550_iir::line_status;
  } else if ((waiting & received) != 0) {
    id = rx_.size() >= receive_level() ? ns16550_iir::received : ns16550_iir::timeout;
  } else if ((waiting & transmitter) != 0) {
    id = ns16550_iir::transmitter;
    clear_bits(raised_, transmitter);
  } else if ((waiting & modem_status) != 0) {
    id = ns16550_iir::modem;
  }
  return static_cast<std::uint8_t>(id | ns16550_iir::f_fifos_enabled::make(has_fifos() ? 3 : 0));
}

template <ByteSink Sink>
constexpr std::uint8_t ns16550<Sink>::read_line_status() {
  std::uint8_t const now = lsr_;
  clear_bits(lsr_, errors | console::ns16550_lsr::f_fifo_error::mask);
  raise_bits(lsr_, fifo_error());
  clear_bits(raised_, line_status);
  return now;
}

template <ByteSink Sink>
constexpr void ns16550<Sink>::write_interrupt_enable(std::uint8_t value) {
  // Who begins to listen while the transmitter is empty is told so.
  bool const begins = (value & ~unsigned{ier_} & transmitter) != 0;
  ier_ = value;
  if (begins && tx_.size() == 0) raise_bits(raised_, transmitter);
}

template <ByteSink Sink>
constexpr void ns16550<Sink>::write_fifo_control(std::uint8_t value) {
  using namespace console;
  using namespace ns16550_fcr;
  bool const on = f_fifo_enable::get(value);
  bool const switched = on != has_fifos();
  // Switching between FIFOs and holding registers empties both; nothing that was sent is lost, if the sink can have it.
  if (switched) pump();
  fcr_ = on ? value & (f_fifo_enable::mask | f_rcvr_trigger::mask) : 0;
  if (switched || (on && f_rcvr_reset::get(value))) clear_receiver();
  if (switched || (on && f_xmit_reset::get(value))) clear_transmitter();
}

}  // namespace axhal::vdev

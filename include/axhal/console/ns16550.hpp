// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/console/ns16550_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/console.hpp>

#include <cstdint>

namespace axhal::console {

/// How the eight registers of a 16550 lie in its window, by the names of device trees.
struct ns16550_layout {
  unsigned reg_shift{};      ///< register n lies at n << reg_shift
  unsigned reg_io_width{1};  ///< bytes of an access: 1 or 4
};

/// Driver of the 16550 UART and what is compatible with it (PC16550D data sheet). One without FIFOs works too;
/// where it loses a byte it is the older one.
///
/// A window onto I/O ports serves as well as one onto memory. Without `init` it uses the device as firmware left it:
/// enough for `put`. Not synchronised.
template <MmioWindow Window, ns16550_layout Layout = ns16550_layout{}>
class ns16550 {
  static_assert(Layout.reg_io_width == 1 || Layout.reg_io_width == 4,
                "ns16550: registers are accessed by 1 or 4 bytes");
  static_assert(Layout.reg_shift <= 8 && Layout.reg_io_width <= 1U << Layout.reg_shift,
                "ns16550: registers lie apart by the width of an access or more, 256 bytes at most");

 public:
  constexpr explicit ns16550(Window w) : window_{w} {}

  /// Sets 8 data bits, no parity, 1 stop bit at `baud` from the input clock `clock`, FIFOs on, all interrupts masked.
  /// What was being sent is sent first; what was received is dropped. Changes nothing when it fails.
  constexpr result<void, ns16550_error> init(hertz clock, std::uint32_t baud) {
    using namespace ns16550_fcr;
    constexpr std::uint8_t line = ns16550_lcr::f_wls::make(3);
    auto const divisor = ns16550_divisor_for(clock, baud);
    if (!divisor) return failure{divisor.error()};
    drain();
    // The first write to LCR closes the divisor latch, which firmware may have left open over IER.
    write(ns16550_reg::lcr, line);
    write(ns16550_reg::ier, 0);
    write(ns16550_reg::lcr, line | ns16550_lcr::f_dlab::mask);
    write(ns16550_reg::dll, static_cast<std::uint8_t>(*divisor));
    write(ns16550_reg::dlm, static_cast<std::uint8_t>(*divisor >> 8));
    write(ns16550_reg::lcr, line);
    write(ns16550_reg::fcr, f_fifo_enable::mask | f_rcvr_reset::mask | f_xmit_reset::mask | f_rcvr_trigger::make(2));
    write(ns16550_reg::mcr, ns16550_mcr::f_dtr::mask | ns16550_mcr::f_rts::mask | ns16550_mcr::f_out2::mask);
    // What a device without FIFOs still holds, and errors of the past.
    static_cast<void>(read(ns16550_reg::lsr));
    static_cast<void>(read(ns16550_reg::rbr));
    received_ = {};
    received_.held = ns16550_iir::f_fifos_enabled::get(read(ns16550_reg::iir)) == 3 ? depth : 0;
    return {};
  }

  // --- ConsolePolicy ---

  [[nodiscard]] constexpr bool can_put() { return ns16550_lsr::f_thre::get(status()); }
  constexpr void put(std::uint8_t byte) {
    while (!can_put()) {
    }
    write(ns16550_reg::thr, byte);
  }
  /// Where bytes were lost, `overrun` comes in their place in the stream, give or take the one byte that was read while
  /// they arrived; at the latest when nothing else is left.
  constexpr result<std::uint8_t, console_error> get() {
    bool const ready = ns16550_lsr::f_dr::get(status());
    if ((received_.losses & (ready ? 1U : ~0U)) != 0) {
      received_.losses &= ready ? ~1U : 0U;
      return failure{console_error::overrun};
    }
    if (!ready) return failure{console_error::empty};
    std::uint8_t const byte = read(ns16550_reg::rbr);
    received_.losses >>= 1;
    if (received_.damaged) {
      received_.damaged = false;
      return failure{console_error::damaged};
    }
    return byte;
  }

  // --- beyond the policy ---

  /// Returns when everything that was put has left the device.
  constexpr void drain() {
    while (!ns16550_lsr::f_temt::get(status())) {
    }
  }
  /// Lets these interrupts through, `ns16550_ier` bits, and no others.
  constexpr void set_interrupts(std::uint32_t enabled) {
    write(ns16550_reg::ier, static_cast<std::uint8_t>(enabled & ns16550_ier::all));
  }
  /// Has the device interrupt when something was received. `get` until `empty` ends the interrupt.
  constexpr void enable_receive_interrupt() { set_interrupts(ns16550_ier::erbfi); }
  /// The most urgent interrupt that is raised and let through, an `ns16550_iir` number. When that is `transmitter`, it
  /// is over with this call.
  [[nodiscard]] constexpr std::uint8_t identify_interrupt() { return ns16550_iir::f_id::get(read(ns16550_reg::iir)); }

 private:
  static constexpr unsigned depth = 16;

  [[nodiscard]] constexpr std::uint8_t read(std::uint64_t number) {
    if constexpr (Layout.reg_io_width == 1) {
      return window_.read8(number << Layout.reg_shift);
    } else {
      return static_cast<std::uint8_t>(window_.read32(number << Layout.reg_shift));
    }
  }
  constexpr void write(std::uint64_t number, std::uint8_t value) {
    if constexpr (Layout.reg_io_width == 1) {
      window_.write8(number << Layout.reg_shift, value);
    } else {
      window_.write32(number << Layout.reg_shift, value);
    }
  }

  /// LSR. The device forgets errors when it is read, whatever for: they are kept here until `get` tells of them.
  constexpr std::uint8_t status() {
    std::uint8_t const now = read(ns16550_reg::lsr);
    if (ns16550_lsr::f_oe::get(now)) received_.losses |= 1U << received_.held;
    if (ns16550_lsr::f_dr::get(now) && (now & ns16550_lsr::damaged) != 0) received_.damaged = true;
    return now;
  }

  struct receive_state {
    std::uint32_t losses{};    ///< bit n: bytes were lost behind the next n
    std::uint8_t held{depth};  ///< bytes in the device that are older than a loss it has just found: none without FIFOs
    bool damaged{};            ///< the next byte arrived damaged
  };

  [[no_unique_address]] Window window_;
  receive_state received_{};
};
static_assert(ConsolePolicy<ns16550<mmio>>);

}  // namespace axhal::console

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/console/pl011_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/console.hpp>

#include <cstdint>

namespace axhal::console {

/// Driver of the PrimeCell UART PL011 (ARM DDI 0183). All accesses are 32 bits wide.
///
/// Without `init` it uses the device as firmware left it: enough for `put`. Not synchronised.
template <MmioWindow Window>
class pl011 {
 public:
  constexpr explicit pl011(Window w) : window_{w} {}

  /// Sets 8 data bits, no parity, 1 stop bit at `baud` from the reference clock `clock`, FIFOs on, all interrupts
  /// masked. What was being sent is sent first; what was received is dropped. Changes nothing when it fails.
  constexpr result<void, pl011_error> init(hertz clock, std::uint32_t baud) {
    auto const divisor = pl011_divisor_for(clock, baud);
    if (!divisor) return failure{divisor.error()};
    drain();
    // Turning the FIFOs off empties them; the divisor is taken over by the write to LCR_H that follows it.
    write(pl011_reg::cr, 0);
    write(pl011_reg::lcr_h, 0);
    write(pl011_reg::imsc, 0);
    write(pl011_reg::icr, pl011_irq::all);
    write(pl011_reg::dmacr, 0);
    write(pl011_reg::rsr, 0);
    write(pl011_reg::ibrd, divisor->integer);
    write(pl011_reg::fbrd, divisor->fraction);
    write(pl011_reg::lcr_h, pl011_lcr::f_wlen::make(3) | pl011_lcr::f_fen::mask);
    write(pl011_reg::cr, pl011_cr::f_uarten::mask | pl011_cr::f_txe::mask | pl011_cr::f_rxe::mask);
    pending_ = {};
    return {};
  }

  // --- ConsolePolicy ---

  [[nodiscard]] constexpr bool can_put() { return !pl011_fr::f_txff::get(read(pl011_reg::fr)); }
  constexpr void put(std::uint8_t byte) {
    while (!can_put()) {
    }
    write(pl011_reg::dr, byte);
  }
  /// Where bytes were lost, `overrun` comes in their place in the stream: after what came before the loss, before what
  /// came after it.
  constexpr result<std::uint8_t, console_error> get() {
    if (pending_.has_byte) {
      pending_.has_byte = false;
      return deliver(pending_.word);
    }
    if (pl011_fr::f_rxfe::get(read(pl011_reg::fr))) {
      // The device tells of a loss with the next byte, which may never come; RSR tells at once. Only who got bytes
      // since the last look can have lost some: an idle poll costs one access.
      if (!pending_.look_for_loss) return failure{console_error::empty};
      pending_.look_for_loss = false;
      if (!pl011_rsr::f_oe::get(read(pl011_reg::rsr))) return failure{console_error::empty};
      write(pl011_reg::rsr, 0);
      pending_.loss_reported = true;
      return failure{console_error::overrun};
    }
    std::uint32_t const word = read(pl011_reg::dr);
    pending_.look_for_loss = true;
    if (pl011_dr::f_oe::get(word)) {
      write(pl011_reg::rsr, 0);
      bool const known = pending_.loss_reported;
      pending_.loss_reported = false;
      if (!known) {
        pending_.has_byte = true;
        pending_.word = word;
        return failure{console_error::overrun};
      }
    }
    return deliver(word);
  }

  // --- beyond the policy ---

  /// Returns when everything that was put has left the device.
  constexpr void drain() {
    while (pl011_fr::f_busy::get(read(pl011_reg::fr))) {
    }
  }
  /// Lets these interrupts through, `pl011_irq` bits, and no others.
  constexpr void set_interrupts(std::uint32_t enabled) { write(pl011_reg::imsc, enabled & pl011_irq::all); }
  /// Has the device interrupt when something was received.
  constexpr void enable_receive_interrupt() { set_interrupts(pl011_irq::rx | pl011_irq::rt); }
  /// The interrupts that are raised and not masked.
  [[nodiscard]] constexpr std::uint32_t interrupts() { return read(pl011_reg::mis); }
  /// Clears these interrupts. Receive interrupts come back when there is still something to get.
  constexpr void acknowledge(std::uint32_t which) { write(pl011_reg::icr, which & pl011_irq::all); }

 private:
  [[nodiscard]] constexpr std::uint32_t read(std::uint64_t offset) { return window_.read32(offset); }
  constexpr void write(std::uint64_t offset, std::uint32_t value) { window_.write32(offset, value); }

  [[nodiscard]] static constexpr result<std::uint8_t, console_error> deliver(std::uint32_t word) {
    if ((word & pl011_dr::damaged) != 0) return failure{console_error::damaged};
    return pl011_dr::f_data::get(word);
  }

  struct receive_state {
    std::uint32_t word{};  ///< read from the device, not yet delivered
    bool has_byte{};       ///< `word` holds something
    bool look_for_loss{};  ///< something was got since RSR was looked at
    bool loss_reported{};  ///< the device will tell again, with its next byte, of a loss already reported
  };

  [[no_unique_address]] Window window_;
  receive_state pending_{};
};
static_assert(ConsolePolicy<pl011<mmio>>);

}  // namespace axhal::console

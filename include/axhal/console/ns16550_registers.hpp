// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::console {

/// Registers of a 16550 by number (PC16550D data sheet, "Registers", 8.0). Some share a number: by direction, or by the
/// divisor latch access bit LCR.DLAB.
// clang-format off
namespace ns16550_reg {
inline constexpr std::uint64_t rbr = 0;  // ro  the oldest byte received; DLAB = 0
inline constexpr std::uint64_t thr = 0;  // wo  a byte to send; DLAB = 0
inline constexpr std::uint64_t dll = 0;  // rw  divisor, low byte; DLAB = 1
inline constexpr std::uint64_t ier = 1;  // rw  interrupts that pass; DLAB = 0
inline constexpr std::uint64_t dlm = 1;  // rw  divisor, high byte; DLAB = 1
inline constexpr std::uint64_t iir = 2;  // ro  the most urgent interrupt; reading ends the transmitter's
inline constexpr std::uint64_t fcr = 2;  // wo  FIFO control
inline constexpr std::uint64_t lcr = 3;  // rw  line control
inline constexpr std::uint64_t mcr = 4;  // rw  modem control
inline constexpr std::uint64_t lsr = 5;  // ro  line status; reading clears the errors
inline constexpr std::uint64_t msr = 6;  // ro  modem status; reading clears the changes
inline constexpr std::uint64_t scr = 7;  // rw  a byte without meaning
}  // namespace ns16550_reg
// clang-format on

/// Interrupt Enable Register ("Interrupt Enable Register", 8.7).
namespace ns16550_ier {
inline constexpr std::uint8_t erbfi = 1U << 0;  ///< something was received, or waits
inline constexpr std::uint8_t etbei = 1U << 1;  ///< there is room to send
inline constexpr std::uint8_t elsi = 1U << 2;   ///< an error or a break was received
inline constexpr std::uint8_t edssi = 1U << 3;  ///< a modem line changed
inline constexpr std::uint8_t all = 0x0f;
}  // namespace ns16550_ier

/// Interrupt Identification Register ("Interrupt Identification Register", 8.6; priorities in table IV).
namespace ns16550_iir {
using f_id = bit_field<std::uint8_t, 3, 0, std::uint8_t>;             ///< one of the numbers below
using f_fifos_enabled = bit_field<std::uint8_t, 7, 6, std::uint8_t>;  ///< 3 with FIFOs on, 0 without
inline constexpr std::uint8_t none = 0x1;
inline constexpr std::uint8_t line_status = 0x6;  ///< most urgent; reading LSR ends it
inline constexpr std::uint8_t received = 0x4;     ///< the FIFO has reached its level; reading RBR below it ends it
inline constexpr std::uint8_t timeout = 0xc;      ///< data waits and no more came for a while; reading RBR ends it
inline constexpr std::uint8_t transmitter = 0x2;  ///< there is room; reading this IIR or writing THR ends it
inline constexpr std::uint8_t modem = 0x0;        ///< least urgent; reading MSR ends it
}  // namespace ns16550_iir

/// FIFO Control Register ("FIFO Control Register", 8.5). Other bits count only where `f_fifo_enable` is set with them.
namespace ns16550_fcr {
using f_fifo_enable = bit_field<bool, 0, 0, std::uint8_t>;
using f_rcvr_reset = bit_field<bool, 1, 1, std::uint8_t>;  ///< goes back to zero by itself
using f_xmit_reset = bit_field<bool, 2, 2, std::uint8_t>;  ///< goes back to zero by itself
using f_dma_mode = bit_field<bool, 3, 3, std::uint8_t>;
using f_rcvr_trigger = bit_field<std::uint8_t, 7, 6, std::uint8_t>;  ///< 1, 4, 8 or 14 bytes interrupt
static_assert(disjoint_fields<f_fifo_enable, f_rcvr_reset, f_xmit_reset, f_dma_mode, f_rcvr_trigger>);
}  // namespace ns16550_fcr

/// Line Control Register ("Line Control Register", 8.1).
namespace ns16550_lcr {
using f_wls = bit_field<std::uint8_t, 1, 0, std::uint8_t>;  ///< bits per word, minus 5
using f_stb = bit_field<bool, 2, 2, std::uint8_t>;          ///< two stop bits
using f_pen = bit_field<bool, 3, 3, std::uint8_t>;
using f_eps = bit_field<bool, 4, 4, std::uint8_t>;
using f_stick_parity = bit_field<bool, 5, 5, std::uint8_t>;
using f_set_break = bit_field<bool, 6, 6, std::uint8_t>;
using f_dlab = bit_field<bool, 7, 7, std::uint8_t>;  ///< numbers 0 and 1 are the divisor
static_assert(disjoint_fields<f_wls, f_stb, f_pen, f_eps, f_stick_parity, f_set_break, f_dlab>);
}  // namespace ns16550_lcr

/// Modem Control Register ("MODEM Control Register", 8.8).
namespace ns16550_mcr {
using f_dtr = bit_field<bool, 0, 0, std::uint8_t>;
using f_rts = bit_field<bool, 1, 1, std::uint8_t>;
using f_out1 = bit_field<bool, 2, 2, std::uint8_t>;
using f_out2 = bit_field<bool, 3, 3, std::uint8_t>;  ///< lets the interrupt out, on a PC
using f_loop = bit_field<bool, 4, 4, std::uint8_t>;
static_assert(disjoint_fields<f_dtr, f_rts, f_out1, f_out2, f_loop>);
}  // namespace ns16550_mcr

/// Line Status Register ("Line Status Register", 8.4).
namespace ns16550_lsr {
using f_dr = bit_field<bool, 0, 0, std::uint8_t>;          ///< something was received
using f_oe = bit_field<bool, 1, 1, std::uint8_t>;          ///< bytes were lost
using f_pe = bit_field<bool, 2, 2, std::uint8_t>;          ///< wrong parity, of the byte that RBR gives next
using f_fe = bit_field<bool, 3, 3, std::uint8_t>;          ///< no stop bit, likewise
using f_bi = bit_field<bool, 4, 4, std::uint8_t>;          ///< break, likewise
using f_thre = bit_field<bool, 5, 5, std::uint8_t>;        ///< room to send: a byte, or a whole FIFO
using f_temt = bit_field<bool, 6, 6, std::uint8_t>;        ///< nothing left to send
using f_fifo_error = bit_field<bool, 7, 7, std::uint8_t>;  ///< an error somewhere in the receive FIFO
inline constexpr std::uint8_t damaged = f_pe::mask | f_fe::mask | f_bi::mask;
static_assert(disjoint_fields<f_dr, f_oe, f_pe, f_fe, f_bi, f_thre, f_temt, f_fifo_error>);
}  // namespace ns16550_lsr

/// Modem Status Register ("MODEM Status Register", 8.9).
namespace ns16550_msr {
using f_dcts = bit_field<bool, 0, 0, std::uint8_t>;  ///< CTS changed
using f_ddsr = bit_field<bool, 1, 1, std::uint8_t>;  ///< DSR changed
using f_teri = bit_field<bool, 2, 2, std::uint8_t>;  ///< RI ended
using f_ddcd = bit_field<bool, 3, 3, std::uint8_t>;  ///< DCD changed
using f_cts = bit_field<bool, 4, 4, std::uint8_t>;
using f_dsr = bit_field<bool, 5, 5, std::uint8_t>;
using f_ri = bit_field<bool, 6, 6, std::uint8_t>;
using f_dcd = bit_field<bool, 7, 7, std::uint8_t>;
inline constexpr std::uint8_t changes = 0x0f;
static_assert(disjoint_fields<f_dcts, f_ddsr, f_teri, f_ddcd, f_cts, f_dsr, f_ri, f_dcd>);
}  // namespace ns16550_msr

/// Why a 16550 cannot be set up.
enum class ns16550_error : std::uint8_t {
  baud_rate,  ///< the input clock cannot be divided to within 3 % of this rate
};

/// What DLM and DLL hold for `baud` bits a second from `clock`: the input clock over 16 times the rate, 1 to 65535
/// ("Programmable Baud Generator", 8.3). `baud_rate` when the nearest divisor misses the rate by more than 3 %, the
/// most that the data sheet's own tables take.
[[nodiscard]] constexpr result<std::uint16_t, ns16550_error> ns16550_divisor_for(hertz clock, std::uint32_t baud) {
  // No clock beyond this can be divided to a rate of 32 bits: no product below overflows.
  if (baud == 0 || clock.value > std::uint64_t{UINT32_MAX} << 21) return failure{ns16550_error::baud_rate};
  std::uint64_t const sampling = std::uint64_t{baud} * 16;
  std::uint64_t const divisor = (clock.value + sampling / 2) / sampling;
  if (divisor < 1 || divisor > 65535) return failure{ns16550_error::baud_rate};
  std::uint64_t const reached = divisor * sampling;
  std::uint64_t const off = reached > clock.value ? reached - clock.value : clock.value - reached;
  if (off * 100 > reached * 3) return failure{ns16550_error::baud_rate};
  return static_cast<std::uint16_t>(divisor);
}

}  // namespace axhal::console

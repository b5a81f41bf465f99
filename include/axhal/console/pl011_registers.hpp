// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::console {

/// Registers of the PrimeCell UART PL011 by byte offset (ARM DDI 0183, "Summary of registers", table 3-1).
// clang-format off
namespace pl011_reg {
inline constexpr std::uint64_t dr        = 0x000;  // rw  data, and on reading its errors
inline constexpr std::uint64_t rsr       = 0x004;  // rw  errors of the last data read; writing (ECR) clears them
inline constexpr std::uint64_t fr        = 0x018;  // ro  flags
inline constexpr std::uint64_t ilpr      = 0x020;  // rw  IrDA low-power divisor
inline constexpr std::uint64_t ibrd      = 0x024;  // rw  baud divisor, integer part
inline constexpr std::uint64_t fbrd      = 0x028;  // rw  baud divisor, 64ths
inline constexpr std::uint64_t lcr_h     = 0x02c;  // rw  line control; writing takes the divisor over
inline constexpr std::uint64_t cr        = 0x030;  // rw  control
inline constexpr std::uint64_t ifls      = 0x034;  // rw  FIFO levels that interrupt
inline constexpr std::uint64_t imsc      = 0x038;  // rw  interrupts that pass
inline constexpr std::uint64_t ris       = 0x03c;  // ro  interrupts before the mask
inline constexpr std::uint64_t mis       = 0x040;  // ro  interrupts after the mask
inline constexpr std::uint64_t icr       = 0x044;  // wo  writing ones clears interrupts
inline constexpr std::uint64_t dmacr     = 0x048;  // rw  DMA control
inline constexpr std::uint64_t periph_id = 0xfe0;  // ro  four bytes, one a word
inline constexpr std::uint64_t pcell_id  = 0xff0;  // ro  four bytes, one a word
}  // namespace pl011_reg
// clang-format on

/// UARTDR as read: the byte and what was wrong with it (DDI 0183, "Data Register, UARTDR", 3.3.1). The same errors
/// stand in UARTRSR from bit 0 on.
namespace pl011_dr {
using f_data = bit_field<std::uint8_t, 7, 0, std::uint32_t>;
using f_fe = bit_field<bool, 8, 8, std::uint32_t>;    ///< no stop bit
using f_pe = bit_field<bool, 9, 9, std::uint32_t>;    ///< wrong parity
using f_be = bit_field<bool, 10, 10, std::uint32_t>;  ///< break
using f_oe = bit_field<bool, 11, 11, std::uint32_t>;  ///< bytes were lost before this one
inline constexpr std::uint32_t damaged = f_fe::mask | f_pe::mask | f_be::mask;
static_assert(disjoint_fields<f_data, f_fe, f_pe, f_be, f_oe>);
}  // namespace pl011_dr

/// UARTRSR (DDI 0183, "Receive Status Register/Error Clear Register, UARTRSR/UARTECR", 3.3.2).
namespace pl011_rsr {
using f_oe = bit_field<bool, 3, 3, std::uint32_t>;
}  // namespace pl011_rsr

/// UARTFR (DDI 0183, "Flag Register, UARTFR", 3.3.3).
namespace pl011_fr {
using f_cts = bit_field<bool, 0, 0, std::uint32_t>;
using f_dsr = bit_field<bool, 1, 1, std::uint32_t>;
using f_dcd = bit_field<bool, 2, 2, std::uint32_t>;
using f_busy = bit_field<bool, 3, 3, std::uint32_t>;  ///< sending
using f_rxfe = bit_field<bool, 4, 4, std::uint32_t>;  ///< nothing received
using f_txff = bit_field<bool, 5, 5, std::uint32_t>;  ///< no room to send
using f_rxff = bit_field<bool, 6, 6, std::uint32_t>;  ///< no room to receive
using f_txfe = bit_field<bool, 7, 7, std::uint32_t>;  ///< nothing left to send
using f_ri = bit_field<bool, 8, 8, std::uint32_t>;
static_assert(disjoint_fields<f_cts, f_dsr, f_dcd, f_busy, f_rxfe, f_txff, f_rxff, f_txfe, f_ri>);
}  // namespace pl011_fr

/// UARTLCR_H (DDI 0183, "Line Control Register, UARTLCR_H", 3.3.7).
namespace pl011_lcr {
using f_brk = bit_field<bool, 0, 0, std::uint32_t>;
using f_pen = bit_field<bool, 1, 1, std::uint32_t>;
using f_eps = bit_field<bool, 2, 2, std::uint32_t>;
using f_stp2 = bit_field<bool, 3, 3, std::uint32_t>;
using f_fen = bit_field<bool, 4, 4, std::uint32_t>;            ///< FIFOs of 16, else of 1
using f_wlen = bit_field<std::uint32_t, 6, 5, std::uint32_t>;  ///< bits per word, minus 5
using f_sps = bit_field<bool, 7, 7, std::uint32_t>;
static_assert(disjoint_fields<f_brk, f_pen, f_eps, f_stp2, f_fen, f_wlen, f_sps>);
}  // namespace pl011_lcr

/// UARTCR (DDI 0183, "Control Register, UARTCR", 3.3.8).
namespace pl011_cr {
using f_uarten = bit_field<bool, 0, 0, std::uint32_t>;
using f_lbe = bit_field<bool, 7, 7, std::uint32_t>;  ///< loop back
using f_txe = bit_field<bool, 8, 8, std::uint32_t>;
using f_rxe = bit_field<bool, 9, 9, std::uint32_t>;
using f_dtr = bit_field<bool, 10, 10, std::uint32_t>;
using f_rts = bit_field<bool, 11, 11, std::uint32_t>;
using f_out1 = bit_field<bool, 12, 12, std::uint32_t>;
using f_out2 = bit_field<bool, 13, 13, std::uint32_t>;
static_assert(disjoint_fields<f_uarten, f_lbe, f_txe, f_rxe, f_dtr, f_rts, f_out1, f_out2>);
}  // namespace pl011_cr

/// Interrupt bits of UARTIMSC, UARTRIS, UARTMIS and UARTICR (DDI 0183, "Interrupts", 2.8).
namespace pl011_irq {
inline constexpr std::uint32_t ri = 1U << 0;   ///< ring indicator changed
inline constexpr std::uint32_t cts = 1U << 1;  ///< clear to send changed
inline constexpr std::uint32_t dcd = 1U << 2;  ///< carrier detect changed
inline constexpr std::uint32_t dsr = 1U << 3;  ///< data set ready changed
inline constexpr std::uint32_t rx = 1U << 4;   ///< the receive FIFO has reached its level
inline constexpr std::uint32_t tx = 1U << 5;   ///< the transmit FIFO has drained to its level
inline constexpr std::uint32_t rt = 1U << 6;   ///< data waits and no more came for a while
inline constexpr std::uint32_t fe = 1U << 7;   ///< framing error
inline constexpr std::uint32_t pe = 1U << 8;   ///< parity error
inline constexpr std::uint32_t be = 1U << 9;   ///< break
inline constexpr std::uint32_t oe = 1U << 10;  ///< overrun
inline constexpr std::uint32_t modem = ri | cts | dcd | dsr;
inline constexpr std::uint32_t all = 0x7ff;
}  // namespace pl011_irq

/// Why a PL011 cannot be set up.
enum class pl011_error : std::uint8_t {
  baud_rate,  ///< the reference clock cannot be divided to this rate
};

/// What IBRD and FBRD hold: the reference clock over 16 times the baud rate, in 64ths.
struct pl011_divisor {
  std::uint16_t integer{};
  std::uint8_t fraction{};
  friend constexpr bool operator==(pl011_divisor, pl011_divisor) = default;
};

/// The divisor nearest to `baud` bits a second from `clock` (DDI 0183, "Fractional Baud Rate Register,
/// UARTFBRD", 3.3.6): 1 to 65535 exactly; `baud_rate` when it lies outside.
[[nodiscard]] constexpr result<pl011_divisor, pl011_error> pl011_divisor_for(hertz clock, std::uint32_t baud) {
  if (baud == 0 || clock.value > UINT64_MAX / 8) return failure{pl011_error::baud_rate};
  std::uint64_t const sixty_fourths = (clock.value * 4 + baud / 2) / baud;
  if (sixty_fourths < 64 || sixty_fourths > std::uint64_t{65535} * 64) return failure{pl011_error::baud_rate};
  return pl011_divisor{static_cast<std::uint16_t>(sixty_fourths / 64), static_cast<std::uint8_t>(sixty_fourths % 64)};
}

}  // namespace axhal::console

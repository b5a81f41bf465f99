// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/vdev/interrupt_message.hpp>

#include <cstdint>

namespace axhal::vdev {

/// The I/O APIC's registers (82093AA data sheet, 3 "Register Description").
namespace io_apic_reg {
// Places in its memory.
inline constexpr std::uint64_t ioregsel = 0x00;
inline constexpr std::uint64_t iowin = 0x10;
inline constexpr std::uint64_t eoi = 0x40;  ///< from version 0x20 on

// What IOREGSEL selects.
inline constexpr std::uint8_t ioapicid = 0x00;
inline constexpr std::uint8_t ioapicver = 0x01;
inline constexpr std::uint8_t ioapicarb = 0x02;
inline constexpr std::uint8_t ioredtbl = 0x10;  ///< two words each: low, high
}  // namespace io_apic_reg

/// An entry of the redirection table (82093AA data sheet, 3.2.4 "I/O Redirection Table Registers").
namespace io_apic_entry {
using f_intvec = bit_field<std::uint8_t, 7, 0>;
using f_delmod = bit_field<unsigned, 10, 8>;
using f_destmod = bit_field<bool, 11>;     ///< logical
using f_delivs = bit_field<bool, 12>;      ///< send pending; never, because messages take no time
using f_intpol = bit_field<bool, 13>;      ///< active low
using f_remote_irr = bit_field<bool, 14>;  ///< accepted, its end not told yet; level-triggered ones alone
using f_trigger = bit_field<bool, 15>;     ///< level
using f_mask = bit_field<bool, 16>;
using f_dest = bit_field<std::uint8_t, 63, 56>;

inline constexpr std::uint64_t writable =
    f_intvec::mask | f_delmod::mask | f_destmod::mask | f_intpol::mask | f_trigger::mask | f_mask::mask | f_dest::mask;
static_assert(writable == 0xff00'0000'0001'afff);
}  // namespace io_apic_entry

/// An I/O APIC as a guest sees it (82093AA data sheet), of version 0x20: with the EOI register of later chip sets.
///
///     device -> set_level -> redirection entry -> sink.deliver(message) -> local APIC
///     local APIC: end of a level-triggered interrupt -> eoi(vector) --^
///
/// A line is up or down as the device means it: the polarity is kept for the guest, and no more. Edges on a masked line
/// are lost, as the data sheet says; a level that is up when its line is unmasked is delivered. A level-triggered
/// interrupt waits for its end (Remote IRR), and is delivered again if the line is still up then. Delivery modes other
/// than fixed and lowest priority are edges whatever the trigger mode says, reserved ones deliver nothing. A guest that
/// makes an entry edge-triggered clears its Remote IRR, on which kernels rely to end an interrupt by hand.
///
/// Registers are words of 32 bits. An access of any size reaches the bytes that it covers: others keep their value, and
/// where no register is, zero is read and nothing written. IOREGSEL and registers that it does not name: the same.
///
/// Not synchronised: the owner holds one lock per guest around each call, of which the sink's work is a part.
template <InterruptSink Sink, unsigned Pins = 24>
class io_apic {
  static_assert(Pins >= 1 && Pins <= 32, "io_apic: 1 to 32 pins");

 public:
  static constexpr std::uint64_t size = 0x1000;  ///< bytes of guest-physical address space
  static constexpr unsigned pin_count = Pins;
  static constexpr std::uint8_t version = 0x20;

  /// With the APIC ID `id`, of four bits, until the guest writes another one.
  constexpr explicit io_apic(Sink sink, std::uint8_t id = 0) : sink_{sink} {
    reset();
    id_ = id & 0x0f;
  }

  [[nodiscard]] constexpr Sink& sink() { return sink_; }

  /// Resets all but the levels of lines: entries are masked, and the ID is 0.
  constexpr void reset() {
    select_ = 0;
    id_ = 0;
    remote_ = 0;
    for (std::uint64_t& e : entries_) e = io_apic_entry::f_mask::mask;
  }

  // --- what the guest does ---

  /// The guest loads `bytes` bytes at `offset`. Changes nothing.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes) const {
    std::uint64_t const place = offset & ~std::uint64_t{3};
    std::uint32_t word = 0;
    if (place == io_apic_reg::iowin) {
      word = selected();
    } else if (place == io_apic_reg::ioregsel) {
      word = select_;
    }
    return word >> 8 * (offset & 3) & low_bits(bytes < 4 ? 8 * bytes : 32);
  }
  /// The guest stores the low `bytes` bytes of `value` at `offset`. May deliver.
  constexpr void write(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    unsigned const shift = 8 * static_cast<unsigned>(offset & 3);
    auto const mask = static_cast<std::uint32_t>(low_bits(bytes < 4 ? 8 * bytes : 32) << shift);
    auto const word = static_cast<std::uint32_t>(value << shift);
    switch (offset & ~std::uint64_t{3}) {
      case io_apic_reg::ioregsel: select_ = static_cast<std::uint8_t>((select_ & ~mask) | (word & mask)); break;
      case io_apic_reg::iowin: write_selected(word, mask); break;
      case io_apic_reg::eoi:
        if ((mask & 0xff) != 0) eoi(static_cast<std::uint8_t>(word));
        break;
      default: break;
    }
  }

  // --- what devices and local APICs do ---

  /// A device drives its line. Pins that do not exist are ignored.
  constexpr void set_level(unsigned pin, bool up) {
    if (pin >= Pins) return;
    std::uint32_t const bit = std::uint32_t{1} << pin;
    bool const rises = up && (lines_ & bit) == 0;
    lines_ = up ? lines_ | bit : lines_ & ~bit;
    if (rises) deliver(pin, true);
  }
  /// A local APIC tells the end of a level-triggered interrupt. Lines that are still up are delivered again.
  constexpr void eoi(std::uint8_t vector) {
    std::uint32_t left = remote_;
    for (unsigned pin = 0; left != 0 && pin < Pins; ++pin, left >>= 1) {
      if ((left & 1) == 0 || io_apic_entry::f_intvec::get(entries_[pin]) != vector) continue;
      remote_ &= ~(std::uint32_t{1} << pin);
      deliver(pin, false);
    }
  }

  // --- what the owner may ask ---

  /// The entry of a pin as the guest reads it; 0 for pins that do not exist.
  [[nodiscard]] constexpr std::uint64_t entry_of(unsigned pin) const {
    if (pin >= Pins) return 0;
    return entries_[pin] | io_apic_entry::f_remote_irr::make((remote_ >> pin & 1) != 0);
  }
  /// True while the end of some interrupt with `vector` is waited for: the local APIC is to tell it.
  [[nodiscard]] constexpr bool waits_for_eoi(std::uint8_t vector) const {
    std::uint32_t left = remote_;
    for (unsigned pin = 0; left != 0 && pin < Pins; ++pin, left >>= 1) {
      if ((left & 1) != 0 && io_apic_entry::f_intvec::get(entries_[pin]) == vector) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] constexpr std::uint32_t selected() const {
    unsigned const index = unsigned{select_} - io_apic_reg::ioredtbl;
    if (index < 2 * Pins) return static_cast<std::uint32_t>(entry_of(index / 2) >> (index % 2 == 0 ? 0 : 32));
    switch (select_) {
      case io_apic_reg::ioapicid:
      case io_apic_reg::ioapicarb: return std::uint32_t{id_} << 24;
      case io_apic_reg::ioapicver: return (Pins - 1) << 16 | version;
      default: return 0;
    }
  }

  constexpr void write_selected(std::uint32_t word, std::uint32_t mask) {
    using namespace io_apic_entry;
    unsigned const index = unsigned{select_} - io_apic_reg::ioredtbl;
    if (index < 2 * Pins) {
      unsigned const pin = index / 2;
      unsigned const shift = index % 2 == 0 ? 0 : 32;
      std::uint64_t const reached = (std::uint64_t{mask} << shift) & writable;
      entries_[pin] = (entries_[pin] & ~reached) | ((std::uint64_t{word} << shift) & reached);
      if (!f_trigger::get(entries_[pin])) remote_ &= ~(std::uint32_t{1} << pin);
      deliver(pin, false);
    } else if (select_ == io_apic_reg::ioapicid && (mask >> 24) != 0) {
      id_ = static_cast<std::uint8_t>(word >> 24 & 0x0f);
    }
  }

  /// Sends what pin's entry says if there is something to send: an edge that `rises`, or a level that is up.
  constexpr void deliver(unsigned pin, bool rises) {
    using namespace io_apic_entry;
    std::uint64_t const e = entries_[pin];
    std::uint32_t const bit = std::uint32_t{1} << pin;
    unsigned const mode = f_delmod::get(e);
    if (f_mask::get(e) || (lines_ & bit) == 0 || !is_interrupt_delivery(mode)) return;
    bool const level = f_trigger::get(e) && mode <= static_cast<unsigned>(interrupt_delivery::lowest_priority);
    if (level ? (remote_ & bit) != 0 : !rises) return;
    if (level) remote_ |= bit;
    sink_.deliver(interrupt_message{f_dest::get(e), f_destmod::get(e), f_intvec::get(e),
                                    static_cast<interrupt_delivery>(mode), level});
  }

  Sink sink_;
  std::uint64_t entries_[Pins]{};
  std::uint32_t lines_{};   ///< what devices drive
  std::uint32_t remote_{};  ///< Remote IRR, a bit for each pin
  std::uint8_t select_{};
  std::uint8_t id_{};
};

}  // namespace axhal::vdev

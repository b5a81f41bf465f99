// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// What local APICs, I/O APICs and devices send to local APICs: the content of ICR, of a redirection entry, of a
/// message signalled interrupt. Any combination of values is one; what makes no sense is for those who route it to
/// ignore.
struct apic_message {
  /// The destination that is every local APIC, in both modes, also where 8 bits of ones were written for it.
  static constexpr std::uint32_t everyone = apic_registers::x2apic_broadcast;

  std::uint32_t destination{};  ///< an APIC ID, or a set in the form of LDR
  apic_destination_mode destination_mode{apic_destination_mode::physical};
  apic_delivery_mode mode{apic_delivery_mode::fixed};
  std::uint8_t vector{};
  apic_trigger trigger{apic_trigger::edge};
  bool asserted{true};  ///< false: a level goes away
  bool to_one_only{};   ///< the redirection hint: to the one of the destinations that has the lowest priority
  friend constexpr bool operator==(apic_message const&, apic_message const&) = default;

  /// A destination of 8 bits, which has ones for everyone.
  [[nodiscard]] static constexpr std::uint32_t widened(std::uint32_t destination) {
    return (destination & 0xff) == apic_registers::broadcast ? everyone : destination & 0xff;
  }
  /// True when one of the destinations is to be chosen by its priority.
  [[nodiscard]] constexpr bool chooses() const { return to_one_only || mode == apic_delivery_mode::lowest_priority; }
};

/// Why there is no message, or none in this form.
enum class msi_error : std::uint8_t {
  not_a_message,  ///< the address is ordinary memory
  out_of_range,   ///< a destination that 8 bits cannot name
};

/// A message signalled interrupt as a device stores it: 32 bits to an address (Intel SDM vol. 3, "Message Signalled
/// Interrupts").
struct msi {
  std::uint64_t address{};
  std::uint32_t data{};
  friend constexpr bool operator==(msi const&, msi const&) = default;

  // "Message Address Register Format"
  using f_destination_mode = apic_field<apic_destination_mode, 2>;
  using f_redirection_hint = apic_field<bool, 3>;
  using f_destination = apic_field<std::uint32_t, 19, 12>;
  using f_prefix = bit_field<std::uint64_t, 63, 20>;
  static constexpr std::uint64_t prefix = 0xfee;  ///< of every message's address

  // "Message Data Register Format"
  using f_vector = apic_field<std::uint8_t, 7, 0>;
  using f_delivery_mode = apic_field<apic_delivery_mode, 10, 8>;
  using f_assert = apic_field<bool, 14>;  ///< counts for levels alone
  using f_trigger = apic_field<apic_trigger, 15>;

  /// The message that a store of `data` to `address` is; `not_a_message` outside the megabyte at 0xfee0'0000.
  [[nodiscard]] constexpr result<apic_message, msi_error> message() const {
    if (f_prefix::get(address) != prefix) return failure{msi_error::not_a_message};
    auto const low = static_cast<std::uint32_t>(address);
    apic_trigger const trigger = f_trigger::get(data);
    return apic_message{.destination = apic_message::widened(f_destination::get(low)),
                        .destination_mode = f_destination_mode::get(low),
                        .mode = f_delivery_mode::get(data),
                        .vector = f_vector::get(data),
                        .trigger = trigger,
                        .asserted = trigger == apic_trigger::edge || f_assert::get(data),
                        .to_one_only = f_redirection_hint::get(low)};
  }
  /// What a device must store to send `m`; `out_of_range` for destinations past 8 bits, and for 255, which would be
  /// everyone.
  [[nodiscard]] static constexpr result<msi, msi_error> of(apic_message const& m) {
    if (m.destination >= apic_registers::broadcast && m.destination != apic_message::everyone) {
      return failure{msi_error::out_of_range};
    }
    std::uint32_t const low = f_destination::make(m.destination & 0xff) | f_redirection_hint::make(m.to_one_only) |
                              f_destination_mode::make(m.destination_mode);
    return msi{.address = f_prefix::make(prefix) | low,
               .data = f_vector::make(m.vector) | f_delivery_mode::make(m.mode) | f_assert::make(m.asserted) |
                       f_trigger::make(m.trigger)};
  }
};

/// What a processor asks of its local APIC by a write of ICR.
struct apic_command {
  apic_message message{};
  apic_shorthand shorthand{apic_shorthand::none};
  friend constexpr bool operator==(apic_command const&, apic_command const&) = default;

  /// The command in both halves of ICR, as xAPIC mode has them. Level and trigger mode count for INIT alone, as in all
  /// processors since the Pentium 4 ("Interrupt Command Register (ICR)").
  [[nodiscard]] static constexpr apic_command of_xapic(std::uint32_t high, std::uint32_t low) {
    return of(low, apic_message::widened(apic_icr::f_high_destination::get(high)));
  }
  /// The same in x2APIC mode, from the whole MSR.
  [[nodiscard]] static constexpr apic_command of_x2apic(std::uint64_t icr) {
    return of(static_cast<std::uint32_t>(icr), static_cast<std::uint32_t>(icr >> 32));
  }

 private:
  [[nodiscard]] static constexpr apic_command of(std::uint32_t low, std::uint32_t destination) {
    apic_delivery_mode const mode = apic_icr::f_delivery_mode::get(low);
    bool const is_init = mode == apic_delivery_mode::init;
    return {.message = {.destination = destination,
                        .destination_mode = apic_icr::f_destination_mode::get(low),
                        .mode = mode,
                        .vector = apic_icr::f_vector::get(low),
                        .trigger = is_init ? apic_icr::f_trigger::get(low) : apic_trigger::edge,
                        .asserted = !is_init || apic_icr::f_trigger::get(low) == apic_trigger::edge ||
                                    apic_icr::f_assert::get(low)},
            .shorthand = apic_icr::f_shorthand::get(low)};
  }
};

}  // namespace axhal::x86_64

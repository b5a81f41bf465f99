// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::vdev {

/// What a message asks of the local APIC that takes it (82093AA data sheet, 3.2.4 "I/O Redirection Table Registers").
/// The numbers are the hardware's; 3 and 6 are reserved.
enum class interrupt_delivery : std::uint8_t {
  fixed = 0,            ///< the vector, at all CPUs of the destination
  lowest_priority = 1,  ///< the vector, at one of them
  smi = 2,              ///< system management interrupt
  nmi = 4,              ///< non-maskable interrupt; the vector means nothing
  init = 5,             ///< INIT; the vector means nothing
  ext_int = 7,          ///< the vector comes from the interrupt controller outside (the 8259A pair)
};

/// True for the numbers that name a delivery mode.
[[nodiscard]] constexpr bool is_interrupt_delivery(unsigned number) {
  return number <= 7 && (0xb7U >> number & 1) != 0;
}

/// An interrupt on its way to local APICs.
struct interrupt_message {
  std::uint32_t destination{};  ///< an APIC ID, or with `logical` a set of them
  bool logical{};
  std::uint8_t vector{};
  interrupt_delivery delivery{};
  bool level{};  ///< level-triggered: the end of the interrupt is to be told to the sender

  friend constexpr bool operator==(interrupt_message const&, interrupt_message const&) = default;
};

/// Where messages go: the guest's local APICs. Every message is accepted. `deliver` does not call the sender back.
template <typename S>
concept InterruptSink = requires(S& s, interrupt_message const& message) {
  { s.deliver(message) } -> std::same_as<void>;
};

}  // namespace axhal::vdev

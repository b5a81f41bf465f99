// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// The one numbering of a machine's interrupts.
namespace apic_irq {
inline constexpr std::uint32_t ipi_count = 8;
inline constexpr irq_number timer{8};  ///< the local APIC's timer, an edge
inline constexpr irq_number thermal{9};
inline constexpr irq_number performance{10};
inline constexpr irq_number cmci{11};
inline constexpr irq_number error{12};
inline constexpr std::uint32_t first_message = 32;  ///< messages of devices, as `add_message` gives them out
inline constexpr std::uint32_t message_count = 32;
inline constexpr std::uint32_t first_gsi = 64;  ///< global system interrupt n is 64 + n

/// An interrupt between CPUs, `n` below `ipi_count`.
[[nodiscard]] constexpr irq_number ipi(std::uint32_t n) { return {n}; }
/// A line of an I/O APIC.
[[nodiscard]] constexpr irq_number gsi(std::uint32_t n) { return {first_gsi + n}; }
}  // namespace apic_irq

/// The vectors that this CPU has taken: a processor takes an interrupt by itself, through the gate of its vector, and
/// no register tells which it was. `take()` is the highest that was taken and not asked for. Models:
/// x86_64::taken_vectors, CPUs in tests.
template <typename V>
concept VectorSource = requires {
  { static_cast<bool>(V::take()) } -> std::same_as<bool>;
  { *V::take() } -> std::convertible_to<std::uint8_t>;
};

}  // namespace axhal::x86_64

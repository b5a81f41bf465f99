// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Exceptions by their vectors (Intel SDM vol. 3, "Exceptions and Interrupts", table "Protected-Mode Exceptions and
/// Interrupts").
enum class exception : std::uint8_t {
  de = 0,
  db = 1,
  nmi = 2,
  bp = 3,
  of = 4,
  br = 5,
  ud = 6,
  nm = 7,
  df = 8,
  ts = 10,
  np = 11,
  ss = 12,
  gp = 13,
  pf = 14,
  mf = 16,
  ac = 17,
  mc = 18,
  xm = 19,
  ve = 20,
  cp = 21,
};

/// What kind of event goes through the guest's IDT. The numbers are both manuals' (Intel SDM vol. 3, "VM-Entry
/// Interruption-Information Field"; AMD64 APM vol. 2, "Event Injection", which has the first, third, fourth and fifth).
enum class event_type : std::uint8_t {
  external_interrupt = 0,
  nmi = 2,
  hardware_exception = 3,
  software_interrupt = 4,
  privileged_software_exception = 5,  ///< INT1
  software_exception = 6,             ///< INT3, INTO
};

/// The word in which both processors are told to deliver an event on entry, and tell of one that an exit interrupted.
namespace event_word {
using f_vector = bit_field<std::uint8_t, 7, 0, std::uint32_t>;
using f_type = bit_field<event_type, 10, 8, std::uint32_t>;
using f_error_code_valid = bit_field<bool, 11, 11, std::uint32_t>;
using f_valid = bit_field<bool, 31, 31, std::uint32_t>;
}  // namespace event_word

/// An event for the guest: what it takes before its next instruction.
struct guest_event {
  std::uint8_t vector{};
  event_type type{event_type::hardware_exception};
  bool has_error_code{};
  std::uint32_t error_code{};
  std::uint8_t length{};  ///< bytes of the instruction, for the software types; 0 otherwise
  friend constexpr bool operator==(guest_event const&, guest_event const&) = default;

  [[nodiscard]] constexpr std::uint32_t word() const {
    using namespace event_word;
    return f_vector::make(vector) | f_type::make(type) | f_error_code_valid::make(has_error_code) | f_valid::mask;
  }
  /// The event that a valid `word` tells of.
  [[nodiscard]] static constexpr guest_event of(std::uint32_t word, std::uint32_t error_code, std::uint8_t length = 0) {
    using namespace event_word;
    bool const has = f_error_code_valid::get(word);
    return {f_vector::get(word), f_type::get(word), has, has ? error_code : 0, length};
  }
};

[[nodiscard]] constexpr guest_event exception_event(exception e) {
  return {.vector = static_cast<std::uint8_t>(e), .type = event_type::hardware_exception};
}
[[nodiscard]] constexpr guest_event exception_event(exception e, std::uint32_t error_code) {
  return {static_cast<std::uint8_t>(e), event_type::hardware_exception, true, error_code};
}
[[nodiscard]] constexpr guest_event interrupt_event(std::uint8_t vector) {
  return {.vector = vector, .type = event_type::external_interrupt};
}
[[nodiscard]] constexpr guest_event nmi_event() { return {.vector = 2, .type = event_type::nmi}; }

}  // namespace axhal::x86_64

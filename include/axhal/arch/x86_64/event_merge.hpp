// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The guest cannot be told of its fault any more: the processor shuts down.
struct triple_fault {
  friend constexpr bool operator==(triple_fault, triple_fault) = default;
};

/// What matters about an event when another one comes before it was delivered (Intel SDM vol. 3, "Interrupt 8 - Double
/// Fault Exception (#DF)", table "Interrupt and Exception Classes"; AMD64 APM vol. 2, "#DF - Double-Fault Exception").
enum class event_class : std::uint8_t {
  benign,  ///< interrupts, NMI, INT n, and exceptions that are taken one after the other
  contributory,
  page_fault,
  double_fault,
};

[[nodiscard]] constexpr event_class class_of(guest_event const& e) {
  if (e.type != event_type::hardware_exception) return event_class::benign;
  switch (static_cast<exception>(e.vector)) {
    case exception::de:
    case exception::ts:
    case exception::np:
    case exception::ss:
    case exception::gp:
    case exception::cp: return event_class::contributory;
    case exception::pf:
    case exception::ve: return event_class::page_fault;
    case exception::df: return event_class::double_fault;
    default: return event_class::benign;
  }
}

/// What the guest takes when `second`, an exception, comes while `first` is being delivered: `second`, a double fault
/// instead of both, or none any more (the same section, table "Conditions for Generating a Double Fault").
[[nodiscard]] constexpr result<guest_event, triple_fault> merge(guest_event const& first, guest_event const& second) {
  event_class const before = class_of(first);
  event_class const now = class_of(second);
  if (now == event_class::benign) return second;
  switch (before) {
    case event_class::benign: return second;
    case event_class::contributory:
      if (now == event_class::page_fault) return second;
      break;
    case event_class::page_fault: break;
    case event_class::double_fault: return failure{triple_fault{}};
  }
  return exception_event(exception::df, 0);
}

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/console.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::laws {

/// The other end of a console's wire. `take()` gives the next byte that arrives, or `empty` when none is under
/// way; `send(byte)` sends one; `depth` bytes sent and not yet got are kept by the console, more are not.
template <typename E>
concept ConsoleFarEnd = requires(E& e, std::uint8_t byte) {
  { e.take() } -> std::same_as<result<std::uint8_t, console_error>>;
  { e.send(byte) } -> std::same_as<void>;
  { e.depth } -> std::convertible_to<unsigned>;
};

/// The number of the first law of `ConsolePolicy` that `console`, with `far` at the other end, breaks, or 0.
/// Precondition: nothing is under way in either direction.
template <ConsolePolicy C, ConsoleFarEnd E>
constexpr int first_broken_console_law(C& console, E& far) {
  for (unsigned put = 0, taken = 0; put < 256 || taken < 256;) {
    bool const ready = put < 256 && console.can_put();
    if (ready) console.put(static_cast<std::uint8_t>(put++));
    auto const got = far.take();
    if (got && *got != taken) return 1;
    if (got) ++taken;
    // Nothing goes in and nothing comes out: what is missing will never come.
    if (!ready && !got) return 1;
  }
  if (far.take().has_value()) return 1;

  if (console.get() != failure{console_error::empty}) return 2;
  if (console.get() != failure{console_error::empty}) return 2;

  // Twice, with other bytes: the device's storage is reused.
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < far.depth; ++i) far.send(static_cast<std::uint8_t>(255 - i + round));
    for (unsigned i = 0; i < far.depth; ++i) {
      if (console.get() != static_cast<std::uint8_t>(255 - i + round)) return 3;
    }
    if (console.get() != failure{console_error::empty}) return 3;
  }

  for (unsigned i = 0; i < far.depth + 3; ++i) far.send(static_cast<std::uint8_t>(i));
  unsigned got = 0;
  unsigned losses = 0;
  for (;;) {
    auto const next = console.get();
    if (next == failure{console_error::empty}) break;
    if (next == failure{console_error::overrun}) {
      if (++losses > 1) return 4;
    } else if (next != static_cast<std::uint8_t>(got)) {
      return 4;
    } else if (++got > far.depth) {
      return 4;
    }
  }
  // What comes after the loss arrives; the loss is told once, here where it was not told yet.
  far.send(0x5a);
  auto next = console.get();
  if (next == failure{console_error::overrun}) {
    ++losses;
    next = console.get();
  }
  if (losses != (console_hides_loss<C> ? 0 : 1) || got != far.depth || next != std::uint8_t{0x5a}) return 4;
  if (console.get() != failure{console_error::empty}) return 4;
  return 0;
}

}  // namespace axhal::laws

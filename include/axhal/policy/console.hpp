// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Why a console gave no byte.
enum class console_error : std::uint8_t {
  empty,    ///< nothing was received
  overrun,  ///< bytes were lost before this one could be read
  damaged,  ///< the byte arrived with a framing or parity error, or as a break
};

namespace console_req {

template <typename C>
concept Sends = requires(C& c, std::uint8_t byte) {
  { c.can_put() } -> std::same_as<bool>;
  { c.put(byte) } -> std::same_as<void>;
};

template <typename C>
concept Receives = requires(C& c) {
  { c.get() } -> std::same_as<result<std::uint8_t, console_error>>;
};

}  // namespace console_req

/// A stream of bytes out and in.
///
/// `put` sends one byte, waiting until the device takes it. `can_put()` is false when `put` would wait; a console
/// behind a call that waits by itself cannot know, and says true. Bytes leave in the order they were put. `get` never
/// waits. No byte is translated: who wants CR LF sends it. A model that cannot learn of lost bytes says so by a
/// constant `hides_loss` that is true; without one it tells of each loss.
///
/// Laws (conformance/console_laws.hpp, run on a model with a far end):
///   1. what is put arrives at the far end, all of it, in order, unchanged
///   2. `get` with nothing received is `empty`
///   3. what the far end sends is got, in order, unchanged, up to the device's depth
///   4. past that depth the loss is told once as `overrun`, or never with `hides_loss`; the rest is got, in order
///
/// Models: console::pl011, console::ns16550, riscv64::sbi_console, host::console.
template <typename C>
concept ConsolePolicy = console_req::Sends<C> && console_req::Receives<C>;

/// True when `C` cannot tell that bytes were lost.
template <typename C>
inline constexpr bool console_hides_loss = requires { requires C::hides_loss; };

/// Names every requirement `C` misses, one error each.
template <typename C>
consteval bool explain_console_policy() {
  static_assert(console_req::Sends<C>, "ConsolePolicy: needs `can_put() -> bool` and `put(uint8_t)`");
  static_assert(console_req::Receives<C>, "ConsolePolicy: needs `get() -> result<uint8_t, console_error>`");
  return ConsolePolicy<C>;
}

}  // namespace axhal

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/console.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::host {

/// A console with its far end in the same object: what is put is kept for `take`, what is sent is kept for `get`.
///
/// Both directions hold `Depth` bytes. A full transmitter drops its oldest byte when `put` insists, as nobody else
/// could make room while it waits.
template <std::size_t Depth = 256>
class console {
  static_assert(Depth > 0, "host::console: needs room for one byte at least");

 public:
  static constexpr std::size_t depth = Depth;

  // --- ConsolePolicy ---

  [[nodiscard]] constexpr bool can_put() const { return out_.size < Depth; }
  constexpr void put(std::uint8_t byte) {
    if (out_.size == Depth) out_.pop();
    out_.push(byte);
  }
  constexpr result<std::uint8_t, console_error> get() {
    if (in_.size > 0) return in_.pop();
    if (lost_) {
      lost_ = false;
      return failure{console_error::overrun};
    }
    return failure{console_error::empty};
  }

  // --- the far end ---

  /// The next byte that was put, or `empty`.
  constexpr result<std::uint8_t, console_error> take() {
    if (out_.size == 0) return failure{console_error::empty};
    return out_.pop();
  }
  /// Sends a byte to the console; it is lost when the console is full.
  constexpr void send(std::uint8_t byte) {
    if (in_.size == Depth) {
      lost_ = true;
    } else {
      in_.push(byte);
    }
  }

 private:
  struct ring {
    std::uint8_t data[Depth]{};
    std::size_t first{};
    std::size_t size{};
    constexpr void push(std::uint8_t b) { data[(first + size++) % Depth] = b; }
    constexpr std::uint8_t pop() {
      std::uint8_t const b = data[first];
      first = (first + 1) % Depth;
      --size;
      return b;
    }
  };
  ring out_{};
  ring in_{};
  bool lost_{};
};
static_assert(ConsolePolicy<console<>>);

}  // namespace axhal::host

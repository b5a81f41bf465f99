// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/console.hpp>

#include "support/uart_ends.hpp"

#include <cstdint>
#include <deque>

namespace axhal::test {

/// A virtual UART on a bench: the device, and the far end of its wire.
template <template <typename> typename Uart>
struct uart_bench {
  static constexpr unsigned depth = 16;
  using device_type = Uart<keeping_sink>;
  using window = device_window<device_type>;
  static_assert(MmioWindow<window>);

  std::deque<std::uint8_t> sent{};
  device_type device{keeping_sink{&sent}};

  result<std::uint8_t, console_error> take() {
    if (sent.empty()) return failure{console_error::empty};
    std::uint8_t const b = sent.front();
    sent.pop_front();
    return b;
  }
  void send(std::uint8_t b) { device.receive(b); }
};

}  // namespace axhal::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/console.hpp>
#include <axhal/vdev/ns16550.hpp>

#include "support/uart_ends.hpp"

#include <cstdint>
#include <deque>

namespace axhal::test {

/// A virtual 16550 on a bench: the device, and the far end of its wire.
struct ns16550_bench {
  static constexpr unsigned depth = 16;
  using device_type = vdev::ns16550<keeping_sink>;
  using window = device_window<device_type>;

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
static_assert(MmioWindow<ns16550_bench::window>);

}  // namespace axhal::test

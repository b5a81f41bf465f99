// SPDX-License-Identifier: BSL-1.0
// EXPECT: ByteSink
#include <axhal/vdev/ns16550.hpp>

#include <cstdint>

struct sink {
#if defined(AXHAL_CORRECT)
  void put(std::uint8_t) {}
#endif
};
[[maybe_unused]] axhal::vdev::ns16550<sink> uart{sink{}};

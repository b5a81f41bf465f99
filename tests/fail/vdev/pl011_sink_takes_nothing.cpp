// SPDX-License-Identifier: BSL-1.0
// EXPECT: ByteSink
#include <axhal/vdev/pl011.hpp>

#include <cstdint>

struct sink {
#if defined(AXHAL_CORRECT)
  void put(std::uint8_t) {}
#endif
};
[[maybe_unused]] axhal::vdev::pl011<sink> uart{sink{}};

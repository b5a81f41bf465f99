// SPDX-License-Identifier: BSL-1.0
// EXPECT: device_map: a range is at least 8 bytes and ends inside the address space
#include <axhal/vdev/device_map.hpp>

struct device {
  std::uint64_t read(std::uint64_t, unsigned) { return 0; }
  void write(std::uint64_t, unsigned, std::uint64_t) {}
};
#if defined(AXHAL_CORRECT)
constexpr std::uint64_t size = 0x1000;
#else
constexpr std::uint64_t size = 0x1001;
#endif
device d;
axhal::device_map map{axhal::mapped<axhal::guest_range{{0xffff'ffff'ffff'f000}, size}, device>{d}};

// SPDX-License-Identifier: BSL-1.0
// EXPECT: device_map: a device needs `read\(offset, size\) -> uint64_t` and `write\(offset, size, value\)`
#include <axhal/vdev/device_map.hpp>

struct device {
  std::uint64_t read(std::uint64_t, unsigned) { return 0; }
#if defined(AXHAL_CORRECT)
  void write(std::uint64_t, unsigned, std::uint64_t) {}
#endif
};
device d;
axhal::device_map map{axhal::mapped<axhal::guest_range{{0x0900'0000}, 0x1000}, device>{d}};

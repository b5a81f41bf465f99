// SPDX-License-Identifier: BSL-1.0
// Two devices at one address: the message names both.
// EXPECT: device_map: two devices claim the same address
// EXPECT: serial_port
// EXPECT: real_time_clock
#include <axhal/vdev/device_map.hpp>

struct device {
  std::uint64_t read(std::uint64_t, unsigned) { return 0; }
  void write(std::uint64_t, unsigned, std::uint64_t) {}
};
struct serial_port : device {};
struct real_time_clock : device {};
struct disk : device {};

#if defined(AXHAL_CORRECT)
constexpr std::uint64_t clock_at = 0x0900'1000;
#else
constexpr std::uint64_t clock_at = 0x0900'0fff;
#endif

serial_port serial;
real_time_clock rtc;
disk store;
axhal::device_map map{axhal::mapped<axhal::guest_range{{0x0a00'0000}, 0x1000}, disk>{store},
                      axhal::mapped<axhal::guest_range{{0x0900'0000}, 0x1000}, serial_port>{serial},
                      axhal::mapped<axhal::guest_range{{clock_at}, 0x1000}, real_time_clock>{rtc}};

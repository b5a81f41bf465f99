// SPDX-License-Identifier: BSL-1.0
// A guest with two devices: who answers at an address is found by comparisons that the compiler writes.
#include <axhal/vdev/device_map.hpp>

#include <cstdio>

using namespace axhal;

struct lamp {
  bool lit = false;
  std::uint64_t read(std::uint64_t, unsigned) const { return lit; }
  void write(std::uint64_t, unsigned, std::uint64_t value) { lit = (value & 1) != 0; }
};
struct counter {
  std::uint64_t count = 0;
  std::uint64_t read(std::uint64_t, unsigned) { return count++; }
  void write(std::uint64_t, unsigned, std::uint64_t value) { count = value; }
};

int main() {
  lamp light;
  counter clicks;
  device_map devices{mapped<guest_range{{0x0901'0000}, 0x1000}, counter>{clicks},
                     mapped<guest_range{{0x0900'0000}, 0x1000}, lamp>{light}};
  constexpr vcpu_number first{0};

  (void)devices.write(first, {0x0900'0000}, 4, 1);
  (void)devices.read(first, {0x0901'0000}, 4);
  auto const clicked = devices.read(first, {0x0901'0000}, 4);
  auto const nothing = devices.read(first, {0x0a00'0000}, 4);
  std::printf("lit %d, clicked %d, a hole answers: %s\n", light.lit, static_cast<int>(*clicked),
              nothing ? "yes" : "no");
  return light.lit && clicked == device_value{1, true} && !nothing ? 0 : 1;
}

// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its CMOS clock at any time.
#include <axhal/vdev/mc146818.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace axhal;
  using test::require;
  test::fuzz_input in{data, size};
  nanoseconds now{(in.next<std::uint32_t>() + std::uint64_t{1}) * 1'000'000'000};
  vdev::mc146818 rtc{now};
  nanoseconds latest = now;
  auto const rd = [&](unsigned index) {
    rtc.write(0, 1, index, now);
    return static_cast<unsigned>(rtc.read(1, 1, now));
  };
  auto const wr = [&](unsigned index, unsigned value) {
    rtc.write(0, 1, index, now);
    rtc.write(1, 1, value, now);
  };
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    latest = latest < now ? now : latest;
    auto const what = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    switch (what & 7) {
      case 0: {
        unsigned const bytes = in.next<std::uint8_t>();
        std::uint64_t const value = rtc.read(wild ? in.next<std::uint64_t>() : 1, bytes, now);
        if (bytes == 1) require(value <= 0xff);
        break;
      }
      case 1: {
        auto const offset = wild ? in.next<std::uint64_t>() : 1;
        rtc.write(offset, in.next<std::uint8_t>(), in.next<std::uint64_t>(), now);
        break;
      }
      case 2:
      case 3: wr(wild ? in.next<std::uint8_t>() : what >> 3, in.next<std::uint8_t>()); break;
      case 4: now.value += wild ? in.next<std::uint64_t>() >> (what >> 3 & 15) : in.next<std::uint32_t>(); break;
      case 5:
        if (wild) rtc.reset();
        break;
      case 6: {
        // Flags, their sum, and the line agree; reading ends them.
        bool const line = rtc.irq_level(now);
        unsigned const b = rd(11);
        unsigned const c = rd(12);
        require((c & 0x0f) == 0 && ((c & 0x80) != 0) == line && ((c & b & 0x70) != 0) == line);
        require(!rtc.irq_level(now) && rd(12) == 0 && rd(13) == 0x80);
        break;
      }
      default: {
        // The line rises when it was foretold, and not before.
        nanoseconds const at = rtc.next_edge(now);
        if (at == vdev::mc146818::never || at <= now) break;
        require(!rtc.irq_level({at.value - 1}));
        require(rtc.irq_level(at));
        now = at;
        break;
      }
    }
  }
  // Whatever it has done: a guest that sets the clock afresh can use it.
  now = latest < now ? now : latest;
  if (now.value > UINT64_MAX - 100'000'000'000) return 0;
  wr(11, 0x82);
  wr(10, 0x76);
  constexpr unsigned values[] = {0x58, 0xff, 0x59, 0xff, 0x23, 0xff, 0x01, 0x31, 0x12, 0x99};
  for (unsigned i = 0; i < 10; ++i) wr(i, values[i]);
  wr(0x32, 0x20);
  wr(10, 0x26);
  wr(11, 0x02);
  now.value += 1'500'000'000;
  require(rd(0) == 0x00 && rd(2) == 0 && rd(4) == 0 && rd(6) == 2 && rd(7) == 0x01 && rd(8) == 0x01);
  require(rd(9) == 0x00 && rd(0x32) == 0x21);
  return 0;
}

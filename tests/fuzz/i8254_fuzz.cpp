// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its timer at any time: one counter beside the same one clocked pulse by pulse, and the
// whole device with accesses of any kind.
#include <axhal/vdev/i8254.hpp>

#include "support/fuzz_input.hpp"
#include "support/i8254_reference.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using test::fuzz_input;
using test::require;

void counter(fuzz_input in) {
  bool const gate = (in.next<std::uint8_t>() & 1) != 0;
  test::i8254_reference slow{gate};
  vdev::i8254_element fast{gate};
  std::uint64_t now = vdev::i8254_element::origin;
  std::uint64_t left = 2'000;  // pulses of the slow one
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    switch (what & 7) {
      case 0:
        slow.set_mode(what >> 4);
        fast.set_mode(what >> 4, now);
        break;
      case 1:
      case 2: {
        std::uint16_t const count = (what & 8) != 0 ? in.next<std::uint16_t>() : what >> 4;
        slow.set_count(count);
        fast.set_count(count, now);
        break;
      }
      case 3:
        slow.begin_count();
        fast.begin_count(now);
        break;
      case 4:
        slow.set_gate((what & 8) != 0);
        fast.set_gate((what & 8) != 0, now);
        break;
      default: {
        std::uint64_t wait = (what & 0xf8) == 0xf8 ? in.next<std::uint16_t>() : what >> 3;
        if (wait > left) wait = left;
        left -= wait;
        std::uint64_t const rise = fast.next_rise(now);
        require(rise > now);
        for (; wait > 0; --wait) {
          bool const was = slow.out();
          slow.clock();
          ++now;
          if (now <= rise) require((!was && slow.out()) == (now == rise));
        }
        break;
      }
    }
    require(fast.out(now) == slow.out());
    require(fast.count(now) == slow.count());
    require(fast.null_count(now) == slow.null_count());
  }
}

void device(fuzz_input in) {
  auto const rate = in.next<std::uint32_t>();
  vdev::i8254 pit{{rate == 0 ? 1 : rate}};
  ticks now{in.next<std::uint32_t>()};
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    std::uint64_t const offset = wild ? in.next<std::uint64_t>() : what >> 4 & 3U;
    unsigned const bytes = wild ? in.next<std::uint8_t>() : 1;
    switch (what & 7) {
      case 0: {
        std::uint64_t const value = pit.read(offset, bytes, now);
        if (bytes == 1) require(value <= 0xff);
        break;
      }
      case 1:
      case 2:
      case 3: pit.write(offset, bytes, in.next<std::uint64_t>(), now); break;
      case 4: pit.write_control_b(in.next<std::uint8_t>(), now); break;
      case 5: {
        std::uint8_t const b = pit.read_control_b(now);
        require((b & 0xc0) == 0 && ((b & 0x20) != 0) == pit.output(2, now));
        require(!pit.speaker(now) || (b & 0x22) == 0x22);
        break;
      }
      case 6: now.value = wild ? in.next<std::uint64_t>() : now.value + in.next<std::uint16_t>(); break;
      default: {
        // The edge comes when it was foretold, and not before.
        (void)pit.take_edge(now);
        ticks const at = pit.next_edge(now);
        if (at == vdev::i8254::never || at.value <= now.value) break;
        require(!pit.take_edge({at.value - 1}));
        require(pit.take_edge(at));
        now = at;
        break;
      }
    }
  }
  // Whatever it has done: a guest that programs the counter afresh can use it.
  if (now.value > UINT64_MAX / 4) return;
  vdev::i8254 copy = pit;
  copy.write(3, 1, 0x34, now);
  copy.write(0, 1, 0x00, now);
  copy.write(0, 1, 0x10, now);
  (void)copy.take_edge(now);
  require(copy.output(0, now));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  counter({data, size});
  device({data, size});
  return 0;
}

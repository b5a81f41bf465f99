// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its UART, and a host that receives and takes at any time.
#include <axhal/vdev/pl011.hpp>

#include "support/fuzz_input.hpp"
#include "support/uart_bench.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;

template <typename Device>
void check(Device& d) {
  // Reading these has no side effect.
  std::uint64_t const ris = d.read(0x3c, 4);
  std::uint64_t const mis = d.read(0x40, 4);
  std::uint64_t const fr = d.read(0x18, 4);
  require(d.irq_level() == (mis != 0));
  require(mis == (ris & d.read(0x38, 4)));
  require((ris & ~std::uint64_t{0x7ff}) == 0 && (fr & ~std::uint64_t{0x1ff}) == 0);
  require((fr & 0x50) != 0x50 && (fr & 0xa0) != 0xa0);  // not empty and full at once
  require(((fr & 0x08) != 0) == ((fr & 0x80) == 0));    // busy while something is left
  if ((fr & 0x10) != 0) require((ris & 0x40) == 0);     // no timeout without data
  if ((fr & 0x40) != 0) require(!d.can_receive());
}

template <typename Sink>
void run(fuzz_input in, std::deque<std::uint8_t>& sent, Sink sink) {
  axhal::vdev::pl011<Sink> d{sink};
  std::uint64_t writes = 0;
  std::uint64_t taken = 0;
  while (in.size > 0) {
    std::uint8_t const what = in.next<std::uint8_t>();
    // Mostly places where something is, sometimes anywhere.
    std::uint64_t const offset = (what & 0x80) != 0 ? in.next<std::uint64_t>() : in.next<std::uint8_t>() & 0x7cU;
    unsigned const size = (what & 0x40) != 0 ? in.next<unsigned>() : 1U << (what >> 4 & 3);
    switch (what & 7) {
      case 0:
      case 1: (void)d.read(offset, size); break;
      case 2:
      case 3:
        d.write(offset, size, in.next<std::uint64_t>());
        writes += offset == 0 ? 1 : 0;
        break;
      case 4: {
        bool const room = d.can_receive();
        bool const lost = (d.read(0x04, 4) & 8) != 0;
        d.receive(in.next<std::uint8_t>());
        if (room) require(lost == ((d.read(0x04, 4) & 8) != 0));  // nothing is lost that was promised room
        break;
      }
      case 5: d.receive_break(); break;
      case 6:
        if (!sent.empty()) {
          sent.pop_front();
          ++taken;
        }
        d.pump();
        break;
      default:
        d.write(0x00, 1, what);
        ++writes;
        break;
    }
    check(d);
  }
  require(sent.size() + taken <= writes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::deque<std::uint8_t> wide;
  run({data, size}, wide, axhal::test::keeping_sink{&wide});
  std::deque<std::uint8_t> narrow;
  run({data, size}, narrow, axhal::test::narrow_sink{&narrow, 3});
  return 0;
}

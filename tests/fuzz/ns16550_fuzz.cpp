// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its UART, and a host that receives and takes at any time.
#include <axhal/vdev/ns16550.hpp>

#include "support/fuzz_input.hpp"
#include "support/uart_ends.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;

/// What can be seen without changing anything.
template <typename Device>
void check(Device& d) {
  std::uint64_t const lcr = d.read(3, 1);
  std::uint64_t const mcr = d.read(4, 1);
  require(lcr <= 0xff && (mcr & ~std::uint64_t{0x1f}) == 0);
  require((mcr & 0x10) == 0 || !d.can_receive());
  if ((lcr & 0x80) == 0) {
    std::uint64_t const ier = d.read(1, 1);
    require((ier & ~std::uint64_t{0x0f}) == 0);
    require(ier != 0 || !d.irq_level());
  }
}

/// Interrupt identification and status agree with each other and the line. Has the effects of reading them.
template <typename Device>
void check_status(Device& d) {
  bool const line = d.irq_level();
  std::uint64_t const iir = d.read(2, 1);
  bool const fifos = iir >> 6 == 3;
  require(fifos || iir >> 6 == 0);
  require((iir & 0x30) == 0);
  std::uint64_t const id = iir & 0x0f;
  require(line == (id != 1));
  if (id == 2) require(d.read(2, 1) != iir);  // told once
  std::uint64_t const lsr = d.read(5, 1);
  if (id == 6) require((lsr & 0x1e) != 0);
  if (id == 4 || id == 0xc) require((lsr & 1) != 0);
  if (id == 0xc) require(fifos);
  if (id == 2) require((lsr & 0x60) == 0x60);
  require((lsr & 0x60) == 0x60 || (lsr & 0x60) == 0);
  require(fifos || (lsr & 0x80) == 0);
  require((lsr & 0x1c) == 0 || !fifos || (lsr & 0x80) != 0 || (lsr & 1) == 0);
  require((d.read(5, 1) & 0x1e) == 0);
  std::uint64_t const msr = d.read(6, 1);
  require(d.read(6, 1) == (msr & 0xf0));
  if (id == 0) require((msr & 0x0f) != 0);
}

template <typename Sink>
void run(fuzz_input in, std::deque<std::uint8_t>& sent, Sink sink) {
  axhal::vdev::ns16550<Sink> d{sink};
  std::uint64_t writes = 0;
  std::uint64_t taken = 0;
  while (in.size > 0) {
    std::uint8_t const what = in.next<std::uint8_t>();
    // Mostly places where something is, sometimes anywhere.
    std::uint64_t const offset = (what & 0x80) != 0 ? in.next<std::uint64_t>() : what >> 4 & 7U;
    unsigned const size = (what & 0x80) != 0 ? in.next<unsigned>() : 1;
    switch (what & 0x0f) {
      case 0:
      case 1:
      case 2: require(d.read(offset, size) <= 0xff); break;
      case 3:
      case 4:
      case 5:
      case 6:
        d.write(offset, size, in.next<std::uint64_t>());
        writes += offset == 0 ? 1 : 0;
        break;
      case 7:
      case 8: {
        bool const room = d.can_receive();
        if (room) (void)d.read(5, 1);
        d.receive(in.next<std::uint8_t>());
        if (room) require((d.read(5, 1) & 3) == 1);  // nothing is lost that was promised room
        break;
      }
      case 9: d.receive_break(); break;
      case 10:
        if (!sent.empty()) {
          sent.pop_front();
          ++taken;
        }
        d.pump();
        break;
      case 11: check_status(d); break;
      case 12:
        d.write(3, 1, 0x03);
        d.write(2, 1, what | 1U);
        break;
      case 13:
        if (what == 0xfd) d.reset();
        break;
      default:
        d.write(0, 1, what);
        ++writes;
        break;
    }
    check(d);
  }
  require(sent.size() + taken <= writes);
  // Whatever it has done: a guest that sets the device up afresh can use it.
  d.write(3, 1, 0x03);
  d.write(4, 1, 0x0b);
  d.write(2, 1, 0x00);
  d.write(2, 1, 0x07);
  (void)d.read(5, 1);
  sent.clear();
  d.pump();
  sent.clear();
  d.write(1, 1, 0x01);
  require(d.read(5, 1) == 0x60 && !d.irq_level());
  d.write(0, 1, 'o');
  require(sent.size() == 1 && sent.front() == 'o');
  d.receive('k');
  require(d.irq_level() && d.read(0, 1) == 'k' && !d.irq_level());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::deque<std::uint8_t> wide;
  run({data, size}, wide, axhal::test::keeping_sink{&wide});
  std::deque<std::uint8_t> narrow;
  run({data, size}, narrow, axhal::test::narrow_sink{&narrow, 3});
  return 0;
}

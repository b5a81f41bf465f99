// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its 8259A pair, beside devices that drive lines and a CPU that acknowledges at any
// time.
#include <axhal/vdev/i8259.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;
using axhal::vdev::i8259_pair;

std::uint64_t word(i8259_pair& pic, bool slave, std::uint64_t ocw3) {
  if (slave) {
    pic.write_slave(0, 1, ocw3);
    return pic.read_slave(0, 1);
  }
  pic.write_master(0, 1, ocw3);
  return pic.read_master(0, 1);
}

/// What can be read agrees with INTR and with what an acknowledgement does.
void check(i8259_pair const& original) {
  i8259_pair pic = original;
  // Polls that wait would acknowledge.
  (void)pic.read_master(0, 1);
  (void)pic.read_slave(0, 1);
  std::uint64_t const irr = word(pic, false, 0x0a) & ~pic.read_master(1, 1);
  std::uint64_t const isr = word(pic, false, 0x0b);
  bool const asks = pic.output();
  if (asks) require(irr != 0);
  std::uint8_t const vector = pic.acknowledge();
  std::uint64_t const after = word(pic, false, 0x0b);
  if (!asks) {
    require((vector & 7) == 7 && after == isr);
    return;
  }
  // Nothing leaves service by it; at most one line enters, which has asked.
  require((isr & ~after) == 0);
  std::uint64_t const entered = after & ~isr;
  require((entered & (entered - 1)) == 0 && (entered & ~irr) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  i8259_pair pic;
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    std::uint64_t const offset = wild ? in.next<std::uint64_t>() : what >> 4 & 1U;
    unsigned const bytes = wild ? in.next<std::uint8_t>() : 1;
    switch (what & 0x0f) {
      case 0: (void)pic.read_master(offset, bytes); break;
      case 1: (void)pic.read_slave(offset, bytes); break;
      case 2: (void)pic.read_elcr(offset, bytes); break;
      case 3:
      case 4: pic.write_master(offset, bytes, in.next<std::uint64_t>()); break;
      case 5:
      case 6: pic.write_slave(offset, bytes, in.next<std::uint64_t>()); break;
      case 7: pic.write_elcr(offset, bytes, in.next<std::uint16_t>()); break;
      case 8:
      case 9:
      case 10:
      case 11: pic.set_level(in.next<std::uint8_t>(), (what & 1) != 0); break;
      case 12:
        if (what == 0x7c) pic.reset();
        break;
      default: (void)pic.acknowledge(); break;
    }
    check(pic);
  }
  // Whatever it has done: a guest that sets the pair up afresh can use it.
  for (unsigned line = 0; line < 16; ++line) pic.set_level(line, false);
  pic.write_elcr(0, 2, 0);
  constexpr std::uint64_t master_words[] = {0x11, 0x20, 0x04, 0x01};
  constexpr std::uint64_t slave_words[] = {0x11, 0x28, 0x02, 0x01};
  for (unsigned i = 0; i < 4; ++i) {
    pic.write_master(i == 0 ? 0 : 1, 1, master_words[i]);
    pic.write_slave(i == 0 ? 0 : 1, 1, slave_words[i]);
  }
  require(!pic.output());
  for (unsigned line = 0; line < 16; ++line) {
    if (line == 2) continue;
    pic.set_level(line, true);
    require(pic.output() && pic.acknowledge() == 0x20 + line && !pic.output());
    if (line >= 8) pic.write_slave(0, 1, 0x20);
    pic.write_master(0, 1, 0x20);
  }
  return 0;
}

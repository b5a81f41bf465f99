// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to its I/O APIC, beside devices that drive lines and a local APIC that ends interrupts.
#include <axhal/vdev/io_apic.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using test::fuzz_input;
using test::require;

struct counting_sink {
  unsigned* messages;
  vdev::interrupt_message* last;
  void deliver(vdev::interrupt_message const& m) {
    ++*messages;
    *last = m;
  }
};
using device = vdev::io_apic<counting_sink>;

/// Lines, and what their entries say of them.
void check(device const& d, std::uint32_t lines) {
  for (unsigned pin = 0; pin < 24; ++pin) {
    std::uint64_t const e = d.entry_of(pin);
    require((e & 0x00ff'ffff'fffe'1000) == 0);
    bool const remote = (e & 0x4000) != 0;
    bool const level = (e & 0x8000) != 0;
    bool const masked = (e & 0x1'0000) != 0;
    unsigned const mode = e >> 8 & 7;
    require(!remote || level);
    // A level that is up and let through is in service.
    if (level && mode <= 1 && !masked && (lines >> pin & 1) != 0) require(remote);
    if (remote) require(d.waits_for_eoi(static_cast<std::uint8_t>(e)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  unsigned messages = 0;
  vdev::interrupt_message last{};
  device d{counting_sink{&messages, &last}};
  std::uint32_t lines = 0;
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    constexpr std::uint64_t places[] = {0x00, 0x10, 0x10, 0x40};
    std::uint64_t const offset = wild ? in.next<std::uint64_t>() : places[what >> 4 & 3];
    unsigned const bytes = wild ? in.next<std::uint8_t>() : 4;
    unsigned const before = messages;
    switch (what & 7) {
      case 0: {
        std::uint64_t const value = d.read(offset, bytes);
        require(value <= 0xffff'ffff && (bytes != 1 || value <= 0xff) && messages == before);
        break;
      }
      case 1:
      case 2:
      case 3:
        d.write(offset, bytes, in.next<std::uint64_t>());
        require(messages - before <= 24);
        break;
      case 4: {
        // An entry as a whole.
        unsigned const pin = in.next<std::uint8_t>() % 24;
        d.write(0, 4, 0x10 + 2 * pin);
        d.write(0x10, 4, in.next<std::uint32_t>());
        require(messages - before <= 1);
        break;
      }
      case 5: {
        unsigned const pin = in.next<std::uint8_t>();
        bool const up = (what & 8) != 0;
        d.set_level(pin, up);
        require(messages - before <= (up && pin < 24 && (lines >> pin & 1) == 0 ? 1U : 0U));
        if (pin < 24) lines = up ? lines | 1U << pin : lines & ~(1U << pin);
        break;
      }
      case 6: {
        auto const vector = in.next<std::uint8_t>();
        bool const waited = d.waits_for_eoi(vector);
        d.eoi(vector);
        if (!waited) require(messages == before);
        if (messages != before) require(last.vector == vector && last.level);
        break;
      }
      default:
        if (wild) d.reset();
        break;
    }
    if (messages != before)
      require(last.destination <= 0xff && !(last.level && static_cast<unsigned>(last.delivery) > 1));
    check(d, lines);
  }
  // Whatever it has done: a guest that writes an entry afresh can use it.
  d.set_level(7, false);
  d.write(0, 4, 0x1f);
  d.write(0x10, 4, 0x0300'0000);
  d.write(0, 4, 0x1e);
  d.write(0x10, 4, 0x0001'0055);
  d.write(0x10, 4, 0x0000'8055);
  messages = 0;
  d.set_level(7, true);
  require(messages == 1 && last == vdev::interrupt_message{3, false, 0x55, vdev::interrupt_delivery::fixed, true});
  d.set_level(7, false);
  d.write(0x40, 4, 0x55);
  require((d.entry_of(7) & 0x4000) == 0);
  return 0;
}

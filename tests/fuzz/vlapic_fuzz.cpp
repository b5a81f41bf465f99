// SPDX-License-Identifier: BSL-1.0
// Arbitrary accesses of a guest to its local APICs, by memory and by MSR, mixed with messages, pins and time: the same
// happens as in slow and simple ones.
#include "support/fuzz_input.hpp"
#include "support/vlapic_comparison.hpp"
#include "support/vlapic_model.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;

constexpr unsigned vcpus = 2;

/// Numbers and offsets of any size, which nobody chose with sense.
void wild(fuzz_input in) {
  axhal::test::real_vlapics<vcpus> device;
  axhal::test::vlapic_model model{vcpus};
  for (unsigned turn = 0; !in.empty() && turn < 40; ++turn) {
    auto const op = in.next<std::uint8_t>();
    unsigned const v = op >> 3 & 1;
    // Half of them near something.
    auto const wide = (op & 16) != 0 ? in.next<std::uint64_t>() : in.next<std::uint8_t>() * std::uint64_t{16};
    auto const number = static_cast<std::uint32_t>((op & 16) != 0 ? wide : 0x800 + wide / 16);
    auto const value = (op & 32) != 0 ? in.next<std::uint64_t>() : in.next<std::uint8_t>();
    unsigned const bytes = (op & 64) != 0 ? in.next<std::uint8_t>() : 4;
    switch (op & 7) {
      case 0: require(device.load(v, wide, bytes) == model.load(v, wide, bytes)); break;
      case 1:
        device.store(v, wide, bytes, value);
        model.store(v, wide, bytes, value);
        break;
      case 2: require(device.rdmsr(v, number) == model.rdmsr(v, number)); break;
      case 3: require(device.wrmsr(v, number, value) == model.wrmsr(v, number, value)); break;
      case 4: require(device.wrmsr(v, 0x1b, value) == model.wrmsr(v, 0x1b, value)); break;
      case 5: {
        auto const destination = static_cast<std::uint32_t>(wide);
        auto const kind = static_cast<std::uint32_t>(value);
        device.send(destination, (kind & 1) != 0, kind >> 1 & 7, in.size == 0 ? 0 : *in.data, (kind & 16) != 0, false);
        model.send(destination, (kind & 1) != 0, kind >> 1 & 7, in.size == 0 ? 0 : *in.data, (kind & 16) != 0, false);
        break;
      }
      case 6:
        device.pass(wide % 64);
        model.pass(wide % 64);
        break;
      default: {
        auto const a = device.take_events(v);
        auto const b = model.take_events(v);
        require(a.init == b.init && a.start == b.start && a.page == b.page && a.nmi == b.nmi && a.extint == b.extint);
        break;
      }
    }
    auto const first = model.highest(v);
    require(device.highest(v) == first && !device.hid_something());
    if (first && (op & 128) != 0) require(device.accept(v, *first) == model.accept(v, *first));
  }
}

/// What the random test does, as the bytes say.
void sensible(fuzz_input in) {
  axhal::test::real_vlapics<vcpus> device;
  axhal::test::vlapic_model model{vcpus};
  unsigned long const steps = in.size / 8 < 16 ? in.size / 8 : 16;
  auto const below = [&in](std::uint32_t n) {
    return n <= 256 ? in.next<std::uint8_t>() % n : in.next<std::uint16_t>() % n;
  };
  require(axhal::test::vlapic_difference<vcpus, true>(device, model, steps, below) == ~0UL);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  fuzz_input const rest{data + 1, size - 1};
  if (*data % 2 == 0) {
    wild(rest);
  } else {
    sensible(rest);
  }
  return 0;
}

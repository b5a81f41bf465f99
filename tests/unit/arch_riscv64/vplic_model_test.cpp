// SPDX-License-Identifier: BSL-1.0
// The virtual PLIC beside a slow and simple one, over long runs of random operations; and the same comparison with
// models that are wrong on purpose, each of which it must find.
#include <axhal/arch/riscv64/vplic.hpp>

#include "support/plic_model.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>
#include <vector>

namespace {
using namespace axhal;
using test::plic_flaw;
using test::plic_model;

constexpr unsigned vcpus = 2;
constexpr unsigned sources = 40;
constexpr unsigned long agreed = ~0UL;

/// Both devices as one interface: the model has no types of the library.
struct real {
  riscv64::vplic<vcpus, sources> device{};
  std::uint64_t told{};

  std::uint64_t read(std::uint64_t o, unsigned n) { return device.read(o, n); }
  void write(std::uint64_t o, unsigned n, std::uint32_t v) { device.write(o, n, v); }
  void set_level(std::uint32_t s, bool high) { device.set_level({s}, high); }
  void pulse(std::uint32_t s) { device.pulse({s}); }
  void reset() { device.reset(); }
  bool external_level(std::uint32_t v) { return device.external_level({v}); }
  /// False when a level is another one and `take_changed` has not said so.
  bool tells_of_changes() {
    std::uint64_t now = 0;
    for (std::uint32_t v = 0; v < vcpus; ++v) now |= std::uint64_t{device.external_level({v})} << v;
    bool const good = ((now ^ told) & ~device.take_changed()) == 0;
    told = now;
    return good;
  }
};
struct flawed : plic_model {
  using plic_model::plic_model;
  static bool tells_of_changes() { return true; }
};

/// The step at which `device` and a model without flaws differ for the first time, or `agreed`.
template <typename Device>
unsigned long first_difference(Device&& device, unsigned seed, unsigned long steps) {
  plic_model model{vcpus, sources};
  std::mt19937 random{seed};
  auto const below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  std::vector<std::uint32_t> claimed;

  for (unsigned long step = 0; step < steps; ++step) {
    std::uint32_t const source = below(sources + 3);
    std::uint64_t const page = 0x200000 + 0x1000 * (1 + 2 * below(vcpus));
    std::uint64_t offset = 0;
    bool load = false;
    bool access = true;
    auto value = static_cast<std::uint32_t>(random());
    switch (below(16)) {
      case 0:
      case 1: {
        bool const high = below(2) != 0;
        device.set_level(source, high);
        model.set_level(source, high);
        access = false;
        break;
      }
      case 2:
        device.pulse(source);
        model.pulse(source);
        access = false;
        break;
      case 3:
        if (below(2000) == 0) {
          device.reset();
          model.reset();
        }
        access = false;
        break;
      case 4:
      case 5: offset = 4 * source; break;
      case 6: {
        offset = 0x2000 + 0x80 * below(2 * vcpus + 1) + 4 * below(3);
        value |= static_cast<std::uint32_t>(random());
        break;
      }
      case 7: offset = page; break;
      case 8:
      case 9:
      case 10:
        offset = page + 4;
        load = true;
        break;
      case 11:
      case 12:
      case 13:
        // Mostly something that was claimed, sometimes by another, sometimes nothing.
        offset = page + 4;
        value = claimed.empty() || below(8) == 0 ? below(sources + 3) : claimed[random() % claimed.size()];
        break;
      case 14:
        offset = below(3) == 0 ? 0x1000 + 4 * below(4) : below(3) == 0 ? 4 * source : 0x2000 + 4 * below(0x200);
        load = true;
        break;
      default: offset = random() % 0x60'0000; break;
    }
    unsigned const bytes = below(50) == 0 ? 1U << below(4) : 4;
    if (below(50) == 0) offset += below(4);
    if (access && load) {
      std::uint64_t const seen = device.read(offset, bytes);
      if (seen != model.read(offset, bytes)) return step;
      if (offset == page + 4 && seen != 0) claimed.push_back(static_cast<std::uint32_t>(seen));
      if (claimed.size() > 12) claimed.erase(claimed.begin());
    } else if (access) {
      device.write(offset, bytes, value);
      model.write(offset, bytes, value);
    }
    for (std::uint32_t v = 0; v < vcpus; ++v) {
      if (device.external_level(v) != model.external_level(v)) return step;
    }
    if (!device.tells_of_changes()) return step;
  }
  return agreed;
}

TEST_CASE("the virtual PLIC is the simple one, over 400,000 random operations", "[riscv64][vplic]") {
  for (unsigned seed = 1; seed <= 4; ++seed) CHECK(first_difference(real{}, seed, 100'000) == agreed);
}

TEST_CASE("the comparison finds every flaw", "[riscv64][vplic]") {
  REQUIRE(first_difference(flawed{vcpus, sources}, 1, 10'000) == agreed);
  for (unsigned f = 1; f < static_cast<unsigned>(plic_flaw::count); ++f) {
    CAPTURE(f);
    CHECK(first_difference(flawed{vcpus, sources, static_cast<plic_flaw>(f)}, 1, 100'000) != agreed);
  }
}

/// A device that forgets to say that a level has changed.
struct silent : real {
  bool tells_of_changes() {
    static_cast<void>(device.take_changed());
    return real::tells_of_changes();
  }
};

TEST_CASE("the comparison finds a change that nobody tells of", "[riscv64][vplic]") {
  CHECK(first_difference(silent{}, 1, 10'000) != agreed);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/riscv64/sbi_debug_console.hpp>

#include "support/sbi_guest.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::riscv64;
using dbcn = sbi_debug_console;

constexpr std::uint64_t ram = 0x8000'0000;
constexpr std::uint64_t top = ram + 4 * 64;
constexpr sbi_return invalid_param{-3, 0};

struct bench {
  test::sbi_guest_memory memory{guest_phys{ram}, 4, 64};
  host::console<1024> console{};
  sbi_return write(std::uint64_t size, std::uint64_t low, std::uint64_t high = 0) {
    return dbcn::write(size, low, high, memory, console);
  }
  sbi_return read(std::uint64_t size, std::uint64_t low, std::uint64_t high = 0) {
    return dbcn::read(size, low, high, memory, console);
  }
};

TEST_CASE("a range that is not all RAM is refused, and not a byte of it is touched",
          "[arch_riscv64][sbi_debug_console]") {
  bench b;
  b.console.send('x');
  struct {
    std::uint64_t size, low, high;
  } const wrong[] = {{1, 0, 0},
                     {1, ram - 1, 0},
                     {2, ram - 1, 0},
                     {1, top, 0},
                     {2, top - 1, 0},
                     {257, ram, 0},
                     {UINT64_MAX, ram, 0},
                     {UINT64_MAX, 0, 0},
                     {UINT64_MAX - ram + 1, ram, 0},  // ends where it begins, once around
                     {0 - ram, ram, 0},               // ends at 2^64
                     {1, UINT64_MAX, 0},
                     {2, UINT64_MAX, 0},
                     {1, ram, 1},
                     {1, ram, UINT64_MAX},
                     {1, ram, std::uint64_t{1} << 63}};
  for (auto const& w : wrong) {
    INFO(std::hex << w.size << ' ' << w.low << ' ' << w.high);
    CHECK(b.write(w.size, w.low, w.high) == invalid_param);
    CHECK(b.read(w.size, w.low, w.high) == invalid_param);
  }
  CHECK(b.memory.touched == 0);
  CHECK(b.console.take() == failure{console_error::empty});
  CHECK(b.console.get() == std::uint8_t{'x'});
}

TEST_CASE("an empty range is success, wherever it is", "[arch_riscv64][sbi_debug_console]") {
  bench b;
  b.console.send('x');
  CHECK(b.write(0, ram) == sbi_return{0, 0});
  CHECK(b.write(0, 0, 1) == sbi_return{0, 0});
  CHECK(b.read(0, UINT64_MAX, UINT64_MAX) == sbi_return{0, 0});
  CHECK(b.memory.touched == 0);
  CHECK(b.console.get() == std::uint8_t{'x'});
}

TEST_CASE("bytes cross the pieces of guest memory in order", "[arch_riscv64][sbi_debug_console]") {
  bench b;
  for (std::uint64_t i = 0; i < 256; ++i) b.memory.at(ram + i) = static_cast<std::uint8_t>(i);
  CHECK(b.write(200, ram + 10) == sbi_return{0, 200});
  for (unsigned i = 0; i < 200; ++i) CHECK(b.console.take() == static_cast<std::uint8_t>(i + 10));
  CHECK(b.console.take() == failure{console_error::empty});
  for (unsigned i = 0; i < 150; ++i) b.console.send(static_cast<std::uint8_t>(255 - i));
  CHECK(b.read(140, ram + 60) == sbi_return{0, 140});
  CHECK(b.memory.at(ram + 59) == 59);
  for (unsigned i = 0; i < 140; ++i) CHECK(b.memory.at(ram + 60 + i) == 255 - i);
  CHECK(b.memory.at(ram + 200) == 200);
  CHECK(b.read(140, ram) == sbi_return{0, 10});
  CHECK(b.read(140, ram) == sbi_return{0, 0});
  CHECK(b.memory.guards_hold());
}

TEST_CASE("one call moves a limited number of bytes", "[arch_riscv64][sbi_debug_console]") {
  test::sbi_guest_memory memory{guest_phys{ram}, 3, 4096};
  host::console<1024> console;
  CHECK(dbcn::write(3 * 4096, ram, 0, memory, console) == sbi_return{0, 256});
  CHECK(memory.touched == 256);
  for (unsigned i = 0; i < 1000; ++i) console.send(1);
  CHECK(dbcn::read(3 * 4096 - 1, ram + 1, 0, memory, console) == sbi_return{0, 256});
  CHECK(memory.at(ram + 256) == 1);
  CHECK(memory.at(ram + 257) == 0);
}

TEST_CASE("a console that would wait ends the write", "[arch_riscv64][sbi_debug_console]") {
  test::sbi_guest_memory memory{guest_phys{ram}, 2, 8};
  host::console<11> console;
  CHECK(dbcn::write(16, ram, 0, memory, console) == sbi_return{0, 11});
  CHECK(dbcn::write(16, ram, 0, memory, console) == sbi_return{0, 0});
  CHECK(console.take().has_value());
  CHECK(dbcn::write(16, ram, 0, memory, console) == sbi_return{0, 1});
}

TEST_CASE("lost and damaged bytes are passed over, but not for ever", "[arch_riscv64][sbi_debug_console]") {
  struct noisy {
    unsigned asked{};
    unsigned noise{};
    static bool can_put() { return true; }
    static void put(std::uint8_t) {}
    result<std::uint8_t, console_error> get() {
      if (asked++ < noise) return failure{asked % 2 == 0 ? console_error::overrun : console_error::damaged};
      if (asked > noise + 2) return failure{console_error::empty};
      return std::uint8_t{'k'};
    }
  };
  test::sbi_guest_memory memory{guest_phys{ram}, 2, 8};
  noisy a{.noise = 5};
  CHECK(dbcn::read(16, ram, 0, memory, a) == sbi_return{0, 2});
  CHECK(memory.at(ram) == 'k');
  noisy endless{.noise = UINT32_MAX};
  CHECK(dbcn::read(16, ram, 0, memory, endless) == sbi_return{0, 0});
  CHECK(endless.asked <= 600);
}

}  // namespace

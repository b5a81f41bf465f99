// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/vs_state.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

using namespace axhal::riscv64;

namespace {

/// Registers that write down who touches them.
struct recorder {
  static inline std::map<csr, std::uint64_t> registers;
  static inline std::vector<csr> read_ones;
  static inline std::vector<csr> written;
  static inline unsigned changed;

  static void forget() {
    registers.clear();
    read_ones.clear();
    written.clear();
    changed = 0;
  }
  template <csr Id>
  static std::uint64_t read() {
    read_ones.push_back(Id);
    return registers[Id];
  }
  template <csr Id>
  static void write(std::uint64_t value) {
    written.push_back(Id);
    registers[Id] = value;
  }
  template <csr Id>
  static void set(std::uint64_t) {
    ++changed;
  }
  template <csr Id>
  static void clear(std::uint64_t) {
    ++changed;
  }
};

std::vector<csr> const always{csr::vsstatus, csr::vsie,   csr::vstvec, csr::vsscratch, csr::vsepc,
                              csr::vscause,  csr::vstval, csr::vsatp,  csr::scounteren};
std::vector<csr> with_senvcfg() {
  auto all = always;
  all.push_back(csr::senvcfg);
  return all;
}
std::vector<csr> sorted(std::vector<csr> v) {
  std::sort(v.begin(), v.end());
  return v;
}

constexpr vs_state busy{.vsstatus = 0x8000'0002'000c'6122,
                        .vsie = 0x222,
                        .vstvec = 0xffff'ffff'8000'1000,
                        .vsscratch = 0x1111,
                        .vsepc = 0x2222,
                        .vscause = 0x8000'0000'0000'0005,
                        .vstval = 0x3333,
                        .vsatp = 0x9000'1000'0008'0123,
                        .scounteren = 7,
                        .senvcfg = 0xf0};

}  // namespace

TEST_CASE("a hart starts without translation, with interrupts masked and 64 bits for user programs") {
  constexpr vs_state fresh{};
  STATIC_CHECK(fresh.vsstatus == 0x2'0000'0000);
  STATIC_CHECK(fresh == vs_state{.vsstatus = 0x2'0000'0000});
  STATIC_CHECK(fresh.vsatp == 0);
  STATIC_CHECK(fresh.vsie == 0);
}

TEST_CASE("loading writes a guest's own registers once each, and nothing else") {
  recorder::forget();
  busy.load<recorder>(true);
  CHECK(sorted(recorder::written) == sorted(with_senvcfg()));
  CHECK(recorder::read_ones.empty());
  CHECK(recorder::changed == 0);
  CHECK(recorder::registers[csr::vsstatus] == 0x8000'0002'000c'6122);
  CHECK(recorder::registers[csr::vsie] == 0x222);
  CHECK(recorder::registers[csr::vstvec] == 0xffff'ffff'8000'1000);
  CHECK(recorder::registers[csr::vsscratch] == 0x1111);
  CHECK(recorder::registers[csr::vsepc] == 0x2222);
  CHECK(recorder::registers[csr::vscause] == 0x8000'0000'0000'0005);
  CHECK(recorder::registers[csr::vstval] == 0x3333);
  CHECK(recorder::registers[csr::vsatp] == 0x9000'1000'0008'0123);
  CHECK(recorder::registers[csr::scounteren] == 7);
  CHECK(recorder::registers[csr::senvcfg] == 0xf0);
}

TEST_CASE("neither the second stage's root nor the host's own registers are touched") {
  // Who switches guests writes vsatp 0, then hgatp, and loads this last, so that no walk goes through both guests'
  // tables.
  recorder::forget();
  busy.load<recorder>(true);
  vs_state{}.save<recorder>(true);
  for (auto const& ids : {recorder::written, recorder::read_ones}) {
    for (csr const id : {csr::hgatp, csr::satp, csr::sstatus, csr::sie, csr::hstatus}) {
      CHECK(std::count(ids.begin(), ids.end(), id) == 0);
    }
  }
}

TEST_CASE("saving reads the same registers, and leaves them as they are") {
  recorder::forget();
  busy.load<recorder>(true);
  auto const before = recorder::registers;
  recorder::written.clear();
  vs_state saved{};
  saved.save<recorder>(true);
  CHECK(saved == busy);
  CHECK(sorted(recorder::read_ones) == sorted(with_senvcfg()));
  CHECK(recorder::written.empty());
  CHECK(recorder::registers == before);
}

TEST_CASE("a CPU without senvcfg is not asked for it") {
  recorder::forget();
  busy.load<recorder>(false);
  CHECK(sorted(recorder::written) == sorted(always));
  vs_state saved{.senvcfg = 0x50};
  saved.save<recorder>(false);
  CHECK(sorted(recorder::read_ones) == sorted(always));
  CHECK(saved.senvcfg == 0x50);
  saved.senvcfg = busy.senvcfg;
  CHECK(saved == busy);
}

TEST_CASE("two guests on one CPU do not see each other's registers") {
  recorder::forget();
  vs_state first = busy;
  vs_state second{};
  first.load<recorder>(true);
  recorder::write<csr::vsepc>(0x4444);
  first.save<recorder>(true);
  second.load<recorder>(true);
  for (csr const id : with_senvcfg()) CHECK(recorder::registers[id] == (id == csr::vsstatus ? 0x2'0000'0000U : 0U));
  second.save<recorder>(true);
  CHECK(second == vs_state{});
  CHECK(first.vsepc == 0x4444);
}

TEST_CASE("who makes the loaded guest take an exception reaches its registers") {
  recorder::forget();
  using vs = loaded_vs<recorder>;
  vs::write_vs<csr::vscause>(12);
  CHECK(recorder::written == std::vector{csr::vscause});
  CHECK(vs::read_vs<csr::vscause>() == 12);
  CHECK(recorder::read_ones == std::vector{csr::vscause});
}

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/vplic.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using riscv64::vplic;
using riscv64::vplic_contexts;

// Offsets are written out: the test knows the specification, not the header.
constexpr std::uint64_t pending = 0x1000;
constexpr std::uint64_t enable(unsigned v) { return 0x2000 + 0x80 * (1 + 2 * v); }
constexpr std::uint64_t threshold(unsigned v) { return 0x20'0000 + 0x1000 * (1 + 2 * v); }
constexpr std::uint64_t claim(unsigned v) { return threshold(v) + 4; }

template <unsigned Vcpus = 2, unsigned Sources = 95, vplic_contexts Contexts = vplic_contexts{}>
struct bench {
  vplic<Vcpus, Sources, Contexts> plic{};

  std::uint64_t rd(std::uint64_t offset) { return plic.read(offset, 4); }
  void wr(std::uint64_t offset, std::uint64_t value) { plic.write(offset, 4, value); }
  /// `source` with `priority`, enabled for vCPU `v`.
  void open(std::uint32_t source, std::uint32_t priority, unsigned v = 0) {
    wr(4 * std::uint64_t{source}, priority);
    wr(enable(v) + source / 32 * 4, rd(enable(v) + source / 32 * 4) | 1U << source % 32);
  }
  bool told(unsigned v) { return plic.external_level({v}); }
};

TEST_CASE("after reset nothing is enabled, and nothing has a priority", "[riscv64][vplic]") {
  bench b;
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t offset = 0; offset < 0x2400; offset += 4) CHECK(b.rd(offset) == 0);
    for (unsigned v = 0; v < 2; ++v) {
      CHECK(b.rd(threshold(v)) == 0);
      CHECK(b.rd(claim(v)) == 0);
      CHECK(!b.told(v));
    }
    b.open(10, 7);
    b.open(95, 7, 1);
    b.wr(threshold(1), 3);
    b.plic.pulse({10});
    CHECK(b.rd(claim(0)) == 10);
    b.plic.pulse({95});
    CHECK(b.told(1));
    b.plic.reset();
  }
}

TEST_CASE("a reset leaves lines as their devices drive them", "[riscv64][vplic]") {
  bench b;
  b.plic.raise({10});
  b.plic.raise({11});
  b.open(10, 1);
  CHECK(b.rd(claim(0)) == 10);
  b.plic.lower({11});
  CHECK(b.rd(pending) == 1U << 11);
  b.plic.reset();
  CHECK(b.rd(pending) == 1U << 10);
  CHECK(!b.told(0));
  b.open(10, 1);
  CHECK(b.told(0));
}

TEST_CASE("priorities and thresholds keep three bits, enables the sources that exist", "[riscv64][vplic]") {
  bench b;
  b.wr(0, 7);
  CHECK(b.rd(0) == 0);
  for (std::uint64_t s = 1; s <= 95; ++s) {
    b.wr(4 * s, 0xffff'ffff'ffff'fff8 | (s & 7));
    CHECK(b.rd(4 * s) == (s & 7));
  }
  b.wr(4 * 96, 7);
  CHECK(b.rd(4 * 96) == 0);
  for (unsigned v = 0; v < 2; ++v) {
    b.wr(threshold(v), 0xffff'fffd);
    CHECK(b.rd(threshold(v)) == 5);
    for (std::uint64_t w = 0; w < 32; ++w) {
      b.wr(enable(v) + 4 * w, ~0U);
      CHECK(b.rd(enable(v) + 4 * w) == (w == 0 ? 0xffff'fffeU : w < 3 ? 0xffff'ffffU : 0U));
      b.wr(pending + 4 * w, ~0U);
      CHECK(b.rd(pending + 4 * w) == 0);
    }
  }
  bench<1, 40> small;
  small.wr(enable(0) + 4, ~0U);
  CHECK(small.rd(enable(0) + 4) == 0x1ff);
  bench<1, 63> full;
  full.wr(enable(0) + 4, ~0U);
  CHECK(full.rd(enable(0) + 4) == 0xffff'ffff);
  bench<1, 64> over;
  over.wr(enable(0) + 4, ~0U);
  over.wr(enable(0) + 8, ~0U);
  CHECK(over.rd(enable(0) + 4) == 0xffff'ffff);
  CHECK(over.rd(enable(0) + 8) == 1);
}

TEST_CASE("a level is pending once, and again at completion while it is high", "[riscv64][vplic]") {
  bench b;
  b.open(10, 1);
  b.plic.raise({10});
  CHECK(b.rd(pending) == 0x400);
  CHECK(b.told(0));
  CHECK(b.rd(claim(0)) == 10);
  CHECK(b.rd(pending) == 0);
  CHECK(!b.told(0));
  CHECK(b.rd(claim(0)) == 0);
  b.plic.lower({10});
  b.plic.raise({10});
  CHECK(!b.told(0));  // not before completion
  b.wr(claim(0), 10);
  CHECK(b.told(0));
  CHECK(b.rd(claim(0)) == 10);
  b.plic.lower({10});
  b.wr(claim(0), 10);
  CHECK(!b.told(0));
  CHECK(b.rd(pending) == 0);
}

TEST_CASE("a request that was forwarded is not taken back", "[riscv64][vplic]") {
  bench b;
  b.open(10, 1);
  b.plic.raise({10});
  b.plic.lower({10});
  CHECK(b.told(0));
  CHECK(b.rd(claim(0)) == 10);
  b.wr(claim(0), 10);
  CHECK(!b.told(0));
}

TEST_CASE("edges: one while pending is the same, one while claimed is kept", "[riscv64][vplic]") {
  bench b;
  b.open(33, 1);
  for (int i = 0; i < 3; ++i) b.plic.pulse({33});
  CHECK(b.rd(claim(0)) == 33);
  b.wr(claim(0), 33);
  CHECK(!b.told(0));
  b.plic.pulse({33});
  CHECK(b.rd(claim(0)) == 33);
  b.plic.pulse({33});
  b.plic.pulse({33});
  CHECK(!b.told(0));
  b.wr(claim(0), 33);
  CHECK(b.told(0));
  CHECK(b.rd(claim(0)) == 33);
  b.wr(claim(0), 33);
  CHECK(b.rd(claim(0)) == 0);
}

TEST_CASE("the most urgent is claimed first, of equals the lowest number, and none of priority 0", "[riscv64][vplic]") {
  bench b;
  struct row {
    std::uint32_t source, priority;
  };
  for (row const r : {row{1, 1}, row{31, 7}, row{32, 6}, row{63, 3}, row{64, 6}, row{65, 0}, row{66, 3}, row{95, 7}}) {
    b.open(r.source, r.priority);
    b.plic.raise({r.source});
  }
  std::vector<std::uint64_t> order;
  while (std::uint64_t const s = b.rd(claim(0))) order.push_back(s);
  CHECK(order == std::vector<std::uint64_t>{31, 95, 32, 64, 63, 66, 1});
  CHECK(b.rd(pending + 8) == 1U << 1);
  b.wr(4 * 65, 1);
  CHECK(b.told(0));
}

TEST_CASE("a threshold silences what is not above it, and hides nothing from claims", "[riscv64][vplic]") {
  bench b;
  b.open(5, 4);
  b.plic.raise({5});
  for (unsigned t = 0; t < 8; ++t) {
    b.wr(threshold(0), t);
    CHECK(b.told(0) == (t < 4));
  }
  CHECK(b.rd(claim(0)) == 5);
}

TEST_CASE("what is pending follows changes of priority and enables", "[riscv64][vplic]") {
  bench b;
  b.open(5, 1);
  b.open(6, 2);
  b.plic.raise({5});
  b.plic.raise({6});
  b.wr(4 * 5, 3);
  b.wr(threshold(0), 2);
  CHECK(b.told(0));
  b.wr(4 * 5, 0);
  CHECK(!b.told(0));
  b.wr(threshold(0), 1);
  CHECK(b.told(0));
  b.wr(enable(0), 1U << 5);
  CHECK(!b.told(0));
  b.wr(4 * 5, 7);
  CHECK(b.told(0));
  b.wr(enable(0), 1U << 5 | 1U << 6);
  CHECK(b.rd(claim(0)) == 5);
  CHECK(b.rd(claim(0)) == 6);
}

TEST_CASE("all who have it enabled are told; the first who claims gets it", "[riscv64][vplic]") {
  bench b;
  b.open(7, 2, 0);
  b.open(7, 2, 1);
  b.open(8, 1, 1);
  b.plic.raise({8});
  CHECK(!b.told(0));
  CHECK(b.told(1));
  b.plic.raise({7});
  CHECK(b.told(0));
  CHECK(b.rd(claim(0)) == 7);
  CHECK(!b.told(0));
  CHECK(b.told(1));  // of the other one
  CHECK(b.rd(claim(1)) == 8);
  CHECK(b.rd(claim(1)) == 0);
}

TEST_CASE("completion counts where the source is enabled, whoever has claimed it", "[riscv64][vplic]") {
  bench b;
  b.open(7, 1, 0);
  b.plic.raise({7});
  CHECK(b.rd(claim(0)) == 7);
  b.wr(claim(1), 7);  // not enabled there
  CHECK(b.rd(pending) == 0);
  b.wr(enable(0), 0);
  b.wr(claim(0), 7);  // nor here any more
  CHECK(b.rd(pending) == 0);
  for (std::uint64_t const nonsense : {0ULL, 8ULL, 96ULL, 1023ULL, 1024ULL, 0xffff'ffffULL}) b.wr(claim(0), nonsense);
  CHECK(b.rd(pending) == 0);
  b.wr(enable(1), 1U << 7);
  b.wr(claim(1), 7);
  CHECK(b.rd(pending) == 0x80);
  CHECK(b.told(1));
  b.wr(claim(1), 7);  // pending, not claimed: ignored
  CHECK(b.rd(pending) == 0x80);
  b.plic.lower({7});
  CHECK(b.rd(claim(1)) == 7);
}

TEST_CASE("changes of levels are told once, with their vCPUs", "[riscv64][vplic]") {
  bench<3> b;
  CHECK(b.plic.take_changed() == 0);
  b.open(7, 1, 0);
  b.open(7, 1, 2);
  CHECK(b.plic.take_changed() == 0);
  b.plic.raise({7});
  CHECK(b.plic.take_changed() == 0b101);
  CHECK(b.plic.take_changed() == 0);
  b.wr(threshold(2), 1);
  CHECK(b.plic.take_changed() == 0b100);
  CHECK(b.rd(claim(2)) == 7);
  CHECK(b.plic.take_changed() == 0b001);
  b.wr(claim(2), 7);
  CHECK(b.plic.take_changed() == 0b001);
  b.plic.reset();
  CHECK(b.plic.take_changed() == 0b001);
}

TEST_CASE("contexts that no vCPU has read zero", "[riscv64][vplic]") {
  bench b;
  b.plic.raise({7});
  b.wr(4 * 7, 1);
  for (unsigned const context : {0U, 2U, 4U, 5U, 1023U, 15871U}) {
    std::uint64_t const e = 0x2000 + 0x80ULL * context;
    std::uint64_t const page = 0x20'0000 + 0x1000ULL * context;
    b.wr(e, ~0U);
    b.wr(page, 7);
    CHECK(b.rd(e) == 0);
    CHECK(b.rd(page) == 0);
    CHECK(b.rd(page + 4) == 0);
    b.wr(page + 4, 7);
  }
  for (unsigned v = 0; v < 2; ++v) {
    CHECK(b.rd(enable(v)) == 0);
    CHECK(b.rd(threshold(v)) == 0);
  }
  CHECK(b.rd(pending) == 0x80);

  // Fewer vCPUs than there is room for.
  bench<4> few{vplic<4>{1}};
  few.wr(threshold(0), 3);
  few.wr(threshold(1), 3);
  CHECK(few.rd(threshold(0)) == 3);
  CHECK(few.rd(threshold(1)) == 0);
  CHECK(!few.told(3));
  bench<4> none{vplic<4>{0}};
  none.wr(threshold(0), 3);
  CHECK(none.rd(threshold(0)) == 3);
  bench<4> many{vplic<4>{100}};
  many.wr(threshold(3), 3);
  CHECK(many.rd(threshold(3)) == 3);
}

TEST_CASE("context numbers are a matter of the machine", "[riscv64][vplic]") {
  bench<2, 95, vplic_contexts{.first = 0, .stride = 1}> dense;
  dense.wr(0x2000, 2);
  dense.wr(0x2080, 4);
  dense.wr(0x2100, 8);
  CHECK(dense.rd(0x2000) == 2);
  CHECK(dense.rd(0x2080) == 4);
  CHECK(dense.rd(0x2100) == 0);
  STATIC_REQUIRE(vplic<2, 95, vplic_contexts{0, 1}>::context_count == 2);
  STATIC_REQUIRE(vplic<2, 95, vplic_contexts{3, 5}>::context_of(vcpu_number{1}) == 8);
  bench<2, 95, vplic_contexts{.first = 3, .stride = 5}> sparse;
  sparse.wr(0x20'8000, 6);
  CHECK(sparse.rd(0x20'8000) == 6);
  for (unsigned c = 0; c < 20; ++c) {
    if (c != 8) CHECK(sparse.rd(0x20'0000 + 0x1000ULL * c) == 0);
  }
}

TEST_CASE("any other access reads zero and writes nothing", "[riscv64][vplic]") {
  bench b;
  b.open(7, 3);
  b.plic.raise({7});
  for (unsigned const bytes : {0U, 1U, 2U, 3U, 8U, 16U, ~0U}) {
    for (std::uint64_t const o : {std::uint64_t{28}, pending, enable(0), threshold(0), claim(0)}) {
      CHECK(b.plic.read(o, bytes) == 0);
      b.plic.write(o, bytes, 0);
    }
  }
  for (std::uint64_t odd = 1; odd < 4; ++odd) {
    for (std::uint64_t const o : {std::uint64_t{28}, pending, enable(0), threshold(0), claim(0)}) {
      CHECK(b.rd(o + odd) == 0);
      b.wr(o + odd, 0);
    }
  }
  // Reserved places beside registers, behind the device, at the end of the world.
  for (std::uint64_t const o :
       {std::uint64_t{0x1080}, std::uint64_t{0x1ffc}, threshold(0) + 8, threshold(0) + 0xffc, std::uint64_t{0x1f'fffc},
        std::uint64_t{0x60'0000}, std::uint64_t{0x400'0000}, UINT64_MAX - 3, UINT64_MAX}) {
    CHECK(b.rd(o) == 0);
    b.wr(o, ~0U);
  }
  CHECK(b.rd(28) == 3);
  CHECK(b.rd(enable(0)) == 0x80);
  CHECK(b.rd(claim(0)) == 7);
}

TEST_CASE("lines and vCPUs that do not exist are ignored", "[riscv64][vplic]") {
  bench b;
  for (std::uint32_t const s : {0U, 96U, 1024U, ~0U}) {
    b.plic.raise({s});
    b.plic.pulse({s});
    b.plic.lower({s});
  }
  for (std::uint64_t w = 0; w < 3; ++w) CHECK(b.rd(pending + 4 * w) == 0);
  CHECK(!b.plic.external_level({2}));
  CHECK(!b.plic.external_level({64}));
  CHECK(!b.plic.external_level({~0U}));
}

TEST_CASE("the largest one: 64 vCPUs, 1023 sources", "[riscv64][vplic]") {
  bench<64, 1023> b;
  b.open(1023, 1, 63);
  b.open(1, 1, 63);
  b.plic.raise({1023});
  CHECK(b.plic.take_changed() == std::uint64_t{1} << 63);
  CHECK(b.told(63));
  CHECK(b.rd(pending + 0x7c) == 1U << 31);
  b.plic.raise({1});
  CHECK(b.rd(claim(63)) == 1);
  CHECK(b.rd(claim(63)) == 1023);
  CHECK(!b.told(63));
}

}  // namespace

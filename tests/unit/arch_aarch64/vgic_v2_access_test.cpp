// SPDX-License-Identifier: BSL-1.0
// The registers of the virtual distributor, one by one (IHI 0048B, 4.3).
#include <axhal/arch/aarch64/vgic_v2.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using distributor = aarch64::vgic_v2<4, 64>;
constexpr vcpu_number first{0};
constexpr vcpu_number second{1};

std::uint64_t load(distributor& d, std::uint64_t offset, vcpu_number v = first, unsigned size = 4) {
  return d.read(v, offset, size);
}
std::uint32_t store(distributor& d, std::uint64_t offset, std::uint64_t value, vcpu_number v = first,
                    unsigned size = 4) {
  return d.write(v, offset, size, value);
}

}  // namespace

TEST_CASE("GICD_CTLR, TYPER and IIDR") {
  distributor d{3};
  CHECK(load(d, 0x000) == 0);
  CHECK(store(d, 0x000, ~0U) == 0);
  CHECK(load(d, 0x000) == 3);
  d.raise(second, {20});
  CHECK(store(d, 0x000, 2) == 2);
  CHECK(store(d, 0x000, 3, second) == 0);
  CHECK(store(d, 0x000, 3) == 0);
  CHECK(load(d, 0x004) == (2U << 5 | 2));
  store(d, 0x004, ~0U);
  CHECK(load(d, 0x004) == (2U << 5 | 2));
  CHECK(load(d, 0x008) == 0x0200143b);
  for (std::uint64_t o = 0x00c; o < 0x080; o += 4) {
    store(d, o, ~0U);
    CHECK(load(d, o) == 0);
  }
}

TEST_CASE("the number of vCPUs is brought into what the type has") {
  CHECK(distributor{0}.read(first, 0x004, 4) == 2);
  CHECK(distributor{9}.read(first, 0x004, 4) == (3U << 5 | 2));
  CHECK(distributor{}.read(first, 0x004, 4) == (3U << 5 | 2));
}

TEST_CASE("groups, enables, pending and active bits: shared words are shared, word 0 is banked") {
  distributor d;
  for (std::uint64_t const reg : {0x080U, 0x100U, 0x200U, 0x300U}) {
    CAPTURE(reg);
    std::uint64_t const fixed = reg == 0x100 ? 0xffff : 0;
    std::uint64_t const settable = reg == 0x200 ? 0xffff'0000 : 0xffff'ffff;
    CHECK(load(d, reg) == fixed);
    store(d, reg, 0xffff'ffff);
    CHECK(load(d, reg) == settable);
    CHECK(load(d, reg, second) == fixed);
    store(d, reg + 8, 0x8000'0001, second);
    CHECK(load(d, reg + 8) == 0x8000'0001);
    CHECK(load(d, reg + 4) == 0);
    // Past the last line: read as zero, write ignored.
    for (std::uint64_t w = 12; w < 0x80; w += 4) {
      store(d, reg + w, ~0U);
      CHECK(load(d, reg + w) == 0);
    }
    if (reg == 0x080) {
      store(d, reg, 0);
      CHECK(load(d, reg) == 0);
      continue;
    }
    CHECK(load(d, reg + 0x80) == settable);
    store(d, reg, 0);  // a zero changes nothing
    CHECK(load(d, reg) == settable);
    store(d, reg + 0x80, 0x00ff'00ff);
    CHECK(load(d, reg) == (reg == 0x300 ? 0xff00'ff00 : (settable & 0xff00'0000) | (reg == 0x100 ? 0xffff : 0)));
    store(d, reg + 0x88, 1);
    CHECK(load(d, reg + 8) == 0x8000'0000);
  }
}

TEST_CASE("priorities: bytes and words, five bits, private ones banked") {
  distributor d;
  store(d, 0x400, 0x44ff'2211);
  CHECK(load(d, 0x400) == 0x40f8'2010);
  CHECK(load(d, 0x402, first, 1) == 0xf8);
  CHECK(load(d, 0x400, second) == 0);
  store(d, 0x400 + 95, 0xabcd'ef90, second, 1);
  CHECK(load(d, 0x45c) == 0x9000'0000);
  store(d, 0x460, ~0U);
  CHECK(load(d, 0x460) == 0);
  CHECK(load(d, 0x7fc) == 0);
  store(d, 0x7ff, 0xff, first, 1);
  CHECK(load(d, 0x7ff, first, 1) == 0);
}

TEST_CASE("targets: the private ones tell a vCPU its own bit, the shared ones are a mask of those there are") {
  distributor d{3};
  CHECK(load(d, 0x800) == 0x0101'0101);
  CHECK(load(d, 0x81c, {2}) == 0x0404'0404);
  CHECK(load(d, 0x81f, second, 1) == 0x02);
  store(d, 0x800, 0);
  CHECK(load(d, 0x800) == 0x0101'0101);
  CHECK(load(d, 0x820) == 0);
  store(d, 0x820, 0xff03'0201);
  CHECK(load(d, 0x820) == 0x0703'0201);
  store(d, 0x85f, 0x2, first, 1);
  CHECK(load(d, 0x85c) == 0x0200'0000);
  store(d, 0x860, ~0U);
  CHECK(load(d, 0x860) == 0);
  CHECK(load(d, 0xbfc) == 0);
}

TEST_CASE("on a uniprocessor targets read as zero and all lines go to it") {
  distributor d{1};
  store(d, 0x820, ~0U);
  CHECK(load(d, 0x800) == 0);
  CHECK(load(d, 0x820) == 0);
  store(d, 0x000, 1);
  store(d, 0x104, 1);
  CHECK(d.raise({32}) == 1);
}

TEST_CASE("triggers: SGIs are edges, PPIs levels, shared lines as configured") {
  distributor d;
  CHECK(load(d, 0xc00) == 0xaaaa'aaaa);
  CHECK(load(d, 0xc04) == 0);
  store(d, 0xc00, 0);
  store(d, 0xc04, ~0U);
  CHECK(load(d, 0xc00) == 0xaaaa'aaaa);
  CHECK(load(d, 0xc04) == 0);
  store(d, 0xc08, ~0U);
  CHECK(load(d, 0xc08) == 0xaaaa'aaaa);
  store(d, 0xc14, 0x8000'0002, second);
  CHECK(load(d, 0xc14) == 0x8000'0002);
  store(d, 0xc18, ~0U);
  CHECK(load(d, 0xc18) == 0);
  CHECK(load(d, 0xcfc) == 0);
}

TEST_CASE("the levels of wires can be read where a GIC-400 has them") {
  distributor d;
  d.raise({33});
  d.raise({95});
  d.raise(second, {27});
  d.raise(second, {20});
  CHECK(load(d, 0xd04) == 2);
  CHECK(load(d, 0xd08) == 0x8000'0000);
  CHECK(load(d, 0xd00) == 0);
  CHECK(load(d, 0xd00, second) == 1U << 11);
  CHECK(load(d, 0xd0c) == 0);
  store(d, 0xd04, ~0U);
  CHECK(load(d, 0xd04) == 2);
  d.lower({33});
  CHECK(load(d, 0xd04) == 0);
}

TEST_CASE("GICD_SGIR reaches whom its filter says") {
  for (std::uint32_t const filter : {0U, 1U, 2U, 3U}) {
    distributor d{3};
    std::uint32_t const to[4] = {0b101, 0b101, 0b010, 0};
    // The list names vCPUs 0, 2 and others that are not there; the sender is 1.
    store(d, 0xf00, filter << 24 | 0xfdU << 16 | 1U << 15 | 9, second);
    for (std::uint32_t v = 0; v < 3; ++v) {
      bool const reached = (to[filter] >> v & 1) != 0;
      CHECK(load(d, 0xf19, {v}, 1) == (reached ? 2 : 0));
      CHECK(load(d, 0xf28, {v}) == (reached ? 0x200U : 0));
      CHECK(load(d, 0x200, {v}) == (reached ? 1U << 9 : 0));
    }
    CHECK(load(d, 0xf00) == 0);
  }
}

TEST_CASE("GICD_SPENDSGIR and CPENDSGIR set and clear by source") {
  distributor d{2};
  store(d, 0xf20, 0x0000'03ff);
  CHECK(load(d, 0xf10) == 0x0000'0303);
  CHECK(load(d, 0x200) == 3);
  store(d, 0x280, ~0U);  // SGIs are not cleared here
  store(d, 0x200, 4);
  CHECK(load(d, 0x200) == 3);
  store(d, 0xf10, 0x0000'0301);
  CHECK(load(d, 0xf20) == 2);
  CHECK(load(d, 0x200) == 1);
  store(d, 0xf2f, 1, second, 1);
  CHECK(load(d, 0xf1f, second, 1) == 1);
  CHECK(load(d, 0xf1f, first, 1) == 0);
}

TEST_CASE("every width but those of the architecture reads zero and writes nothing, everywhere") {
  distributor d;
  for (std::uint64_t o = 0; o < 0x1000; o += 4) store(d, o, ~0U);
  distributor untouched;
  for (std::uint64_t o = 0; o < 0x1100; ++o) {
    bool const has_bytes = (o >= 0x400 && o < 0xc00) || (o >= 0xf10 && o < 0xf30);
    for (unsigned const size : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 16U, 255U}) {
      if ((size == 4 && o % 4 == 0 && o < 0x1000) || (size == 1 && has_bytes)) continue;
      CHECK(load(d, o, first, size) == 0);
      CHECK(store(untouched, o, ~std::uint64_t{0}, first, size) == 0);
    }
  }
  distributor fresh;
  for (std::uint64_t o = 0; o < 0x1000; o += 4) CHECK(load(untouched, o) == load(fresh, o));
  for (std::uint64_t const o : {std::uint64_t{0x1000}, std::uint64_t{1} << 32, ~std::uint64_t{3}}) {
    CHECK(load(d, o) == 0);
    CHECK(store(d, o, ~0U) == 0);
  }
}

TEST_CASE("write names the other vCPUs that must look") {
  distributor d;
  store(d, 0x000, 1);
  store(d, 0x104, 2);
  CHECK(store(d, 0x824, 0x00, first) == 0);
  CHECK(store(d, 0x204, 2) == 0);  // pending, but goes nowhere
  CHECK(store(d, 0x821, 0x0d, first, 1) == 0x0c);
  CHECK(d.has_deliverable({0}));
  CHECK_FALSE(d.has_deliverable({1}));
  CHECK(d.has_deliverable({2}));
  CHECK(store(d, 0xf00, 0xfU << 16 | 1, {2}) == 0x0b);
}

TEST_CASE("sizes are a matter of type") {
  aarch64::vgic_v2<8, 960> large;
  CHECK(large.line_count == 992);
  CHECK(large.read(first, 0x004, 4) == (7U << 5 | 30));
  CHECK(large.raise({991}) == 0);
  CHECK(large.read(first, 0x278, 4) == 0x8000'0000);
  CHECK(large.read(first, 0x27c, 4) == 0);
  large.write(first, 0x400 + 991, 1, 0xff);
  CHECK(large.read(first, 0x400 + 988, 4) == 0xf800'0000);
  CHECK(large.read(first, 0x400 + 992, 4) == 0);
  aarch64::vgic_v2<1, 32> small;
  CHECK(small.read(first, 0x004, 4) == 1);
}

// SPDX-License-Identifier: BSL-1.0
// Numbers from ARM DDI 0487: "VMSAv8-64 descriptor formats" (D8.3), VTCR_EL2 (D24.2), put together by hand.
#include <axhal/arch/aarch64/paging_stage2.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using aarch64::stage2;
using s2 = stage2<40>;

constexpr auto read = axhal::access::read;
constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }

/// Manual's starting level, SL0, tables at the root and entries in the root.
struct root {
  unsigned start;
  unsigned sl0;
  unsigned tables;
  unsigned entries;
  friend constexpr bool operator==(root, root) = default;
};
template <unsigned Bits>
constexpr root root_of() {
  using p = stage2<Bits>;
  unsigned const entries = 1U << p::index_bits(p::levels - 1);
  auto const sl0 = static_cast<unsigned>(p::vtcr_el2(48, 8) >> 6) & 3;
  return {4 - p::levels, sl0, entries <= 512 ? 1 : entries / 512, entries};
}

}  // namespace

TEST_CASE("stage 2 pages and blocks") {
  // valid, page, normal write-back 1111, read and write 11, inner shareable 11, access flag
  STATIC_REQUIRE(s2::leaf({0x1234'5000}, normal(read_write_execute), 0) == 0x1234'57ff);
  STATIC_REQUIRE(s2::leaf({0x1234'5000}, normal(read_write), 0) == 0x0040'0000'1234'57ff);
  STATIC_REQUIRE(s2::leaf({0x1234'5000}, normal(read), 0) == 0x0040'0000'1234'577f);
  STATIC_REQUIRE(s2::leaf({0x1234'5000}, normal(read_execute), 0) == 0x1234'577f);
  STATIC_REQUIRE(s2::leaf({0x1220'0000}, normal(read_write_execute), 1) == 0x1220'07fd);
  STATIC_REQUIRE(s2::leaf({0xffff'c000'0000}, normal(read_write_execute), 2) == 0xffff'c000'07fd);
  // Device-nGnRE 0001 and normal non-cacheable 0101, outer shareable 10
  STATIC_REQUIRE(s2::leaf({0x0900'0000}, {read_write, memory_type::device}, 0) == 0x0040'0000'0900'06c7);
  STATIC_REQUIRE(s2::leaf({0x0900'0000}, {read, memory_type::normal_uncached}, 0) == 0x0040'0000'0900'0657);
  STATIC_REQUIRE(s2::table({0xffff'ffff'f000}) == 0xffff'ffff'f003);
}

TEST_CASE("stage 2 reads what firmware and hardware may have written") {
  // Bits that this library never sets (contiguous 52, software 55 to 58) change nothing.
  STATIC_REQUIRE(s2::attributes(0x07d0'0000'1234'57ff) == page_attributes{read_write, memory_type::normal});
  STATIC_REQUIRE(s2::target(0x07d0'0000'1234'57ff, 0) == host_phys{0x1234'5000});
  STATIC_REQUIRE(!s2::is_present(0x1234'57fe));
  STATIC_REQUIRE(!s2::is_leaf(0x1234'57fd, 0));  // reserved at the last level
  STATIC_REQUIRE(!s2::is_leaf(0x1234'57ff, 1));
  // Any Device type is device.
  STATIC_REQUIRE(s2::attributes(0x0900'06c3).type == memory_type::device);
  STATIC_REQUIRE(s2::attributes(0x0900'06cf).type == memory_type::device);
}

TEST_CASE("what stage 2 refuses to express") {
  STATIC_REQUIRE(!s2::representable({axhal::access::none, memory_type::normal}));
  STATIC_REQUIRE(!s2::representable({axhal::access::write, memory_type::normal}));
  STATIC_REQUIRE(!s2::representable({axhal::access::execute, memory_type::normal}));
  STATIC_REQUIRE(!s2::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(!s2::representable({read_write_execute, memory_type::device}));
  STATIC_REQUIRE(s2::representable({read_write_execute, memory_type::normal}));
  STATIC_REQUIRE(s2::representable({read, memory_type::device}));
}

TEST_CASE("starting levels and concatenated roots for every size") {
  STATIC_REQUIRE(root_of<32>() == root{2, 0, 4, 2048});
  STATIC_REQUIRE(root_of<33>() == root{2, 0, 8, 4096});
  STATIC_REQUIRE(root_of<34>() == root{2, 0, 16, 8192});
  STATIC_REQUIRE(root_of<35>() == root{1, 1, 1, 32});
  STATIC_REQUIRE(root_of<36>() == root{1, 1, 1, 64});
  STATIC_REQUIRE(root_of<38>() == root{1, 1, 1, 256});
  STATIC_REQUIRE(root_of<39>() == root{1, 1, 1, 512});
  STATIC_REQUIRE(root_of<40>() == root{1, 1, 2, 1024});
  STATIC_REQUIRE(root_of<41>() == root{1, 1, 4, 2048});
  STATIC_REQUIRE(root_of<42>() == root{1, 1, 8, 4096});
  STATIC_REQUIRE(root_of<43>() == root{1, 1, 16, 8192});
  STATIC_REQUIRE(root_of<44>() == root{0, 2, 1, 32});
  STATIC_REQUIRE(root_of<48>() == root{0, 2, 1, 512});
}

TEST_CASE("VTCR_EL2") {
  STATIC_REQUIRE(s2::vtcr_el2(40, 8) == 0x8002'3558);
  STATIC_REQUIRE(s2::vtcr_el2(40, 16) == 0x800a'3558);
  STATIC_REQUIRE(stage2<32>::vtcr_el2(32, 8) == 0x8000'3520);
  STATIC_REQUIRE(stage2<36>::vtcr_el2(36, 8) == 0x8001'355c);
  STATIC_REQUIRE(stage2<42>::vtcr_el2(42, 8) == 0x8003'3556);
  STATIC_REQUIRE(stage2<44>::vtcr_el2(44, 8) == 0x8004'3594);
  STATIC_REQUIRE(stage2<48>::vtcr_el2(48, 16) == 0x800d'3590);
  STATIC_REQUIRE(stage2<48>::vtcr_el2(52, 16) == 0x800d'3590);  // descriptors of this granule hold 48 bits
}

TEST_CASE("which machines translate which format") {
  STATIC_REQUIRE(s2::is_supported(40));
  STATIC_REQUIRE(!s2::is_supported(36));
  STATIC_REQUIRE(stage2<43>::is_supported(44));
  STATIC_REQUIRE(stage2<44>::is_supported(44));
  STATIC_REQUIRE(!stage2<44>::is_supported(42));
  STATIC_REQUIRE(!stage2<48>::is_supported(44));
}

// SPDX-License-Identifier: BSL-1.0
// Numbers from the Intel SDM vol. 3A, "Formats of CR3 and Paging-Structure Entries with 4-Level Paging and 5-Level
// Paging" and "Page Attribute Table (PAT)", and the AMD64 APM vol. 2, "Long-Mode Page Translation" and "Nested Paging",
// put together by hand.
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/paging/geometry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using x86_64::npt;
using x86_64::npt_5_level;
using x86_64::paging_4_level;
using x86_64::paging_5_level;

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }
constexpr auto read = axhal::access::read;
constexpr auto execute = axhal::access::execute;

}  // namespace

TEST_CASE("host leaves: P R/W in bits 0 and 1, A in 5, D in 6, PS in 7, XD in 63") {
  STATIC_REQUIRE(paging_4_level::leaf({0x8020'0000}, normal(read), 0) == 0x8000'0000'8020'0021);
  STATIC_REQUIRE(paging_4_level::leaf({0x8020'0000}, normal(read_write), 0) == 0x8000'0000'8020'0063);
  STATIC_REQUIRE(paging_4_level::leaf({0x8020'0000}, normal(read_execute), 0) == 0x0000'0000'8020'0021);
  STATIC_REQUIRE(paging_4_level::leaf({0x8020'0000}, normal(read_execute), 1) == 0x0000'0000'8020'00a1);
  STATIC_REQUIRE(paging_4_level::leaf({0x8000'0000}, normal(read_write), 2) == 0x8000'0000'8000'00e3);
  STATIC_REQUIRE(paging_5_level::leaf({0x000f'ffff'ffff'f000}, normal(read), 0) == 0x800f'ffff'ffff'f021);
  STATIC_REQUIRE(paging_4_level::table({0x8050'1000}) == 0x8050'1023);
  STATIC_REQUIRE(paging_5_level::table({0x000f'ffff'ffff'f000}) == 0x000f'ffff'ffff'f023);
}

TEST_CASE("memory types: PWT in bit 3, PCD in bit 4, never the PAT bit") {
  STATIC_REQUIRE(paging_4_level::leaf({0xfee0'0000}, {read_write, memory_type::device}, 0) == 0x8000'0000'fee0'007b);
  STATIC_REQUIRE(paging_4_level::leaf({0xfee0'0000}, {read_write, memory_type::device}, 1) == 0x8000'0000'fee0'00fb);
  STATIC_REQUIRE(paging_4_level::leaf({0xe000'0000}, {read_write, memory_type::normal_uncached}, 1) ==
                 0x8000'0000'e000'00eb);
  STATIC_REQUIRE(paging_4_level::leaf({0xe000'0000}, {read, memory_type::normal_uncached}, 0) == 0x8000'0000'e000'0029);
  // PA0 WB 06, PA1 WC 01, PA2 UC- 07, PA3 UC 00, and once more.
  STATIC_REQUIRE(x86_64::pat_layout::ia32_pat == 0x0007'0106'0007'0106);
}

TEST_CASE("the host's format reads entries that others wrote") {
  STATIC_REQUIRE(!paging_4_level::is_present(0x8000'0000'8020'0062));
  STATIC_REQUIRE(!paging_4_level::is_leaf(0x8050'1003, 1));
  STATIC_REQUIRE(paging_4_level::is_leaf(0x8050'1003, 0));
  STATIC_REQUIRE(paging_4_level::is_leaf(0x8040'0083, 1));
  STATIC_REQUIRE(paging_4_level::attributes(0x8040'0183) == normal(read_write_execute));  // a loader's, global
  // The PAT bit: bit 12 of a large page is no address, bit 7 of a small one no size.
  STATIC_REQUIRE(paging_4_level::target(0x8040'1083, 1) == host_phys{0x8040'0000});
  STATIC_REQUIRE(paging_4_level::target(0x8000'1083, 2) == host_phys{0x8000'0000});
  STATIC_REQUIRE(paging_4_level::target(0x8040'1083, 0) == host_phys{0x8040'1000});
  STATIC_REQUIRE(paging_4_level::target(0x8040'1003, 1) == host_phys{0x8040'1000});
  STATIC_REQUIRE(paging_4_level::target(0xfff0'0000'8040'1003, 0) == host_phys{0x8040'1000});
  STATIC_REQUIRE(paging_4_level::attributes(0x8000'0000'8040'0013).type == memory_type::device);  // UC-
}

TEST_CASE("what the formats of CR3 refuse to express") {
  STATIC_REQUIRE(!paging_4_level::representable(normal(axhal::access::none)));
  STATIC_REQUIRE(!paging_4_level::representable(normal(axhal::access::write)));
  STATIC_REQUIRE(!paging_4_level::representable(normal(execute)));
  STATIC_REQUIRE(!paging_4_level::representable(normal(axhal::access::write | execute)));
  STATIC_REQUIRE(!paging_4_level::representable(normal(read_write_execute)));
  STATIC_REQUIRE(!paging_4_level::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(paging_4_level::representable({read_execute, memory_type::normal_uncached}));
}

TEST_CASE("CR3: the root's frame, the PCID below; 4 and 5 levels") {
  STATIC_REQUIRE(paging_4_level::cr3({0x8050'0000}) == 0x8050'0000);
  STATIC_REQUIRE(paging_4_level::cr3({0x8050'0000}, 0xabc) == 0x8050'0abc);
  STATIC_REQUIRE(paging_5_level::cr3({0x000f'ffff'ffff'f000}, 0xfff) == 0x000f'ffff'ffff'ffff);
  STATIC_REQUIRE(x86_64::cr3::f_no_flush::mask == 0x8000'0000'0000'0000);
  STATIC_REQUIRE(!paging_4_level::cr4_la57);
  STATIC_REQUIRE(paging_5_level::cr4_la57);
  STATIC_REQUIRE(paging::geometry<paging_4_level>::inputs.last == 0xffff'ffff'ffff);
  STATIC_REQUIRE(paging::geometry<paging_5_level>::inputs.last == 0x1ff'ffff'ffff'ffff);
  STATIC_REQUIRE(paging::geometry<paging_5_level>::frames(4) == 1);
}

TEST_CASE("canonical addresses: the high bits repeat bit 47 or bit 56") {
  STATIC_REQUIRE(paging_4_level::is_canonical({0x0000'7fff'ffff'ffff}));
  STATIC_REQUIRE(!paging_4_level::is_canonical({0x0000'8000'0000'0000}));
  STATIC_REQUIRE(!paging_4_level::is_canonical({0xffff'7fff'ffff'ffff}));
  STATIC_REQUIRE(paging_4_level::is_canonical({0xffff'8000'0000'0000}));
  STATIC_REQUIRE(paging_5_level::is_canonical({0x00ff'ffff'ffff'ffff}));
  STATIC_REQUIRE(!paging_5_level::is_canonical({0x0100'0000'0000'0000}));
  STATIC_REQUIRE(paging_5_level::is_canonical({0xff00'0000'0000'0000}));
  STATIC_REQUIRE(paging_4_level::folded({0xffff'8000'0000'1000}) == host_virt{0x8000'0000'1000});
  STATIC_REQUIRE(paging_4_level::canonical({0x8000'0000'1000}) == host_virt{0xffff'8000'0000'1000});
}

TEST_CASE("nested tables: the host's format with U/S in bit 2 of every entry") {
  STATIC_REQUIRE(npt::leaf({0x8020'0000}, normal(read), 0) == 0x8000'0000'8020'0025);
  STATIC_REQUIRE(npt::leaf({0x8020'0000}, normal(read_write), 1) == 0x8000'0000'8020'00e7);
  STATIC_REQUIRE(npt::leaf({0x8000'0000}, normal(read_write_execute), 2) == 0x8000'00e7);
  STATIC_REQUIRE(npt::leaf({0xfee0'0000}, {read_write, memory_type::device}, 0) == 0x8000'0000'fee0'007f);
  STATIC_REQUIRE(npt::leaf({0xe000'0000}, {read_write, memory_type::normal_uncached}, 1) == 0x8000'0000'e000'00ef);
  STATIC_REQUIRE(npt_5_level::table({0x8050'1000}) == 0x8050'1027);
  STATIC_REQUIRE(npt::ncr3({0x8050'0000}) == 0x8050'0000);
  STATIC_REQUIRE(npt::gpa_bits == 48);
  STATIC_REQUIRE(npt_5_level::gpa_bits == 57);
}

TEST_CASE("what nested tables refuse to express") {
  STATIC_REQUIRE(!npt::representable(normal(axhal::access::none)));
  STATIC_REQUIRE(!npt::representable(normal(axhal::access::write)));
  STATIC_REQUIRE(!npt::representable(normal(execute)));
  STATIC_REQUIRE(!npt::representable({read_write_execute, memory_type::device}));
  STATIC_REQUIRE(npt::representable(normal(read_write_execute)));
}

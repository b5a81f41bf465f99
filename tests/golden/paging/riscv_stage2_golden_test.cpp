// SPDX-License-Identifier: BSL-1.0
// Numbers from the RISC-V Privileged Architecture, "H" Extension for Hypervisor Support: "Guest Physical Address
// Translation", "Hypervisor guest address translation and protection register", put together by hand.
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/paging/geometry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using riscv64::sv39x4;
using riscv64::sv48x4;
using riscv64::sv48x4_svpbmt;
using riscv64::sv57x4;

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }

}  // namespace

TEST_CASE("G-stage leaves have U in bit 4") {
  STATIC_REQUIRE(sv39x4::leaf({0x8020'0000}, normal(axhal::access::read), 0) == 0x2008'0053);
  STATIC_REQUIRE(sv39x4::leaf({0x8020'0000}, normal(read_write), 0) == 0x2008'00d7);
  STATIC_REQUIRE(sv39x4::leaf({0x8020'0000}, normal(read_execute), 0) == 0x2008'005b);
  STATIC_REQUIRE(sv39x4::leaf({0x8020'0000}, normal(read_write_execute), 1) == 0x2008'00df);
  STATIC_REQUIRE(sv39x4::leaf({0x8020'0000}, normal(axhal::access::execute), 0) == 0x2008'0059);
  STATIC_REQUIRE(sv57x4::leaf({0x00ff'0000'0000'0000}, normal(read_write), 4) == 0x003f'c000'0000'00d7);
  STATIC_REQUIRE(sv39x4::leaf({0x1000'0000}, {read_write, memory_type::device}, 0) == 0x0400'02d7);
  STATIC_REQUIRE(sv48x4_svpbmt::leaf({0x1000'0000}, {read_write, memory_type::device}, 0) == 0x4000'0000'0400'00d7);
  STATIC_REQUIRE(sv48x4_svpbmt::leaf({0x1000'0000}, {read_write, memory_type::normal_uncached}, 0) ==
                 0x2000'0000'0400'00d7);
  STATIC_REQUIRE(sv39x4::table({0x8050'1000}) == 0x2014'0401);  // neither U nor A nor D
}

TEST_CASE("what the G-stage refuses to express") {
  STATIC_REQUIRE(!sv39x4::representable(normal(axhal::access::none)));
  STATIC_REQUIRE(!sv39x4::representable(normal(axhal::access::write)));
  STATIC_REQUIRE(!sv39x4::representable(normal(axhal::access::write | axhal::access::execute)));
  STATIC_REQUIRE(!sv39x4::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(sv39x4::representable(normal(read_write_execute)));
  STATIC_REQUIRE(sv39x4::representable(normal(axhal::access::execute)));
}

TEST_CASE("hgatp: MODE 8, 9 and 10, 14 bits of VMID, the root's frame") {
  STATIC_REQUIRE(sv39x4::hgatp({0x9000'4000}, vmid{0}) == 0x8000'0000'0009'0004);
  STATIC_REQUIRE(sv39x4::hgatp({0x9000'4000}, vmid{1}) == 0x8000'1000'0009'0004);
  STATIC_REQUIRE(sv48x4::hgatp({0x9000'4000}, vmid{0x3fff}) == 0x93ff'f000'0009'0004);
  STATIC_REQUIRE(sv57x4::hgatp({0x00ff'ffff'ffff'c000}, vmid{0x1234}) == 0xa123'4fff'ffff'fffc);
}

TEST_CASE("the root is 16 KiB, and guest-physical addresses are two bits wider") {
  STATIC_REQUIRE(paging::geometry<sv39x4>::frames(2) == 4);
  STATIC_REQUIRE(paging::geometry<sv48x4>::frames(3) == 4);
  STATIC_REQUIRE(paging::geometry<sv57x4>::frames(4) == 4);
  STATIC_REQUIRE(paging::geometry<sv39x4>::entries(2) == 2048);
  STATIC_REQUIRE(paging::geometry<sv39x4>::entries(1) == 512);
  STATIC_REQUIRE(paging::geometry<sv39x4>::inputs.last == 0x1ff'ffff'ffff);
  STATIC_REQUIRE(paging::geometry<sv48x4>::inputs.last == 0x3'ffff'ffff'ffff);
  STATIC_REQUIRE(paging::geometry<sv57x4>::inputs.last == 0x7ff'ffff'ffff'ffff);
}

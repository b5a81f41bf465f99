// SPDX-License-Identifier: BSL-1.0
// Numbers from the RISC-V Privileged Architecture: "Sv39 page table entry", "Encodings for PBMT field", "Supervisor
// address translation and protection (satp) register", put together by hand.
#include <axhal/arch/riscv64/paging_stage1.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using riscv64::sv39;
using riscv64::sv39_svpbmt;
using riscv64::sv48;
using riscv64::sv57;

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }
constexpr auto read = axhal::access::read;
constexpr auto execute = axhal::access::execute;

}  // namespace

TEST_CASE("Sv39 leaves: V R W X in bits 0 to 3, A in 6, D in 7, the frame from bit 10") {
  // 0x8020'0000 >> 12 << 10 = 0x2008'0000
  STATIC_REQUIRE(sv39::leaf({0x8020'0000}, normal(read), 0) == 0x2008'0043);
  STATIC_REQUIRE(sv39::leaf({0x8020'0000}, normal(read_write), 0) == 0x2008'00c7);
  STATIC_REQUIRE(sv39::leaf({0x8020'0000}, normal(read_execute), 1) == 0x2008'004b);
  STATIC_REQUIRE(sv39::leaf({0x8020'0000}, normal(execute), 0) == 0x2008'0049);
  STATIC_REQUIRE(sv39::leaf({0x1234'5000}, normal(read_write), 0) == 0x048d'14c7);
  STATIC_REQUIRE(sv39::leaf({0x00ff'ffff'ffff'f000}, normal(read), 0) == 0x003f'ffff'ffff'fc43);
  STATIC_REQUIRE(sv39::table({0x8050'1000}) == 0x2014'0401);
  STATIC_REQUIRE(sv39::table({0x00ff'ffff'ffff'f000}) == 0x003f'ffff'ffff'fc01);
}

TEST_CASE("memory types: RSW without Svpbmt, PBMT with it") {
  STATIC_REQUIRE(sv39::leaf({0x1000'0000}, {read_write, memory_type::device}, 0) == 0x0400'02c7);
  STATIC_REQUIRE(sv39::leaf({0x1000'0000}, {read, memory_type::normal_uncached}, 0) == 0x0400'0143);
  STATIC_REQUIRE(sv39_svpbmt::leaf({0x1000'0000}, normal(read_write), 0) == 0x0400'00c7);
  STATIC_REQUIRE(sv39_svpbmt::leaf({0x1000'0000}, {read_write, memory_type::device}, 0) == 0x4000'0000'0400'00c7);
  STATIC_REQUIRE(sv39_svpbmt::leaf({0x1000'0000}, {read, memory_type::normal_uncached}, 0) == 0x2000'0000'0400'0043);
  // A reserved PBMT is taken for the strictest type, and firmware's RSW for nothing.
  STATIC_REQUIRE(sv39_svpbmt::attributes(0x6000'0000'0400'00c7).type == memory_type::device);
  STATIC_REQUIRE(sv39_svpbmt::attributes(0x0400'03c7).type == memory_type::normal);
}

TEST_CASE("Sv39 reads entries that others wrote") {
  STATIC_REQUIRE(!sv39::is_present(0x2008'00c6));
  STATIC_REQUIRE(!sv39::is_leaf(0x2014'0401, 1));
  STATIC_REQUIRE(sv39::is_leaf(0x2014'0409, 1));
  STATIC_REQUIRE(sv39::is_leaf(0x2014'0405, 1));  // W alone is reserved: it faults, and names no table
  STATIC_REQUIRE(sv39::target(0x8000'0000'2008'00c7, 0) == host_phys{0x8020'0000});
  STATIC_REQUIRE(sv39::attributes(0x2008'0047) == normal(read_write));  // D clear
  STATIC_REQUIRE(sv39::attributes(0x2008'00f7) == normal(read_write));  // U and G set
}

TEST_CASE("what the host's formats refuse to express") {
  STATIC_REQUIRE(!sv39::representable(normal(axhal::access::none)));
  STATIC_REQUIRE(!sv39::representable(normal(axhal::access::write)));
  STATIC_REQUIRE(!sv39::representable(normal(axhal::access::write | execute)));
  STATIC_REQUIRE(!sv39::representable(normal(read_write_execute)));
  STATIC_REQUIRE(!sv39::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(sv39::representable(normal(execute)));
  STATIC_REQUIRE(sv39::representable({read_execute, memory_type::normal_uncached}));
}

TEST_CASE("satp: MODE 8, 9 and 10, 16 bits of ASID, the root's frame") {
  STATIC_REQUIRE(sv39::satp({0x8050'0000}) == 0x8000'0000'0008'0500);
  STATIC_REQUIRE(sv48::satp({0x8050'0000}, 0x1234) == 0x9123'4000'0008'0500);
  STATIC_REQUIRE(sv57::satp({0x00ff'ffff'ffff'f000}, 0xffff) == 0xafff'ffff'ffff'ffff);
  STATIC_REQUIRE(sv39::va_bits == 39);
  STATIC_REQUIRE(sv48::va_bits == 48);
  STATIC_REQUIRE(sv57::va_bits == 57);
  STATIC_REQUIRE(sv39::levels == 3);
  STATIC_REQUIRE(sv48::levels == 4);
  STATIC_REQUIRE(sv57::levels == 5);
}

TEST_CASE("canonical addresses: the high bits repeat the highest translated one") {
  STATIC_REQUIRE(sv39::is_canonical({0x0000'003f'ffff'ffff}));
  STATIC_REQUIRE(!sv39::is_canonical({0x0000'0040'0000'0000}));
  STATIC_REQUIRE(!sv39::is_canonical({0xffff'ffbf'ffff'ffff}));
  STATIC_REQUIRE(sv39::is_canonical({0xffff'ffc0'0000'0000}));
  STATIC_REQUIRE(sv48::is_canonical({0xffff'8000'0000'0000}));
  STATIC_REQUIRE(sv57::is_canonical({0xff00'0000'0000'0000}));
  STATIC_REQUIRE(sv39::folded({0xffff'ffc0'0000'1000}) == host_virt{0x40'0000'1000});
  STATIC_REQUIRE(sv39::canonical({0x40'0000'1000}) == host_virt{0xffff'ffc0'0000'1000});
}

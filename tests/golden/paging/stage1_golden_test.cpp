// SPDX-License-Identifier: BSL-1.0
// Numbers from ARM DDI 0487: "VMSAv8-64 descriptor formats" (D8.3), TCR_EL2, MAIR_EL2 and SCTLR_EL2 (D24.2), put
// together by hand.
#include <axhal/arch/aarch64/mmu.hpp>
#include <axhal/arch/aarch64/paging_stage1.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using aarch64::el2_mode;
using aarch64::stage1_el2;
using nvhe = stage1_el2<el2_mode::nvhe, 48>;
using vhe = stage1_el2<el2_mode::vhe, 48>;

constexpr page_attributes code{read_execute, memory_type::normal};
constexpr page_attributes constants{axhal::access::read, memory_type::normal};
constexpr page_attributes data{read_write, memory_type::normal};
constexpr page_attributes uncached{read_write, memory_type::normal_uncached};
constexpr page_attributes devices{read_write, memory_type::device};

}  // namespace

TEST_CASE("EL2 alone: AP[1] is one, XN forbids execution") {
  STATIC_REQUIRE(nvhe::leaf({0x1234'5000}, code, 0) == 0x1234'57c3);
  STATIC_REQUIRE(nvhe::leaf({0x1234'5000}, constants, 0) == 0x0040'0000'1234'57c3);
  STATIC_REQUIRE(nvhe::leaf({0x1234'5000}, data, 0) == 0x0040'0000'1234'5743);
  STATIC_REQUIRE(nvhe::leaf({0x1234'5000}, uncached, 0) == 0x0040'0000'1234'5647);
  STATIC_REQUIRE(nvhe::leaf({0x0900'0000}, devices, 0) == 0x0040'0000'0900'064b);
  STATIC_REQUIRE(nvhe::leaf({0x1220'0000}, code, 1) == 0x1220'07c1);
  STATIC_REQUIRE(nvhe::leaf({0xffff'c000'0000}, data, 2) == 0x0040'ffff'c000'0741);
  STATIC_REQUIRE(nvhe::table({0x1234'5000}) == 0x1234'5003);
}

TEST_CASE("EL2&0: nothing for EL0, PXN forbids execution") {
  STATIC_REQUIRE(vhe::leaf({0x1234'5000}, code, 0) == 0x0040'0000'1234'5783);
  STATIC_REQUIRE(vhe::leaf({0x1234'5000}, constants, 0) == 0x0060'0000'1234'5783);
  STATIC_REQUIRE(vhe::leaf({0x1234'5000}, data, 0) == 0x0060'0000'1234'5703);
  STATIC_REQUIRE(vhe::leaf({0x0900'0000}, devices, 0) == 0x0060'0000'0900'060b);
  STATIC_REQUIRE(vhe::leaf({0x1220'0000}, code, 1) == 0x0040'0000'1220'0781);
}

TEST_CASE("no page is writable and executable") {
  STATIC_REQUIRE(!nvhe::representable({read_write_execute, memory_type::normal}));
  STATIC_REQUIRE(!vhe::representable({read_write_execute, memory_type::normal}));
  STATIC_REQUIRE(!nvhe::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(!nvhe::representable({axhal::access::write, memory_type::normal}));
  STATIC_REQUIRE(!nvhe::representable({axhal::access::execute, memory_type::normal}));
  STATIC_REQUIRE(!vhe::representable({axhal::access::none, memory_type::normal}));
}

TEST_CASE("MAIR_EL2") { STATIC_REQUIRE(aarch64::memory_attributes::mair_el2 == 0x04'44ff); }

TEST_CASE("TCR_EL2 in both layouts") {
  STATIC_REQUIRE(nvhe::tcr_el2(48) == 0x8085'3510);
  STATIC_REQUIRE(nvhe::tcr_el2(40) == 0x8082'3510);
  STATIC_REQUIRE(stage1_el2<el2_mode::nvhe, 39>::tcr_el2(40) == 0x8082'3519);
  STATIC_REQUIRE(vhe::tcr_el2(48) == 0x5'8090'3510);
  STATIC_REQUIRE(stage1_el2<el2_mode::vhe, 39>::tcr_el2(40) == 0x2'8099'3519);
}

TEST_CASE("SCTLR_EL2 in both layouts") {
  STATIC_REQUIRE(aarch64::sctlr_el2::running(el2_mode::nvhe) == 0x30cd'183d);
  STATIC_REQUIRE(aarch64::sctlr_el2::running(el2_mode::vhe) == 0x30d8'180d);
}

TEST_CASE("physical address sizes") {
  STATIC_REQUIRE(aarch64::encode_physical_size(32) == 0);
  STATIC_REQUIRE(aarch64::encode_physical_size(36) == 1);
  STATIC_REQUIRE(aarch64::encode_physical_size(40) == 2);
  STATIC_REQUIRE(aarch64::encode_physical_size(42) == 3);
  STATIC_REQUIRE(aarch64::encode_physical_size(43) == 3);
  STATIC_REQUIRE(aarch64::encode_physical_size(44) == 4);
  STATIC_REQUIRE(aarch64::encode_physical_size(48) == 5);
  STATIC_REQUIRE(aarch64::encode_physical_size(52) == 5);
}

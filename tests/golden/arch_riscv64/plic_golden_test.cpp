// SPDX-License-Identifier: BSL-1.0
// Numbers of the RISC-V Platform-Level Interrupt Controller Specification 1.0, written down apart from the header that
// uses them.
#include <axhal/arch/riscv64/plic_registers.hpp>

#include <catch2/catch_test_macros.hpp>

using plic = axhal::riscv64::plic_registers;

TEST_CASE("PLIC memory map") {
  STATIC_REQUIRE(plic::priority_of(1) == 0x000004);
  STATIC_REQUIRE(plic::priority_of(1023) == 0x000ffc);
  STATIC_REQUIRE(plic::pending_word(0) == 0x001000);
  STATIC_REQUIRE(plic::pending_word(31) == 0x00107c);
  STATIC_REQUIRE(plic::enable_word(0, 0) == 0x002000);
  STATIC_REQUIRE(plic::enable_word(0, 1) == 0x002004);
  STATIC_REQUIRE(plic::enable_word(0, 31) == 0x00207c);
  STATIC_REQUIRE(plic::enable_word(1, 0) == 0x002080);
  STATIC_REQUIRE(plic::enable_word(2, 31) == 0x00217c);
  STATIC_REQUIRE(plic::enable_word(15871, 0) == 0x1f1f80);
  STATIC_REQUIRE(plic::enable_word(15871, 31) == 0x1f1ffc);
  STATIC_REQUIRE(plic::threshold_of(0) == 0x200000);
  STATIC_REQUIRE(plic::threshold_of(1) == 0x201000);
  STATIC_REQUIRE(plic::threshold_of(15871) == 0x3fff000);
  STATIC_REQUIRE(plic::claim_of(0) == 0x200004);
  STATIC_REQUIRE(plic::claim_of(1) == 0x201004);
  STATIC_REQUIRE(plic::claim_of(15871) == 0x3fff004);
  STATIC_REQUIRE(plic::max_sources == 1023);
  STATIC_REQUIRE(plic::max_contexts == 15872);
}

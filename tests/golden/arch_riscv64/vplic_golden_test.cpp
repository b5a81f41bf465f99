// SPDX-License-Identifier: BSL-1.0
// Addresses as the RISC-V PLIC Specification 1.0 ("Memory Map") and the virt machine of QEMU have them: a guest's
// driver, written out access by access.
#include <axhal/arch/riscv64/vplic.hpp>
#include <axhal/vdev/device_map.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;
using plic = riscv64::vplic<4>;

TEST_CASE("shape of QEMU's virt machine", "[golden][vplic]") {
  STATIC_REQUIRE(plic::size == 0x60'0000);
  STATIC_REQUIRE(plic::source_count == 95);  // riscv,ndev = <0x5f>
  // interrupts-extended: M-mode (11) and S-mode (9) of each hart.
  STATIC_REQUIRE(plic::context_count == 8);
  STATIC_REQUIRE(plic::context_of(vcpu_number{0}) == 1);
  STATIC_REQUIRE(plic::context_of(vcpu_number{3}) == 7);
}

TEST_CASE("a driver serves the UART on hart 0 and hart 2", "[golden][vplic]") {
  plic device;
  device_map map{mapped<guest_range{{0x0c00'0000}, plic::size}, plic>{device}};
  auto const lw = [&](std::uint64_t at) { return *map.read({0}, {at}, 4); };
  auto const sw = [&](std::uint64_t at, std::uint32_t value) { REQUIRE(map.write({0}, {at}, 4, value)); };

  sw(0x0c00'0028, 1);         // priority of source 10
  sw(0x0c00'2080, 1U << 10);  // enables of context 1
  sw(0x0c00'2280, 1U << 10);  // enables of context 5
  sw(0x0c20'1000, 0);         // threshold of context 1
  sw(0x0c20'5000, 1);         // threshold of context 5: silent
  device.raise({10});
  CHECK(lw(0x0c00'1000) == 0x400);
  CHECK(device.external_level({0}));
  CHECK(!device.external_level({2}));
  CHECK(lw(0x0c20'5004) == 10);
  CHECK(lw(0x0c20'1004) == 0);
  CHECK(!device.external_level({0}));
  sw(0x0c20'5004, 10);
  CHECK(lw(0x0c20'1004) == 10);

  sw(0x0c00'017c, 7);         // priority of source 95
  sw(0x0c00'2088, 1U << 31);  // its enable on context 1
  device.pulse({95});
  CHECK(lw(0x0c00'1008) == 0x8000'0000);
  CHECK(lw(0x0c20'1004) == 95);
  CHECK(map.read({0}, {0x0c60'0000}, 4) == device_value{});
}

}  // namespace

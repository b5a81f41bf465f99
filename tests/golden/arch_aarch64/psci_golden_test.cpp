// SPDX-License-Identifier: BSL-1.0
// Numbers as Arm DEN0022 (PSCI 1.1) and DEN0028 (SMCCC) print them.
#include <axhal/arch/aarch64/psci.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal::aarch64;

constexpr std::uint32_t id(psci_function f) { return static_cast<std::uint32_t>(f); }

TEST_CASE("PSCI function identifiers", "[golden][psci]") {
  STATIC_REQUIRE(id(psci_function::version) == 2214592512U);
  STATIC_REQUIRE(id(psci_function::cpu_suspend) == 0x8400'0001);
  STATIC_REQUIRE(id(psci_function::cpu_suspend_64) == 0xc400'0001);
  STATIC_REQUIRE(id(psci_function::cpu_off) == 0x8400'0002);
  STATIC_REQUIRE(id(psci_function::cpu_on) == 0x8400'0003);
  STATIC_REQUIRE(id(psci_function::cpu_on_64) == 0xc400'0003);
  STATIC_REQUIRE(id(psci_function::affinity_info) == 0x8400'0004);
  STATIC_REQUIRE(id(psci_function::affinity_info_64) == 0xc400'0004);
  STATIC_REQUIRE(id(psci_function::migrate) == 0x8400'0005);
  STATIC_REQUIRE(id(psci_function::migrate_info_type) == 0x8400'0006);
  STATIC_REQUIRE(id(psci_function::migrate_info_up_cpu) == 0x8400'0007);
  STATIC_REQUIRE(id(psci_function::system_off) == 0x8400'0008);
  STATIC_REQUIRE(id(psci_function::system_reset) == 0x8400'0009);
  STATIC_REQUIRE(id(psci_function::features) == 0x8400'000a);
  STATIC_REQUIRE(id(psci_function::system_suspend) == 0x8400'000e);
  STATIC_REQUIRE(id(psci_function::system_reset2) == 0x8400'0012);
  STATIC_REQUIRE(id(psci_function::smccc_version) == 0x8000'0000);
  STATIC_REQUIRE(id(psci_function::smccc_arch_features) == 0x8000'0001);
}

TEST_CASE("PSCI return codes, as words in X0", "[golden][psci]") {
  STATIC_REQUIRE(psci_word(psci_status::success) == 0);
  STATIC_REQUIRE(psci_word(psci_status::not_supported) == 0xffff'ffff'ffff'ffff);
  STATIC_REQUIRE(psci_word(psci_status::invalid_parameters) == 0xffff'ffff'ffff'fffe);
  STATIC_REQUIRE(psci_word(psci_status::denied) == 0xffff'ffff'ffff'fffd);
  STATIC_REQUIRE(psci_word(psci_status::already_on) == 0xffff'ffff'ffff'fffc);
  STATIC_REQUIRE(psci_word(psci_status::on_pending) == 0xffff'ffff'ffff'fffb);
  STATIC_REQUIRE(psci_word(psci_status::internal_failure) == 0xffff'ffff'ffff'fffa);
  STATIC_REQUIRE(psci_word(psci_status::not_present) == 0xffff'ffff'ffff'fff9);
  STATIC_REQUIRE(psci_word(psci_status::disabled) == 0xffff'ffff'ffff'fff8);
  STATIC_REQUIRE(psci_word(psci_status::invalid_address) == 0xffff'ffff'ffff'fff7);
  STATIC_REQUIRE(psci_status_of(0x1234'5678'ffff'fffd) == psci_status::denied);
}

TEST_CASE("versions, affinities and power states", "[golden][psci]") {
  STATIC_REQUIRE(psci_1_1 == 65537);
  STATIC_REQUIRE(firmware_version(0, 2) == 2);
  STATIC_REQUIRE(firmware_version(0xffff, 0x1'0000) == 0x7fff'0000);
  STATIC_REQUIRE(static_cast<int>(psci_affinity::on) == 0);
  STATIC_REQUIRE(static_cast<int>(psci_affinity::off) == 1);
  STATIC_REQUIRE(static_cast<int>(psci_affinity::on_pending) == 2);
  STATIC_REQUIRE(mpidr_affinity(0xffff'ffff'ffff'ffff) == 0xff'00ff'ffff);
  STATIC_REQUIRE(power_state::f_state_type::mask == 0x1'0000);
  STATIC_REQUIRE(power_state::f_power_level::mask == 0x300'0000);
  STATIC_REQUIRE(power_state::reserved == 0xfcfe'0000);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
// Numbers as the RISC-V Supervisor Binary Interface Specification 2.0 prints them.
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/arch/riscv64/sbi_server.hpp>
#include <axhal/version.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal::riscv64;

constexpr std::uint64_t id(sbi_extension e) { return static_cast<std::uint64_t>(e); }
constexpr std::int64_t code(sbi_error e) { return static_cast<std::int64_t>(e); }

/// An extension's name as its number: the letters, the first one highest.
constexpr std::uint64_t letters(char const* name) {
  std::uint64_t n = 0;
  for (; *name != 0; ++name) n = n << 8 | static_cast<unsigned char>(*name);
  return n;
}

TEST_CASE("SBI extension identifiers", "[golden][sbi]") {
  STATIC_REQUIRE(id(sbi_extension::base) == 0x10);
  STATIC_REQUIRE(id(sbi_extension::time) == 0x54494D45);
  STATIC_REQUIRE(id(sbi_extension::ipi) == 0x735049);
  STATIC_REQUIRE(id(sbi_extension::rfence) == 0x52464E43);
  STATIC_REQUIRE(id(sbi_extension::hsm) == 0x48534D);
  STATIC_REQUIRE(id(sbi_extension::srst) == 0x53525354);
  STATIC_REQUIRE(id(sbi_extension::pmu) == 0x504D55);
  STATIC_REQUIRE(id(sbi_extension::dbcn) == 0x4442434E);
  STATIC_REQUIRE(id(sbi_extension::susp) == 0x53555350);
  STATIC_REQUIRE(id(sbi_extension::cppc) == 0x43505043);
  STATIC_REQUIRE(id(sbi_extension::nacl) == 0x4E41434C);
  STATIC_REQUIRE(id(sbi_extension::sta) == 0x535441);
  STATIC_REQUIRE(id(sbi_extension::legacy_set_timer) == 0);
  STATIC_REQUIRE(id(sbi_extension::legacy_console_putchar) == 1);
  STATIC_REQUIRE(id(sbi_extension::legacy_console_getchar) == 2);
  STATIC_REQUIRE(id(sbi_extension::legacy_clear_ipi) == 3);
  STATIC_REQUIRE(id(sbi_extension::legacy_send_ipi) == 4);
  STATIC_REQUIRE(id(sbi_extension::legacy_remote_fence_i) == 5);
  STATIC_REQUIRE(id(sbi_extension::legacy_remote_sfence_vma) == 6);
  STATIC_REQUIRE(id(sbi_extension::legacy_remote_sfence_vma_asid) == 7);
  STATIC_REQUIRE(id(sbi_extension::legacy_shutdown) == 8);
}

TEST_CASE("SBI extension identifiers are their names", "[golden][sbi]") {
  STATIC_REQUIRE(id(sbi_extension::time) == letters("TIME"));
  STATIC_REQUIRE(id(sbi_extension::ipi) == letters("sPI"));
  STATIC_REQUIRE(id(sbi_extension::rfence) == letters("RFNC"));
  STATIC_REQUIRE(id(sbi_extension::hsm) == letters("HSM"));
  STATIC_REQUIRE(id(sbi_extension::srst) == letters("SRST"));
  STATIC_REQUIRE(id(sbi_extension::dbcn) == letters("DBCN"));
  STATIC_REQUIRE(sbi_impl_id == 24952);  // "ax"
}

TEST_CASE("SBI function identifiers", "[golden][sbi]") {
  constexpr auto n = [](auto f) { return static_cast<unsigned>(f); };
  STATIC_REQUIRE(n(sbi_base::get_spec_version) == 0);
  STATIC_REQUIRE(n(sbi_base::get_impl_id) == 1);
  STATIC_REQUIRE(n(sbi_base::get_impl_version) == 2);
  STATIC_REQUIRE(n(sbi_base::probe_extension) == 3);
  STATIC_REQUIRE(n(sbi_base::get_mvendorid) == 4);
  STATIC_REQUIRE(n(sbi_base::get_marchid) == 5);
  STATIC_REQUIRE(n(sbi_base::get_mimpid) == 6);
  STATIC_REQUIRE(n(sbi_time::set_timer) == 0);
  STATIC_REQUIRE(n(sbi_ipi::send_ipi) == 0);
  STATIC_REQUIRE(n(sbi_rfence::remote_fence_i) == 0);
  STATIC_REQUIRE(n(sbi_rfence::remote_sfence_vma) == 1);
  STATIC_REQUIRE(n(sbi_rfence::remote_sfence_vma_asid) == 2);
  STATIC_REQUIRE(n(sbi_rfence::remote_hfence_gvma_vmid) == 3);
  STATIC_REQUIRE(n(sbi_rfence::remote_hfence_gvma) == 4);
  STATIC_REQUIRE(n(sbi_rfence::remote_hfence_vvma_asid) == 5);
  STATIC_REQUIRE(n(sbi_rfence::remote_hfence_vvma) == 6);
  STATIC_REQUIRE(n(sbi_hsm::hart_start) == 0);
  STATIC_REQUIRE(n(sbi_hsm::hart_stop) == 1);
  STATIC_REQUIRE(n(sbi_hsm::hart_get_status) == 2);
  STATIC_REQUIRE(n(sbi_hsm::hart_suspend) == 3);
  STATIC_REQUIRE(n(sbi_srst::system_reset) == 0);
  STATIC_REQUIRE(n(sbi_dbcn::console_write) == 0);
  STATIC_REQUIRE(n(sbi_dbcn::console_read) == 1);
  STATIC_REQUIRE(n(sbi_dbcn::console_write_byte) == 2);
}

TEST_CASE("SBI error codes, as words in a0", "[golden][sbi]") {
  STATIC_REQUIRE(code(sbi_error::success) == 0);
  STATIC_REQUIRE(code(sbi_error::failed) == -1);
  STATIC_REQUIRE(code(sbi_error::not_supported) == -2);
  STATIC_REQUIRE(code(sbi_error::invalid_param) == -3);
  STATIC_REQUIRE(code(sbi_error::denied) == -4);
  STATIC_REQUIRE(code(sbi_error::invalid_address) == -5);
  STATIC_REQUIRE(code(sbi_error::already_available) == -6);
  STATIC_REQUIRE(code(sbi_error::already_started) == -7);
  STATIC_REQUIRE(code(sbi_error::already_stopped) == -8);
  STATIC_REQUIRE(code(sbi_error::no_shmem) == -9);
  STATIC_REQUIRE(static_cast<std::uint64_t>(sbi_failure(sbi_error::not_supported).error) == 0xffff'ffff'ffff'fffe);
}

TEST_CASE("HSM states and suspend types, SRST types and reasons", "[golden][sbi]") {
  constexpr auto n = [](auto f) { return static_cast<std::uint32_t>(f); };
  STATIC_REQUIRE(n(hart_state::started) == 0);
  STATIC_REQUIRE(n(hart_state::stopped) == 1);
  STATIC_REQUIRE(n(hart_state::start_pending) == 2);
  STATIC_REQUIRE(n(hart_state::stop_pending) == 3);
  STATIC_REQUIRE(n(hart_state::suspended) == 4);
  STATIC_REQUIRE(n(hart_state::suspend_pending) == 5);
  STATIC_REQUIRE(n(hart_state::resume_pending) == 6);
  STATIC_REQUIRE(n(hart_suspend_type::retentive) == 0);
  STATIC_REQUIRE(n(hart_suspend_type::non_retentive) == 2147483648U);
  STATIC_REQUIRE(n(system_reset_type::shutdown) == 0);
  STATIC_REQUIRE(n(system_reset_type::cold_reboot) == 1);
  STATIC_REQUIRE(n(system_reset_type::warm_reboot) == 2);
  STATIC_REQUIRE(n(system_reset_reason::none) == 0);
  STATIC_REQUIRE(n(system_reset_reason::system_failure) == 1);
}

TEST_CASE("versions and special words", "[golden][sbi]") {
  STATIC_REQUIRE(sbi_2_0 == 33554432);
  STATIC_REQUIRE(sbi_version(0, 3) == 3);
  STATIC_REQUIRE(sbi_version(1, 0) == 0x0100'0000);
  STATIC_REQUIRE(sbi_version(0xff, 0x1ff'ffff) == 0x7fff'ffff);  // bit 31 is 0
  STATIC_REQUIRE(all_harts == 18446744073709551615U);
  STATIC_REQUIRE(whole_address_space == 18446744073709551615U);
  STATIC_REQUIRE(no_deadline == 18446744073709551615U);
}

TEST_CASE("the implementation's version is this release's", "[golden][sbi]") {
  STATIC_REQUIRE(sbi_impl_version ==
                 static_cast<std::uint64_t>(axhal::version.major_number << 16 | axhal::version.minor_number << 8 |
                                            axhal::version.patch_number));
}

}  // namespace

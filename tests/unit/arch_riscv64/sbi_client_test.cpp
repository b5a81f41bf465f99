// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/arch/riscv64/sbi_extensions.hpp>

#include "support/simulated_sbi.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

/// Firmware that gives one answer and writes down the question.
struct scripted {
  static inline sbi_return answer{};
  static inline std::vector<sbi_request> calls{};
  static sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t a0, std::uint64_t a1, std::uint64_t a2,
                             std::uint64_t a3, std::uint64_t a4, std::uint64_t a5) {
    calls.push_back({eid, fid, a0, a1, a2, a3, a4, a5});
    return answer;
  }
};
using client = sbi_client<scripted>;

void begin(sbi_return answer = {}) {
  scripted::answer = answer;
  scripted::calls.clear();
}

TEST_CASE("calls carry the extension, the function and the arguments that the specification says",
          "[arch_riscv64][sbi_client]") {
  begin();
  (void)client::spec_version();
  (void)client::impl_id();
  (void)client::impl_version();
  (void)client::has(sbi_extension::hsm);
  CHECK(client::set_timer(ticks{0x1234'5678'9abc}));
  CHECK(client::send_ipi({0b101, 4}));
  CHECK(client::send_ipi(hart_mask::all()));
  CHECK(client::send_ipi(hart_mask::one(7)));
  CHECK(client::hart_start(3, host_phys{0x8020'0000}, 77));
  (void)client::hart_stop();
  (void)client::hart_get_status(2);
  CHECK(client::hart_suspend(hart_suspend_type::retentive));
  CHECK(client::hart_suspend(hart_suspend_type::non_retentive, host_phys{0x8000'0000}, 5));
  (void)client::system_reset(system_reset_type::warm_reboot, system_reset_reason::system_failure);
  (void)client::system_reset(system_reset_type::shutdown);
  CHECK(client::console_write({host_phys{0x9000}, 12}));
  CHECK(client::console_read({host_phys{0xa000}, 1}));
  CHECK(client::console_write_byte(0xfe));
  CHECK(client::legacy_putchar(0xfe));
  CHECK(client::legacy_getchar());
  (void)client::legacy_shutdown();
  CHECK(scripted::calls == std::vector<sbi_request>{
                               {.eid = 0x10, .fid = 0},
                               {.eid = 0x10, .fid = 1},
                               {.eid = 0x10, .fid = 2},
                               {.eid = 0x10, .fid = 3, .a0 = 0x48534d},
                               {.eid = 0x54494d45, .fid = 0, .a0 = 0x1234'5678'9abc},
                               {.eid = 0x735049, .fid = 0, .a0 = 5, .a1 = 4},
                               {.eid = 0x735049, .fid = 0, .a0 = 0, .a1 = UINT64_MAX},
                               {.eid = 0x735049, .fid = 0, .a0 = 1, .a1 = 7},
                               {.eid = 0x48534d, .fid = 0, .a0 = 3, .a1 = 0x8020'0000, .a2 = 77},
                               {.eid = 0x48534d, .fid = 1},
                               {.eid = 0x48534d, .fid = 2, .a0 = 2},
                               {.eid = 0x48534d, .fid = 3},
                               {.eid = 0x48534d, .fid = 3, .a0 = 0x8000'0000, .a1 = 0x8000'0000, .a2 = 5},
                               {.eid = 0x53525354, .fid = 0, .a0 = 2, .a1 = 1},
                               {.eid = 0x53525354, .fid = 0, .a0 = 0, .a1 = 0},
                               {.eid = 0x4442434e, .fid = 0, .a0 = 12, .a1 = 0x9000, .a2 = 0},
                               {.eid = 0x4442434e, .fid = 1, .a0 = 1, .a1 = 0xa000, .a2 = 0},
                               {.eid = 0x4442434e, .fid = 2, .a0 = 0xfe},
                               {.eid = 1, .fid = 0, .a0 = 0xfe},
                               {.eid = 2, .fid = 0},
                               {.eid = 8, .fid = 0},
                           });
}

TEST_CASE("remote fences carry the range, and the tag where there is one", "[arch_riscv64][sbi_client]") {
  begin();
  hart_mask const h{6, 8};
  CHECK(client::remote_fence_i(h));
  CHECK(client::remote_sfence_vma(h, host_virt{0x1000}, 0x2000));
  CHECK(client::remote_sfence_vma_asid(h, host_virt{0x1000}, 0x2000, 3));
  CHECK(client::remote_hfence_gvma_vmid(h, guest_phys{0x8000'0000}, 0x2000, vmid{9}));
  CHECK(client::remote_hfence_gvma(h, guest_phys{0x8000'0000}, whole_address_space));
  CHECK(client::remote_hfence_vvma_asid(h, guest_virt{0x1000}, 0x2000, 4));
  CHECK(client::remote_hfence_vvma(h, guest_virt{0x1000}, 0x2000));
  std::uint64_t const rfence = 0x52464e43;
  CHECK(scripted::calls == std::vector<sbi_request>{
                               {rfence, 0, 6, 8, 0, 0, 0, 0},
                               {rfence, 1, 6, 8, 0x1000, 0x2000, 0, 0},
                               {rfence, 2, 6, 8, 0x1000, 0x2000, 3, 0},
                               {rfence, 3, 6, 8, 0x8000'0000, 0x2000, 9, 0},
                               {rfence, 4, 6, 8, 0x8000'0000, UINT64_MAX, 0, 0},
                               {rfence, 5, 6, 8, 0x1000, 0x2000, 4, 0},
                               {rfence, 6, 6, 8, 0x1000, 0x2000, 0, 0},
                           });
}

TEST_CASE("errors come through, and values only with success", "[arch_riscv64][sbi_client]") {
  begin({-2, 77});
  CHECK(client::spec_version() == failure{sbi_error::not_supported});
  CHECK(client::send_ipi(hart_mask::all()) == failure{sbi_error::not_supported});
  CHECK(client::hart_get_status(0) == failure{sbi_error::not_supported});
  CHECK(client::console_read({}) == failure{sbi_error::not_supported});
  CHECK(!client::has(sbi_extension::hsm));
  CHECK(client::hart_stop() == sbi_error::not_supported);
  begin({-3, 0});
  CHECK(client::hart_start(1, {}, 0) == failure{sbi_error::invalid_param});
  begin({0, 3});
  CHECK(client::console_write({}) == std::uint64_t{3});
  CHECK(client::hart_get_status(0) == hart_state::stop_pending);
  begin({0, 7});  // no such state
  CHECK(client::hart_get_status(0) == failure{sbi_error::failed});
}

TEST_CASE("a call that must not return has failed when it does", "[arch_riscv64][sbi_client]") {
  begin({0, 0});
  CHECK(client::hart_stop() == sbi_error::failed);
  CHECK(client::system_reset(system_reset_type::shutdown) == sbi_error::failed);
  CHECK(client::legacy_shutdown() == sbi_error::failed);
}

TEST_CASE("the legacy console returns one word", "[arch_riscv64][sbi_client]") {
  begin({'x', 99});
  CHECK(client::legacy_getchar() == std::uint8_t{'x'});
  begin({0xff, 99});
  CHECK(client::legacy_getchar() == std::uint8_t{0xff});
  begin({-1, 99});
  CHECK(client::legacy_getchar() == failure{sbi_error::failed});
  begin({0, 99});
  CHECK(client::legacy_putchar('x').has_value());
}

TEST_CASE("an image can name what its firmware lacks", "[arch_riscv64][sbi_client]") {
  struct here {};
  using firmware = test::simulated_sbi<here>;
  firmware::m = {};
  firmware::m.missing = {sbi_extension::dbcn, sbi_extension::hsm};
  sbi_extension_set const needed{sbi_extension::time, sbi_extension::hsm, sbi_extension::srst, sbi_extension::dbcn};
  auto const found = sbi_client<firmware>::extensions();
  CHECK(found.contains(sbi_extension::base));
  CHECK(found.contains(sbi_extension::legacy_console_putchar));
  CHECK(!found.contains(sbi_extension::pmu));
  std::string names;
  needed.without(found).for_each([&](sbi_extension e) {
    text const t = sbi_extension_name(e);
    names += std::string{t.data, t.size} + ' ';
  });
  CHECK(names == "HSM DBCN ");
  CHECK(sbi_extension_set{sbi_extension::time}.without(found).empty());

  firmware::m.missing = {sbi_extension::base};  // SBI 0.1
  CHECK(sbi_client<firmware>::extensions().empty());
  CHECK(sbi_client<firmware>::spec_version() == failure{sbi_error::not_supported});
}

TEST_CASE("every extension that has an enumerator has a place and a name", "[arch_riscv64][sbi_client]") {
  unsigned count = 0;
  sbi_extension_set::all().for_each([&](sbi_extension e) {
    ++count;
    CHECK(sbi_extension_set{e}.contains(e));
    CHECK(sbi_extension_name(e) != text{"?"});
    CHECK(!sbi_extension_set::all().without(sbi_extension_set{e}).contains(e));
  });
  CHECK(count == 21);
  constexpr auto stranger = static_cast<sbi_extension>(0x0900'0000);
  STATIC_REQUIRE(!sbi_extension_set{stranger}.contains(stranger));
  STATIC_REQUIRE(!sbi_extension_set::all().contains(stranger));
  STATIC_REQUIRE(sbi_extension_name(stranger) == text{"?"});
}

}  // namespace

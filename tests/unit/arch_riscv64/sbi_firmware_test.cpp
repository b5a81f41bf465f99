// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/sbi_firmware.hpp>

#include "support/simulated_sbi.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

/// Firmware that gives one answer to each extension and writes down which function was asked for.
struct scripted {
  static inline sbi_return answer{};
  static inline sbi_return legacy_answer{-2, 0};
  static inline std::vector<std::pair<std::uint64_t, std::uint64_t>> calls{};
  static sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t, std::uint64_t, std::uint64_t,
                             std::uint64_t, std::uint64_t, std::uint64_t) {
    calls.push_back({eid, fid});
    return eid < 0x10 ? legacy_answer : answer;
  }
};
static_assert(FirmwarePolicy<sbi_firmware<scripted>>);

TEST_CASE("each of SBI's errors has its meaning", "[arch_riscv64][sbi_firmware]") {
  std::pair<int, firmware_error> const table[] = {
      {-1, firmware_error::failed},     {-2, firmware_error::unsupported}, {-3, firmware_error::bad_cpu},
      {-4, firmware_error::denied},     {-5, firmware_error::bad_address}, {-6, firmware_error::already_on},
      {-7, firmware_error::already_on}, {-8, firmware_error::failed},      {-9, firmware_error::failed},
      {-10, firmware_error::failed},    {1, firmware_error::failed},       {INT32_MIN, firmware_error::failed}};
  sbi_firmware<scripted> f;
  for (auto const& [code, meaning] : table) {
    scripted::answer = {code, 0};
    INFO(code);
    CHECK(f.start_cpu(1, host_phys{4}, 0) == failure{meaning});
    CHECK(f.cpu_state(1) == failure{meaning});
    CHECK(f.stop_this_cpu() == meaning);
    CHECK(f.power_off() == meaning);
    CHECK(f.reset() == meaning);
  }
}

TEST_CASE("each HSM state has its meaning", "[arch_riscv64][sbi_firmware]") {
  cpu_power const table[] = {cpu_power::on, cpu_power::off, cpu_power::starting, cpu_power::on,
                             cpu_power::on, cpu_power::on,  cpu_power::on};
  sbi_firmware<scripted> f;
  for (std::uint64_t state = 0; state < 7; ++state) {
    scripted::answer = {0, state};
    CHECK(f.cpu_state(1) == table[state]);
  }
  scripted::answer = {0, 7};
  CHECK(f.cpu_state(1) == failure{firmware_error::failed});
}

TEST_CASE("a hart between two states is on its way, whatever firmware calls it", "[arch_riscv64][sbi_firmware]") {
  struct here {};
  using machine = test::simulated_sbi<here>;
  machine::m = {};
  sbi_firmware<machine> f;
  for (auto const s : {hart_state::start_pending, hart_state::stop_pending, hart_state::suspended}) {
    machine::m.harts[1].state = s;
    CHECK(f.start_cpu(1, host_phys{0x8020'0000}, 0) == failure{firmware_error::already_on});
  }
  CHECK(f.start_cpu(9, host_phys{0x8020'0000}, 0) == failure{firmware_error::bad_cpu});
  CHECK(f.start_cpu(2, host_phys{0x1'0000'0000}, 0) == failure{firmware_error::bad_address});
  CHECK(!machine::m.harts[2].was_started);
  CHECK(f.start_cpu(2, host_phys{0x8020'0000}, 5).has_value());
  CHECK(machine::m.harts[2].entry == 0x8020'0000);
  CHECK(machine::m.harts[2].opaque == 5);
}

TEST_CASE("firmware without HSM or SRST is unsupported; only power-off has an older call",
          "[arch_riscv64][sbi_firmware]") {
  sbi_firmware<scripted> f;
  scripted::answer = {-2, 0};
  scripted::calls.clear();
  CHECK(f.start_cpu(1, host_phys{4}, 0) == failure{firmware_error::unsupported});
  CHECK(f.reset() == firmware_error::unsupported);
  scripted::calls.clear();
  CHECK(f.power_off() == firmware_error::unsupported);
  CHECK(scripted::calls == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0x53525354, 0}, {8, 0}});
  scripted::answer = {-1, 0};
  scripted::calls.clear();
  CHECK(f.power_off() == firmware_error::failed);
  CHECK(scripted::calls.size() == 1);
}

}  // namespace

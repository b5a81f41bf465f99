// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/psci_client.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::aarch64;

struct call_record {
  std::uint64_t function, a, b, c;
  friend bool operator==(call_record const&, call_record const&) = default;
};

/// Firmware that gives one answer and writes down the question.
struct scripted {
  std::uint64_t* answer;
  std::vector<call_record>* calls;
  std::uint64_t call(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    calls->push_back({function, a, b, c});
    return *answer;
  }
};
static_assert(FirmwarePolicy<psci_client<scripted>>);

struct fixture {
  std::uint64_t answer{};
  std::vector<call_record> calls{};
  psci_client<scripted> firmware{scripted{&answer, &calls}};
};

TEST_CASE("calls carry the function and the arguments that DEN0022 says", "[arch_aarch64][psci_client]") {
  fixture f;
  CHECK(f.firmware.start_cpu(0x8000'0001, host_phys{0x4020'0000}, 77).has_value());
  CHECK(f.firmware.cpu_state(0xff'c112'3456).has_value());
  f.answer = 0xffff'ffff;
  (void)f.firmware.stop_this_cpu();
  (void)f.firmware.power_off();
  (void)f.firmware.reset();
  (void)f.firmware.version();
  std::vector<call_record> const expected = {{0xc400'0003, 1, 0x4020'0000, 77},
                                             {0xc400'0004, 0xff'0012'3456, 0, 0},  // affinity fields only
                                             {0x8400'0002, 0, 0, 0},
                                             {0x8400'0008, 0, 0, 0},
                                             {0x8400'0009, 0, 0, 0},
                                             {0x8400'0000, 0, 0, 0}};
  CHECK(f.calls == expected);
}

TEST_CASE("each of PSCI's errors has its meaning", "[arch_aarch64][psci_client]") {
  std::pair<int, firmware_error> const table[] = {
      {-1, firmware_error::unsupported}, {-2, firmware_error::bad_cpu},    {-3, firmware_error::denied},
      {-4, firmware_error::already_on},  {-5, firmware_error::already_on}, {-6, firmware_error::failed},
      {-7, firmware_error::bad_cpu},     {-8, firmware_error::denied},     {-9, firmware_error::bad_address},
      {-10, firmware_error::failed},     {1, firmware_error::failed},      {INT32_MIN, firmware_error::failed}};
  for (auto const& [code, meaning] : table) {
    fixture f;
    // Sign-extended, as most firmware returns it, and with a zero upper half, as SMC32 allows.
    for (std::uint64_t const word :
         {static_cast<std::uint64_t>(std::int64_t{code}), std::uint64_t{static_cast<std::uint32_t>(code)}}) {
      f.answer = word;
      INFO(code);
      CHECK(f.firmware.start_cpu(1, host_phys{4}, 0) == failure{meaning});
      CHECK(f.firmware.stop_this_cpu() == meaning);
      CHECK(f.firmware.power_off() == meaning);
      CHECK(f.firmware.reset() == meaning);
      if (code < 0) CHECK(f.firmware.cpu_state(1) == failure{meaning});
    }
  }
}

TEST_CASE("a call that must not return has failed when it does", "[arch_aarch64][psci_client]") {
  fixture f;
  f.answer = 0;
  CHECK(f.firmware.power_off() == firmware_error::failed);
  CHECK(f.firmware.stop_this_cpu() == firmware_error::failed);
}

TEST_CASE("the state of a CPU", "[arch_aarch64][psci_client]") {
  fixture f;
  f.answer = 0;
  CHECK(f.firmware.cpu_state(1) == cpu_power::on);
  f.answer = 1;
  CHECK(f.firmware.cpu_state(1) == cpu_power::off);
  f.answer = 2;
  CHECK(f.firmware.cpu_state(1) == cpu_power::starting);
  f.answer = 3;
  CHECK(f.firmware.cpu_state(1) == failure{firmware_error::failed});
}

TEST_CASE("the version, or that there is none", "[arch_aarch64][psci_client]") {
  fixture f;
  f.answer = 0x1'0001;
  CHECK(f.firmware.version() == std::uint32_t{0x1'0001});
  f.answer = UINT64_MAX;
  CHECK(f.firmware.version() == failure{firmware_error::unsupported});
  f.answer = 0xffff'ffff;
  CHECK(f.firmware.version() == failure{firmware_error::unsupported});
}

TEST_CASE("a conduit without state costs no memory", "[arch_aarch64][psci_client]") {
  struct stateless {
    static std::uint64_t call(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) { return 0; }
  };
  STATIC_REQUIRE(FirmwareConduit<stateless>);
  STATIC_REQUIRE(sizeof(psci_client<stateless>) == 1);
  psci_client<stateless> f;
  CHECK(f.cpu_state(0) == cpu_power::on);
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/psci_server.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::aarch64;
using kind = psci_action::kind;

constexpr std::uint64_t not_supported = UINT64_MAX;  // -1
constexpr std::uint64_t invalid_parameters = UINT64_MAX - 1;
constexpr std::uint64_t already_on = UINT64_MAX - 3;
constexpr std::uint64_t on_pending = UINT64_MAX - 4;
constexpr std::uint64_t invalid_address = UINT64_MAX - 8;

constexpr std::uint64_t ram = 0x4000'0000;
constexpr auto in_ram = [](guest_phys a) { return a.value >= ram && a.value < 2 * ram; };

constexpr vcpu_number boot{0};

template <typename Server>
psci_action ask(Server& s, std::uint64_t x0, std::uint64_t x1 = 0, std::uint64_t x2 = 0, std::uint64_t x3 = 0) {
  return s.call(boot, x0, x1, x2, x3, in_ram);
}
template <typename Server>
std::uint64_t answer(Server& s, std::uint64_t x0, std::uint64_t x1 = 0, std::uint64_t x2 = 0, std::uint64_t x3 = 0) {
  psci_action const a = ask(s, x0, x1, x2, x3);
  CHECK(a.what == kind::none);
  return a.result;
}

TEST_CASE("versions", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  CHECK(answer(s, 0x8400'0000) == 0x1'0001);  // PSCI 1.1
  CHECK(answer(s, 0x8000'0000) == 0x1'0001);  // SMCCC 1.1
  CHECK(answer(s, 0x8400'0006) == 2);         // no trusted OS to migrate
}

TEST_CASE("only W0 names the function", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  CHECK(answer(s, 0xdead'beef'8400'0000) == 0x1'0001);
  CHECK(ask(s, 0xffff'ffff'8400'0008).what == kind::power_off);
}

TEST_CASE("what is not offered is not supported, and nothing else happens", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  std::uint64_t const unknown[] = {0,           1,           0x8400'0005, 0xc400'0005, 0x8400'0007, 0xc400'0007,
                                   0x8400'000b, 0x8400'000e, 0xc400'000e, 0x8400'0012, 0xc400'0012, 0xc400'0000,
                                   0xc400'0002, 0xc400'0006, 0xc400'0008, 0xc400'0009, 0xc400'000a, 0x8400'ffff,
                                   0x0400'0000, 0x4400'0003, 0x8000'0002, 0xc000'0000, 0x8600'0000, 0x8000'8000,
                                   0x8000'7fff, 0xffff'ffff};
  for (std::uint64_t const f : unknown) {
    INFO(std::hex << f);
    CHECK(answer(s, f, 1, ram, 3) == not_supported);
  }
  CHECK(s.state_of(vcpu_number{1}) == psci_affinity::off);
}

TEST_CASE("PSCI_FEATURES names exactly the functions that answer", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  unsigned offered = 0;
  for (std::uint64_t const base : {0x8000'0000ULL, 0x8400'0000ULL, 0xc400'0000ULL, 0xc000'0000ULL}) {
    for (std::uint64_t f = base; f < base + 0x40; ++f) {
      bool const told = answer(s, 0x8400'000a, f) == 0;
      // No vCPU, no power state, no address: nothing is started by asking. PSCI_FEATURES itself is asked for something
      // that is there. SMCCC_ARCH_FEATURES, asked for nothing, says -1: SMCCC has its own way to find it.
      psci_action const a = ask(s, f, f == 0x8400'000a ? 0x8400'0000 : 0x7f'ffff'ffff, 1, 0);
      bool const there = a.what != kind::none || a.result != not_supported;
      INFO(std::hex << f);
      CHECK(told == there);
      offered += told ? 1 : 0;
    }
  }
  CHECK(offered == 13);
  CHECK(answer(s, 0x8400'000a, 0x1'8400'0000) == 0);  // the function in question is a W register too
}

TEST_CASE("SMCCC_ARCH_FEATURES knows itself and the version, no workaround", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  CHECK(answer(s, 0x8000'0001, 0x8000'0000) == 0);
  CHECK(answer(s, 0x8000'0001, 0x8000'0001) == 0);
  for (std::uint64_t const f : {0x8000'0002ULL, 0x8000'7fffULL, 0x8000'8000ULL, 0x8000'3fffULL, 0x8400'0000ULL, 0ULL}) {
    CHECK(answer(s, 0x8000'0001, f) == not_supported);
  }
}

TEST_CASE("a vCPU goes from off by way of pending to on, and back", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  CHECK(answer(s, 0xc400'0004, 0) == 0);  // on
  CHECK(answer(s, 0xc400'0004, 2) == 1);  // off

  psci_action const a = ask(s, 0xc400'0003, 2, ram + 0x1000, 0x1234'5678'9abc'def0);
  CHECK(a == psci_action{kind::start_vcpu, vcpu_number{2}, 0, guest_phys{ram + 0x1000}, 0x1234'5678'9abc'def0});
  CHECK(answer(s, 0xc400'0004, 2) == 2);  // pending
  CHECK(answer(s, 0xc400'0003, 2, ram) == on_pending);
  s.started(vcpu_number{2});
  CHECK(answer(s, 0xc400'0004, 2) == 0);
  CHECK(answer(s, 0xc400'0003, 2, ram) == already_on);

  psci_action const off = s.call(vcpu_number{2}, 0x8400'0002, 0, 0, 0, in_ram);
  CHECK(off.what == kind::stop_this);
  CHECK(off.target == vcpu_number{2});
  CHECK(answer(s, 0xc400'0004, 2) == 0);  // until it really stands
  s.stopped(vcpu_number{2});
  CHECK(answer(s, 0xc400'0004, 2) == 1);
  CHECK(ask(s, 0xc400'0003, 2, ram).what == kind::start_vcpu);
}

TEST_CASE("CPU_ON refuses what DEN0022 lets it refuse, in that order", "[arch_aarch64][psci_server]") {
  psci_server<4> s{3};
  CHECK(answer(s, 0xc400'0003, 0, ram) == already_on);
  CHECK(answer(s, 0xc400'0003, 3, ram) == invalid_parameters);  // room for it, but not in this machine
  CHECK(answer(s, 0xc400'0003, 4, ram) == invalid_parameters);
  CHECK(answer(s, 0xc400'0003, 0x100, ram) == invalid_parameters);
  CHECK(answer(s, 0xc400'0003, 0x1'0000'0001, ram) == invalid_parameters);
  CHECK(answer(s, 0xc400'0003, 3, 0) == invalid_parameters);
  CHECK(answer(s, 0xc400'0003, 1, ram - 4) == invalid_address);
  CHECK(answer(s, 0xc400'0003, 1, 2 * ram) == invalid_address);
  CHECK(answer(s, 0xc400'0003, 1, ram + 2) == invalid_address);
  CHECK(answer(s, 0xc400'0003, 1, UINT64_MAX) == invalid_address);
  CHECK(s.state_of(vcpu_number{1}) == psci_affinity::off);
}

TEST_CASE("targets are compared by affinity fields only", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  // MPIDR_EL1 as a guest reads it: bit 31 is one; U and MT may be.
  CHECK(ask(s, 0xc400'0003, 0xc100'0001, ram).target == vcpu_number{1});
  CHECK(answer(s, 0xc400'0004, 0x8000'0001) == 2);
  CHECK(ask(s, 0xc400'0003, 0xffff'ff00'8000'0002, ram).target == vcpu_number{2});
}

TEST_CASE("32-bit calls take 32-bit arguments", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  psci_action const a = ask(s, 0x8400'0003, 0xffff'ffff'0000'0001, 0xffff'ffff'0000'0000 + ram, 0xffff'ffff'0000'0007);
  CHECK(a == psci_action{kind::start_vcpu, vcpu_number{1}, 0, guest_phys{ram}, 7});
  CHECK(answer(s, 0x8400'0004, 0xffff'ffff'0000'0001, 0xffff'ffff'0000'0000) == 2);
}

TEST_CASE("AFFINITY_INFO speaks of single CPUs only", "[arch_aarch64][psci_server]") {
  psci_server<4> s{2};
  CHECK(answer(s, 0xc400'0004, 0, 1) == invalid_parameters);
  CHECK(answer(s, 0xc400'0004, 2, 0) == invalid_parameters);
  CHECK(answer(s, 0xc400'0004, 1, 0) == 1);
}

TEST_CASE("CPU_SUSPEND waits, and checks what it is given", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  psci_action const standby = ask(s, 0xc400'0001, 0, 0, 0);
  CHECK(standby.what == kind::suspend);
  CHECK(standby.result == 0);
  CHECK(ask(s, 0x8400'0001, 0xffff, 0, 0).what == kind::suspend);      // any state id
  CHECK(ask(s, 0xc400'0001, 0x1'0000, ram, 0).what == kind::suspend);  // power-down
  CHECK(answer(s, 0xc400'0001, 0x1'0000, 0, 0) == invalid_address);
  CHECK(answer(s, 0xc400'0001, 0x100'0000, ram, 0) == invalid_parameters);  // a cluster
  for (unsigned bit = 17; bit < 32; ++bit) {
    CHECK(answer(s, 0xc400'0001, std::uint64_t{1} << bit, ram, 0) == invalid_parameters);
  }
}

TEST_CASE("the machine ends or begins anew", "[arch_aarch64][psci_server]") {
  psci_server<4> s;
  CHECK(ask(s, 0x8400'0008).what == kind::power_off);
  CHECK(ask(s, 0x8400'0009).what == kind::reset);
  s.started(vcpu_number{3});
  s.stopped(boot);
  s.reset();
  CHECK(s.state_of(boot) == psci_affinity::on);
  CHECK(s.state_of(vcpu_number{3}) == psci_affinity::off);
}

TEST_CASE("numbers that are not there are ignored", "[arch_aarch64][psci_server]") {
  psci_server<2> s{99};
  CHECK(s.vcpu_count() == 2);
  s.started(vcpu_number{2});
  s.stopped(vcpu_number{UINT32_MAX});
  CHECK(s.state_of(vcpu_number{2}) == psci_affinity::off);
  CHECK(s.call(vcpu_number{77}, 0x8400'0002, 0, 0, 0, in_ram).what == kind::stop_this);
}

TEST_CASE("the fast answers are the slow ones", "[arch_aarch64][psci_server]") {
  using server = psci_server<4>;
  constexpr auto fast = [](std::uint64_t x0) {
    std::uint64_t out = 0;
    return server::answer_at_once(x0, 0, out) ? out : 0xbad;
  };
  STATIC_REQUIRE(fast(0x8400'0000) == 0x1'0001);
  STATIC_REQUIRE(fast(0x8400'0008) == 0xbad);  // never acts
  STATIC_REQUIRE(fast(0xc400'0003) == 0xbad);
  server s;
  for (std::uint64_t const base : {0x8000'0000ULL, 0x8400'0000ULL, 0xc400'0000ULL}) {
    for (std::uint64_t f = base; f < base + 0x20; ++f) {
      std::uint64_t out = 0;
      if (server::answer_at_once(f, 0x8400'0000, out)) CHECK(answer(s, f, 0x8400'0000) == out);
    }
  }
}

TEST_CASE("vCPUs are numbered by cluster", "[arch_aarch64][psci_server]") {
  STATIC_REQUIRE(clustered_affinity<>::of(vcpu_number{7}) == 7);
  STATIC_REQUIRE(clustered_affinity<>::of(vcpu_number{8}) == 0x100);
  STATIC_REQUIRE(clustered_affinity<16>::of(vcpu_number{33}) == 0x201);
  STATIC_REQUIRE(clustered_affinity<1>::of(vcpu_number{0x1'0203}) == 0x1'0002'0300);
  psci_server<20> s;
  CHECK(ask(s, 0xc400'0003, 0x203, ram).target == vcpu_number{19});
}

TEST_CASE("of several vCPUs that start one, exactly one succeeds", "[arch_aarch64][psci_server]") {
  psci_server<2> s;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> successes{};
    std::atomic<int> refusals{};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        psci_action const a = s.call(boot, 0xc400'0003, 1, ram, 0, in_ram);
        if (a.what == kind::start_vcpu)
          ++successes;
        else if (a.result == on_pending)
          ++refusals;
      });
    }
    for (auto& t : callers) t.join();
    REQUIRE(successes == 1);
    REQUIRE(refusals == 3);
    s.stopped(vcpu_number{1});
  }
}

}  // namespace

// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/cpu.hpp>
#include <axhal/cpu/per_cpu.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using host::cpu;

struct state {
  std::uint64_t count{};
  std::uint8_t odd_size[3]{};
};
using per_cpu_state = per_cpu<cpu, state, 4>;

TEST_CASE("each CPU finds its own", "[cpu][per_cpu]") {
  per_cpu_state all;
  std::vector<std::thread> cpus;
  for (std::uint32_t id = 0; id < 4; ++id) {
    cpus.emplace_back([&all, id] {
      (void)all.attach(cpu_number{id});
      for (unsigned i = 0; i <= id * 1000; ++i) ++per_cpu_state::local().count;
      per_cpu_state::local().odd_size[2] = static_cast<std::uint8_t>(per_cpu_state::this_cpu().value);
    });
  }
  for (auto& t : cpus) t.join();
  for (std::uint32_t id = 0; id < 4; ++id) {
    CHECK(all.of(cpu_number{id})->count == id * 1000 + 1);
    CHECK(all.of(cpu_number{id})->odd_size[2] == id);
  }
}

TEST_CASE("there is no slot past the last", "[cpu][per_cpu]") {
  per_cpu_state all;
  cpu::self() = {};
  CHECK(all.attach(cpu_number{4}) == failure{per_cpu_error::out_of_range});
  CHECK(all.attach(cpu_number{UINT32_MAX}) == failure{per_cpu_error::out_of_range});
  CHECK(cpu::per_cpu_base() == nullptr);
  CHECK(all.of(cpu_number{4}) == nullptr);
  auto const& constant = all;
  CHECK(constant.of(cpu_number{4}) == nullptr);
  CHECK(constant.of(cpu_number{3}) == all.of(cpu_number{3}));
  CHECK(all.attach(cpu_number{3}).has_value());
  CHECK(per_cpu_state::this_cpu() == cpu_number{3});
  CHECK(&per_cpu_state::local() == all.of(cpu_number{3}));
  cpu::self() = {};
}

TEST_CASE("slots do not share a cache line", "[cpu][per_cpu]") {
  per_cpu_state all;
  per_cpu<cpu, state, 2, 256> wide;
  auto const at = [](auto* p) { return reinterpret_cast<std::uintptr_t>(p); };
  CHECK(at(all.of(cpu_number{0})) % 64 == 0);
  CHECK(at(all.of(cpu_number{1})) - at(all.of(cpu_number{0})) >= 64);
  CHECK(at(wide.of(cpu_number{1})) - at(wide.of(cpu_number{0})) == 256);
}

}  // namespace

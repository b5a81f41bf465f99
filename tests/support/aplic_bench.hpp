// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/aplic_direct.hpp>
#include <axhal/arch/riscv64/aplic_msi.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_aplic.hpp"
#include "support/simulated_harts.hpp"

#include <string>
#include <vector>

/// Two harts with an APLIC that delivers by wire (`wires`) or by messages (`messages`).
namespace axhal::test::aplic_bench {

using riscv64::aplic_source_mode;
using by_wire = riscv64::aplic_direct<test::aplic_window, 4>;
using by_message = riscv64::aplic_msi<test::aplic_window, test::imsic_window, test_hart, 4>;
inline std::vector<std::string> const none{};
inline constexpr cpu_number boot{0};
inline constexpr cpu_number second{1};

struct wires {
  wires() {
    REQUIRE(aplic.init(95));
    REQUIRE(aplic.init_cpu(boot, 0));
    REQUIRE(aplic.init_cpu(second, 1));
  }
  simulated_aplic device{95, 2};
  by_wire aplic{{&device}};
};

struct messages {
  messages() {
    test_hart::machine = &harts;
    for (auto& h : harts.harts) h.has_imsic = true;
    device.send = [this](unsigned to, unsigned guest, unsigned identity) {
      ++sent;
      harts.message(to, guest, identity);
    };
    REQUIRE(aplic.init(95, 255));
    REQUIRE(aplic.init_cpu(boot, 0));
    harts.cpu = 1;
    REQUIRE(aplic.init_cpu(second, 1));
    harts.cpu = 0;
  }
  std::uint32_t claim_on(cpu_number cpu) {
    harts.cpu = cpu.value;
    std::uint32_t const source = aplic.claim(cpu);
    harts.cpu = 0;
    return source;
  }
  test::simulated_harts harts{2};
  simulated_aplic device{95, 2};
  unsigned sent{};
  by_message aplic{{&device}, {&harts}, {.hart_index_bits = 1}};
};

}  // namespace axhal::test::aplic_bench

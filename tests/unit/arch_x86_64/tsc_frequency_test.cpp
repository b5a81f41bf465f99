// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/x86_64/tsc_frequency.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <map>

namespace {

using namespace axhal;
using namespace axhal::x86_64;

/// CPUID as a table; what is not there answers as the highest basic leaf does, as some processors do.
struct table {
  static inline std::map<std::uint32_t, cpuid_result> leaves{};
  static inline std::uint64_t adjust{};
  static cpuid_result cpuid(std::uint32_t leaf, std::uint32_t = 0) {
    auto const found = leaves.find(leaf);
    if (found != leaves.end()) return found->second;
    return {~0U, ~0U, ~0U, ~0U};
  }
  static std::uint64_t read_msr(std::uint32_t number) {
    CHECK(number == 0x3b);
    return adjust;
  }
};

}  // namespace

TEST_CASE("what a processor has for time is read from CPUID", "[arch_x86_64][tsc_frequency]") {
  table::leaves = {{0, {0xd, 0, 0, 0}},     {1, {0, 0, 1U << 24, 1U << 4}},        {6, {1U << 2, 0, 0, 0}},
                   {7, {0, 1U << 1, 0, 0}}, {0x8000'0000, {0x8000'0008, 0, 0, 0}}, {0x8000'0007, {0, 0, 0, 1U << 8}}};
  CHECK(find_time_features<table>() == time_features{true, true, true, true, true});
  table::leaves[1] = {~0U, ~0U, ~(1U << 24), ~(1U << 4)};
  table::leaves[6].eax = ~(1U << 2);
  table::leaves[7].ebx = ~(1U << 1);
  table::leaves[0x8000'0007].edx = ~(1U << 8);
  CHECK(find_time_features<table>() == time_features{});
}

TEST_CASE("leaves that are not there tell nothing", "[arch_x86_64][tsc_frequency]") {
  table::leaves = {{0, {1, 0, 0, 0}}, {1, {0, 0, 0, 1U << 4}}, {0x8000'0000, {0x8000'0006, 0, 0, 0}}};
  CHECK(find_time_features<table>() == time_features{true, false, false, false, false});
  // No extended leaves at all.
  table::leaves.erase(0x8000'0000);
  CHECK(find_time_features<table>() == time_features{true, false, false, false, false});
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
  table::leaves[0].eax = 0;
  CHECK(find_time_features<table>() == time_features{});
}

TEST_CASE("frequencies that CPUID tells", "[arch_x86_64][tsc_frequency]") {
  table::leaves = {{0, {0x16, 0, 0, 0}}, {1, {}}, {0x15, {}}, {0x16, {}}};
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
  // A crystal of 24 MHz, ratio 2 : 216.
  table::leaves[0x15] = {2, 216, 24'000'000, 0};
  table::leaves[0x16] = {2600, 3500, 100, 0};
  CHECK(find_frequencies<table>() == cpuid_frequencies{{2'592'000'000}, frequency_source::crystal, {24'000'000}});
  // The crystal is not told.
  table::leaves[0x15].ecx = 0;
  CHECK(find_frequencies<table>() == cpuid_frequencies{{2'600'000'000}, frequency_source::nominal, {24'074'074}});
  table::leaves[0x15] = {};
  CHECK(find_frequencies<table>() == cpuid_frequencies{{2'600'000'000}, frequency_source::nominal, {0}});
  // Bits above 15 are reserved.
  table::leaves[0x16].eax = 0xffff'0000;
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
  // A ratio that is wrong.
  table::leaves[0x15] = {0, 216, 24'000'000, 0};
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
  table::leaves[0x15] = {2, 0, 24'000'000, 0};
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
  // The largest that there can be.
  table::leaves[0x15] = {1, ~0U, ~0U, 0};
  CHECK(find_frequencies<table>().tsc.value == 0xffff'fffe'0000'0001);
  table::leaves[0].eax = 0x14;
  CHECK(find_frequencies<table>() == cpuid_frequencies{});
}

TEST_CASE("a hypervisor below goes first", "[arch_x86_64][tsc_frequency]") {
  table::leaves = {{0, {0x16, 0, 0, 0}},
                   {1, {0, 0, 1U << 31, 0}},
                   {0x15, {2, 216, 24'000'000, 0}},
                   {0x16, {2600, 3500, 100, 0}},
                   {0x4000'0000, {0x4000'0010, 0, 0, 0}},
                   {0x4000'0010, {2'400'000, 1'000'000, 0, 0}}};
  cpuid_frequencies const by_crystal{{2'592'000'000}, frequency_source::crystal, {24'000'000}};
  CHECK(find_frequencies<table>() == cpuid_frequencies{{2'400'000'000}, frequency_source::hypervisor, {1'000'000'000}});
  table::leaves[0x4000'0010].eax = 0;
  CHECK(find_frequencies<table>() == by_crystal);
  table::leaves[0x4000'0010].eax = 1;
  table::leaves[0x4000'0000].eax = 0x4000'000f;
  CHECK(find_frequencies<table>() == by_crystal);
  table::leaves[0x4000'0000].eax = 0x4001'0000;
  CHECK(find_frequencies<table>() == by_crystal);
  table::leaves[0x4000'0000].eax = 0x4000'0010;
  table::leaves[1].ecx = 0;
  CHECK(find_frequencies<table>() == by_crystal);
}

TEST_CASE("what was added to the counter is reported", "[arch_x86_64][tsc_frequency]") {
  table::adjust = ~std::uint64_t{0} - 41;
  CHECK(tsc_adjustment<table>({.tsc_adjust = true}) == ~std::uint64_t{0} - 41);
  CHECK(tsc_adjustment<table>({}) == 0);
}

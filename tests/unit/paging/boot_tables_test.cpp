// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/paging/boot_tables.hpp>
#include <axhal/paging/page_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using aarch64::el2_mode;
using paging::boot_identity;
using paging::boot_map_error;
using paging::boot_region;
using paging::check_boot_map;
using paging::mapping;
using paging::paging_error;

constexpr page_attributes code{read_execute, memory_type::normal};
constexpr page_attributes constants{axhal::access::read, memory_type::normal};
constexpr page_attributes data{read_write, memory_type::normal};
constexpr page_attributes devices{read_write, memory_type::device};

// The map of the example hypervisor on QEMU's virt machine.
constexpr boot_region<host_virt> virt_map[] = {
    boot_identity({{0}, 0x4000'0000}, devices),
    boot_identity({{0x4000'0000}, 0x20'0000}, data),
    boot_identity({{0x4020'0000}, 0x20'0000}, code),
    boot_identity({{0x4040'0000}, 0x20'0000}, constants),
    boot_identity({{0x4060'0000}, 0x40'0000'0000 - 0x4060'0000}, data),
};
constexpr host_phys base{0x4050'0000};
using nvhe = aarch64::stage1_el2<el2_mode::nvhe, 39>;
using vhe = aarch64::stage1_el2<el2_mode::vhe, 39>;

constexpr auto nvhe_tables = paging::make_boot_tables<nvhe, virt_map, base>();
constexpr auto vhe_tables = paging::make_boot_tables<vhe, virt_map, base>();

// The same map on QEMU's virt machine for rv64.
constexpr boot_region<host_virt> riscv_map[] = {
    boot_identity({{0}, 0x8000'0000}, devices),
    boot_identity({{0x8000'0000}, 0x20'0000}, data),
    boot_identity({{0x8020'0000}, 0x20'0000}, code),
    boot_identity({{0x8040'0000}, 0x20'0000}, constants),
    boot_identity({{0x8060'0000}, 0x40'0000'0000 - 0x8060'0000}, data),
};
constexpr host_phys riscv_base{0x8050'0000};
constexpr auto sv39_tables = paging::make_boot_tables<riscv64::sv39, riscv_map, riscv_base>();
constexpr auto sv48_tables = paging::make_boot_tables<riscv64::sv48, riscv_map, riscv_base>();

// A PC: low memory, the image from 2 MiB on, RAM below the hole, devices under 4 GiB, RAM beyond.
constexpr boot_region<host_virt> pc_map[] = {
    boot_identity({{0}, 0x20'0000}, data),
    boot_identity({{0x20'0000}, 0x20'0000}, code),
    boot_identity({{0x40'0000}, 0x20'0000}, constants),
    boot_identity({{0x60'0000}, 0xc000'0000 - 0x60'0000}, data),
    boot_identity({{0xc000'0000}, 0x4000'0000}, devices),
    boot_identity({{0x1'0000'0000}, 0x7f'0000'0000}, data),
};
constexpr host_phys pc_base{0x50'0000};
using x86_64::largest_page;
using x86_64::paging_4_level;
using x86_64::paging_5_level;
using without_gigabytes = x86_64::host_format<4, largest_page::page_2m>;
constexpr auto level4_tables = paging::make_boot_tables<paging_4_level, pc_map, pc_base>();
constexpr auto level5_tables = paging::make_boot_tables<paging_5_level, pc_map, pc_base>();

// The first 4 GiB for machines without pages of 1 GiB.
constexpr boot_region<host_virt> small_pc_map[] = {pc_map[0], pc_map[1], pc_map[2], pc_map[3], pc_map[4]};
constexpr auto small_tables = paging::make_boot_tables<without_gigabytes, small_pc_map, pc_base>();

/// The tables as a machine would find them: at the address that they were computed for.
template <typename Tables>
struct at_base {
  Tables const* tables;
  host_phys start;
  result<host_phys, frame_error> allocate(std::size_t, std::size_t) { return failure{frame_error::exhausted}; }
  result<void, frame_error> release(host_phys, std::size_t) { return failure{frame_error::foreign}; }
  [[nodiscard]] void* pointer(host_phys p) const {
    auto const* const first = reinterpret_cast<std::uint8_t const*>(tables->entries);
    return const_cast<std::uint8_t*>(first + (p - start));
  }
};

template <typename P, typename Tables>
result<mapping, paging_error> lookup(Tables const& tables, std::uint64_t at, host_phys start = base) {
  at_base<Tables> memory{&tables, start};
  return paging::walk(paging::tables<P, at_base<Tables>>{memory}, start, {at});
}

template <typename P, typename Tables>
void check_virt(Tables const& tables) {
  CHECK(lookup<P>(tables, 0) == mapping{{0}, 2, devices});
  CHECK(lookup<P>(tables, 0x0900'0000) == mapping{{0}, 2, devices});
  CHECK(lookup<P>(tables, 0x3fff'ffff) == mapping{{0}, 2, devices});
  CHECK(lookup<P>(tables, 0x4000'0000) == mapping{{0x4000'0000}, 1, data});
  CHECK(lookup<P>(tables, 0x4020'0000) == mapping{{0x4020'0000}, 1, code});
  CHECK(lookup<P>(tables, 0x403f'ffff) == mapping{{0x4020'0000}, 1, code});
  CHECK(lookup<P>(tables, 0x4050'0000) == mapping{{0x4040'0000}, 1, constants});
  CHECK(lookup<P>(tables, 0x4060'0000) == mapping{{0x4060'0000}, 1, data});
  CHECK(lookup<P>(tables, 0x8000'0000) == mapping{{0x8000'0000}, 2, data});
  CHECK(lookup<P>(tables, 0x3f'ffff'ffff) == mapping{{0x3f'c000'0000}, 2, data});
  CHECK(lookup<P>(tables, 0x40'0000'0000) == failure{paging_error::not_mapped});
}

template <typename P, std::size_t N>
consteval boot_map_error error_of(boot_region<typename P::input_address> const (&map)[N], host_phys at = base) {
  return check_boot_map<P>(map, at).error;
}

using region = boot_region<host_virt>;

}  // namespace

TEST_CASE("the compiler's tables translate as their map says") {
  STATIC_REQUIRE(sizeof nvhe_tables == 2 * 4096);
  STATIC_REQUIRE(alignof(decltype(nvhe_tables)) == 4096);
  check_virt<nvhe>(nvhe_tables);
  check_virt<vhe>(vhe_tables);
}

TEST_CASE("the words of the tables are the manual's") {
  STATIC_REQUIRE(nvhe_tables.entries[0] == 0x0040'0000'0000'0649);  // 1 GiB of devices, never executed
  STATIC_REQUIRE(nvhe_tables.entries[1] == 0x4050'1003);            // the second frame
  STATIC_REQUIRE(nvhe_tables.entries[2] == 0x0040'0000'8000'0741);
  STATIC_REQUIRE(nvhe_tables.entries[512 + 1] == 0x4020'07c1);  // text: read only, executable
  STATIC_REQUIRE(nvhe_tables.entries[512 + 2] == 0x0040'0000'4040'07c1);
  STATIC_REQUIRE(nvhe_tables.entries[512 + 3] == 0x0040'0000'4060'0741);
  STATIC_REQUIRE(vhe_tables.entries[512 + 1] == 0x0040'0000'4020'0781);
  STATIC_REQUIRE(vhe_tables.entries[512 + 3] == 0x0060'0000'4060'0701);
}

TEST_CASE("Sv39 and Sv48 identity maps") {
  STATIC_REQUIRE(sizeof sv39_tables == 2 * 4096);
  STATIC_REQUIRE(sizeof sv48_tables == 3 * 4096);
  // Devices: D A W R V, and RSW says what they are; text: A X R V.
  STATIC_REQUIRE(sv39_tables.entries[0] == 0x0000'02c7);
  STATIC_REQUIRE(sv39_tables.entries[1] == 0x1000'02c7);
  STATIC_REQUIRE(sv39_tables.entries[2] == 0x2014'0401);  // the second frame, at 0x8050'1000
  STATIC_REQUIRE(sv39_tables.entries[3] == 0x3000'00c7);
  STATIC_REQUIRE(sv39_tables.entries[512 + 0] == 0x2000'00c7);
  STATIC_REQUIRE(sv39_tables.entries[512 + 1] == 0x2008'004b);
  STATIC_REQUIRE(sv39_tables.entries[512 + 2] == 0x2010'0043);
  STATIC_REQUIRE(sv48_tables.entries[0] == 0x2014'0401);
  STATIC_REQUIRE(sv48_tables.entries[1] == 0);
  STATIC_REQUIRE(sv48_tables.entries[512 + 2] == 0x2014'0801);
  for (std::uint64_t const at : {0x1000'0000ULL, 0x8000'0000ULL, 0x8020'0000ULL, 0x8050'0000ULL, 0x8060'0000ULL,
                                 0x3f'ffff'f000ULL, 0x40'0000'0000ULL}) {
    auto const narrow = lookup<riscv64::sv39>(sv39_tables, at, riscv_base);
    CHECK(narrow == lookup<riscv64::sv48>(sv48_tables, at, riscv_base));
    CHECK(narrow.has_value() == (at < 0x40'0000'0000ULL));
    if (narrow) CHECK(at - narrow->target.value < std::uint64_t{1} << (12 + 9 * narrow->level));
  }
  CHECK(lookup<riscv64::sv39>(sv39_tables, 0x8020'0000, riscv_base) == mapping{{0x8020'0000}, 1, code});
  CHECK(lookup<riscv64::sv39>(sv39_tables, 0x1000'0000, riscv_base) == mapping{{0}, 2, devices});
  STATIC_REQUIRE(error_of<riscv64::sv39>({region{{0}, {0}, 0x1000, {read_write_execute, memory_type::normal}}}) ==
                 boot_map_error::not_representable);
  STATIC_REQUIRE(error_of<riscv64::sv39>({region{{0x80'0000'0000}, {0}, 0x1000, data}}) ==
                 boot_map_error::out_of_range);
}

TEST_CASE("identity maps of a PC, with 4 and 5 levels, with and without pages of 1 GiB") {
  STATIC_REQUIRE(sizeof level4_tables == 3 * 4096);
  STATIC_REQUIRE(sizeof level5_tables == 4 * 4096);
  STATIC_REQUIRE(sizeof small_tables == 6 * 4096);
  // A R/W P in tables, which lie one after another from 0x50'0000.
  STATIC_REQUIRE(level4_tables.entries[0] == 0x50'1023);
  STATIC_REQUIRE(level4_tables.entries[1] == 0);
  STATIC_REQUIRE(level4_tables.entries[512 + 0] == 0x50'2023);
  STATIC_REQUIRE(level4_tables.entries[512 + 1] == 0x8000'0000'4000'00e3);  // XD, PS D A R/W P
  STATIC_REQUIRE(level4_tables.entries[512 + 3] == 0x8000'0000'c000'00fb);  // PCD PWT: UC
  STATIC_REQUIRE(level4_tables.entries[512 + 4] == 0x8000'0001'0000'00e3);
  STATIC_REQUIRE(level4_tables.entries[512 + 511] == 0x8000'007f'c000'00e3);
  STATIC_REQUIRE(level4_tables.entries[1024 + 0] == 0x8000'0000'0000'00e3);
  STATIC_REQUIRE(level4_tables.entries[1024 + 1] == 0x0000'0000'0020'00a1);  // text: neither R/W nor XD
  STATIC_REQUIRE(level4_tables.entries[1024 + 2] == 0x8000'0000'0040'00a1);
  STATIC_REQUIRE(level4_tables.entries[1024 + 3] == 0x8000'0000'0060'00e3);
  STATIC_REQUIRE(level5_tables.entries[0] == 0x50'1023);
  STATIC_REQUIRE(level5_tables.entries[512] == 0x50'2023);
  STATIC_REQUIRE(level5_tables.entries[1024] == 0x50'3023);
  STATIC_REQUIRE(small_tables.entries[512 + 3] == 0x50'5023);
  STATIC_REQUIRE(small_tables.entries[5 * 512] == 0x8000'0000'c000'00fb);
  for (std::uint64_t const at : {0ULL, 0x20'0000ULL, 0x3f'f000ULL, 0x50'0000ULL, 0x60'0000ULL, 0xbfff'f000ULL,
                                 0xfee0'0000ULL, 0x7f'ffff'f000ULL, 0x80'0000'0000ULL}) {
    auto const four = lookup<paging_4_level>(level4_tables, at, pc_base);
    CHECK(four == lookup<paging_5_level>(level5_tables, at, pc_base));
    CHECK(four.has_value() == (at < 0x80'0000'0000ULL));
    if (four) CHECK(at - four->target.value < std::uint64_t{1} << (12 + 9 * four->level));
    auto const small = lookup<without_gigabytes>(small_tables, at, pc_base);
    CHECK(small.has_value() == (at < 0x1'0000'0000ULL));
    if (small) CHECK(small->attributes == four->attributes);
    if (small) CHECK(small->level == 1);
  }
  CHECK(lookup<paging_4_level>(level4_tables, 0x20'0000, pc_base) == mapping{{0x20'0000}, 1, code});
  CHECK(lookup<paging_4_level>(level4_tables, 0x50'0000, pc_base) == mapping{{0x40'0000}, 1, constants});
  CHECK(lookup<paging_4_level>(level4_tables, 0xfee0'0000, pc_base) == mapping{{0xc000'0000}, 2, devices});
  STATIC_REQUIRE(error_of<paging_4_level>({region{{0}, {0}, 0x1000, {read_write_execute, memory_type::normal}}}) ==
                 boot_map_error::not_representable);
  STATIC_REQUIRE(error_of<paging_4_level>({region{{0x1'0000'0000'0000}, {0}, 0x1000, data}}) ==
                 boot_map_error::out_of_range);
  STATIC_REQUIRE(error_of<paging_5_level>({region{{0x1'0000'0000'0000}, {0}, 0x1000, data}}) == boot_map_error::none);
}

TEST_CASE("small pages, other addresses and larger roots") {
  // A window of two pages somewhere else, in a format with a root of four frames.
  static constexpr boot_region<guest_phys> map[] = {{{0x1ff'ffff'e000}, {0x1000}, 0x2000, data}};
  constexpr auto tables = paging::make_boot_tables<host::paging, map, host_phys{0x10'0000}>();
  STATIC_REQUIRE(sizeof tables == 8 * 4096);
  STATIC_REQUIRE(alignof(decltype(tables)) == 4 * 4096);  // which rounds six frames up to eight
  STATIC_REQUIRE(tables.entries[2047] == host::paging::table({0x10'4000}));
  STATIC_REQUIRE(tables.entries[4 * 512 + 511] == host::paging::table({0x10'5000}));
  STATIC_REQUIRE(tables.entries[5 * 512 + 511] == host::paging::leaf({0x2000}, data, 0));
  STATIC_REQUIRE(tables.entries[5 * 512 + 509] == host::paging::entry{});
}

TEST_CASE("a wrong map is found out") {
  STATIC_REQUIRE(error_of<nvhe>(virt_map) == boot_map_error::none);
  STATIC_REQUIRE(error_of<nvhe>({region{{0x800}, {0x800}, 0x1000, data}}) == boot_map_error::misaligned);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0}, 0x1000, data}}, {0x4050'0800}) == boot_map_error::misaligned);
  STATIC_REQUIRE(error_of<nvhe>({region{{0x80'0000'0000}, {0}, 0x1000, data}}) == boot_map_error::out_of_range);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0xffff'ffff'f000}, 0x2000, data}}) == boot_map_error::out_of_range);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0}, 0x1000, {read_write_execute, memory_type::normal}}}) ==
                 boot_map_error::not_representable);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0}, 0x2000, data}, region{{0x1000}, {0x1000}, 0x1000, code}}) ==
                 boot_map_error::overlapping);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0}, 0x20'0000, data}, region{{0x1000}, {0x1000}, 0x1000, code}}) ==
                 boot_map_error::overlapping);
  STATIC_REQUIRE(error_of<nvhe>({region{{0x1000}, {0x1000}, 0x1000, code}, region{{0}, {0}, 0x20'0000, data}}) ==
                 boot_map_error::overlapping);
  // 32 MiB with a target one page off the large pages takes a table for every 2 MiB.
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0x1000}, 0x200'0000, data}}) == boot_map_error::too_many_tables);
  STATIC_REQUIRE(error_of<nvhe>({region{{0}, {0}, 0, data}}) == boot_map_error::none);
}

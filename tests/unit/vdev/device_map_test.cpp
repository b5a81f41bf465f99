// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/device_map.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <random>

using namespace axhal;

namespace {

/// Remembers its last access.
struct device {
  char name{};
  std::uint64_t offset{~0ULL};
  unsigned size{};
  std::uint64_t value{};
  constexpr std::uint64_t read(std::uint64_t at, unsigned bytes) {
    offset = at;
    size = bytes;
    return static_cast<std::uint64_t>(name) << 32 | at;
  }
  constexpr void write(std::uint64_t at, unsigned bytes, std::uint64_t v) {
    offset = at;
    size = bytes;
    value = v;
  }
};
struct banked : device {
  vcpu_number last{};
  constexpr std::uint64_t read(vcpu_number vcpu, std::uint64_t at, unsigned bytes) {
    last = vcpu;
    return device::read(at, bytes);
  }
  constexpr unsigned write(vcpu_number vcpu, std::uint64_t at, unsigned bytes, std::uint64_t v) {
    last = vcpu;
    device::write(at, bytes, v);
    return 7;
  }
};

constexpr device_value value_of(char name, std::uint64_t offset) {
  return {static_cast<std::uint64_t>(name) << 32 | offset, true};
}

constexpr guest_range distributor{{0x0800'0000}, 0x1000};
constexpr guest_range uart{{0x0900'0000}, 0x1000};
constexpr guest_range clock_{{0x0901'0000}, 0x1000};
constexpr guest_range last_bytes{{0xffff'ffff'ffff'fff8}, 8};

}  // namespace

TEST_CASE("each device gets its own accesses, with offset and size") {
  banked gic;
  device serial{.name = 'u'}, rtc{.name = 'c'}, top{.name = 't'};
  gic.name = 'g';
  // Not in order of addresses.
  device_map map{mapped<uart, device>{serial}, mapped<last_bytes, device>{top}, mapped<distributor, banked>{gic},
                 mapped<clock_, device>{rtc}};
  STATIC_CHECK(decltype(map)::device_count == 4);
  CHECK(map.read({0}, {0x0900'0018}, 4) == value_of('u', 0x18));
  CHECK(serial.size == 4);
  CHECK(map.read({3}, {0x0800'0004}, 4) == value_of('g', 4));
  CHECK(gic.last == vcpu_number{3});
  CHECK(map.read({0}, {0x0901'0ff8}, 8) == value_of('c', 0xff8));
  CHECK(map.read({0}, {0xffff'ffff'ffff'ffff}, 1) == value_of('t', 7));
  CHECK(map.write({2}, {0x0800'0f00}, 4, 0x55));
  CHECK(gic.last == vcpu_number{2});
  CHECK(gic.value == 0x55);
  CHECK(gic.offset == 0xf00);
  CHECK(map.write({0}, {0x0900'0000}, 1, 'x'));
  CHECK(serial.value == 'x');
}

TEST_CASE("what no device holds wholly is not there, and no device hears of it") {
  device serial{.name = 'u'}, rtc{.name = 'c'}, top{.name = 't'};
  device_map map{mapped<uart, device>{serial}, mapped<clock_, device>{rtc}, mapped<last_bytes, device>{top}};
  constexpr device_value nothing{};
  for (std::uint64_t const address :
       {0ULL, 0x08ff'ffffULL, 0x0900'1000ULL, 0x0900'ffffULL, 0x0901'1000ULL, 0xffff'ffff'ffff'fff7ULL}) {
    CHECK(map.read({0}, {address}, 1) == nothing);
    CHECK_FALSE(map.write({0}, {address}, 1, 1));
  }
  CHECK(map.read({0}, {0x0900'0ffd}, 4) == nothing);  // reaches past the end
  CHECK(map.read({0}, {0x08ff'fffe}, 4) == nothing);  // starts before
  CHECK(map.read({0}, {0xffff'ffff'ffff'fffc}, 8) == nothing);
  CHECK(serial.offset == ~0ULL);
  CHECK(rtc.offset == ~0ULL);
  CHECK(top.offset == ~0ULL);
  CHECK(map.read({0}, {0x0900'0ffc}, 4).found);
}

TEST_CASE("a guest without devices") {
  device_map<> map;
  CHECK(map.read({0}, {0}, 4) == device_value{});
}

TEST_CASE("visit hands out the device itself") {
  banked gic;
  device serial{.name = 'u'};
  device_map map{mapped<uart, device>{serial}, mapped<distributor, banked>{gic}};
  unsigned kick = 0;
  bool const found = map.visit({0x0800'0100}, 4, [&](auto& d, std::uint64_t offset) {
    if constexpr (BankedMmioDevice<std::remove_reference_t<decltype(d)>>) kick = d.write({1}, offset, 4, 9);
  });
  CHECK(found);
  CHECK(kick == 7);
  CHECK_FALSE(map.visit({0x0700'0000}, 4, [&](auto&, std::uint64_t) { kick = 0; }));
  CHECK(kick == 7);
}

TEST_CASE("the unrolled search finds what a search one by one finds") {
  device d[7];
  device_map map{
      mapped<guest_range{{0x7000}, 0x100}, device>{d[0]}, mapped<guest_range{{0x1000}, 8}, device>{d[1]},
      mapped<guest_range{{0x1008}, 0x18}, device>{d[2]},  mapped<guest_range{{0x3000}, 0x1000}, device>{d[3]},
      mapped<guest_range{{0}, 0x10}, device>{d[4]},       mapped<guest_range{{0x5000}, 0x20}, device>{d[5]},
      mapped<guest_range{{0x7100}, 0x30}, device>{d[6]}};
  constexpr guest_range ranges[] = {{{0x7000}, 0x100}, {{0x1000}, 8},    {{0x1008}, 0x18}, {{0x3000}, 0x1000},
                                    {{0}, 0x10},       {{0x5000}, 0x20}, {{0x7100}, 0x30}};
  for (std::uint64_t address = 0; address < 0x8000; ++address) {
    for (unsigned const size : {1U, 2U, 4U, 8U}) {
      device* found = nullptr;
      std::uint64_t at = 0;
      bool const any = map.visit({address}, size, [&](device& which, std::uint64_t offset) {
        found = &which;
        at = offset;
      });
      int want = -1;
      for (int i = 0; i < 7; ++i) {
        if (ranges[i].contains(guest_range{{address}, size})) want = i;
      }
      bool const right = want < 0 ? !any : any && found == &d[want] && at == address - ranges[want].start.value;
      if (!right) FAIL("address " << address << ", size " << size);
    }
  }
  SUCCEED();
}

namespace {
constexpr bool works_in_the_compiler() {
  device serial{.name = 'u'};
  device_map map{mapped<uart, device>{serial}};
  return map.read({0}, {0x0900'0018}, 4).found && serial.offset == 0x18;
}
static_assert(works_in_the_compiler());
}  // namespace

// SPDX-License-Identifier: BSL-1.0
// What every PC has at the same place.
#include <axhal/board/pc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using machine = axhal::board::pc;

TEST_CASE("addresses and numbers of a PC") {
  STATIC_CHECK(machine::pic_master == 0x20);
  STATIC_CHECK(machine::pic_slave == 0xa0);
  STATIC_CHECK(machine::pit == 0x40);
  STATIC_CHECK(machine::keyboard_status == 0x64);
  STATIC_CHECK(machine::cmos == 0x70);
  STATIC_CHECK(machine::com1 == 0x3f8);
  STATIC_CHECK(machine::edge_level == 0x4d0);
  STATIC_CHECK(machine::reset_control == 0xcf9);
  STATIC_CHECK(machine::uart_clock == hertz{16 * 115'200});
  STATIC_CHECK(machine::io_apic == host_range{{0xfec0'0000}, 0x1000});
  STATIC_CHECK(machine::local_apic == host_range{{0xfee0'0000}, 0x1000});
  STATIC_CHECK(machine::ram == host_phys{0});
  // 255 is everybody in xAPIC mode.
  STATIC_CHECK(machine::max_cpus == 255);
}

TEST_CASE("a PC's devices lie in the last GiB below 4 GiB") {
  STATIC_CHECK(machine::devices.start.value + machine::devices.size == 0x1'0000'0000);
  for (host_range const& one : {machine::io_apic, machine::local_apic}) {
    CHECK(one.start >= machine::devices.start);
    CHECK(one.start.value + one.size <= machine::devices.start.value + machine::devices.size);
  }
}

TEST_CASE("an image for a PC lies above the first MiB, one block for each right") {
  STATIC_CHECK(machine::image::text.value >= mib);
  STATIC_CHECK(machine::image::text.value % machine::image::block == 0);
  STATIC_CHECK(machine::image::rodata == machine::image::text + machine::image::block);
  STATIC_CHECK(machine::image::data == machine::image::rodata + machine::image::block);
}

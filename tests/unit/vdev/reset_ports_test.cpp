// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/reset_ports.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using vdev::reset_request;

TEST_CASE("the reset control register resets with RST_CPU, the machine with SYS_RST", "[vdev][reset_ports]") {
  vdev::reset_control r;
  CHECK(vdev::reset_control::port == 0xcf9);
  CHECK(r.read(0, 1) == 0);
  CHECK(r.write(0, 1, 0x02) == reset_request::none);
  CHECK(r.read(0, 1) == 0x02);
  CHECK(r.write(0, 1, 0x06) == reset_request::machine);
  CHECK(r.read(0, 1) == 0);
  CHECK(r.write(0, 1, 0x06) == reset_request::machine);
  CHECK(r.write(0, 1, 0x0e) == reset_request::machine);
  CHECK(r.write(0, 1, 0x04) == reset_request::cpu);
  CHECK(r.write(0, 1, 0xfb) == reset_request::none);
  CHECK(r.read(0, 1) == 0x0a);
  CHECK(r.read(0, 4) == 0xffff'ff0a);
  CHECK(r.write(0, 4, 0xffff'ff06) == reset_request::machine);
  CHECK(r.write(1, 1, 0x06) == reset_request::none);
  CHECK(r.write(0, 0, 0x06) == reset_request::none);
  CHECK(r.write(~std::uint64_t{0}, 8, ~std::uint64_t{0}) == reset_request::none);
  CHECK(r.write(0, 1, vdev::reset_control::acpi_value) == reset_request::machine);
}

TEST_CASE("system control port A: A20, and INIT when bit 0 rises", "[vdev][reset_ports]") {
  vdev::system_control_a p;
  CHECK(p.a20());
  CHECK(p.read(0, 1) == 0x02);
  CHECK(p.write(0, 1, 0x00) == reset_request::none);
  CHECK(!p.a20());
  CHECK(p.write(0, 1, 0x03) == reset_request::cpu);
  CHECK(p.a20());
  CHECK(p.read(0, 1) == 0x03);
  CHECK(p.write(0, 1, 0xff) == reset_request::none);  // it was up
  CHECK(p.read(0, 2) == 0xff03);
  CHECK(p.write(0, 1, 0xfe) == reset_request::none);
  CHECK(p.write(0, 2, 0x01) == reset_request::cpu);
  p.set_a20(true);
  CHECK(p.read(0, 1) == 0x03);
  CHECK(p.write(1, 1, 0xff) == reset_request::none);
  CHECK(!vdev::system_control_a{false}.a20());
}

}  // namespace

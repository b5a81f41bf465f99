// SPDX-License-Identifier: BSL-1.0
#include <axhal/vdev/i8042.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using vdev::reset_request;

// Commands and bits are written out: the test knows the controller, not the header.

/// What a driver does: a command, and its answer, which must be there at once.
std::uint8_t ask(vdev::i8042& kbc, std::uint8_t command) {
  CHECK(kbc.write_command(command) == reset_request::none);
  CHECK((kbc.read_status() & 0x03) == 0x01);
  std::uint8_t const answer = kbc.read_data();
  CHECK((kbc.read_status() & 0x03) == 0x00);
  return answer;
}

TEST_CASE("an idle controller: nothing waits, nothing is busy, no lock", "[vdev][i8042]") {
  vdev::i8042 kbc;
  CHECK(kbc.read_status() == 0x10);
  CHECK(kbc.read_data() == 0x00);
  CHECK(!kbc.irq_level());
  CHECK(!kbc.aux_irq_level());
  CHECK(kbc.a20());
  CHECK(ask(kbc, 0x20) == 0x30);
}

TEST_CASE("self-test and interface tests", "[vdev][i8042]") {
  vdev::i8042 kbc;
  CHECK(ask(kbc, 0xaa) == 0x55);
  CHECK(kbc.read_status() == 0x1c);  // system flag, command
  CHECK(ask(kbc, 0x20) == 0x34);
  CHECK(ask(kbc, 0xab) == 0x00);
  CHECK(ask(kbc, 0xa9) == 0x01);
  CHECK(ask(kbc, 0xc0) == 0x80);
}

TEST_CASE("the command byte and the 31 bytes behind it", "[vdev][i8042]") {
  vdev::i8042 kbc;
  kbc.write_command(0x60);
  CHECK(kbc.read_status() == 0x18);
  kbc.write_data(0x47);
  CHECK(kbc.read_status() == 0x14);
  CHECK(ask(kbc, 0x20) == 0x47);
  kbc.write_command(0x7f);
  kbc.write_data(0x99);
  CHECK(ask(kbc, 0x3f) == 0x99);
  CHECK(ask(kbc, 0x3e) == 0x00);
  kbc.write_command(0xad);
  kbc.write_command(0xa7);
  CHECK(ask(kbc, 0x20) == 0x77);
  kbc.write_command(0xae);
  kbc.write_command(0xa8);
  CHECK(ask(kbc, 0x20) == 0x47);
}

TEST_CASE("devices that are not there: resend and a time-out at once, with an interrupt", "[vdev][i8042]") {
  vdev::i8042 kbc;
  kbc.write_command(0x60);
  kbc.write_data(0x43);
  kbc.write_data(0xff);  // reset the keyboard
  CHECK(kbc.read_status() == 0x51);
  CHECK(kbc.irq_level());
  CHECK(!kbc.aux_irq_level());
  CHECK(kbc.read_data() == 0xfe);
  CHECK(!kbc.irq_level());
  CHECK(kbc.read_status() == 0x10);
  kbc.write_command(0xd4);
  kbc.write_data(0xf2);
  CHECK(kbc.read_status() == 0x71);
  CHECK(!kbc.irq_level());
  CHECK(kbc.aux_irq_level());
  CHECK(kbc.read_data() == 0xfe);
  CHECK(!kbc.aux_irq_level());
  kbc.write_command(0x60);
  kbc.write_data(0x30);
  kbc.write_data(0xed);
  CHECK(!kbc.irq_level());
  CHECK(kbc.read_data() == 0xfe);
  CHECK(ask(kbc, 0x20) == 0x20);  // the keyboard's interface is enabled by what is sent to it
}

TEST_CASE("bytes that come back: none as the auxiliary device's", "[vdev][i8042]") {
  vdev::i8042 kbc;
  kbc.write_command(0xd2);
  kbc.write_data(0x1c);
  CHECK(kbc.read_status() == 0x11);
  CHECK(kbc.read_data() == 0x1c);
  kbc.write_command(0xd3);
  kbc.write_data(0x5a);
  CHECK(kbc.read_status() == 0x11);
  CHECK(kbc.read_data() == 0x5a);
}

TEST_CASE("the output port: A20 and reset", "[vdev][i8042]") {
  vdev::i8042 kbc{false};
  CHECK(!kbc.a20());
  CHECK(ask(kbc, 0xd0) == 0xcd);
  kbc.write_command(0xd1);
  CHECK(kbc.write_data(0xdf) == reset_request::none);
  CHECK(kbc.a20());
  CHECK(ask(kbc, 0xd0) == 0xdf);
  kbc.write_command(0xdd);
  CHECK(!kbc.a20());
  kbc.write_command(0xdf);
  CHECK(kbc.a20());
  kbc.set_a20(false);
  CHECK(ask(kbc, 0xd0) == 0xdd);
  kbc.write_command(0xd1);
  CHECK(kbc.write_data(0xfe) == reset_request::cpu);
  CHECK(ask(kbc, 0xd0) == 0xff);
}

TEST_CASE("pulses: those with a zero for line 0 reset the CPUs", "[vdev][i8042]") {
  vdev::i8042 kbc;
  for (unsigned command = 0; command < 256; ++command) {
    bool const resets = command >= 0xf0 && command % 2 == 0;
    CHECK((kbc.write_command(static_cast<std::uint8_t>(command)) == reset_request::cpu) == resets);
    CHECK((kbc.read_status() & 0x02) == 0);
  }
  (void)kbc.read_data();
  // Commands that mean nothing have no answer and take no byte.
  for (unsigned const command : {0x00U, 0x1fU, 0x40U, 0x5fU, 0x80U, 0xa0U, 0xefU}) {
    kbc.write_command(static_cast<std::uint8_t>(command));
    CHECK((kbc.read_status() & 0x01) == 0);
  }
  // A command takes the place of one that waits for a byte.
  kbc.write_command(0xd1);
  kbc.write_command(0xff);
  CHECK(kbc.write_data(0x00) == reset_request::none);
  CHECK(kbc.read_data() == 0xfe);
}

}  // namespace

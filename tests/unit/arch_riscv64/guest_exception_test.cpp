// SPDX-License-Identifier: BSL-1.0
#include "support/riscv64_guest.hpp"

#include <axhal/arch/riscv64/guest_exception.hpp>
#include <axhal/arch/riscv64/guest_view.hpp>

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::rv;

namespace {

constexpr std::uint64_t from_vs = 0x2'0000'0100;
constexpr std::uint64_t from_vu = 0x2'0000'0000;
constexpr std::uint64_t spp = 0x100;
constexpr std::uint64_t spie = 0x20;
constexpr std::uint64_t sie = 0x2;

sim_guest injected(sim_guest g, guest_fault fault) {
  fast_context c{&g};
  riscv64::guest_view<fast_context>{c}.inject(fault);
  return g;
}
constexpr guest_fault undefined{};
constexpr guest_fault bus(access wanted, std::uint64_t address = 0) {
  return {.what = guest_fault::kind::bus_error, .address = address, .wanted = wanted};
}
constexpr guest_fault misaligned(access wanted, std::uint64_t address = 0) {
  return {.what = guest_fault::kind::misaligned, .address = address, .wanted = wanted};
}

}  // namespace

TEST_CASE("the handler's status") {
  using riscv64::handler_status;
  STATIC_CHECK(handler_status(0, false) == spp);
  STATIC_CHECK(handler_status(0, true) == 0);
  STATIC_CHECK(handler_status(spp, true) == 0);
  STATIC_CHECK(handler_status(sie, false) == (spp | spie));
  STATIC_CHECK(handler_status(spie, false) == spp);  // SIE was 0
  STATIC_CHECK(handler_status(sie | spie, true) == spie);
  // UBE, VS, FS, XS, SUM, MXR, UXL and SD stay.
  constexpr std::uint64_t others = 0x8000'0003'000d'e640;
  STATIC_CHECK(handler_status(others | sie, true) == (others | spie));
}

TEST_CASE("the vector is stvec's base in both modes") {
  auto const pc_with = [](std::uint64_t stvec) {
    return injected({.scause = 22, .sstatus = from_vs, .vstvec = stvec}, undefined).pc;
  };
  CHECK(pc_with(0xffff'ffff'8000'1000) == 0xffff'ffff'8000'1000);
  CHECK(pc_with(0xffff'ffff'8000'1001) == 0xffff'ffff'8000'1000);  // vectored: interrupts alone
  CHECK(pc_with(0xffff'ffff'8000'1003) == 0xffff'ffff'8000'1000);
  CHECK(pc_with(0x4) == 0x4);
}

TEST_CASE("an exception ends in VS-mode, wherever it came from") {
  for (std::uint64_t const from : {from_vs, from_vu}) {
    auto const g = injected({.scause = 22, .pc = 0x8020'1234, .sstatus = from, .vsstatus = sie}, undefined);
    CHECK(g.sstatus == from_vs);
    CHECK(g.vsstatus == (from == from_vs ? spp | spie : spie));
    CHECK(g.vsepc == 0x8020'1234);
  }
}

TEST_CASE("an illegal instruction has its bits where they are known") {
  auto const virtual_one = injected({.scause = 22, .stval = 0x1020'0073}, undefined);
  CHECK(virtual_one.vscause == 2);
  CHECK(virtual_one.vstval == 0x1020'0073);
  CHECK(injected({.scause = 2, .stval = 0x2508}, undefined).vstval == 0x2508);
  CHECK(injected({.scause = 2, .stval = 0}, undefined).vstval == 0);
  CHECK(injected({.scause = 10, .stval = 0}, undefined).vstval == 0x73);
  // An address is no instruction.
  CHECK(injected({.scause = 21, .stval = 0x1000'0000}, undefined).vstval == 0);
  CHECK(injected({.scause = 10, .pc = 0x8020'0010}, undefined).vsepc == 0x8020'0010);
}

TEST_CASE("a bus error at the access that stopped the guest is of its kind") {
  struct row {
    std::uint64_t cause, want;
  };
  for (auto const& r : {row{20, 1}, row{21, 5}, row{23, 7}, row{1, 1}, row{5, 5}, row{7, 7}}) {
    for (access const wanted : {access::read, access::write, access::execute}) {
      auto const g = injected({.scause = r.cause, .stval = 0x1234'5678}, bus(wanted));
      CAPTURE(r.cause);
      CHECK(g.vscause == r.want);
      CHECK(g.vstval == 0x1234'5678);
    }
  }
  CHECK(injected({.scause = 10, .stval = 0x55}, bus(access::write)).vscause == 7);
}

TEST_CASE("a bus error elsewhere is what the handler says") {
  sim_guest const g{.scause = 21, .stval = 0x1234};
  CHECK(injected(g, bus(access::read, 0x99)).vscause == 5);
  CHECK(injected(g, bus(access::write, 0x99)).vscause == 7);
  CHECK(injected(g, bus(read_write, 0x99)).vscause == 7);
  CHECK(injected(g, bus(access::execute, 0x99)).vscause == 1);
  CHECK(injected(g, bus(access::write, 0x99)).vstval == 0x99);
}

TEST_CASE("misaligned accesses") {
  CHECK(injected({.scause = 20, .stval = 0x1002}, misaligned(access::read)).vscause == 0);
  CHECK(injected({.scause = 21, .stval = 0x1002}, misaligned(access::write)).vscause == 4);
  CHECK(injected({.scause = 23, .stval = 0x1002}, misaligned(access::read)).vscause == 6);
  CHECK(injected({.scause = 23, .stval = 0x1002}, misaligned(access::read)).vstval == 0x1002);
  CHECK(injected({.scause = 22}, misaligned(access::read, 1)).vscause == 4);
  CHECK(injected({.scause = 22}, misaligned(access::write, 1)).vscause == 6);
  CHECK(injected({.scause = 22}, misaligned(access::execute, 1)).vscause == 0);
  CHECK(injected({.scause = 22}, misaligned(access::execute, 1)).vstval == 1);
}

TEST_CASE("injecting needs no register that the fast tier does not hold") {
  CHECK(injected({.scause = 23, .stval = 0x1002}, bus(access::read)).stray_registers == 0);
}

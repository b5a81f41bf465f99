// SPDX-License-Identifier: BSL-1.0
#include "support/aarch64_guest.hpp"

#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_view.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::test;

namespace {

constexpr std::uint64_t el1h = 0x5;
constexpr std::uint64_t hvc = 0x16ULL << 26 | 1 << 25;
constexpr std::uint64_t data_abort = 0x24ULL << 26 | 1 << 25;

sim_guest injected(sim_guest g, guest_fault fault, std::uint64_t distance = 0) {
  fast_context c{&g};
  aarch64::guest_view<fast_context>{c, distance}.inject(fault);
  return g;
}
constexpr guest_fault undefined{};
constexpr guest_fault bus(access wanted, std::uint64_t address = 0) {
  return {.what = guest_fault::kind::bus_error, .address = address, .wanted = wanted};
}

}  // namespace

TEST_CASE("the vector depends on where the guest was") {
  constexpr std::uint64_t vbar = 0xffff'8000'0010'0800;
  auto const pc_from = [](std::uint64_t pstate) {
    return injected({.esr = data_abort, .pstate = pstate, .vbar = vbar}, undefined).pc;
  };
  CHECK(pc_from(0x3c5) == vbar + 0x200);  // EL1h
  CHECK(pc_from(0x3c4) == vbar);          // EL1t
  CHECK(pc_from(0x000) == vbar + 0x400);  // EL0
  CHECK(pc_from(0x010) == vbar + 0x600);  // AArch32 User
  CHECK(injected({.esr = data_abort, .vbar = vbar | 0x7ff}, undefined).pc == vbar + 0x200);
}

TEST_CASE("an undefined instruction") {
  auto const g =
      injected({.esr = 0x18ULL << 26, .far = 5, .pc = 0x4020'1234, .pstate = 0x8000'0005, .far_el1 = 77}, undefined);
  CHECK(g.elr == 0x4020'1234);
  CHECK(g.spsr == 0x8000'0005);
  CHECK(g.esr_el1 == 0x0200'0000);
  CHECK(g.far_el1 == 77);
  CHECK(g.pstate == 0x8000'03c5);
}

TEST_CASE("an HVC that is refused is undefined at the HVC, not after it") {
  CHECK(injected({.esr = hvc, .pc = 0x4020'1004}, undefined).elr == 0x4020'1000);
}

TEST_CASE("bus errors name the access and where it came from") {
  constexpr sim_guest el1{.esr = data_abort, .far = 0xffff'0000'0000'1238, .pc = 0x4020'1000, .pstate = 0x3c5};
  auto user = el1;
  user.pstate = 0;
  CHECK(injected(el1, bus(access::read)).esr_el1 == (0x25ULL << 26 | 1 << 25 | 0x10));
  CHECK(injected(el1, bus(access::write)).esr_el1 == (0x25ULL << 26 | 1 << 25 | 1 << 6 | 0x10));
  CHECK(injected(el1, bus(access::execute)).esr_el1 == (0x21ULL << 26 | 1 << 25 | 0x10));
  CHECK(injected(user, bus(access::read)).esr_el1 == (0x24ULL << 26 | 1 << 25 | 0x10));
  CHECK(injected(user, bus(access::execute)).esr_el1 == (0x20ULL << 26 | 1 << 25 | 0x10));
  CHECK(injected(el1, bus(access::read)).far_el1 == 0xffff'0000'0000'1238);
  CHECK(injected(el1, bus(access::read), 4).far_el1 == 0xffff'0000'0000'123c);
  CHECK(injected(el1, bus(access::read, 0x55)).far_el1 == 0x55);
  CHECK(injected(el1, bus(access::read)).elr == 0x4020'1000);
}

TEST_CASE("misaligned accesses are alignment faults") {
  constexpr guest_fault load{.what = guest_fault::kind::misaligned, .wanted = access::read};
  constexpr guest_fault store{.what = guest_fault::kind::misaligned, .address = 0x1001, .wanted = access::write};
  constexpr guest_fault fetch{.what = guest_fault::kind::misaligned, .wanted = access::execute};
  constexpr sim_guest g{.esr = data_abort, .far = 0x2003, .pc = 0x4020'1000, .pstate = 0x3c5};
  CHECK(injected(g, load).esr_el1 == (0x25ULL << 26 | 1 << 25 | 0x21));
  CHECK(injected(g, load).far_el1 == 0x2003);
  CHECK(injected(g, store).esr_el1 == (0x25ULL << 26 | 1 << 25 | 1 << 6 | 0x21));
  CHECK(injected(g, store).far_el1 == 0x1001);
  CHECK(injected(g, fetch).esr_el1 == (0x22ULL << 26 | 1 << 25));
  CHECK(injected(g, fetch).far_el1 == 0x2003);
  CHECK(injected(g, fetch).elr == 0x4020'1000);
}

TEST_CASE("PSTATE in the handler") {
  using aarch64::handler_pstate;
  constexpr std::uint64_t span = 1 << 23;
  constexpr std::uint64_t dssbs = 1ULL << 44;
  constexpr std::uint64_t masked_el1h = 0x3c0 | el1h;
  STATIC_CHECK(handler_pstate(0, span) == masked_el1h);
  STATIC_CHECK(handler_pstate(0xf000'0000, span) == (0xf000'0000 | masked_el1h));  // NZCV stay
  STATIC_CHECK(handler_pstate(0, 0) == (1 << 22 | masked_el1h));                   // PAN set
  STATIC_CHECK(handler_pstate(1 << 22, span) == (1 << 22 | masked_el1h));          // PAN kept
  STATIC_CHECK(handler_pstate(1 << 24, span) == (1 << 24 | masked_el1h));          // DIT kept
  STATIC_CHECK(handler_pstate(1 << 23 | 1 << 21 | 1 << 20 | 3 << 10, span) ==
               masked_el1h);                                   // UAO, SS, IL, BTYPE cleared
  STATIC_CHECK(handler_pstate(1 << 12, span) == masked_el1h);  // SSBS from SCTLR
  STATIC_CHECK(handler_pstate(0, span | dssbs) == (1 << 12 | masked_el1h));
  STATIC_CHECK(handler_pstate(0x10 | 1 << 21, span) == (1 << 24 | masked_el1h));  // AArch32 has DIT in bit 21
  STATIC_CHECK(handler_pstate(0x10 | 1 << 24, span) == masked_el1h);              // and J in bit 24
}

namespace {

/// System registers as numbers and what was written to them last.
struct register_file {
  static inline std::uint64_t last_value = 0;
  static inline aarch64::sysreg last_id{};
  template <aarch64::sysreg Id>
  static std::uint64_t read() {
    return static_cast<std::uint64_t>(Id);
  }
  template <aarch64::sysreg Id>
  static void write(std::uint64_t value) {
    last_id = Id;
    last_value = value;
  }
};

}  // namespace

TEST_CASE("EL2 reaches the guest's registers by the names of its mode") {
  using aarch64::el2_mode;
  using aarch64::loaded_el1;
  using aarch64::sysreg;
  auto const number = [](sysreg r) { return static_cast<std::uint64_t>(r); };
  using nvhe = loaded_el1<el2_mode::nvhe, register_file>;
  using vhe = loaded_el1<el2_mode::vhe, register_file>;
  CHECK(nvhe::read_el1<sysreg::vbar_el1>() == number(sysreg::vbar_el1));
  CHECK(vhe::read_el1<sysreg::vbar_el1>() == number(sysreg::vbar_el12));
  CHECK(vhe::read_el1<sysreg::sctlr_el1>() == number(sysreg::sctlr_el12));
  CHECK(vhe::read_el1<sysreg::sp_el0>() == number(sysreg::sp_el0));
  CHECK(vhe::read_el1<sysreg::sp_el1>() == number(sysreg::sp_el1));
  vhe::write_el1<sysreg::elr_el1>(7);
  CHECK(register_file::last_id == sysreg::elr_el12);
  vhe::write_el1<sysreg::spsr_el1>(8);
  CHECK(register_file::last_id == sysreg::spsr_el12);
  vhe::write_el1<sysreg::esr_el1>(9);
  CHECK(register_file::last_id == sysreg::esr_el12);
  vhe::write_el1<sysreg::far_el1>(10);
  CHECK(register_file::last_id == sysreg::far_el12);
  CHECK(register_file::last_value == 10);
  nvhe::write_el1<sysreg::far_el1>(11);
  CHECK(register_file::last_id == sysreg::far_el1);
}

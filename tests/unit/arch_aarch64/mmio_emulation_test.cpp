// SPDX-License-Identifier: BSL-1.0
// Device accesses whose syndrome says nothing: the instruction is read and done.
#include "support/aarch64_guest.hpp"

#include <axhal/arch/aarch64/exit_esr.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::test;

namespace {

constexpr std::uint64_t device = 0x0900'0000;
constexpr std::uint64_t at = 0xffff'0000'1234'5100;  // where the guest has it

/// A guest that stopped at `instruction`, whose base register is X1.
constexpr sim_guest stopped(std::uint32_t instruction, bool write, std::uint64_t base, std::uint64_t far = at) {
  sim_guest g{.esr = 0x24ULL << 26 | 1 << 25 | std::uint64_t{write} << 6 | 0x07,
              .far = far,
              .hpfar = (device + (far & 0xf000) - 0x5000) >> 8,
              .instruction = instruction};
  for (unsigned i = 0; i < 31; ++i) g.x[i] = 0xaaaa'bbbb'cccc'0000 + i;
  g.x[1] = base;
  return g;
}

resume run(sim_guest& g, recorder& r) {
  slow_context c{};
  c.guest = &g;
  return aarch64::decode(c, r);
}

}  // namespace

TEST_CASE("a load with write-back") {
  auto g = stopped(0xb840'4c20, false, at - 4);  // ldr w0, [x1, #4]!
  recorder r;
  r.loads[0] = 0x1'8000'0001;
  CHECK(run(g, r) == resume::next_instruction);
  REQUIRE(r.count == 1);
  CHECK(r.seen[0] ==
        seen_exit{.kind = exit_kind::mmio_read, .number = device + 0x100, .size = 4, .reg = 0, .register_size = 4});
  CHECK(g.x[0] == 0x8000'0001);
  CHECK(g.x[1] == at);
  CHECK(g.pc == 0x4020'0000);
}

TEST_CASE("a store with post-index, and a negative one") {
  auto g = stopped(0xb81f'c422, true, at);  // str w2, [x1], #-4
  recorder r;
  CHECK(run(g, r) == resume::next_instruction);
  CHECK(r.seen[0] ==
        seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x100, .value = 0xcccc'0002, .size = 4});
  CHECK(g.x[1] == at - 4);
}

TEST_CASE("sign extension to both widths") {
  recorder r;
  r.loads[0] = 0x80;
  auto wide = stopped(0x3880'1420, false, at);  // ldrsb x0, [x1], #1
  CHECK(run(wide, r) == resume::next_instruction);
  CHECK(wide.x[0] == 0xffff'ffff'ffff'ff80);
  r.count = 0;
  auto narrow = stopped(0x38c0'1420, false, at);  // ldrsb w0, [x1], #1
  CHECK(run(narrow, r) == resume::next_instruction);
  CHECK(narrow.x[0] == 0xffff'ff80);
}

TEST_CASE("a pair is two accesses, lower address first") {
  auto g = stopped(0x28c1'0c22, false, at);  // ldp w2, w3, [x1], #8
  recorder r;
  r.loads[0] = 0x11;
  r.loads[1] = 0x22;
  CHECK(run(g, r) == resume::next_instruction);
  REQUIRE(r.count == 2);
  CHECK(r.seen[0].number == device + 0x100);
  CHECK(r.seen[1].number == device + 0x104);
  CHECK(g.x[2] == 0x11);
  CHECK(g.x[3] == 0x22);
  CHECK(g.x[1] == at + 8);

  auto s = stopped(0x2901'0c22, true, at - 8);  // stp w2, w3, [x1, #8]
  recorder w;
  CHECK(run(s, w) == resume::next_instruction);
  REQUIRE(w.count == 2);
  CHECK(w.seen[0] ==
        seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x100, .value = 0xcccc'0002, .size = 4});
  CHECK(w.seen[1] ==
        seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x104, .value = 0xcccc'0003, .size = 4});
  CHECK(s.x[1] == at - 8);
}

TEST_CASE("a pair may load its own base") {
  auto g = stopped(0x2940'0c21, false, at);  // ldp w1, w3, [x1]
  recorder r;
  r.loads[0] = 5;
  r.loads[1] = 6;
  CHECK(run(g, r) == resume::next_instruction);
  CHECK(g.x[1] == 5);
  CHECK(g.x[3] == 6);
}

TEST_CASE("LDPSW extends both halves") {
  auto g = stopped(0x6940'0c22, false, at);  // ldpsw x2, x3, [x1]
  recorder r;
  r.loads[0] = 0x8000'0000;
  r.loads[1] = 0x7fff'ffff;
  CHECK(run(g, r) == resume::next_instruction);
  CHECK(g.x[2] == 0xffff'ffff'8000'0000);
  CHECK(g.x[3] == 0x7fff'ffff);
}

TEST_CASE("when the first half is refused the second never happens") {
  for (auto const answer : {resume::retry, resume::stop, resume::slow}) {
    auto g = stopped(0x28c1'0c22, false, at);  // ldp w2, w3, [x1], #8
    auto const before = g;
    recorder r;
    r.answers[0] = answer;
    CHECK(run(g, r) == answer);
    CHECK(r.count == 1);
    for (unsigned i = 0; i < 31; ++i) CHECK(g.x[i] == before.x[i]);
  }
}

TEST_CASE("when the second half is refused the first register and the base are as before") {
  for (auto const answer : {resume::retry, resume::stop}) {
    auto g = stopped(0x28c1'0c22, false, at);  // ldp w2, w3, [x1], #8
    auto const before = g;
    recorder r;
    r.loads[0] = 0x77;
    r.answers[1] = answer;
    r.injects_on_retry = true;
    CHECK(run(g, r) == answer);
    CHECK(r.count == 2);
    for (unsigned i = 0; i < 31; ++i) CHECK(g.x[i] == before.x[i]);
    if (answer == resume::retry) {
      CHECK(g.far_el1 == at + 4);
      CHECK(g.elr == before.pc);
      CHECK(g.esr_el1 == (0x25ULL << 26 | 1 << 25 | 0x10));
    }
  }
}

TEST_CASE("an injected fault of a single access leaves the base alone") {
  auto g = stopped(0xb81f'c422, true, at);  // str w2, [x1], #-4
  recorder r;
  r.answers[0] = resume::retry;
  r.injects_on_retry = true;
  CHECK(run(g, r) == resume::retry);
  CHECK(g.x[1] == at);
  CHECK(g.far_el1 == at);
  CHECK(g.esr_el1 == (0x25ULL << 26 | 1 << 25 | 1 << 6 | 0x10));
}

TEST_CASE("the stack pointer as base is the one in use") {
  auto el1h = stopped(0xb840'47e0, false, 0);  // ldr w0, [sp], #4
  el1h.sp_el1 = at;
  recorder r;
  CHECK(run(el1h, r) == resume::next_instruction);
  CHECK(el1h.sp_el1 == at + 4);
  for (std::uint64_t const mode : {0ULL, 4ULL}) {
    auto g = stopped(0xb840'47e0, false, 0);
    g.pstate = 0x3c0 | mode;
    g.sp_el0 = at;
    r.count = 0;
    CHECK(run(g, r) == resume::next_instruction);
    CHECK(g.sp_el0 == at + 4);
    CHECK(g.sp_el1 == 0);
  }
}

TEST_CASE("a literal is found from PC") {
  auto g = stopped(0x18ff'ffe2, false, 0, 0x4020'0000 - 4);  // ldr w2, .-4
  g.hpfar = device >> 8;
  recorder r;
  r.loads[0] = 9;
  CHECK(run(g, r) == resume::next_instruction);
  CHECK(r.seen[0].number == device + 0xffc);
  CHECK(g.x[2] == 9);
}

TEST_CASE("an instruction that does not fit its fault is not believed") {
  auto const refused = [](sim_guest g) {
    auto const before = g;
    recorder r;
    r.answers[0] = resume::retry;
    bool unchanged = run(g, r) == resume::retry && r.count == 1 && r.seen[0].kind == exit_kind::memory_fault &&
                     r.seen[0].number == ((before.hpfar << 8) | (before.far & 0xfff));
    for (unsigned i = 0; i < 31; ++i) unchanged = unchanged && g.x[i] == before.x[i];
    return unchanged;
  };
  CHECK(refused(stopped(0xb840'4c20, true, at - 4)));                   // a load, but the syndrome says write
  CHECK(refused(stopped(0xb81f'c422, false, at)));                      // a store, but the syndrome says read
  CHECK(refused(stopped(0xb840'4c20, false, at)));                      // another address
  CHECK(refused(stopped(0x885f'7c20, false, at)));                      // ldxr w0, [x1]
  CHECK(refused(stopped(0xd503'201f, false, at)));                      // nop
  CHECK(refused(stopped(0xf940'0020, false, at + 0xefc, at + 0xefc)));  // reaches into the next page
  CHECK(refused(stopped(0xa9c0'0c22, false, at + 0xef8, at + 0xef8)));  // the second half does
  auto failing = stopped(0xb840'4c20, false, at - 4);
  failing.fetch_fails = true;
  CHECK(refused(failing));
  auto aarch32 = stopped(0xb840'4c20, false, at - 4);
  aarch32.pstate = 0x10;
  CHECK(refused(aarch32));
}

TEST_CASE("an address tag does not matter") {
  auto g = stopped(0xb940'0020, false, at ^ 0x5a00'0000'0000'0000);  // ldr w0, [x1]
  recorder r;
  CHECK(run(g, r) == resume::next_instruction);
  CHECK(r.seen[0].kind == exit_kind::mmio_read);
}

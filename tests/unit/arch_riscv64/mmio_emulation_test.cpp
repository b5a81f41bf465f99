// SPDX-License-Identifier: BSL-1.0
// Device accesses that htinst does not describe as a plain one: the instruction is read and done, AMOs in two steps.
#include "support/riscv64_exits.hpp"

#include <axhal/arch/riscv64/exit_scause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::rv;

namespace {

constexpr std::uint64_t device = 0x1000'0000;
constexpr std::uint64_t at = 0xffff'ffc6'0000'0100;  // where the guest has it

/// A guest that stopped at `instruction`, whose base register is a1, on a machine that leaves htinst zero.
constexpr sim_guest stopped(std::uint64_t cause, std::uint32_t instruction, std::uint64_t base = at,
                            std::uint64_t stval = at) {
  sim_guest g{.scause = cause, .stval = stval, .htval = (device + (stval & 0xfff)) >> 2, .instruction = instruction};
  for (unsigned i = 1; i < 32; ++i) g.x[i] = 0xaaaa'bbbb'cccc'0000 + i;
  g.x[11] = base;
  return g;
}

resume run(sim_guest& g, recorder& r) {
  slow_context c{};
  c.guest = &g;
  return riscv64::decode(c, r);
}

}  // namespace

TEST_CASE("a load is read from the guest and done") {
  auto g = stopped(load_fault, 0x0045'a503, at - 4);  // lw a0,4(a1)
  recorder r;
  r.loads[0] = 0x1'8000'0001;
  CHECK(run(g, r) == resume::retry);
  REQUIRE(r.count == 1);
  CHECK(r.seen[0] == seen_exit{.kind = exit_kind::mmio_read,
                               .number = device + 0x100,
                               .size = 4,
                               .reg = 10,
                               .register_size = 8,
                               .flag = true});
  CHECK(g.x[10] == 0xffff'ffff'8000'0001);
  CHECK(g.pc == start + 4);
  CHECK(g.fetches == 1);
}

TEST_CASE("compressed ones are stepped over by two") {
  auto load = stopped(load_fault, 0x41c8, at - 4);  // c.lw a0,4(a1)
  recorder r;
  r.loads[0] = 5;
  CHECK(run(load, r) == resume::retry);
  CHECK(load.x[10] == 5);
  CHECK(load.pc == start + 2);
  auto store = stopped(store_fault, 0x89c8, at - 1);  // c.sb a0,1(a1)
  recorder w;
  CHECK(run(store, w) == resume::retry);
  CHECK(w.seen[0] == seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x100, .value = 0x0a, .size = 1});
  CHECK(store.pc == start + 2);
}

TEST_CASE("what htinst says is not looked up") {
  auto g = stopped(load_fault, 0x0000'0013);
  g.htinst = 0x3503;  // ld a0,..
  g.fetch_fails = true;
  recorder r;
  r.loads[0] = 0x8000'0000'0000'0000;
  CHECK(run(g, r) == resume::retry);
  CHECK(g.x[10] == 0x8000'0000'0000'0000);
  CHECK(g.fetches == 0);
}

TEST_CASE("a value of htinst that nobody knows is as good as none") {
  auto g = stopped(load_fault, 0x0005'a503);  // lw a0,0(a1)
  for (std::uint64_t const strange : {0x1'0000'2503ULL, 0x2502ULL, 0x4000ULL, 0x7503ULL}) {
    g.htinst = strange;
    g.pc = start;
    recorder r;
    CHECK(run(g, r) == resume::retry);
    REQUIRE(r.count == 1);
    CHECK(r.seen[0].kind == exit_kind::mmio_read);
  }
}

TEST_CASE("an AMO is a read and a write") {
  for (bool const described : {false, true}) {
    auto g = stopped(store_fault, 0x00c5'a52f);  // amoadd.w a0,a2,(a1)
    if (described) g.htinst = 0x00c0'252f;
    g.x[12] = 0xffff'ffff'0000'0003;
    recorder r;
    r.loads[0] = 0x1'ffff'fffe;
    CHECK(run(g, r) == resume::retry);
    REQUIRE(r.count == 2);
    CHECK(r.seen[0] == seen_exit{.kind = exit_kind::mmio_read,
                                 .number = device + 0x100,
                                 .size = 4,
                                 .reg = 10,
                                 .register_size = 8,
                                 .flag = true});
    CHECK(r.seen[1] == seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x100, .value = 1, .size = 4});
    CHECK(g.x[10] == 0xffff'ffff'ffff'fffe);
    CHECK(g.pc == start + 4);
    CHECK(g.fetches == (described ? 0 : 1));
  }
}

TEST_CASE("every AMO on a device") {
  struct row {
    std::uint32_t word;
    std::uint64_t written;
  };
  constexpr row rows[] = {
      {0x00c5'b52f, 0x8000'0000'0000'0003},  // amoadd.d a0,a2,(a1)
      {0x08c5'b52f, 0x0000'0000'0000'0001},  // amoswap.d
      {0x20c5'b52f, 0x8000'0000'0000'0003},  // amoxor.d
      {0x40c5'b52f, 0x8000'0000'0000'0003},  // amoor.d
      {0x60c5'b52f, 0x0000'0000'0000'0000},  // amoand.d
      {0x80c5'b52f, 0x8000'0000'0000'0002},  // amomin.d
      {0xa0c5'b52f, 0x0000'0000'0000'0001},  // amomax.d
      {0xc0c5'b52f, 0x0000'0000'0000'0001},  // amominu.d
      {0xe0c5'b52f, 0x8000'0000'0000'0002},  // amomaxu.d
  };
  for (auto const& row : rows) {
    CAPTURE(row.word);
    auto g = stopped(store_fault, row.word);
    g.x[12] = 1;
    recorder r;
    r.loads[0] = 0x8000'0000'0000'0002;
    CHECK(run(g, r) == resume::retry);
    REQUIRE(r.count == 2);
    CHECK(r.seen[1].value == row.written);
    CHECK(r.seen[1].size == 8);
    CHECK(g.x[10] == 0x8000'0000'0000'0002);
  }
}

TEST_CASE("an AMO whose registers are one, and one that keeps nothing") {
  auto same = stopped(store_fault, 0x00a5'a52f);  // amoadd.w a0,a0,(a1)
  same.x[10] = 4;
  recorder r;
  r.loads[0] = 5;
  CHECK(run(same, r) == resume::retry);
  CHECK(r.seen[1].value == 9);
  CHECK(same.x[10] == 5);

  auto dropped = stopped(store_fault, 0x40c5'a02f);  // amoor.w x0,a2,(a1)
  dropped.x[12] = 0xf0;
  recorder d;
  d.loads[0] = 0x0f;
  CHECK(run(dropped, d) == resume::retry);
  CHECK(d.seen[0].reg == exit::mmio_read::no_register);
  CHECK(d.seen[1].value == 0xff);
  CHECK(dropped.x[0] == 0);
}

TEST_CASE("an AMO that is refused half-way leaves the register as it was") {
  for (auto const answer : {resume::retry, resume::stop}) {
    auto g = stopped(store_fault, 0x00c5'a52f);  // amoadd.w a0,a2,(a1)
    auto const before = g;
    recorder r;
    r.loads[0] = 0x77;
    r.answers[1] = answer;
    r.injects_on_retry = true;
    CHECK(run(g, r) == answer);
    CHECK(r.count == 2);
    for (unsigned i = 0; i < 32; ++i) CHECK(g.x[i] == before.x[i]);
    if (answer == resume::retry) {
      CHECK(g.vscause == 7);
      CHECK(g.vstval == at);
      CHECK(g.vsepc == start);
    } else {
      CHECK(g.pc == start);
    }
  }
  for (auto const answer : {resume::retry, resume::stop, resume::slow}) {
    auto g = stopped(store_fault, 0x00c5'a52f);
    auto const before = g;
    recorder r;
    r.answers[0] = answer;
    CHECK(run(g, r) == answer);
    CHECK(r.count == 1);
    CHECK(g.pc == start);
    for (unsigned i = 0; i < 32; ++i) CHECK(g.x[i] == before.x[i]);
  }
}

TEST_CASE("a read of an AMO that is refused is a store's fault") {
  auto g = stopped(store_fault, 0x00c5'a52f);
  recorder r;
  r.answers[0] = resume::retry;
  r.injects_on_retry = true;
  CHECK(run(g, r) == resume::retry);
  CHECK(g.vscause == 7);
}

TEST_CASE("a misaligned access inside one page is one access") {
  auto g = stopped(load_fault, 0x0005'a503, at + 2, at + 2);  // lw a0,0(a1)
  recorder r;
  r.loads[0] = 0x1234;
  CHECK(run(g, r) == resume::retry);
  CHECK(r.seen[0].number == device + 0x102);
  // Hardware that splits it faults at its second half, and says by how much.
  for (std::uint64_t const htinst : {0x0ULL, 0x0001'2503ULL}) {
    auto split = stopped(load_fault, 0x0005'a503, at + 6, at + 8);
    split.htinst = htinst;
    recorder s;
    CHECK(run(split, s) == resume::retry);
    REQUIRE(s.count == 1);
    CHECK(s.seen[0].number == device + 0x106);
    CHECK(split.pc == start + 4);
  }
}

TEST_CASE("an access that no device register has is a memory fault, and nothing is changed") {
  auto const refused = [](sim_guest g) {
    auto const before = g;
    recorder r;
    r.answers[0] = resume::retry;
    bool unchanged = run(g, r) == resume::retry && r.count == 1 && r.seen[0].kind == exit_kind::memory_fault &&
                     r.seen[0].number == device + (before.stval & 0xfff) && !r.seen[0].flag &&
                     r.seen[0].wanted == (before.scause == load_fault ? access::read : access::write);
    for (unsigned i = 0; i < 32; ++i) unchanged = unchanged && g.x[i] == before.x[i];
    return unchanged && g.pc == before.pc;
  };
  CHECK(refused(stopped(store_fault, 0x0005'a503)));         // lw, but the cause says store
  CHECK(refused(stopped(load_fault, 0x00a5'a023)));          // sw, but the cause says load
  CHECK(refused(stopped(load_fault, 0x00c5'a52f)));          // amoadd.w, but the cause says load
  CHECK(refused(stopped(load_fault, 0x0005'a503, at + 4)));  // another address: before it
  CHECK(refused(stopped(load_fault, 0x0005'a503, at - 4)));  // and behind it
  CHECK(refused(stopped(load_fault, 0x1005'a52f)));          // lr.w a0,(a1)
  CHECK(refused(stopped(store_fault, 0x18c5'b52f)));         // sc.d a0,a2,(a1)
  CHECK(refused(stopped(store_fault, 0x28c5'a52f)));         // amocas.w a0,a2,(a1)
  CHECK(refused(stopped(load_fault, 0x0005'a507)));          // flw fa0,0(a1)
  CHECK(refused(stopped(store_fault, 0xa588)));              // c.fsd fa0,8(a1)
  CHECK(refused(stopped(store_fault, 0x0025'a00f)));         // cbo.flush (a1)
  CHECK(refused(stopped(load_fault, 0x0000'0013)));          // nop
  CHECK(refused(stopped(load_fault, 0x0000'0000)));
  auto fp_described = stopped(load_fault, 0x0005'a503);
  fp_described.htinst = 0x3507;  // fld fa0,..
  CHECK(refused(fp_described));
  auto contradicting = stopped(load_fault, 0x0005'a503);
  contradicting.htinst = 0x00a0'2023;  // sw, but the cause says load
  CHECK(refused(contradicting));
}

TEST_CASE("an access of two pages is a memory fault") {
  constexpr std::uint64_t end = 0xffff'ffc6'0000'0ffe;
  for (std::uint64_t const htinst : {0x0ULL, 0x2503ULL}) {
    auto first = stopped(load_fault, 0x0005'a503, end, end);  // lw a0,0(a1): the first page is a device
    first.htinst = htinst;
    recorder r;
    run(first, r);
    CHECK(r.seen[0].kind == exit_kind::memory_fault);
    CHECK(r.seen[0].number == device + 0xffe);
  }
  for (std::uint64_t const htinst : {0x0ULL, 0x0001'2503ULL}) {
    auto second = stopped(load_fault, 0x0005'a503, end, end + 2);  // the second is
    second.htval = (device + 0x1000) >> 2;
    second.htinst = htinst;
    recorder r;
    run(second, r);
    CHECK(r.seen[0].kind == exit_kind::memory_fault);
    CHECK(r.seen[0].number == device + 0x1000);
  }
  auto distant = stopped(load_fault, 0x0005'a503);
  distant.htinst = 0x0002'2503;  // 4 bytes past the start of 4 bytes
  recorder r;
  run(distant, r);
  CHECK(r.seen[0].kind == exit_kind::memory_fault);
}

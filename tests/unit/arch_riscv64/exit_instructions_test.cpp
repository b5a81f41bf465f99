// SPDX-License-Identifier: BSL-1.0
// Instructions that trap as virtual or illegal: waiting, CSRs, FP and vectors, and those that are refused.
#include "support/riscv64_exits.hpp"

#include <axhal/arch/riscv64/exit_scause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::rv;

TEST_CASE("waiting instructions") {
  for (auto const& g : {trapped(virtual_instruction, 0x1050'0073), untold(virtual_instruction, 0x1050'0073)}) {
    auto const o = decoded(g);
    CHECK(only(o).kind == exit_kind::idle);
    CHECK(o.answer == resume::retry);
    CHECK(o.guest.pc == start + 4);
  }
  CHECK(only(decoded(trapped(virtual_instruction, 0x00d0'0073))).kind == exit_kind::yield);  // wrs.nto
  CHECK(only(decoded(trapped(virtual_instruction, 0x01d0'0073))).kind == exit_kind::yield);  // wrs.sto
  CHECK(only(decoded(trapped(virtual_instruction, 0x00d0'0073, vu_mode))).kind == exit_kind::yield);
}

TEST_CASE("user mode does not make its machine wait") {
  CHECK(only(decoded(trapped(virtual_instruction, 0x1050'0073, vu_mode))) ==
        seen_exit{.kind = exit_kind::refused_instruction, .number = 0x1050'0073});
}

TEST_CASE("instructions of another machine are refused with their bits") {
  for (std::uint32_t const word : {
           0x1020'0073U,  // sret under VTSR
           0x12b5'0073U,  // sfence.vma under VTVM
           0x16b5'0073U,  // sinval.vma
           0x62b5'0073U,  // hfence.gvma
           0x22b5'0073U,  // hfence.vvma
           0x6805'c573U,  // hlv.w
           0x6ab5'c073U,  // hsv.w
           0x3020'0073U,  // mret
           0x0000'0013U,  // nop
       }) {
    CAPTURE(word);
    auto const o = decoded(trapped(virtual_instruction, word));
    CHECK(only(o) == seen_exit{.kind = exit_kind::refused_instruction, .number = word});
    CHECK(only(decoded(untold(virtual_instruction, word))) ==
          seen_exit{.kind = exit_kind::refused_instruction, .number = word});
  }
  sim_guest const wide{.scause = virtual_instruction, .stval = 0x1'1050'0073};
  CHECK(only(decoded(wide)) == seen_exit{.kind = exit_kind::refused_instruction, .number = 0x1'1050'0073});
}

TEST_CASE("CSR instructions with one effect") {
  recorder r;
  r.loads[0] = 0x1234'5678'9abc'def0;
  // csrrs a0,time,x0
  auto const read = decoded(trapped(virtual_instruction, 0xc010'2573), r);
  CHECK(only(read) == seen_exit{.kind = exit_kind::register_read, .number = 0xc01, .reg = 10});
  CHECK(read.guest.x[10] == 0x1234'5678'9abc'def0);
  CHECK(read.guest.pc == start + 4);
  CHECK(read.answer == resume::retry);
  // csrrci a0,satp,0
  CHECK(only(decoded(trapped(virtual_instruction, 0x1800'7573))).kind == exit_kind::register_read);
  // csrrs x0,satp,x0: the value goes nowhere
  auto const dropped = decoded(trapped(virtual_instruction, 0x1800'2073), r);
  CHECK(only(dropped) == seen_exit{.kind = exit_kind::register_read, .number = 0x180});
  CHECK(dropped.guest.x[0] == 0);

  // csrrw x0,satp,a1; csrrwi x0,stvec,3; csrrw x0,satp,x0
  auto const write = decoded(trapped(virtual_instruction, 0x1805'9073));
  CHECK(only(write) == seen_exit{.kind = exit_kind::register_write, .number = 0x180, .value = 0x1111'1111'1111'110b});
  CHECK(write.guest.pc == start + 4);
  CHECK(only(decoded(trapped(virtual_instruction, 0x1051'd073))) ==
        seen_exit{.kind = exit_kind::register_write, .number = 0x105, .value = 3});
  CHECK(only(decoded(trapped(virtual_instruction, 0x1800'1073))) ==
        seen_exit{.kind = exit_kind::register_write, .number = 0x180});
}

TEST_CASE("CSR instructions that read and write are two exits") {
  struct row {
    std::uint32_t word;
    std::uint64_t written;
  };
  constexpr row rows[] = {
      {0x1805'9573, 0x3c},  // csrrw a0,satp,a1
      {0x1805'a573, 0xfc},  // csrrs a0,satp,a1
      {0x1805'b573, 0xc0},  // csrrc a0,satp,a1
      {0x1801'd573, 0x03},  // csrrwi a0,satp,3
      {0x1801'e573, 0xf3},  // csrrsi a0,satp,3
      {0x1808'7573, 0xe0},  // csrrci a0,satp,16
      {0x1805'a073, 0xfc},  // csrrs x0,satp,a1
  };
  for (auto const& row : rows) {
    CAPTURE(row.word);
    auto g = trapped(virtual_instruction, row.word);
    g.x[11] = 0x3c;
    recorder r;
    r.loads[0] = 0xf0;
    auto const o = decoded(g, r);
    REQUIRE(o.told.count == 2);
    CHECK(o.told.seen[0].kind == exit_kind::register_read);
    CHECK(o.told.seen[0].number == 0x180);
    CHECK(o.told.seen[1] == seen_exit{.kind = exit_kind::register_write, .number = 0x180, .value = row.written});
    unsigned const rd = row.word >> 7 & 31;
    CHECK(o.guest.x[rd] == (rd == 0 ? 0 : 0xf0));
    CHECK(o.guest.pc == start + 4);
    CHECK(o.answer == resume::retry);
  }
}

TEST_CASE("source and destination may be one register") {
  auto g = trapped(virtual_instruction, 0x1805'1573);  // csrrw a0,satp,a0
  g.x[10] = 0x77;
  recorder r;
  r.loads[0] = 0x88;
  auto const o = decoded(g, r);
  CHECK(o.told.seen[1].value == 0x77);
  CHECK(o.guest.x[10] == 0x88);
}

TEST_CASE("a CSR write that is refused leaves the register as it was") {
  for (auto const answer : {resume::retry, resume::stop}) {
    recorder r;
    r.loads[0] = 0x88;
    r.answers[1] = answer;
    r.injects_on_retry = true;
    auto const o = decoded(trapped(virtual_instruction, 0x1805'9573), r);
    CHECK(o.answer == answer);
    CHECK(o.told.count == 2);
    CHECK(o.guest.x[10] == 0x1111'1111'1111'110a);
    CHECK(o.guest.pc == (answer == resume::retry ? 0xffff'ffff'8000'1000 : start));
    if (answer == resume::retry) {
      CHECK(o.guest.vscause == 2);
      CHECK(o.guest.vsepc == start);
      CHECK(o.guest.vstval == 0x1805'9573);
    }
  }
  auto const first = decoded(trapped(virtual_instruction, 0x1805'9573), answering(resume::retry));
  CHECK(first.told.count == 1);
  CHECK(first.guest.pc == start);
}

TEST_CASE("user mode reaches no supervisor register, and the counters that its kernel lets it") {
  auto const refused = [](sim_guest const& g) {
    auto const o = decoded(g);
    return only(o) == seen_exit{.kind = exit_kind::refused_instruction, .number = g.instruction};
  };
  CHECK(refused(trapped(virtual_instruction, 0x1805'9073, vu_mode)));  // csrw satp,a1
  CHECK(refused(trapped(virtual_instruction, 0x6000'2573, vu_mode)));  // csrr a0,hstatus
  CHECK(refused(trapped(virtual_instruction, 0xc010'2573, vu_mode)));  // csrr a0,time
  CHECK(refused(untold(virtual_instruction, 0x1805'9073, vu_mode)));
  auto allowed = trapped(virtual_instruction, 0xc010'2573, vu_mode);
  allowed.scounteren = 2;
  CHECK(only(decoded(allowed)) == seen_exit{.kind = exit_kind::register_read, .number = 0xc01, .reg = 10});
  allowed.scounteren = ~2ULL;
  CHECK(refused(allowed));
  auto const last = trapped(virtual_instruction, 0xc1f0'2573, vu_mode);  // csrr a0,hpmcounter31
  auto with_last = last;
  with_last.scounteren = 0x8000'0000;
  CHECK(refused(last));
  CHECK(only(decoded(with_last)).kind == exit_kind::register_read);
  // The kernel itself needs nobody's leave.
  CHECK(only(decoded(trapped(virtual_instruction, 0xc010'2573))).kind == exit_kind::register_read);
}

namespace {
constexpr std::uint64_t fs_initial = 1 << 13;
constexpr std::uint64_t vs_initial = 1 << 9;
constexpr seen_exit lazy_fp{.kind = exit_kind::lazy_state};
constexpr seen_exit lazy_vector{.kind = exit_kind::lazy_state, .flag = true};

constexpr seen_exit of_illegal(std::uint32_t word, std::uint64_t guests, std::uint64_t hosts) {
  auto g = trapped(illegal, word, vs_mode | hosts);
  g.vsstatus = guests;
  return only(decoded(g));
}
constexpr seen_exit refused_word(std::uint32_t word) {
  return {.kind = exit_kind::refused_instruction, .number = word};
}
}  // namespace

TEST_CASE("the first use of FP registers") {
  for (std::uint32_t const word : {0x0005'a507U, 0x00a5'b427U, 0x02c5'f553U, 0x0010'2573U, 0x2508U, 0xa42aU}) {
    CAPTURE(word);
    CHECK(of_illegal(word, fs_initial, 0) == lazy_fp);
    CHECK(of_illegal(word, 0, 0) == refused_word(word));                    // the guest's own FS is Off
    CHECK(of_illegal(word, fs_initial, fs_initial) == refused_word(word));  // FP registers are here: it is illegal
    CHECK(of_illegal(word, 0, fs_initial) == refused_word(word));
  }
  CHECK(of_illegal(0x0205'0087, vs_initial, 0) == lazy_vector);  // vle8.v
  auto const o = decoded(trapped(illegal, 0x0005'a507), answering(resume::retry));
  CHECK(o.answer == resume::retry);
  CHECK(o.guest.pc == start);
}

TEST_CASE("the first use of vector registers") {
  constexpr std::uint32_t vadd = 0x0221'80d7;
  constexpr std::uint32_t vfadd = 0x0221'90d7;
  CHECK(of_illegal(vadd, vs_initial, 0) == lazy_vector);
  CHECK(of_illegal(vadd, vs_initial | fs_initial, fs_initial) == lazy_vector);
  CHECK(of_illegal(vadd, fs_initial, 0) == refused_word(vadd));
  CHECK(of_illegal(vadd, vs_initial, vs_initial) == refused_word(vadd));
  // Vectors first, then FP; both have to be the guest's.
  CHECK(of_illegal(vfadd, vs_initial | fs_initial, 0) == lazy_vector);
  CHECK(of_illegal(vfadd, vs_initial | fs_initial, vs_initial) == lazy_fp);
  CHECK(of_illegal(vfadd, vs_initial | fs_initial, vs_initial | fs_initial) == refused_word(vfadd));
  CHECK(of_illegal(vfadd, vs_initial, 0) == refused_word(vfadd));
  CHECK(of_illegal(vfadd, fs_initial, 0) == refused_word(vfadd));
}

TEST_CASE("illegal instructions are refused with their bits, from stval or from memory") {
  CHECK(of_illegal(0xc000'1073, fs_initial, 0) == refused_word(0xc000'1073));  // csrw cycle,x0
  CHECK(of_illegal(0x3000'2573, fs_initial, 0) == refused_word(0x3000'2573));  // csrr a0,mstatus
  CHECK(only(decoded(untold(illegal, 0x0000'0000))) == refused_word(0));
  CHECK(only(decoded(untold(illegal, 0x3000'2573))) == refused_word(0x3000'2573));
  CHECK(only(decoded(untold(illegal, 0x0005'a507))) == lazy_fp);
  CHECK(only(decoded(untold(illegal, 0xa42a))) == lazy_fp);
  sim_guest wide{.scause = illegal, .stval = 0x1'0005'a507};
  CHECK(only(decoded(wide)) == seen_exit{.kind = exit_kind::refused_instruction, .number = 0x1'0005'a507});
}

TEST_CASE("an instruction that the guest has unmapped meanwhile is left to the guest") {
  for (std::uint64_t const cause : {virtual_instruction, illegal, load_fault, store_fault}) {
    auto g = untold(cause, 0x1050'0073);
    g.fetch_fails = true;
    auto const o = decoded(g);
    CHECK(o.told.count == 0);
    CHECK(o.answer == resume::retry);
    CHECK(o.guest.pc == start);
    CHECK(o.guest.vscause == 0);
  }
}

TEST_CASE("a handler may leave an instruction out, as long as it is") {
  auto const pc_after = [](sim_guest const& g) {
    auto const o = decoded(g);
    CHECK(o.told.count == 1);
    CHECK(o.answer == resume::retry);
    return o.guest.pc - start;
  };
  CHECK(pc_after(trapped(virtual_instruction, 0x1020'0073)) == 4);  // sret
  CHECK(pc_after(trapped(illegal, 0x3000'2573)) == 4);              // csrr a0,mstatus
  CHECK(pc_after(trapped(illegal, 0x9c00)) == 2);
  CHECK(pc_after(untold(illegal, 0x9c00)) == 2);
  CHECK(pc_after(trapped(illegal, 0x0005'a507)) == 4);  // flw, told as lazy state
  CHECK(pc_after(at_uart(load_fault, 0x3507)) == 4);    // fld
  CHECK(pc_after(at_uart(load_fault, 0x3505)) == 2);    // c.fld
  auto walk = at_uart(load_fault, 0x3000);
  walk.instruction = 0x4188;  // c.lw a0,0(a1)
  CHECK(pc_after(walk) == 2);
  walk.instruction = 0x0005'a503;  // lw a0,0(a1)
  CHECK(pc_after(walk) == 4);
  // Nothing that could be stepped over: no instruction was fetched, or none was running.
  auto fetching = at_uart(fetch_fault, 0);
  fetching.fetch_fails = true;
  CHECK(pc_after(fetching) == 0);
  CHECK(pc_after({.scause = 1ULL << 63 | 9}) == 0);
  // The fast tier leaves what it cannot measure to the slow one.
  auto const fast = decoded_fast(at_uart(load_fault, 0x3000));
  CHECK(fast.answer == resume::slow);
  CHECK(fast.guest.pc == start);
  CHECK(decoded_fast(at_uart(load_fault, 0x3505)).guest.pc == start + 2);
}

// SPDX-License-Identifier: BSL-1.0
#include "support/riscv64_exits.hpp"

#include <axhal/arch/riscv64/exit_scause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::rv;

namespace {

constexpr std::uint32_t with_rd(std::uint32_t word, unsigned rd) { return (word & ~0xf80U) | rd << 7; }

}  // namespace

TEST_CASE("ECALL is a hypercall with its number in a7, and is stepped over") {
  sim_guest g{.scause = ecall_vs};
  g.x[17] = 0x1'0000'0010;
  g.x[16] = 3;
  auto const o = decoded(g);
  CHECK(only(o) == seen_exit{.kind = exit_kind::hypercall, .number = 0x1'0000'0010});
  CHECK(o.answer == resume::retry);
  CHECK(o.guest.pc == start + 4);
  for (auto const other : {resume::retry, resume::stop, resume::slow}) {
    auto const stays = decoded(g, answering(other));
    CHECK(stays.answer == other);
    CHECK(stays.guest.pc == start);
  }
}

TEST_CASE("a device load has width, sign and register from htinst") {
  constexpr std::uint64_t low[] = {0xf3, 0xf4f3, 0xf6f5'f4f3, 0xfedc'ba98'f6f5'f4f3};
  constexpr std::uint64_t high[] = {~0xffULL, ~0xffffULL, ~0xffff'ffffULL, 0};
  for (std::uint64_t funct3 = 0; funct3 < 7; ++funct3) {
    for (bool const compressed : {false, true}) {
      unsigned const size_log2 = funct3 & 3;
      bool const sign = funct3 < 4;
      recorder r;
      r.loads[0] = 0xfedc'ba98'f6f5'f4f3;
      std::uint64_t const htinst = funct3 << 12 | 7 << 7 | (compressed ? 1 : 3);
      auto const o = decoded(at_uart(load_fault, htinst, 0x18), r);
      CAPTURE(funct3, compressed);
      CHECK(only(o) == seen_exit{.kind = exit_kind::mmio_read,
                                 .number = 0x1000'0018,
                                 .size = 1U << size_log2,
                                 .reg = 7,
                                 .register_size = 8,
                                 .flag = sign});
      CHECK(o.answer == resume::retry);
      CHECK(o.guest.pc == start + (compressed ? 2 : 4));
      CHECK(o.guest.x[7] == (low[size_log2] | (sign ? high[size_log2] : 0)));
      CHECK(o.guest.x[6] == 0x1111'1111'1111'1106);
      CHECK(o.guest.fetches == 0);
    }
  }
}

TEST_CASE("a load into x0 names no register") {
  recorder r;
  r.loads[0] = 0x55;
  auto const before = at_uart(load_fault, 0x2003);
  auto const o = decoded(before, r);
  CHECK(only(o).reg == exit::mmio_read::no_register);
  for (unsigned i = 0; i < 32; ++i) CHECK(o.guest.x[i] == before.x[i]);
}

TEST_CASE("a device store hands over the low bytes alone") {
  constexpr std::uint64_t want[] = {0x05, 0x1105, 0x1111'1105, 0x1111'1111'1111'1105};
  for (std::uint64_t funct3 = 0; funct3 < 4; ++funct3) {
    for (bool const compressed : {false, true}) {
      auto const o = decoded(at_uart(store_fault, 5 << 20 | funct3 << 12 | (compressed ? 0x21 : 0x23), 0x20));
      CHECK(
          only(o) ==
          seen_exit{.kind = exit_kind::mmio_write, .number = 0x1000'0020, .value = want[funct3], .size = 1U << funct3});
      CHECK(o.guest.pc == start + (compressed ? 2 : 4));
    }
  }
  CHECK(only(decoded(at_uart(store_fault, 0x3023))).value == 0);
}

TEST_CASE("the two low bits of the address are stval's") {
  CHECK(only(decoded(at_uart(load_fault, 0x0003, 5))).number == 0x1000'0005);
  CHECK(only(decoded(at_uart(load_fault, 0x1003, 6))).number == 0x1000'0006);
  CHECK(only(decoded(at_uart(fetch_fault, 0, 2))).number == 0x1000'0002);
  auto far_away = at_uart(load_fault, 0x0003);
  far_away.htval = 0x01ff'ffff'ffff'ffff;
  CHECK(only(decoded(far_away)).number == 0x07ff'ffff'ffff'fffc);
}

TEST_CASE("a handler that refuses an access leaves PC at it") {
  for (auto const answer : {resume::retry, resume::stop}) {
    auto const o = decoded(at_uart(store_fault, 0x0023), answering(answer));
    CHECK(o.answer == answer);
    CHECK(o.guest.pc == start);
  }
  auto refusing = answering(resume::retry);
  refusing.injects_on_retry = true;
  auto const o = decoded(at_uart(store_fault, 0x0021), refusing);
  CHECK(o.guest.vscause == 7);
  CHECK(o.guest.vsepc == start);
  CHECK(o.guest.vstval == 0xffff'ffc6'0000'0000);
  CHECK(o.guest.pc == 0xffff'ffff'8000'1000);
}

TEST_CASE("the fast tier leaves an exit alone that needs a register out of its reach") {
  for (unsigned reg = 0; reg < 32; ++reg) {
    bool const out_of_reach = reg == 8 || reg == 9 || (reg >= 18 && reg <= 27);
    for (auto const& g : {at_uart(load_fault, 0x2003 | reg << 7), at_uart(store_fault, 0x2023 | reg << 20),
                          trapped(virtual_instruction, with_rd(0xc010'2073, reg)),
                          trapped(virtual_instruction, 0x1800'1073 | reg << 15)}) {
      auto const o = decoded_fast(g);
      CAPTURE(reg, g.scause);
      CHECK(o.told.count == (out_of_reach ? 0 : 1));
      CHECK(o.answer == (out_of_reach ? resume::slow : resume::retry));
      CHECK(o.guest.pc == (out_of_reach ? start : start + 4));
      CHECK(o.guest.stray_registers == 0);
    }
  }
}

TEST_CASE("instructions that are two exits are the slow tier's") {
  for (auto const& g : {at_uart(store_fault, 0x00b0'252f), trapped(virtual_instruction, 0x1805'9573)}) {
    auto const o = decoded_fast(g);
    CHECK(o.told.count == 0);
    CHECK(o.answer == resume::slow);
    CHECK(o.guest.pc == start);
    CHECK(decoded(g).told.count == 2);
  }
}

TEST_CASE("what the fast tier cannot read is the slow tier's") {
  for (auto const& g : {at_uart(load_fault, 0), untold(virtual_instruction, 0x1050'0073), untold(illegal, 0)}) {
    auto const o = decoded_fast(g);
    CHECK(o.told.count == 0);
    CHECK(o.answer == resume::slow);
    CHECK(o.guest.pc == start);
  }
  auto device = at_uart(load_fault, 0);
  calls_only handler;
  fast_handler<calls_only> fast{handler};
  CHECK(riscv64::decode(fast_context{&device}, fast) == resume::slow);
  CHECK(handler.count == 0);
}

TEST_CASE("a tier that can never read instructions says what it knows") {
  CHECK(only(decoded<blind_context>(at_uart(load_fault, 0))) ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x1000'0000, .wanted = access::read});
  CHECK(only(decoded<blind_context>(untold(virtual_instruction, 0x1050'0073))) ==
        seen_exit{.kind = exit_kind::refused_instruction});
  CHECK(only(decoded<blind_context>(untold(illegal, 0x0005'a507))) ==
        seen_exit{.kind = exit_kind::refused_instruction});
}

TEST_CASE("an instruction fetch is a memory fault") {
  CHECK(only(decoded(at_uart(fetch_fault, 0))) ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x1000'0000, .wanted = access::execute});
}

TEST_CASE("a fault of the guest's own walk names its table") {
  for (std::uint64_t const cause : {fetch_fault, load_fault, store_fault}) {
    for (std::uint64_t const read : {0x2000ULL, 0x3000ULL}) {
      auto const o = decoded(at_uart(cause, read, 0x103));
      CHECK(only(o) ==
            seen_exit{.kind = exit_kind::memory_fault, .number = 0x1000'0100, .flag = true, .wanted = access::read});
      CHECK(only(decoded(at_uart(cause, read | 0x20, 0x103))) ==
            seen_exit{.kind = exit_kind::memory_fault, .number = 0x1000'0100, .flag = true, .wanted = access::write});
    }
  }
}

TEST_CASE("interrupts and the machine's errors are the host's") {
  for (std::uint64_t const code : {1ULL, 2ULL, 5ULL, 6ULL, 9ULL, 10ULL, 12ULL, 13ULL, 63ULL}) {
    auto const o = decoded({.scause = 1ULL << 63 | code});
    CHECK(only(o).kind == exit_kind::host_interrupt);
    CHECK(o.guest.pc == start);
  }
  for (std::uint64_t const cause : {1ULL, 5ULL, 7ULL, 19ULL}) {
    CHECK(only(decoded({.scause = cause})) == seen_exit{.kind = exit_kind::host_error, .number = cause});
  }
}

TEST_CASE("the guest's own exceptions that were not delegated are its own nevertheless") {
  for (std::uint64_t const cause : {0ULL, 3ULL, 4ULL, 6ULL, 8ULL, 12ULL, 13ULL, 15ULL, 18ULL}) {
    sim_guest const before{.scause = cause, .stval = 0x1234, .sstatus = cause == 8 ? vu_mode : vs_mode};
    auto const o = decoded(before);
    CAPTURE(cause);
    CHECK(o.told.count == 0);
    CHECK(o.answer == resume::retry);
    CHECK(o.guest.vscause == cause);
    CHECK(o.guest.vstval == 0x1234);
    CHECK(o.guest.vsepc == start);
    CHECK(o.guest.pc == 0xffff'ffff'8000'1000);
    CHECK((o.guest.sstatus & 0x100) != 0);
    CHECK((o.guest.vsstatus & 0x100) == (cause == 8 ? 0 : 0x100));
  }
}

TEST_CASE("no cause is without an answer, and what is not known keeps its word") {
  for (std::uint64_t cause = 0; cause < 70; ++cause) {
    auto const o = decoded({.scause = cause, .stval = 0x1000});
    CHECK(o.told.count <= 1);
    CHECK(o.answer != resume::slow);
    if (cause == 9 || cause == 11 || cause == 14 || cause == 16 || cause == 17 || cause >= 24)
      CHECK(only(o) == seen_exit{.kind = exit_kind::unknown, .number = cause});
  }
  CHECK(only(decoded({.scause = 0x7fff'ffff'ffff'ffff})).kind == exit_kind::unknown);
  CHECK(only(decoded({.scause = 0x1'0000'000a})).kind == exit_kind::unknown);
}

TEST_CASE("the exits that a fast tier looks for first") {
  for (std::uint64_t cause = 0; cause < 64; ++cause) {
    CHECK(riscv64::is_call(cause) == (cause == 10));
    CHECK_FALSE(riscv64::is_call(cause | 1ULL << 63));
    CHECK(riscv64::is_device_access(cause, 0x2003, 0) == (cause == 21));
    CHECK(riscv64::is_device_access(cause, 0x2021, 0) == (cause == 23));
  }
  // Every way to be something else: upper half, distance, other opcodes, low bits 10 and 00, reserved widths.
  for (std::uint64_t const other : {0x1'0000'2003ULL, 0x8000'0000'0000'2003ULL, 0x0000'a003ULL, 0x2007ULL, 0x200bULL,
                                    0x2013ULL, 0x2043ULL, 0x2002ULL, 0x2000ULL, 0x7003ULL, 0ULL}) {
    CAPTURE(other);
    CHECK_FALSE(riscv64::is_device_access(21, other, 0));
    CHECK_FALSE(riscv64::is_device_access(23, other | 0x20, 0));
  }
  CHECK_FALSE(riscv64::is_device_access(23, 0x4023, 0));
  CHECK(riscv64::is_device_access(21, 0x4003, 0));
  for (std::uint64_t funct3 = 0; funct3 < 7; ++funct3) {
    for (std::uint64_t address = 0; address < 16; ++address) {
      bool const aligned = address % (1ULL << (funct3 & 3)) == 0;
      CHECK(riscv64::is_device_access(21, funct3 << 12 | 3, address) == aligned);
      if (funct3 < 4) CHECK(riscv64::is_device_access(23, funct3 << 12 | 0x23, address) == aligned);
    }
  }
}

TEST_CASE("arguments and results are a0 and up, as many as there are") {
  sim_guest g;
  for (unsigned i = 1; i < 32; ++i) g.x[i] = 100 + i;
  fast_context c{&g};
  riscv64::guest_view<fast_context> view{c};
  CHECK(view.argument(0) == 110);
  CHECK(view.argument(6) == 116);
  CHECK(view.argument(7) == 0);
  CHECK(view.argument(~0U) == 0);
  view.set_result(0, 1);
  view.set_result(1, 2);
  view.set_result(2, 3);
  view.set_result(~0U, 3);
  CHECK(g.x[10] == 1);
  CHECK(g.x[11] == 2);
  CHECK(g.x[12] == 112);
}

namespace {
struct machine {
  template <csr>
  [[nodiscard]] static constexpr std::uint64_t read_vs() {
    return 0x2000;
  }
  template <csr>
  static constexpr void write_vs(std::uint64_t) {}
};
}  // namespace

TEST_CASE("the saved frame is a context") {
  riscv64::guest_frame frame{};
  frame.scause = 22;
  frame.stval = 0x1805'9573;
  frame.sepc = 0x1000;
  frame.sstatus = vs_mode;
  frame.x[10] = 5;
  frame.x[11] = 6;
  recorder r;
  r.loads[0] = 7;
  CHECK(riscv64::decode(riscv64::saved_context<machine>{frame}, r) == resume::retry);
  CHECK(r.count == 2);
  CHECK(r.seen[1].value == 6);
  CHECK(frame.x[10] == 7);
  CHECK(frame.sepc == 0x1004);
}

namespace {
// The decoder is pure: the compiler runs it too.
static_assert(only(decoded(trapped(virtual_instruction, 0x1050'0073))).kind == exit_kind::idle);
static_assert(only(decoded(at_uart(load_fault, 0x2003, 0x18))).number == 0x1000'0018);
static_assert(GuestContext<riscv64::guest_view<fast_context>> && GuestContext<riscv64::guest_view<slow_context>>);
}  // namespace

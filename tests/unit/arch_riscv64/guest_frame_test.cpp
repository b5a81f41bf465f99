// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/guest_frame.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::riscv64;

namespace {

struct registers {
  std::uint64_t* vsepc;
  template <csr Id>
  [[nodiscard]] constexpr std::uint64_t read_vs() const {
    return Id == csr::vsepc ? *vsepc : 0;
  }
  template <csr Id>
  constexpr void write_vs(std::uint64_t value) {
    if (Id == csr::vsepc) *vsepc = value;
  }
};
struct registers_and_memory : registers {
  [[nodiscard]] static constexpr result<std::uint32_t, access> fetch(std::uint64_t pc) {
    if (pc % 2 != 0) return failure{access::execute};
    return static_cast<std::uint32_t>(pc);
  }
};
static_assert(TrapContext<saved_context<registers>> && !FetchContext<saved_context<registers>>);
static_assert(FetchContext<saved_context<registers_and_memory>>);

}  // namespace

TEST_CASE("x0 reads zero whatever the frame holds, and numbers past 31 are no registers") {
  guest_frame frame{};
  std::uint64_t vsepc = 0;
  saved_context<registers> c{frame, {&vsepc}};
  for (unsigned n = 0; n < 70; ++n) c.set_x(n, 0x1000 + n);
  CHECK(frame.x[0] == 0);
  for (unsigned n = 1; n < 32; ++n) {
    CHECK(frame.x[n] == 0x1000 + n);
    CHECK(c.x(n) == 0x1000 + n);
  }
  CHECK(c.x(0) == 0);
  CHECK(c.x(32) == 0);
  CHECK(c.x(~0U) == 0);
  CHECK(frame.host_sp == 0);
  CHECK(frame.host_gp == 0);
  for (unsigned n = 0; n < 32; ++n) CHECK(c.holds(n));
}

TEST_CASE("the saved frame speaks for the guest") {
  guest_frame frame{};
  frame.sepc = 1;
  frame.sstatus = 0x2'0000'6100;
  frame.scause = 23;
  frame.stval = 4;
  frame.htval = 5;
  frame.htinst = 6;
  std::uint64_t vsepc = 7;
  saved_context<registers_and_memory> c{frame, {{&vsepc}}};
  CHECK(c.pc() == 1);
  CHECK(c.sstatus() == 0x2'0000'6100);
  CHECK(c.scause() == 23);
  CHECK(c.stval() == 4);
  CHECK(c.htval() == 5);
  CHECK(c.htinst() == 6);
  CHECK(c.read_vs<csr::vsepc>() == 7);
  c.set_pc(0x8020'0004);
  CHECK(frame.sepc == 0x8020'0004);
  auto copy = c;  // a handle: it speaks of the same guest
  copy.write_vs<csr::vsepc>(9);
  CHECK(c.read_vs<csr::vsepc>() == 9);
  CHECK(c.fetch(0x1234).value() == 0x1234);
  CHECK(c.fetch(0x1235).error() == access::execute);
}

TEST_CASE("the mode a guest goes on in is SPP, and nothing else of sstatus changes") {
  guest_frame frame{};
  frame.sstatus = 0x2'0000'6100;
  std::uint64_t vsepc = 0;
  saved_context<registers> c{frame, {&vsepc}};
  CHECK_FALSE(c.from_user());
  c.set_user(true);
  CHECK(frame.sstatus == 0x2'0000'6000);
  CHECK(c.from_user());
  c.set_user(false);
  CHECK(frame.sstatus == 0x2'0000'6100);
}

TEST_CASE("what the calling convention keeps is s0 to s11") {
  std::uint64_t kept = 0;
  for (unsigned n = 0; n < 32; ++n) kept |= std::uint64_t{is_callee_saved(n)} << n;
  CHECK(kept == 0x0ffc'0300);
  CHECK_FALSE(is_callee_saved(40));
}

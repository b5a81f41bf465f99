// SPDX-License-Identifier: BSL-1.0
// Control registers of a stopped guest: what was written arrives, what is refused changes nothing, in both tiers.
#include "support/x86_64_emulated.hpp"
#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/xsetbv_exit.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr guest_event protection = exception_event(exception::gp, 0);
constexpr unsigned length = 3;

/// A guest in PAE paging with 32-bit code; CR3 names the table at 0x120.
sim_guest pae_guest() {
  sim_guest g;
  g.code = code_size::bits_32;
  g.cr0 = 0x8000'0011;
  g.cr4 = 0x20;
  g.cr3 = 0x120;
  return g;
}
sim_guest long_guest() {
  sim_guest g;
  g.cr0 = 0x8001'0011;
  g.cr4 = 0x20;
  g.efer = 0x500;
  g.segments[1].attributes = segment_attributes::code_64;
  return g;
}
x86_handler<> handler() {
  x86_handler<> h;
  h.leaf_1.edx = 0x0380'f9ff & ~(1U << 9);
  h.leaf_7.ebx = 1U << 7 | 1U << 20;
  h.extended_1.edx = 1U << 29 | 1U << 20 | 1U << 11;
  h.extended_8.eax = 0x3028;  // 40 bits
  return h;
}

/// Refused: the guest has a #GP(0), and nothing else has changed.
bool nothing_but_protection(sim_guest const& before, sim_guest const& after) {
  sim_guest expected = before;
  expected.events[0] = protection;
  expected.raised = 1;
  return after == expected;
}

struct keeping_context : slow_context {
  pdpte_set* kept;
  constexpr void set_pdptes(pdpte_set const& p) const { *kept = p; }
};
static_assert(TakesPdptes<keeping_context> && !TakesPdptes<slow_context>);

struct written_xcr0 {
  static inline std::uint64_t value = 0;
  static inline unsigned writes = 0;
  static std::uint64_t xgetbv(std::uint32_t) { return value; }
  static void xsetbv(std::uint32_t, std::uint64_t v) {
    value = v;
    ++writes;
  }
};

}  // namespace

TEST_CASE("a write that is allowed arrives, and the guest is behind the instruction") {
  sim_guest g = long_guest();
  slow_context c{&g};
  auto h = handler();
  CHECK(answer_cr_write(c, h, 0, 0x8005'003b, length) == resume::retry);
  CHECK(g.cr0 == 0x8005'003b);
  CHECK(answer_cr_write(c, h, 4, 0x20a0, length) == resume::retry);  // VMXE is not offered
  CHECK(g.cr4 == 0x20);
  CHECK(g.raised == 1);
  CHECK(answer_cr_write(c, h, 4, 0x30'06a0, length) == resume::retry);
  CHECK(g.cr4 == 0x30'06a0);
  CHECK(g.forgets == 1);
  CHECK(answer_cr_write(c, h, 3, 0xff'ffff'f000, length) == resume::retry);
  CHECK(g.cr3 == 0xff'ffff'f000);
  CHECK(g.forgets == 2);
  CHECK(g.steps == 3);
  CHECK(g.rip == 0x1000 + 3 * length);
  CHECK(h.count == 0);
}

TEST_CASE("a write that is refused changes nothing") {
  for (unsigned number : {0U, 3U, 4U, 8U}) {
    for (unsigned n = 0; n < 64; ++n) {
      sim_guest g = long_guest();
      sim_guest const before = g;
      slow_context c{&g};
      auto h = handler();
      std::uint64_t const base = number == 0 ? g.cr0 : number == 4 ? g.cr4 : 0;
      CAPTURE(number, n);
      CHECK(answer_cr_write(c, h, number, base ^ std::uint64_t{1} << n, length) == resume::retry);
      // One of both: done, or refused without a trace.
      if (g.steps == 1) {
        CHECK(g.raised == 0);
      } else {
        CHECK(nothing_but_protection(before, g));
        CHECK(h.count == 0);
      }
    }
  }
}

TEST_CASE("outside of 64-bit mode a write has 32 bits") {
  sim_guest g = pae_guest();
  g.cr4 = 0;
  slow_context c{&g};
  auto h = handler();
  CHECK(answer_cr_write(c, h, 3, 0xdead'beef'0000'3000, length) == resume::retry);
  CHECK(g.cr3 == 0x3000);
  CHECK(g.raised == 0);
  g.cr3 = 0x5'0000'3000;
  CHECK(answer_cr_read(c, h, 3, 6, length) == resume::retry);
  CHECK(g.gpr[6] == 0x3000);
}

TEST_CASE("a write that starts long mode sets LMA") {
  sim_guest g = long_guest();
  g.segments[1].attributes = segment_attributes::code_32;
  g.code = code_size::bits_32;
  g.cr0 = 0x11;
  g.efer = 0x100;
  slow_context c{&g};
  auto h = handler();
  CHECK(answer_cr_write(c, h, 0, 0x8000'0011, length) == resume::retry);
  CHECK(g.efer == 0x500);
  CHECK(g.forgets == 1);
}

TEST_CASE("PAE paging: the four entries are looked at, and kept where the extension wants them") {
  std::uint64_t const good[4] = {0x2001, 0, 0xff'ffff'f019, 0xe01};
  auto h = handler();
  for (unsigned n = 0; n < 4; ++n) h.memory.put64(0x120 + 8 * n, good[n]);
  sim_guest g = pae_guest();
  pdpte_set kept{};
  keeping_context c{{&g}, &kept};
  CHECK(answer_cr_write(c, h, 3, 0x12f, length) == resume::retry);  // bits below 5 are not part of the address
  CHECK(g.cr3 == 0x12f);
  CHECK(kept == pdpte_set{{0x2001, 0, 0xff'ffff'f019, 0xe01}});
  CHECK(h.memory.asked == 1);

  for (unsigned entry = 0; entry < 4; ++entry) {
    for (unsigned n = 1; n < 64; ++n) {
      auto bad = handler();
      for (unsigned m = 0; m < 4; ++m) bad.memory.put64(0x120 + 8 * m, good[m]);
      bad.memory.put64(0x120 + 8 * entry, 1 | std::uint64_t{1} << n);
      sim_guest before = pae_guest();
      sim_guest now = before;
      pdpte_set untouched{};
      keeping_context k{{&now}, &untouched};
      bool const reserved = n == 1 || n == 2 || (n >= 5 && n <= 8) || n >= 40;
      CAPTURE(entry, n);
      answer_cr_write(k, bad, 4, 0xa0, length);  // PGE
      if (reserved) {
        CHECK(nothing_but_protection(before, now));
        CHECK(untouched == pdpte_set{});
      } else {
        CHECK(now.cr4 == 0xa0);
        CHECK(now.steps == 1);
      }
    }
  }
}

TEST_CASE("PAE paging: a table that is not in memory") {
  sim_guest g = pae_guest();
  sim_guest const before = g;
  slow_context c{&g};
  auto h = handler();
  CHECK(answer_cr_write(c, h, 3, 0xffff'ffe0, length) == resume::retry);
  CHECK(nothing_but_protection(before, g));
}

TEST_CASE("EFER by WRMSR's way") {
  sim_guest g = long_guest();
  slow_context c{&g};
  auto h = handler();
  CHECK(x86_64::detail::write_efer(c, h, 0xd01, length) == resume::retry);
  CHECK(g.efer == 0xd01);
  CHECK(x86_64::detail::write_efer(c, h, 0x1d01, length) == resume::retry);  // SVME
  CHECK(g.efer == 0xd01);
  CHECK(g.raised == 1);
  CHECK(g.events[0] == protection);
}

TEST_CASE("CR8 is the handler's") {
  sim_guest g = long_guest();
  slow_context c{&g};
  auto h = handler();
  CHECK(answer_cr_write(c, h, 8, 15, length) == resume::retry);
  REQUIRE(h.count == 1);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::register_write, .number = 0xffff'0008, .value = 15});
  h.loads[1] = 0x1'0000'0007;
  CHECK(answer_cr_read(c, h, 8, 13, length) == resume::retry);
  CHECK(h.seen[1] == seen_exit{.kind = exit_kind::register_read, .number = 0xffff'0008, .reg = 13});
  CHECK(g.gpr[13] == 0x1'0000'0007);
  CHECK(g.gpr[0] == 0);
  CHECK(g.rip == 0x1000 + 2 * length);
  CHECK(answer_cr_write(c, h, 8, 16, length) == resume::retry);
  CHECK(h.count == 2);
  CHECK(g.events[0] == protection);
}

TEST_CASE("control registers that do not exist") {
  for (unsigned number = 0; number < 16; ++number) {
    bool const readable = number == 0 || (number >= 2 && number <= 4) || number == 8;
    bool const writable = readable && number != 2;
    auto h = handler();
    sim_guest g = long_guest();
    slow_context c{&g};
    answer_cr_read(c, h, number, 1, length);
    CHECK(g.raised == (readable ? 0U : 1U));
    sim_guest w = long_guest();
    slow_context k{&w};
    answer_cr_write(k, h, number, number == 0 ? w.cr0 : number == 4 ? w.cr4 : 0, length);
    CAPTURE(number);
    CHECK(w.raised == (writable ? 0U : 1U));
    if (!writable) CHECK(w.events[0] == exception_event(exception::ud));
  }
}

TEST_CASE("the fast tier reads into registers that it has") {
  auto h = handler();
  fast_handler<x86_handler<>> fast{h};
  for (unsigned n = 0; n < 16; ++n) {
    sim_guest g = long_guest();
    sim_guest const before = g;
    fast_context c{&g};
    auto const answer = answer_cr_read(c, fast, 0, n, length);
    CAPTURE(n);
    CHECK(g.stray_registers == 0);
    if (n == 5 || n >= 12) {
      CHECK(answer == resume::slow);
      CHECK(g == before);
    } else {
      CHECK(answer == resume::retry);
      CHECK(g.gpr[n] == 0x8001'0011);
    }
  }
}

TEST_CASE("CLTS, LMSW") {
  auto h = handler();
  sim_guest g = long_guest();
  g.cr0 |= 8;
  slow_context c{&g};
  CHECK(answer_clts(c, h, 2) == resume::retry);
  CHECK(g.cr0 == 0x8001'0011);
  CHECK(answer_lmsw(c, h, 0xffff'fffe, length) == resume::retry);  // PE stays
  CHECK(g.cr0 == 0x8001'001f);
  CHECK(answer_lmsw(c, h, 0, length) == resume::retry);
  CHECK(g.cr0 == 0x8001'0011);
  sim_guest real;
  real.cr0 = 0x10;
  slow_context r{&real};
  CHECK(answer_lmsw(r, h, 0xfff1, length) == resume::retry);
  CHECK(real.cr0 == 0x11);
}

TEST_CASE("control registers are the guest's kernel's, whatever the processor has let pass") {
  auto h = handler();
  sim_memory<0x2000> m{};
  for (unsigned cpl = 1; cpl < 4; ++cpl) {
    sim_guest before = long_guest();
    before.cpl = cpl;
    auto const refused = [&](auto const& answer) {
      sim_guest g = before;
      slow_context c{&g};
      CHECK(answer(c) == resume::retry);
      CHECK(nothing_but_protection(before, g));
    };
    for (unsigned number : {0U, 3U, 4U, 8U}) {
      refused([&](slow_context& c) { return answer_cr_write(c, h, number, 1, length); });
      refused([&](slow_context& c) { return answer_cr_read(c, h, number, 1, length); });
    }
    refused([&](slow_context& c) { return answer_clts(c, h, 2); });
    refused([&](slow_context& c) { return answer_lmsw(c, h, 1, length); });
    intercepted_instruction const smsw{.what = intercepted::smsw, .length = 3, .reg = {1, 4, false}};
    sim_guest g = before;
    slow_context c{&g};
    CHECK(answer_smsw(c, m, h, smsw) == resume::retry);
    CHECK(g.gpr[1] == 0x8001'0011);
    before.cr4 |= 1U << 11;
    refused([&](slow_context& k) { return answer_smsw(k, m, h, smsw); });
  }
  CHECK(h.count == 0);
}

TEST_CASE("SMSW to registers and to memory") {
  auto h = handler();
  sim_memory<0x2000> m{};
  sim_guest g = long_guest();
  for (auto& r : g.gpr) r = 0x1111'2222'3333'4444;
  slow_context c{&g};
  CHECK(answer_smsw(c, m, h, {.what = intercepted::smsw, .length = 4, .reg = {0, 2, false}}) == resume::retry);
  CHECK(g.gpr[0] == 0x1111'2222'3333'0011);
  CHECK(answer_smsw(c, m, h, {.what = intercepted::smsw, .length = 3, .reg = {1, 4, false}}) == resume::retry);
  CHECK(g.gpr[1] == 0x8001'0011);
  CHECK(answer_smsw(c, m, h, {.what = intercepted::smsw, .length = 4, .reg = {2, 8, false}}) == resume::retry);
  CHECK(g.gpr[2] == 0x8001'0011);
  CHECK(g.rip == 0x1000 + 11);
  intercepted_instruction to_memory{
      .what = intercepted::smsw, .length = 3, .size = 2, .has_memory = true, .memory = {.base = 3, .address_size = 8}};
  for (std::uint64_t at : {0x100U, 0xfffU}) {
    g.gpr[3] = at;
    CHECK(answer_smsw(c, m, h, to_memory) == resume::retry);
    CHECK(m.get({at}, 2) == 0x0011);
  }
  CHECK(m.writes == 3);
  m.device_from = 0x200;
  m.device_to = 0x300;
  g.gpr[3] = 0x200;
  CHECK(answer_smsw(c, m, h, to_memory) == resume::retry);
  REQUIRE(h.count == 1);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::mmio_write, .number = 0x200, .value = 0x11, .size = 2});
  // Not there: the walk has said so, and nothing was written.
  m.refuses_at = 0x1000;
  g.gpr[3] = 0xfff;
  auto const rip = g.rip;
  CHECK(answer_smsw(c, m, h, to_memory) == resume::retry);
  CHECK(g.rip == rip);
  CHECK(m.writes == 3);
  fast_handler<x86_handler<>> fast{h};
  fast_context f{&g};
  CHECK(answer_smsw(f, m, fast, to_memory) == resume::slow);
  CHECK(answer_smsw(f, m, fast, {.what = intercepted::smsw, .length = 4, .reg = {12, 8, false}}) == resume::slow);
  CHECK(g.stray_registers == 0);
}

TEST_CASE("XSETBV") {
  auto h = handler();
  h.leaf_d.eax = 0x207;
  auto const run = [&](std::uint64_t index, std::uint64_t value, std::uint64_t cr4 = 0x4'0000, unsigned cpl = 0) {
    sim_guest g = long_guest();
    g.cr4 |= cr4;
    g.cpl = cpl;
    g.gpr[0] = (value & 0xffff'ffff) | 0xdead'0000'0000'0000;  // upper halves do not count
    g.gpr[1] = index | 0xbeef'0000'0000'0000;
    g.gpr[2] = value >> 32;
    slow_context c{&g};
    written_xcr0::writes = 0;
    CHECK(answer_xsetbv<written_xcr0>(c, h, length) == resume::retry);
    CHECK(g.raised + g.steps == 1);
    CHECK(written_xcr0::writes == g.steps);
    return g;
  };
  CHECK(run(0, 7).steps == 1);
  CHECK(written_xcr0::value == 7);
  CHECK(run(0, 0x207).steps == 1);
  CHECK(written_xcr0::value == 0x207);
  CHECK(run(0, 1).steps == 1);
  for (std::uint64_t bad : {0x0ULL, 0x6ULL, 0x5ULL, 0xfULL, 0xe7ULL, 0x8000'0000'0000'0001ULL, 0x1'0000'0007ULL})
    CHECK(run(0, bad).events[0] == protection);
  CHECK(run(1, 7).events[0] == protection);
  CHECK(run(0xffff'ffff, 7).events[0] == protection);
  CHECK(run(0, 7, 0x4'0000, 3).events[0] == protection);
  CHECK(run(0, 7, 0).events[0] == exception_event(exception::ud));
}

// SPDX-License-Identifier: BSL-1.0
// Walks of all modes over random tables against a slow walker, with the entries that they mark; and what happens when
// somebody writes the tables meanwhile.
#include "support/x86_guest_memory.hpp"
#include "support/x86_guest_walker.hpp"

#include <axhal/arch/x86_64/guest_walk.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <map>
#include <random>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

using axhal::access;  // not the one of unistd.h

constexpr std::uint64_t pages = 32;
constexpr std::uint64_t accessed = 0x20;
constexpr std::uint64_t dirty = 0x40;
using random = std::mt19937_64;

bool one_in(random& r, unsigned n) { return r() % n == 0; }

/// An entry that leads somewhere, nearly always: into the RAM, where all is entries.
std::uint64_t entry(random& r, bool wide) {
  std::uint64_t e = r() % pages << 12 | (r() & 0xf66) | 1;
  if (one_in(r, 3)) e |= 6;
  if (one_in(r, 4)) e |= 0x80;
  if (one_in(r, 24)) e &= ~std::uint64_t{1};
  if (one_in(r, 24)) e |= 1ULL << r() % 32;
  if (wide) {
    if (one_in(r, 24)) e |= 1ULL << (32 + r() % 32);
    if (one_in(r, 6)) e |= 1ULL << 63;
    if (one_in(r, 12)) e |= 1ULL << (52 + r() % 11);
    if ((e & 0x80) != 0 && !one_in(r, 6)) e &= ~(low_bits(one_in(r, 2) ? 21 : 30) & ~low_bits(13));
  } else if ((e & 0x80) != 0 && one_in(r, 2)) {
    e = (e & 0x1fff) | (r() & 0xffc0'0000) | (r() & (one_in(r, 2) ? 0x1e000 : 0x3f'e000));
  }
  return e;
}

/// Entries of PAE's highest table have more reserved bits: most of them would be refused.
void fill(random& r, paged_ram& ram, paging_mode mode) {
  bool const wide = mode != paging_mode::two_levels;
  unsigned const size = wide ? 8 : 4;
  for (std::uint64_t at = 0; at < pages * 4096; at += size) ram.put(at, entry(r, wide), size);
  if (mode != paging_mode::pae) return;
  for (std::uint64_t at = 0; at < 4096; at += 8) {
    if (!one_in(r, 4)) ram.put(at, r() % pages << 12 | (r() & 0xe18) | 1);
  }
}

void set_mode(random& r, sim_guest& g, paging_mode mode) {
  g.cr0 = 0x8000'0011 | (one_in(r, 2) ? 0x1'0000 : 0);
  g.cr4 = (r() & 0x30'0010) | (mode != paging_mode::two_levels ? 0x20 : 0);
  g.efer = one_in(r, 2) ? 0x800 : 0;
  if (mode >= paging_mode::four_levels) g.efer |= 0x500;
  if (mode == paging_mode::five_levels) g.cr4 |= 0x1000;
  if (mode == paging_mode::none) g.cr0 &= ~std::uint64_t{0x8000'0000};
  g.cr3 = (mode == paging_mode::pae ? r() % 128 << 5 : r() % pages << 12) | (r() & 0x18);
  if (one_in(r, 50)) g.cr3 |= pages << 12;
  g.cpl = one_in(r, 2) ? 3 : 0;
  g.rflags = 2 | (one_in(r, 2) ? 0x4'0000 : 0);
}

x86_guest_walker model_of(sim_guest const& g, paged_ram const& ram) {
  x86_guest_walker w;
  w.load = [&ram](std::uint64_t at, unsigned size) { return ram.get(at, size); };
  w.cr0 = g.cr0;
  w.cr3 = g.cr3;
  w.cr4 = g.cr4;
  w.efer = g.efer;
  w.rflags = g.rflags;
  w.physical_bits = ram.limits_.physical_bits;
  w.pages_1g = ram.limits_.pages_1g;
  return w;
}

struct tally {
  unsigned pages{}, faults{}, reserved{}, refused{}, outside{}, large{};
};

/// One walk, by both.
void compare(random& r, sim_guest& g, paged_ram& ram, paging_mode mode, tally& t) {
  auto model = model_of(g, ram);
  constexpr access kinds[] = {access::read, access::write, read_write, access::execute};
  access const wanted = kinds[r() % 4];
  auto const who = static_cast<accessor>(r() % 3);
  model.user = who == accessor::user;
  model.implicit = who == accessor::processor;
  model.writes = has(wanted, access::write);
  model.fetches = wanted == access::execute;
  std::uint64_t linear = r();
  if (mode <= paging_mode::pae) linear &= 0xffff'ffff;
  if (mode == paging_mode::four_levels) linear = sign_extend(linear, 48);
  if (mode == paging_mode::five_levels) linear = sign_extend(linear, 57);
  auto const expected = model.walk(linear);
  auto const before = ram;
  auto const found = translate(slow_context{&g}, ram, {linear}, wanted, who);
  INFO("mode " << int(mode) << " linear " << std::hex << linear << " cr0 " << g.cr0 << " cr3 " << g.cr3 << " cr4 "
               << g.cr4 << " efer " << g.efer << " wanted " << int(wanted) << " who " << int(who));
  switch (expected.end) {
    case x86_guest_walker::end::page:
      REQUIRE(found);
      REQUIRE(found->value == expected.address);
      ++t.pages;
      t.large += expected.marked.size() < unsigned(mode) + 1 - (mode == paging_mode::pae ? 1 : 0);
      break;
    case x86_guest_walker::end::fault:
      REQUIRE_FALSE(found);
      REQUIRE(found.error().why == access_refusal::kind::event);
      REQUIRE(found.error().event == exception_event(exception::pf, expected.code));
      REQUIRE(found.error().linear == linear);
      ++((expected.code & 8) != 0 ? t.reserved : (expected.code & 1) != 0 ? t.refused : t.faults);
      break;
    case x86_guest_walker::end::outside:
      REQUIRE_FALSE(found);
      REQUIRE(found.error().why == access_refusal::kind::outside);
      REQUIRE(found.error().address.value == expected.address);
      REQUIRE(found.error().walk);
      ++t.outside;
      break;
  }
  unsigned const size = mode == paging_mode::two_levels ? 4 : 8;
  for (std::uint64_t at = 0; at < pages * 4096; at += size) {
    auto const marked = expected.marked.find(at);
    auto const value = marked != expected.marked.end() ? marked->second : *before.get(at, size);
    if (*ram.get(at, size) != value) FAIL("entry at " << std::hex << at);
  }
}

void compare_many(paging_mode mode, unsigned seed) {
  random r{seed};
  tally t;
  for (unsigned round = 0; round < 12; ++round) {
    paged_ram ram{pages};
    constexpr std::uint8_t widths[] = {32, 36, 39, 40, 46, 52};
    ram.limits_ = {widths[r() % 6], one_in(r, 2)};
    fill(r, ram, mode);
    for (unsigned n = 0; n < 60; ++n) {
      sim_guest g;
      set_mode(r, g, mode);
      compare(r, g, ram, mode, t);
    }
  }
  // The tables are random enough to come to every end.
  CHECK(t.pages > 20);
  if (mode == paging_mode::none) return;
  CHECK(t.faults > 20);
  CHECK(t.refused > 20);
  CHECK(t.outside > 5);
  CHECK(t.large > 5);
  CHECK(t.reserved > 5);
}

/// A guest of four levels with one page.
struct one_page {
  sim_guest guest{};
  paged_ram ram{64};
  static constexpr std::uint64_t linear = 0xffff'8123'4567'8000;

  explicit one_page(std::uint64_t flags = 0x03) { map_64(guest, ram, linear, 0x9000, flags); }
  auto look(access wanted = access::read) { return translate(slow_context{&guest}, ram, {linear + 0x123}, wanted); }
  [[nodiscard]] std::uint64_t leaf() const { return *ram.get(0x4000 + 8 * (linear >> 12 & 511)); }
};

}  // namespace

TEST_CASE("random tables of every kind are walked as the manual says") {
  compare_many(paging_mode::none, 1);
  compare_many(paging_mode::two_levels, 2);
  compare_many(paging_mode::pae, 3);
  compare_many(paging_mode::four_levels, 4);
  compare_many(paging_mode::five_levels, 5);
}

TEST_CASE("the mode is the registers'") {
  CHECK(paging_mode_of(0x11, 0x1030, 0x500) == paging_mode::none);
  CHECK(paging_mode_of(0x8000'0011, 0x1010, 0x500) == paging_mode::two_levels);
  CHECK(paging_mode_of(0x8000'0011, 0x1020, 0x100) == paging_mode::pae);
  CHECK(paging_mode_of(0x8000'0011, 0x20, 0x500) == paging_mode::four_levels);
  CHECK(paging_mode_of(0x8000'0011, 0x1020, 0x500) == paging_mode::five_levels);
}

TEST_CASE("a read marks entries accessed, a write the page dirty as well") {
  one_page m;
  REQUIRE(m.look()->value == 0x9123);
  CHECK(m.leaf() == (0x9003 | accessed));
  REQUIRE(m.look(access::write)->value == 0x9123);
  CHECK(m.leaf() == (0x9003 | accessed | dirty));
  CHECK(*m.ram.get(0x1000 + 8 * (one_page::linear >> 39 & 511)) == (0x2000 | table_flags));
}

TEST_CASE("a walk that is refused marks nothing") {
  one_page m{0x01};
  auto const found = m.look(access::write);
  REQUIRE_FALSE(found);
  CHECK(found.error().event == exception_event(exception::pf, 3));
  CHECK(m.leaf() == 0x9001);
}

TEST_CASE("an entry that changes between its reading and its marking is read again") {
  one_page m;
  std::uint64_t const pde = 0x3000 + 8 * (one_page::linear >> 21 & 511);
  m.ram.put(pde, 0x4000 | 7);  // not accessed yet
  bool done = false;
  m.ram.on_look = [&](std::uint64_t at) {
    if (done || at >> 12 != 4) return;
    done = true;
    // Another CPU moves the table, and takes the page away there.
    m.ram.put(pde, 0x5000 | 7);
  };
  auto const found = m.look();
  REQUIRE_FALSE(found);
  CHECK(found.error().event == exception_event(exception::pf, 0));
  CHECK(m.leaf() == 0x9003);
  CHECK(*m.ram.get(pde) == (0x5000 | 7));  // it leads nowhere, so nothing is marked
}

TEST_CASE("tables that never stay as they are end the walk") {
  one_page m;
  std::uint64_t const pml4e = 0x1000 + 8 * (one_page::linear >> 39 & 511);
  m.ram.put(pml4e, 0x2007);
  unsigned looks = 0;
  m.ram.on_look = [&](std::uint64_t at) {
    if (at >> 12 == 4) m.ram.put(pml4e, *m.ram.get(pml4e) ^ 0x200);
    ++looks;
  };
  auto const found = m.look();
  REQUIRE_FALSE(found);
  CHECK(found.error().why == access_refusal::kind::moving);
  CHECK(looks == 4 * walk_attempts);
}

TEST_CASE("a table outside of the RAM is told with its entry") {
  one_page m;
  m.guest.cr3 = 0x7000'0000'0000;
  auto const found = m.look();
  REQUIRE_FALSE(found);
  CHECK(found.error().why == access_refusal::kind::outside);
  CHECK(found.error().address.value == 0x7000'0000'0000 + 8 * (one_page::linear >> 39 & 511));
  CHECK(found.error().wanted == access::read);
  CHECK(found.error().walk);
}

TEST_CASE("PAE's highest entries are the processor's where it keeps them") {
  struct keeping : slow_context {
    [[nodiscard]] static std::uint64_t pdpte(unsigned n) { return n == 2 ? 0x3001 : 0; }
  };
  static_assert(KeepsPdptes<keeping>);
  sim_guest g;
  g.cr0 = 0x8001'0011;
  g.cr4 = 0x20;
  g.cr3 = 0xffff'ffe0;  // not looked at
  paged_ram ram{16};
  ram.put(0x3000, 0x4007);
  ram.put(0x4000, 0x8007);
  keeping const c{{&g}};
  CHECK(translate(c, ram, {0x8000'0042}, access::read)->value == 0x8042);
  CHECK(translate(c, ram, {0x4000'0042}, access::read).error().event == exception_event(exception::pf, 0));
}

TEST_CASE("CPL 3 is user mode, and the processor's own accesses are not") {
  one_page m;
  m.guest.cpl = 3;
  CHECK(m.look().error().event == exception_event(exception::pf, 5));
  auto const own = translate(slow_context{&m.guest}, m.ram, {one_page::linear}, access::read, accessor::processor);
  CHECK(own->value == 0x9000);
}

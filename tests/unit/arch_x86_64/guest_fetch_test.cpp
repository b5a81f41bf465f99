// SPDX-License-Identifier: BSL-1.0
// Bytes at a guest's RIP: pages, the code segment, what refuses; the length of the instruction that stopped a guest;
// and the short way, which finds what the long one finds.
#include "support/x86_guest_memory.hpp"

#include <axhal/arch/x86_64/guest_fetch.hpp>
#include <axhal/arch/x86_64/intercepted_length.hpp>
#include <axhal/arch/x86_64/mmio_decoder.hpp>
#include <axhal/arch/x86_64/quick_fetch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr std::uint64_t linear = 0xffff'ffff'8100'0000;

/// 64-bit code in one page, and none after it.
struct code_machine {
  sim_guest guest{};
  memory_handler handler{};

  code_machine() { map_64(guest, ram(), linear, 0x9000); }
  paged_ram& ram() { return handler.memory; }
  slow_context context() { return {&guest}; }
  /// Puts `code` where its first byte is `offset` bytes into the page, whose next one may lie elsewhere.
  template <std::size_t N>
  void put(std::uint64_t offset, std::uint8_t const (&code)[N], std::uint64_t next_page = 0xa000) {
    guest.rip = linear + offset;
    for (std::size_t n = 0; n < N; ++n) {
      std::uint64_t const at = offset + n;
      ram().put(at < 0x1000 ? 0x9000 + at : next_page + (at - 0x1000), code[n], 1);
    }
  }
  void map_next(std::uint64_t page, std::uint64_t flags = kernel_flags) {
    ram().put(0x4000 + 8 * ((linear >> 12 & 511) + 1), page | flags);
  }
  auto length(intercepted what) { return intercepted_length(context(), handler, what); }
};

/// 16-bit or 32-bit code without paging, in a segment.
struct flat_machine {
  sim_guest guest{};
  memory_handler handler{};

  explicit flat_machine(code_size mode, std::uint64_t base, std::uint32_t limit) {
    guest.code = mode;
    guest.segments[1] = {.selector = 8, .attributes = segment_attributes::code_32, .limit = limit, .base = base};
  }
};

constexpr std::uint8_t cpuid[] = {0x0f, 0xa2};
constexpr std::uint8_t long_load[] = {0x8b, 0x81, 0x78, 0x56, 0x34, 0x12};  // mov eax,[rcx+12345678]
auto const decode = [](bytes code, code_size mode) { return decode_instruction(code, mode); };

}  // namespace

TEST_CASE("fifteen bytes are fetched, or those before the next page") {
  code_machine m;
  for (unsigned n = 0; n < 4096; ++n) m.ram().put(0x9000 + n, n & 0xff, 1);
  m.guest.rip = linear + 0x123;
  auto const all = fetch_instruction(m.context(), m.ram());
  REQUIRE(all->size == 15);
  CHECK(all->data[0] == 0x23);
  CHECK(all->data[14] == 0x31);
  m.guest.rip = linear + 0xffd;
  auto const three = fetch_instruction(m.context(), m.ram());
  REQUIRE(three->size == 3);
  CHECK(three->data[2] == 0xff);
}

TEST_CASE("an instruction that goes on in the next page is fetched from wherever that lies") {
  for (std::uint64_t split = 1; split < sizeof long_load; ++split) {
    code_machine m;
    m.map_next(0x1'2000);
    m.put(0x1000 - split, long_load, 0x1'2000);
    auto const i = decode_at_rip(m.context(), m.ram(), decode);
    REQUIRE(i);
    CHECK(i->length == 6);
    CHECK(i->memory.displacement == 0x1234'5678);
    CHECK((*m.ram().get(0x4000 + 8) & 0x20) != 0);
  }
}

TEST_CASE("the next page is left alone when the instruction ends before it") {
  code_machine m;
  m.put(0x1000 - sizeof long_load, long_load);
  CHECK(decode_at_rip(m.context(), m.ram(), decode)->length == 6);
}

TEST_CASE("the fault of the second page names its first byte") {
  code_machine m;
  m.put(0xffe, long_load);
  auto const i = decode_at_rip(m.context(), m.ram(), decode);
  REQUIRE_FALSE(i);
  CHECK(i.error().why == undecoded::truncated);
  CHECK(i.error().refusal.event == exception_event(exception::pf, 0x10));
  CHECK(i.error().refusal.linear == linear + 0x1000);
}

TEST_CASE("code that is not to be executed, or the users', is not fetched") {
  code_machine m;
  m.put(0, cpuid);
  std::uint64_t const pte = 0x4000 + 8 * (linear >> 12 & 511);
  m.ram().put(pte, 0x9000 | kernel_flags | 1ULL << 63);
  CHECK(fetch_instruction(m.context(), m.ram()).error().event == exception_event(exception::pf, 0x11));
  m.ram().put(pte, 0x9000 | user_flags);
  CHECK(fetch_instruction(m.context(), m.ram()));
  m.guest.cr4 |= 1U << 20;  // SMEP
  CHECK(fetch_instruction(m.context(), m.ram()).error().event == exception_event(exception::pf, 0x11));
  m.guest.cpl = 3;
  CHECK(fetch_instruction(m.context(), m.ram()));
  m.ram().put(pte, 0x9000 | kernel_flags);
  CHECK(fetch_instruction(m.context(), m.ram()).error().event == exception_event(exception::pf, 0x15));
}

TEST_CASE("RIP that is not canonical is a #GP") {
  code_machine m;
  m.guest.rip = 0x0000'8000'0000'0000;
  CHECK(fetch_instruction(m.context(), m.ram()).error().event == exception_event(exception::gp, 0));
  m.guest.cr4 |= 1U << 12;  // LA57: it is canonical now, and the tables do not have it
  CHECK(fetch_instruction(m.context(), m.ram()).error().why == access_refusal::kind::event);
  CHECK(fetch_instruction(m.context(), m.ram()).error().event.vector == 14);
}

TEST_CASE("outside of 64-bit mode code ends with its segment") {
  flat_machine m{code_size::bits_32, 0x2000, 0x10f};
  m.guest.rip = 0x10b;
  m.handler.memory.put(0x210b, long_load);
  auto const cut = fetch_instruction(slow_context{&m.guest}, m.handler.memory);
  REQUIRE(cut->size == 5);
  auto const i = decode_at_rip(slow_context{&m.guest}, m.handler.memory, decode);
  REQUIRE_FALSE(i);
  CHECK(i.error().refusal.event == exception_event(exception::gp, 0));
  m.guest.segments[1].limit = 0x110;
  CHECK(decode_at_rip(slow_context{&m.guest}, m.handler.memory, decode)->length == 6);
  m.guest.rip = 0x111;
  CHECK(fetch_instruction(slow_context{&m.guest}, m.handler.memory).error().event == exception_event(exception::gp, 0));
}

TEST_CASE("a #GP in real mode has no error code") {
  flat_machine m{code_size::bits_16, 0xf'0000, 0xffff};
  m.guest.cr0 = 0x10;
  m.guest.rip = 0x1'0000;
  CHECK(fetch_instruction(slow_context{&m.guest}, m.handler.memory).error().event == exception_event(exception::gp));
}

TEST_CASE("a 32-bit segment's addresses wrap at 4 GiB") {
  flat_machine m{code_size::bits_32, 0xffff'f000, 0xffff'ffff};
  m.guest.rip = 0x3000;
  m.handler.memory.put(0x2000, cpuid);
  auto const code = fetch_instruction(slow_context{&m.guest}, m.handler.memory);
  REQUIRE(code);
  CHECK(code->data[1] == 0xa2);
}

TEST_CASE("code outside of the RAM is told to the handler") {
  code_machine m;
  m.ram().put(0x4000 + 8 * (linear >> 12 & 511), 0xfee0'0000 | kernel_flags);
  m.guest.rip = linear + 8;
  m.handler.answers[0] = resume::stop;
  auto const l = m.length(intercepted::cpuid);
  REQUIRE_FALSE(l);
  CHECK(l.error() == resume::stop);
  CHECK(m.handler.seen[0] ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0xfee0'0008, .wanted = axhal::access::execute});
  // How long the instruction is nobody knows: it is not stepped over.
  m.handler.answers[1] = resume::next_instruction;
  CHECK(m.length(intercepted::cpuid).error() == resume::retry);
  CHECK(m.guest.steps == 0);
}

TEST_CASE("a table outside of the RAM is told as a walk") {
  code_machine m;
  m.guest.cr3 = 0x1234'5000;
  m.guest.rip = linear;
  CHECK(m.length(intercepted::cpuid).error() == resume::retry);
  CHECK(m.handler.seen[0] ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x1234'5ff8, .flag = true, .wanted = axhal::access::read});
}

TEST_CASE("an intercepted instruction has its length, with prefixes and without") {
  code_machine m;
  m.put(0x40, cpuid);
  CHECK(*m.length(intercepted::cpuid) == 2);
  constexpr std::uint8_t prefixed[] = {0x66, 0x48, 0x0f, 0xa2};
  m.put(0x80, prefixed);
  CHECK(*m.length(intercepted::cpuid) == 4);
  constexpr std::uint8_t vmmcall[] = {0x0f, 0x01, 0xd9};
  m.put(0x80, vmmcall);
  CHECK(*m.length(intercepted::vmmcall) == 3);
  constexpr std::uint8_t invlpg[] = {0x0f, 0x01, 0xbc, 0x24, 4, 3, 2, 1};
  m.put(0x80, invlpg);
  CHECK(*m.length(intercepted::invlpg) == 8);
  CHECK(m.guest.raised == 0);
  CHECK(m.handler.count == 0);
}

TEST_CASE("at the end of a page an instruction is found as well") {
  code_machine m;
  for (std::uint64_t offset = 0xff8; offset < 0xfff; ++offset) {
    m.put(offset, cpuid);
    CHECK(*m.length(intercepted::cpuid) == 2);
  }
  m.map_next(0x1'2000);
  m.put(0xfff, cpuid, 0x1'2000);
  CHECK(*m.length(intercepted::cpuid) == 2);
}

TEST_CASE("an instruction that is another one by now is tried again") {
  code_machine m;
  m.put(0x40, cpuid);
  CHECK(m.length(intercepted::rdmsr).error() == resume::retry);
  constexpr std::uint8_t nothing[] = {0x0f, 0x0b};
  m.put(0x40, nothing);
  CHECK(m.length(intercepted::cpuid).error() == resume::retry);
  CHECK(m.guest.raised == 0);
  CHECK(m.handler.count == 0);
}

TEST_CASE("code that the guest has unmapped meanwhile is the guest's page fault") {
  code_machine m;
  m.put(0x40, cpuid);
  m.ram().put(0x4000 + 8 * (linear >> 12 & 511), 0);
  CHECK(m.length(intercepted::cpuid).error() == resume::retry);
  CHECK(m.guest.raised == 1);
  CHECK(m.guest.events[0] == exception_event(exception::pf, 0x10));
  CHECK(m.guest.cr2 == linear + 0x40);
}

TEST_CASE("every plain encoding is what the decoder takes it for") {
  unsigned known = 0;
  for (unsigned n = 0; n <= unsigned(intercepted::skinit); ++n) {
    auto const what = static_cast<intercepted>(n);
    auto const p = x86_64::detail::plain(what);
    if (p.length == 0) continue;
    ++known;
    std::uint8_t code[15]{};
    for (unsigned b = 0; b < p.length; ++b) code[b] = static_cast<std::uint8_t>(p.code >> (8 * b));
    CHECK(p.code >> (8 * p.length) == 0);
    auto const i = decode_intercepted({code, 15}, code_size::bits_64);
    REQUIRE(i);
    CHECK(i->what == what);
    CHECK(i->length == p.length);
    CHECK_FALSE(i->has_memory);
    code_machine m;
    m.guest.rip = linear;
    for (unsigned b = 0; b < p.length; ++b) m.ram().put(0x9000 + b, code[b], 1);
    CHECK(*m.length(what) == p.length);
  }
  CHECK(known == 27);
}

TEST_CASE("the short way leads where the long one does, whatever the tables are") {
  std::mt19937_64 r{7};
  unsigned found = 0;
  unsigned large = 0;
  for (unsigned round = 0; round < 4000; ++round) {
    memory_handler h;
    sim_guest g;
    g.rip = sign_extend(r(), 48);
    if (r() % 2 == 0) g.rip &= ~std::uint64_t{0x3ffc'0000};  // what a large page has there is RAM
    map_64(g, h.memory, g.rip, (r() % 8 + 9) << 12);
    if (r() % 8 == 0) g.cr4 |= 0x1000;
    if (r() % 8 == 0) g.code = code_size::bits_32;
    if (r() % 8 == 0) g.cr3 = r() & 0xf'ffff'f000;
    std::uint64_t const levels[] = {0x1000 + 8 * (g.rip >> 39 & 511), 0x2000 + 8 * (g.rip >> 30 & 511),
                                    0x3000 + 8 * (g.rip >> 21 & 511), 0x4000 + 8 * (g.rip >> 12 & 511)};
    if (r() % 3 == 0) {
      std::uint64_t const at = levels[r() % 4];
      h.memory.put(at, *h.memory.get(at) ^ 1ULL << r() % 63);
    }
    if (r() % 4 == 0) h.memory.put(levels[2], 0x1e3 | (r() % 4 == 0 ? 0x20'0000 : 0));  // a page of 2 MiB
    if (r() % 6 == 0) h.memory.put(levels[1], 0x1e3);                                   // of 1 GiB
    if (r() % 2 == 0) g.rip &= ~std::uint64_t{0xfff};
    for (unsigned n = 0; n < 64; ++n) h.memory.put(r() % 64 << 12 | 0xff8, r());
    auto const size = static_cast<unsigned>(1 + r() % 15);
    auto const* const code = x86_64::detail::code_within_reach(slow_context{&g}, h.memory, size);
    if (code == nullptr) continue;
    ++found;
    large += (*h.memory.get(levels[2]) & 0x80) != 0 || (*h.memory.get(levels[1]) & 0x80) != 0;
    auto const slow = translate(slow_context{&g}, h.memory, {g.rip}, axhal::access::execute);
    if (!slow) {
      // The one thing that it leaves to the processor: what is there, but may not be fetched.
      CHECK((slow.error().event.error_code & 1) != 0);
      continue;
    }
    CHECK(code == h.memory.at(*slow, size));
    CHECK((g.rip & 0xfff) + size <= 0x1000);
  }
  CHECK(found > 500);
  CHECK(large > 50);
}

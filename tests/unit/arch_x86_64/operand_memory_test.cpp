// SPDX-License-Identifier: BSL-1.0
// What a guest's processor refuses of an operand before it looks at page tables, and operands in one page and in two.
#include "support/x86_guest_memory.hpp"

#include <axhal/arch/x86_64/operand_memory.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <optional>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

using axhal::access;  // not the one of unistd.h
constexpr auto reading = access::read;
constexpr auto writing = access::write;

constexpr std::uint16_t read_only = 0xc91;
constexpr std::uint16_t expand_down_16 = 0x097;
constexpr std::uint16_t expand_down_32 = 0xc97;
constexpr std::uint16_t execute_only = 0xc99;
constexpr std::uint16_t null_selector = 0;
constexpr std::uint16_t local_table = 0x082;
constexpr std::uint16_t not_present = 0xc13;

/// The exception of an access of `size` bytes at `offset` in `s`, or none.
std::optional<guest_event> refusal(sim_guest g, segment s, std::uint64_t offset, unsigned size, access wanted) {
  slow_context const c{&g};
  auto const r = check_operand(c, {s, offset, linear_address(c, s, offset)}, size, wanted);
  if (r) return std::nullopt;
  return r.error().event;
}
sim_guest protected_mode(std::uint16_t attributes, std::uint32_t limit, std::uint64_t base = 0) {
  sim_guest g;
  g.code = code_size::bits_32;
  for (auto& s : g.segments) s = {.selector = 8, .attributes = attributes, .limit = limit, .base = base};
  return g;
}

constexpr auto gp = exception_event(exception::gp, 0);
constexpr auto ss = exception_event(exception::ss, 0);

/// A guest of 64-bit mode with one page of its own, and a place beyond the RAM in the one after it.
struct machine {
  static constexpr std::uint64_t linear = 0x7f00'0000'0000;
  sim_guest guest{};
  memory_handler handler{};
  slow_context context{&guest};
  guest_view<slow_context> view{context};
  operand_memory<slow_context, guest_view<slow_context>, memory_handler> operands{context, view, handler};

  machine() {
    map_64(guest, handler.memory, linear, 0x9000);
    map(1, 0x1'2000);
  }
  machine(machine const&) = delete;
  machine& operator=(machine const&) = delete;
  void map(unsigned page, std::uint64_t to, std::uint64_t flags = kernel_flags) {
    handler.memory.put(0x4000 + 8 * ((linear >> 12 & 511) + page), to | flags);
  }
  static memory_reference at(std::uint64_t offset) { return {segment::ds, linear + offset, {linear + offset}}; }
};
static_assert(OperandMemory<decltype(machine::operands)>);

}  // namespace

TEST_CASE("limits end a segment") {
  auto const g = protected_mode(segment_attributes::data_32, 0xfff);
  CHECK_FALSE(refusal(g, segment::ds, 0xffc, 4, writing));
  CHECK(refusal(g, segment::ds, 0xffd, 4, reading) == gp);
  CHECK(refusal(g, segment::ss, 0xffd, 4, reading) == ss);
  CHECK(refusal(g, segment::es, 0xffff'ffff, 2, reading) == gp);  // it does not wrap
  auto const flat = protected_mode(segment_attributes::data_32, 0xffff'ffff);
  CHECK_FALSE(refusal(flat, segment::fs, 0xffff'ffff, 1, reading));
  CHECK(refusal(flat, segment::fs, 0xffff'fffd, 4, reading) == gp);
}

TEST_CASE("segments that expand down begin behind their limit") {
  auto const wide = protected_mode(expand_down_32, 0xfff);
  CHECK(refusal(wide, segment::ds, 0xfff, 1, reading) == gp);
  CHECK_FALSE(refusal(wide, segment::ds, 0x1000, 8, writing));
  CHECK_FALSE(refusal(wide, segment::ds, 0xffff'fffc, 4, writing));
  CHECK(refusal(wide, segment::ds, 0xffff'fffd, 4, writing) == gp);
  auto const narrow = protected_mode(expand_down_16, 0xfff);
  CHECK_FALSE(refusal(narrow, segment::ss, 0xfffe, 2, reading));
  CHECK(refusal(narrow, segment::ss, 0xffff, 2, reading) == ss);
  CHECK(refusal(narrow, segment::ss, 0x1'0000, 1, reading) == ss);
}

TEST_CASE("types of segments") {
  struct row {
    std::uint16_t attributes;
    bool reads, writes;
  };
  constexpr row rows[] = {
      {segment_attributes::data_32, true, true},
      {read_only, true, false},
      {segment_attributes::code_32, true, false},
      {execute_only, false, false},
      {null_selector, false, false},
      {local_table, false, false},
      {not_present, false, false},
  };
  for (auto const& r : rows) {
    auto const g = protected_mode(r.attributes, 0xffff'ffff);
    INFO(std::hex << r.attributes);
    CHECK(refusal(g, segment::ds, 0x10, 4, reading).has_value() != r.reads);
    CHECK(refusal(g, segment::ds, 0x10, 4, writing).has_value() != r.writes);
    CHECK(refusal(g, segment::ds, 0x10, 4, read_write).has_value() != r.writes);
    if (!r.writes) CHECK(refusal(g, segment::ds, 0x10, 4, writing) == gp);
    if (!r.writes) CHECK(refusal(g, segment::ss, 0x10, 4, writing) == ss);
  }
}

TEST_CASE("in real mode and virtual-8086 mode only limits count") {
  auto g = protected_mode(segment_attributes::code_16, 0xffff, 0xf'0000);
  g.code = code_size::bits_16;
  CHECK(refusal(g, segment::cs, 0x10, 2, writing) == gp);
  g.rflags |= 1U << 17;  // VM
  CHECK_FALSE(refusal(g, segment::cs, 0x10, 2, writing));
  CHECK(refusal(g, segment::cs, 0xffff, 2, writing) == gp);
  g.rflags &= ~std::uint64_t{1U << 17};
  g.cr0 = 0x10;
  CHECK_FALSE(refusal(g, segment::cs, 0x10, 2, writing));
  CHECK(refusal(g, segment::cs, 0xffff, 2, writing) == exception_event(exception::gp));
  CHECK(refusal(g, segment::ss, 0xffff, 2, writing) == exception_event(exception::ss));
}

TEST_CASE("64-bit mode has canonical addresses, and no limits") {
  sim_guest g;
  CHECK_FALSE(refusal(g, segment::ds, 0x0000'7fff'ffff'fff8, 8, writing));
  CHECK(refusal(g, segment::ds, 0x0000'7fff'ffff'fff9, 8, writing) == gp);
  CHECK(refusal(g, segment::ds, 0x0000'8000'0000'0000, 1, reading) == gp);
  CHECK(refusal(g, segment::ss, 0xffff'7fff'ffff'ffff, 1, reading) == ss);
  CHECK_FALSE(refusal(g, segment::ss, 0xffff'8000'0000'0000, 1, reading));
  g.segments[4].base = 0x0000'7fff'ffff'f000;
  CHECK_FALSE(refusal(g, segment::fs, 0xff8, 8, reading));
  CHECK(refusal(g, segment::fs, 0x1000, 8, reading) == gp);
  g.cr4 |= 1U << 12;  // LA57
  CHECK_FALSE(refusal(g, segment::ds, 0x00ff'ffff'ffff'fff8, 8, reading));
  CHECK(refusal(g, segment::ds, 0x0100'0000'0000'0000, 8, reading) == gp);
}

TEST_CASE("alignment is checked for user mode when both bits ask for it") {
  sim_guest g;
  g.cpl = 3;
  g.cr0 |= 1U << 18;
  g.rflags |= 1U << 18;
  CHECK(refusal(g, segment::ds, 0x1002, 4, reading) == exception_event(exception::ac, 0));
  CHECK_FALSE(refusal(g, segment::ds, 0x1004, 4, reading));
  CHECK_FALSE(refusal(g, segment::ds, 0x1003, 1, reading));
  CHECK(refusal(g, segment::ds, 0x1004, 8, writing) == exception_event(exception::ac, 0));
  auto other = g;
  other.cpl = 0;
  CHECK_FALSE(refusal(other, segment::ds, 0x1002, 4, reading));
  other = g;
  other.cr0 &= ~std::uint64_t{1U << 18};
  CHECK_FALSE(refusal(other, segment::ds, 0x1002, 4, reading));
  other = g;
  other.rflags = 2;
  CHECK_FALSE(refusal(other, segment::ds, 0x1002, 4, reading));
}

TEST_CASE("an operand is found in the RAM, or it is a device's") {
  machine m;
  CHECK(m.operands.find(machine::at(0x10), 4, reading) == operand_place{{0x9010}, false});
  m.map(2, 0xfee0'0000);
  CHECK(m.operands.find(machine::at(0x2030), 4, writing) == operand_place{{0xfee0'0030}, true});
  m.operands.write({0x9010}, 4, 0x1234'5678'9abc'def0);
  CHECK(m.handler.memory.get(0x9010) == 0x9abc'def0);
  CHECK(m.operands.read({0x9010}, 2) == 0xdef0);
  CHECK(m.operands.read({0x9011}, 8) == 0x9abcde);
  // What became a device since: nothing happens.
  m.operands.write({0xfee0'0030}, 4, 1);
  CHECK(m.operands.read({0xfee0'0030}, 4) == 0);
  CHECK(m.handler.count == 0);
  CHECK(m.guest.raised == 0);
}

TEST_CASE("what is refused is the guest's exception") {
  machine m;
  auto const absent = m.operands.find(machine::at(0x3010), 4, writing);
  REQUIRE_FALSE(absent);
  CHECK(absent.error() == resume::retry);
  REQUIRE(m.guest.raised == 1);
  CHECK(m.guest.events[0] == exception_event(exception::pf, 2));
  CHECK(m.guest.cr2 == machine::linear + 0x3010);
  CHECK_FALSE(m.operands.find({segment::ss, 1ULL << 50, {1ULL << 50}}, 4, reading));
  REQUIRE(m.guest.raised == 2);
  CHECK(m.guest.events[1] == ss);
  CHECK(m.guest.cr2 == machine::linear + 0x3010);  // CR2 is for page faults
}

TEST_CASE("an operand in two pages is read and written as a whole") {
  machine m;
  for (unsigned size : {2U, 4U, 8U}) {
    for (unsigned split = 1; split < size; ++split) {
      std::uint64_t const value = 0x8877'6655'4433'2211 & low_bits(8 * size);
      REQUIRE(m.operands.store(machine::at(0x1000 - split), size, value));
      CHECK(*m.handler.memory.get(0xa000 - split, split) == (value & low_bits(8 * split)));
      CHECK(*m.handler.memory.get(0x1'2000, size - split) == value >> (8 * split));
      CHECK(*m.operands.load(machine::at(0x1000 - split), size) == value);
    }
  }
  CHECK(*m.operands.load(machine::at(0xff8), 8) == *m.handler.memory.get(0x9ff8));
}

TEST_CASE("nothing is written when the second page refuses") {
  machine m;
  m.map(1, 0x1'2000, 0x21);  // read-only, and CR0.WP is set
  m.handler.memory.put(0x9ff8, 0x5555'5555'5555'5555);
  auto const stored = m.operands.store(machine::at(0xffe), 4, 0);
  REQUIRE_FALSE(stored);
  CHECK(stored.error() == resume::retry);
  CHECK(m.guest.events[0] == exception_event(exception::pf, 3));
  CHECK(m.guest.cr2 == machine::linear + 0x1000);
  CHECK(m.handler.memory.get(0x9ff8) == 0x5555'5555'5555'5555);
}

TEST_CASE("an operand that is partly a device's is told as a fault") {
  machine m;
  m.map(1, 0xfee0'0000);
  m.handler.answers[0] = resume::stop;
  auto const loaded = m.operands.load(machine::at(0xffe), 4);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error() == resume::stop);
  CHECK(m.handler.seen[0] == seen_exit{.kind = exit_kind::memory_fault, .number = 0xfee0'0000, .wanted = reading});
  CHECK(m.guest.raised == 0);
}

TEST_CASE("numbers of any size touch their own bytes alone") {
  for (unsigned size = 1; size <= 8; ++size) {
    std::uint8_t memory[10];
    for (auto& b : memory) b = 0xee;
    x86_64::detail::store_bytes(memory + 1, size, 0x8877'6655'4433'2211);
    CHECK(x86_64::detail::load_bytes(memory + 1, size) == (0x8877'6655'4433'2211 & low_bits(8 * size)));
    CHECK(memory[0] == 0xee);
    CHECK(memory[size + 1] == 0xee);
  }
}

TEST_CASE("a linear address of 32 bits goes on at zero") {
  machine m;
  auto g = protected_mode(segment_attributes::data_32, 0xffff'ffff, 0xffff'fffe);
  slow_context c{&g};
  guest_view<slow_context> view{c};
  m.handler.memory = paged_ram{2, 0xffff'f000};
  operand_memory operands{c, view, m.handler};
  m.handler.memory.put(0xffff'fffe, 0x1234, 2);
  m.handler.memory.put(0x1'0000'0000, 0x5678, 2);  // not this
  m.handler.answers[0] = resume::stop;
  CHECK(operands.load({segment::ds, 0, linear_address(c, segment::ds, 0)}, 4).error() == resume::stop);
  CHECK(m.handler.seen[0].number == 0);  // the second part is at 0, where there is no RAM
}

TEST_CASE("CR2 has 32 bits when the second part of an operand is absent") {
  machine m;
  auto g = protected_mode(segment_attributes::data_32, 0xffff'ffff, 0xffff'fffe);
  g.cr0 |= 1U << 31;
  g.cr3 = 0x1000;
  slow_context c{&g};
  guest_view<slow_context> view{c};
  m.handler.memory.put(0x1000, 0, 4);
  m.handler.memory.put(0x1ffc, 0x2003, 4);
  m.handler.memory.put(0x2ffc, 0x9003, 4);
  operand_memory operands{c, view, m.handler};
  CHECK(operands.load({segment::ds, 0, linear_address(c, segment::ds, 0)}, 4).error() == resume::retry);
  REQUIRE(g.raised == 1);
  CHECK(g.events[0] == exception_event(exception::pf, 0));
  CHECK(g.cr2 == 0);
}

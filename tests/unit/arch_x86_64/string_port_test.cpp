// SPDX-License-Identifier: BSL-1.0
// INS and OUTS of a stopped guest: elements, counts, directions, sizes of addresses, two pages, devices, refusals.
#include "support/x86_64_emulated.hpp"
#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/string_port_exit.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr unsigned length = 2;
constexpr unsigned rcx = 1;
constexpr unsigned rsi = 6;
constexpr unsigned rdi = 7;

/// One to one, and no operand may reach into another page.
struct paged_memory : sim_memory<0x4000> {
  unsigned crossings{};
  segment last_segment{};
  access last_wanted{};
  constexpr result<operand_place, resume> find(memory_reference r, unsigned size, access wanted) {
    if ((r.linear.value & 0xfff) + size > 0x1000) ++crossings;
    last_segment = r.seg;
    last_wanted = wanted;
    return sim_memory<0x4000>::find(r, size, wanted);
  }
};

/// A port that gives 1, 2, 3 in each of its bytes, and sums up what it gets.
struct port_handler {
  static constexpr exit_set fast = exits<exit::port_read, exit::port_write>;
  std::uint64_t given{};
  std::uint64_t taken[256]{};
  unsigned reads{}, writes{}, device_reads{}, device_writes{};
  unsigned refuses_after{~0U};
  resume refusal{resume::stop};
  std::uint64_t device_value{};
  std::uint64_t device_written{};

  [[nodiscard]] constexpr resume answer() const {
    return reads + writes > refuses_after ? refusal : resume::next_instruction;
  }
  template <typename Guest>
  constexpr resume operator()(Guest& g, exit::port_read const& e) {
    ++reads;
    g.complete_port_read(e, ++given * 0x0101'0101'0101'0101);
    return answer();
  }
  template <typename Guest>
  constexpr resume operator()(Guest&, exit::port_write const& e) {
    taken[writes++ % 256] = e.value;
    return answer();
  }
  template <typename Guest>
  constexpr resume operator()(Guest& g, exit::mmio_read const& e) {
    ++device_reads;
    g.complete_read(e, device_value);
    return resume::next_instruction;
  }
  template <typename Guest>
  constexpr resume operator()(Guest&, exit::mmio_write const& e) {
    ++device_writes;
    device_written = e.value;
    return resume::next_instruction;
  }
};

sim_guest guest(std::uint64_t address, std::uint64_t count = 0) {
  sim_guest g;
  for (unsigned n = 0; n < 16; ++n) g.gpr[n] = 0x1111'1111'1111'1100 + n;
  g.gpr[rcx] = count;
  g.gpr[rsi] = address;
  g.gpr[rdi] = address;
  return g;
}
constexpr port_access ins(std::uint8_t size, bool repeated = false, std::uint8_t address_size = 8) {
  return {0x1f0, size, true, true, repeated, address_size, segment::es};
}
constexpr port_access outs(std::uint8_t size, bool repeated = false, std::uint8_t address_size = 8,
                           segment seg = segment::ds) {
  return {0x1f0, size, false, true, repeated, address_size, seg};
}

}  // namespace

TEST_CASE("INS: one element of each size, and RAX stays what it was") {
  for (auto const size : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{4}}) {
    paged_memory m{};
    port_handler h;
    sim_guest g = guest(0x100);
    slow_context c{&g};
    CHECK(string_port(c, m, h, ins(size), length) == resume::retry);
    CHECK(m.get({0x100}, 8) == (0x0101'0101ULL & low_bits(8U * size)));
    CHECK(g.gpr[0] == 0x1111'1111'1111'1100);
    CHECK(g.gpr[rdi] == 0x100U + size);
    CHECK(g.gpr[rsi] == 0x100);
    CHECK(g.rip == 0x1002);
    CHECK(m.last_wanted == access::write);
    CHECK(m.last_segment == segment::es);
  }
}

TEST_CASE("OUTS: one element of each size, from the segment that is named") {
  for (auto const size : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{4}}) {
    paged_memory m{};
    m.put({0x3100}, 8, 0x8877'6655'4433'2211);
    port_handler h;
    sim_guest g = guest(0x100);
    g.segments[static_cast<unsigned>(segment::fs)].base = 0x3000;
    slow_context c{&g};
    CHECK(string_port(c, m, h, outs(size, false, 8, segment::fs), length) == resume::retry);
    CHECK(h.taken[0] == (0x4433'2211ULL & low_bits(8U * size)));
    CHECK(g.gpr[rsi] == 0x100U + size);
    CHECK(g.gpr[rdi] == 0x100);
    CHECK(m.last_wanted == access::read);
    CHECK(m.last_segment == segment::fs);
  }
}

TEST_CASE("REP: as many as the count says, in batches") {
  for (unsigned count : {1U, 2U, 63U, 64U, 65U, 128U, 200U}) {
    paged_memory m{};
    port_handler h;
    sim_guest g = guest(0x100, count);
    slow_context c{&g};
    unsigned calls = 0;
    do {
      unsigned const before = h.reads;
      CHECK(string_port(c, m, h, ins(2, true), length) == resume::retry);
      CHECK(h.reads - before <= string_batch);
      ++calls;
    } while (g.steps == 0 && calls < 10);
    CAPTURE(count);
    CHECK(calls == (count + 63) / 64);
    CHECK(h.reads == count);
    CHECK(g.gpr[rcx] == 0);
    CHECK(g.gpr[rdi] == 0x100 + 2 * count);
    CHECK(g.rip == 0x1002);
    CHECK(g.steps == 1);
    for (unsigned n = 0; n < count; ++n) CHECK(m.get({0x100 + 2 * n}, 2) == ((n + 1) * 0x0101'0101ULL & 0xffff));
  }
}

TEST_CASE("REP with a count of zero does nothing") {
  paged_memory m{};
  port_handler h;
  sim_guest g = guest(0x100, 0);
  slow_context c{&g};
  CHECK(string_port(c, m, h, ins(4, true), length) == resume::retry);
  CHECK(h.reads + m.finds == 0);
  CHECK(g.rip == 0x1002);
  CHECK(g.gpr[rdi] == 0x100);
}

TEST_CASE("DF: downwards") {
  paged_memory m{};
  port_handler h;
  sim_guest g = guest(0x108, 3);
  g.rflags |= 0x400;
  m.put({0x108}, 4, 1);
  m.put({0x104}, 4, 2);
  m.put({0x100}, 4, 3);
  slow_context c{&g};
  CHECK(string_port(c, m, h, outs(4, true), length) == resume::retry);
  CHECK(h.taken[0] == 1);
  CHECK(h.taken[1] == 2);
  CHECK(h.taken[2] == 3);
  CHECK(g.gpr[rsi] == 0xfc);
}

TEST_CASE("addresses of 16 and of 32 bits: offsets wrap, counts are that wide, and so are the registers") {
  paged_memory m{};
  port_handler h;
  sim_guest g = guest(0xabcd'0000'0000'ffff, 0x5'0002);
  g.code = code_size::bits_16;
  g.segments[0].base = 0x1000;
  m.start = 0x1000;
  slow_context c{&g};
  CHECK(string_port(c, m, h, ins(1, true, 2), length) == resume::retry);
  CHECK(h.reads == 2);
  CHECK(g.gpr[rdi] == 0xabcd'0000'0000'0001);  // FFFF, then 0
  CHECK(g.gpr[rcx] == 0x5'0000);
  CHECK(g.steps == 1);

  port_handler wide;
  sim_guest w = guest(0xffff'ffff'0000'0200, 0x7'0000'0001);
  slow_context k{&w};
  paged_memory n{};
  CHECK(string_port(k, n, wide, ins(4, true, 4), length) == resume::retry);
  CHECK(wide.reads == 1);
  CHECK(w.gpr[rdi] == 0x204);
  CHECK(w.gpr[rcx] == 0);
}

TEST_CASE("an element in two pages is moved byte by byte, and still is one port access") {
  for (unsigned before : {1U, 2U, 3U}) {
    paged_memory m{};
    port_handler h;
    sim_guest g = guest(0x1000 - before);
    slow_context c{&g};
    CHECK(string_port(c, m, h, ins(4), length) == resume::retry);
    CHECK(h.reads == 1);
    CHECK(m.writes == 4);
    CHECK(m.crossings == 0);
    CHECK(m.get({0x1000 - before}, 4) == 0x0101'0101);
    m.put({0x1000 - before}, 4, 0x1234'5678);
    sim_guest o = guest(0x1000 - before);
    slow_context k{&o};
    CHECK(string_port(k, m, h, outs(4), length) == resume::retry);
    CHECK(h.taken[0] == 0x1234'5678);
    CHECK(m.crossings == 0);
  }
  // With alignment checks it is a fault, before the port is touched.
  paged_memory m{};
  port_handler h;
  sim_guest g = guest(0xfff);
  g.cpl = 3;
  g.cr0 |= 1U << 18;
  g.rflags |= 1U << 18;
  slow_context c{&g};
  CHECK(string_port(c, m, h, ins(4), length) == resume::retry);
  CHECK(g.events[0] == exception_event(exception::ac, 0));
  CHECK(h.reads == 0);
}

TEST_CASE("a page that is not there stops before the port is touched, with all that was done before it done") {
  paged_memory m{};
  m.refuses_at = 0x108;
  port_handler h;
  sim_guest g = guest(0x100, 5);
  slow_context c{&g};
  CHECK(string_port(c, m, h, ins(4, true), length) == resume::retry);
  CHECK(h.reads == 2);
  CHECK(g.gpr[rcx] == 3);
  CHECK(g.gpr[rdi] == 0x108);
  CHECK(g.rip == 0x1000);
  CHECK(g.steps == 0);
}

TEST_CASE("what the handler refuses is not counted") {
  for (auto const refusal : {resume::stop, resume::retry}) {
    paged_memory m{};
    port_handler h;
    h.refuses_after = 2;
    h.refusal = refusal;
    sim_guest g = guest(0x100, 5);
    slow_context c{&g};
    CHECK(string_port(c, m, h, outs(1, true), length) == refusal);
    CHECK(h.writes == 3);
    CHECK(g.gpr[rcx] == 3);
    CHECK(g.gpr[rsi] == 0x102);
    CHECK(g.steps == 0);
  }
}

TEST_CASE("a device is where memory should be") {
  paged_memory m{};
  m.device_from = 0x200;
  m.device_to = 0x300;
  port_handler h;
  h.device_value = 0xffff'ffff'dead'beef;
  sim_guest g = guest(0x200);
  slow_context c{&g};
  CHECK(string_port(c, m, h, outs(2), length) == resume::retry);
  CHECK(h.device_reads == 1);
  CHECK(h.taken[0] == 0xbeef);
  CHECK(string_port(c, m, h, ins(4), length) == resume::retry);
  CHECK(h.device_writes == 1);
  CHECK(h.device_written == 0x0101'0101);
  CHECK(m.reads + m.writes == 0);
  for (unsigned n = 0; n < 16; ++n) {
    if (n != rcx && n != rsi && n != rdi) CHECK(g.gpr[n] == std::uint64_t{0x1111'1111'1111'1100} + n);
  }
}

TEST_CASE("single steps: one element at a time, each of them told to the guest's debugger") {
  paged_memory m{};
  port_handler h;
  sim_guest g = guest(0x100, 3);
  g.rflags |= 0x100;
  slow_context c{&g};
  for (unsigned n = 1; n <= 3; ++n) {
    CHECK(string_port(c, m, h, ins(1, true), length) == resume::retry);
    CHECK(h.reads == n);
    CHECK(g.steps == n);
    CHECK(g.rip == (n < 3 ? 0x1000U : 0x1002U));
  }
}

TEST_CASE("the fast tier leaves strings alone") {
  paged_memory m{};
  port_handler h;
  fast_handler<port_handler> fast{h};
  sim_guest g = guest(0x100, 3);
  sim_guest const before = g;
  fast_context c{&g};
  CHECK(string_port(c, m, fast, ins(1, true), length) == resume::slow);
  CHECK(g == before);
  CHECK(h.reads + m.finds == 0);
}

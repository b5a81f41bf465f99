// SPDX-License-Identifier: BSL-1.0
// Results and flags against the processor that runs this test: every pair of bytes, with carry and without, and
// hundreds of thousands of pairs of each other size.
#include <axhal/arch/x86_64/alu.hpp>

#include "support/x86_64_host_cpu.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <random>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::x86_64;

namespace {

/// An operation of two registers, AL or its wider forms, and CL: opcode and ModRM, for bytes; the next opcode is for
/// the other sizes.
struct row {
  operation op;
  std::uint8_t escape;  ///< 0F, or 0 for opcodes of one byte
  std::uint8_t opcode;
  std::uint8_t modrm;
  bool bytes;  ///< has a form for bytes
};
constexpr row rows[] = {
    {operation::add, 0, 0x00, 0xc8, true},        {operation::bit_or, 0, 0x08, 0xc8, true},
    {operation::adc, 0, 0x10, 0xc8, true},        {operation::sbb, 0, 0x18, 0xc8, true},
    {operation::bit_and, 0, 0x20, 0xc8, true},    {operation::sub, 0, 0x28, 0xc8, true},
    {operation::bit_xor, 0, 0x30, 0xc8, true},    {operation::cmp, 0, 0x38, 0xc8, true},
    {operation::test, 0, 0x84, 0xc8, true},       {operation::inc, 0, 0xfe, 0xc0, true},
    {operation::dec, 0, 0xfe, 0xc8, true},        {operation::bit_not, 0, 0xf6, 0xd0, true},
    {operation::neg, 0, 0xf6, 0xd8, true},        {operation::bt, 0x0f, 0xa2, 0xc8, false},
    {operation::bts, 0x0f, 0xaa, 0xc8, false},    {operation::btr, 0x0f, 0xb2, 0xc8, false},
    {operation::btc, 0x0f, 0xba, 0xc8, false},    {operation::xadd, 0x0f, 0xc0, 0xc8, true},
    {operation::cmpxchg, 0x0f, 0xb0, 0xd9, true},  // cl with bl; what is in al is compared
};

void load(host_cpu& cpu, row const& r, unsigned size) {
  std::uint8_t code[8];
  std::size_t n = 0;
  if (size == 2) code[n++] = 0x66;
  if (size == 8) code[n++] = 0x48;
  if (r.escape != 0) code[n++] = r.escape;
  code[n++] = static_cast<std::uint8_t>(r.opcode + (size == 1 ? 0 : 1));
  code[n++] = r.modrm;
  cpu.load(code, n);
}

/// True when the processor and `alu` agree on `a` and `b` with these status flags.
bool agrees(host_cpu const& cpu, row const& r, unsigned size, std::uint64_t a, std::uint64_t b, std::uint64_t flags) {
  constexpr std::uint64_t base = 0x202;  // interrupts are on
  host_registers after{.gpr = {a, b}, .rflags = base | flags};
  cpu.run(after);
  auto const mine = alu(r.op, a, b, size, base | flags);
  std::uint64_t const defined = ~undefined_flags(r.op);
  if (((mine.rflags ^ after.rflags) & defined) != 0) return false;
  if (r.op == operation::cmp || r.op == operation::test || r.op == operation::bt || r.op == operation::cmpxchg)
    return (after.rflags & defined & rflags::status) == (mine.rflags & defined & rflags::status);
  register_operand const result{0, static_cast<std::uint8_t>(size), false};
  return after.gpr[0] == result.written(a, mine.value);
}

}  // namespace

TEST_CASE("every pair of bytes has the processor's result and flags") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  for (auto const& r : rows) {
    if (!r.bytes) continue;
    CAPTURE(static_cast<unsigned>(r.op));
    load(cpu, r, 1);
    std::size_t wrong = 0;
    for (std::uint64_t a = 0; a < 256; ++a) {
      for (std::uint64_t b = 0; b < 256; ++b) {
        for (std::uint64_t const flags : {std::uint64_t{0}, rflags::f_cf::mask, rflags::status}) {
          if (!agrees(cpu, r, 1, a | 0x1234'5678'9abc'de00, b, flags)) ++wrong;
        }
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("numbers of the other sizes have the processor's result and flags") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  std::mt19937_64 random{1};
  auto const number = [&] {
    // Half of them near the ends and the middle of the range, where carries and signs change.
    std::uint64_t const any = random();
    if (any % 2 == 0) return random();
    std::uint64_t const edges[] = {0, 0x80, 0x8000, 0x8000'0000, 0x8000'0000'0000'0000, 0xff, 0xffff, 0xffff'ffff};
    return edges[(any >> 8) % 8] + (any >> 16) % 5 - 2;
  };
  for (auto const& r : rows) {
    for (unsigned const size : {2U, 4U, 8U}) {
      CAPTURE(static_cast<unsigned>(r.op), size);
      load(cpu, r, size);
      std::size_t wrong = 0;
      for (int n = 0; n < 100'000; ++n) {
        if (!agrees(cpu, r, size, number(), number(), random() & rflags::status)) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("conditions are the processor's") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  for (std::uint8_t n = 0; n < 16; ++n) {
    std::uint8_t const setcc[] = {0x0f, static_cast<std::uint8_t>(0x90 + n), 0xc0};
    cpu.load(setcc, sizeof setcc);
    for (std::uint64_t set = 0; set < 64; ++set) {
      using namespace rflags;
      std::uint64_t const flags = f_cf::make((set & 1) != 0) | f_pf::make((set & 2) != 0) | f_af::make((set & 4) != 0) |
                                  f_zf::make((set & 8) != 0) | f_sf::make((set & 16) != 0) |
                                  f_of::make((set & 32) != 0);
      host_registers r{.rflags = 0x202 | flags};
      cpu.run(r);
      CHECK((r.gpr[0] != 0) == holds(static_cast<condition>(n), flags));
    }
  }
}

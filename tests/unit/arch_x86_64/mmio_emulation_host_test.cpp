// SPDX-License-Identifier: BSL-1.0
// The emulation against the processor that runs this test: random instructions of every kind, once on memory and once
// on a device with the same bytes. Registers, flags and memory come out alike.
#include "support/x86_64_emulated.hpp"
#include "support/x86_64_host_cpu.hpp"

#include <axhal/arch/x86_64/intercepted_instruction.hpp>
#include <axhal/arch/x86_64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <utility>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr std::size_t room = 4096;
using memory = sim_memory<room>;
/// What the processor works on: one page, so that no operand reaches into another.
struct alignas(room) page {
  std::uint8_t bytes[room];
};
constexpr std::uint8_t rcx = 1;
constexpr std::uint8_t rsp = 4;
constexpr std::uint8_t rsi = 6;
constexpr std::uint8_t rdi = 7;

/// Opcodes that have ModRM, of one byte and of two (with 0F), and those of string instructions.
constexpr std::uint8_t one_byte[] = {0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x18,
                                     0x19, 0x1a, 0x1b, 0x20, 0x21, 0x22, 0x23, 0x28, 0x29, 0x2a, 0x2b, 0x30, 0x31,
                                     0x32, 0x33, 0x38, 0x39, 0x3a, 0x3b, 0x63, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86,
                                     0x87, 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff};
constexpr std::uint8_t two_bytes[] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c,
                                      0x4d, 0x4e, 0x4f, 0x90, 0x92, 0x94, 0x96, 0x98, 0x9a, 0x9c, 0x9f, 0xa3, 0xab,
                                      0xb0, 0xb1, 0xb3, 0xb6, 0xb7, 0xba, 0xbb, 0xbe, 0xbf, 0xc0, 0xc1, 0xc3};
constexpr std::uint8_t strings[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};

struct candidate {
  std::array<std::uint8_t, longest_instruction> code{};
  std::size_t length{};
  void add(std::uint64_t byte) { code[length++] = static_cast<std::uint8_t>(byte); }
};

template <std::size_t N>
std::uint8_t any_of(std::mt19937_64& random, std::uint8_t const (&list)[N]) {
  return list[random() % N];
}

/// A random instruction whose operand is near RDI or RSI; its immediate is random too.
candidate make(std::mt19937_64& random) {
  candidate c;
  auto const kind = random() % 8;
  if (random() % 3 == 0) c.add(0x66);
  if (kind == 0 && random() % 2 == 0) c.add(random() % 2 == 0 ? 0xf2 : 0xf3);
  if (random() % 8 == 0) c.add(0xf0);
  // REX.X and REX.B stay 0: the base is RDI, and there is no index.
  if (random() % 2 == 0) c.add(0x40 | ((random() % 4) << 2));
  if (kind == 0) {
    c.add(any_of(random, strings));
    return c;
  }
  if (kind < 4) {
    c.add(0x0f);
    c.add(any_of(random, two_bytes));
  } else {
    c.add(any_of(random, one_byte));
  }
  unsigned const reg = static_cast<unsigned>(random() % 8) << 3;
  switch (random() % 3) {
    case 0: c.add(rdi | reg); break;
    case 1:
      c.add(0x40 | rsi | reg);
      c.add(random() & 0xff);
      break;
    default:  // [rdi + rcx * scale + displacement]
      c.add(0x44 | reg);
      c.add((random() % 4) << 6 | rcx << 3 | rdi);
      c.add(random() & 0xff);
      break;
  }
  while (c.length < longest_instruction) c.add(random() & 0xff);
  return c;
}

}  // namespace

TEST_CASE("instructions on a device do what the processor does on memory") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  auto const host = std::make_unique<page>();
  auto const guest = std::make_unique<memory>();
  std::mt19937_64 random{1};
  std::size_t done = 0;
  std::size_t wrong = 0;
  std::set<std::pair<operation, unsigned>> kinds;
  for (int round = 0; round < 400'000; ++round) {
    auto const c = make(random);
    auto const i = decode_instruction({c.code.data(), c.length}, code_size::bits_64);
    if (!i) continue;
    bool const uses_stack_pointer = i->other == other_operand::reg && i->reg.number == rsp && !i->reg.high;
    bool const moves_base = i->has_bit_offset() && (i->reg.number == rdi || i->reg.number == rsi);
    if (uses_stack_pointer || moves_base || i->length > c.length) continue;

    auto const start = reinterpret_cast<std::uint64_t>(&host->bytes[0]);
    sim_cpu before{.ip = 0x1000, .flags = 0x202 | (random() & rflags::status)};
    for (auto& r : before.regs) r = random();
    if (is_string(i->op) && random() % 2 == 0) before.flags |= rflags::f_df::mask;
    before.regs[rdi] = start + 1024 + random() % 64;
    before.regs[rsi] = start + 2048 + random() % 64;
    if (i->has_bit_offset()) {
      // In the low bytes, which are those that count: up to 2,000 bits before or after.
      auto& r = before.regs[i->reg.number];
      r = (r & ~low_bits(8U * i->size)) | ((random() % 4000 - 2000) & low_bits(8U * i->size));
    }
    if (i->memory.index == rcx || is_string(i->op)) before.regs[rcx] = random() % 9;
    for (std::size_t n = 0; n < room; n += 8) {
      // Few different bytes in every other round, so that comparisons find equal ones.
      std::uint64_t const eight = round % 2 == 0 ? random() : random() & 0x0101'0101'0101'0101;
      std::memcpy(host->bytes + n, &eight, 8);
    }
    if (i->op == operation::cmpxchg && random() % 2 == 0) {
      // What is compared, so that it is equal.
      auto const at = locate(before, i->memory, i->length).linear.value - start;
      if (i->reg.number == 0 || i->memory.index != memory_operand::no_register) continue;
      std::memcpy(&before.regs[0], &host->bytes[at], 8);
    }
    std::memcpy(guest->bytes, host->bytes, room);
    guest->start = start;
    guest->device_from = 0;
    guest->device_to = room;
    if (is_string(i->op) && i->second.base == rsi) {
      auto const part = random() % 3;  // both, the source, the destination
      if (part == 1) guest->device_from = 1536;
      if (part == 2) guest->device_to = 1536;
    }

    host_registers real{.rflags = before.flags};
    for (unsigned n = 0; n < 16; ++n) real.gpr[n] = before.regs[n];
    cpu.load(c.code.data(), i->length);
    cpu.run(real);

    sim_cpu after = before;
    sim_view view{after};
    device_bytes<memory> handler{*guest};
    std::uint64_t const bits = i->has_bit_offset() ? i->bit_distance(before.regs[i->reg.number]) : 0;
    auto const at = locate(before, i->memory, i->length, bits).linear;
    auto const from = locate(before, i->second, i->length).linear;
    device_fault fault{{at.value}, i->writes_memory() ? access::write : access::read};
    if (guest->device_from != 0) fault = {{from.value}, access::read};
    auto const answer = emulate(after, view, *guest, handler, *i, fault);

    bool same = answer == resume::retry && after.steps == 1 && after.ip == before.ip + i->length && handler.others == 0;
    for (unsigned n = 0; n < 16; ++n) same = same && (n == rsp || after.regs[n] == real.gpr[n]);
    same = same && ((after.flags ^ real.rflags) & ~undefined_flags(i->op)) == 0;
    same = same && std::memcmp(guest->bytes, host->bytes, room) == 0;
    ++done;
    kinds.emplace(i->op, i->size);
    if (!same && ++wrong <= 10) {
      UNSCOPED_INFO("operation " << static_cast<unsigned>(i->op) << ", size " << unsigned{i->size} << ", opcode "
                                 << std::hex << unsigned{c.code[0]} << ' ' << unsigned{c.code[1]} << ' '
                                 << unsigned{c.code[2]} << ' ' << unsigned{c.code[3]} << " steps " << after.steps
                                 << " flags " << after.flags << " real " << real.rflags);
    }
  }
  CHECK(wrong == 0);
  CHECK(done > 150'000);
  // 13 operations of ALU and their like, MOV, XCHG, XADD, CMPXCHG and five strings in four sizes; BT and its like and
  // CMOV in three; MOVZX and MOVSX from what is smaller; SETcc.
  CHECK(kinds.size() == (13 + 4 + 5) * 4 + 5 * 3 + 2 + 3 + 1);
}

TEST_CASE("an address of 32 bits has no base where the encoding says so, with REX.B as without") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  constexpr std::uint8_t lea[] = {0x67, 0x49, 0x8d, 0x04, 0x05, 0x78, 0x56, 0x34, 0x12};  // lea rax,[eax*1+0x12345678]
  cpu.load(lea, sizeof lea);
  host_registers r{.gpr = {0x10}, .rflags = 0x202};
  r.gpr[13] = 0x100'0000;
  cpu.run(r);
  CHECK(r.gpr[0] == 0x1234'5688);
  constexpr std::uint8_t mov[] = {0x67, 0x49, 0x8b, 0x04, 0x05, 0x78, 0x56, 0x34, 0x12};
  auto const i = decode_instruction({mov, sizeof mov}, code_size::bits_64);
  REQUIRE(i);
  CHECK(i->memory.base == memory_operand::no_register);
}

TEST_CASE("what would be PAUSE is an exchange with REX.B") {
  host_cpu cpu;
  REQUIRE(cpu.works());
  constexpr std::uint8_t code[] = {0xf3, 0x49, 0x90};
  cpu.load(code, sizeof code);
  host_registers r{.gpr = {1}, .rflags = 0x202};
  r.gpr[8] = 2;
  cpu.run(r);
  CHECK(r.gpr[0] == 2);
  CHECK(r.gpr[8] == 1);
  CHECK(decode_intercepted({code, sizeof code}, code_size::bits_64) == failure{undecoded::unsupported});
  constexpr std::uint8_t pause[] = {0xf3, 0x48, 0x90};
  CHECK(decode_intercepted({pause, sizeof pause}, code_size::bits_64).has_value());
}

// SPDX-License-Identifier: BSL-1.0
// Addresses: sums that wrap at the address size, segments that have a base and such that have none.
#include "support/x86_64_emulated.hpp"

#include <axhal/arch/x86_64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

using namespace axhal;
using namespace axhal::test::x86;

namespace {

template <std::size_t N>
constexpr memory_reference where(sim_cpu cpu, code_size mode, std::uint8_t const (&code)[N]) {
  cpu.mode = mode;
  auto const i = decode_instruction({code, N}, mode);
  return locate(cpu, i.value().memory, i->length, i->has_bit_offset() ? i->bit_distance(cpu.gpr(i->reg.number)) : 0);
}

constexpr sim_cpu cpu() {
  sim_cpu c{.ip = 0xffff'ffff'8000'1000};
  c.regs[3] = 0x1'0000'fffe;          // RBX
  c.regs[6] = 0xffff'ffff'ffff'fffc;  // RSI
  c.regs[5] = 0x8000;                 // RBP
  for (unsigned n = 0; n < 6; ++n) c.bases[n] = 0x10'0000 * (n + 1);
  c.bases[5] = 0xffff'9000'0000'0000;  // GS
  return c;
}

}  // namespace

TEST_CASE("64-bit addresses") {
  using enum code_size;
  CHECK(where(cpu(), bits_64, {0x8b, 0x03}) == memory_reference{segment::ds, 0x1'0000'fffe, {0x1'0000'fffe}});
  CHECK(where(cpu(), bits_64, {0x8b, 0x44, 0x73, 0x10}).offset == 0x1'0001'0006);   // [rbx+rsi*2+0x10]
  CHECK(where(cpu(), bits_64, {0x67, 0x8b, 0x44, 0x73, 0x10}).offset == 0x1'0006);  // [ebx+esi*2+0x10]
  // [rip+0x10], from the end of the instruction, of 6 bytes and of 10.
  CHECK(where(cpu(), bits_64, {0x8b, 0x05, 0x10, 0, 0, 0}).offset == 0xffff'ffff'8000'1016);
  CHECK(where(cpu(), bits_64, {0xc7, 0x05, 0x10, 0, 0, 0, 1, 0, 0, 0}).offset == 0xffff'ffff'8000'101a);
  CHECK(where(cpu(), bits_64, {0x67, 0x8b, 0x05, 0x10, 0, 0, 0}).offset == 0x8000'1017);
  CHECK(where(cpu(), bits_64, {0x65, 0x8b, 0x45, 0xf8}) ==
        memory_reference{segment::gs, 0x7ff8, {0xffff'9000'0000'7ff8}});
  CHECK(where(cpu(), bits_64, {0x2e, 0x8b, 0x45, 0xf8}).linear.value == 0x7ff8);
}

TEST_CASE("32-bit and 16-bit addresses") {
  using enum code_size;
  CHECK(where(cpu(), bits_32, {0x8b, 0x03}) == memory_reference{segment::ds, 0xfffe, {0x40'fffe}});
  CHECK(where(cpu(), bits_32, {0x8b, 0x45, 0x00}) == memory_reference{segment::ss, 0x8000, {0x30'8000}});
  CHECK(where(cpu(), bits_32, {0x65, 0x8b, 0x06}).linear.value == 0xffff'fffc);  // 32 bits, base and all
  CHECK(where(cpu(), bits_16, {0x8b, 0x40, 0x04}).offset == 0xfffe);             // [bx+si+4]: 0xfffe - 4 + 4
  CHECK(where(cpu(), bits_16, {0x8b, 0x47, 0x04}) == memory_reference{segment::ds, 2, {0x40'0002}});
  CHECK(where(cpu(), bits_16, {0x26, 0x8b, 0x07}).linear.value == 0x10'0000 + 0xfffe);
  CHECK(where(cpu(), bits_16, {0xaa}) == memory_reference{segment::es, 0, {0x10'0000}});
}

TEST_CASE("bit offsets in registers") {
  auto c = cpu();
  c.regs[0] = 0xffff'ffff'ffff'ffff;  // -1
  // bt [rbx],ax; eax; rax: one word of that size before.
  CHECK(where(c, code_size::bits_64, {0x66, 0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe - 2);
  CHECK(where(c, code_size::bits_64, {0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe - 4);
  CHECK(where(c, code_size::bits_64, {0x48, 0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe - 8);
  c.regs[0] = 0x8000;
  CHECK(where(c, code_size::bits_64, {0x66, 0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe - 4096);
  CHECK(where(c, code_size::bits_64, {0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe + 4096);
  c.regs[0] = 0x7fff'ffff'ffff'ffff;
  CHECK(where(c, code_size::bits_64, {0x48, 0x0f, 0xa3, 0x03}).offset == 0x1'0000'fffe + 0x0fff'ffff'ffff'fff8);
  CHECK(where(c, code_size::bits_64, {0x48, 0x0f, 0xba, 0x23, 0x7f}).offset == 0x1'0000'fffe);
  // Offsets wrap at the address size, before the segment's base is added.
  c.regs[0] = 0x20;
  CHECK(where(c, code_size::bits_16, {0x0f, 0xa3, 0x07}) == memory_reference{segment::ds, 2, {0x40'0002}});
}

TEST_CASE("parts of registers") {
  register_operand const high{2, 1, true};
  CHECK(high.of(0x1234'5678) == 0x56);
  CHECK(high.written(0x1122'3344'5566'7788, 0xfab) == 0x1122'3344'5566'ab88);
  CHECK(register_operand{0, 1, false}.written(0x1122'3344'5566'7788, 0xfab) == 0x1122'3344'5566'77ab);
  CHECK(register_operand{0, 2, false}.written(0x1122'3344'5566'7788, 0xa'bcde) == 0x1122'3344'5566'bcde);
  CHECK(register_operand{0, 4, false}.written(0x1122'3344'5566'7788, ~0ULL) == 0xffff'ffff);
  CHECK(register_operand{0, 8, false}.written(0x1122'3344'5566'7788, ~0ULL) == ~0ULL);
}

// SPDX-License-Identifier: BSL-1.0
// The short decoder against the whole one: every REX, ModRM and SIB of its opcodes, and every pair of first bytes.
#include <axhal/arch/x86_64/mmio_decoder.hpp>
#include <axhal/arch/x86_64/simple_move.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <random>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

struct counts {
  unsigned simple{}, whole{};
};

/// True when both decoders say the same of the eight bytes: all of it, when the short one knows the instruction.
bool agree(std::uint64_t code, counts& n) {
  std::uint8_t raw[8];
  std::memcpy(raw, &code, 8);
  auto const m = decode_simple_move(code);
  auto const i = decode_instruction({raw, 8}, code_size::bits_64);
  bool const move = i && i->op == operation::mov && i->size >= 4;
  n.whole += move;
  if (m.length == 0) {
    // It may refuse what it likes, but not what it is there for.
    if (!move) return true;
    std::uint8_t const opcode = (raw[0] & 0xf0) == 0x40 ? raw[1] : raw[0];
    bool const own = opcode == 0x89 || opcode == 0x8b || opcode == 0xc7;
    bool const based = i->memory.base < 16;
    return !own || !based;
  }
  ++n.simple;
  if (!move || i->length != m.length || i->size != m.size || i->into_register != m.is_load()) return false;
  if ((i->other == other_operand::immediate) != m.has_immediate()) return false;
  if (m.has_immediate() && (m.immediate & low_bits(8 * m.size)) != i->immediate) return false;
  if (!m.has_immediate() && i->reg != register_operand{static_cast<std::uint8_t>(m.reg), i->size, false}) return false;
  auto const& o = i->memory;
  if (o.base != m.base || o.displacement != m.displacement || o.address_size != 8) return false;
  if (o.seg >= segment::fs) return false;  // those have a base
  if (m.index == simple_move::no_index) return o.index == memory_operand::no_register;
  return o.index == m.index && o.scale == 1U << m.scale_bits;
}

}  // namespace

TEST_CASE("every form of the short decoder's opcodes is what the whole decoder says") {
  constexpr std::uint8_t opcodes[] = {0x89, 0x8b, 0xc7, 0x88, 0x8a, 0xc6, 0x8d, 0x8f, 0xa1, 0xa3};
  std::mt19937_64 random{3};
  counts n;
  unsigned wrong = 0;
  for (unsigned rex = 0x3f; rex <= 0x4f; ++rex) {  // 3f: none
    for (std::uint8_t const opcode : opcodes) {
      for (unsigned modrm = 0; modrm < 256; ++modrm) {
        for (unsigned sib = 0; sib < 256; ++sib) {
          std::uint64_t code = random() << 24 | sib << 16 | modrm << 8 | opcode;
          if (rex != 0x3f) code = code << 8 | rex;
          if (!agree(code, n)) ++wrong;
        }
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(n.simple > 1'000'000);
}

TEST_CASE("whatever bytes come first, nothing is taken for a simple move that is none") {
  std::mt19937_64 random{4};
  counts n;
  unsigned wrong = 0;
  for (unsigned first = 0; first < 0x1'0000; ++first) {
    for (unsigned k = 0; k < 16; ++k) {
      if (!agree(random() << 16 | first, n)) ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(n.simple > 5'000);
  CHECK(n.whole > n.simple);
}

TEST_CASE("what it refuses") {
  CHECK(decode_simple_move(0x0000'0000'0000'c089).length == 0);  // mov eax,eax
  CHECK(decode_simple_move(0x1122'3344'0589).length == 0);       // mov [rip+11223344],eax
  CHECK(decode_simple_move(0x1122'3344'2504'89).length == 0);    // mov [11223344],eax
  CHECK(decode_simple_move(0x0389'66).length == 0);              // mov [rbx],ax
  CHECK(decode_simple_move(0x0389'f0).length == 0);              // lock
  CHECK(decode_simple_move(0x0389'65).length == 0);              // mov gs:[rbx],eax
  CHECK(decode_simple_move(0x0bc7).length == 0);                 // C7 /1
  CHECK(decode_simple_move(0x0389'4848).length == 0);            // two REX
}

// mov dword [rdi+r14*4-8],1: C7 44 B7 F8 with REX.X is nine bytes; without REX (rsi) eight.
static_assert(decode_simple_move(0x0000'0001'f8b7'44c7).length == 8);
static_assert(decode_simple_move(0x0000'0001'f8b7'44c7).index == 6);
static_assert(decode_simple_move(0x0000'0001'f8b7'44c7).displacement == ~std::uint64_t{7});
static_assert(decode_simple_move(0x0000'0001'f8b7'44c7).immediate == 1);
static_assert(decode_simple_move(0x0000'01f8'b744'c742).length == 0);

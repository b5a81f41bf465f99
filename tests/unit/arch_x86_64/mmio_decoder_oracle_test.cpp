// SPDX-License-Identifier: BSL-1.0
// The decoder against Zydis: every opcode with every ModRM and prefixes of all kinds, and millions of random
// bytes, in all three modes. What one of them reads the other reads alike; what Zydis refuses is never decoded, and
// what it would need more bytes for neither.
#include <axhal/arch/x86_64/mmio_decoder.hpp>

#include "support/x86_64_zydis.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

using namespace axhal::test::x86;
using namespace axhal::x86_64;

namespace {

std::unordered_map<int, operation> operations() {
  std::unordered_map<int, operation> all{
      {ZYDIS_MNEMONIC_ADD, operation::add},         {ZYDIS_MNEMONIC_OR, operation::bit_or},
      {ZYDIS_MNEMONIC_ADC, operation::adc},         {ZYDIS_MNEMONIC_SBB, operation::sbb},
      {ZYDIS_MNEMONIC_AND, operation::bit_and},     {ZYDIS_MNEMONIC_SUB, operation::sub},
      {ZYDIS_MNEMONIC_XOR, operation::bit_xor},     {ZYDIS_MNEMONIC_CMP, operation::cmp},
      {ZYDIS_MNEMONIC_TEST, operation::test},       {ZYDIS_MNEMONIC_INC, operation::inc},
      {ZYDIS_MNEMONIC_DEC, operation::dec},         {ZYDIS_MNEMONIC_NOT, operation::bit_not},
      {ZYDIS_MNEMONIC_NEG, operation::neg},         {ZYDIS_MNEMONIC_BT, operation::bt},
      {ZYDIS_MNEMONIC_BTS, operation::bts},         {ZYDIS_MNEMONIC_BTR, operation::btr},
      {ZYDIS_MNEMONIC_BTC, operation::btc},         {ZYDIS_MNEMONIC_MOV, operation::mov},
      {ZYDIS_MNEMONIC_MOVNTI, operation::mov},      {ZYDIS_MNEMONIC_MOVZX, operation::movzx},
      {ZYDIS_MNEMONIC_MOVSX, operation::movsx},     {ZYDIS_MNEMONIC_MOVSXD, operation::movsx},
      {ZYDIS_MNEMONIC_XCHG, operation::xchg},       {ZYDIS_MNEMONIC_XADD, operation::xadd},
      {ZYDIS_MNEMONIC_CMPXCHG, operation::cmpxchg},
  };
  for (int const m : {ZYDIS_MNEMONIC_MOVSB, ZYDIS_MNEMONIC_MOVSW, ZYDIS_MNEMONIC_MOVSD, ZYDIS_MNEMONIC_MOVSQ})
    all[m] = operation::movs;
  for (int const m : {ZYDIS_MNEMONIC_CMPSB, ZYDIS_MNEMONIC_CMPSW, ZYDIS_MNEMONIC_CMPSD, ZYDIS_MNEMONIC_CMPSQ})
    all[m] = operation::cmps;
  for (int const m : {ZYDIS_MNEMONIC_STOSB, ZYDIS_MNEMONIC_STOSW, ZYDIS_MNEMONIC_STOSD, ZYDIS_MNEMONIC_STOSQ})
    all[m] = operation::stos;
  for (int const m : {ZYDIS_MNEMONIC_LODSB, ZYDIS_MNEMONIC_LODSW, ZYDIS_MNEMONIC_LODSD, ZYDIS_MNEMONIC_LODSQ})
    all[m] = operation::lods;
  for (int const m : {ZYDIS_MNEMONIC_SCASB, ZYDIS_MNEMONIC_SCASW, ZYDIS_MNEMONIC_SCASD, ZYDIS_MNEMONIC_SCASQ})
    all[m] = operation::scas;
  for (int const m : {ZYDIS_MNEMONIC_CMOVB, ZYDIS_MNEMONIC_CMOVBE, ZYDIS_MNEMONIC_CMOVL, ZYDIS_MNEMONIC_CMOVLE,
                      ZYDIS_MNEMONIC_CMOVNB, ZYDIS_MNEMONIC_CMOVNBE, ZYDIS_MNEMONIC_CMOVNL, ZYDIS_MNEMONIC_CMOVNLE,
                      ZYDIS_MNEMONIC_CMOVNO, ZYDIS_MNEMONIC_CMOVNP, ZYDIS_MNEMONIC_CMOVNS, ZYDIS_MNEMONIC_CMOVNZ,
                      ZYDIS_MNEMONIC_CMOVO, ZYDIS_MNEMONIC_CMOVP, ZYDIS_MNEMONIC_CMOVS, ZYDIS_MNEMONIC_CMOVZ})
    all[m] = operation::cmov;
  for (int const m : {ZYDIS_MNEMONIC_SETB, ZYDIS_MNEMONIC_SETBE, ZYDIS_MNEMONIC_SETL, ZYDIS_MNEMONIC_SETLE,
                      ZYDIS_MNEMONIC_SETNB, ZYDIS_MNEMONIC_SETNBE, ZYDIS_MNEMONIC_SETNL, ZYDIS_MNEMONIC_SETNLE,
                      ZYDIS_MNEMONIC_SETNO, ZYDIS_MNEMONIC_SETNP, ZYDIS_MNEMONIC_SETNS, ZYDIS_MNEMONIC_SETNZ,
                      ZYDIS_MNEMONIC_SETO, ZYDIS_MNEMONIC_SETP, ZYDIS_MNEMONIC_SETS, ZYDIS_MNEMONIC_SETZ})
    all[m] = operation::setcc;
  return all;
}

condition condition_of(ZydisMnemonic m) {
  switch (m) {
    case ZYDIS_MNEMONIC_CMOVO:
    case ZYDIS_MNEMONIC_SETO: return condition::o;
    case ZYDIS_MNEMONIC_CMOVNO:
    case ZYDIS_MNEMONIC_SETNO: return condition::no;
    case ZYDIS_MNEMONIC_CMOVB:
    case ZYDIS_MNEMONIC_SETB: return condition::b;
    case ZYDIS_MNEMONIC_CMOVNB:
    case ZYDIS_MNEMONIC_SETNB: return condition::ae;
    case ZYDIS_MNEMONIC_CMOVZ:
    case ZYDIS_MNEMONIC_SETZ: return condition::e;
    case ZYDIS_MNEMONIC_CMOVNZ:
    case ZYDIS_MNEMONIC_SETNZ: return condition::ne;
    case ZYDIS_MNEMONIC_CMOVBE:
    case ZYDIS_MNEMONIC_SETBE: return condition::be;
    case ZYDIS_MNEMONIC_CMOVNBE:
    case ZYDIS_MNEMONIC_SETNBE: return condition::a;
    case ZYDIS_MNEMONIC_CMOVS:
    case ZYDIS_MNEMONIC_SETS: return condition::s;
    case ZYDIS_MNEMONIC_CMOVNS:
    case ZYDIS_MNEMONIC_SETNS: return condition::ns;
    case ZYDIS_MNEMONIC_CMOVP:
    case ZYDIS_MNEMONIC_SETP: return condition::p;
    case ZYDIS_MNEMONIC_CMOVNP:
    case ZYDIS_MNEMONIC_SETNP: return condition::np;
    case ZYDIS_MNEMONIC_CMOVL:
    case ZYDIS_MNEMONIC_SETL: return condition::l;
    case ZYDIS_MNEMONIC_CMOVNL:
    case ZYDIS_MNEMONIC_SETNL: return condition::ge;
    case ZYDIS_MNEMONIC_CMOVLE:
    case ZYDIS_MNEMONIC_SETLE: return condition::le;
    case ZYDIS_MNEMONIC_CMOVNLE:
    case ZYDIS_MNEMONIC_SETNLE: return condition::g;
    default: return condition::o;
  }
}

/// What Zydis says of an instruction, in our words; nothing when it is none of ours to decode.
std::optional<instruction> ours(ZydisDecodedInstruction const& z, ZydisDecodedOperand const* operands) {
  static auto const known = operations();
  auto const found = known.find(z.mnemonic);
  if (found == known.end()) return std::nullopt;
  instruction i{.op = found->second, .length = z.length};
  if (z.mnemonic == ZYDIS_MNEMONIC_MOVSD && z.meta.category != ZYDIS_CATEGORY_STRINGOP) return std::nullopt;
  if (z.mnemonic == ZYDIS_MNEMONIC_CMPSD && z.meta.category != ZYDIS_CATEGORY_STRINGOP) return std::nullopt;
  if (z.mnemonic == ZYDIS_MNEMONIC_MOVSXD && z.operand_width == 16) return std::nullopt;
  unsigned memories = 0;
  for (unsigned n = 0; n < z.operand_count; ++n) {
    auto const& o = operands[n];
    bool const string_part = is_string(i.op);
    if (o.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      auto const m = memory_of(z, o);
      i.size = static_cast<std::uint8_t>(o.size / 8);
      // MOVS names its destination first, CMPS its first source.
      bool const second = (i.op == operation::movs && memories == 1) || (i.op == operation::cmps && memories == 0);
      (second ? i.second : i.memory) = m;
      ++memories;
      continue;
    }
    if (o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && !string_part) continue;
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      auto const r = register_of(o.reg.value);
      if (string_part && (!r || r->number != 0)) continue;  // rSI, rDI, rCX, flags, bases
      if (!r) return std::nullopt;                          // segment, control and debug registers
      i.other = other_operand::reg;
      i.reg = *r;
      i.into_register = n == 0;
    } else if (o.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      i.other = other_operand::immediate;
      i.immediate = o.imm.value.u;
    }
  }
  if (memories == 0) return std::nullopt;
  i.immediate &= axhal::low_bits(8U * i.size);
  // Operands that may change places are named in either order.
  bool const symmetric = i.op == operation::xchg || i.op == operation::test;
  if (symmetric) i.into_register = false;
  if (is_string(i.op)) i.into_register = i.op == operation::lods || i.op == operation::scas;
  if (i.op == operation::cmov || i.op == operation::setcc) i.cc = condition_of(z.mnemonic);
  i.lock = (z.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
  if (is_string(i.op)) i.rep = repeat_of(z);
  return i;
}

struct tally {
  std::size_t tried{}, read{}, refused{}, left_alone{}, wrong{};
};

/// True when both say the same of the first `length` bytes.
bool agree(oracle const& o, code const& bytes, std::size_t length, tally& all) {
  ZydisDecodedInstruction z;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  auto const status = o.decode(bytes, length, z, operands);
  auto const mine = decode_instruction({bytes.data(), length}, o.mode);
  if (status == ZYDIS_STATUS_NO_MORE_DATA && length < whole) {
    ++all.refused;
    return !mine;
  }
  if (ZYAN_FAILED(status)) {
    ++all.refused;
    return !mine && mine.error() != undecoded::truncated;
  }
  auto const theirs = ours(z, operands);
  if (!theirs) {
    ++all.left_alone;
    return !mine && mine.error() == undecoded::unsupported;
  }
  ++all.read;
  return mine == *theirs;
}

void check(oracle const& o, code const& bytes, std::size_t length, tally& all) {
  ++all.tried;
  if (agree(o, bytes, length, all) || ++all.wrong > 20) return;
  auto const mine = decode_instruction({bytes.data(), length}, o.mode);
  UNSCOPED_INFO(o.describe(bytes, length) << (mine ? " (decoded)" : " (not decoded)"));
}

/// Opcodes, in one or two bytes, that we know.
std::vector<std::vector<std::uint8_t>> known_opcodes() {
  std::vector<std::vector<std::uint8_t>> all;
  for (unsigned n = 0; n < 0x40; ++n) {
    if ((n & 7) < 4) all.push_back({static_cast<std::uint8_t>(n)});
  }
  for (unsigned const n : {0x63U, 0x80U, 0x81U, 0x82U, 0x83U, 0x84U, 0x85U, 0x86U, 0x87U, 0x88U, 0x89U,
                           0x8aU, 0x8bU, 0xa0U, 0xa1U, 0xa2U, 0xa3U, 0xa4U, 0xa5U, 0xa6U, 0xa7U, 0xaaU,
                           0xabU, 0xacU, 0xadU, 0xaeU, 0xafU, 0xc6U, 0xc7U, 0xf6U, 0xf7U, 0xfeU, 0xffU})
    all.push_back({static_cast<std::uint8_t>(n)});
  for (unsigned n = 0; n < 16; ++n) {
    all.push_back({0x0f, static_cast<std::uint8_t>(0x40 + n)});
    all.push_back({0x0f, static_cast<std::uint8_t>(0x90 + n)});
  }
  for (unsigned const n :
       {0xa3U, 0xabU, 0xb0U, 0xb1U, 0xb3U, 0xb6U, 0xb7U, 0xbaU, 0xbbU, 0xbeU, 0xbfU, 0xc0U, 0xc1U, 0xc3U})
    all.push_back({0x0f, static_cast<std::uint8_t>(n)});
  return all;
}

}  // namespace

TEST_CASE("every opcode with every ModRM, every prefix and many pairs of them is read as Zydis reads it") {
  std::mt19937 random{1};
  auto const opcodes = known_opcodes();
  for (auto const mode : modes) {
    oracle const o{mode};
    tally all;
    for (auto const& prefix : prefix_sets(mode)) {
      for (auto const& opcode : opcodes) {
        for (unsigned modrm = 0; modrm < 256; ++modrm) {
          if (prefix.size() > 1 && random() % 3 != 0) continue;
          // Registers of mod 3 differ in nothing that we look at.
          if (modrm > 0xc0 && (modrm & 7) != 0) continue;
          code bytes;
          for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
          std::size_t n = 0;
          for (auto const b : prefix) bytes[n++] = b;
          for (auto const b : opcode) bytes[n++] = b;
          bytes[n] = static_cast<std::uint8_t>(modrm);
          check(o, bytes, whole, all);
        }
      }
    }
    CHECK(all.wrong == 0);
    CHECK(all.read > 400'000);
    CHECK(all.refused > 50'000);
  }
}

TEST_CASE("every SIB byte is read as Zydis reads it") {
  std::mt19937 random{2};
  for (auto const mode : {code_size::bits_32, code_size::bits_64}) {
    oracle const o{mode};
    tally all;
    for (unsigned sib = 0; sib < 256; ++sib) {
      for (unsigned modrm : {0x04U, 0x44U, 0x84U, 0x3cU}) {
        for (unsigned rex = 0; rex < 17; ++rex) {
          if (rex != 16 && mode != code_size::bits_64) continue;
          for (bool const short_address : {false, true}) {
            code bytes;
            for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
            std::size_t n = 0;
            if (short_address) bytes[n++] = 0x67;
            if (rex != 16) bytes[n++] = static_cast<std::uint8_t>(0x40 + rex);
            bytes[n++] = 0x8b;
            bytes[n++] = static_cast<std::uint8_t>(modrm);
            bytes[n] = static_cast<std::uint8_t>(sib);
            check(o, bytes, whole, all);
          }
        }
      }
    }
    CHECK(all.wrong == 0);
    CHECK(all.read == all.tried);
  }
}

TEST_CASE("random bytes are read as Zydis reads them") {
  std::mt19937_64 random{3};
  auto const opcodes = known_opcodes();
  for (auto const mode : modes) {
    oracle const o{mode};
    tally all;
    for (unsigned round = 0; round < 1'500'000; ++round) {
      code bytes;
      for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
      if (round % 3 != 0) {
        // Prefixes in any number and order, then one of our opcodes: longer than 15 bytes now and then.
        constexpr std::uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
                                             0xf0, 0xf2, 0xf3, 0x48, 0x41, 0x4f, 0x40, 0x66};
        std::size_t n = 0;
        auto const count = random() % (round % 3 == 1 ? 5 : 12);
        while (n < count) bytes[n++] = prefixes[random() % std::size(prefixes)];
        for (auto const b : opcodes[random() % opcodes.size()]) bytes[n++] = b;
      }
      check(o, bytes, whole, all);
    }
    CHECK(all.wrong == 0);
    CHECK(all.read > 400'000);
  }
}

TEST_CASE("with too few bytes neither decodes") {
  std::mt19937_64 random{4};
  auto const opcodes = known_opcodes();
  oracle const oracles[] = {oracle{modes[0]}, oracle{modes[1]}, oracle{modes[2]}};
  tally all;
  std::size_t wrong = 0;
  for (unsigned round = 0; round < 150'000; ++round) {
    code bytes;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    std::size_t n = 0;
    if (round % 2 != 0) bytes[n++] = 0x66;
    for (auto const b : opcodes[random() % opcodes.size()]) bytes[n++] = b;
    auto const& o = oracles[round % 3];
    auto const full = decode_instruction({bytes.data(), whole}, o.mode);
    for (std::size_t length = 0; length < whole; ++length) {
      auto const cut = decode_instruction({bytes.data(), length}, o.mode);
      if (full && length < full->length) {
        if (cut || cut.error() != undecoded::truncated) ++wrong;
      } else if (full && cut != full) {
        ++wrong;
      }
      check(o, bytes, length, all);
    }
  }
  CHECK(wrong == 0);
  CHECK(all.wrong == 0);
  CHECK(all.read > 500'000);
}

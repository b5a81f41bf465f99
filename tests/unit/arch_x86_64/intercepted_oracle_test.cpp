// SPDX-License-Identifier: BSL-1.0
// Instructions that stop a guest, against Zydis: every opcode that begins one with every byte after it and prefixes of
// all kinds, in all three modes: the same instruction, length, registers, ports and addresses.
#include <axhal/arch/x86_64/intercepted_instruction.hpp>

#include "support/x86_64_zydis.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <sstream>
#include <unordered_map>

using namespace axhal::test::x86;
using namespace axhal::x86_64;

namespace {

std::unordered_map<int, intercepted> const& instructions() {
  using enum intercepted;
  static std::unordered_map<int, intercepted> const all{
      {ZYDIS_MNEMONIC_CPUID, cpuid},   {ZYDIS_MNEMONIC_HLT, hlt},         {ZYDIS_MNEMONIC_PAUSE, pause},
      {ZYDIS_MNEMONIC_RDMSR, rdmsr},   {ZYDIS_MNEMONIC_WRMSR, wrmsr},     {ZYDIS_MNEMONIC_RDTSC, rdtsc},
      {ZYDIS_MNEMONIC_RDTSCP, rdtscp}, {ZYDIS_MNEMONIC_RDPMC, rdpmc},     {ZYDIS_MNEMONIC_INVD, invd},
      {ZYDIS_MNEMONIC_WBINVD, wbinvd}, {ZYDIS_MNEMONIC_INVLPG, invlpg},   {ZYDIS_MNEMONIC_INVLPGA, invlpga},
      {ZYDIS_MNEMONIC_XSETBV, xsetbv}, {ZYDIS_MNEMONIC_MONITOR, monitor}, {ZYDIS_MNEMONIC_MWAIT, mwait},
      {ZYDIS_MNEMONIC_CLTS, clts},     {ZYDIS_MNEMONIC_SMSW, smsw},       {ZYDIS_MNEMONIC_LMSW, lmsw},
      {ZYDIS_MNEMONIC_IN, in},         {ZYDIS_MNEMONIC_OUT, out},         {ZYDIS_MNEMONIC_INSB, ins},
      {ZYDIS_MNEMONIC_INSW, ins},      {ZYDIS_MNEMONIC_INSD, ins},        {ZYDIS_MNEMONIC_OUTSB, outs},
      {ZYDIS_MNEMONIC_OUTSW, outs},    {ZYDIS_MNEMONIC_OUTSD, outs},      {ZYDIS_MNEMONIC_INT, int_n},
      {ZYDIS_MNEMONIC_INT3, int3},     {ZYDIS_MNEMONIC_INT1, icebp},      {ZYDIS_MNEMONIC_IRET, iret},
      {ZYDIS_MNEMONIC_IRETD, iret},    {ZYDIS_MNEMONIC_IRETQ, iret},      {ZYDIS_MNEMONIC_RSM, rsm},
      {ZYDIS_MNEMONIC_VMCALL, vmcall}, {ZYDIS_MNEMONIC_VMMCALL, vmmcall}, {ZYDIS_MNEMONIC_VMRUN, vmrun},
      {ZYDIS_MNEMONIC_VMLOAD, vmload}, {ZYDIS_MNEMONIC_VMSAVE, vmsave},   {ZYDIS_MNEMONIC_STGI, stgi},
      {ZYDIS_MNEMONIC_CLGI, clgi},     {ZYDIS_MNEMONIC_SKINIT, skinit},   {ZYDIS_MNEMONIC_MOV, mov_from_cr},
  };
  return all;
}

/// What Zydis says of an instruction, in our words; nothing when it is none that stops a guest.
std::optional<intercepted_instruction> ours(ZydisDecodedInstruction const& z, ZydisDecodedOperand const* operands) {
  auto const found = instructions().find(z.mnemonic);
  if (found == instructions().end()) return std::nullopt;
  // With REX.B it exchanges RAX and R8, F3 or not (mmio_emulation_host_test.cpp asks the processor).
  if (z.mnemonic == ZYDIS_MNEMONIC_PAUSE && z.raw.rex.B != 0) return std::nullopt;
  intercepted_instruction i{.what = found->second, .length = z.length};
  bool const ports = z.mnemonic == ZYDIS_MNEMONIC_IN || z.mnemonic == ZYDIS_MNEMONIC_OUT;
  bool const strings = i.what == intercepted::ins || i.what == intercepted::outs;
  bool const status = i.what == intercepted::smsw || i.what == intercepted::lmsw;
  if (z.mnemonic == ZYDIS_MNEMONIC_MOV) {
    bool const to = z.opcode == 0x22 || z.opcode == 0x23;
    if (z.opcode_map != ZYDIS_OPCODE_MAP_0F || z.opcode < 0x20 || z.opcode > 0x23) return std::nullopt;
    auto const special = operands[to ? 0 : 1].reg.value;
    bool const debug = special >= ZYDIS_REGISTER_DR0 && special <= ZYDIS_REGISTER_DR15;
    i.what = debug ? (to ? intercepted::mov_to_dr : intercepted::mov_from_dr)
                   : (to ? intercepted::mov_to_cr : intercepted::mov_from_cr);
    i.number = static_cast<std::uint8_t>(special - (debug ? ZYDIS_REGISTER_DR0 : ZYDIS_REGISTER_CR0));
    i.reg = register_of(operands[to ? 1 : 0].reg.value).value_or(register_operand{});
    return i;
  }
  if (i.what == intercepted::int_n) i.number = static_cast<std::uint8_t>(operands[0].imm.value.u);
  if (ports) {
    bool const out = i.what == intercepted::out;
    i.size = static_cast<std::uint8_t>(operands[out ? 1 : 0].size / 8);
    auto const& port = operands[out ? 0 : 1];
    i.has_number = port.type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    if (i.has_number) i.number = static_cast<std::uint8_t>(port.imm.value.u);
  }
  for (unsigned n = 0; n < z.operand_count && (strings || status || i.what == intercepted::invlpg); ++n) {
    auto const& o = operands[n];
    if (o.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      i.has_memory = true;
      i.memory = memory_of(z, o);
      if (i.what != intercepted::invlpg) i.size = static_cast<std::uint8_t>(o.size / 8);
    } else if (status && o.type == ZYDIS_OPERAND_TYPE_REGISTER && o.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
      i.reg = register_of(o.reg.value).value_or(register_operand{});
    }
  }
  if (strings) i.rep = repeat_of(z);
  return i;
}

struct tally {
  std::size_t read{}, refused{}, left_alone{}, wrong{};
};

void check(oracle const& o, code const& bytes, tally& all) {
  ZydisDecodedInstruction z;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  auto const mine = decode_intercepted({bytes.data(), whole}, o.mode);
  bool agree = false;
  if (ZYAN_FAILED(o.decode(bytes, whole, z, operands))) {
    ++all.refused;
    agree = !mine && mine.error() != undecoded::truncated;
  } else if (auto const theirs = ours(z, operands)) {
    ++all.read;
    // Group 7 with prefixes that it may not have is left alone.
    bool const plain = z.opcode_map != ZYDIS_OPCODE_MAP_0F || z.opcode != 0x01 || z.raw.modrm.mod != 3;
    agree = mine ? *mine == *theirs : !plain && z.raw.prefix_count != 0 && mine.error() == undecoded::unsupported;
  } else {
    ++all.left_alone;
    agree = !mine && mine.error() == undecoded::unsupported;
  }
  if (agree || ++all.wrong > 20) return;
  UNSCOPED_INFO(o.describe(bytes, whole) << (mine ? " (decoded)" : " (not decoded)"));
}

}  // namespace

TEST_CASE("instructions that stop a guest are read as Zydis reads them") {
  std::mt19937_64 random{1};
  for (auto const mode : modes) {
    oracle const o{mode};
    tally all;
    for (auto const& prefix : prefix_sets(mode)) {
      for (unsigned opcode = 0; opcode < 512; ++opcode) {
        bool const many = opcode == 0x101 || (opcode >= 0x120 && opcode <= 0x123);
        for (unsigned next = 0; next < (many ? 256U : 2U); ++next) {
          code bytes;
          for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
          std::size_t n = 0;
          for (auto const b : prefix) bytes[n++] = b;
          if (opcode >= 256) bytes[n++] = 0x0f;
          bytes[n++] = static_cast<std::uint8_t>(opcode);
          if (many) bytes[n] = static_cast<std::uint8_t>(next);
          check(o, bytes, all);
        }
      }
    }
    CHECK(all.wrong == 0);
    CHECK(all.read > 50'000);
  }
}

TEST_CASE("random bytes stop a guest where Zydis says so") {
  std::mt19937_64 random{2};
  for (auto const mode : modes) {
    oracle const o{mode};
    tally all;
    for (int round = 0; round < 500'000; ++round) {
      code bytes;
      for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
      if (round % 2 != 0) {
        bytes[0] = 0x0f;
        if (round % 4 == 1) bytes[1] = 0x01;
      }
      check(o, bytes, all);
    }
    CHECK(all.wrong == 0);
    CHECK(all.read > 20'000);
  }
}

TEST_CASE("each byte of an instruction that stops a guest is asked for") {
  std::mt19937_64 random{3};
  std::size_t wrong = 0;
  for (int round = 0; round < 300'000; ++round) {
    code bytes;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    if (round % 2 != 0) {
      bytes[0] = 0x0f;
      bytes[1] = 0x01;
    }
    auto const mode = modes[round % 3];
    auto const full = decode_intercepted({bytes.data(), whole}, mode);
    if (!full) continue;
    for (std::size_t length = 0; length < whole; ++length) {
      auto const cut = decode_intercepted({bytes.data(), length}, mode);
      if (length >= full->length ? cut != full : cut || cut.error() != undecoded::truncated) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

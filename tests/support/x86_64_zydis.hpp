// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>

#include <catch2/catch_test_macros.hpp>

#include <Zydis/Zydis.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

/// Zydis as an oracle for decoders of x86 instructions, and its words in ours.
namespace axhal::test::x86 {

using namespace axhal::x86_64;

/// A general register by Zydis' name; nothing for others.
inline std::optional<register_operand> register_of(ZydisRegister r) {
  auto const number = [&](int first) { return static_cast<std::uint8_t>(r - first); };
  if (r >= ZYDIS_REGISTER_AL && r <= ZYDIS_REGISTER_BL) return register_operand{number(ZYDIS_REGISTER_AL), 1, false};
  if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH) return register_operand{number(ZYDIS_REGISTER_AH), 1, true};
  if (r >= ZYDIS_REGISTER_SPL && r <= ZYDIS_REGISTER_R15B)
    return register_operand{number(ZYDIS_REGISTER_SPL - 4), 1, false};
  if (r >= ZYDIS_REGISTER_AX && r <= ZYDIS_REGISTER_R15W) return register_operand{number(ZYDIS_REGISTER_AX), 2, false};
  if (r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_R15D)
    return register_operand{number(ZYDIS_REGISTER_EAX), 4, false};
  if (r >= ZYDIS_REGISTER_RAX && r <= ZYDIS_REGISTER_R15) return register_operand{number(ZYDIS_REGISTER_RAX), 8, false};
  return std::nullopt;
}

/// The base or index of an address; 0x7f for a register that no address of ours has.
inline std::uint8_t address_register(ZydisRegister r) {
  if (r == ZYDIS_REGISTER_NONE) return memory_operand::no_register;
  if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP) return memory_operand::rip;
  auto const known = register_of(r);
  return known ? known->number : std::uint8_t{0x7f};
}

inline memory_operand memory_of(ZydisDecodedInstruction const& z, ZydisDecodedOperand const& o) {
  constexpr ZydisRegister segments[] = {ZYDIS_REGISTER_ES, ZYDIS_REGISTER_CS, ZYDIS_REGISTER_SS,
                                        ZYDIS_REGISTER_DS, ZYDIS_REGISTER_FS, ZYDIS_REGISTER_GS};
  memory_operand m{.base = address_register(o.mem.base),
                   .index = address_register(o.mem.index),
                   .scale = o.mem.scale == 0 ? std::uint8_t{1} : o.mem.scale,
                   .address_size = static_cast<std::uint8_t>(z.address_width / 8),
                   .displacement = o.mem.disp.has_displacement ? static_cast<std::uint64_t>(o.mem.disp.value) : 0};
  // Without a base there is none with REX.B either; Zydis 4.0 takes it for R13D (the processor does not:
  // mmio_emulation_host_test.cpp).
  bool const has_sib = (z.attributes & ZYDIS_ATTRIB_HAS_SIB) != 0;
  if (has_sib && z.raw.modrm.mod == 0 && z.raw.sib.base == 5) {
    m.base = memory_operand::no_register;
    m.displacement = static_cast<std::uint64_t>(z.raw.disp.value);
  }
  for (std::size_t i = 0; i < std::size(segments); ++i) {
    if (segments[i] == o.mem.segment) m.seg = static_cast<segment>(i);
  }
  return m;
}

/// The repeat prefix that counts: the last of F2 and F3.
inline repeat repeat_of(ZydisDecodedInstruction const& z) {
  repeat last = repeat::none;
  for (unsigned n = 0; n < z.raw.prefix_count; ++n) {
    if (z.raw.prefixes[n].value == 0xf3) last = repeat::while_equal;
    if (z.raw.prefixes[n].value == 0xf2) last = repeat::while_not_equal;
  }
  return last;
}

inline constexpr std::size_t whole = longest_instruction;
using code = std::array<std::uint8_t, whole + 1>;

inline constexpr code_size modes[] = {code_size::bits_16, code_size::bits_32, code_size::bits_64};

/// Zydis in one mode.
struct oracle {
  code_size mode;
  ZydisDecoder decoder{};

  explicit oracle(code_size m) : mode{m} {
    auto const ok =
        mode == code_size::bits_64   ? ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
        : mode == code_size::bits_32 ? ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32)
                                     : ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    REQUIRE(ZYAN_SUCCESS(ok));
  }

  /// What Zydis makes of the first `length` bytes.
  ZyanStatus decode(code const& bytes, std::size_t length, ZydisDecodedInstruction& z,
                    ZydisDecodedOperand (&operands)[ZYDIS_MAX_OPERAND_COUNT]) const {
    return ZydisDecoderDecodeFull(&decoder, bytes.data(), length, &z, operands);
  }

  /// The mode, the bytes, and Zydis' text of them.
  [[nodiscard]] std::string describe(code const& bytes, std::size_t length) const {
    std::ostringstream text;
    text << (mode == code_size::bits_64 ? "64:" : mode == code_size::bits_32 ? "32:" : "16:") << std::hex;
    for (std::size_t i = 0; i < length; ++i) text << ' ' << static_cast<unsigned>(bytes[i]);
    ZydisDisassembledInstruction readable;
    if (ZYAN_SUCCESS(ZydisDisassembleIntel(decoder.machine_mode, 0, bytes.data(), length, &readable)))
      text << ": " << readable.text;
    return text.str();
  }
};

/// Prefixes alone and in pairs, some of which must not be followed by what we decode.
inline std::vector<std::vector<std::uint8_t>> prefix_sets(code_size mode) {
  std::vector<std::uint8_t> singles{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
  if (mode == code_size::bits_64) {
    for (unsigned const rex : {0x40U, 0x41U, 0x42U, 0x44U, 0x48U, 0x4fU}) {
      singles.push_back(static_cast<std::uint8_t>(rex));
    }
  }
  std::vector<std::vector<std::uint8_t>> all{{}};
  for (auto const a : singles) {
    all.push_back({a});
    for (auto const b : singles) all.push_back({a, b});
  }
  return all;
}

}  // namespace axhal::test::x86

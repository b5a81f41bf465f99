// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

/// The first bytes of an instruction: prefixes, and the sizes that follow from them and from the mode.
namespace axhal::x86_64 {

/// The mode that code runs in, which gives the default sizes of addresses and operands
/// (Intel SDM vol. 3, "Code-Segment Descriptor in 64-bit Mode"; vol. 1, "Operand-Size and Address-Size Attributes").
enum class code_size : std::uint8_t {
  bits_16,  ///< real mode, virtual-8086 mode, and segments with D 0
  bits_32,  ///< segments with D 1, outside of IA-32e mode or in its compatibility mode
  bits_64,  ///< segments with L 1 in IA-32e mode
};

/// Why bytes were not decoded.
enum class undecoded : std::uint8_t {
  truncated,    ///< more bytes are needed; with 15 this never comes
  unsupported,  ///< none of the instructions that this decoder knows; whether it exists at all is not said
  invalid,      ///< the processor refuses it: an encoding without meaning, a LOCK that must not be, more than 15 bytes
};

/// Segment registers by their numbers in instructions.
enum class segment : std::uint8_t { es, cs, ss, ds, fs, gs };

/// An instruction is no longer than this (Intel SDM vol. 2, "Instruction Format").
inline constexpr std::size_t longest_instruction = 15;

namespace detail {

/// Takes an instruction's bytes one by one. Past the end it gives zeros and remembers.
struct code_cursor {
  bytes code{};
  std::uint8_t at{};  ///< bytes taken, never more than 16
  bool ended{};       ///< a byte was asked for that is not there

  [[nodiscard]] static constexpr code_cursor over(bytes code) { return {code.sub(0, longest_instruction)}; }

  constexpr std::uint8_t next() {
    if (at >= code.size) {
      ended = true;
      return 0;
    }
    return code[at++];
  }
  /// `count` (0 to 8) bytes, the lowest first.
  constexpr std::uint64_t number(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{next()} << (8 * i);
    return value;
  }
  /// What it means that a byte was not there.
  [[nodiscard]] constexpr undecoded reason() const {
    return code.size == longest_instruction ? undecoded::invalid : undecoded::truncated;
  }
};

/// REX, where it counts (Intel SDM vol. 2, "REX Prefixes").
struct rex_prefix {
  bool present{};  ///< without it the byte registers 4 to 7 are AH, CH, DH, BH
  bool w{};
  std::uint8_t r{};  ///< 0 or 8, added to ModRM.reg
  std::uint8_t x{};  ///< 0 or 8, added to SIB.index
  std::uint8_t b{};  ///< 0 or 8, added to ModRM.rm, SIB.base
};

/// What the prefixes say.
struct prefixes {
  code_size code{};
  rex_prefix rex{};
  std::uint8_t repeat{};  ///< the last of F2 and F3, or 0
  bool lock{};
  bool operand_size{};  ///< 66
  bool address_size{};  ///< 67
  bool has_segment{};
  segment override_with{};

  /// Bytes of an operand whose size is not in the opcode: 2, 4, 8.
  [[nodiscard]] constexpr std::uint8_t operand_bytes() const {
    if (rex.w) return 8;
    return (code == code_size::bits_16) != operand_size ? 2 : 4;
  }
  /// Bytes of an address: 2, 4, 8.
  [[nodiscard]] constexpr std::uint8_t address_bytes() const {
    switch (code) {
      case code_size::bits_16: return address_size ? 4 : 2;
      case code_size::bits_32: return address_size ? 2 : 4;
      case code_size::bits_64: break;
    }
    return address_size ? 4 : 8;
  }
  /// The segment of an operand that lies in `usual` without a prefix.
  [[nodiscard]] constexpr segment segment_of(segment usual) const { return has_segment ? override_with : usual; }

  /// In 64-bit mode only FS and GS count ("Segment override prefixes").
  constexpr void override_segment(segment s) {
    if (code == code_size::bits_64 && s < segment::fs) return;
    has_segment = true;
    override_with = s;
  }
};

/// Takes `byte` into `p` when it is a legacy prefix.
[[nodiscard]] constexpr bool take_legacy_prefix(prefixes& p, std::uint8_t byte) {
  switch (byte) {
    case 0x26: p.override_segment(segment::es); return true;
    case 0x2e: p.override_segment(segment::cs); return true;
    case 0x36: p.override_segment(segment::ss); return true;
    case 0x3e: p.override_segment(segment::ds); return true;
    case 0x64: p.override_segment(segment::fs); return true;
    case 0x65: p.override_segment(segment::gs); return true;
    case 0x66: p.operand_size = true; return true;
    case 0x67: p.address_size = true; return true;
    case 0xf0: p.lock = true; return true;
    case 0xf2:
    case 0xf3: p.repeat = byte; return true;
    default: return false;
  }
}

/// Takes all prefixes and gives back the byte after them, the opcode's first. A REX that another prefix follows has no
/// effect ("REX Prefixes": only the one directly before the opcode counts).
[[nodiscard]] constexpr std::uint8_t take_prefixes(code_cursor& c, prefixes& p) {
  for (;;) {
    std::uint8_t const byte = c.next();
    if (c.ended) return 0;
    if (p.code == code_size::bits_64 && (byte & 0xf0) == 0x40) {
      p.rex = {.present = true,
               .w = (byte & 8) != 0,
               .r = static_cast<std::uint8_t>((byte & 4) << 1),
               .x = static_cast<std::uint8_t>((byte & 2) << 2),
               .b = static_cast<std::uint8_t>((byte & 1) << 3)};
      continue;
    }
    if (!take_legacy_prefix(p, byte)) return byte;
    p.rex = {};
  }
}

}  // namespace detail
}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal {

/// A contiguous run of bits [Msb:Lsb] inside a `Word`, read and written as `Value`.
///
/// `Value` is `bool`, an unsigned integer or an enum whose underlying type is one. Pure: works on values, touches no
/// hardware.
template <typename Value, unsigned Msb, unsigned Lsb = Msb, std::unsigned_integral Word = std::uint64_t>
struct bit_field {
  static_assert(Lsb <= Msb, "bit_field: the most significant bit comes first");
  static_assert(Msb < sizeof(Word) * 8, "bit_field: the field reaches past the word");

  static constexpr unsigned width = Msb - Lsb + 1;
  static constexpr Word ones =
      width == sizeof(Word) * 8 ? static_cast<Word>(~Word{0}) : static_cast<Word>((Word{1} << width) - 1);
  static constexpr Word mask = static_cast<Word>(ones << Lsb);

  [[nodiscard]] static constexpr Value get(Word word) { return static_cast<Value>((word >> Lsb) & ones); }
  /// The word with this field replaced; every other bit is kept. Bits of `value` past the field are cut off.
  [[nodiscard]] static constexpr Word with(Word word, Value value) {
    return static_cast<Word>((word & ~mask) | ((static_cast<Word>(value) & ones) << Lsb));
  }
  /// A word with this field alone.
  [[nodiscard]] static constexpr Word make(Value value) { return with(0, value); }
};

/// True when no two fields claim the same bit.
template <typename... Fields>
inline constexpr bool disjoint_fields =
    (std::popcount(Fields::mask) + ... + 0) == std::popcount((std::uint64_t{0} | ... | Fields::mask));

/// A mask of `count` ones from bit 0, `count` in 0..64.
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t low_bits(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// `value`'s low `bits` bits (1..64) as a two's-complement number, extended to 64 bits.
[[nodiscard]] constexpr std::uint64_t sign_extend(std::uint64_t value, unsigned bits) {
  std::uint64_t const sign = std::uint64_t{1} << (bits - 1);
  return ((value & low_bits(bits)) ^ sign) - sign;
}

}  // namespace axhal

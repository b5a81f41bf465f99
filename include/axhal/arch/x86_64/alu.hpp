// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/core/bit_field.hpp>

#include <bit>
#include <cstdint>

/// What arithmetic makes of its operands and of the flags (Intel SDM vol. 2, each instruction's "Flags Affected").
namespace axhal::x86_64 {

/// The outcome of an operation.
struct alu_result {
  std::uint64_t value{};   ///< for the first operand; upper bytes are zero. CMP, TEST and BT do not write it
  std::uint64_t rflags{};  ///< all of the register
  friend constexpr bool operator==(alu_result, alu_result) = default;
};

/// Status flags that an operation leaves undefined; `alu` says what it makes of them.
[[nodiscard]] constexpr std::uint64_t undefined_flags(operation op) {
  using namespace rflags;
  switch (op) {
    case operation::bit_or:
    case operation::bit_and:
    case operation::bit_xor:
    case operation::test: return f_af::mask;
    case operation::bt:
    case operation::bts:
    case operation::btr:
    case operation::btc: return f_of::mask | f_sf::mask | f_af::mask | f_pf::mask;
    default: return 0;
  }
}

namespace detail {

/// SF, ZF and PF of a result of `bits` bits.
[[nodiscard]] constexpr std::uint64_t result_flags(std::uint64_t value, unsigned bits) {
  using namespace rflags;
  return f_sf::make(((value >> (bits - 1)) & 1) != 0) | f_zf::make(value == 0) |
         f_pf::make(std::popcount(value & 0xff) % 2 == 0);
}

/// The flags of `a + b + carry` or `a - b - carry`, whose carries or borrows out of each bit are `carries`.
[[nodiscard]] constexpr std::uint64_t arithmetic_flags(std::uint64_t value, std::uint64_t carries, bool overflow,
                                                       unsigned bits) {
  using namespace rflags;
  return result_flags(value, bits) | f_cf::make(((carries >> (bits - 1)) & 1) != 0) |
         f_af::make(((carries >> 3) & 1) != 0) | f_of::make(overflow);
}

[[nodiscard]] constexpr alu_result add(std::uint64_t a, std::uint64_t b, bool carry, unsigned bits) {
  std::uint64_t const sum = (a + b + (carry ? 1 : 0)) & low_bits(bits);
  std::uint64_t const carries = (a & b) | ((a | b) & ~sum);
  bool const overflow = ((((a ^ sum) & (b ^ sum)) >> (bits - 1)) & 1) != 0;
  return {sum, arithmetic_flags(sum, carries, overflow, bits)};
}

[[nodiscard]] constexpr alu_result subtract(std::uint64_t a, std::uint64_t b, bool borrow, unsigned bits) {
  std::uint64_t const difference = (a - b - (borrow ? 1 : 0)) & low_bits(bits);
  std::uint64_t const borrows = (~a & b) | ((~a | b) & difference);
  bool const overflow = ((((a ^ b) & (a ^ difference)) >> (bits - 1)) & 1) != 0;
  return {difference, arithmetic_flags(difference, borrows, overflow, bits)};
}

/// BT, BTS, BTR, BTC: the bit goes to CF, the rest of the flags stays.
[[nodiscard]] constexpr alu_result bit_test(operation op, std::uint64_t a, std::uint64_t offset, unsigned bits,
                                            std::uint64_t flags) {
  std::uint64_t const bit = std::uint64_t{1} << (offset & (bits - 1));
  std::uint64_t const kept = rflags::f_cf::with(flags, (a & bit) != 0);
  switch (op) {
    case operation::bts: return {a | bit, kept};
    case operation::btr: return {a & ~bit, kept};
    case operation::btc: return {a ^ bit, kept};
    default: return {a, kept};
  }
}

}  // namespace detail

/// `op` on `a`, its first operand, and `b`, in `size` bytes (1, 2, 4, 8; upper bytes of both do not count), with
/// `flags` in RFLAGS. NOT, NEG, INC and DEC have no `b`; of BT, BTS, BTR and BTC it is the bit's number, taken modulo
/// the size. XADD is ADD here, and CMPXCHG, CMPS and SCAS are CMP of what they compare. Operations that compute nothing
/// give `b`.
///
/// Of flags that the manual leaves undefined AF is cleared by AND, OR, XOR and TEST, and those of BT stay.
[[nodiscard]] constexpr alu_result alu(operation op, std::uint64_t a, std::uint64_t b, unsigned size,
                                       std::uint64_t flags) {
  using namespace rflags;
  unsigned const bits = 8 * size;
  a &= low_bits(bits);
  b &= low_bits(bits);
  bool const carry = f_cf::get(flags);
  auto const kept = [&](std::uint64_t mask) { return flags & ~(status & ~mask); };
  auto const whole = [&](alu_result r, std::uint64_t untouched = 0) {
    return alu_result{r.value, kept(untouched) | (r.rflags & ~untouched)};
  };
  auto const logical = [&](std::uint64_t value) { return whole({value, detail::result_flags(value, bits)}); };
  switch (op) {
    case operation::add:
    case operation::xadd: return whole(detail::add(a, b, false, bits));
    case operation::adc: return whole(detail::add(a, b, carry, bits));
    case operation::sub:
    case operation::cmp:
    case operation::cmpxchg:
    case operation::cmps:
    case operation::scas: return whole(detail::subtract(a, b, false, bits));
    case operation::sbb: return whole(detail::subtract(a, b, carry, bits));
    case operation::neg: return whole(detail::subtract(0, a, false, bits));
    case operation::inc: return whole(detail::add(a, 1, false, bits), f_cf::mask);
    case operation::dec: return whole(detail::subtract(a, 1, false, bits), f_cf::mask);
    case operation::bit_and:
    case operation::test: return logical(a & b);
    case operation::bit_or: return logical(a | b);
    case operation::bit_xor: return logical(a ^ b);
    case operation::bit_not: return {~a & low_bits(bits), flags};
    case operation::bt:
    case operation::bts:
    case operation::btr:
    case operation::btc: return detail::bit_test(op, a, b, bits, flags);
    default: return {b, flags};
  }
}

}  // namespace axhal::x86_64

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal {

/// Why a clock cannot be used.
enum class clock_error : std::uint8_t {
  no_frequency,  ///< the clock says that it does not tick: firmware has not set its frequency
};

namespace detail {

__extension__ using uint128 = unsigned __int128;

/// The upper 64 bits of a 64 by 64 bit product: one instruction on every 64-bit target.
[[nodiscard]] constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>((uint128{a} * b) >> 64);
}

/// `n / d` to 128 binary places, rounded up, for `n < d`. By shift and subtract, so that no image needs the compiler's
/// 128-bit division routine.
[[nodiscard]] constexpr uint128 binary_fraction(std::uint64_t n, std::uint64_t d) {
  uint128 quotient{};
  std::uint64_t rest = n;
  for (unsigned place = 0; place < 128; ++place) {
    bool const carry = (rest >> 63) != 0;
    rest <<= 1;
    quotient <<= 1;
    if (carry || rest >= d) {
      rest -= d;
      quotient |= 1;
    }
  }
  return quotient + (rest != 0 ? 1U : 0U);
}

}  // namespace detail

/// Multiplies 64-bit numbers by a fixed ratio, exactly and without dividing. Constant after construction.
///
/// Why it is exact: the ratio is kept as `whole + fraction / 2^128`, the fraction rounded up, so the product is too
/// large by less than `x / 2^128`. With a denominator d the true product misses the next integer by at least `1 / d`,
/// and `x * d < 2^128`: the rounding never reaches it.
class ratio {
 public:
  /// The ratio `numerator / denominator`. Precondition: `denominator` is above 0.
  constexpr ratio(std::uint64_t numerator, std::uint64_t denominator)
      : numerator_{numerator}, denominator_{denominator}, whole_{numerator / denominator} {
    detail::uint128 const fraction = detail::binary_fraction(numerator % denominator, denominator);
    high_ = static_cast<std::uint64_t>(fraction >> 64);
    low_ = static_cast<std::uint64_t>(fraction);
  }

  /// `x` times the ratio, rounded down; 2^64 - 1 when that does not fit.
  [[nodiscard]] constexpr std::uint64_t floor(std::uint64_t x) const {
    detail::uint128 const fractional = (detail::uint128{x} * high_ + detail::multiply_high(x, low_)) >> 64;
    detail::uint128 const product = detail::uint128{x} * whole_ + fractional;
    return (product >> 64) == 0 ? static_cast<std::uint64_t>(product) : UINT64_MAX;
  }

  /// `x` times the ratio, rounded up; 2^64 - 1 when that does not fit.
  [[nodiscard]] constexpr std::uint64_t ceil(std::uint64_t x) const {
    std::uint64_t const down = floor(x);
    // The remainder is below the denominator, so its low 64 bits are all of it.
    std::uint64_t const remainder = x * numerator_ - down * denominator_;
    return down == UINT64_MAX || remainder == 0 ? down : down + 1;
  }

 private:
  std::uint64_t numerator_;
  std::uint64_t denominator_;
  std::uint64_t whole_;
  std::uint64_t high_{};
  std::uint64_t low_{};
};

/// Converts between a clock's ticks and nanoseconds, for any frequency from 1 Hz to 2^64 - 1 Hz.
///
/// Exact: results are the true quotient rounded as the name says, for every 64-bit input; nothing drifts over a hundred
/// years, or ever. What does not fit saturates at 2^64 - 1 (584 years in nanoseconds). A conversion costs a handful of
/// multiplications and no division.
///
/// Laws, for every clock and value that does not saturate:
///   1. `to_ticks(to_nanoseconds(t)) <= t`; up to 1 GHz `to_ticks_at_least(to_nanoseconds(t)) == t`
///   2. both directions never decrease when their input grows
///   3. a whole second is `frequency` ticks, and back
class clock_scale {
 public:
  /// The scale of a clock that ticks `frequency` times a second; `no_frequency` for 0.
  [[nodiscard]] static constexpr result<clock_scale, clock_error> of(hertz frequency) {
    if (frequency.value == 0) return failure{clock_error::no_frequency};
    return clock_scale{frequency};
  }

  [[nodiscard]] constexpr hertz frequency() const { return frequency_; }
  /// The time that `t` ticks take, rounded down: never later than the clock shows.
  [[nodiscard]] constexpr nanoseconds to_nanoseconds(ticks t) const { return {to_nanoseconds_.floor(t.value)}; }
  /// The whole ticks that fit into `n`, rounded down: what a clock has counted after `n`.
  [[nodiscard]] constexpr ticks to_ticks(nanoseconds n) const { return {to_ticks_.floor(n.value)}; }
  /// The ticks that last at least `n`, rounded up: a deadline made with it is never early.
  [[nodiscard]] constexpr ticks to_ticks_at_least(nanoseconds n) const { return {to_ticks_.ceil(n.value)}; }

 private:
  static constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;

  constexpr explicit clock_scale(hertz f)
      : to_nanoseconds_{nanoseconds_per_second, f.value}, to_ticks_{f.value, nanoseconds_per_second}, frequency_{f} {}

  ratio to_nanoseconds_;
  ratio to_ticks_;
  hertz frequency_;
};

}  // namespace axhal

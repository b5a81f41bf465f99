// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Ticks per second as a fraction, `ticks / seconds`, for counters whose rate is no whole number. Both are above 0.
struct tick_rate {
  std::uint64_t ticks{1};
  std::uint64_t seconds{1};
  friend constexpr bool operator==(tick_rate, tick_rate) = default;
};

/// A counter that runs at a known rate, by which another one is measured. `now()` counts up and begins again at 0 after
/// `width()` bits (8 to 64).
template <typename R>
concept ReferenceCounter = requires(R& r) {
  { r.now() } -> std::same_as<std::uint64_t>;
  { r.width() } -> std::same_as<unsigned>;
  { r.rate() } -> std::same_as<tick_rate>;
};

/// Why a counter could not be measured.
enum class calibration_error : std::uint8_t {
  stopped,   ///< the reference does not count
  unsteady,  ///< the rounds do not agree, or the measured counter does not count
};

/// How long and how often a counter is measured. A round is at least `round_ticks` of the reference and lasts at least
/// `round_length`, but never more than half of what the reference counts before it begins again.
struct calibration_plan {
  unsigned rounds{5};                 ///< 1 to `max_rounds`; others are cut to that
  std::uint64_t round_ticks{10'000};  ///< one tick of doubt at each end: 200 millionths
  nanoseconds round_length{1'000'000};
  std::uint64_t tolerance{1'000};  ///< rounds agree when they differ by no more than one part in so many; above 0

  static constexpr unsigned max_rounds = 15;
};

namespace detail {

/// Two counters read at the same moment, give or take `doubt` ticks of the measured one.
struct counter_pair {
  std::uint64_t measured{};
  std::uint64_t reference{};
  std::uint64_t doubt{};
};

template <typename M, ReferenceCounter R>
[[nodiscard]] constexpr counter_pair read_pair(M& measured, R& reference) {
  // Something may come in between; of several attempts it does not spoil each.
  constexpr unsigned attempts = 4;
  counter_pair best{};
  for (unsigned i = 0; i < attempts; ++i) {
    std::uint64_t const before = measured();
    std::uint64_t const now = reference.now();
    std::uint64_t const doubt = measured() - before;
    if (i == 0 || doubt < best.doubt) best = {before + doubt / 2, now, doubt};
  }
  return best;
}

/// Returns when the reference has gone on by `wanted` ticks since `from`; false when it does not go on.
template <ReferenceCounter R>
[[nodiscard]] constexpr bool pass_ticks(R& reference, std::uint64_t from, std::uint64_t wanted, std::uint64_t mask) {
  constexpr std::uint32_t most_without_change = 1U << 18;
  constexpr std::uint32_t most = 1U << 26;
  std::uint64_t last = from;
  std::uint32_t unchanged = 0;
  for (std::uint32_t i = 0; i < most; ++i) {
    std::uint64_t const now = reference.now();
    if (((now - from) & mask) >= wanted) return true;
    unchanged = now == last ? unchanged + 1 : 0;
    if (unchanged > most_without_change) return false;
    last = now;
  }
  return false;
}

}  // namespace detail

/// Measures how often `measured()`, a counter of 64 bits, ticks in a second of `reference`.
///
/// Robust against interruptions: one between two readings that belong together shows in their distance, and such a pair
/// is read again; a reference that began anew without being seen gives one round that no other agrees with. The result
/// is the middle one of all rounds, and more than half of them agree with it as `plan.tolerance` says.
template <std::invocable M, ReferenceCounter R>
[[nodiscard]] constexpr result<hertz, calibration_error> calibrate(M&& measured, R& reference,
                                                                   calibration_plan plan = {}) {
  std::uint64_t const mask = low_bits(reference.width());
  tick_rate const rate = reference.rate();
  std::uint64_t const by_time = ratio{rate.ticks, rate.seconds}.ceil(plan.round_length.value) / 1'000'000'000 + 1;
  std::uint64_t wanted = by_time > plan.round_ticks ? by_time : plan.round_ticks;
  if (wanted > mask / 2) wanted = mask / 2;

  unsigned const rounds =
      plan.rounds == 0 ? 1 : (plan.rounds < plan.max_rounds ? plan.rounds : calibration_plan::max_rounds);
  std::uint64_t found[calibration_plan::max_rounds]{};
  for (unsigned round = 0; round < rounds; ++round) {
    detail::counter_pair const begin = detail::read_pair(measured, reference);
    if (!detail::pass_ticks(reference, begin.reference, wanted, mask)) return failure{calibration_error::stopped};
    detail::counter_pair const end = detail::read_pair(measured, reference);
    std::uint64_t const passed = (end.reference - begin.reference) & mask;
    // A round of so many hours that this does not fit is no round.
    bool const fits = passed != 0 && passed <= UINT64_MAX / rate.seconds;
    std::uint64_t const frequency =
        fits ? ratio{rate.ticks, rate.seconds * passed}.floor(end.measured - begin.measured) : 0;
    // Kept in order, by insertion.
    unsigned place = round;
    for (; place > 0 && found[place - 1] > frequency; --place) found[place] = found[place - 1];
    found[place] = frequency;
  }
  std::uint64_t const middle = found[rounds / 2];
  std::uint64_t const tolerance = middle / (plan.tolerance == 0 ? 1 : plan.tolerance);
  unsigned agreeing = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    std::uint64_t const distance = found[i] > middle ? found[i] - middle : middle - found[i];
    agreeing += distance <= tolerance ? 1U : 0U;
  }
  if (middle == 0 || agreeing * 2 <= rounds) return failure{calibration_error::unsteady};
  return hertz{middle};
}

}  // namespace axhal

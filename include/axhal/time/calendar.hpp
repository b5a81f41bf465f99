// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal {

/// A day of the Gregorian calendar, which is thought on into the years before it was made.
struct calendar_date {
  std::uint32_t year{1970};
  std::uint32_t month{1};  ///< 1..12
  std::uint32_t day{1};    ///< 1..31

  friend constexpr bool operator==(calendar_date, calendar_date) = default;
};

/// The number of 1970-01-01 among days: days are counted from March 1st, 400 years before the year 0.
inline constexpr std::uint64_t day_of_1970 = 865'565;

/// The number of a day. Total for years up to a million and months 1..12; a day past its month's end is one of the
/// next.
///
/// Law: `date_of(day_number(d)) == d` for every day that there is, and the number of the next day is one more.
[[nodiscard]] constexpr std::uint64_t day_number(calendar_date date) {
  // A year that begins in March has its leap day at the end, and its months' lengths make a straight line.
  bool const early = date.month <= 2;
  std::uint64_t const year = std::uint64_t{date.year} + 400 - (early ? 1 : 0);
  std::uint64_t const month = date.month + (early ? 9 : 0) - (early ? 0 : 3);
  return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + date.day - 1;
}

/// The day with this number, from 146097 (March 1st of the year 0) on to a million years after.
[[nodiscard]] constexpr calendar_date date_of(std::uint64_t number) {
  constexpr std::uint64_t days_of_400_years = 146'097;
  constexpr std::uint64_t days_of_century = 36'524;    // one that is no multiple of 400
  constexpr std::uint64_t days_of_four_years = 1'460;  // without their leap day
  std::uint64_t const cycle = number / days_of_400_years;
  std::uint64_t const day = number % days_of_400_years;
  // Without the leap days before it, the day's year is a division.
  std::uint64_t const leap_days = day / days_of_four_years - day / days_of_century + day / (days_of_400_years - 1);
  std::uint64_t const year = (day - leap_days) / 365;
  std::uint64_t const day_of_year = day - (year * 365 + year / 4 - year / 100);
  std::uint64_t const month = (day_of_year * 5 + 2) / 153;
  bool const early = month >= 10;
  return {static_cast<std::uint32_t>(cycle * 400 + year + (early ? 1 : 0) - 400),
          static_cast<std::uint32_t>(early ? month - 9 : month + 3),
          static_cast<std::uint32_t>(day_of_year - (month * 153 + 2) / 5 + 1)};
}

/// The day of the week, 0..6 from Sunday.
[[nodiscard]] constexpr std::uint32_t weekday(std::uint64_t number) {
  return static_cast<std::uint32_t>((number + 3) % 7);
}

}  // namespace axhal

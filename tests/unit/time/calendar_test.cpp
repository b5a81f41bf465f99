// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/calendar.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;

TEST_CASE("days that are known", "[time][calendar]") {
  STATIC_REQUIRE(day_number({1970, 1, 1}) == day_of_1970);
  STATIC_REQUIRE(day_number({2000, 1, 1}) == day_of_1970 + 10'957);
  STATIC_REQUIRE(day_number({2000, 2, 29}) == day_of_1970 + 11'016);
  STATIC_REQUIRE(day_number({2000, 3, 1}) == day_of_1970 + 11'017);
  STATIC_REQUIRE(day_number({2038, 1, 19}) == day_of_1970 + 24'855);  // 2^31 seconds
  STATIC_REQUIRE(day_number({1900, 3, 1}) == day_of_1970 - 25'508);
  STATIC_REQUIRE(date_of(day_of_1970) == calendar_date{1970, 1, 1});
  STATIC_REQUIRE(date_of(day_of_1970 + 11'016) == calendar_date{2000, 2, 29});
  STATIC_REQUIRE(weekday(day_of_1970) == 4);                              // a Thursday
  STATIC_REQUIRE(weekday(day_number({2000, 1, 1})) == 6);                 // a Saturday
  STATIC_REQUIRE(day_number({2023, 2, 30}) == day_number({2023, 3, 2}));  // past its month's end
}

// Day by day with the rule of leap years, over more than the 400 years after which all repeats.
TEST_CASE("law: every day follows the one before, and numbers and dates say the same", "[time][calendar]") {
  calendar_date date{0, 3, 1};
  std::uint64_t number = 146'097;
  for (; date.year < 2500; ++number) {
    if (day_number(date) != number || date_of(number) != date) FAIL(date.year << "-" << date.month << "-" << date.day);
    bool const leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;
    bool const is_short = date.month == 4 || date.month == 6 || date.month == 9 || date.month == 11;
    std::uint32_t const days = date.month == 2 ? (leap ? 29 : 28) : is_short ? 30 : 31;
    if (++date.day > days) {
      date.day = 1;
      if (++date.month > 12) {
        date.month = 1;
        ++date.year;
      }
    }
  }
  CHECK(number > 146'097 + 900'000);
}

}  // namespace

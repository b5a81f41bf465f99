// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/time/calendar.hpp>

#include <cstdint>

namespace axhal::vdev {

/// The time and alarm registers of an MC146818A (data sheet, "Address Map"): bytes in the format that register B asks
/// for, which go on by seconds. Total: whatever the bytes are, they make some time.
struct mc146818_time {
  using f_24_12 = bit_field<bool, 1, 1, std::uint8_t>;  ///< hours are 0..23, else 1..12 with a bit for the afternoon
  using f_dm = bit_field<bool, 2, 2, std::uint8_t>;     ///< binary, else BCD

  enum place : std::uint8_t {
    seconds = 0x00,
    seconds_alarm = 0x01,
    minutes = 0x02,
    minutes_alarm = 0x03,
    hours = 0x04,
    hours_alarm = 0x05,
    day_of_week = 0x06,  ///< 1..7 from Sunday
    day_of_month = 0x07,
    month = 0x08,
    year = 0x09,
    century = 0x32,
  };
  static constexpr std::uint32_t no_alarm = UINT32_MAX;

  std::uint8_t bytes[128]{};  ///< of which the four registers A to D are not used
  std::uint8_t b{0x02};       ///< register B

  /// Shows the time `since_1970`, in seconds.
  constexpr void show(std::uint64_t since_1970) {
    std::uint64_t const day = day_of_1970 + since_1970 / per_day;
    show_clock(static_cast<std::uint32_t>(since_1970 % per_day));
    show_date(date_of(day));
    bytes[day_of_week] = static_cast<std::uint8_t>(weekday(day) + 1);
  }
  /// The time that is shown, in seconds since 1970; 0 for what is before. For those who read a clock.
  [[nodiscard]] constexpr std::uint64_t since_1970() const {
    std::uint64_t const day = day_number(date());
    return day < day_of_1970 ? 0 : (day - day_of_1970) * per_day + clock();
  }
  /// Goes on by `more` seconds, at least one. True when the alarm's time was among them.
  constexpr bool advance(std::uint64_t more) {
    std::uint32_t const left = until_alarm();
    std::uint64_t const passed = clock() + more;
    std::uint64_t const days = passed / per_day;
    show_clock(static_cast<std::uint32_t>(passed % per_day));
    if (days != 0) {
      show_date(date_of(day_number(date()) + days));
      std::uint8_t const was = bytes[day_of_week];
      if (was >= 1 && was <= 7) bytes[day_of_week] = static_cast<std::uint8_t>((was - 1 + days) % 7 + 1);
    }
    return left != no_alarm && left <= more;
  }
  /// Seconds until the alarm's time, from 1 to a day; `no_alarm` when no time matches what stands there.
  [[nodiscard]] constexpr std::uint32_t until_alarm() const {
    if (!can_match(seconds_alarm, 60) || !can_match(minutes_alarm, 60) || !can_match_hour()) return no_alarm;
    auto const from = static_cast<std::uint32_t>((clock() + 1) % per_day);
    // Each part that does not match sets the smaller ones to zero: hardly more steps than a day has hours and an hour
    // has minutes.
    std::uint32_t m = from / 60 % 60;
    std::uint32_t s = from % 60;
    for (std::uint32_t h = 0; h <= 24; ++h, m = 0, s = 0) {
      if (!matches(hours_alarm, hour_byte((from / 3600 + h) % 24))) continue;
      for (; m < 60; ++m, s = 0) {
        if (!matches(minutes_alarm, encode(m))) continue;
        for (; s < 60; ++s) {
          if (matches(seconds_alarm, encode(s))) return h * 3600 + m * 60 + s - from % 3600 + 1;
        }
      }
    }
    return no_alarm;
  }

 private:
  static constexpr std::uint64_t per_day = 86'400;

  [[nodiscard]] constexpr std::uint8_t encode(std::uint32_t value) const {
    return static_cast<std::uint8_t>(f_dm::get(b) ? value : value / 10 << 4 | value % 10);
  }
  /// What digits say, up to 255.
  [[nodiscard]] constexpr std::uint32_t decode(std::uint32_t byte) const {
    return f_dm::get(b) ? byte : (byte >> 4) * 10 + (byte & 15);
  }
  [[nodiscard]] constexpr std::uint8_t hour_byte(std::uint32_t hour) const {
    if (f_24_12::get(b)) return encode(hour);
    std::uint32_t const twelve = hour % 12 == 0 ? 12 : hour % 12;
    return static_cast<std::uint8_t>(encode(twelve) | (hour >= 12 ? 0x80U : 0U));
  }
  /// Seconds since midnight, or some days more where the bytes are no time.
  [[nodiscard]] constexpr std::uint64_t clock() const {
    std::uint32_t const byte = bytes[hours];
    std::uint32_t hour = decode(byte);
    if (!f_24_12::get(b)) hour = decode(byte & 0x7f) % 12 + (byte >= 0x80 ? 12 : 0);
    return std::uint64_t{hour} * 3600 + decode(bytes[minutes]) * 60 + decode(bytes[seconds]);
  }
  [[nodiscard]] constexpr calendar_date date() const {
    std::uint32_t const m = decode(bytes[month]);
    std::uint32_t const d = decode(bytes[day_of_month]);
    return {decode(bytes[century]) * 100 + decode(bytes[year]), m < 1 ? 1 : m > 12 ? 12 : m, d < 1 ? 1 : d};
  }
  constexpr void show_clock(std::uint32_t since_midnight) {
    bytes[seconds] = encode(since_midnight % 60);
    bytes[minutes] = encode(since_midnight / 60 % 60);
    bytes[hours] = hour_byte(since_midnight / 3600);
  }
  constexpr void show_date(calendar_date date) {
    bytes[day_of_month] = encode(date.day);
    bytes[month] = encode(date.month);
    bytes[year] = encode(date.year % 100);
    bytes[century] = encode(date.year / 100 % 100);
  }

  // An alarm byte with both upper bits set matches everything.
  [[nodiscard]] constexpr bool is_any(place alarm) const { return bytes[alarm] >= 0xc0; }
  [[nodiscard]] constexpr bool matches(place alarm, std::uint8_t byte) const {
    return is_any(alarm) || bytes[alarm] == byte;
  }
  [[nodiscard]] constexpr bool can_match(place alarm, std::uint32_t limit) const {
    std::uint32_t const value = decode(bytes[alarm]);
    return is_any(alarm) || (value < limit && encode(value) == bytes[alarm]);
  }
  [[nodiscard]] constexpr bool can_match_hour() const {
    for (std::uint32_t hour = 0; hour < 24; ++hour) {
      if (matches(hours_alarm, hour_byte(hour))) return true;
    }
    return false;
  }
};

}  // namespace axhal::vdev
